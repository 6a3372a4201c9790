package cost

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/model/llamacpp"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
)

// Model is what a config describes: shapes, and no weights. It does not change: any goroutine may use it.
type Model struct {
	Family string // model_type

	// Parameters is the number of values in the checkpoint: weights, biases and stored buffers, such as the
	// biases of DeepSeek's routers. A table that is tied to another counts once.
	Parameters int64

	// Active is the number of parameters that one token uses: all of them without the experts that it does not
	// go through. Both vocabulary tables count in full, although a token reads one row of the first.
	Active int64

	// Input is the number of parameters of the table of word embeddings, or 0 if the head is the same table.
	// Some publishers count Active − Input as active: see [Model.ActiveWithoutInput].
	Input int64

	// Experts is the number of parameters in experts that only some tokens go through.
	Experts int64

	// Stored is the number of bytes that the weights take in the GGUF file that the model was opened from, or 0.
	Stored int64

	tensors  checkpoint.Source
	matrices int64 // elements of matrices and tables, experts included

	encoder *arch.Encoder
	decoder *arch.Decoder
	source  int // tokens that a decoder with an encoder attends to
	caches  []attention.CacheLayer
	cross   []attention.CacheLayer
}

// ActiveWithoutInput returns Active without the table of word embeddings, unless that is the head, too.
func (m *Model) ActiveWithoutInput() int64 { return m.Active - m.Input }

// Tensors yields the name and the shape of each tensor that the model reads from a checkpoint. Do not change
// the shapes.
func (m *Model) Tensors() iter.Seq2[string, []int] {
	return func(yield func(string, []int) bool) {
		for name := range m.tensors.Names() {
			if info, _ := m.tensors.Lookup(name); !yield(name, info.Shape) {
				return
			}
		}
	}
}

// Open reads config.json in a folder as Hugging Face publishes it. Nothing else need be there. Or it reads what a GGUF file in
// the folder says, which is taken as [model.FindGGUF] does; the weights are not read. See [New].
func Open(fsys fs.FS, opt model.Options) (*Model, error) {
	name, err := model.FindGGUF(fsys, opt)
	if err != nil {
		return nil, err
	}
	if name != "" && (opt.GGUF != "" || !sidefile.Exists(fsys, "config.json")) {
		return openGGUF(fsys, name, opt)
	}
	data, err := sidefile.Read(fsys, "config.json", sidefile.MaxConfig)
	if err != nil {
		return nil, fmt.Errorf("cost: %w", err)
	}
	return New(data, opt)
}

// openGGUF reads the description of a GGUF file.
func openGGUF(fsys fs.FS, name string, opt model.Options) (*Model, error) {
	file, err := gguf.Open(fsys, name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	described, err := llamacpp.Open(file.Metadata(), file)
	if err != nil {
		return nil, fmt.Errorf("cost: %s: %w", name, err)
	}
	m, err := New(described.Config, opt)
	if err != nil {
		return nil, fmt.Errorf("cost: %s: %w", name, err)
	}
	for tensor := range file.Names() {
		info, _ := file.Lookup(tensor)
		m.Stored += info.Size
	}
	return m, nil
}

// New returns the model that the contents of a config.json describe. The recipe of its family assembles it from
// shapes without weights, so a model of any size takes milliseconds; opt.Families may have further recipes.
// Matrices are bfloat16, unless opt.Convert says otherwise; what the config says about quantisation does not
// count. Of a model with pictures it is the text model.
//
// It returns the errors that opening the checkpoint would return, and an error for a model beyond 3·10¹³
// parameters.
func New(configJSON []byte, opt model.Options) (*Model, error) {
	c, err := hf.ParseConfig("config.json", configJSON)
	if err != nil {
		return nil, err
	}
	if c.Has("quantization_config") {
		if configJSON, err = without(configJSON, "quantization_config"); err != nil {
			return nil, err
		}
	}
	src := checkpoint.NewShapes(checkpoint.BF16)
	m := &Model{Family: c.ModelType(), source: defaultSource, tensors: src}
	if err := m.build(c, configJSON, src, opt); err != nil {
		return nil, err
	}
	if err := m.plan(); err != nil {
		return nil, err
	}
	m.count(src)
	return m, nil
}

// defaultSource is the length of a source for which an encoder–decoder is counted if nothing is said.
const defaultSource = 512

// WithSource returns a copy of an encoder–decoder that writes after a source of so many tokens; otherwise it is
// 512. It makes no difference to other models.
func (m *Model) WithSource(tokens int) *Model {
	n := *m
	n.source = max(0, tokens)
	return &n
}

// without returns a JSON object without a key.
func without(object []byte, key string) ([]byte, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(sidefile.JSON(object), &keys); err != nil {
		return nil, fmt.Errorf("cost: config.json: %w", err)
	}
	delete(keys, key)
	return json.Marshal(keys)
}

// build assembles the model as the class that the config names, or else as the first kind that the family has.
func (m *Model) build(c *hf.Config, configJSON []byte, src checkpoint.Source, opt model.Options) error {
	r, _ := opt.Recipe(m.Family)
	class := c.Architecture()
	causal := strings.HasSuffix(class, "ForCausalLM") || strings.HasSuffix(class, "LMHeadModel") ||
		strings.HasSuffix(class, "ForConditionalGeneration") || class == "" && r.Decoder != nil
	switch {
	case r.EncoderDecoder != nil && !strings.HasSuffix(class, "EncoderModel"):
		e, err := model.NewEncoderDecoder(configJSON, src, opt)
		if err != nil {
			return err
		}
		m.encoder, m.decoder = e.Encoder.Encoder, e.Decoder.Decoder
	case r.Decoder != nil && causal, r.Decoder == nil && r.Encoder == nil:
		d, err := model.NewDecoder(configJSON, src, opt)
		if err != nil {
			return err
		}
		m.decoder = d.Decoder
	default:
		e, err := model.NewEncoder(configJSON, src, opt)
		if err != nil {
			return err
		}
		m.encoder = e.Encoder
	}
	return nil
}

// plan checks the model and finds its caches.
func (m *Model) plan() error {
	if m.encoder != nil {
		if _, err := m.encoder.Plan(); err != nil {
			return err
		}
	}
	if m.decoder != nil {
		plan, err := m.decoder.Trunk.Plan()
		if err != nil {
			return err
		}
		m.caches, m.cross = plan.Caches(), plan.Cross()
	}
	return nil
}

// count adds up parameters.
func (m *Model) count(src *checkpoint.Shapes) {
	m.Parameters = src.Elements()
	for name := range src.Names() {
		if info, _ := src.Lookup(name); len(info.Shape) > 1 && !strings.HasSuffix(name, "bias") {
			m.matrices += info.Size / 2
		}
	}
	idle := int64(0)
	for _, mix := range m.once().Mixtures {
		m.Experts += expertParameters(mix.Experts)
		idle += expertParameters(mix.Experts[min(mix.Active, len(mix.Experts)):])
	}
	m.Active = m.Parameters - idle
	if t := m.trunk(); !slices.ContainsFunc(m.once().Products, func(p attention.Product) bool { return p.Weight == t.Embeddings.Words.Weight }) {
		m.Input = elements(t.Embeddings.Words.Weight)
	}
}

func elements(w *tensor.Weight) int64 { return int64(w.Out) * int64(w.In) }

func expertParameters(experts []tensor.Expert) int64 {
	n := int64(0)
	for _, e := range experts {
		for _, w := range []*tensor.Weight{e.Gate, e.Up, e.Down} {
			if w != nil {
				n += elements(w)
			}
		}
		n += int64(len(e.GateBias) + len(e.UpBias) + len(e.DownBias))
	}
	return n
}

// trunk returns the part that reads a prompt.
func (m *Model) trunk() *arch.Trunk {
	if m.encoder != nil {
		return m.encoder.Trunk
	}
	return m.decoder.Trunk
}

// once returns what one token goes through, in every part of the model.
func (m *Model) once() attention.Work {
	var w attention.Work
	if m.encoder != nil {
		w.Add(m.encoder.Work(1))
	}
	if m.decoder != nil {
		w.Add(m.decoder.Work(attention.Span{Rows: 1, Out: 1, Source: 1}))
	}
	return w
}

// trunks returns the parts of the model.
func (m *Model) trunks() []*arch.Trunk {
	var all []*arch.Trunk
	if m.encoder != nil {
		all = append(all, m.encoder.Trunk)
	}
	if m.decoder != nil {
		all = append(all, m.decoder.Trunk)
	}
	return all
}

package cost_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/cost"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/family"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

func preset(t testing.TB, name string) *cost.Model {
	t.Helper()
	p, err := cost.Preset(name)
	if err != nil {
		t.Fatal(err)
	}
	m, err := p.Model()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A prompt costs what its tokens cost one after the other, but for the logits, of every golden decoder: windows,
// chunks, shared caches and experts.
func TestPromptIsItsTokens(t *testing.T) {
	eachGolden(t, func(t *testing.T, name string, g golden) {
		m, err := cost.New(g.Config, model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if m.Cache(1, cost.F32).Latent > 0 {
			t.Skip("a prompt takes another form than a token")
		}
		if m.Token(0).Total() == 0 || strings.HasPrefix(name, "seq2seq") {
			t.Skip("not a decoder")
		}
		const n = 200
		var sum cost.Operations
		for pos := range n {
			sum = sum.Plus(m.Token(pos))
		}
		all := m.Prompt(n)
		if all.Products != sum.Products || all.Experts != sum.Experts || all.Attention != sum.Attention || n*all.Head != sum.Head {
			t.Errorf("a prompt of %d is %+v, its tokens %+v", n, all, sum)
		}
	})
}

// Figures that can be written down.
func TestFormulas(t *testing.T) {
	m := preset(t, "llama-2-7b")
	o := m.Token(1000)
	if want := 2 * float64(32*(4*4096*4096+3*4096*11008)); o.Products != want {
		t.Errorf("products %v, want %v", o.Products, want)
	}
	if want := 2 * 32000 * 4096.0; o.Head != want {
		t.Errorf("head %v, want %v", o.Head, want)
	}
	if want := 4.0 * 32 * 4096 * 1001; o.Attention != want {
		t.Errorf("attention %v, want %v", o.Attention, want)
	}
	if got := m.Cache(1000, cost.F16); got.Full != 1000*2*32*4096*2 || got.Total() != got.Full {
		t.Errorf("cache %+v", got)
	}
	if got := m.Weights(cost.BF16); got != 2*m.Parameters {
		t.Errorf("weights %d", got)
	}
	mistral := preset(t, "mistral-7b")
	if got := mistral.Cache(1<<20, cost.F16); got.Window != 4096*2*32*1024*2 || got.Full != 0 {
		t.Errorf("with a window: cache %+v", got)
	}
	if got, want := mistral.Prompt(1<<20).Attention, 4.0*32*4096*(4096.0*4097/2+((1<<20)-4096)*4096.0); got != want {
		t.Errorf("with a window: attention %v, want %v", got, want)
	}
	mixtral := preset(t, "mixtral-8x7b")
	if got, want := mixtral.Token(0).Experts, 2*2*32*3*4096*14336.0; got != want {
		t.Errorf("experts %v, want %v", got, want)
	}
	if got, want := mixtral.Token(0).Products, 2*32*float64(2*4096*4096+2*4096*1024+8*4096); got != want {
		t.Errorf("attention and routers %v, want %v", got, want)
	}
	t5 := preset(t, "t5-base").WithSource(100)
	if got := t5.Cache(10, cost.F32); got.Cross != 100*12*2*768*4 || got.Full != 10*12*2*768*4 {
		t.Errorf("with a source: cache %+v", got)
	}
	bert := preset(t, "bert-base")
	if o := bert.Prompt(512); o.Attention != 4*12*768*512*512 || bert.Token(0) != (cost.Operations{}) || bert.Cache(9, cost.F32).Total() != 0 {
		t.Errorf("an encoder: %+v, %+v", o, bert.Token(0))
	}
	if got := preset(t, "t5-base").Token(7); got.Attention != 4*12*768*(8+512) {
		t.Errorf("a token of a target attends for %v", got.Attention)
	}
}

func TestFormats(t *testing.T) {
	for _, c := range []struct {
		f    cost.Format
		n    int64
		want int64
	}{{cost.F32, 3, 12}, {cost.MXFP4, 64, 34}, {cost.MXFP4, 33, 18}, {cost.Q8_0, 32, 34}, {cost.FP8, 128 * 128, 16388}, {cost.BF16, 0, 0}} {
		if got := c.f.Of(c.n); got != c.want {
			t.Errorf("%d elements of %s take %d bytes, want %d", c.n, c.f.Name, got, c.want)
		}
	}
}

// Memory is that of the weights of a model that is really opened.
func TestMemory(t *testing.T) {
	const config = `{"model_type": %q, "architectures": [%q], "vocab_size": 103, "hidden_size": 48, "intermediate_size": 70, "num_hidden_layers": 2,
		"num_attention_heads": 4, "max_position_embeddings": 64}`
	for _, dt := range []tensor.DType{tensor.F32, tensor.BF16} {
		opt := model.Options{Convert: nn.As(dt)}
		text := fmt.Appendf(nil, config, "llama", "LlamaForCausalLM")
		m, err := cost.New(text, opt)
		if err != nil {
			t.Fatal(err)
		}
		d, err := model.NewDecoder(text, checkpoint.Zeros(tensor.BF16), opt)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := m.Memory(), d.Embeddings.Words.Weight.Bytes()+d.Head.Weight.Bytes()+4*5*48+2*layerBytes(dt); got != want {
			t.Errorf("a decoder in %v: %d bytes, want %d", dt, got, want)
		}
		text = fmt.Appendf(nil, config, "bert", "BertForMaskedLM")
		if m, err = cost.New(text, opt); err != nil {
			t.Fatal(err)
		}
		e, err := model.NewEncoder(text, checkpoint.Zeros(tensor.BF16), opt)
		if err != nil {
			t.Fatal(err)
		}
		words, head := e.Embeddings.Words.Weight, e.Tokens.Out.Weight
		if words == head {
			t.Fatal("the head of BERT is the table itself; it used to be a copy for products")
		}
		least := words.Bytes() + head.Bytes()
		if got := m.Memory(); got < least+2*layerBytes(dt)/2 || got > least+4*layerBytes(dt) {
			t.Errorf("an encoder in %v: %d bytes; its tables alone take %d", dt, got, least)
		}
	}
}

// layerBytes returns the packed bytes of a layer of TestMemory's LLaMA.
func layerBytes(dt tensor.DType) int64 {
	n := int64(0)
	for _, shape := range [][2]int{{3 * 48, 48}, {48, 48}, {140, 48}, {48, 70}} {
		n += tensor.NewWeight(dt, shape[0], shape[1]).Bytes()
	}
	return n
}

func TestOpen(t *testing.T) {
	p, err := cost.Preset("gpt2")
	if err != nil {
		t.Fatal(err)
	}
	m, err := cost.Open(fstest.MapFS{"config.json": {Data: p.Config}}, model.Options{})
	if err != nil || m.Parameters != 124439808 {
		t.Errorf("%v, %v", m, err)
	}
	if _, err := cost.Open(fstest.MapFS{}, model.Options{}); err == nil {
		t.Error("a folder without config.json opens")
	}
	if _, err := cost.Preset("gpt-9"); err == nil || !strings.Contains(err.Error(), "gpt-oss-20b") {
		t.Errorf("an unknown preset: %v", err)
	}
}

// hostile configs give errors.
var hostile = map[string]string{
	"not JSON":     `[`,
	"no type":      `{}`,
	"unknown":      `{"model_type": "frobnicate"}`,
	"layers":       `{"model_type": "llama", "num_hidden_layers": 1000000000}`,
	"wide":         `{"model_type": "llama", "hidden_size": 1048576, "intermediate_size": 1048576, "num_hidden_layers": 4096, "vocab_size": 67108864}`,
	"experts":      `{"model_type": "mixtral", "num_local_experts": 65536, "num_hidden_layers": 4096}`,
	"more active":  `{"model_type": "mixtral", "num_experts_per_tok": 9}`,
	"heads":        `{"model_type": "llama", "num_attention_heads": 3, "num_key_value_heads": 2}`,
	"wide encoder": `{"model_type": "deberta-v2", "hidden_size": 1048576, "num_attention_heads": 4096, "relative_attention": true, "pos_att_type": ["c2p", "p2c"], "max_relative_positions": 1048576, "intermediate_size": 1048576, "num_hidden_layers": 4096}`,
	"buckets":      `{"model_type": "t5", "relative_attention_num_buckets": 1048576, "relative_attention_max_distance": 1048576, "num_heads": 4096, "num_layers": 4096, "d_model": 1048576, "d_ff": 1048576}`,
	"negative":     `{"model_type": "llama", "hidden_size": -4096}`,
}

func TestHostile(t *testing.T) {
	for name, config := range hostile {
		t.Run(name, func(t *testing.T) {
			if m, err := cost.New([]byte(config), model.Options{}); err == nil {
				t.Errorf("no error, but %d parameters", m.Parameters)
			}
		})
	}
}

func FuzzNew(f *testing.F) {
	for _, name := range cost.Presets() {
		p, err := cost.Preset(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(p.Config))
	}
	for _, config := range hostile {
		f.Add([]byte(config))
	}
	f.Fuzz(func(t *testing.T, config []byte) {
		m, err := cost.New(config, model.Options{})
		if err != nil {
			return
		}
		if m.Active < 0 || m.Active > m.Parameters || m.ActiveWithoutInput() > m.Active || m.Experts > m.Parameters {
			t.Errorf("%d parameters, %d active", m.Parameters, m.Active)
		}
		for _, n := range []int{0, 1, 1 << 24} {
			if m.Prompt(n).Total() < 0 || m.Token(n).Total() < 0 || m.Cache(n, cost.F16).Total() < 0 || m.Memory() < 0 || m.Read() < 0 || m.Weights(cost.MXFP4) < 0 {
				t.Errorf("%d tokens cost less than nothing", n)
			}
		}
	})
}

// scaled is an Op from outside: it says nothing of its work.
type scaled struct{ W *tensor.Weight }

func (s *scaled) Forward(_ *attention.Pass, dst, x tensor.Tensor) { tensor.MatMul(dst, x, s.W) }

// A family from outside counts like the library's own.
func TestStranger(t *testing.T) {
	recipe := family.Recipe{Title: "stranger", Decoder: func(c *hf.Config, w nn.Loader) *arch.Decoder {
		cfg := family.LlamaDefaults()
		c.Read(&cfg)
		m := family.NewLlama(c, cfg)
		m.RotateAll()
		return m.Decoder(w, func(i int, l nn.Loader) block.Block {
			return m.PreNorm(l, m.Attention(i, l), &scaled{l.Linear("scaled", m.HiddenSize, m.HiddenSize, false).Weight})
		})
	}}
	m, err := cost.New([]byte(`{"model_type": "stranger", "hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 3, "vocab_size": 10}`),
		model.Options{Families: map[string]family.Recipe{"stranger": recipe}})
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(2*10*64 + 64 + 3*(2*64+5*64*64)); m.Parameters != want {
		t.Errorf("%d parameters, want %d", m.Parameters, want)
	}
	if got, want := m.Token(0).Products, 2.0*3*5*64*64; got != want {
		t.Errorf("%v operations, want %v", got, want)
	}
}

// Caches take what a session takes for a whole page, in every type: keys of 80 end in a shorter block.
func TestCacheBytes(t *testing.T) {
	config := []byte(`{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 10, "hidden_size": 16, "intermediate_size": 8,
		"num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 80}`)
	m, err := cost.New(config, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := model.NewDecoder(config, checkpoint.Zeros(tensor.BF16), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for dt, f := range map[tensor.DType]cost.Format{tensor.F32: cost.F32, tensor.F16: cost.F16, tensor.BF16: cost.BF16, tensor.Q8_0: cost.Q8_0} {
		s := d.NewSession(model.SessionOptions{Cache: dt})
		if err := s.Append(make([]int, 128)...); err != nil {
			t.Fatal(err)
		}
		if got, want := m.Cache(128, f).Total(), s.CacheBytes(); got != want {
			t.Errorf("%v: %d bytes, a session takes %d", dt, got, want)
		}
	}
}

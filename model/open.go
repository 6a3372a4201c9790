package model

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/family"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
	"github.com/seed2010d43f/transformer/tensor/nn"
	"github.com/seed2010d43f/transformer/tokenizer/chat"
)

// Options say how a checkpoint is opened. The zero value keeps weights in the type they are stored in.
type Options struct {
	// Convert, if not nil, returns the type in which a stored matrix is kept, as [nn.Options] say. A wider type changes
	// no result where Precision is [nn.Exact]. A narrower type rounds; it saves memory, and the time of a token goes with
	// it. [nn.As] is one type for all; the functions of package quantize choose as llama.cpp does, such as
	// quantize.Q4_K_M.
	//
	// Weights with scales (quant_method fp8, gptq, awq and compressed-tensors) count as F32, in which they are exact up
	// to one rounding, and take the memory of it unless KeepBits or Convert say otherwise. 4-bit weights (mxfp4) are
	// [tensor.MXFP4].
	Convert func(m nn.Matrix) tensor.DType

	// Converted, if not nil, is told of each tensor that was converted to a type with blocks, and how far its values
	// are from those that are stored.
	Converted func(m nn.Matrix, kept tensor.DType, d nn.Deviation)

	// Precision says whether products round activations. The zero value, [nn.Automatic], rounds them to 8 bits where
	// they are multiplied by matrices of a block type, such as those of GGUF files: this is several times faster, and
	// logits differ by about a hundredth. Other matrices it multiplies by activations as they are. [nn.Exact] does that
	// with all matrices. [nn.BF16Activations] rounds to bfloat16 beside BF16 matrices; logits differ by about a
	// hundredth, as in models of PyTorch that are bfloat16 throughout. That is faster only on processors with bfloat16
	// instructions (AVX512-BF16). The model's Arithmetic tells what it does.
	Precision nn.Precision

	// Experts says where the experts of a mixture lie: [nn.Packed], in memory, or [nn.Mapped], in the files, where
	// each product reads those that its tokens chose. Results have the same bits. Mapped, experts keep the type in
	// which they are stored, whatever Convert says; the files must be safetensors that the system can map, as those
	// of [os.DirFS]; and Close of the model closes them. A file that becomes shorter, or is written to, while it is
	// mapped is an error of the call that meets it. [OpenEncoderDecoder] and the models of pictures pack all weights.
	Experts nn.Placement

	// FloatActivations opens a checkpoint of compressed-tensors that has static scales for 8-bit activations, keys or
	// values. These stay in the precision of everything else, which is closer to the model before it was quantised. Such
	// a checkpoint is an error otherwise. Where activations have dynamic scales this is so in any case.
	FloatActivations bool

	// KeepBits keeps weights of GPTQ and compressed-tensors in their 4 or 8 bits, as [tensor.Q4_0] or [tensor.Q8_0], where
	// these hold the same values: symmetric integers (sym), in groups of 32, 64 or 128 in their order (no desc_act) or one a
	// row, with scales that float16 holds. Memory and the time of a token are those of so few bits, and Precision and
	// Convert are about these types then. Other matrices count as F32, as without it.
	KeepBits bool

	// Progress, if not nil, is called with the number of bytes of weights read so far, and in all.
	Progress func(done, total int64)

	// Heads are those that the caller can use, the preferred first: [OpenEncoder] opens the first that is stored,
	// and refuses a checkpoint without any of them, whatever config.json names under architectures. nil is the
	// head that architectures names, or if that names none, the only one that is stored.
	//
	// [OpenEncoderDecoder] opens the classifier of an encoder–decoder for arch.SequenceClassification, and the
	// projection to the vocabulary for any other.
	Heads []arch.Task

	// Skip, if not nil, is asked for each tensor that the model has no place for; those for which it returns true
	// are left out. Such tensors are an error otherwise, but for those that no answer depends on: heads of a
	// family's other tasks, buffers of old versions, and what [nn.IsSideTensor] reports, counters and the weights of
	// a training loss.
	Skip func(name string) bool

	// Skipped, if not nil, is told the name of each tensor that is left out, for whatever reason, and of a GGUF file
	// beside the files of the checkpoint that is opened.
	Skipped func(name string)

	// ActiveExperts, if not 0, is the number of experts that each token uses in each layer that has experts, in the
	// place of the config's number. Fewer are faster, and give other answers. It is an error for a model without
	// experts.
	ActiveExperts int

	// Adapters are folders of LoRA adapters, with adapter_config.json and adapter_model.safetensors or .bin, as the
	// library peft saves them. They are merged into the weights of the folder that is opened, the base model, one after
	// the other, as package lora says. What they change is float32, unless Convert says otherwise.
	Adapters []fs.FS

	// Prediction also opens the layer that predicts one token more than the model (multi-token prediction), as
	// arch.Decoder.Prediction; it is an error for a model without one. Otherwise such layers are left out.
	Prediction bool

	// LatentForm fixes how latent attention computes. The zero value takes what is faster for the tokens at hand,
	// so that the last bits of a result depend on how a prompt was split; see [attention.LatentForm].
	LatentForm attention.LatentForm

	// GGUF is the name of a file in the folder, which is opened whatever else there is; see [FindGGUF].
	GGUF string

	// PreTokenizer is the name of a pre-tokenizer, for a GGUF that names none or one that is not known; see
	// tokenizer.GGUFOptions.
	PreTokenizer string

	// Families are additional recipes, by model_type. A recipe here replaces the one of package family.
	Families map[string]family.Recipe
}

// Recipe returns the recipe of a model_type, and whether there is one.
func (o *Options) Recipe(modelType string) (family.Recipe, bool) {
	if r, ok := o.Families[modelType]; ok {
		return r, true
	}
	r, ok := family.Recipes()[modelType]
	return r, ok
}

func (o *Options) loader(c *hf.Config, src checkpoint.Source, noHead bool) nn.Loader {
	skip := func(name string) bool { return c.IsEmptyBias(src, name) || o.Skip != nil && o.Skip(name) }
	return nn.NewLoader(src, nn.Options{Convert: o.Convert, Converted: o.Converted, Precision: o.Precision, Experts: o.Experts, Progress: o.Progress, Valid: c.Err,
		Skip: skip, Skipped: o.Skipped, NoHead: noHead})
}

// Decoders lists the model_types that [OpenDecoder] opens.
func Decoders() []string {
	return family.Types(family.Recipes(), func(r family.Recipe) bool { return r.Decoder != nil })
}

// Encoders lists the model_types of encoders. [OpenEncoder] opens those of [Decoders] too.
func Encoders() []string {
	return family.Types(family.Recipes(), func(r family.Recipe) bool { return r.Encoder != nil })
}

// EncoderDecoders lists the model_types that [OpenEncoderDecoder] opens.
func EncoderDecoders() []string {
	return family.Types(family.Recipes(), func(r family.Recipe) bool { return r.EncoderDecoder != nil })
}

// OpenDecoder opens a decoder from a folder as Hugging Face publishes it:
//
//   - config.json, as transformers 4 or 5 writes it;
//   - generation_config.json, optional;
//   - model.safetensors or pytorch_model.bin, whole or in shards with an index, read by [hf.OpenWeights].
//     Code in a pytorch_model.bin, which is a Python pickle, is never run;
//   - a tokenizer, optional: tokenizer.json, a SentencePiece model, or vocab.json with merges.txt.
//
// Or the folder has a GGUF file of llama.cpp, which holds all of these; [FindGGUF] says which is taken. Where there are both
// forms, the GGUF is left out, and [Options.Skipped] told so.
//
// A family, rope type, activation or quantisation that is not supported gives an error that names it. So do
// weights that are missing, have another shape than the config says, or are left over (see Options.Skip). A table that
// the config ties to another need not be stored, and names may have the prefixes that nn.Loader.Root knows.
//
// fsys may be any file system. Files of [os.DirFS] and [os.Root] are memory-mapped while weights are read. If
// another program truncates such a file at that time, the operating system ends this process (SIGBUS on
// Unix). So replace weights by renaming a new file over the old one. The model has copies of all it needs:
// afterwards the files may change or go, and nothing has to be closed, unless [Options.Experts] has experts mapped.
//
// For a folder that you do not trust use an [os.Root], as the guide of this package shows.
func OpenDecoder(fsys fs.FS, opt Options) (*Decoder, error) {
	f, err := openFolder(fsys, opt)
	if err != nil {
		return nil, err
	}
	defer f.close()
	tok, err := f.openTokenizer()
	if err != nil {
		return nil, err
	}
	d, err := newDecoder(f, opt)
	if err != nil {
		return nil, err
	}
	if d.Generation, err = hf.ReadGeneration(f.fsys, f.config, f.recipe.Tokens); err != nil {
		return nil, err
	}
	if d.chats = f.chats; f.fsys != nil {
		d.chats, d.chatErr = chat.Sources(f.fsys)
	}
	d.Tokenizer, d.files = tok, f.keep()
	return d, nil
}

// NewDecoder assembles the decoder that a config.json describes, with weights from any source, such as random
// ones. The result has no tokenizer.
func NewDecoder(configJSON []byte, src checkpoint.Source, opt Options) (*Decoder, error) {
	f, err := newFolder(configJSON, src, opt)
	if err != nil {
		return nil, err
	}
	if err := f.prepare(opt); err != nil {
		return nil, err
	}
	defer f.closeAdapters()
	d, err := newDecoder(f, opt)
	if err != nil {
		return nil, err
	}
	if d.Generation, err = hf.ReadGeneration(nil, f.config, f.recipe.Tokens); err != nil {
		return nil, err
	}
	d.files = f.keep()
	return d, nil
}

func newDecoder(f *folder, opt Options) (*Decoder, error) {
	if opt.Prediction {
		f.config = f.config.WithPrediction()
	}
	d, err := assemble(f, opt, "decoder", false, f.recipe.Decoder, func(r family.Recipe) bool { return r.Decoder != nil })
	if err != nil {
		if class := f.config.Architecture(); f.recipe.Decoder != nil && strings.HasSuffix(class, "Classification") {
			err = fmt.Errorf("%w\nmodel: architectures names %.200q, a classifier: open it with OpenEncoder", err, class)
		}
		return nil, err
	}
	if err := d.Validate(); err != nil {
		return nil, err
	}
	if err := opt.setActive(d.Trunk); err != nil {
		return nil, err
	}
	if opt.Prediction && d.Prediction == nil {
		return nil, fmt.Errorf("model: model_type %q has no layer that predicts one token more (Options.Prediction)", f.family)
	}
	d.FixLatent(opt.LatentForm)
	return &Decoder{Decoder: d, Family: f.family}, nil
}

// OpenEncoder opens an encoder from a folder as Hugging Face publishes it, in the same way as [OpenDecoder].
// The tokenizer may also be a vocab.txt.
//
// The head is the one that [Options.Heads] asks for. Without a wish it is that of the class listed in config.json under
// architectures, or if none is listed, the only one that is stored. A head without weights is an error that names what
// there is. Heads that are not asked for are not read.
//
// A decoder opens as an encoder that reads from left to right: its hidden states make embeddings, and the layer
// score, which reads the last token, a classifier.
func OpenEncoder(fsys fs.FS, opt Options) (*Encoder, error) {
	f, err := openFolder(fsys, opt)
	if err != nil {
		return nil, err
	}
	defer f.close()
	return openEncoder(f, opt)
}

// OpenEncoderGGUF is [OpenEncoder] for a GGUF file that is open already; errors call it by name. The file is the model's
// then: it is closed, after an error too, unless [Options.Experts] has experts mapped.
func OpenEncoderGGUF(file *gguf.File, name string, opt Options) (*Encoder, error) {
	f, err := newGGUF(file, name, opt)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	defer f.close()
	return openEncoder(f, opt)
}

func openEncoder(f *folder, opt Options) (*Encoder, error) {
	e, err := newEncoder(f, opt)
	if err != nil {
		return nil, err
	}
	if e.Tokenizer, err = f.openTokenizer(); err != nil {
		return nil, err
	}
	e.files = f.keep()
	return e, nil
}

// NewEncoder assembles the encoder that a config.json describes, with weights from any source. The result has
// no tokenizer.
func NewEncoder(configJSON []byte, src checkpoint.Source, opt Options) (*Encoder, error) {
	f, err := newFolder(configJSON, src, opt)
	if err != nil {
		return nil, err
	}
	if err := f.prepare(opt); err != nil {
		return nil, err
	}
	defer f.closeAdapters()
	e, err := newEncoder(f, opt)
	if err != nil {
		return nil, err
	}
	e.files = f.keep()
	return e, nil
}

func newEncoder(f *folder, opt Options) (*Encoder, error) {
	var err error
	if f.src, err = checkpoint.Rename(f.src, checkpoint.NormNames); err != nil {
		return nil, err
	}
	build, causal := f.recipe.Encoder, false
	if build == nil && f.recipe.Decoder != nil {
		build, causal = family.CausalEncoder(f.recipe), true
	}
	if opt.Heads != nil {
		f.config = f.config.For(opt.Heads...)
	}
	e, err := assemble(f, opt, "encoder", causal, build, func(r family.Recipe) bool { return r.Encoder != nil || r.Decoder != nil })
	if err != nil {
		return nil, err
	}
	if opt.Heads != nil && !slices.Contains(opt.Heads, e.Task) {
		return nil, fmt.Errorf("model: model_type %q as an encoder is for %v; it has no head for %v", f.family, e.Task, opt.Heads[0])
	}
	return &Encoder{Encoder: e, Family: f.family}, nil
}

// OpenEncoderDecoder opens an encoder–decoder from a folder as Hugging Face publishes it, in the same way as
// [OpenDecoder]. Encoder and decoder share the weights that the checkpoint shares. If the folder has separate
// tokenizers for sources and targets, each side gets its own.
func OpenEncoderDecoder(fsys fs.FS, opt Options) (*EncoderDecoder, error) {
	f, err := openFolder(fsys, opt)
	if err != nil {
		return nil, err
	}
	defer f.close()
	m, err := newEncoderDecoder(f, opt)
	if err != nil {
		return nil, err
	}
	if err = m.readGeneration(f); err != nil {
		return nil, err
	}
	if m.Encoder.Tokenizer, err = f.openTokenizer(); err != nil {
		return nil, err
	}
	if t := m.Encoder.Tokenizer; t != nil {
		m.Decoder.Tokenizer = t.Target()
	}
	return m, nil
}

// NewEncoderDecoder assembles the encoder–decoder that a config.json describes, with weights from any source.
// The result has no tokenizer.
func NewEncoderDecoder(configJSON []byte, src checkpoint.Source, opt Options) (*EncoderDecoder, error) {
	f, err := newFolder(configJSON, src, opt)
	if err != nil {
		return nil, err
	}
	if err := f.prepare(opt); err != nil {
		return nil, err
	}
	defer f.closeAdapters()
	m, err := newEncoderDecoder(f, opt)
	if err != nil {
		return nil, err
	}
	if err := m.readGeneration(f); err != nil {
		return nil, err
	}
	return m, nil
}

// readGeneration reads how to generate, and the tasks.
func (m *EncoderDecoder) readGeneration(f *folder) (err error) {
	if m.Decoder.Generation, err = hf.ReadGeneration(f.fsys, f.config, f.recipe.Tokens); err != nil {
		return err
	}
	m.Tasks, err = hf.ReadTasks(f.fsys, f.config, f.recipe.Tokens)
	return err
}

func newEncoderDecoder(f *folder, opt Options) (*EncoderDecoder, error) {
	opt.Experts = nn.Packed
	if opt.Heads != nil {
		f.config = f.config.For(opt.Heads...)
	}
	m, err := assemble(f, opt, "encoder–decoder", false, f.recipe.EncoderDecoder, func(r family.Recipe) bool { return r.EncoderDecoder != nil })
	if err != nil {
		return nil, err
	}
	return &EncoderDecoder{Family: f.family, Encoder: &Encoder{Encoder: m.Encoder, Family: f.family},
		Decoder: &Decoder{Decoder: m.Decoder, Family: f.family}, Classifier: m.Classifier}, nil
}

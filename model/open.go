package model

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/nn"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// Options say how a checkpoint is opened. The zero value keeps weights as they are stored.
type Options struct {
	// Convert, if not nil, chooses the type in which matrices are kept, given the one they are stored
	// in. Widening changes no result; narrowing halves memory and the time of a token, and rounds.
	Convert func(stored tensor.DType) tensor.DType

	// Round has products with weights that are kept as bfloat16 round the activations to bfloat16 too, as
	// PyTorch computes models of that type: logits are off by about a hundredth then. It makes prompts and
	// batches faster on processors with instructions for it (AVX512_BF16).
	Round bool

	// Progress, if not nil, is told the bytes of weights read so far, and in all.
	Progress func(done, total int64)
}

// OpenDecoder opens a decoder in a folder as Hugging Face publishes them:
//
//   - config.json, as transformers 4 or 5 writes it;
//   - generation_config.json, if there;
//   - model.safetensors or pytorch_model.bin, or shards with the index of either, as [checkpoint.Open] reads
//     them: nothing in a pytorch_model.bin, a Python pickle, is ever run;
//   - a tokenizer, if there: tokenizer.json, a SentencePiece model, or vocab.json with merges.txt.
//
// A family, rope type, activation or quantisation that is not supported is refused by name, and so are weights
// that are missing, of another shape than the config says, or left over.
//
// Any file system will do. Files of [os.DirFS] and [os.Root] are memory-mapped while their weights are read. If
// a program truncates such a file at that time, the system ends this process: SIGBUS on Unix, which no error
// can report. So replace weights by renaming a new file over the old one. The model that is returned has
// copies of all it needs: the files may change or go, and there is nothing to close.
//
// For a folder from a stranger use an [os.Root], as the guide of this package shows.
func OpenDecoder(fsys fs.FS, opt Options) (*Decoder, error) {
	c, src, err := openFolder(fsys)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	d, err := newDecoder(c, src, opt)
	if err != nil {
		return nil, err
	}
	keys, err := generationKeys(fsys, c)
	if err != nil {
		return nil, err
	}
	if d.Generation, err = keys.generation(); err != nil {
		return nil, err
	}
	if d.Tokenizer, err = openTokenizer(fsys); err != nil {
		return nil, err
	}
	return d, nil
}

// NewDecoder assembles the decoder that a config.json describes, with weights from any source: random
// ones too.
func NewDecoder(configJSON []byte, src checkpoint.Source, opt Options) (*Decoder, error) {
	c, err := parseConfig("config.json", configJSON)
	if err != nil {
		return nil, err
	}
	d, err := newDecoder(c, src, opt)
	if err != nil {
		return nil, err
	}
	if d.Generation, err = c.generation(); err != nil {
		return nil, err
	}
	return d, nil
}

func newDecoder(c config, src checkpoint.Source, opt Options) (*Decoder, error) {
	family := c.string("model_type", "")
	d, err := assemble(c, src, opt, decoderRecipe(family), "decoders", Decoders())
	if err == nil {
		d.Family = family
	}
	return d, err
}

func newEncoder(c config, src checkpoint.Source, opt Options) (*Encoder, error) {
	src, err := checkpoint.Rename(src, checkpoint.NormNames)
	if err != nil {
		return nil, err
	}
	family := c.string("model_type", "")
	e, err := assemble(c, src, opt, encoderRecipe(family), "encoders", Encoders())
	if err == nil {
		e.Family = family
	}
	return e, err
}

// assemble runs a recipe and reports everything that is wrong with the config and the weights. build is
// nil for a model_type that is none of known.
func assemble[Model any](c config, src checkpoint.Source, opt Options, build func(config, nn.Loader) *Model, kind string, known []string) (*Model, error) {
	family := c.string("model_type", "")
	switch {
	case c.err() != nil:
		return nil, c.err()
	case family == "":
		return nil, fmt.Errorf("model: %s has no model_type", c.path)
	case build == nil && decoderRecipe(family) != nil:
		return nil, fmt.Errorf("model: model_type %q is a decoder: open it with OpenDecoder", family)
	case build == nil && encoderRecipe(family) != nil:
		return nil, fmt.Errorf("model: model_type %q is an encoder: open it with OpenEncoder", family)
	case build == nil && encoderDecoderRecipe(family) != nil:
		return nil, fmt.Errorf("model: model_type %q is an encoder–decoder: open it with OpenEncoderDecoder", family)
	case build == nil:
		return nil, fmt.Errorf("model: model_type %q is not supported; these %s are: %s", family, kind, strings.Join(known, " "))
	case c.has("quantization_config"):
		method := c.object("quantization_config").string("quant_method", "unknown")
		return nil, fmt.Errorf("model: %s: quantization_config: the weights are quantised by %q, which is not supported; use the unquantised checkpoint", c.path, method)
	}
	w := nn.NewLoader(src, nn.Options{Convert: opt.Convert, Round: opt.Round, Progress: opt.Progress, Valid: c.err})
	m := build(c, w)
	if err := errors.Join(w.Err(true), c.late(w)); err != nil {
		return nil, err
	}
	return m, nil
}

// OpenEncoder opens an encoder in a folder as Hugging Face publishes them: the files that [OpenDecoder]
// lists, in the same way, and vocab.txt for a tokenizer too. The head is that of the class that config.json names under
// architectures; a head for which the checkpoint has no weights is refused.
func OpenEncoder(fsys fs.FS, opt Options) (*Encoder, error) {
	c, src, err := openFolder(fsys)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	e, err := newEncoder(c, src, opt)
	if err != nil {
		return nil, err
	}
	if e.Tokenizer, err = openTokenizer(fsys); err != nil {
		return nil, err
	}
	return e, nil
}

// NewEncoder assembles the encoder that a config.json describes, with weights from any source.
func NewEncoder(configJSON []byte, src checkpoint.Source, opt Options) (*Encoder, error) {
	c, err := parseConfig("config.json", configJSON)
	if err != nil {
		return nil, err
	}
	return newEncoder(c, src, opt)
}

// OpenEncoderDecoder opens an encoder–decoder in a folder as Hugging Face publishes them: the files that
// [OpenDecoder] lists, in the same way. Encoder and Decoder share what the checkpoint shares. A folder with tokenizers of
// its own for sources and targets gives each side its own.
func OpenEncoderDecoder(fsys fs.FS, opt Options) (*EncoderDecoder, error) {
	c, src, err := openFolder(fsys)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	m, err := newEncoderDecoder(c, src, opt)
	if err != nil {
		return nil, err
	}
	keys, err := generationKeys(fsys, c.defaults(encoderDecoderTokens(m.Family)))
	if err != nil {
		return nil, err
	}
	if err = m.readGeneration(c, keys); err != nil {
		return nil, err
	}
	if m.Encoder.Tokenizer, err = openTokenizer(fsys); err != nil {
		return nil, err
	}
	if t := m.Encoder.Tokenizer; t != nil {
		m.Decoder.Tokenizer = t.Target()
	}
	return m, nil
}

// NewEncoderDecoder assembles the encoder–decoder that a config.json describes, with weights from any
// source.
func NewEncoderDecoder(configJSON []byte, src checkpoint.Source, opt Options) (*EncoderDecoder, error) {
	c, err := parseConfig("config.json", configJSON)
	if err != nil {
		return nil, err
	}
	m, err := newEncoderDecoder(c, src, opt)
	if err != nil {
		return nil, err
	}
	return m, m.readGeneration(c, c.defaults(encoderDecoderTokens(m.Family)))
}

func newEncoderDecoder(c config, src checkpoint.Source, opt Options) (*EncoderDecoder, error) {
	family := c.string("model_type", "")
	m, err := assemble(c, src, opt, encoderDecoderRecipe(family), "encoder–decoders", EncoderDecoders())
	if err == nil {
		m.Family, m.Encoder.Family, m.Decoder.Family = family, family, family
	}
	return m, err
}

// readGeneration reads how to generate, and what the tasks in c, the config.json, add to it.
func (m *EncoderDecoder) readGeneration(c, keys config) (err error) {
	if m.Decoder.Generation, err = keys.generation(); err != nil {
		return err
	}
	m.Tasks = c.tasks(keys)
	return c.err()
}

// openFolder reads the config and opens the weights.
func openFolder(fsys fs.FS) (config, checkpoint.Source, error) {
	c, err := readConfig(fsys)
	if err != nil {
		return config{}, nil, err
	}
	src, err := checkpoint.Open(fsys)
	return c, src, err
}

// late returns the config's errors if the loader has not met them.
func (c config) late(w nn.Loader) error {
	if w.Err(false) != nil {
		return nil
	}
	return c.err()
}

func readConfig(fsys fs.FS) (config, error) {
	data, err := sidefile.Read(fsys, "config.json", maxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return config{}, fmt.Errorf("model: no config.json here: a checkpoint is a folder with config.json, %s and a tokenizer; %w",
			"model.safetensors", err)
	}
	if err != nil {
		return config{}, fmt.Errorf("model: %w", err)
	}
	return parseConfig("config.json", data)
}

// openTokenizer opens the folder's tokenizer, or returns nil if there is none.
func openTokenizer(fsys fs.FS) (*tokenizer.Tokenizer, error) {
	for _, name := range []string{"tokenizer.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "vocab.json", "vocab.txt"} {
		if sidefile.Exists(fsys, name) {
			return tokenizer.Open(fsys)
		}
	}
	return nil, nil
}

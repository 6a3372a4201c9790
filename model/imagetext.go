package model

import (
	"io/fs"

	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/family"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/nn"
	"github.com/seed2010d43f/transformer/tokenizer"
	"github.com/seed2010d43f/transformer/vision"
)

// ImageText is a model that puts pictures and texts into one space, with its tokenizer. [OpenImageText] makes one from
// a checkpoint. It may be used from several goroutines.
//
//	texts, err := m.Sequences([]string{"a photo of a cat", "a photo of a dog"})
//	…
//	x, err := m.ImageFeatures(pictures)
//	…
//	y, err := m.TextFeatures(texts)
//	…
//	arch.Normalize(x)
//	arch.Normalize(y)
//	logits := m.Logits(nil, x, y) // a row for each picture, a column for each text
type ImageText struct {
	*arch.ImageText
	Family string // model_type: "clip"

	// Tokenizer reads texts, and Processor makes pictures. They are nil where the checkpoint has none; for Processor see
	// [ImageEncoder].
	Tokenizer *tokenizer.Tokenizer
	Processor *vision.Processor

	texts textRules
}

// ImageEncoder returns the tower of pictures as a model of its own, for its hidden states. It shares the weights.
func (m *ImageText) ImageEncoder() *ImageEncoder {
	return &ImageEncoder{ImageEncoder: m.Image, Family: m.Family, Processor: m.Processor}
}

// TextEncoder returns the tower of texts as a model of its own, for its hidden states. It shares the weights.
func (m *ImageText) TextEncoder() *Encoder {
	return &Encoder{Encoder: m.Text, Family: m.Family, Tokenizer: m.Tokenizer}
}

// ImageTexts lists the model_types that [OpenImageText] opens.
func ImageTexts() []string {
	return family.Types(family.Recipes(), func(r family.Recipe) bool { return r.ImageText != nil })
}

// OpenImageText opens a model of two towers from a folder as Hugging Face publishes it, in the same way as
// [OpenDecoder]. A folder without a tokenizer, or of OpenCLIP with tokenizer_kwargs that are not supported, opens,
// too: pictures work, and [ImageText.Sequences] says what is wrong.
func OpenImageText(fsys fs.FS, opt Options) (*ImageText, error) {
	f, err := openFolder(fsys, opt)
	if err != nil {
		return nil, err
	}
	defer f.close()
	m, err := newImageText(f, opt)
	if err != nil {
		return nil, err
	}
	if m.Tokenizer, err = f.openTokenizer(); err != nil {
		return nil, err
	}
	m.Processor = f.openProcessor()
	m.readTexts(f)
	return m, nil
}

// NewImageText assembles the model that a config.json describes, with weights from any source. The result has no
// tokenizer.
func NewImageText(configJSON []byte, src checkpoint.Source, opt Options) (*ImageText, error) {
	f, err := newFolder(configJSON, src, opt)
	if err != nil {
		return nil, err
	}
	if err := f.prepare(opt); err != nil {
		return nil, err
	}
	defer f.closeAdapters()
	return newImageText(f, opt)
}

func newImageText(f *folder, opt Options) (*ImageText, error) {
	opt.Experts = nn.Packed
	m, err := assemble(f, opt, "image–text model", false, f.recipe.ImageText, func(r family.Recipe) bool { return r.ImageText != nil })
	if err != nil {
		return nil, err
	}
	if err := m.Validate(); err != nil {
		return nil, err
	}
	return &ImageText{ImageText: m, Family: f.family}, nil
}

// ImageFeatures returns the features of each picture, [N, Width], not normalised: see [arch.Normalize]. It may be called
// from several goroutines.
func (m *ImageText) ImageFeatures(pictures []tensor.Tensor) (tensor.Tensor, error) {
	return m.ImageEncoder().Pooled(pictures)
}

// TextFeatures returns the features of each text, [N, Width], not normalised. It may be called from several goroutines.
func (m *ImageText) TextFeatures(texts []arch.Sequence) (tensor.Tensor, error) {
	return m.TextEncoder().SequenceScores(texts)
}

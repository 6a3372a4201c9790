package model

import (
	"io/fs"

	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/family"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/nn"
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

	Image *ImageEncoder // with the processor
	Text  *Encoder      // with the tokenizer, which is nil where the checkpoint has none

	texts textRules
}

// ImageTexts lists the model_types that [OpenImageText] opens.
func ImageTexts() []string {
	return family.Types(family.Recipes(), func(r family.Recipe) bool { return r.ImageText != nil })
}

// OpenImageText opens a model of two towers from a folder as Hugging Face publishes it, in the same way as
// [OpenDecoder]. A folder without a tokenizer, or with one that is not supported, opens, too: [ImageText.Sequences] says
// what is missing, and pictures work.
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
	if m.Text.Tokenizer, err = f.openTokenizer(); err != nil {
		return nil, err
	}
	m.Image.Processor = f.openProcessor()
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
	return &ImageText{ImageText: m, Family: f.family, Image: &ImageEncoder{ImageEncoder: m.Image, Family: f.family},
		Text: &Encoder{Encoder: m.Text, Family: f.family}}, nil
}

// ImageFeatures returns the features of each picture, [N, Width], not normalised: see [arch.Normalize]. It may be called
// from several goroutines.
func (m *ImageText) ImageFeatures(pictures []tensor.Tensor) (tensor.Tensor, error) {
	return m.Image.Pooled(pictures)
}

// TextFeatures returns the features of each text, [N, Width], not normalised. It may be called from several goroutines.
func (m *ImageText) TextFeatures(texts []arch.Sequence) (tensor.Tensor, error) {
	return m.Text.SequenceScores(texts)
}

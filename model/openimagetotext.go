package model

import (
	"io/fs"

	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/model/family"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/nn"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// ImageToTexts lists the model_types that [OpenImageToText] opens.
func ImageToTexts() []string {
	return family.Types(family.Recipes(), func(r family.Recipe) bool { return r.ImageToText != nil })
}

// OpenImageToText opens a model that writes texts about pictures, or matches both, from a folder as Hugging Face
// publishes it, in the same way as [OpenDecoder]. The tokenizer of a Q-Former that reads prompts is in the folder
// qformer_tokenizer.
//
// As in the reference, neither generation_config.json nor such keys of text_config count, but for the special tokens: a
// text is greedy and ends after 20 tokens, unless [GenerateOptions] say otherwise. BLIP's texts end at sep_token_id.
func OpenImageToText(fsys fs.FS, opt Options) (*ImageToText, error) {
	f, err := openFolder(fsys, opt)
	if err != nil {
		return nil, err
	}
	defer f.close()
	m, err := newImageToText(f, opt)
	if err != nil {
		return nil, err
	}
	if m.Tokenizer, err = f.openTokenizer(); err != nil {
		return nil, err
	}
	if m.Writer != nil {
		m.Writer.Tokenizer = m.Tokenizer
	}
	const queries = "qformer_tokenizer"
	if m.Instructed && (sidefile.Exists(fsys, queries+"/tokenizer.json") || sidefile.Exists(fsys, queries+"/vocab.txt")) {
		sub, err := fs.Sub(fsys, queries)
		if err != nil {
			return nil, err
		}
		if m.Queries, err = tokenizer.Open(sub); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// NewImageToText assembles the model that a config.json describes, with weights from any source. The result has no
// tokenizers.
func NewImageToText(configJSON []byte, src checkpoint.Source, opt Options) (*ImageToText, error) {
	f, err := newFolder(configJSON, src, opt)
	if err != nil {
		return nil, err
	}
	if err := f.prepare(opt); err != nil {
		return nil, err
	}
	defer f.closeAdapters()
	return newImageToText(f, opt)
}

// captionTokens is the number of tokens after which a text about a picture ends.
const captionTokens = 20

func newImageToText(f *folder, opt Options) (*ImageToText, error) {
	opt.Experts = nn.Packed
	m, err := assemble(f, opt, "image-to-text model", false, f.recipe.ImageToText, func(r family.Recipe) bool { return r.ImageToText != nil })
	if err != nil {
		return nil, err
	}
	if err := m.Validate(); err != nil {
		return nil, err
	}
	out := &ImageToText{ImageToText: m, Family: f.family}
	if m.Decoder == nil {
		return out, nil
	}
	if err := opt.setActive(m.Decoder.Trunk); err != nil {
		return nil, err
	}
	out.Writer = &Decoder{Decoder: m.Decoder, Family: f.family}
	c, tokens := f.config, f.recipe.Tokens
	if f.recipe.Writing != nil {
		c, tokens = f.recipe.Writing(c)
	}
	if out.Writer.Generation, err = hf.ReadGeneration(nil, c, tokens); err != nil {
		return nil, err
	}
	if g := &out.Writer.Generation; g.MaxLength == 0 && g.MaxNewTokens == 0 {
		g.MaxNewTokens = captionTokens
	}
	return out, nil
}

// Package hf opens the tokenizer of a Hugging Face model folder. It finds out which files the folder has and which
// class the tokenizer belongs to, and does what that class does in transformers.
package hf

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/tokenizer/internal/decode"
	"github.com/seed2010d43f/transformer/tokenizer/internal/models"
	"github.com/seed2010d43f/transformer/tokenizer/internal/plan"
)

// Options say how a folder is read where the files leave it open.
type Options struct {
	Transformers4 bool   // as transformers 4 does, where 5.24 differs
	Family        string // the model type, where config.json names none
}

// Open returns the plan of the tokenizer of a model folder.
func Open(fsys fs.FS, o Options) (*plan.Plan, error) {
	c, err := readConfig(fsys)
	if err != nil {
		return nil, err
	}
	if c.older = o.Transformers4; c.family == "" {
		c.family = o.Family
	}
	data, err := readVocabulary(fsys, "tokenizer.json")
	c.resolve(bytes.Contains(data, []byte(`"ByteLevel"`)))
	if p, ok, err := c.openNative(fsys); ok {
		return p, err
	}
	var p *plan.Plan
	switch {
	case err == nil && c.class != nil && c.class.pieces != nil && sidefile.Exists(fsys, "spiece.model"):
		p, err = c.openRaw(fsys)
	case err == nil:
		p, err = c.openJSON(data)
	case errors.Is(err, fs.ErrNotExist):
		c.class = c.rawClass
		p, err = c.openRaw(fsys)
	}
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	p.SplitSpecial = c.SplitSpecial
	if err := c.setSides(p); err != nil {
		return nil, fmt.Errorf("tokenizer: tokenizer_config.json: %w", err)
	}
	return p, c.finish(p)
}

// openJSON reads a tokenizer.json.
func (c *config) openJSON(data []byte) (*plan.Plan, error) {
	c.AddBOS, c.AddEOS = nil, nil
	p, err := plan.Parse(data, c.stages)
	if err == nil && c.class != nil {
		err = c.takeModel(p)
	}
	if err != nil {
		return nil, fmt.Errorf("tokenizer.json: %w", err)
	}
	return p, nil
}

// stages returns the stages of the class; nil where it has none, or is made for another type of model.
func (c *config) stages(kind string, mapped bool) (own *plan.Stages, exact bool) {
	switch {
	case c.class == nil: // classes without a row that read the file themselves
		return nil, slices.Contains([]string{"BarthezTokenizer", "LayoutXLMTokenizer", "RemBertTokenizer", "UdopTokenizer", "XGLMTokenizer"}, c.Class)
	case c.class.stages == nil || c.class.kind() != kind:
		c.class = nil
		return nil, false
	}
	c.setRoles(&c.class.roles)
	if c.older { // which takes tokenizer.json as it is
		c.class = nil
		return nil, false
	}
	c.mapped = mapped
	s := c.class.stages(c)
	return &s, true
}

// kind returns the type of model that the class is made for.
func (k *class) kind() string {
	switch {
	case k.bpe != nil:
		return "BPE"
	case k.unknown != nil:
		return "Unigram"
	}
	return "WordPiece"
}

// takeModel puts the class's settings of the model in place of the file's, and its special tokens beside the file's.
func (c *config) takeModel(p *plan.Plan) (err error) {
	switch m := p.Model.(type) {
	case *models.BPE:
		c.setPairs(p, m)
	case *models.Unigram:
		unk, err := c.class.unknown(c, p)
		if err != nil {
			return err
		}
		m.Unk, m.FallsBack = uint32(unk)+1, false
	case *models.WordPiece:
		p.Model, err = models.NewWordPiece(p.Vocab, c.UNK.Content, "##", 100)
	}
	c.listExtra(p, nil)
	return err
}

// setSides settles on which sides texts are cut and padded, and whether the model reads segments.
func (c *config) setSides(p *plan.Plan) error {
	if c.class != nil {
		p.NoTypes = c.class.noTypes
		p.PadLeft = p.PadLeft || c.class.padLeft
	}
	if c.InputNames != nil {
		p.NoTypes = !slices.Contains(c.InputNames, "token_type_ids")
	}
	for _, side := range []struct {
		key, value string
		left       *bool
	}{{"truncation_side", c.TruncationSide, &p.CutLeft}, {"padding_side", c.PaddingSide, &p.PadLeft}} {
		switch side.value {
		case "":
		case "left", "right":
			*side.left = side.value == "left"
		default:
			return fmt.Errorf("%s is %.100q; it must be left or right", side.key, side.value)
		}
	}
	return nil
}

// setPairs puts the class's settings of byte pairs in place of the file's.
func (c *config) setPairs(p *plan.Plan, m *models.BPE) {
	b := c.class.bpe
	m.Prefix, m.Suffix, m.FuseUnk, m.FallsBack, m.Ignore = "", b.suffix, b.fuse, b.fallback, false
	if m.Unk, m.LacksUnk = 0, ""; b.unk {
		p.SetUnknown(m, c.UNK.Content)
	}
	m.Finish()
}

// finish settles the tokens that play a part, and what goes around a text.
func (c *config) finish(p *plan.Plan) error {
	c.apply(p)
	if c.Class == "CLIPTokenizer" {
		p.Decoder = append(p.Decoder,
			func() decode.Step { return new(decode.Fuse) },
			func() decode.Step { return &decode.ReplaceEach{Old: []byte("</w>"), New: []byte(" ")} },
			func() decode.Step { return new(decode.TrimText) })
	}
	c.cleanUp(p)
	p.Settle()
	c.fill(p)
	if err := c.templates(p); err != nil {
		return fmt.Errorf("tokenizer: %w", err)
	}
	return nil
}

// cleanUp takes spaces before punctuation out of decoded text where the files ask for it.
func (c *config) cleanUp(p *plan.Plan) {
	if !c.Cleanup || p.Kind == "BPE" && !c.CleanupBPE {
		return
	}
	p.Decoder = append(p.Decoder, func() decode.Step { return new(decode.Fuse) })
	for _, r := range decode.TextCleanup() {
		p.Decoder = append(p.Decoder, func() decode.Step { return &decode.ReplaceEach{Old: []byte(r[0]), New: []byte(r[1])} })
	}
}

func readVocabulary(fsys fs.FS, name string) ([]byte, error) {
	data, err := sidefile.Read(fsys, name, sidefile.MaxVocabulary)
	if strings.HasSuffix(name, ".json") {
		data = sidefile.TrimMark(data)
	}
	return data, err
}

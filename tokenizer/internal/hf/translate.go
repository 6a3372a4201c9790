package hf

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
	"github.com/seed2010d43f/transformer/tokenizer/internal/decode"
	"github.com/seed2010d43f/transformer/tokenizer/internal/languages"
	"github.com/seed2010d43f/transformer/tokenizer/internal/models"
	"github.com/seed2010d43f/transformer/tokenizer/internal/plan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/sentencepiece"
)

// Marian and M2M-100 folders have SentencePiece models beside a vocabulary, vocab.json, that gives the ids of pieces.

// openNative reads a folder of Marian's or M2M-100's, and reports whether it is one.
func (c *config) openNative(fsys fs.FS) (*plan.Plan, bool, error) {
	has := func(name string) bool { return sidefile.Exists(fsys, name) }
	plain := c.Class == "" && !has("tokenizer.json") && has("vocab.json")
	var p *plan.Plan
	var err error
	switch {
	case c.Class == "MarianTokenizer" && has("source.spm"), plain && has("source.spm") && has("target.spm"):
		c.Class = "MarianTokenizer"
		p, err = c.openMarian(fsys)
	case c.Class == "M2M100Tokenizer" && has("sentencepiece.bpe.model"), plain && has("sentencepiece.bpe.model"):
		c.Class = "M2M100Tokenizer"
		p, err = c.openM2M100(fsys)
	default:
		return nil, false, nil
	}
	if err != nil {
		return nil, true, fmt.Errorf("tokenizer: %w", err)
	}
	return p, true, nil
}

func readPieces(fsys fs.FS, name string) (*sentencepiece.Model, error) {
	data, err := readVocabulary(fsys, name)
	if err != nil {
		return nil, err
	}
	m, err := sentencepiece.Read(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

func readList(fsys fs.FS, name string) ([]models.Entry, error) {
	data, err := readVocabulary(fsys, name)
	if err != nil {
		return nil, err
	}
	list, err := plan.ReadVocab(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return list, nil
}

// openM2M100 reads M2M-100's files. The languages follow the vocabulary whether or not they are listed as special.
func (c *config) openM2M100(fsys fs.FS) (*plan.Plan, error) {
	setDefault(&c.BOS, "<s>")
	setDefault(&c.SEP, "</s>")
	c.nativeSpecials()
	m, err := readPieces(fsys, "sentencepiece.bpe.model")
	if err != nil {
		return nil, err
	}
	list, err := readList(fsys, "vocab.json")
	if err != nil {
		return nil, err
	}
	n := len(list)
	codes := publishedCodes(c.Class, c.LanguageCodes)
	own := map[string]bool{}
	for _, e := range list {
		own[string(e.Token)] = true
	}
	for i, code := range codes {
		if token := "__" + code + "__"; !own[token] {
			list = append(list, models.Entry{Token: []byte(token), Id: uint32(n + i)})
		}
	}
	p, err := c.finishNative(m, list, m, "")
	if err != nil {
		return nil, err
	}
	l := languages.New(languages.First, p.Special.EOS)
	for i, code := range codes {
		l.Add(code, n+i)
	}
	l.Source, l.Target = "en", c.Target
	if c.Source != "" {
		l.Source = c.Source
	}
	p.Languages = l
	if _, err := l.Language(l.Source); err != nil {
		return nil, fmt.Errorf("tokenizer_config.json: src_lang: %w", err)
	}
	p.Post = l.PostProcessor(p.Special.UNK)
	return p, nil
}

// openMarian reads Marian's files: two models, with a vocabulary for both or one for each.
func (c *config) openMarian(fsys fs.FS) (*plan.Plan, error) {
	c.nativeSpecials()
	source, err := readPieces(fsys, "source.spm")
	if err != nil {
		return nil, err
	}
	target, err := readPieces(fsys, "target.spm")
	if err != nil {
		return nil, err
	}
	list, err := readList(fsys, "vocab.json")
	if err != nil {
		return nil, err
	}
	targetList, reads := list, source
	if c.SeparateVocab {
		if targetList, err = readList(fsys, "target_vocab.json"); err != nil {
			return nil, err
		}
		reads = target
	}
	p, err := c.finishNative(source, list, reads, " ")
	if err != nil {
		return nil, err
	}
	if p.Target, err = c.finishNative(target, targetList, reads, " "); err != nil {
		return nil, err
	}
	p.Target.SharesAdded, p.ReadsTarget = c.SeparateVocab, c.SeparateVocab
	l := languages.New(languages.Prompt, p.Special.EOS)
	if !c.SeparateVocab {
		for _, e := range list {
			if code, ok := strings.CutPrefix(string(e.Token), ">>"); ok && strings.HasSuffix(code, "<<") {
				l.Add(strings.TrimSuffix(code, "<<"), int(e.Id))
			}
		}
	}
	slices.SortFunc(l.Codes, func(a, b string) int { return l.Ids[a] - l.Ids[b] })
	for _, half := range []*plan.Plan{p, p.Target} {
		half.Languages, half.Prefixed = l, true
		half.Post = l.PostProcessor(p.Special.UNK)
	}
	return p, nil
}

func (c *config) nativeSpecials() {
	setDefault(&c.EOS, "</s>")
	setDefault(&c.UNK, "<unk>")
	setDefault(&c.PAD, "<pad>")
	if len(c.Extra) == 0 {
		c.Extra = c.Additional
	}
	c.Additional = nil
}

// finishNative makes the plan of one model and vocabulary, which decodes by the rules of the model reads and puts gap
// after special tokens.
func (c *config) finishNative(m *sentencepiece.Model, list []models.Entry, reads *sentencepiece.Model, gap string) (*plan.Plan, error) {
	p, err := c.nativeParts(m, list)
	if err != nil {
		return nil, err
	}
	c.apply(p)
	special := map[string]bool{}
	for _, a := range p.Added {
		if a.Special {
			special[a.Content] = true
		}
	}
	kinds := reads.Kinds()
	p.Decoder = decode.Chain{func() decode.Step {
		return &sentencepiece.PieceText{Kinds: kinds, Special: special, Gap: gap, Start: true}
	}}
	if gap != "" {
		p.Decoder = append(p.Decoder, func() decode.Step { return &decode.ReplaceEach{Old: []byte(chars.SpaceMark), New: []byte(" ")} })
	}
	p.Decoder = append(p.Decoder, func() decode.Step { return new(decode.TrimText) })
	c.cleanUp(p)
	p.Settle()
	c.fill(p)
	if p.Special.EOS < 0 {
		return nil, errors.New("the vocabulary lacks the token that ends a text")
	}
	return p, nil
}

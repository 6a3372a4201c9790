// Package hf opens the tokenizer of a Hugging Face model folder. It finds out which files the folder has and which
// class the tokenizer belongs to, and does what that class does in transformers.
package hf

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"

	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
	"github.com/seed2010d43f/transformer/tokenizer/internal/decode"
	"github.com/seed2010d43f/transformer/tokenizer/internal/jsonscan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/models"
	"github.com/seed2010d43f/transformer/tokenizer/internal/normalize"
	"github.com/seed2010d43f/transformer/tokenizer/internal/plan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/post"
	"github.com/seed2010d43f/transformer/tokenizer/internal/pretoken"
	"github.com/seed2010d43f/transformer/tokenizer/internal/sentencepiece"
)

// Open returns the plan of the tokenizer of a model folder.
func Open(fsys fs.FS) (*plan.Plan, error) {
	c, err := readConfig(fsys)
	if err != nil {
		return nil, err
	}
	if p, ok, err := c.openNative(fsys); ok {
		return p, err
	}
	p, err := c.open(fsys)
	if err != nil {
		return nil, err
	}
	c.apply(p)
	if c.Class == "CLIPTokenizer" {
		p.Decoder = append(p.Decoder,
			func() decode.Step { return new(decode.Fuse) },
			func() decode.Step { return &decode.ReplaceEach{Old: []byte("</w>"), New: []byte(" ")} },
			func() decode.Step { return new(decode.TrimText) })
	}
	c.cleanUp(p)
	return p, c.finish(p)
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
	return sidefile.Read(fsys, name, sidefile.MaxVocabulary)
}

// open reads the vocabulary.
func (c *config) open(fsys fs.FS) (*plan.Plan, error) {
	data, err := readVocabulary(fsys, "tokenizer.json")
	if err == nil {
		p, err := plan.Parse(data, c.exactScores())
		if err != nil {
			return nil, fmt.Errorf("tokenizer: tokenizer.json: %w", err)
		}
		p.Post.Configured = true
		if c.ownStages() && !c.asIs {
			if err := c.rebuild(p); err != nil {
				return nil, fmt.Errorf("tokenizer: tokenizer.json: %w", err)
			}
			return p, nil
		}
		c.classStages(p)
		return p, nil
	}
	for _, name := range []string{"tokenizer.model", "spiece.model", "sentencepiece.bpe.model"} {
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("tokenizer: %w", err)
		}
		if data, err = readVocabulary(fsys, name); err == nil {
			return c.openSentencePiece(data)
		}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	return c.openTables(fsys)
}

func (c *config) openTables(fsys fs.FS) (*plan.Plan, error) {
	vocab, err := readVocabulary(fsys, "vocab.json")
	if err == nil {
		merges, err := readVocabulary(fsys, "merges.txt")
		if err != nil {
			return nil, fmt.Errorf("tokenizer: vocab.json needs merges.txt beside it: %w", err)
		}
		return c.byteLevelParts(vocab, merges)
	}
	if errors.Is(err, fs.ErrNotExist) {
		vocab, err = readVocabulary(fsys, "vocab.txt")
		if errors.Is(err, fs.ErrNotExist) {
			return nil, errors.New("tokenizer: found none of tokenizer.json, tokenizer.model, spiece.model, " +
				"sentencepiece.bpe.model, vocab.json with merges.txt, vocab.txt")
		}
		if err == nil {
			return c.bertParts(vocab)
		}
	}
	return nil, fmt.Errorf("tokenizer: %w", err)
}

// classStages puts the stages of classes that do not take them from tokenizer.json.
func (c *config) classStages(p *plan.Plan) {
	if c.Class != "LlamaTokenizer" || p.ByteLevel || p.Kind != "BPE" {
		return
	}
	p.Normalizer = nil
	d := decode.Parser{}
	d.Add(func() decode.Step { return &decode.ReplaceToken{Old: []byte(chars.SpaceMark), New: []byte(" ")} })
	d.Add(func() decode.Step { return new(decode.ByteFallback) })
	d.Add(func() decode.Step { return new(decode.Fuse) })
	m := pretoken.Metaspace{Mark: chars.SpaceMark, Prepend: pretoken.PrependNever}
	if jsonscan.OrTrue(c.PrefixSpace) {
		d.Add(func() decode.Step { return &decode.StripEnds{Content: []byte(" "), Left: 1} })
		if m.Prepend = pretoken.PrependFirst; c.Legacy != nil && *c.Legacy {
			m.Prepend = pretoken.PrependAlways
		}
	}
	p.PreTokenizer, p.Decoder = m, d.Chain
}

// openSentencePiece reads a SentencePiece model and names its special tokens where the files did not.
func (c *config) openSentencePiece(data []byte) (*plan.Plan, error) {
	if c.ownStages() {
		m, err := sentencepiece.Read(data)
		var p *plan.Plan
		if err == nil {
			p, err = c.seq2seqParts(m)
		}
		if err != nil {
			return nil, fmt.Errorf("tokenizer: SentencePiece model: %w", err)
		}
		return p, nil
	}
	p, m, err := sentencepiece.Parse(data, jsonscan.OrTrue(c.Legacy))
	if err != nil {
		return nil, err
	}
	if m.Role(m.BosID, m.BosPiece) >= 0 {
		setDefault(&c.BOS, m.BosPiece)
	}
	if m.Role(m.EosID, m.EosPiece) >= 0 {
		setDefault(&c.EOS, m.EosPiece)
	}
	if m.Role(m.UnkID, m.UnkPiece) >= 0 {
		setDefault(&c.UNK, m.UnkPiece)
	}
	c.classStages(p)
	return p, nil
}

// templates settles which tokens go around a text where the vocabulary file does not say.
func (c *config) templates(p *plan.Plan) error {
	if done, err := c.seq2seqTemplates(p); done || err != nil {
		return err
	}
	if p.Post.Configured {
		return nil
	}
	switch s := p.Special; c.Class {
	case "BertTokenizer":
		if s.CLS < 0 || s.SEP < 0 {
			return errors.New("tokenizer: the vocabulary has no [CLS] or no [SEP]")
		}
		p.Post = post.BERT(s.CLS, s.SEP)
	case "RobertaTokenizer", "CLIPTokenizer":
		cls, sep := s.CLS, s.SEP
		if c.Class == "CLIPTokenizer" {
			cls, sep = s.BOS, s.EOS
		}
		if cls < 0 || sep < 0 {
			return fmt.Errorf("tokenizer: the vocabulary lacks the tokens that %s puts around a text", c.Class)
		}
		p.Post = post.RoBERTa(cls, sep)
		p.Post.Trim = c.Class == "RobertaTokenizer"
		p.Post.Prefixed = c.PrefixSpace != nil && *c.PrefixSpace
	default:
		bos, eos := -1, -1
		if c.AddBOS != nil && *c.AddBOS {
			bos = s.BOS
		}
		if c.AddEOS != nil && *c.AddEOS {
			eos = s.EOS
		}
		p.Post = post.Boundaries(bos, eos)
	}
	return nil
}

// FromVocabMerges returns the plan of GPT-2's tokenizer, from vocab.json and merges.txt.
func FromVocabMerges(vocab, merges []byte) (*plan.Plan, error) {
	c := new(config)
	p, err := c.byteLevelParts(vocab, merges)
	if err != nil {
		return nil, err
	}
	c.apply(p)
	return p, c.finish(p)
}

// FromVocabText returns the plan of BERT's tokenizer, from vocab.txt.
func FromVocabText(vocab []byte, lower bool) (*plan.Plan, error) {
	c := &config{Lower: &lower}
	p, err := c.bertParts(vocab)
	if err != nil {
		return nil, err
	}
	c.apply(p)
	return p, c.finish(p)
}

// finish settles the tokens that play a part, and what goes around a text.
func (c *config) finish(p *plan.Plan) error {
	p.Settle()
	c.fill(p)
	return c.templates(p)
}

func (c *config) byteLevelParts(vocab, merges []byte) (*plan.Plan, error) {
	clip := c.Class == "CLIPTokenizer"
	p := plan.New()
	p.ByteLevel, p.DecodesBytes, p.Kind = true, true, "BPE"
	list, err := plan.ReadVocab(vocab)
	if err == nil {
		err = p.NewVocabulary(list)
	}
	if err != nil {
		return nil, fmt.Errorf("tokenizer: vocab.json: %w", err)
	}
	m := &models.BPE{Vocab: p.Vocab, ByteLevel: true}
	if clip {
		m.Suffix = "</w>"
	}
	if err := p.ReadMergeLines(m, merges); err != nil {
		return nil, fmt.Errorf("tokenizer: merges.txt: %w", err)
	}
	m.Finish()
	p.Model = m
	p.Decoder = decode.Chain{func() decode.Step { return new(decode.ValidUTF8) }}
	var pre pretoken.Sequence
	if c.PrefixSpace != nil && *c.PrefixSpace {
		pre = append(pre, pretoken.PrefixSpace{})
	}
	p.PreTokenizer = append(pre, pretoken.Scan{Next: pretoken.ScanGPT2})
	c.byteLevelSpecials(p, m)
	return p, nil
}

// byteLevelSpecials names the special tokens of the classes that come as vocab.json and merges.txt.
func (c *config) byteLevelSpecials(p *plan.Plan, m *models.BPE) {
	switch c.Class {
	case "RobertaTokenizer":
		setDefault(&c.BOS, "<s>")
		setDefault(&c.EOS, "</s>")
		setDefault(&c.SEP, "</s>")
		setDefault(&c.CLS, "<s>")
		setDefault(&c.UNK, "<unk>")
		setDefault(&c.PAD, "<pad>")
		setDefault(&c.Mask, "<mask>")
	case "CLIPTokenizer":
		p.Normalizer = normalize.ClipNormalizer()
		p.PreTokenizer = pretoken.Sequence{pretoken.Scan{Next: pretoken.ScanCLIP, DropSpaces: true}, pretoken.Scan{Next: pretoken.ScanGPT2}}
		setDefault(&c.BOS, "<|startoftext|>")
		setDefault(&c.EOS, "<|endoftext|>")
		setDefault(&c.UNK, "<|endoftext|>")
		setDefault(&c.PAD, "<|endoftext|>")
		p.SetUnknown(m, c.UNK.Content)
	case "Qwen2Tokenizer":
		p.Normalizer = normalize.Nfc()
		p.PreTokenizer = pretoken.Scan{Next: pretoken.ScanQwen2}
		setDefault(&c.EOS, "<|endoftext|>")
		setDefault(&c.UNK, "<|endoftext|>")
		setDefault(&c.PAD, "<|endoftext|>")
	default:
		setDefault(&c.BOS, "<|endoftext|>")
		setDefault(&c.EOS, "<|endoftext|>")
		setDefault(&c.UNK, "<|endoftext|>")
	}
}

func (c *config) bertParts(vocab []byte) (*plan.Plan, error) {
	p := plan.New()
	p.Kind = "WordPiece"
	list := make([]models.Entry, 0, bytes.Count(vocab, []byte("\n"))+1)
	cased := false
	for line := range bytes.Lines(vocab) {
		line = bytes.TrimRight(line, "\r\n")
		list = append(list, models.Entry{Token: line, Id: uint32(len(list))})
		cased = cased || len(line) > 0 && line[0] != '[' && bytes.ContainsAny(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	}
	err := models.CheckEmpty(list)
	if err == nil {
		err = p.NewVocabulary(list)
	}
	if err == nil {
		setDefault(&c.UNK, "[UNK]")
		p.Model, err = models.NewWordPiece(p.Vocab, c.UNK.Content, "##", 100)
	}
	if err != nil {
		return nil, fmt.Errorf("tokenizer: vocab.txt: %w", err)
	}
	setDefault(&c.SEP, "[SEP]")
	setDefault(&c.PAD, "[PAD]")
	setDefault(&c.CLS, "[CLS]")
	setDefault(&c.Mask, "[MASK]")
	c.Class = "BertTokenizer"
	n := normalize.BertNormalizer{Clean: true, Chinese: jsonscan.OrTrue(c.Chinese), Lower: !cased}
	if c.Lower != nil {
		n.Lower = *c.Lower
	}
	if n.Accents = n.Lower; c.Accents != nil {
		n.Accents = *c.Accents
	}
	p.Normalizer, p.PreTokenizer = n, pretoken.BertWords{}
	p.Decoder = decode.Chain{func() decode.Step { return &decode.MapEach{F: decode.WordPieceText("##", true)} }}
	return p, nil
}

package hf

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/internal/whatis"
	"github.com/seed2010d43f/transformer/tokenizer/internal/jsonscan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/models"
	"github.com/seed2010d43f/transformer/tokenizer/internal/normalize"
	"github.com/seed2010d43f/transformer/tokenizer/internal/plan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/sentencepiece"
)

// openRaw reads a vocabulary that comes without a tokenizer.json.
func (c *config) openRaw(fsys fs.FS) (*plan.Plan, error) {
	if p, ok, err := c.readListed(fsys); ok {
		return p, err
	}
	for _, name := range []string{"tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "spm.model"} {
		data, err := readVocabulary(fsys, name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, err
		}
		if err := c.canRead(sentencePiece, name); err != nil {
			return nil, err
		}
		return c.openSentencePiece(data)
	}
	vocab, err := readVocabulary(fsys, "vocab.json")
	if err == nil {
		merges, err := readVocabulary(fsys, "merges.txt")
		if err != nil {
			return nil, fmt.Errorf("vocab.json needs merges.txt beside it: %w", err)
		}
		if err := c.canRead(vocabMerges, "vocab.json"); err != nil {
			return nil, err
		}
		return c.openVocabMerges(vocab, merges)
	}
	if errors.Is(err, fs.ErrNotExist) {
		vocab, err = readVocabulary(fsys, "vocab.txt")
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nothing(fsys)
		}
		if err == nil {
			if err = c.canRead(vocabText, "vocab.txt"); err == nil {
				return c.openVocabText(vocab)
			}
		}
	}
	return nil, err
}

// nothing is the error for a folder without a vocabulary.
func nothing(fsys fs.FS) error {
	if sidefile.Exists(fsys, "qwen.tiktoken") {
		return errors.New("qwen.tiktoken, of Qwen 1, is not supported: its class is custom code; a tokenizer.json of it can be opened")
	}
	what := whatis.WithoutTokenizer(fsys)
	if what != "" {
		what = "; " + what
	}
	return errors.New("found none of tokenizer.json, tekken.json, tokenizer.model, tiktoken.model, spiece.model, sentencepiece.bpe.model, " +
		"spm.model, vocab.json with merges.txt, vocab.txt" + what)
}

// canRead refuses a class that is not known, or whose vocabulary is not of the form that was found.
func (c *config) canRead(f format, file string) error {
	switch {
	case c.Class != "" && c.rawClass == nil:
		return fmt.Errorf("the tokenizer class %.100q is not supported, so %s alone cannot be read; put a tokenizer.json beside it", c.Class, file)
	case c.class != nil && c.class.raw != f:
		return fmt.Errorf("the tokenizer class %s does not read %s; put its own vocabulary or a tokenizer.json beside it", c.Class, file)
	}
	return nil
}

// openSentencePiece reads a SentencePiece model: the way of the class, and without one as that library does.
func (c *config) openSentencePiece(data []byte) (*plan.Plan, error) {
	m, err := sentencepiece.Read(data)
	var p *plan.Plan
	if err == nil {
		switch {
		case c.class == nil:
			p, err = c.ownPieces(m)
		case c.class.pieces != nil:
			p, err = c.class.pieces(c, m)
		default:
			p, err = c.classPieces(m)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("SentencePiece model: %w", err)
	}
	return p, nil
}

// ownPieces names the special tokens that the model does where the files did not.
func (c *config) ownPieces(m *sentencepiece.Model) (*plan.Plan, error) {
	p, err := m.Plan(jsonscan.OrTrue(c.Legacy))
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
	return p, nil
}

// classPieces reads a SentencePiece model the way of the class.
func (c *config) classPieces(m *sentencepiece.Model) (*plan.Plan, error) {
	k := c.class
	c.null = nil // the ids of pieces hang on the special tokens
	c.setRoles(&k.roles)
	p := plan.New()
	p.FromPieces = true
	var charsMap *normalize.CharsMap
	if len(m.CharsMap) > 0 {
		var err error
		if charsMap, err = normalize.NewCharsMap(m.CharsMap); err != nil {
			return nil, err
		}
	}
	c.mapped = charsMap != nil
	stages := k.stages(c)
	if c.older && k.older != nil {
		stages = k.older(c)
	}
	if err := p.SetStages(&stages, charsMap); err != nil {
		return nil, err
	}
	own := *m
	if c.older && k.commas {
		own.Pieces = withoutCommas(own.Pieces)
	}
	if k.layout != nil {
		var err error
		if own.Pieces, err = k.layout(c, own.Pieces); err != nil {
			return nil, err
		}
	}
	var err error
	switch {
	case k.name == "NllbTokenizer":
		err = c.nllbModel(p, &own, m)
	case k.bpe != nil && m.ModelType != sentencepiece.TypeBPE:
		err = fmt.Errorf("model type %d is not supported for %s; BPE (2) is", m.ModelType, c.Class)
	case k.bpe != nil:
		if err = own.Build(p); err == nil {
			c.setPairs(p, p.Model.(*models.BPE))
		}
	default:
		err = c.unigramModel(p, &own)
	}
	if err != nil {
		return nil, err
	}
	c.listExtra(p, m)
	return p, nil
}

// withoutCommas makes pieces of a digit and a comma unlikely: the models were trained on texts that have none.
func withoutCommas(pieces []sentencepiece.Piece) []sentencepiece.Piece {
	out := slices.Clone(pieces)
	for i := range out {
		before, ok := strings.CutSuffix(out[i].Text, ",")
		if r, _ := utf8.DecodeLastRuneInString(before); ok && before != "" && unicode.IsDigit(r) {
			out[i].Score -= 100
		}
	}
	return out
}

func (c *config) unigramModel(p *plan.Plan, m *sentencepiece.Model) error {
	if m.ModelType != sentencepiece.TypeUnigram {
		return fmt.Errorf("model type %d is not supported for %s; Unigram (1) is", m.ModelType, c.Class)
	}
	tokens, scores := make([]models.Entry, len(m.Pieces)), make([]float64, len(m.Pieces))
	for id, piece := range m.Pieces {
		tokens[id] = models.Entry{Token: []byte(piece.Text), Id: uint32(id)}
		scores[id] = float64(piece.Score)
	}
	if err := p.NewUnigram(tokens, scores, -1, false); err != nil {
		return err
	}
	unk, err := c.class.unknown(c, p)
	p.Model.(*models.Unigram).Unk = uint32(unk) + 1
	return err
}

// numbered returns the unknown token of a fixed id.
func numbered(id int) func(*config, *plan.Plan) (int, error) {
	return func(c *config, p *plan.Plan) (int, error) {
		if id >= p.Vocab.Size() {
			return 0, fmt.Errorf("the vocabulary of %d lacks the unknown token of %s, id %d", p.Vocab.Size(), c.Class, id)
		}
		return id, nil
	}
}

// named returns the unknown token that unk_token names, or else that of an id; −1: none.
func named(otherwise int) func(*config, *plan.Plan) (int, error) {
	return func(c *config, p *plan.Plan) (int, error) {
		if id, ok := p.Find([]byte(c.UNK.Content)); ok {
			return int(id), nil
		}
		if otherwise < 0 {
			return 0, fmt.Errorf("the vocabulary lacks the unknown token %.200q of %s", c.UNK.Content, c.Class)
		}
		return numbered(otherwise)(c, p)
	}
}

// debertaV2Unknown returns the piece that unk_token names, if its score is 0, or else that of unk_id.
func debertaV2Unknown(c *config, p *plan.Plan) (int, error) {
	if id, ok := p.Find([]byte(c.UNK.Content)); ok && p.Model.(*models.Unigram).Scores[id] == 0 {
		return int(id), nil
	}
	if c.UnkID != nil && *c.UnkID >= 0 {
		return numbered(*c.UnkID)(c, p)
	}
	return numbered(1)(c, p)
}

// FromVocabMerges returns the plan of GPT-2's tokenizer, from vocab.json and merges.txt.
func FromVocabMerges(vocab, merges []byte) (*plan.Plan, error) {
	c := new(config)
	return c.finished(c.openVocabMerges(vocab, merges))
}

// FromVocabText returns the plan of BERT's tokenizer, from vocab.txt.
func FromVocabText(vocab []byte, lower bool) (*plan.Plan, error) {
	c := &config{Lower: &lower}
	return c.finished(c.openVocabText(vocab))
}

func (c *config) finished(p *plan.Plan, err error) (*plan.Plan, error) {
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	return p, c.finish(p)
}

// begin returns a plan with the stages of the class, which is the one that is named where the files name none.
func (c *config) begin(unnamed string) (*plan.Plan, error) {
	if c.class == nil {
		c.class, c.Class = find(unnamed), unnamed
	}
	c.setRoles(&c.class.roles)
	p, stages := plan.New(), c.class.stages(c)
	return p, p.SetStages(&stages, nil)
}

// openVocabMerges reads vocab.json and merges.txt.
func (c *config) openVocabMerges(vocab, merges []byte) (*plan.Plan, error) {
	p, err := c.begin("GPT2Tokenizer")
	if err != nil {
		return nil, err
	}
	list, err := plan.ReadVocab(vocab)
	if err == nil {
		err = p.NewVocabulary(list)
	}
	if err != nil {
		return nil, fmt.Errorf("vocab.json: %w", err)
	}
	m := &models.BPE{Vocab: p.Vocab, ByteLevel: p.ByteLevel}
	if err := p.ReadMergeLines(m, merges); err != nil {
		return nil, fmt.Errorf("merges.txt: %w", err)
	}
	c.setPairs(p, m)
	p.Model, p.Kind = m, "BPE"
	return p, nil
}

// openVocabText reads vocab.txt, a token a line. Where nothing says whether text is to be lower-cased, it is if no token
// has an upper-case letter.
func (c *config) openVocabText(vocab []byte) (*plan.Plan, error) {
	list := make([]models.Entry, 0, bytes.Count(vocab, []byte("\n"))+1)
	cased := false
	for line := range bytes.Lines(vocab) {
		line = bytes.TrimRight(line, "\r\n")
		list = append(list, models.Entry{Token: line, Id: uint32(len(list))})
		cased = cased || len(line) > 0 && line[0] != '[' && bytes.ContainsAny(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	}
	if lower := !cased; c.class == nil && c.Lower == nil {
		c.Lower = &lower
	}
	p, err := c.begin("BertTokenizer")
	if err == nil {
		err = models.CheckEmpty(list)
	}
	if err == nil {
		err = p.NewVocabulary(list)
	}
	if err == nil {
		p.Model, err = models.NewWordPiece(p.Vocab, c.UNK.Content, "##", 100)
	}
	if err != nil {
		return nil, fmt.Errorf("vocab.txt: %w", err)
	}
	p.Kind = "WordPiece"
	return p, nil
}

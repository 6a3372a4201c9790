package hf

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/tokenizer/internal/added"
	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
	"github.com/seed2010d43f/transformer/tokenizer/internal/decode"
	"github.com/seed2010d43f/transformer/tokenizer/internal/models"
	"github.com/seed2010d43f/transformer/tokenizer/internal/normalize"
	"github.com/seed2010d43f/transformer/tokenizer/internal/plan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/post"
	"github.com/seed2010d43f/transformer/tokenizer/internal/pretoken"
	"github.com/seed2010d43f/transformer/tokenizer/internal/sentencepiece"
)

// The classes of this file are encoder–decoder models' with a SentencePiece model whose ids are not the model's own.
// They take the vocabulary, and of the normalizer the precompiled map, from either file; all other stages are theirs.

// ownStages reports whether the class has stages of its own.
func (c *config) ownStages() bool {
	switch c.Class {
	case "T5Tokenizer", "MBartTokenizer", "MBart50Tokenizer", "NllbTokenizer", "PegasusTokenizer":
		return true
	}
	return false
}

// rebuild puts the stages of the class in place of those of tokenizer.json.
func (c *config) rebuild(p *plan.Plan) error {
	c.nameSpecials()
	c.setStages(p, normalize.FindCharsMap(p.Normalizer))
	if u, ok := p.Model.(*models.Unigram); ok {
		unk, err := c.unknown(p)
		if err != nil {
			return err
		}
		u.Unk = uint32(unk) + 1
	}
	if b, ok := p.Model.(*models.BPE); ok && c.Class == "NllbTokenizer" {
		if id, ok := p.Find([]byte(c.UNK.Content)); ok {
			b.Unk, b.FuseUnk, b.FallsBack = id+1, true, false
			b.Finish()
		}
	}
	c.listExtra(p, nil)
	return nil
}

// seq2seqParts reads a SentencePiece model the way of the class.
func (c *config) seq2seqParts(m *sentencepiece.Model) (*plan.Plan, error) {
	c.nameSpecials()
	p := plan.New()
	var charsMap *normalize.CharsMap
	if len(m.CharsMap) > 0 {
		var err error
		if charsMap, err = normalize.NewCharsMap(m.CharsMap); err != nil {
			return nil, err
		}
	}
	c.setStages(p, charsMap)
	own := *m
	var err error
	if own.Pieces, err = c.layout(m.Pieces); err != nil {
		return nil, err
	}
	if c.Class == "NllbTokenizer" {
		err = c.nllbModel(p, &own, m)
	} else {
		err = c.unigramModel(p, &own)
	}
	if err != nil {
		return nil, err
	}
	c.listExtra(p, m)
	return p, nil
}

// nameSpecials names the special tokens that the files left out.
func (c *config) nameSpecials() {
	setDefault(&c.EOS, "</s>")
	setDefault(&c.UNK, "<unk>")
	setDefault(&c.PAD, "<pad>")
	switch c.Class {
	case "T5Tokenizer":
		return
	case "PegasusTokenizer":
		return // its masks are named when the vocabulary is laid out
	case "MBartTokenizer", "NllbTokenizer":
		setDefault(&c.BOS, "<s>")
	}
	setDefault(&c.SEP, "</s>")
	setDefault(&c.CLS, "<s>")
	setDefault(&c.Mask, "<mask>")
	if c.Mask.plain {
		c.Mask.LStrip = true
		c.Mask.plain = c.Class != "NllbTokenizer" // whose mask is looked for in the normalised text
	}
}

// setStages sets normalizer, pre-tokenizer and decoder.
func (c *config) setStages(p *plan.Plan, m *normalize.CharsMap) {
	var n normalize.Sequence
	if m != nil && c.Class != "MBartTokenizer" {
		n = append(n, m)
	}
	pre := pretoken.Sequence{pretoken.Metaspace{Mark: chars.SpaceMark, Cut: true}}
	switch c.Class {
	case "T5Tokenizer", "MBartTokenizer":
		pre = append(pretoken.Sequence{pretoken.SplitClass{Class: chars.Space, How: pretoken.Removed}}, pre...)
	case "MBart50Tokenizer":
		n = append(n, normalize.ReplaceRuns{New: " "})
	case "NllbTokenizer":
		if m != nil {
			n = append(n, normalize.ReplaceRuns{New: " "})
		}
	case "PegasusTokenizer":
		if m == nil {
			n = append(n, normalize.ReplaceString{Old: "\n", New: " "})
		}
		n = append(n, normalize.ReplaceRuns{New: " "})
	}
	if p.Normalizer = nil; len(n) > 0 {
		p.Normalizer = n
	}
	p.PreTokenizer = pre
	p.Decoder = decode.Chain{func() decode.Step { return &decode.MapEach{F: decode.MetaspaceText(chars.SpaceMark, true)} }}
	p.DecodesBytes = false
}

// maxExtra bounds the tokens that a number in a configuration may ask for. Published ones ask for about 100.
const maxExtra = 1 << 12

// layout returns the pieces in order of the model's ids.
func (c *config) layout(pieces []sentencepiece.Piece) ([]sentencepiece.Piece, error) {
	named := func(texts ...string) (out []sentencepiece.Piece) {
		for _, s := range texts {
			out = append(out, sentencepiece.Piece{Text: s, Kind: sentencepiece.Normal})
		}
		return out
	}
	after := func(n int) []sentencepiece.Piece { return pieces[min(n, len(pieces)):] }
	codes := named(publishedCodes(c.Class, "")...)
	switch c.Class {
	case "MBartTokenizer", "MBart50Tokenizer":
		first := c.CLS.Content
		if c.Class == "MBartTokenizer" {
			first = c.BOS.Content
		}
		return slices.Concat(named(first, c.PAD.Content, c.EOS.Content, c.UNK.Content), after(3), codes, named(c.Mask.Content)), nil
	case "NllbTokenizer":
		out := named(c.BOS.Content, c.PAD.Content, c.EOS.Content, c.UNK.Content)
		for _, p := range pieces {
			if !slices.ContainsFunc(out[:4], func(q sentencepiece.Piece) bool { return q.Text == p.Text }) {
				out = append(out, p)
			}
		}
		return out, nil
	case "PegasusTokenizer":
		return c.pegasusLayout(after(2))
	}
	n, err := bounded("extra_ids", c.ExtraIDs, 100)
	out := slices.Clone(pieces)
	for i := n - 1; i >= 0; i-- {
		out = append(out, named(fmt.Sprintf("<extra_id_%d>", i))...)
	}
	return out, err
}

// pegasusLayout puts padding, the end, two masks and unused tokens before the pieces. The mask of a word comes before
// that of a sentence where the configuration names them, as in the reference.
func (c *config) pegasusLayout(pieces []sentencepiece.Piece) ([]sentencepiece.Piece, error) {
	n, err := bounded("offset", c.Offset, 103)
	if err != nil {
		return nil, err
	}
	word, sentence := "<mask_1>", "<mask_2>"
	if c.Mask != nil {
		word = c.Mask.Content
	}
	if c.MaskSentence != nil {
		sentence = c.MaskSentence.Content
	}
	out := []sentencepiece.Piece{{Text: c.PAD.Content}, {Text: c.EOS.Content}, {Text: word}}
	if sentence != word {
		out = append(out, sentencepiece.Piece{Text: sentence})
	}
	for i := 2; i < n; i++ {
		out = append(out, sentencepiece.Piece{Text: fmt.Sprintf("<unk_%d>", i), Score: -100})
	}
	return append(out, pieces...), nil
}

// bounded returns the number that a configuration has for key.
func bounded(key string, n *int, unset int) (int, error) {
	if n == nil {
		return unset, nil
	}
	if *n < 0 || *n > maxExtra {
		return 0, fmt.Errorf("tokenizer_config.json: %s is %d; it must be from 0 to %d", key, *n, maxExtra)
	}
	return *n, nil
}

func (c *config) unigramModel(p *plan.Plan, m *sentencepiece.Model) error {
	if m.ModelType != sentencepiece.TypeUnigram {
		return fmt.Errorf("model type %d is not supported for %s; Unigram (1) is", m.ModelType, c.Class)
	}
	tokens, scores := make([]models.Entry, len(m.Pieces)), make([]float64, len(m.Pieces))
	for id, piece := range m.Pieces {
		tokens[id] = models.Entry{Token: []byte(piece.Text), Id: uint32(id)}
		scores[id] = piece.Score
	}
	if err := p.NewUnigram(tokens, scores, -1, false); err != nil {
		return err
	}
	unk, err := c.unknown(p)
	p.Model.(*models.Unigram).Unk = uint32(unk) + 1
	return err
}

// unknown returns the id of the unknown token, which for all but Pegasus is a fixed one.
func (c *config) unknown(p *plan.Plan) (int, error) {
	unk := 3
	switch c.Class {
	case "T5Tokenizer":
		unk = 2
	case "PegasusTokenizer":
		id, ok := p.Find([]byte(c.UNK.Content))
		if !ok {
			return 0, fmt.Errorf("the vocabulary lacks the unknown token %.200q of %s", c.UNK.Content, c.Class)
		}
		unk = int(id)
	}
	if unk >= p.Vocab.Size() {
		return 0, fmt.Errorf("the vocabulary of %d lacks the unknown token of %s, id %d", p.Vocab.Size(), c.Class, unk)
	}
	return unk, nil
}

// nllbModel makes byte pairs of pieces: any two that make up a third merge, in the order of the third's place in the file.
func (c *config) nllbModel(p *plan.Plan, m, file *sentencepiece.Model) error {
	if file.ModelType != sentencepiece.TypeBPE {
		return fmt.Errorf("model type %d is not supported for %s; BPE (2) is", file.ModelType, c.Class)
	}
	tokens := make([]models.Entry, len(m.Pieces))
	for id, piece := range m.Pieces {
		tokens[id] = models.Entry{Token: []byte(piece.Text), Id: uint32(id)}
	}
	if err := p.NewVocabulary(tokens); err != nil {
		return err
	}
	place := make(map[string]float64, len(file.Pieces))
	for i, piece := range file.Pieces {
		place[piece.Text] = float64(-i)
	}
	all := *m
	all.Pieces = slices.Clone(m.Pieces)
	for i := range all.Pieces {
		all.Pieces[i].Kind, all.Pieces[i].Score = sentencepiece.Unused, place[all.Pieces[i].Text]
		if _, ok := place[all.Pieces[i].Text]; ok {
			all.Pieces[i].Kind = sentencepiece.Normal
		}
	}
	b := &models.BPE{Vocab: p.Vocab, FuseUnk: true}
	if id, ok := p.Vocab.Find([]byte(c.UNK.Content)); ok {
		b.Unk = id + 1
	}
	if err := all.Merges(b); err != nil {
		return err
	}
	b.Finish()
	p.Model, p.Kind = b, "BPE"
	// The reference leaves the languages out here and puts the mask in place of the first; models have them in order.
	for i, code := range publishedCodes(c.Class, "") {
		if _, ok := p.Find([]byte(code)); !ok {
			p.Added = append(p.Added, added.Token{ID: p.Vocab.Size() + i, Content: code, Special: true})
		}
	}
	return nil
}

// listExtra settles the special tokens that play no part of their own: those of tokenizer_config.json where it lists
// any or none, else those of the class. m is nil for a tokenizer.json.
func (c *config) listExtra(p *plan.Plan, m *sentencepiece.Model) {
	if len(c.Extra) == 0 {
		c.Extra = c.Additional
	}
	given := c.Extra
	c.Additional = nil
	if c.listed {
		return
	}
	if m != nil {
		given = nil // the pieces of the model take the place of special_tokens_map.json's
		for id, piece := range m.Pieces {
			if piece.Text != "" && (piece.Kind == sentencepiece.Control || piece.Kind == sentencepiece.UserDefined) {
				if at, ok := p.Find([]byte(piece.Text)); ok {
					id = int(at)
				}
				p.Added = append(p.Added, added.Token{ID: id, Content: piece.Text, Special: piece.Kind == sentencepiece.Control})
			}
		}
	}
	c.Extra = slices.Concat(given, c.classExtra(p, given))
}

// classExtra returns the special tokens that the class adds to those given.
func (c *config) classExtra(p *plan.Plan, given specialList) (out specialList) {
	add := func(s string) {
		out = append(out, specialConfig{AddedTokenConfig: plan.AddedTokenConfig{Content: s}, plain: true})
	}
	switch c.Class {
	case "T5Tokenizer":
		sentinel := func(s string) bool { return strings.Contains(s, "<extra_id_") }
		if slices.ContainsFunc(given, func(s specialConfig) bool { return sentinel(s.Content) }) ||
			slices.ContainsFunc(p.Added, func(a added.Token) bool { return !a.Special && sentinel(a.Content) }) {
			return nil
		}
		n, _ := bounded("extra_ids", c.ExtraIDs, 100)
		for i := range n {
			add(fmt.Sprintf("<extra_id_%d>", i))
		}
	case "PegasusTokenizer":
		sentence := "<mask_1>"
		if c.MaskSentence != nil {
			sentence = c.MaskSentence.Content
		}
		add(sentence)
		n, _ := bounded("offset", c.Offset, 103)
		for i := 2; i < n; i++ {
			add(fmt.Sprintf("<unk_%d>", i))
		}
		setDefault(&c.Mask, "<mask_2>")
	case "NllbTokenizer":
		if len(given) > 0 {
			return nil
		}
		fallthrough
	default:
		for _, code := range publishedCodes(c.Class, "") {
			add(code)
		}
	}
	return out
}

// seq2seqTemplates puts the tokens of the class around texts, and reports whether it is one of them.
func (c *config) seq2seqTemplates(p *plan.Plan) (bool, error) {
	if !c.ownStages() || c.asIs && p.Post.Configured {
		return false, nil
	}
	end := post.Specials(0, p.Special.EOS)
	switch c.Class {
	case "T5Tokenizer":
		p.Post = post.Processor{Single: []post.Item{post.Sequence(0, 0), end}, Pair: []post.Item{post.Sequence(0, 0), end, post.Sequence(1, 0), end}}
	case "PegasusTokenizer":
		p.Post = post.Processor{Single: []post.Item{post.Sequence(0, 0), end}, Pair: []post.Item{post.Sequence(0, 0), post.Sequence(1, 0), end}}
	default:
		c.setLanguages(p)
	}
	if p.Special.EOS < 0 {
		return true, fmt.Errorf("tokenizer: the vocabulary lacks the token that ends a text, %.200q", c.EOS.Content)
	}
	return true, nil
}

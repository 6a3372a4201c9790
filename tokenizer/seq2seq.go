package tokenizer

import (
	"fmt"
	"slices"
	"strings"
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
func (c *config) rebuild(p *parts) error {
	c.nameSpecials()
	c.setStages(p, findCharsMap(p.normalizer))
	if u, ok := p.model.(*unigram); ok {
		unk, err := c.unknown(p)
		if err != nil {
			return err
		}
		u.unk = uint32(unk) + 1
	}
	if b, ok := p.model.(*bpe); ok && c.Class == "NllbTokenizer" {
		if id, ok := p.find([]byte(c.UNK.Content)); ok {
			b.unk, b.fuseUnk, b.fallsBack = id+1, true, false
			b.finish()
		}
	}
	c.listExtra(p, nil)
	return nil
}

// seq2seqParts reads a SentencePiece model the way of the class.
func (c *config) seq2seqParts(m *spModel) (*parts, error) {
	c.nameSpecials()
	p := &parts{post: plainTemplates()}
	var charsMap *charsMap
	if len(m.charsMap) > 0 {
		var err error
		if charsMap, err = newCharsMap(m.charsMap); err != nil {
			return nil, err
		}
	}
	c.setStages(p, charsMap)
	own := *m
	var err error
	if own.pieces, err = c.layout(m.pieces); err != nil {
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
func (c *config) setStages(p *parts, m *charsMap) {
	var n normalizers
	if m != nil && c.Class != "MBartTokenizer" {
		n = append(n, m)
	}
	pre := preTokenizers{metaspace{mark: spaceMark, cut: true}}
	switch c.Class {
	case "T5Tokenizer", "MBartTokenizer":
		pre = append(preTokenizers{splitClass{space, removed}}, pre...)
	case "MBart50Tokenizer":
		n = append(n, replaceRuns{" "})
	case "NllbTokenizer":
		if m != nil {
			n = append(n, replaceRuns{" "})
		}
	case "PegasusTokenizer":
		if m == nil {
			n = append(n, replaceString{"\n", " "})
		}
		n = append(n, replaceRuns{" "})
	}
	if p.normalizer = nil; len(n) > 0 {
		p.normalizer = n
	}
	p.preTokenizer = pre
	p.decoder = decoderChain{func() decodeStep { return &mapEach{f: metaspaceText(spaceMark, true)} }}
	p.decodesBytes = false
}

func findCharsMap(n normalizer) *charsMap {
	switch n := n.(type) {
	case *charsMap:
		return n
	case normalizers:
		for _, each := range n {
			if m := findCharsMap(each); m != nil {
				return m
			}
		}
	}
	return nil
}

// maxExtra bounds the tokens that a number in a configuration may ask for. Published ones ask for about 100.
const maxExtra = 1 << 12

// layout returns the pieces in order of the model's ids.
func (c *config) layout(pieces []spPiece) ([]spPiece, error) {
	named := func(texts ...string) (out []spPiece) {
		for _, s := range texts {
			out = append(out, spPiece{text: s, kind: spNormal})
		}
		return out
	}
	after := func(n int) []spPiece { return pieces[min(n, len(pieces)):] }
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
			if !slices.ContainsFunc(out[:4], func(q spPiece) bool { return q.text == p.text }) {
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
func (c *config) pegasusLayout(pieces []spPiece) ([]spPiece, error) {
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
	out := []spPiece{{text: c.PAD.Content}, {text: c.EOS.Content}, {text: word}}
	if sentence != word {
		out = append(out, spPiece{text: sentence})
	}
	for i := 2; i < n; i++ {
		out = append(out, spPiece{text: fmt.Sprintf("<unk_%d>", i), score: -100})
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

func (c *config) unigramModel(p *parts, m *spModel) error {
	if m.modelType != spUnigram {
		return fmt.Errorf("model type %d is not supported for %s; Unigram (1) is", m.modelType, c.Class)
	}
	tokens, scores := make([]entry, len(m.pieces)), make([]float64, len(m.pieces))
	for id, piece := range m.pieces {
		tokens[id] = entry{[]byte(piece.text), uint32(id)}
		scores[id] = piece.score
	}
	if err := p.newUnigram(tokens, scores, -1, false); err != nil {
		return err
	}
	unk, err := c.unknown(p)
	p.model.(*unigram).unk = uint32(unk) + 1
	return err
}

// unknown returns the id of the unknown token, which for all but Pegasus is a fixed one.
func (c *config) unknown(p *parts) (int, error) {
	unk := 3
	switch c.Class {
	case "T5Tokenizer":
		unk = 2
	case "PegasusTokenizer":
		id, ok := p.find([]byte(c.UNK.Content))
		if !ok {
			return 0, fmt.Errorf("the vocabulary lacks the unknown token %.200q of %s", c.UNK.Content, c.Class)
		}
		unk = int(id)
	}
	if unk >= p.vocab.size() {
		return 0, fmt.Errorf("the vocabulary of %d lacks the unknown token of %s, id %d", p.vocab.size(), c.Class, unk)
	}
	return unk, nil
}

// nllbModel makes byte pairs of pieces: any two that make up a third merge, in the order of the third's place in the file.
func (c *config) nllbModel(p *parts, m, file *spModel) error {
	if file.modelType != spBPE {
		return fmt.Errorf("model type %d is not supported for %s; BPE (2) is", file.modelType, c.Class)
	}
	tokens := make([]entry, len(m.pieces))
	for id, piece := range m.pieces {
		tokens[id] = entry{[]byte(piece.text), uint32(id)}
	}
	if err := p.newVocabulary(tokens); err != nil {
		return err
	}
	place := make(map[string]float64, len(file.pieces))
	for i, piece := range file.pieces {
		place[piece.text] = float64(-i)
	}
	all := *m
	all.pieces = slices.Clone(m.pieces)
	for i := range all.pieces {
		all.pieces[i].kind, all.pieces[i].score = spUnused, place[all.pieces[i].text]
		if _, ok := place[all.pieces[i].text]; ok {
			all.pieces[i].kind = spNormal
		}
	}
	b := &bpe{vocab: p.vocab, fuseUnk: true}
	if id, ok := p.vocab.find([]byte(c.UNK.Content)); ok {
		b.unk = id + 1
	}
	if err := all.merges(b); err != nil {
		return err
	}
	b.finish()
	p.model, p.kind = b, "BPE"
	// The reference leaves the languages out here and puts the mask in place of the first; models have them in order.
	for i, code := range publishedCodes(c.Class, "") {
		if _, ok := p.find([]byte(code)); !ok {
			p.added = append(p.added, AddedToken{ID: p.vocab.size() + i, Content: code, Special: true})
		}
	}
	return nil
}

// listExtra settles the special tokens that play no part of their own: those of tokenizer_config.json where it lists
// any or none, else those of the class. m is nil for a tokenizer.json.
func (c *config) listExtra(p *parts, m *spModel) {
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
		for id, piece := range m.pieces {
			if piece.text != "" && (piece.kind == spControl || piece.kind == spUserDefined) {
				if at, ok := p.find([]byte(piece.text)); ok {
					id = int(at)
				}
				p.added = append(p.added, AddedToken{ID: id, Content: piece.text, Special: piece.kind == spControl})
			}
		}
	}
	c.Extra = slices.Concat(given, c.classExtra(p, given))
}

// classExtra returns the special tokens that the class adds to those given.
func (c *config) classExtra(p *parts, given specialList) (out specialList) {
	add := func(s string) {
		out = append(out, specialConfig{addedTokenConfig: addedTokenConfig{Content: s}, plain: true})
	}
	switch c.Class {
	case "T5Tokenizer":
		sentinel := func(s string) bool { return strings.Contains(s, "<extra_id_") }
		if slices.ContainsFunc(given, func(s specialConfig) bool { return sentinel(s.Content) }) ||
			slices.ContainsFunc(p.added, func(a AddedToken) bool { return !a.Special && sentinel(a.Content) }) {
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
func (c *config) seq2seqTemplates(t *Tokenizer) (bool, error) {
	if !c.ownStages() || c.asIs && t.post.configured {
		return false, nil
	}
	end := specials(0, t.special.EOS)
	switch c.Class {
	case "T5Tokenizer":
		t.post = postProcessor{single: []templateItem{sequence(0, 0), end}, pair: []templateItem{sequence(0, 0), end, sequence(1, 0), end}}
	case "PegasusTokenizer":
		t.post = postProcessor{single: []templateItem{sequence(0, 0), end}, pair: []templateItem{sequence(0, 0), sequence(1, 0), end}}
	default:
		c.setLanguages(t)
	}
	if t.special.EOS < 0 {
		return true, fmt.Errorf("tokenizer: the vocabulary lacks the token that ends a text, %.200q", c.EOS.Content)
	}
	return true, nil
}

package tokenizer

import (
	"cmp"
	"fmt"
	"slices"
	"unicode/utf8"
)

// spModel is a SentencePiece model file: what of sentencepiece_model.proto bears on encoding.
type spModel struct {
	pieces    []spPiece
	empty     int // pieces without text
	modelType uint64

	byteFallback, spaceSuffix                    bool
	unkID, bosID, eosID, padID                   int
	unkPiece, bosPiece, eosPiece, padPiece       string
	unkSurface                                   string
	charsMap                                     []byte
	dummyPrefix, removeExtraSpaces, escapeSpaces bool
}

type spPiece struct {
	text  string
	score float64
	kind  uint64
}

// Kinds of piece and types of model.
const (
	spNormal, spUnknown, spControl, spUserDefined, spUnused, spByte = 1, 2, 3, 4, 5, 6

	spUnigram, spBPE = 1, 2
)

func parseSP(data []byte) (*spModel, error) {
	m := &spModel{modelType: spUnigram, bosID: 1, eosID: 2, padID: -1, unkPiece: "<unk>", bosPiece: "<s>", eosPiece: "</s>",
		padPiece: "<pad>", dummyPrefix: true, removeExtraSpaces: true, escapeSpaces: true}
	err := protoFields(data, func(field int, _ uint64, data []byte) error {
		switch field {
		case 1:
			return m.piece(data)
		case 2:
			return protoFields(data, m.trainer)
		case 3:
			return protoFields(data, m.normalizer)
		}
		return nil
	})
	if err == nil && len(m.pieces) == 0 {
		err = fmt.Errorf("there are no pieces")
	}
	for id, p := range m.pieces {
		if err == nil && p.kind == spUserDefined {
			err = checkAdded(id, len(p.text))
		}
	}
	return m, err
}

func (m *spModel) piece(data []byte) error {
	p := spPiece{kind: spNormal}
	err := protoFields(data, func(field int, value uint64, data []byte) error {
		switch field {
		case 1:
			p.text = string(data)
		case 2:
			p.score = protoFloat(value)
		case 3:
			p.kind = value
		}
		return nil
	})
	m.pieces = append(m.pieces, p)
	if p.text == "" {
		m.empty++
	}
	switch {
	case err != nil:
		return err
	case m.empty > maxEmpty:
		return fmt.Errorf("more than %d pieces are empty", maxEmpty)
	case len(m.pieces) > maxVocab:
		return fmt.Errorf("more than %d pieces", maxVocab)
	}
	return nil
}

func (m *spModel) trainer(field int, value uint64, data []byte) error {
	switch field {
	case 3:
		m.modelType = value
	case 24:
		m.spaceSuffix = value != 0
	case 35:
		m.byteFallback = value != 0
	case 40:
		m.unkID = int(int32(value))
	case 41:
		m.bosID = int(int32(value))
	case 42:
		m.eosID = int(int32(value))
	case 43:
		m.padID = int(int32(value))
	case 44:
		m.unkSurface = string(data)
	case 45:
		m.unkPiece = string(data)
	case 46:
		m.bosPiece = string(data)
	case 47:
		m.eosPiece = string(data)
	case 48:
		m.padPiece = string(data)
	}
	return nil
}

func (m *spModel) normalizer(field int, value uint64, data []byte) error {
	switch field {
	case 2:
		m.charsMap = data
	case 3:
		m.dummyPrefix = value != 0
	case 4:
		m.removeExtraSpaces = value != 0
	case 5:
		m.escapeSpaces = value != 0
	}
	return nil
}

// ParseSentencePiece reads a SentencePiece model, BPE or Unigram. Encoding follows SentencePiece's own; each stretch
// between special tokens gets the dummy prefix of its own. The file does not say whether tokens for the beginning and
// the end are to be added, so none are; Open takes that from tokenizer_config.json.
func ParseSentencePiece(data []byte) (*Tokenizer, error) {
	p, m, err := spParts(data, true)
	if err != nil {
		return nil, err
	}
	t, err := p.build()
	if err != nil {
		return nil, fmt.Errorf("tokenizer: SentencePiece model: %w", err)
	}
	t.special.BOS, t.special.EOS = m.role(m.bosID, m.bosPiece), m.role(m.eosID, m.eosPiece)
	t.special.PAD, t.special.UNK = m.role(m.padID, m.padPiece), m.role(m.unkID, m.unkPiece)
	return t, nil
}

// role returns an id that plays a part, or −1 where it is none: a file without a trainer's settings has their defaults.
func (m *spModel) role(id int, text string) int {
	if id < 0 || id >= len(m.pieces) {
		return -1
	}
	if p := m.pieces[id]; p.kind != spControl && p.kind != spUnknown && p.text != text {
		return -1
	}
	return id
}

// spParts reads a model. With legacy set, each stretch between added tokens gets a dummy prefix, else only the first.
func spParts(data []byte, legacy bool) (*parts, *spModel, error) {
	m, err := parseSP(data)
	var p *parts
	if err == nil {
		p, err = m.parts(legacy)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("tokenizer: SentencePiece model: %w", err)
	}
	return p, m, nil
}

func (m *spModel) parts(legacy bool) (*parts, error) {
	if m.spaceSuffix {
		return nil, fmt.Errorf("treat_whitespace_as_suffix is not supported")
	}
	p := new(parts)
	if err := m.stages(p, legacy); err != nil {
		return nil, err
	}
	if err := m.model(p); err != nil {
		return nil, err
	}
	for id, piece := range m.pieces {
		special := piece.kind == spControl || id == m.role(m.unkID, m.unkPiece) || id == m.role(m.bosID, m.bosPiece) ||
			id == m.role(m.eosID, m.eosPiece)
		if piece.text != "" && special {
			p.added = append(p.added, AddedToken{ID: id, Content: piece.text, Special: true})
		}
	}
	p.post = plainTemplates()
	m.decoder(p)
	return p, nil
}

func (m *spModel) stages(p *parts, legacy bool) error {
	var n normalizers
	if len(m.charsMap) > 0 {
		c, err := newCharsMap(m.charsMap)
		if err != nil {
			return err
		}
		n = append(n, c)
	}
	if m.removeExtraSpaces {
		n = append(n, squeezeSpaces{})
	}
	if m.escapeSpaces {
		n = append(n, replaceString{" ", spaceMark})
	}
	if m.dummyPrefix && legacy {
		n = append(n, doubleMark{})
	}
	if len(n) > 0 {
		p.normalizer = n
	}
	var pre preTokenizers
	if m.dummyPrefix {
		scheme := prependFirst
		if legacy {
			scheme = prependAlways
		}
		pre = append(pre, metaspace{mark: spaceMark, prepend: scheme})
	}
	if own := m.userDefined(); !own.empty {
		pre = append(pre, splitLiterals{own})
	}
	if len(pre) > 0 {
		p.preTokenizer = pre
	}
	return nil
}

func (m *spModel) userDefined() *trie {
	t := newTrie()
	for id, piece := range m.pieces {
		if piece.kind == spUserDefined && piece.text != "" {
			t.add(piece.text, id)
		}
	}
	return t
}

func (m *spModel) model(p *parts) error {
	tokens, scores := make([]entry, len(m.pieces)), make([]float64, len(m.pieces))
	for id, piece := range m.pieces {
		tokens[id] = entry{[]byte(piece.text), uint32(id)}
		scores[id] = piece.score
	}
	switch m.modelType {
	case spUnigram:
		return p.newUnigram(tokens, scores, m.role(m.unkID, m.unkPiece), m.byteFallback)
	case spBPE:
		if err := p.newVocabulary(tokens); err != nil {
			return err
		}
		own := m.userDefined()
		b := &bpe{vocab: p.vocab, fallsBack: m.byteFallback, fuseUnk: true, ignore: !own.empty}
		if id, ok := p.vocab.find([]byte(m.unkPiece)); ok {
			b.unk = id + 1
		}
		if err := m.merges(b); err != nil {
			return err
		}
		b.finish()
		p.model, p.kind = b, "BPE"
		return nil
	}
	return fmt.Errorf("model type %d is not supported; Unigram (1) and BPE (2) are", m.modelType)
}

// spMerge is a way to put a piece together from two.
type spMerge struct {
	score             float64
	into, left, right uint32
	cut               int32 // bytes of the left part
}

// A model may have maxWays pairs for each piece. Published ones have about two.
const maxWays = 8

// merges gives the pairs of normal pieces that make up a normal piece the order of SentencePiece: by the score of what
// they make up.
func (m *spModel) merges(b *bpe) error {
	var all []spMerge
	most := maxWays*len(m.pieces) + maxEmpty
	normal := func(s []byte) (uint32, bool) {
		id, ok := b.vocab.find(s)
		return id, ok && m.pieces[id].kind == spNormal
	}
	for id, piece := range m.pieces {
		s := b.vocab.bytes(id)
		if into, ok := normal(s); !ok || int(into) != id || len(s) > maxMergedBytes {
			continue
		}
		for cut := 1; cut < len(s); cut++ {
			if !utf8.RuneStart(s[cut]) {
				continue
			}
			left, ok1 := normal(s[:cut])
			if !ok1 {
				continue
			}
			if right, ok2 := normal(s[cut:]); ok2 {
				all = append(all, spMerge{piece.score, uint32(id), left, right, int32(cut)})
			}
		}
		if len(all) > most {
			return fmt.Errorf("more than %d pairs of the %d pieces make up a third", most, len(m.pieces))
		}
	}
	slices.SortFunc(all, func(x, y spMerge) int {
		return cmp.Or(cmp.Compare(y.score, x.score), cmp.Compare(x.into, y.into), cmp.Compare(x.cut, y.cut))
	})
	b.merges = newMergeTable(len(all))
	for rank, g := range all {
		if !b.merges.add(g.left, g.right, uint32(rank), g.into) {
			return fmt.Errorf("merges: %w", errCrowded)
		}
	}
	return nil
}

func (m *spModel) decoder(p *parts) {
	d := decoderParser{}
	d.add(func() decodeStep { return &replaceToken{old: []byte(spaceMark), new: []byte(" ")} })
	if m.byteFallback {
		d.add(func() decodeStep { return new(byteFallback) })
	}
	d.add(func() decodeStep { return new(fuse) })
	if m.dummyPrefix {
		d.add(func() decodeStep { return &stripEnds{content: []byte(" "), left: 1} })
	}
	p.decoder = d.chain
}

// squeezeSpaces drops spaces at the ends and makes runs of them one.
type squeezeSpaces struct{}

func (squeezeSpaces) normalize(t *text) error {
	t.begin()
	for i := 0; i < len(t.b); {
		j := i
		for j < len(t.b) && t.b[j] != ' ' {
			j++
		}
		t.keep(i, j)
		for i = j; i < len(t.b) && t.b[i] == ' '; {
			i++
		}
		if j > 0 && i > j && i < len(t.b) {
			t.put(" ", j, i)
		}
	}
	t.swap()
	return nil
}

// doubleMark doubles the mark that a text starts with, so that the dummy prefix is added to it.
type doubleMark struct{}

func (doubleMark) normalize(t *text) error {
	if !isMark(t.b) {
		return nil
	}
	t.begin()
	t.put(spaceMark, 0, len(spaceMark))
	t.keep(0, len(t.b))
	t.swap()
	return nil
}

// splitLiterals makes each of a set of strings a piece of its own, the longest at a place first.
type splitLiterals struct{ set *trie }

func (s splitLiterals) split(w *work) error {
	out := w.spare[:0]
	for _, p := range w.pieces {
		done, part := int(p.start), w.text.b[:p.end]
		for i := done; i < len(part); {
			i += s.set.skip(part[i:])
			if i == len(part) {
				break
			}
			v, n := s.set.longest(part[i:])
			if v < 0 {
				i++
				continue
			}
			out = append(out, piece{int32(done), int32(i)}, piece{int32(i), int32(i + n)})
			i += n
			done = i
		}
		out = append(out, piece{int32(done), p.end})
	}
	w.pieces, w.spare = dropEmpty(out, 0), w.pieces
	return nil
}

package sentencepiece

import (
	"cmp"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/seed2010d43f/transformer/tokenizer/internal/added"
	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
	"github.com/seed2010d43f/transformer/tokenizer/internal/decode"
	"github.com/seed2010d43f/transformer/tokenizer/internal/models"
	"github.com/seed2010d43f/transformer/tokenizer/internal/normalize"
	"github.com/seed2010d43f/transformer/tokenizer/internal/plan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/pretoken"
	"github.com/seed2010d43f/transformer/tokenizer/internal/trie"
)

// Parse reads a model. With legacy set, each stretch between added tokens gets a dummy prefix, else only the first.
func Parse(data []byte, legacy bool) (*plan.Plan, *Model, error) {
	m, err := Read(data)
	var p *plan.Plan
	if err == nil {
		p, err = m.parts(legacy)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("tokenizer: SentencePiece model: %w", err)
	}
	return p, m, nil
}

func (m *Model) parts(legacy bool) (*plan.Plan, error) {
	if m.SpaceSuffix {
		return nil, fmt.Errorf("treat_whitespace_as_suffix is not supported")
	}
	p := plan.New()
	if err := m.stages(p, legacy); err != nil {
		return nil, err
	}
	if err := m.model(p); err != nil {
		return nil, err
	}
	for id, piece := range m.Pieces {
		special := piece.Kind == Control || id == m.Role(m.UnkID, m.UnkPiece) || id == m.Role(m.BosID, m.BosPiece) ||
			id == m.Role(m.EosID, m.EosPiece)
		if piece.Text != "" && special {
			p.Added = append(p.Added, added.Token{ID: id, Content: piece.Text, Special: true})
		}
	}
	m.decoder(p)
	return p, nil
}

func (m *Model) stages(p *plan.Plan, legacy bool) error {
	var n normalize.Sequence
	if len(m.CharsMap) > 0 {
		c, err := normalize.NewCharsMap(m.CharsMap)
		if err != nil {
			return err
		}
		n = append(n, c)
	}
	if m.RemoveExtraSpaces {
		n = append(n, normalize.SqueezeSpaces{})
	}
	if m.EscapeSpaces {
		n = append(n, normalize.ReplaceString{Old: " ", New: chars.SpaceMark})
	}
	if m.DummyPrefix && legacy {
		n = append(n, normalize.DoubleMark{})
	}
	if len(n) > 0 {
		p.Normalizer = n
	}
	var pre pretoken.Sequence
	if m.DummyPrefix {
		scheme := pretoken.PrependFirst
		if legacy {
			scheme = pretoken.PrependAlways
		}
		pre = append(pre, pretoken.Metaspace{Mark: chars.SpaceMark, Prepend: scheme})
	}
	if own := m.UserDefined(); !own.Empty {
		pre = append(pre, pretoken.SplitLiterals{Set: own})
	}
	if len(pre) > 0 {
		p.PreTokenizer = pre
	}
	return nil
}

func (m *Model) UserDefined() *trie.Set {
	t := trie.NewSet()
	for id, piece := range m.Pieces {
		if piece.Kind == UserDefined && piece.Text != "" {
			t.Add(piece.Text, id)
		}
	}
	return t
}

func (m *Model) model(p *plan.Plan) error {
	tokens, scores := make([]models.Entry, len(m.Pieces)), make([]float64, len(m.Pieces))
	for id, piece := range m.Pieces {
		tokens[id] = models.Entry{Token: []byte(piece.Text), Id: uint32(id)}
		scores[id] = piece.Score
	}
	switch m.ModelType {
	case TypeUnigram:
		return p.NewUnigram(tokens, scores, m.Role(m.UnkID, m.UnkPiece), m.ByteFallback)
	case TypeBPE:
		if err := p.NewVocabulary(tokens); err != nil {
			return err
		}
		own := m.UserDefined()
		b := &models.BPE{Vocab: p.Vocab, FallsBack: m.ByteFallback, FuseUnk: true, Ignore: !own.Empty}
		if id, ok := p.Vocab.Find([]byte(m.UnkPiece)); ok {
			b.Unk = id + 1
		}
		if err := m.Merges(b); err != nil {
			return err
		}
		b.Finish()
		p.Model, p.Kind = b, "BPE"
		return nil
	}
	return fmt.Errorf("model type %d is not supported; Unigram (1) and BPE (2) are", m.ModelType)
}

// merge is a way to put a piece together from two.
type merge struct {
	score             float64
	into, left, right uint32
	cut               int32 // bytes of the left part
}

// A model may have maxWays pairs for each piece. Published ones have about two.
const maxWays = 8

// Merges gives the pairs of normal pieces that make up a normal piece the order of SentencePiece: by the score of what
// they make up.
func (m *Model) Merges(b *models.BPE) error {
	var all []merge
	most := maxWays*len(m.Pieces) + models.MaxEmpty
	normal := func(s []byte) (uint32, bool) {
		id, ok := b.Vocab.Find(s)
		return id, ok && m.Pieces[id].Kind == Normal
	}
	for id, piece := range m.Pieces {
		s := b.Vocab.Bytes(id)
		if into, ok := normal(s); !ok || int(into) != id || len(s) > added.MaxMergedBytes {
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
				all = append(all, merge{piece.Score, uint32(id), left, right, int32(cut)})
			}
		}
		if len(all) > most {
			return fmt.Errorf("more than %d pairs of the %d pieces make up a third", most, len(m.Pieces))
		}
	}
	slices.SortFunc(all, func(x, y merge) int {
		return cmp.Or(cmp.Compare(y.score, x.score), cmp.Compare(x.into, y.into), cmp.Compare(x.cut, y.cut))
	})
	b.Merges = models.NewMergeTable(len(all))
	for rank, g := range all {
		if !b.Merges.Add(g.left, g.right, uint32(rank), g.into) {
			return fmt.Errorf("merges: %w", models.ErrCrowded)
		}
	}
	return nil
}

func (m *Model) decoder(p *plan.Plan) {
	d := decode.Parser{}
	d.Add(func() decode.Step { return &decode.ReplaceToken{Old: []byte(chars.SpaceMark), New: []byte(" ")} })
	if m.ByteFallback {
		d.Add(func() decode.Step { return new(decode.ByteFallback) })
	}
	d.Add(func() decode.Step { return new(decode.Fuse) })
	if m.DummyPrefix {
		d.Add(func() decode.Step { return &decode.StripEnds{Content: []byte(" "), Left: 1} })
	}
	p.Decoder = d.Chain
}

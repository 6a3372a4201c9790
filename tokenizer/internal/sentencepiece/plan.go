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

// Parse reads a model, and returns what SentencePiece itself makes of it: unknown pieces decode as that library's sign.
func Parse(data []byte) (*plan.Plan, *Model, error) {
	m, err := Read(data)
	var p *plan.Plan
	if err == nil {
		p, err = m.Plan(true)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("tokenizer: SentencePiece model: %w", err)
	}
	p.Added = slices.DeleteFunc(p.Added, func(a added.Token) bool { return m.Pieces[a.ID].Kind == Unknown })
	special := map[string]bool{}
	for _, a := range p.Added {
		special[a.Content] = true
	}
	kinds := m.Kinds()
	p.Decoder = decode.Chain{func() decode.Step { return &PieceText{Kinds: kinds, Special: special, Start: true} }}
	return p, m, nil
}

// Plan returns the tokenizer that the model by itself is. With legacy set, each stretch between added tokens gets a dummy
// prefix, else only the first.
func (m *Model) Plan(legacy bool) (*plan.Plan, error) {
	if m.SpaceSuffix {
		return nil, fmt.Errorf("treat_whitespace_as_suffix is not supported")
	}
	p := plan.New()
	if err := m.stages(p, legacy); err != nil {
		return nil, err
	}
	if err := m.Build(p); err != nil {
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

// stages sets the normalizer and the pre-tokenizer. Where the model has no precompiled map, and byte pairs, plain stages do
// what SentencePiece's own does, and faster.
func (m *Model) stages(p *plan.Plan, legacy bool) error {
	own := m.UserDefined()
	if len(m.CharsMap) > 0 || m.ModelType == TypeUnigram {
		n := &normalize.SentencePiece{Own: own, Dummy: m.DummyPrefix, Squeeze: m.RemoveExtraSpaces, Escape: m.EscapeSpaces, First: !legacy}
		if len(m.CharsMap) > 0 {
			var err error
			if n.CharsMap, err = normalize.NewCharsMap(m.CharsMap); err != nil {
				return err
			}
		}
		p.Normalizer = n
		if !own.Empty && m.ModelType == TypeBPE {
			p.PreTokenizer = pretoken.SplitLiterals{Set: own}
		}
		return nil
	}
	var n normalize.Sequence
	if m.RemoveExtraSpaces {
		n = append(n, normalize.SqueezeSpaces{})
	}
	if m.EscapeSpaces {
		n = append(n, normalize.ReplaceString{Old: " ", New: chars.SpaceMark})
	}
	if m.RemoveExtraSpaces && m.EscapeSpaces {
		n = append(n, normalize.TrimMarks{})
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
	if !own.Empty {
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

// Build gives the plan, which has the stages, the model and its vocabulary.
func (m *Model) Build(p *plan.Plan) error {
	text := func(id int) string { return m.Pieces[id].Text }
	switch m.ModelType {
	case TypeUnigram:
		if err := p.NewPieces(len(m.Pieces), text); err != nil {
			return err
		}
		unk := m.Role(m.UnkID, m.UnkPiece)
		u, err := newNativeUnigram(m, p.Vocab, unk)
		if err != nil {
			return err
		}
		if m.ByteFallback {
			u.FallsBack = true
			for c := range 256 {
				if id, ok := p.Vocab.Find(fmt.Appendf(nil, "<0x%02X>", c)); ok {
					u.Fallback[c] = id + 1
				}
			}
		}
		p.Model, p.Kind = u, "Unigram"
		return nil
	case TypeBPE:
		if err := p.NewPieces(len(m.Pieces), text); err != nil {
			return err
		}
		own := m.UserDefined()
		b := &models.BPE{Vocab: p.Vocab, FallsBack: m.ByteFallback, FuseUnk: true, Ignore: !own.Empty}
		if id, ok := p.Vocab.Find([]byte(m.UnkPiece)); ok {
			b.Unk = id + 1
		}
		err := error(nil)
		if m.Ranked != nil {
			err = m.Ranked(p, b)
		} else {
			err = m.Merges(b)
		}
		if err != nil {
			return err
		}
		b.Finish()
		p.Model, p.Kind = b, "BPE"
		return nil
	}
	return fmt.Errorf("model type %d is not supported; Unigram (1) and BPE (2) are", m.ModelType)
}

// A model may have maxWays pairs for each piece. Published ones have about two.
const maxWays = 8

// Merges gives the pairs of normal pieces that make up a normal piece the order of SentencePiece: by the score of what
// they make up.
func (m *Model) Merges(b *models.BPE) error {
	normal := func(s []byte) (uint32, bool) {
		id, ok := b.Vocab.Find(s)
		return id, ok && m.Pieces[id].Kind == Normal
	}
	order := make([]uint32, 0, len(m.Pieces))
	for id := range m.Pieces {
		s := b.Vocab.Bytes(id)
		if first, ok := normal(s); ok && int(first) == id && len(s) <= added.MaxMergedBytes {
			order = append(order, first)
		}
	}
	slices.SortFunc(order, func(x, y uint32) int {
		return cmp.Or(cmp.Compare(m.Pieces[y].Score, m.Pieces[x].Score), cmp.Compare(x, y))
	})
	b.Merges = models.NewMergeTable(2 * len(order)) // published models have as many
	n, most := 0, maxWays*len(m.Pieces)+models.MaxEmpty
	for _, into := range order {
		s := b.Vocab.Bytes(int(into))
		for cut := 1; cut < len(s); cut++ {
			if !utf8.RuneStart(s[cut]) {
				continue
			}
			left, ok1 := normal(s[:cut])
			if !ok1 {
				continue
			}
			right, ok2 := normal(s[cut:])
			if !ok2 {
				continue
			}
			if !b.Merges.Append(left, right, into) {
				return fmt.Errorf("merges: %w", models.ErrCrowded)
			}
			n++
		}
		if n > most {
			return fmt.Errorf("more than %d pairs of the %d pieces make up a third", most, len(m.Pieces))
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

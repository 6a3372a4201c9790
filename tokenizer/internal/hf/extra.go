package hf

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/tokenizer/internal/added"
	"github.com/seed2010d43f/transformer/tokenizer/internal/plan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/sentencepiece"
)

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
				p.Added = append(p.Added, added.Token{ID: id, Content: piece.Text, Special: piece.Kind == sentencepiece.Control || c.names(piece.Text)})
			}
		}
	}
	c.Extra = slices.Clone(given)
	if c.class != nil && c.class.extra != nil {
		for _, s := range c.class.extra(c, p, given) {
			c.Extra = append(c.Extra, specialConfig{AddedTokenConfig: plan.AddedTokenConfig{Content: s}, plain: true})
		}
	}
}

// names reports whether a token plays a part of its own.
func (c *config) names(token string) bool {
	return slices.ContainsFunc(c.named(), func(s *specialConfig) bool { return s != nil && s.Content == token })
}

func t5Extra(c *config, p *plan.Plan, given specialList) (out []string) {
	sentinel := func(s string) bool { return strings.Contains(s, "<extra_id_") }
	if slices.ContainsFunc(given, func(s specialConfig) bool { return sentinel(s.Content) }) ||
		slices.ContainsFunc(p.Added, func(a added.Token) bool { return !a.Special && sentinel(a.Content) }) {
		return nil
	}
	n, _ := bounded("extra_ids", c.ExtraIDs, 100)
	for i := range n {
		out = append(out, fmt.Sprintf("<extra_id_%d>", i))
	}
	return out
}

func pegasusExtra(c *config, _ *plan.Plan, _ specialList) []string {
	sentence := "<mask_1>"
	if c.MaskSentence != nil {
		sentence = c.MaskSentence.Content
	}
	out := []string{sentence}
	n, _ := bounded("offset", c.Offset, 103)
	for i := 2; i < n; i++ {
		out = append(out, fmt.Sprintf("<unk_%d>", i))
	}
	setDefault(&c.Mask, "<mask_2>")
	return out
}

func languageExtra(c *config, _ *plan.Plan, given specialList) []string {
	if c.Class == "NllbTokenizer" && len(given) > 0 {
		return nil
	}
	return publishedCodes(c.Class, "")
}

func camembertExtra(_ *config, p *plan.Plan, given specialList) []string {
	if len(given) > 0 || p.FromPieces {
		return nil
	}
	return []string{"<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"}
}

func xlnetExtra(_ *config, p *plan.Plan, given specialList) []string {
	if len(given) > 0 || p.FromPieces {
		return nil
	}
	return []string{"<eop>", "<eod>"}
}

func codeLlamaExtra(*config, *plan.Plan, specialList) []string {
	return []string{"▁<PRE>", "▁<MID>", "▁<SUF>", "▁<EOT>", "<FILL_ME>"}
}

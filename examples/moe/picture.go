package main

import (
	"fmt"

	"github.com/seed2010d43f/transformer/examples/internal/plot"
	"github.com/seed2010d43f/transformer/examples/internal/tiny"
	"github.com/seed2010d43f/transformer/moe"
)

// mostDrawn is how many tokens a picture has room for.
const mostDrawn = 120

// draw writes a picture with a panel for each layer: a row for each expert with what it likes, a column for each token.
func draw(d *network, ids []int, text *moe.Record, layers []layer, out string) error {
	m := plot.HeatMap{
		Title: "Which experts a token goes to",
		Caption: "Each column is a token of the text, each row an expert. Bright: what the expert makes of the token counts much.\n" +
			"Beside an expert are its favourites: the tokens of which it gets the largest share in a long text.",
		Key: "weight of the expert", PlainRows: true,
	}
	for _, id := range ids {
		m.Cols = append(m.Cols, tiny.Text(d.Decoder, id))
	}
	for _, l := range layers {
		r := text.Routing(l.number)
		p := plot.Panel{
			Title:  fmt.Sprintf("layer %d", l.number),
			Values: make([][]float32, r.Experts), Rows: make([]string, r.Experts),
		}
		for e := range p.Values {
			p.Values[e], p.Rows[e] = make([]float32, len(ids)), l.label(e)
		}
		for t := range ids {
			experts, weights := r.Row(t)
			for i, e := range experts {
				p.Values[e][t] = weights[i]
			}
		}
		m.Panels = append(m.Panels, p)
	}
	return m.WritePNG(out)
}

// label names an expert and what it likes.
func (l *layer) label(expert int) string {
	s := ""
	for _, k := range l.likes[expert] {
		s += k.token + "   "
	}
	return s + fmt.Sprintf(" expert %d", expert)
}

package main

import (
	"github.com/seed2010d43f/transformer/cost"
	"github.com/seed2010d43f/transformer/examples/internal/plot"
)

// picture draws the memory of contexts above the operations of one more token.
func picture(path string, models map[string]entry) error {
	memory := plot.LogLog{Title: "Keys and values of a text, in F16", XLabel: "tokens", YLabel: "memory", YUnit: plot.Bytes}
	token := plot.LogLog{Title: "Operations of one more token", XLabel: "tokens before it", YLabel: "GFLOP"}
	for _, name := range long {
		e := models[name]
		memory.Series = append(memory.Series, line(e, func(n int) float64 { return float64(e.m.Cache(n, cost.F16).Total()) }))
		token.Series = append(token.Series, line(e, func(n int) float64 { return e.m.Token(n).Total() / 1e9 }))
	}
	return plot.WriteStack(path, memory, token)
}

// line is a value of a model from a thousand tokens to ten million.
func line(e entry, value func(n int) float64) plot.Series {
	s := plot.Series{Name: e.Title}
	for power := 1000; power <= 10e6; power *= 10 {
		for _, n := range []int{power, 2 * power, 5 * power} {
			if n <= 10e6 {
				s.X, s.Y = append(s.X, float64(n)), append(s.Y, value(n))
			}
		}
	}
	return s
}

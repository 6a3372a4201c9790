package main

import (
	"math"

	"github.com/seed2010d43f/transformer/examples/internal/plot"
)

// picture draws time above memory.
func picture(path string, l *layer, results []result) error {
	return plot.WriteStack(path, timeChart(l, results), memoryChart(l, results))
}

// beyond is how many powers of two expectations reach past the last measurement.
const beyond = 3

func timeChart(l *layer, results []result) plot.LogLog {
	attention, products := plot.Series{Name: "attention"}, plot.Series{Name: "matrix products"}
	for _, r := range results {
		add(&attention, r.tokens, r.attention)
		add(&products, r.tokens, r.products)
	}
	first, last := results[0].tokens, results[len(results)-1]
	return plot.LogLog{
		Title:  "Time of one layer of " + l.name,
		XLabel: "tokens S", YLabel: "time", YUnit: plot.Seconds,
		Series: []plot.Series{attention, products,
			growth("as S²", first, last.tokens<<beyond, last, last.attention, 2),
			growth("as S", first, last.tokens<<beyond, last, last.products, 1)},
	}
}

func memoryChart(l *layer, results []result) plot.LogLog {
	stored, streamed, cache := plot.Series{Name: "scores, if stored"}, plot.Series{Name: "streamed"}, plot.Series{Name: "keys and values"}
	var last result // with stored scores
	for _, r := range results {
		if r.stored > 0 {
			add(&stored, r.tokens, r.stored)
			last = r
		}
		add(&streamed, r.tokens, r.streamed)
		add(&cache, r.tokens, l.cacheBytes(r.tokens))
	}
	end := results[len(results)-1].tokens
	return plot.LogLog{
		Title:  "Memory of its attention",
		XLabel: "tokens S", YLabel: "memory", YUnit: plot.Bytes,
		Series: []plot.Series{stored, streamed,
			growth("as S², computed", last.tokens, end<<beyond, last, last.stored, 2), cache},
	}
}

func add(s *plot.Series, x int, y float64) {
	s.X, s.Y = append(s.X, float64(x)), append(s.Y, y)
}

// growth is the line through a measurement, from first to last, that grows with a power of S.
func growth(name string, first, last int, at result, value float64, power float64) plot.Series {
	s := plot.Series{Name: name, Dashed: true}
	for n := first; n <= last; n *= 2 {
		add(&s, n, value*math.Pow(float64(n)/float64(at.tokens), power))
	}
	return s
}

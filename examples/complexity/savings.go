package main

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"text/tabwriter"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/examples/internal/plot"
	"github.com/seed2010d43f/transformer/moe"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// mixture is a layer of experts, and the prompt that it is measured with.
type mixture struct{ dim, hidden, experts, rows int }

// measure returns the seconds of the layer with 1, 2, … active experts.
func (m mixture) measure() []float64 {
	w := nn.NewLoader(checkpoint.Random(1, tensor.F32), nn.Options{})
	router := &moe.TopK{Gate: w.Float32("gate", m.dim, m.experts, false), Score: moe.Softmax, Renormalise: true}
	layer := &moe.Layer{Router: router, Act: nn.SiLU,
		Experts: w.Experts("experts", m.experts, m.dim, m.hidden, "gate_proj", "up_proj", "down_proj")}
	x, y := random(m.rows, m.dim), tensor.New(m.rows, m.dim)
	var pass attention.Pass
	var times []float64
	for router.Active = 1; router.Active <= m.experts; router.Active++ {
		times = append(times, fastest(func() { layer.Forward(&pass, y, x) }))
	}
	return times
}

// cached is an attention to what a layer has cached, alone.
type cached struct {
	name    string
	queries int // heads
	cache   attention.CacheLayer
}

func (c *cached) Traits() attention.Traits { return attention.Traits{Of: c, Cache: c.cache} }

func (c *cached) Forward(p *attention.Pass, dst, q tensor.Tensor) {
	p.Attend(c, dst, q, tensor.Tensor{}, tensor.Tensor{}, attention.Options{})
}

// values returns how many numbers are cached of a token.
func (c *cached) values() int {
	if c.cache.ValuesInKeys {
		return c.cache.KeyDim
	}
	return c.cache.KVHeads * (c.cache.KeyDim + c.cache.ValueDim)
}

// caches returns three ways to cache what 128 heads attend to: DeepSeek V3's latents, groups of heads as in most models,
// and keys and values for every head.
func caches(heads int) []*cached {
	causal := attention.Mask{Causal: true}
	return []*cached{
		{"latents", heads, attention.CacheLayer{KVHeads: 1, KeyDim: 512 + 64, ValueDim: 512, ValuesInKeys: true, Mask: causal}},
		{"8 groups", heads, attention.CacheLayer{KVHeads: 8, KeyDim: 128, ValueDim: 128, Mask: causal}},
		{"every head", heads, attention.CacheLayer{KVHeads: heads, KeyDim: 128 + 64, ValueDim: 128, Mask: causal}},
	}
}

// measure returns the seconds of one more token after some numbers of cached tokens, in ascending order.
func (c *cached) measure(lengths []int) ([]float64, error) {
	plan, err := attention.NewPlan([]attention.Op{c})
	if err != nil {
		return nil, err
	}
	const step = 128
	var p attention.Pass
	cache, l := plan.NewCache(tensor.F32), c.cache
	k, v := random(step, l.KVHeads, l.KeyDim), random(step, l.KVHeads, l.ValueDim)
	if l.ValuesInKeys {
		v = tensor.Tensor{}
	}
	q, y := random(1, c.queries*l.KeyDim), tensor.New(1, c.queries*l.ValueDim)
	var times []float64
	for _, n := range lengths {
		for cache.Len() < n {
			p.Begin(attention.Seq{Rows: step, Pos: cache.Len(), Cache: cache})
			p.Append(c, k, v)
			p.End()
		}
		times = append(times, fastest(func() {
			p.Begin(attention.Seq{Rows: 1, Pos: n - 1, Cache: cache})
			c.Forward(&p, y, q)
		}))
	}
	return times, nil
}

// savings measures what experts and latents save, prints it, and draws it.
func savings(w io.Writer, out string, m mixture, heads, most int) error {
	times := m.measure()
	fmt.Fprintf(w, "\nA layer of %d experts, %d and %d wide, a prompt of %d tokens, %d thread(s):\n\n", m.experts, m.dim, m.hidden, m.rows, runtime.GOMAXPROCS(0))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "active\ttime\ttimes one\t")
	for i, s := range times {
		fmt.Fprintf(t, "%d\t%s\t%.2f\t\n", i+1, duration(s), s/times[0])
	}
	if err := t.Flush(); err != nil {
		return err
	}
	var lengths []int
	for n := 256; n <= most; n *= 2 {
		lengths = append(lengths, n)
	}
	fmt.Fprintf(w, "\nOne more token's attention, with %d heads:\n\n", heads)
	fmt.Fprint(t, "cached\tnumbers a token\t")
	for _, n := range lengths {
		fmt.Fprintf(t, "S=%d\t", n)
	}
	fmt.Fprintln(t)
	time := plot.LogLog{Title: fmt.Sprintf("One more token's attention, %d heads", heads), XLabel: "cached tokens S", YLabel: "time", YUnit: plot.Seconds}
	memory := plot.LogLog{Title: "What a layer caches", XLabel: "cached tokens S", YLabel: "memory", YUnit: plot.Bytes}
	for _, c := range caches(heads) {
		seconds, err := c.measure(lengths)
		if err != nil {
			return err
		}
		fmt.Fprintf(t, "%s\t%d\t", c.name, c.values())
		taken, kept := plot.Series{Name: c.name}, plot.Series{Name: fmt.Sprintf("%s: %d numbers a token", c.name, c.values())}
		for i, n := range lengths {
			fmt.Fprintf(t, "%s\t", duration(seconds[i]))
			add(&taken, n, seconds[i])
			add(&kept, n, 4*float64(c.values()*n))
		}
		fmt.Fprintln(t)
		time.Series, memory.Series = append(time.Series, taken), append(memory.Series, kept)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if err := plot.WriteStack(out, expertsChart(m, times), time, memory); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nwrote", out)
	return nil
}

// expertsChart shows time against active experts, beside one that grows in proportion.
func expertsChart(m mixture, times []float64) plot.LogLog {
	measured, proportion := plot.Series{Name: "measured"}, plot.Series{Name: "in proportion", Dashed: true}
	for i, s := range times {
		add(&measured, i+1, s)
		add(&proportion, i+1, times[len(times)-1]*float64(i+1)/float64(len(times)))
	}
	return plot.LogLog{
		Title:  fmt.Sprintf("%d tokens through a layer of %d experts", m.rows, m.experts),
		XLabel: "active experts", YLabel: "time", YUnit: plot.Seconds,
		Series: []plot.Series{measured, proportion},
	}
}

// longest returns the largest power of two up to most for which the keys and values of every head take at most a
// gigabyte.
func longest(most, heads int) int {
	bytes := 4 * caches(heads)[2].values()
	return min(1<<int(math.Log2(float64(most))), 1<<int(math.Log2(float64(1<<30/bytes))))
}

// Complexity shows what the square in O(S²) means. It measures the attention of one layer of a language model against
// the number of tokens S, and beside it the layer's matrix products, which grow in proportion to S.
//
//	go run ./examples/complexity
//	go run ./examples/complexity -max 16384 -o attention.png
//	go run ./examples/complexity -model ~/models/SmolLM2-135M-Instruct
//	go run ./examples/complexity -savings savings.png
//
// It prints a table and draws two charts. Their axes are logarithmic: S² is a line twice as steep as S. The first chart
// is time. The second one is memory. Stored scores of every token with every other, as in textbooks, grow as S². The
// library streams: it reads keys in blocks, keeps no scores, and needs next to nothing.
//
// With -savings it also measures two ways to have more for less: a layer of experts, of which each token uses some, and
// latent attention, which caches 576 numbers of a token in the place of the 40,960 that 128 heads would need.
package main

import (
	"flag"
	"fmt"
	"io"
	"math"
	"math/bits"
	"os"
	"runtime"
	"text/tabwriter"
	"time"

	"github.com/seed2010d43f/transformer/examples/internal/cli"
)

func main() {
	folder := flag.String("model", "", "`DIR` with the checkpoint of a decoder, whose first layer is measured; without it a layer of the shape of LLaMA 3.2 1B with random weights")
	out := flag.String("o", "complexity.png", "picture to write, a PNG `FILE`")
	saved := flag.String("savings", "", "PNG `FILE` to write what experts and latents save")
	most := flag.Int("max", 8192, "measure powers of two from 128 to `N` tokens")
	cli.Parse("", "Complexity measures how the time and the memory of attention grow with the length of a text, beside the matrix products of the same layer.")
	err := run(os.Stdout, os.Stderr, *folder, *out, *most)
	if err == nil && *saved != "" {
		err = savings(os.Stdout, *saved, mixture{dim: 2048, hidden: 768, experts: 8, rows: 256}, 128, longest(*most, 128))
	}
	cli.Exit(err)
}

const least = 128

func run(w, log io.Writer, folder, out string, most int) error {
	if most < 2*least || most > 1<<17 {
		return fmt.Errorf("-max is %d; it must be from %d to %d", most, 2*least, 1<<17)
	}
	p := progress{w: log}
	l, err := open(&p, folder)
	if err != nil {
		return err
	}
	var results []result
	steps := bits.Len(uint(most / least))
	for i := range steps {
		s := least << i
		p.step(fmt.Sprintf("measuring %d tokens, step %d of %d", s, i+1, steps), func() { results = append(results, l.measure(s)) })
	}
	if err := table(w, l, results); err != nil {
		return err
	}
	if err := picture(out, l, results); err != nil {
		return err
	}
	fmt.Fprintln(w, "wrote", out)
	return nil
}

// open returns the layer to measure.
func open(p *progress, folder string) (l *layer, err error) {
	if folder == "" {
		p.step("making a layer of the shape of LLaMA 3.2 1B", func() { l = llama() })
	} else {
		p.step("opening "+folder, func() { l, err = firstOf(folder) })
	}
	p.took = nil // it says nothing about the steps to come
	return l, err
}

// progress tells what the program does, and for how long.
type progress struct {
	w    io.Writer
	took []time.Duration // of the steps so far
}

// step says what do does, how long it will take if it grows as the steps before it, and how long it took.
func (p *progress) step(what string, do func()) {
	fmt.Fprint(p.w, what)
	if n := len(p.took); n > 0 {
		growth := 2.0
		if n > 1 {
			growth = max(float64(p.took[n-1])/float64(p.took[n-2]), 1)
		}
		fmt.Fprintf(p.w, ", about %s", duration(round(p.took[n-1].Seconds()*growth)))
	}
	fmt.Fprint(p.w, " ... ")
	start := time.Now()
	do()
	p.took = append(p.took, time.Since(start))
	fmt.Fprintln(p.w, duration(time.Since(start).Seconds()))
}

// table prints the results.
func table(w io.Writer, l *layer, results []result) error {
	fmt.Fprintf(w, "%s, full causal attention, %d thread(s).\n\n", l.what, runtime.GOMAXPROCS(0))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "tokens\ttime of\tof matrix\tattention's\tmemory of\twith scores\tkeys and\t")
	fmt.Fprintln(t, "S\tattention\tproducts\tshare\tattention\tstored\tvalues\t")
	for _, r := range results {
		fmt.Fprintf(t, "%d\t%s\t%s\t%.1f %%\t%s\t%s\t%s\t\n", r.tokens, duration(r.attention), duration(r.products),
			100*r.attention/(r.attention+r.products), size(r.streamed), size(l.scoreBytes(r.tokens)), size(l.cacheBytes(r.tokens)))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	last, before := results[len(results)-1], results[len(results)-2]
	fmt.Fprintf(w, "\nTwice the tokens take %.1f times as long in attention, and %.1f times in products.\n",
		last.attention/before.attention, last.products/before.products)
	fmt.Fprintf(w, "At %.0f tokens, attention takes as long as all products.\n", round(crossing(last)))
	return nil
}

// crossing returns the number of tokens at which attention takes as long as products, if it grows as the square from
// here on, and they in proportion.
func crossing(r result) float64 {
	return float64(r.tokens) * r.products / r.attention
}

// round keeps two digits.
func round(x float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(x))-1)
	return math.Round(x/unit) * unit
}

func duration(seconds float64) string {
	d := time.Duration(seconds * 1e9)
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%.0f µs", seconds*1e6)
	case d < time.Second:
		return fmt.Sprintf("%.3g ms", seconds*1e3)
	}
	return fmt.Sprintf("%.2f s", seconds)
}

func size(n float64) string {
	switch {
	case n < 1<<20:
		return fmt.Sprintf("%.0f KiB", n/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.4g MiB", n/(1<<20))
	}
	return fmt.Sprintf("%.4g GiB", n/(1<<30))
}

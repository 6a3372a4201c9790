// Complexity shows what the square in O(S²) means: it measures the attention of one layer of a language
// model against the number of tokens S, beside the layer's matrix products, which grow in proportion to S.
//
//	go run ./examples/complexity
//	go run ./examples/complexity -out attention.png -max 16384
//
// It prints a table and draws two charts into a picture, both with logarithmic axes, on which S² is a
// line twice as steep as S. The first is time. The second is memory: scores of every token with every
// other, if they are stored as in textbooks, grow as time does; streamed as this library does, keys go by
// in blocks and next to nothing is needed.
package main

import (
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"text/tabwriter"
	"time"
)

func main() {
	out := flag.String("out", "complexity.png", "picture to write")
	most := flag.Int("max", 8192, "largest number of tokens; powers of two from 128 are measured")
	flag.Parse()
	if err := run(os.Stdout, *out, *most); err != nil {
		fmt.Fprintln(os.Stderr, "complexity:", err)
		os.Exit(1)
	}
}

const least = 128

func run(w io.Writer, out string, most int) error {
	if most < 2*least || most > 1<<17 {
		return fmt.Errorf("-max is %d; it must be from %d to %d", most, 2*least, 1<<17)
	}
	l := newLayer()
	fmt.Fprintf(w, "One layer of the shape of LLaMA 3.2 1B, random weights in float32, %d thread(s).\n\n", runtime.GOMAXPROCS(0))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "tokens\ttime of\tof matrix\tattention's\tmemory of\twith scores\tkeys and\t")
	fmt.Fprintln(t, "S\tattention\tproducts\tshare\tattention\tstored\tvalues\t")
	var results []result
	for s := least; s <= most; s *= 2 {
		r := l.measure(s)
		results = append(results, r)
		fmt.Fprintf(t, "%d\t%s\t%s\t%.1f %%\t%s\t%s\t%s\t\n", s, duration(r.attention), duration(r.products),
			100*r.attention/(r.attention+r.products), size(r.streamed), size(scoreBytes(s)), size(cacheBytes(s)))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	last, before := results[len(results)-1], results[len(results)-2]
	fmt.Fprintf(w, "\nTwice the tokens take %.1f times as long in attention, and %.1f times in products.\n",
		last.attention/before.attention, last.products/before.products)
	fmt.Fprintf(w, "At %.0f tokens, attention takes as long as all products.\n", round(crossing(last)))
	if err := picture(out, results); err != nil {
		return err
	}
	fmt.Fprintln(w, "Picture:", out)
	return nil
}

// crossing returns the number of tokens at which attention, growing as the square from here on, takes as
// long as products, growing in proportion.
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

package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/seed2010d43f/transformer/cost"
)

// bill prints what one model costs, for a text of n tokens.
func bill(w io.Writer, m *cost.Model, n int) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(what, format string, args ...any) { fmt.Fprintf(t, what+"\t"+format+"\n", args...) }
	fmt.Fprintf(t, "The bill of a %s\n\n", m.Family)
	line("parameters", "%s", whole(m.Parameters))
	line("  in experts", "%s", whole(m.Experts))
	line("active for a token", "%s", whole(m.Active))
	line("  without the input table", "%s", whole(m.ActiveWithoutInput()))
	line("weights", "%s in BF16, %s in Q8_0, %s in Q4_K", size(m.Weights(cost.BF16)), size(m.Weights(cost.Q8_0)), size(m.Weights(cost.Q4_K)))
	line("memory once loaded", "%s in BF16", size(m.Memory()))
	prompt := m.Prompt(n)
	line(fmt.Sprintf("a prompt of %d tokens", n), "%s, attention %s", operations(prompt.Total()), share(prompt.AttentionShare()))
	if token := m.Token(n); token.Total() > 0 {
		line("one more token", "%s, attention %s", operations(token.Total()), share(token.AttentionShare()))
		line("  weights that it reads", "%s", size(m.Read()))
	}
	if c := m.Cache(n, cost.F16); c.Total() > 0 {
		line("keys and values in F16", "%s", size(c.Total()))
		for _, part := range []struct {
			name  string
			bytes int64
		}{{"of the whole text", c.Full}, {"within windows and chunks", c.Window}, {"latents", c.Latent}, {"of the source", c.Cross}, {"states", c.State}} {
			if part.bytes > 0 {
				line("  "+part.name, "%s", size(part.bytes))
			}
		}
		line("  values of a token", "%s", whole(m.CacheWidth()))
	}
	return t.Flush()
}

// whole writes a number with commas: 46,702,792,704.
func whole(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// short writes a number of parameters: 46.7B.
func short(n int64) string {
	switch {
	case n < 1e9:
		return fmt.Sprintf("%.0fM", float64(n)/1e6)
	case n < 1e12:
		return fmt.Sprintf("%.1fB", float64(n)/1e9)
	}
	return fmt.Sprintf("%.3fT", float64(n)/1e12)
}

// size writes bytes.
func size(n int64) string {
	for _, u := range []struct {
		name string
		unit int64
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.unit {
			return fmt.Sprintf("%.3g %s", float64(n)/float64(u.unit), u.name)
		}
	}
	return fmt.Sprintf("%d B", n)
}

// operations writes floating-point operations.
func operations(n float64) string {
	for _, u := range []struct {
		name string
		unit float64
	}{{"EFLOP", 1e18}, {"PFLOP", 1e15}, {"TFLOP", 1e12}, {"GFLOP", 1e9}} {
		if n >= u.unit {
			return fmt.Sprintf("%.3g %s", n/u.unit, u.name)
		}
	}
	return fmt.Sprintf("%.3g MFLOP", n/1e6)
}

func share(x float64) string { return fmt.Sprintf("%.1f %%", 100*x) }

package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/seed2010d43f/transformer/cost"
)

// rows are the models of the table.
var rows = []string{"gpt2", "llama-2-7b", "llama-2-70b", "llama-3-8b", "llama-3-70b", "llama-3.1-405b", "mistral-7b", "mistral-large-2",
	"mixtral-8x7b", "mixtral-8x22b", "qwen3-30b-a3b", "qwen3-235b-a22b", "deepseek-v3", "kimi-k2", "llama-4-scout", "llama-4-maverick",
	"gpt-oss-20b", "gpt-oss-120b", "bert-base", "bert-large", "roberta-base", "deberta-v3-base", "bge-m3", "t5-base", "t5-11b", "bart-large", "mbart-large-50"}

// table prints the sizes of all models beside what their publishers say.
func table(w io.Writer, models map[string]entry) error {
	fmt.Fprintln(w, "Parameters: all, those that one token uses, and the same without the input table. Beside them what the publisher")
	fmt.Fprintln(w, "says, and by how much the exact number differs. * is without the input table, + with a vision tower.")
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "model\tall\tpublisher\t\tactive\tno input\tpublisher\t\tin BF16\t")
	for _, name := range rows {
		e := models[name]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t", e.Title, whole(e.m.Parameters), figure(e.Figures.Total), difference(e, e.Figures.Total, false),
			short(e.m.Active), short(e.m.ActiveWithoutInput()))
		fmt.Fprintf(t, "%s\t%s\t%s\t\n", figure(e.Figures.Active), difference(e, e.Figures.Active, true), size(e.m.Weights(cost.BF16)))
	}
	return t.Flush()
}

func figure(f *cost.Figure) string {
	switch {
	case f == nil:
		return ""
	case f.Counts == "without input table":
		return f.Text + "*"
	case f.Counts != "all":
		return f.Text + "+"
	}
	return f.Text
}

// difference is how far the exact number is above what is published.
func difference(e entry, f *cost.Figure, active bool) string {
	if f == nil {
		return ""
	}
	return fmt.Sprintf("%+.1f %%", 100*(float64(f.Of(e.m, active))/float64(f.Parameters)-1))
}

// mixtral holds a common saying against the model.
func mixtral(w io.Writer, models map[string]entry) error {
	m := models["mixtral-8x7b"].m
	fmt.Fprintln(w, `Mixtral 8x7B is said to have "the capacity of 70B for the compute of 14B". It stores`, short(m.Parameters), "and a token uses")
	fmt.Fprintf(w, "%s: %.0f %% and %.0f %% less. 8 experts of 7B share all but their feed-forward networks, so 8x7B is not 56B, and two\n",
		short(m.Active), 100*(1-float64(m.Parameters)/70e9), 100*(1-float64(m.Active)/14e9))
	fmt.Fprintf(w, "of them are not 14B. But all %s must be in memory: %s in BF16.\n", short(m.Parameters), size(m.Weights(cost.BF16)))
	return nil
}

// longer prints what a prompt twice as long costs.
func longer(w io.Writer, models map[string]entry) error {
	fmt.Fprintln(w, "A prompt twice as long costs twice the products, and four times the attention of layers that see all of it:")
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "model\ttokens\toperations\tattention\ttwice as long\ttimes\t")
	for _, name := range []string{"gpt2", "llama-3-8b", "mixtral-8x7b", "deepseek-v3", "llama-4-scout"} {
		for _, n := range []int{512, 8192, 131072} {
			if name == "gpt2" && n > 512 {
				continue // beyond its 1024 positions
			}
			e := models[name]
			one, two := e.m.Prompt(n), e.m.Prompt(2*n)
			fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%.2f\t\n", e.Title, n, operations(one.Total()), share(one.AttentionShare()), operations(two.Total()), two.Total()/one.Total())
		}
	}
	return t.Flush()
}

// reasoning prints what it costs to think before an answer.
func reasoning(w io.Writer, models map[string]entry) error {
	const question, thoughts, answer = 100, 200, 10
	fmt.Fprintf(w, "An answer of %d tokens to a question of %d, at once and after %d tokens of reasoning. Each token that is written is one\n", answer, question, thoughts)
	fmt.Fprintln(w, "more forward pass, with one more chance to compute something that later tokens can see:")
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "model\tat once\tpasses\twith reasoning\tpasses\tweights read\ttimes\t")
	for _, name := range []string{"llama-3-8b", "mixtral-8x7b", "qwen3-30b-a3b", "gpt-oss-120b", "deepseek-v3"} {
		e := models[name]
		atOnce := e.m.Prompt(question).Plus(e.m.Generate(question, answer))
		later := e.m.Prompt(question).Plus(e.m.Generate(question, thoughts+answer))
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%d\t%s\t%.1f\t\n", e.Title, operations(atOnce.Total()), 1+answer, operations(later.Total()), 1+thoughts+answer,
			size(int64(thoughts+answer)*e.m.Read()), later.Total()/atOnce.Total())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	fmt.Fprintln(w, "The question is read in one pass, for which weights are read once; every written token reads its weights again.")
	return nil
}

// long are the models whose contexts are compared.
var long = []string{"llama-3-8b", "llama-3.1-405b", "mistral-7b", "gpt-oss-120b", "deepseek-v3", "llama-4-scout"}

// context prints what long contexts take.
func context(w io.Writer, models map[string]entry) error {
	fmt.Fprintln(w, "What 1M and 10M tokens of context take: keys and values in F16, and the share of attention in one more token. No")
	fmt.Fprintln(w, "model here but LLaMA 4 is trained for such lengths.")
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "model\tvalues of a token\t128K\t1M\t10M\tone token at 10M\tattention\t")
	for _, name := range long {
		e := models[name]
		token := e.m.Token(10e6)
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", e.Title, whole(e.m.CacheWidth()), cache(e.m, 131072), cache(e.m, 1e6), cache(e.m, 10e6),
			operations(token.Total()), share(token.AttentionShare()))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	fmt.Fprintln(w, "A window (Mistral 7B) has a bound; where every second layer has one (gpt-oss) the rest grows; chunks keep three of")
	fmt.Fprintln(w, "four layers of LLaMA 4 short; DeepSeek V3 keeps one latent row for all of its 128 heads.")
	return nil
}

func cache(m *cost.Model, n int) string { return size(m.Cache(n, cost.F16).Total()) }

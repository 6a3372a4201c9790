package cost_test

import (
	"fmt"

	"github.com/seed2010d43f/transformer/cost"
	"github.com/seed2010d43f/transformer/model"
)

// A config is all that is needed.
func ExampleNew() {
	m, err := cost.New([]byte(`{"model_type": "mixtral", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
		"num_attention_heads": 32, "num_key_value_heads": 8, "num_local_experts": 8, "num_experts_per_tok": 2, "vocab_size": 32000}`), model.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Parameters, "stored,", m.Active, "active")
	fmt.Printf("%.1f GFLOP for a token after 4096\n", m.Token(4096).Total()/1e9)
	fmt.Printf("%.1f GB in BF16, of which a token reads %.1f\n", float64(m.Weights(cost.BF16))/1e9, float64(m.Read())/1e9)
	// Output:
	// 46702792704 stored, 12879925248 active
	// 27.6 GFLOP for a token after 4096
	// 93.4 GB in BF16, of which a token reads 25.5
}

// What a publisher says, and which parameters the figure counts.
func ExamplePreset() {
	for _, name := range []string{"mixtral-8x7b", "gpt-oss-20b", "deepseek-v3"} {
		p, err := cost.Preset(name)
		if err != nil {
			fmt.Println(err)
			return
		}
		m, err := p.Model()
		if err != nil {
			fmt.Println(err)
			return
		}
		f := p.Figures.Active
		fmt.Printf("%s: active %s, counting %s: %d\n", p.Title, f.Text, f.Counts, f.Of(m, true))
	}
	// Output:
	// Mixtral 8x7B: active 12.9B, counting all: 12879925248
	// gpt-oss-20B: active 3.61B, counting without input table: 3608307264
	// DeepSeek V3: active 36.6B, counting without input table: 36625618432
}

// A million tokens: in full, in a window of 4096, and as latents.
func ExampleModel_Cache() {
	for _, name := range []string{"llama-3-8b", "mistral-7b", "deepseek-v3"} {
		p, err := cost.Preset(name)
		if err != nil {
			fmt.Println(err)
			return
		}
		m, err := p.Model()
		if err != nil {
			fmt.Println(err)
			return
		}
		c := m.Cache(1e6, cost.F16)
		fmt.Printf("%-11s full %5.1f GB, window %.1f GB, latent %.1f GB\n", p.Title, float64(c.Full)/1e9, float64(c.Window)/1e9, float64(c.Latent)/1e9)
	}
	// Output:
	// LLaMA 3 8B  full 131.1 GB, window 0.0 GB, latent 0.0 GB
	// Mistral 7B  full   0.0 GB, window 0.5 GB, latent 0.0 GB
	// DeepSeek V3 full   0.0 GB, window 0.0 GB, latent 70.3 GB
}

// Long prompts cost more than their length says: attention grows with its square.
func ExampleModel_Prompt() {
	p, err := cost.Preset("llama-3-8b")
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := p.Model()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, n := range []int{1024, 8192, 65536} {
		o := m.Prompt(n)
		fmt.Printf("%5d tokens: attention has %.0f %% of the operations\n", n, 100*o.AttentionShare())
	}
	// Output:
	//  1024 tokens: attention has 2 % of the operations
	//  8192 tokens: attention has 13 % of the operations
	// 65536 tokens: attention has 55 % of the operations
}

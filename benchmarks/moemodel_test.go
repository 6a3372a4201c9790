package benchmarks

import (
	"fmt"
	"sync"
	"testing"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// moeModels are the configs of models that have the widths of published ones, and few layers. rival_moe.py has the
// same.
var moeModels = []struct {
	name   string
	bytes  int64 // of weights
	config string
}{
	{"mixtral", 3 << 30, `{"model_type": "mixtral", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 1,
		"num_attention_heads": 32, "num_key_value_heads": 8, "num_local_experts": 8, "num_experts_per_tok": 2, "vocab_size": 4096,
		"rms_norm_eps": 1e-6, "rope_theta": 1e6, "max_position_embeddings": 8192}`},
	{"qwen3-30b", 5 << 30, `{"model_type": "qwen3_moe", "hidden_size": 2048, "moe_intermediate_size": 768, "num_hidden_layers": 4,
		"num_attention_heads": 32, "num_key_value_heads": 4, "head_dim": 128, "num_experts": 128, "num_experts_per_tok": 8, "vocab_size": 4096,
		"norm_topk_prob": true, "rms_norm_eps": 1e-6, "rope_theta": 1e6, "max_position_embeddings": 8192}`},
}

// BenchmarkMoEModel is a prompt of 512 tokens, and the tokens after 32, of small models with experts in BF16.
func BenchmarkMoEModel(b *testing.B) {
	for _, m := range moeModels {
		b.Run(m.name, func(b *testing.B) {
			if testing.Short() {
				b.Skip("-short: the model takes gigabytes")
			}
			for i, kind := range []string{"bf16", "bf16-rounding"} {
				precision := []nn.Precision{nn.Exact, nn.BF16Activations}[i]
				if lack := lacksMemory(m.bytes); lack != "" {
					b.Run(kind, func(b *testing.B) { b.Skip(lack) })
					continue
				}
				get := sync.OnceValues(func() (*model.Decoder, error) {
					return model.NewDecoder([]byte(m.config), checkpoint.Random(1, tensor.BF16), model.Options{Precision: precision})
				})
				for _, length := range []int{512, 1} {
					run(b, fmt.Sprintf("%s/T=%d", kind, length), func(b *testing.B) {
						d, err := get()
						if err != nil {
							b.Fatal(err)
						}
						benchMoEModel(b, d, length)
					})
				}
			}
		})
	}
}

// benchMoEModel times passes of so many tokens: whole prompts, or one token after others.
func benchMoEModel(b *testing.B, d *model.Decoder, length int) {
	const first, most = 32, 512
	ids := tokens(most, d.Vocab)
	s := d.NewSession(model.SessionOptions{Reserve: most})
	feed(b, s, ids)
	for b.Loop() {
		if s.Len()+length > most {
			b.StopTimer()
			rewind(b, s)
			if length == 1 {
				feed(b, s, ids[:first])
			}
			b.StartTimer()
		}
		feed(b, s, ids[s.Len():s.Len()+length])
	}
	perSecond(b, "tok/s", float64(length))
}

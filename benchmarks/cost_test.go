package benchmarks

import (
	"fmt"
	"testing"
	"time"

	"github.com/seed2010d43f/transformer/cost"
	"github.com/seed2010d43f/transformer/cost/machine"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// costModels have true widths and few layers: what is predicted is the sum of layers that are all alike.
var costModels = []struct{ name, config string }{
	{"llama-1b", `{"model_type": "llama", "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 8, "num_attention_heads": 32,
		"num_key_value_heads": 8, "head_dim": 64, "vocab_size": 128256, "tie_word_embeddings": true, "max_position_embeddings": 8192}`},
	{"qwen3-30b-a3b", `{"model_type": "qwen3_moe", "hidden_size": 2048, "intermediate_size": 6144, "moe_intermediate_size": 768, "num_hidden_layers": 4,
		"num_attention_heads": 32, "num_key_value_heads": 4, "head_dim": 128, "vocab_size": 32000, "num_experts": 128, "num_experts_per_tok": 8,
		"norm_topk_prob": true, "tie_word_embeddings": true, "max_position_embeddings": 8192}`},
}

// BenchmarkCost is the time of a prompt and of a token as package cost/machine predicts it, beside the time they take:
// the ratio of the two is the median of five turns, each with limits measured anew.
func BenchmarkCost(b *testing.B) {
	for _, c := range costModels {
		b.Run(c.name, func(b *testing.B) {
			if testing.Short() {
				b.Skip("-short: the models take gigabytes")
			}
			if lack := lacksMemory(4 << 30); lack != "" {
				b.Skip(lack)
			}
			for _, kind := range []struct {
				name      string
				precision nn.Precision
			}{{"bf16", nn.Exact}, {"bf16-rounding", nn.BF16Activations}} {
				opt := model.Options{Precision: kind.precision}
				m, err := cost.New([]byte(c.config), opt)
				if err != nil {
					b.Fatal(err)
				}
				d, err := model.NewDecoder([]byte(c.config), checkpoint.Random(1, tensor.BF16), opt)
				if err != nil {
					b.Fatal(err)
				}
				run(b, kind.name, func(b *testing.B) { benchCost(b, d, m) })
			}
		})
	}
}

// costTurns is the number of turns of a prediction and a measurement.
const costTurns = 5

// costWork is what is predicted: n tokens after others.
var costWork = []struct {
	name      string
	before, n int
	predict   func(l *machine.Limits, m *cost.Model) machine.Times
}{
	{"prompt512", 0, 512, func(l *machine.Limits, m *cost.Model) machine.Times { return l.Prompt(m, 512) }},
	{"prompt2048", 0, 2048, func(l *machine.Limits, m *cost.Model) machine.Times { return l.Prompt(m, 2048) }},
	{"token", 512, 1, func(l *machine.Limits, m *cost.Model) machine.Times { return l.Token(m, 512) }},
}

func benchCost(b *testing.B, d *model.Decoder, m *cost.Model) {
	said, took, ratio := make([][]float64, len(costWork)), make([][]float64, len(costWork)), make([][]float64, len(costWork))
	for range costTurns {
		limits := machine.Measure(m)
		for i, w := range costWork {
			predicted := w.predict(limits, m)
			p, t := predicted.Total().Seconds(), tokensTime(b, d, w.before, w.n)
			said[i], took[i], ratio[i] = append(said[i], p), append(took[i], t), append(ratio[i], p/t)
			if testing.Verbose() {
				fmt.Printf("  %s in %.1f ms, predicted %v: %+v\n", w.name, 1e3*t, predicted.Total(), predicted)
			}
		}
	}
	b.ResetTimer()
	for b.Loop() {
		tokensTime(b, d, 0, 512)
	}
	for i, w := range costWork {
		b.ReportMetric(1e3*median(said[i]), w.name+"-predicted-ms")
		b.ReportMetric(1e3*median(took[i]), w.name+"-ms")
		b.ReportMetric(median(ratio[i]), w.name+"-ratio")
	}
}

// tokensTime returns the median time in seconds of n tokens after others.
func tokensTime(b *testing.B, d *model.Decoder, before, n int) float64 {
	ids := tokens(before+n, d.Vocab)
	s := d.NewSession(model.SessionOptions{Reserve: len(ids)})
	feed(b, s, ids)
	var times []float64
	for begin := time.Now(); len(times) < 3 || time.Since(begin) < sliceTime; {
		if err := s.Rewind(before); err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		feed(b, s, ids[before:])
		times = append(times, time.Since(start).Seconds())
	}
	return median(times)
}

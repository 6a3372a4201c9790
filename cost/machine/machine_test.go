package machine_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/cost"
	"github.com/seed2010d43f/transformer/cost/machine"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
)

func TestCurve(t *testing.T) {
	c := machine.Curve{{Size: 1, Rate: 10}, {Size: 4, Rate: 40}, {Size: 16, Rate: 40}}
	for size, want := range map[float64]float64{0.5: 10, 1: 10, 2: 20, 4: 40, 8: 40, 100: 40} {
		if got := c.At(size); math.Abs(got-want) > 1e-9 {
			t.Errorf("at %v: %v, want %v", size, got, want)
		}
	}
	if !math.IsNaN(machine.Curve(nil).At(1)) {
		t.Error("a curve without points has a speed")
	}
}

// flat is a machine on which everything has one speed.
func flat() *machine.Limits {
	kinds := map[machine.Kind]machine.Curve{
		{DType: tensor.BF16}: {{Size: 1, Rate: 1e9}},
		{DType: tensor.F32}:  {{Size: 1, Rate: 1e9}},
	}
	return &machine.Limits{Threads: 1, Products: kinds, Experts: kinds, Attention: map[int]machine.Curve{16: {{Size: 1, Rate: 1e9}}},
		KeyBytes: 1e9, Norms: 1e9, Activations: 1e9}
}

const tiny = `{"model_type": "mixtral", "vocab_size": 100, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3,
	"num_attention_heads": 4, "num_key_value_heads": 2, "num_local_experts": 4, "num_experts_per_tok": 2, "max_position_embeddings": 4096}`

// On a machine with one speed, time is operations.
func TestPrediction(t *testing.T) {
	m, err := cost.New([]byte(tiny), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l := flat()
	token, o := l.Token(m, 100), m.Token(100)
	if got, want := token.Products.Seconds(), (o.Products+o.Head)/1e9; math.Abs(got-want) > 2e-9 {
		t.Errorf("products take %v s, want %v", got, want)
	}
	if got, want := token.Experts.Seconds(), o.Experts/1e9; math.Abs(got-want) > 2e-9 {
		t.Errorf("experts take %v s, want %v", got, want)
	}
	keys := 3.0 * 101 * 2 * 2 * 16 * 4 / 1e9 // bytes
	if got := token.Attention.Seconds(); math.Abs(got-max(keys, o.Attention/1e9)) > 4e-9 {
		t.Errorf("attention takes %v s, want %v or %v", got, keys, o.Attention/1e9)
	}
	// A prompt in parts attends as one, and the last layer computes one row.
	prompt, all := l.Prompt(m, 1500), m.Prompt(1500)
	if got, want := prompt.Experts.Seconds(), all.Experts*2/3/1e9; math.Abs(got-want) > 0.01*want {
		t.Errorf("experts of a prompt take %v s, want %v", got, want)
	}
	if got, want := prompt.Attention.Seconds(), all.Attention*2/3/1e9; math.Abs(got-want) > 0.01*want {
		t.Errorf("attention of a prompt takes %v s, want %v", got, want)
	}
	if prompt.Total() <= 1500*(token.Products/2) || prompt.Rest <= 0 {
		t.Errorf("a prompt takes %v: %+v", prompt.Total(), prompt)
	}
	if got := l.Prompt(m, 0).Total(); got != 0 {
		t.Errorf("nothing takes %v", got)
	}
}

// Limits are measured for what a model has, and are speeds.
func TestMeasure(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: takes seconds, and minutes on a busy machine")
	}
	m, err := cost.New([]byte(tiny), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l := machine.Measure(m)
	for name, got := range map[string]float64{"keys": l.KeyBytes, "norms": l.Norms, "activations": l.Activations,
		"products": l.Products[machine.Kind{DType: tensor.BF16}].At(64), "experts": l.Experts[machine.Kind{DType: tensor.BF16}].At(8),
		"attention": l.Attention[16].At(512)} {
		if !(got > 1e5 && got < 1e15) {
			t.Errorf("%s: %v a second", name, got)
		}
	}
	if got := l.Prompt(m, 100).Total(); got <= 0 || got > time.Hour {
		t.Errorf("100 tokens take %v", got)
	}
}

// A machine with one speed of products: the time of a token is that of its operations.
func ExampleLimits_Token() {
	m, err := cost.New([]byte(tiny), model.Options{})
	if err != nil {
		panic(err)
	}
	l := flat() // machine.Measure(m) is this machine
	fmt.Println(l.Token(m, 0).Products > l.Of(m, attention.Span{}).Products)
	// Output: true
}

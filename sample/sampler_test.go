package sample

import (
	"math"
	"slices"
	"strings"
	"testing"
)

var (
	inf = float32(math.Inf(1))
	nan = float32(math.NaN())
)

func must(t testing.TB, c Config) *Sampler {
	t.Helper()
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConfigErrors(t *testing.T) {
	for _, c := range []struct {
		config Config
		words  []string
	}{
		{Config{Temperature: -1}, []string{"Temperature", "-1"}},
		{Config{Temperature: math.NaN()}, []string{"Temperature", "NaN"}},
		{Config{Temperature: math.Inf(1)}, []string{"Temperature", "+Inf"}},
		{Config{TopK: -3}, []string{"TopK", "-3"}},
		{Config{TopP: 1.5}, []string{"TopP", "1.5", "0 to 1"}},
		{Config{TopP: math.NaN()}, []string{"TopP", "NaN"}},
		{Config{MinP: -0.1}, []string{"MinP", "-0.1"}},
		{Config{TopH: 1.1}, []string{"TopH", "1.1"}},
		{Config{TypicalP: 2}, []string{"TypicalP", "2"}},
		{Config{EpsilonCutoff: -1}, []string{"EpsilonCutoff", "-1"}},
		{Config{EtaCutoff: math.NaN()}, []string{"EtaCutoff", "NaN"}},
	} {
		_, err := New(c.config)
		for _, w := range append(c.words, "sample: Config.") {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("New(%+v): error %v lacks %q", c.config, err, w)
			}
		}
	}
}

func TestLogitsErrors(t *testing.T) {
	for _, c := range []struct {
		config Config
		logits []float32
		words  string
	}{
		{Config{}, nil, "no logits"},
		{Config{}, []float32{1, nan, 2}, "token 1 is NaN"},
		{Config{}, []float32{nan, 9}, "token 0 is NaN"},
		{Config{Temperature: 1, TopK: 2}, []float32{inf, 1, nan}, "token 2 is NaN"},
		{Config{Temperature: 1}, []float32{-inf, -inf}, "all 2 logits are -Inf"},
		{Config{}, []float32{-inf}, "all 1 logits are -Inf"},
	} {
		s := must(t, c.config)
		before := s.random
		if _, err := s.Next(c.logits); err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%+v, %v: error %v lacks %q", c.config, c.logits, err, c.words)
		}
		if _, err := s.TopN(nil, c.logits, 1); err == nil {
			t.Errorf("%+v, %v: TopN gives no error", c.config, c.logits)
		}
		if _, err := s.Probabilities(nil, c.logits); err == nil {
			t.Errorf("%+v, %v: Probabilities gives no error", c.config, c.logits)
		}
		if s.random != before {
			t.Errorf("%+v, %v: a random number was taken", c.config, c.logits)
		}
	}
}

func TestGreedy(t *testing.T) {
	for _, c := range []struct {
		logits []float32
		want   int
	}{
		{[]float32{1, 3, 2}, 1},
		{[]float32{1, 3, 3, 3}, 1},
		{[]float32{-inf, -5, -7}, 1},
		{[]float32{0, inf, 5, inf}, 1},
		{[]float32{float32(math.Copysign(0, -1)), 0}, 0},
		{[]float32{4}, 0},
	} {
		for _, s := range []*Sampler{Greedy(), new(Sampler), must(t, Config{TopK: 2, TopP: 0.5, MinP: 0.1, TypicalP: 0.5})} {
			got, err := s.Sample(c.logits)
			if err != nil || got != (Choice{c.want, 1}) {
				t.Errorf("Sample(%v) is %v, %v, want token %d", c.logits, got, err, c.want)
			}
			top, err := s.TopN(nil, c.logits, 3)
			if err != nil || !slices.Equal(top, []Choice{{c.want, 1}}) {
				t.Errorf("TopN(%v) is %v, %v", c.logits, top, err)
			}
		}
	}
}

// TestPositiveInfinity has the +Inf tokens share the probability, under every
// filter.
func TestPositiveInfinity(t *testing.T) {
	logits := []float32{3, inf, -inf, inf, 0}
	for _, c := range []Config{
		{Temperature: 1}, {Temperature: 1, TopP: 0.9}, {Temperature: 1, TopK: 3}, {Temperature: 1, MinP: 1},
		{Temperature: 1, TypicalP: 0.9}, {Temperature: 1, TopH: 1}, {Temperature: 1, EpsilonCutoff: 0.1}, {Temperature: 1, EtaCutoff: 0.1},
	} {
		p, err := must(t, c).Probabilities(nil, logits)
		if err != nil || !slices.Equal(p, []float64{0, 0.5, 0, 0.5, 0}) {
			t.Errorf("%+v: %v, %v", c, p, err)
		}
	}
	if !math.IsInf(float64(logits[1]), 1) {
		t.Error("logits were modified")
	}
}

// TestExtremes has values whose differences and quotients overflow.
func TestExtremes(t *testing.T) {
	logits := []float32{math.MaxFloat32, -math.MaxFloat32, 0, math.MaxFloat32}
	for _, c := range []struct {
		config Config
		want   []float64
	}{
		{Config{Temperature: math.SmallestNonzeroFloat64}, []float64{0.5, 0, 0, 0.5}},
		{Config{Temperature: 1e-300, TopP: 0.5}, []float64{1, 0, 0, 0}},
		{Config{Temperature: 1e-300, TopP: 0.6}, []float64{0.5, 0, 0, 0.5}},
		{Config{Temperature: math.MaxFloat64}, []float64{0.25, 0.25, 0.25, 0.25}},
		{Config{Temperature: math.MaxFloat64, TopP: 0.75, MinP: 1e-9}, []float64{1. / 3, 0, 1. / 3, 1. / 3}},
		{Config{Temperature: math.MaxFloat64, TypicalP: 0.999}, []float64{0.25, 0.25, 0.25, 0.25}},
		{Config{Temperature: 1, TopK: 3}, []float64{0.5, 0, 0, 0.5}},
	} {
		got, err := must(t, c.config).Probabilities(nil, logits)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			if math.Abs(got[i]-c.want[i]) > 1e-9 {
				t.Errorf("%+v: %v, want %v", c.config, got, c.want)
				break
			}
		}
	}
}

func TestTies(t *testing.T) {
	logits := []float32{1, 2, 2, 2, 0, 2}
	for _, c := range []struct {
		config Config
		want   []int
	}{
		{Config{Temperature: 1, TopK: 2}, []int{1, 2}},
		{Config{Temperature: 1, TopK: 4, MinP: 1}, []int{1, 2, 3, 5}},
		{Config{Temperature: 1, TopK: 3, MinP: 1}, []int{1, 2, 3}},
		{Config{Temperature: 1, TopP: 0.3}, []int{1, 2}},
		{Config{Temperature: 1, TopK: 2, TypicalP: 0.9}, []int{1, 2}},
	} {
		top, err := must(t, c.config).TopN(nil, logits, 10)
		if err != nil {
			t.Fatal(err)
		}
		var ids []int
		for _, k := range top {
			ids = append(ids, k.ID)
		}
		if !slices.Equal(ids, c.want) {
			t.Errorf("%+v keeps %v, want %v", c.config, ids, c.want)
		}
	}
}

// TestVocabularies: a sampler holds nothing of the text, so it serves any vocabulary.
func TestVocabularies(t *testing.T) {
	s := must(t, Config{Temperature: 1, TopK: 2, TypicalP: 0.9})
	for _, n := range []int{5, 3000, 1, 300} {
		logits := make([]float32, n)
		logits[n-1] = 50
		if id, err := s.Next(logits); id != n-1 || err != nil {
			t.Errorf("%d logits: token %d, %v", n, id, err)
		}
	}
}

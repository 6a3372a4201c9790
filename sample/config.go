package sample

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Config says how a token is chosen. Each field left at zero does nothing, and
// so the zero Config is greedy: it takes the largest logit.
type Config struct {
	// Temperature divides the logits. Below 1 it favours likely tokens, above 1
	// it levels the odds; 0 takes the largest logit. Finite, 0 or more.
	Temperature float64

	// TopK keeps the k tokens with the largest logits. 0 keeps all.
	TopK int

	// TopP keeps the most likely tokens until they have at least this share of
	// the probability (nucleus sampling, Holtzman et al. 2019,
	// arXiv:1904.09751). From 0 to 1; 0 and 1 keep all.
	TopP float64

	// MinP keeps the tokens at least this many times as likely as the most
	// likely one (Nguyen et al. 2024, arXiv:2407.01082). From 0 to 1; 0 keeps
	// all.
	MinP float64

	// TypicalP keeps the tokens whose information is closest to the entropy of
	// the distribution until they have at least this share of the probability
	// (Meister et al. 2022, arXiv:2202.00666). From 0 to 1; 0 and 1 keep all.
	TypicalP float64

	// RepetitionPenalty divides positive logits and multiplies negative ones of
	// each token in the prompt or the text so far (Keskar et al. 2019,
	// arXiv:1909.05858). Finite, above 0; 0 and 1 change nothing, and
	// values below 1 reward repetition.
	RepetitionPenalty float64

	// PresencePenalty is subtracted from the logit of each token that has been
	// generated, once however often. Finite; negative values reward.
	PresencePenalty float64

	// FrequencyPenalty is subtracted from the logit of each token that has been
	// generated, once for each time. Finite; negative values reward.
	FrequencyPenalty float64

	// Bias is added to the logits of the tokens named; −Inf rules a token out.
	// New copies it. An id beyond the vocabulary is reported with the first
	// logits.
	Bias map[int]float32

	// Seed starts the random numbers. The same seed gives the same tokens.
	Seed uint64
}

// biased is one entry of Config.Bias.
type biased struct {
	id  int
	add float32
}

// validate reports the first field that is out of range.
func (c *Config) validate() error {
	if !finite(c.Temperature) || c.Temperature < 0 {
		return fmt.Errorf("sample: Temperature is %v; it must be finite and 0 (greedy) or more", c.Temperature)
	}
	if c.TopK < 0 {
		return fmt.Errorf("sample: TopK is %d; it must be 0 (off) or more", c.TopK)
	}
	for _, f := range []struct {
		name  string
		value float64
		off   string
	}{
		{"TopP", c.TopP, "0 and 1 are off"},
		{"MinP", c.MinP, "0 is off"},
		{"TypicalP", c.TypicalP, "0 and 1 are off"},
	} {
		if !(f.value >= 0 && f.value <= 1) {
			return fmt.Errorf("sample: %s is %v; it must be from 0 to 1 (%s)", f.name, f.value, f.off)
		}
	}
	if !finite(c.RepetitionPenalty) || c.RepetitionPenalty < 0 {
		return fmt.Errorf("sample: RepetitionPenalty is %v; it must be finite and above 0 (0 and 1 are off)", c.RepetitionPenalty)
	}
	if !finite(c.PresencePenalty) {
		return fmt.Errorf("sample: PresencePenalty is %v; it must be finite", c.PresencePenalty)
	}
	if !finite(c.FrequencyPenalty) {
		return fmt.Errorf("sample: FrequencyPenalty is %v; it must be finite", c.FrequencyPenalty)
	}
	return nil
}

// sortedBias checks Bias and returns it by ascending id.
func (c *Config) sortedBias() ([]biased, error) {
	if len(c.Bias) == 0 {
		return nil, nil
	}
	bias := make([]biased, 0, len(c.Bias))
	for id, add := range c.Bias {
		bias = append(bias, biased{id, add})
	}
	slices.SortFunc(bias, func(a, b biased) int { return cmp.Compare(a.id, b.id) })
	for _, b := range bias {
		if b.id < 0 {
			return nil, fmt.Errorf("sample: Bias has token id %d; ids start at 0", b.id)
		}
		if b.add != b.add || math.IsInf(float64(b.add), 1) {
			return nil, fmt.Errorf("sample: Bias of token %d is %v; it must be finite, or -Inf to rule the token out", b.id, b.add)
		}
	}
	return bias, nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

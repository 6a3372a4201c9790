package sample

import (
	"fmt"
	"math"
)

// Config says how a [Sampler] draws a token. A field that is 0 does nothing, so the zero Config is greedy: it takes
// the largest logit. What depends on the text, such as a repetition penalty, is in [LogitsProcessors].
type Config struct {
	// Temperature divides the logits. Below 1 it favours likely tokens, above 1 it evens out the probabilities.
	// 0 takes the largest logit. Finite, 0 or more.
	Temperature float64

	// TopH keeps the most likely tokens whose terms −p·ln p sum to at most TopH times the entropy, of the 100 most likely,
	// and the most likely one (Potraghloo et al. 2025, arXiv:2509.02510). From 0 to 1; 0 keeps all.
	TopH float64

	// TopK keeps the k tokens with the largest logits. 0 keeps all.
	TopK int

	// TopP keeps the most likely tokens until their probabilities sum to TopP or more: nucleus sampling (Holtzman et
	// al. 2019, arXiv:1904.09751). From 0 to 1; 0 and 1 keep all.
	TopP float64

	// MinP keeps the tokens whose probability is at least MinP times that of the most likely token (Nguyen et al.
	// 2024, arXiv:2407.01082). From 0 to 1; 0 keeps all.
	MinP float64

	// TypicalP keeps the tokens whose information is closest to the entropy of the distribution, until their
	// probabilities sum to TypicalP or more (Meister et al. 2022, arXiv:2202.00666). From 0 to 1; 0 and 1 keep all.
	TypicalP float64

	// EpsilonCutoff keeps the tokens with probabilities of at least EpsilonCutoff, and the most likely one (Hewitt et al.
	// 2022, arXiv:2210.15191). From 0 to 1; 0 and 1 keep all.
	EpsilonCutoff float64

	// EtaCutoff is an EpsilonCutoff that is lower where the distribution is flat: with the entropy H it keeps the tokens
	// with probabilities of at least min(EtaCutoff, √EtaCutoff·exp(−H)), and the most likely one (same paper). From 0
	// to 1; 0 and 1 keep all.
	EtaCutoff float64

	// Seed starts the random numbers. The same seed gives the same tokens.
	Seed uint64
}

// Validate reports the first field that is out of range, with its value and its range.
func (c *Config) Validate() error {
	if !finite(c.Temperature) || c.Temperature < 0 {
		return fmt.Errorf("sample: Config.Temperature is %v; it must be finite and 0 (greedy) or more", c.Temperature)
	}
	if c.TopK < 0 {
		return fmt.Errorf("sample: Config.TopK is %d; it must be 0 (off) or more", c.TopK)
	}
	for _, f := range []struct {
		name  string
		value float64
		off   string
	}{
		{"TopH", c.TopH, "0 is off"},
		{"TopP", c.TopP, "0 and 1 are off"},
		{"MinP", c.MinP, "0 is off"},
		{"TypicalP", c.TypicalP, "0 and 1 are off"},
		{"EpsilonCutoff", c.EpsilonCutoff, "0 and 1 are off"},
		{"EtaCutoff", c.EtaCutoff, "0 and 1 are off"},
	} {
		if !(f.value >= 0 && f.value <= 1) {
			return fmt.Errorf("sample: Config.%s is %v; it must be from 0 to 1 (%s)", f.name, f.value, f.off)
		}
	}
	return nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

package sample

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Penalties within these bounds keep quotients and products of ordinary scores in float32.
const minPenalty, maxPenalty = 1e-30, 1e30

// Validate returns an error for the first field that is out of range, with its value and its range. It also
// returns an error if a field needs something that t does not have: ForcedEOS needs Text.MaxLength,
// ExponentialDecayLengthPenalty needs Text.EOS. It does not look at the ids in Text.IDs.
// [LogitsProcessors.Apply] does not call Validate; package beam and Session.Generate of package model do.
func (p *LogitsProcessors) Validate(t Text) error {
	for _, check := range []func() error{p.validateSequences, p.validatePenalties, p.validateCounts, p.validateIDs, t.validate} {
		if err := check(); err != nil {
			return err
		}
	}
	if err := p.validateVocab(t.VocabSize); err != nil {
		return err
	}
	if len(p.ForcedEOS) > 0 && t.MaxLength == 0 {
		return fmt.Errorf("sample: LogitsProcessors.ForcedEOS is %v and Text.MaxLength is 0; it must be the number of tokens of which these are the last", p.ForcedEOS)
	}
	if decay := p.ExponentialDecayLengthPenalty; decay.active() && len(t.EOS) == 0 {
		return fmt.Errorf("sample: LogitsProcessors.ExponentialDecayLengthPenalty.Factor is %v and Text.EOS is empty; it must name the tokens to favour", decay.Factor)
	}
	return nil
}

func (t *Text) validate() error {
	switch {
	case t.PromptLen < 0 || t.PromptLen > len(t.IDs):
		return fmt.Errorf("sample: Text.PromptLen is %d with %d token ids; it must be from 0 to their number", t.PromptLen, len(t.IDs))
	case t.VocabSize < 0:
		return fmt.Errorf("sample: Text.VocabSize is %d; it must be 0 (unknown) or more", t.VocabSize)
	case t.MaxLength < 0:
		return fmt.Errorf("sample: Text.MaxLength is %d; it must be 0 (no limit) or more", t.MaxLength)
	}
	if id := negative(t.EOS); id < 0 {
		return fmt.Errorf("sample: Text.EOS has token id %d; ids start at 0", id)
	}
	return nil
}

func (p *LogitsProcessors) validatePenalties() error {
	for _, f := range []struct {
		name  string
		value float64
	}{
		{"EncoderRepetitionPenalty", p.EncoderRepetitionPenalty},
		{"RepetitionPenalty", p.RepetitionPenalty},
	} {
		if f.value != 0 && !(f.value >= minPenalty && f.value <= maxPenalty) {
			return fmt.Errorf("sample: LogitsProcessors.%s is %v; it must be from %v to %v (0 and 1 are off)", f.name, f.value, minPenalty, maxPenalty)
		}
	}
	for _, f := range []struct {
		name  string
		value float64
	}{
		{"PresencePenalty", p.PresencePenalty},
		{"FrequencyPenalty", p.FrequencyPenalty},
	} {
		if !finite(f.value) {
			return fmt.Errorf("sample: LogitsProcessors.%s is %v; it must be finite", f.name, f.value)
		}
	}
	if factor := p.ExponentialDecayLengthPenalty.Factor; !finite(factor) || factor < 0 {
		return fmt.Errorf("sample: LogitsProcessors.ExponentialDecayLengthPenalty.Factor is %v; it must be finite and above 0 (0 and 1 are off)", factor)
	}
	return nil
}

func (p *LogitsProcessors) validateCounts() error {
	for _, f := range []struct {
		name  string
		value int
	}{
		{"NoRepeatNGramSize", p.NoRepeatNGramSize},
		{"EncoderNoRepeatNGramSize", p.EncoderNoRepeatNGramSize},
		{"MinLength", p.MinLength},
		{"MinNewTokens", p.MinNewTokens},
		{"ExponentialDecayLengthPenalty.Start", p.ExponentialDecayLengthPenalty.Start},
	} {
		if f.value < 0 {
			return fmt.Errorf("sample: LogitsProcessors.%s is %d; it must be 0 (off) or more", f.name, f.value)
		}
	}
	return nil
}

func (p *LogitsProcessors) validateIDs() error {
	for _, f := range []struct {
		name string
		ids  []int
	}{
		{"ForcedBOS", p.ForcedBOS},
		{"ForcedEOS", p.ForcedEOS},
		{"SuppressTokens", p.SuppressTokens},
		{"BeginSuppressTokens", p.BeginSuppressTokens},
	} {
		if id := negative(f.ids); id < 0 {
			return fmt.Errorf("sample: LogitsProcessors.%s has token id %d; ids start at 0", f.name, id)
		}
	}
	return nil
}

func (p *LogitsProcessors) validateSequences() error {
	// Sorted, so that equal sequences stand side by side.
	order := make([]int, len(p.SequenceBias))
	for i, b := range p.SequenceBias {
		order[i] = i
		switch {
		case len(b.IDs) == 0:
			return fmt.Errorf("sample: LogitsProcessors.SequenceBias[%d] has no token ids; it must have one or more", i)
		case negative(b.IDs) < 0:
			return fmt.Errorf("sample: LogitsProcessors.SequenceBias[%d] has token id %d; ids start at 0", i, negative(b.IDs))
		case b.Bias != b.Bias || math.IsInf(float64(b.Bias), 1):
			return fmt.Errorf("sample: LogitsProcessors.SequenceBias[%d].Bias is %v; it must be finite, or -Inf to rule the token out", i, b.Bias)
		}
	}
	slices.SortFunc(order, func(a, b int) int {
		if c := slices.Compare(p.SequenceBias[a].IDs, p.SequenceBias[b].IDs); c != 0 {
			return c
		}
		return a - b
	})
	for i := 1; i < len(order); i++ {
		if a, b := order[i-1], order[i]; slices.Equal(p.SequenceBias[a].IDs, p.SequenceBias[b].IDs) {
			return fmt.Errorf("sample: LogitsProcessors.SequenceBias[%d] has the token ids of SequenceBias[%d]; each sequence may occur once", b, a)
		}
	}
	for i, w := range p.BadWordsIDs {
		if len(w) == 0 {
			return fmt.Errorf("sample: LogitsProcessors.BadWordsIDs[%d] has no token ids; it must have one or more", i)
		}
		if id := negative(w); id < 0 {
			return fmt.Errorf("sample: LogitsProcessors.BadWordsIDs[%d] has token id %d; ids start at 0", i, id)
		}
	}
	return nil
}

// validateVocab reports the first id beyond the vocabulary in what would have no effect then, or leave no token. The
// reference refuses those of biases and bad words, and passes over those of SuppressTokens.
func (p *LogitsProcessors) validateVocab(size int) error {
	if size == 0 {
		return nil
	}
	check := func(name string, ids []int) error {
		for _, id := range ids {
			if id >= size {
				return fmt.Errorf("sample: LogitsProcessors.%s has token id %d; the vocabulary has %d tokens", name, id, size)
			}
		}
		return nil
	}
	for i, b := range p.SequenceBias {
		if err := check(fmt.Sprintf("SequenceBias[%d]", i), b.IDs); err != nil {
			return err
		}
	}
	for i, ids := range p.BadWordsIDs {
		if err := check(fmt.Sprintf("BadWordsIDs[%d]", i), ids); err != nil {
			return err
		}
	}
	return cmp.Or(check("ForcedBOS", p.ForcedBOS), check("ForcedEOS", p.ForcedEOS))
}

// negative is the first id below 0, or 0.
func negative(ids []int) int {
	for _, id := range ids {
		if id < 0 {
			return id
		}
	}
	return 0
}

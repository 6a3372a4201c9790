package sample

import (
	"fmt"
	"math"
	"slices"
)

// Rules constrain the next token by the text so far: they change the scores of
// tokens, or rule tokens out with a score of −Inf. The zero Rules change
// nothing.
//
// Fields stand in the order in which they take effect, which is that of the
// logits processors of Hugging Face transformers 5.24 (generation/utils.py,
// _get_logits_processor; generation/logits_process.py), and each does what the
// processor of its name does, in float32. Scores are logits for a [Sampler] and
// log-probabilities in a beam search; see [Beams].
//
// Token ids beyond the vocabulary, wherever they occur, match no token and are
// passed over.
//
// Rules hold no text and no scratch. Any number of goroutines may use them at
// once, as long as nobody changes them.
type Rules struct {
	// SequenceBias adds to the score of the token that would complete a
	// sequence (sequence_bias).
	SequenceBias []SequenceBias

	// EncoderRepetitionPenalty above 1 favours the tokens of Text.Source: it
	// multiplies their positive scores and divides the negative ones
	// (encoder_repetition_penalty). From 1e-30 to 1e30; 0 and 1 are off.
	EncoderRepetitionPenalty float64

	// RepetitionPenalty divides positive scores and multiplies negative ones of
	// the tokens of the text, prompt included (repetition_penalty; Keskar et al.
	// 2019, arXiv:1909.05858). From 1e-30 to 1e30; 0 and 1 are off.
	RepetitionPenalty float64

	// NoRepeatNGram is n where no n tokens may occur twice in the text
	// (no_repeat_ngram_size; Paulus et al. 2017, arXiv:1705.04304). 0 is off.
	NoRepeatNGram int

	// EncoderNoRepeatNGram is n where no n tokens of Text.Source may occur in
	// the text (encoder_no_repeat_ngram_size). 0 is off.
	EncoderNoRepeatNGram int

	// BadWords may not occur in what is generated (bad_words_ids): the token
	// that would complete one is ruled out. As in the reference, a word that is
	// one token of EOS alone has no effect.
	BadWords [][]int

	// MinLength rules out the tokens of EOS while the text is shorter than this,
	// prompt included (min_length). Rules apply both this and MinNew, as the
	// reference's processors do; its generate passes this over if MinNew is set.
	MinLength int

	// MinNew rules out the tokens of EOS while fewer tokens than this are
	// generated (min_new_tokens).
	MinNew int

	// Allowed, if not nil, is called with the text, sometimes twice, and returns
	// the only tokens that may follow, in any order (prefix_allowed_tokens_fn; De
	// Cao et al. 2020, arXiv:2010.00904). It must not change or keep its
	// argument. If other rules left none of the allowed tokens, all of them get
	// score 0; in a beam search, only if that is so for every beam. An empty list
	// rules out every token.
	Allowed func(text []int) []int

	// ForcedFirst are the only tokens that may follow a text of one token, with
	// score 0 (forced_bos_token_id).
	ForcedFirst []int

	// ForcedLast are the only tokens that may be the last of MaxLength, with
	// score 0 (forced_eos_token_id).
	ForcedLast []int

	// DecayStart and DecayFactor favour the end of long texts
	// (exponential_decay_length_penalty): with n tokens generated beyond
	// DecayStart, a score s of the tokens of EOS becomes s + |s|·(DecayFactorⁿ−1).
	// The factor is finite and above 0; 0 and 1 are off.
	DecayStart  int
	DecayFactor float64

	// Suppress are tokens that are never generated (suppress_tokens).
	Suppress []int

	// SuppressFirst are tokens that are not generated first
	// (begin_suppress_tokens). As in the reference, what counts as first is the
	// second generated token if the prompt is one token and ForcedFirst is set.
	SuppressFirst []int

	// Renormalize has a beam search sum the logarithms of probabilities that the
	// rules have left to the tokens, which add up to 1 again
	// (renormalize_logits). Apply and samplers, which do so anyway, pass it over.
	Renormalize bool

	// EOS are the tokens that end a text (eos_token_id).
	EOS []int

	// MaxLength is the greatest number of tokens of a text, prompt included
	// (max_length). ForcedLast and [Beams] need it.
	MaxLength int
}

// SequenceBias is added to the score of the last of the tokens where those
// before it end the text; −Inf rules it out.
type SequenceBias struct {
	IDs []int
	Add float32
}

// Text is what [Rules] look at.
type Text struct {
	IDs    []int // prompt and generated tokens
	Prompt int   // how many of IDs are the prompt
	// Source is what the encoder read, nil if there is none or it read no
	// tokens. For a decoder-only model the reference takes the prompt.
	Source []int
}

// penalty bounds keep quotients and products of ordinary scores in float32.
const minPenalty, maxPenalty = 1e-30, 1e30

// Validate reports the first field that is out of range, with its value and
// what it may be. [NewBeams] calls it; [Rules.Apply] does not.
func (r *Rules) Validate() error {
	if err := r.validateSequences(); err != nil {
		return err
	}
	for _, f := range []struct {
		name  string
		value float64
	}{
		{"EncoderRepetitionPenalty", r.EncoderRepetitionPenalty},
		{"RepetitionPenalty", r.RepetitionPenalty},
	} {
		if f.value != 0 && !(f.value >= minPenalty && f.value <= maxPenalty) {
			return fmt.Errorf("sample: Rules.%s is %v; it must be from %v to %v (0 and 1 are off)", f.name, f.value, minPenalty, maxPenalty)
		}
	}
	for _, f := range []struct {
		name  string
		value int
	}{
		{"NoRepeatNGram", r.NoRepeatNGram},
		{"EncoderNoRepeatNGram", r.EncoderNoRepeatNGram},
		{"MinLength", r.MinLength},
		{"MinNew", r.MinNew},
		{"DecayStart", r.DecayStart},
		{"MaxLength", r.MaxLength},
	} {
		if f.value < 0 {
			return fmt.Errorf("sample: Rules.%s is %d; it must be 0 (off) or more", f.name, f.value)
		}
	}
	if !finite(r.DecayFactor) || r.DecayFactor < 0 {
		return fmt.Errorf("sample: Rules.DecayFactor is %v; it must be finite and above 0 (0 and 1 are off)", r.DecayFactor)
	}
	for _, f := range []struct {
		name string
		ids  []int
	}{
		{"ForcedFirst", r.ForcedFirst},
		{"ForcedLast", r.ForcedLast},
		{"Suppress", r.Suppress},
		{"SuppressFirst", r.SuppressFirst},
		{"EOS", r.EOS},
	} {
		if id := negative(f.ids); id < 0 {
			return fmt.Errorf("sample: Rules.%s has token id %d; ids start at 0", f.name, id)
		}
	}
	if len(r.ForcedLast) > 0 && r.MaxLength == 0 {
		return fmt.Errorf("sample: Rules.ForcedLast is %v and MaxLength is 0; it must be the number of tokens of which these are the last", r.ForcedLast)
	}
	if r.decays() && len(r.EOS) == 0 {
		return fmt.Errorf("sample: Rules.DecayFactor is %v and EOS is empty; it must name the tokens to favour", r.DecayFactor)
	}
	return nil
}

func (r *Rules) validateSequences() error {
	// Sorted, so that equal sequences stand side by side.
	order := make([]int, len(r.SequenceBias))
	for i, b := range r.SequenceBias {
		order[i] = i
		switch {
		case len(b.IDs) == 0:
			return fmt.Errorf("sample: Rules.SequenceBias[%d] has no token ids; it must have one or more", i)
		case negative(b.IDs) < 0:
			return fmt.Errorf("sample: Rules.SequenceBias[%d] has token id %d; ids start at 0", i, negative(b.IDs))
		case b.Add != b.Add || math.IsInf(float64(b.Add), 1):
			return fmt.Errorf("sample: Rules.SequenceBias[%d] adds %v; it must be finite, or -Inf to rule the token out", i, b.Add)
		}
	}
	slices.SortFunc(order, func(a, b int) int {
		if c := slices.Compare(r.SequenceBias[a].IDs, r.SequenceBias[b].IDs); c != 0 {
			return c
		}
		return a - b
	})
	for i := 1; i < len(order); i++ {
		if a, b := order[i-1], order[i]; slices.Equal(r.SequenceBias[a].IDs, r.SequenceBias[b].IDs) {
			return fmt.Errorf("sample: Rules.SequenceBias[%d] has the token ids of SequenceBias[%d]; each sequence may occur once", b, a)
		}
	}
	for i, w := range r.BadWords {
		if len(w) == 0 {
			return fmt.Errorf("sample: Rules.BadWords[%d] has no token ids; it must have one or more", i)
		}
		if id := negative(w); id < 0 {
			return fmt.Errorf("sample: Rules.BadWords[%d] has token id %d; ids start at 0", i, id)
		}
	}
	return nil
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

func (r *Rules) decays() bool { return r.DecayFactor != 0 && r.DecayFactor != 1 }

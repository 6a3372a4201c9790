package sample

// LogitsProcessors change the scores of the next token, depending on the text so far. They add to scores, or
// rule tokens out with a score of −Inf. The zero value changes nothing.
//
// Fields have the names of GenerationConfig in Hugging Face transformers 5.24. They stand in the order in
// which they take effect, which is that of transformers (generation/utils.py, _get_logits_processor). Each
// field computes what the processor of its name in generation/logits_process.py does, in float32.
// PresencePenalty and FrequencyPenalty are OpenAI's; transformers does not have them.
//
// Scores are logits before a [Sampler], and log-probabilities in a beam search (package beam).
//
// Token ids beyond the vocabulary are ignored. Validate refuses them if the text says how large the
// vocabulary is.
//
// LogitsProcessors hold no text and no scratch memory. Any number of goroutines may use them at the same
// time, as long as none changes them.
type LogitsProcessors struct {
	// SequenceBias adds to the score of the token that would complete a sequence (sequence_bias). A sequence of one
	// token is completed anywhere: that is the logit bias of a token.
	SequenceBias []SequenceBias

	// EncoderRepetitionPenalty above 1 favours the tokens of Text.EncoderIDs: it multiplies their positive scores
	// and divides their negative scores (encoder_repetition_penalty). From 1e-30 to 1e30; 0 and 1 are off.
	EncoderRepetitionPenalty float64

	// RepetitionPenalty divides the positive scores and multiplies the negative scores of the tokens of the text, the
	// prompt included, once each (repetition_penalty; Keskar et al. 2019, arXiv:1909.05858). Below 1 it rewards
	// repetition. From 1e-30 to 1e30; 0 and 1 are off.
	RepetitionPenalty float64

	// PresencePenalty is subtracted from the score of each token that has been generated, once however often it
	// was. The prompt does not count. Finite; negative values reward.
	PresencePenalty float64

	// FrequencyPenalty is subtracted from the score of each token that has been generated, once for each time. The
	// prompt does not count. Finite; negative values reward.
	FrequencyPenalty float64

	// NoRepeatNGramSize n lets no sequence of n tokens occur twice in the text (no_repeat_ngram_size; Paulus et al.
	// 2017, arXiv:1705.04304). 0 is off.
	NoRepeatNGramSize int

	// EncoderNoRepeatNGramSize n lets no sequence of n tokens of Text.EncoderIDs occur in the text
	// (encoder_no_repeat_ngram_size). 0 is off.
	EncoderNoRepeatNGramSize int

	// BadWordsIDs are sequences that may not be generated: the token that would complete one is ruled out
	// (bad_words_ids). As in transformers, a sequence that is one token of Text.EOS has no effect.
	BadWordsIDs [][]int

	// MinLength rules out the tokens of Text.EOS while the text, prompt included, is shorter (min_length). If both
	// MinLength and MinNewTokens are set, both apply. In transformers, generate drops min_length if min_new_tokens is
	// set, and so does package hf when it reads a checkpoint.
	MinLength int

	// MinNewTokens rules out the tokens of Text.EOS while fewer tokens are generated (min_new_tokens).
	MinNewTokens int

	// PrefixAllowedTokens, if not nil, is called with the text, sometimes twice. It returns the only tokens that may
	// follow, in any order (prefix_allowed_tokens_fn; De Cao et al. 2020, arXiv:2010.00904). It must not change or
	// keep its argument. If other processors have ruled out all the tokens that it allows, these get score 0; in a
	// beam search, only if that is so for every beam. An empty list rules out every token.
	PrefixAllowedTokens func(text []int) []int

	// ForcedBOS are the only tokens that may follow a text of one token, with score 0 (forced_bos_token_id).
	ForcedBOS []int

	// ForcedEOS are the only tokens that may be the last of Text.MaxLength, with score 0 (forced_eos_token_id).
	ForcedEOS []int

	// RemoveInvalidValues turns NaN into 0, and infinite scores, those of tokens that have been ruled out too, into the
	// largest and the least finite ones (remove_invalid_values).
	RemoveInvalidValues bool

	// ExponentialDecayLengthPenalty favours the end of long texts (exponential_decay_length_penalty).
	ExponentialDecayLengthPenalty ExponentialDecay

	// SuppressTokens are never generated (suppress_tokens).
	SuppressTokens []int

	// BeginSuppressTokens are not generated first (begin_suppress_tokens). As in transformers, if the prompt is one
	// token and ForcedBOS is set, the second generated token counts as the first.
	BeginSuppressTokens []int

	// RenormalizeLogits makes a beam search normalise log-probabilities again after the processors
	// (renormalize_logits). It changes nothing elsewhere: a Sampler always normalises.
	RenormalizeLogits bool
}

// SequenceBias adds Bias to the score of the last token of IDs where the text ends with the tokens before it. A Bias
// of −Inf rules the token out.
type SequenceBias struct {
	IDs  []int
	Bias float32
}

// ExponentialDecay favours the end of long texts: with n tokens generated beyond Start, the score s of each token of
// Text.EOS becomes s + |s|·(Factorⁿ−1). Start is 0 or more. Factor is finite and above 0; 0 and 1 are off.
type ExponentialDecay struct {
	Start  int
	Factor float64
}

func (e ExponentialDecay) active() bool { return e.Factor != 0 && e.Factor != 1 }

// Text is the input of [LogitsProcessors]: the tokens so far, and where the text ends.
type Text struct {
	IDs       []int // tokens of the prompt, then generated tokens
	PromptLen int   // how many of IDs are the prompt

	// EncoderIDs are the tokens of the encoder's source; nil if there are none. For a decoder without an
	// encoder transformers uses the prompt.
	EncoderIDs []int

	// EOS are the tokens that end the text (eos_token_id). There may be none.
	EOS []int

	// MaxLength is the number of tokens at which the text ends, prompt included (max_length). 0 is no limit.
	MaxLength int

	// VocabSize, if not 0, is the size of the vocabulary. [LogitsProcessors.Validate] then refuses ids beyond
	// it.
	VocabSize int
}

// generated are the tokens after the prompt.
func (t *Text) generated() []int { return t.IDs[min(max(t.PromptLen, 0), len(t.IDs)):] }

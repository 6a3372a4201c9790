package sample

import (
	"math"
	"slices"

	"github.com/seed2010d43f/transformer/internal/logits"
)

const maxFloat32 = math.MaxFloat32

var negInf = float32(math.Inf(-1))

// Apply changes scores [V] of the token that follows the text, in place. It does not change or keep the text, and
// allocates nothing. Its time grows with the length of the text where a field looks at all tokens.
//
// Where scores are finite or −Inf, none becomes NaN. A bias or a penalty can carry a score beyond float32, to an
// infinity. If the processors together leave no token, all scores are −Inf, and [Sampler.Next] returns an error.
//
// Fields out of range (see [LogitsProcessors.Validate]) and a Text.PromptLen out of range give meaningless scores, but
// never a panic.
func (p *LogitsProcessors) Apply(scores []float32, t Text) {
	for stage := BiasStage; stage <= PositionStage; stage++ {
		p.ApplyStage(stage, scores, t)
	}
}

// Stage is a group of fields of [LogitsProcessors] that take effect one after the other. Only a search with a
// processor between two groups needs stages: package beam has one for DiversityPenalty. It calls
// [LogitsProcessors.ApplyStage] for each stage. Other programs call [LogitsProcessors.Apply].
type Stage int

// The stages, in the order in which Apply runs them.
const (
	BiasStage     Stage = iota // SequenceBias
	HistoryStage               // EncoderRepetitionPenalty to MinNewTokens
	AllowedStage               // PrefixAllowedTokens
	PositionStage              // ForcedBOS to BeginSuppressTokens
)

// ApplyStage applies the fields of one stage, as [LogitsProcessors.Apply] does. For a stage that is not one
// of the constants it does nothing.
func (p *LogitsProcessors) ApplyStage(stage Stage, scores []float32, t Text) {
	switch stage {
	case BiasStage:
		p.applyBias(scores, t)
	case HistoryStage:
		p.applyHistory(scores, t)
	case AllowedStage:
		p.applyAllowed(scores, t)
	case PositionStage:
		p.applyPosition(scores, t)
	}
}

// Active reports whether Apply might change a score. It is cheap. If it returns false, there is no need to
// copy logits for Apply.
func (p *LogitsProcessors) Active(t Text) bool {
	n := len(t.IDs)
	return len(p.SequenceBias) > 0 || len(p.BadWordsIDs) > 0 || len(p.SuppressTokens) > 0 || p.PrefixAllowedTokens != nil ||
		penalizes(p.EncoderRepetitionPenalty) && len(t.EncoderIDs) > 0 || penalizes(p.RepetitionPenalty) ||
		(p.PresencePenalty != 0 || p.FrequencyPenalty != 0) && len(t.generated()) > 0 ||
		p.NoRepeatNGramSize > 0 && n >= p.NoRepeatNGramSize ||
		p.EncoderNoRepeatNGramSize > 0 && len(t.EncoderIDs) >= p.EncoderNoRepeatNGramSize ||
		p.RemoveInvalidValues || p.tooEarly(t) || p.forcesBOS(n) || p.forcesEOS(t) || p.decay(t) > 0 || p.beginSuppresses(t)
}

func penalizes(penalty float64) bool { return penalty != 0 && penalty != 1 }

// tooEarly reports whether the text may not end yet.
func (p *LogitsProcessors) tooEarly(t Text) bool {
	return len(t.EOS) > 0 && (len(t.IDs) < p.MinLength || len(t.IDs)-t.PromptLen < p.MinNewTokens)
}

func (p *LogitsProcessors) forcesBOS(n int) bool { return len(p.ForcedBOS) > 0 && n == 1 }

func (p *LogitsProcessors) forcesEOS(t Text) bool {
	return len(p.ForcedEOS) > 0 && len(t.IDs) == t.MaxLength-1
}

// decay is how many tokens have been generated beyond the start of the decay.
func (p *LogitsProcessors) decay(t Text) int {
	decay := p.ExponentialDecayLengthPenalty
	if !decay.active() {
		return 0
	}
	return max(0, len(t.IDs)-t.PromptLen-decay.Start)
}

func (p *LogitsProcessors) beginSuppresses(t Text) bool {
	first := t.PromptLen
	if t.PromptLen <= 1 && len(p.ForcedBOS) > 0 {
		first++
	}
	return len(p.BeginSuppressTokens) > 0 && len(t.IDs) == first
}

// applyBias applies the biases one after the other.
func (p *LogitsProcessors) applyBias(scores []float32, t Text) {
	for i := range p.SequenceBias {
		b := &p.SequenceBias[i]
		id, ok := completes(b.IDs, t.IDs, len(scores))
		switch {
		case !ok:
		case b.Bias < -maxFloat32:
			scores[id] = b.Bias // even where the score is +Inf
		default:
			scores[id] += b.Bias
		}
	}
}

// completes returns the last of ids if those before it end the text and it is in the vocabulary.
func completes(ids, text []int, vocab int) (last int, ok bool) {
	n := len(ids) - 1
	if n < 0 || n > len(text) || uint(ids[n]) >= uint(vocab) || !slices.Equal(ids[:n], text[len(text)-n:]) {
		return 0, false
	}
	return ids[n], true
}

// applyHistory applies what depends on the tokens of the text and of the encoder, and what keeps it from ending early.
func (p *LogitsProcessors) applyHistory(scores []float32, t Text) {
	if penalty := p.EncoderRepetitionPenalty; penalizes(penalty) {
		penalizeRepetition(scores, t.EncoderIDs, float32(1/penalty))
	}
	if penalty := p.RepetitionPenalty; penalizes(penalty) {
		penalizeRepetition(scores, t.IDs, float32(penalty))
	}
	penalizeCounts(scores, t.generated(), p.PresencePenalty, p.FrequencyPenalty)
	if n := p.NoRepeatNGramSize; n > 0 {
		banNGrams(scores, t.IDs, t.IDs, n)
	}
	if n := p.EncoderNoRepeatNGramSize; n > 0 {
		banNGrams(scores, t.EncoderIDs, t.IDs, n)
	}
	for _, w := range p.BadWordsIDs {
		if id, ok := completes(w, t.IDs, len(scores)); ok && !(len(w) == 1 && slices.Contains(t.EOS, id)) {
			scores[id] = negInf
		}
	}
	if p.tooEarly(t) {
		logits.Set(scores, t.EOS, negInf)
	}
}

// applyAllowed rules out what PrefixAllowedTokens does not return. If nothing is left, it forces what that returns.
func (p *LogitsProcessors) applyAllowed(scores []float32, t Text) {
	if p.PrefixAllowedTokens == nil {
		return
	}
	allowed := p.PrefixAllowedTokens(t.IDs)
	if !logits.KeepOnly(scores, allowed) {
		logits.Set(scores, allowed, 0)
	}
}

// applyPosition applies what depends on the length of the text.
func (p *LogitsProcessors) applyPosition(scores []float32, t Text) {
	if p.forcesBOS(len(t.IDs)) {
		force(scores, p.ForcedBOS)
	}
	if p.forcesEOS(t) {
		force(scores, p.ForcedEOS)
	}
	if p.RemoveInvalidValues {
		removeInvalid(scores)
	}
	if n := p.decay(t); n > 0 {
		factor := float32(min(math.Pow(p.ExponentialDecayLengthPenalty.Factor, float64(n))-1, maxFloat32))
		logits.EachID(t.EOS, len(scores), func(id int) {
			v := scores[id]
			if size := float32(math.Abs(float64(v))); size <= maxFloat32 {
				scores[id] = min(v+float32(size*factor), maxFloat32)
			}
		})
	}
	logits.Set(scores, p.SuppressTokens, negInf)
	if p.beginSuppresses(t) {
		logits.Set(scores, p.BeginSuppressTokens, negInf)
	}
}

// penalizeRepetition makes the tokens less likely, once each, if penalty is above 1.
func penalizeRepetition(scores []float32, ids []int, penalty float32) {
	logits.EachID(ids, len(scores), func(id int) {
		if v := scores[id]; v < 0 {
			scores[id] = v * penalty
		} else {
			scores[id] = v / penalty
		}
	})
}

// penalizeCounts subtracts presence once from each token generated, and frequency once for each time. It counts in
// float64 and rounds once.
func penalizeCounts(scores []float32, generated []int, presence, frequency float64) {
	if presence == 0 && frequency == 0 {
		return
	}
	logits.EachCount(generated, len(scores), func(id, times int) {
		v := float64(scores[id]) - presence
		often := min(max(frequency*float64(times), -math.MaxFloat64), math.MaxFloat64) // −Inf − (−Inf) is NaN
		scores[id] = float32(v - often)
	})
}

// banNGrams rules out each token that would end the text with n tokens that occur in seen.
func banNGrams(scores []float32, seen, text []int, n int) {
	if n > len(seen) || n-1 > len(text) {
		return
	}
	last := text[len(text)-(n-1):]
	for i := n - 1; i < len(seen); i++ {
		if id := seen[i]; uint(id) < uint(len(scores)) && slices.Equal(seen[i-(n-1):i], last) {
			scores[id] = negInf
		}
	}
}

// force gives the tokens score 0 and rules out all others.
func force(scores []float32, ids []int) {
	for i := range scores {
		scores[i] = negInf
	}
	logits.Set(scores, ids, 0)
}

// removeInvalid makes all scores finite.
func removeInvalid(scores []float32) {
	for i, v := range scores {
		if v != v {
			v = 0
		}
		scores[i] = min(max(v, -maxFloat32), maxFloat32)
	}
}

package sample

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

func TestValidate(t *testing.T) {
	ends := Text{EOS: []int{1}, MaxLength: 9}
	for _, c := range []struct {
		p     LogitsProcessors
		text  Text
		words []string
	}{
		{LogitsProcessors{SequenceBias: []SequenceBias{{IDs: []int{1}}, {}}}, ends, []string{"LogitsProcessors.SequenceBias[1]", "no token ids"}},
		{LogitsProcessors{SequenceBias: []SequenceBias{{IDs: []int{1, -3}}}}, ends, []string{"LogitsProcessors.SequenceBias[0]", "-3"}},
		{LogitsProcessors{SequenceBias: []SequenceBias{{[]int{1}, nan}}}, ends, []string{"LogitsProcessors.SequenceBias[0].Bias", "NaN", "finite"}},
		{LogitsProcessors{SequenceBias: []SequenceBias{{[]int{1}, inf}}}, ends, []string{"LogitsProcessors.SequenceBias[0].Bias", "+Inf"}},
		{LogitsProcessors{SequenceBias: []SequenceBias{{[]int{1, 2}, 1}, {[]int{2}, 1}, {[]int{1, 2}, 3}}}, ends, []string{"LogitsProcessors.SequenceBias[2]", "SequenceBias[0]"}},
		{LogitsProcessors{EncoderRepetitionPenalty: -1}, ends, []string{"LogitsProcessors.EncoderRepetitionPenalty", "-1", "1e-30"}},
		{LogitsProcessors{RepetitionPenalty: 1e31}, ends, []string{"LogitsProcessors.RepetitionPenalty", "1e+31", "1e+30"}},
		{LogitsProcessors{RepetitionPenalty: math.NaN()}, ends, []string{"LogitsProcessors.RepetitionPenalty", "NaN"}},
		{LogitsProcessors{PresencePenalty: math.Inf(-1)}, ends, []string{"LogitsProcessors.PresencePenalty", "-Inf", "finite"}},
		{LogitsProcessors{FrequencyPenalty: math.NaN()}, ends, []string{"LogitsProcessors.FrequencyPenalty", "NaN", "finite"}},
		{LogitsProcessors{NoRepeatNGramSize: -1}, ends, []string{"LogitsProcessors.NoRepeatNGramSize", "-1"}},
		{LogitsProcessors{EncoderNoRepeatNGramSize: -2}, ends, []string{"LogitsProcessors.EncoderNoRepeatNGramSize", "-2"}},
		{LogitsProcessors{BadWordsIDs: [][]int{{1}, {}}}, ends, []string{"LogitsProcessors.BadWordsIDs[1]", "no token ids"}},
		{LogitsProcessors{BadWordsIDs: [][]int{{1, -1}}}, ends, []string{"LogitsProcessors.BadWordsIDs[0]", "-1"}},
		{LogitsProcessors{MinLength: -1}, ends, []string{"LogitsProcessors.MinLength", "-1"}},
		{LogitsProcessors{MinNewTokens: -1}, ends, []string{"LogitsProcessors.MinNewTokens", "-1"}},
		{LogitsProcessors{ForcedBOS: []int{-1}}, ends, []string{"LogitsProcessors.ForcedBOS", "-1"}},
		{LogitsProcessors{ForcedEOS: []int{-1}}, ends, []string{"LogitsProcessors.ForcedEOS", "-1"}},
		{LogitsProcessors{ForcedEOS: []int{2}}, Text{}, []string{"LogitsProcessors.ForcedEOS", "[2]", "Text.MaxLength is 0"}},
		{LogitsProcessors{ExponentialDecayLengthPenalty: ExponentialDecay{Start: -1}}, ends, []string{"LogitsProcessors.ExponentialDecayLengthPenalty.Start", "-1"}},
		{LogitsProcessors{ExponentialDecayLengthPenalty: ExponentialDecay{Factor: math.Inf(1)}}, ends, []string{"LogitsProcessors.ExponentialDecayLengthPenalty.Factor", "+Inf"}},
		{LogitsProcessors{ExponentialDecayLengthPenalty: ExponentialDecay{Factor: -2}}, ends, []string{"LogitsProcessors.ExponentialDecayLengthPenalty.Factor", "-2"}},
		{LogitsProcessors{ExponentialDecayLengthPenalty: ExponentialDecay{Factor: 1.5}}, Text{}, []string{"LogitsProcessors.ExponentialDecayLengthPenalty.Factor", "1.5", "Text.EOS is empty"}},
		{LogitsProcessors{SuppressTokens: []int{3, -7}}, ends, []string{"LogitsProcessors.SuppressTokens", "-7"}},
		{LogitsProcessors{BeginSuppressTokens: []int{-7}}, ends, []string{"LogitsProcessors.BeginSuppressTokens", "-7"}},
		{LogitsProcessors{SequenceBias: []SequenceBias{{IDs: []int{1, 60}}}}, Text{VocabSize: 60}, []string{"LogitsProcessors.SequenceBias[0]", "60 tokens"}},
		{LogitsProcessors{BadWordsIDs: [][]int{{1}, {61}}}, Text{VocabSize: 60}, []string{"LogitsProcessors.BadWordsIDs[1]", "id 61"}},
		{LogitsProcessors{ForcedBOS: []int{60}}, Text{VocabSize: 60}, []string{"LogitsProcessors.ForcedBOS", "id 60"}},
		{LogitsProcessors{ForcedEOS: []int{60}}, Text{VocabSize: 60, MaxLength: 5}, []string{"LogitsProcessors.ForcedEOS", "id 60"}},
		{LogitsProcessors{}, Text{VocabSize: -1}, []string{"Text.VocabSize", "-1"}},
		{LogitsProcessors{}, Text{EOS: []int{-2}}, []string{"Text.EOS", "-2"}},
		{LogitsProcessors{}, Text{MaxLength: -9}, []string{"Text.MaxLength", "-9"}},
		{LogitsProcessors{}, Text{IDs: []int{1, 2}, PromptLen: 3}, []string{"Text.PromptLen is 3", "2 token ids"}},
		{LogitsProcessors{}, Text{PromptLen: -1}, []string{"Text.PromptLen is -1"}},
	} {
		err := c.p.Validate(c.text)
		for _, w := range append(c.words, "sample: ") {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%+v: error %v lacks %q", c.p, err, w)
			}
		}
	}
	for _, text := range []Text{{}, ends} {
		if err := new(LogitsProcessors).Validate(text); err != nil {
			t.Error(err)
		}
	}
	if p := everyProcessor(); p.Validate(everyText()) != nil {
		t.Error(p.Validate(everyText()))
	}
}

// TestApply has what the reference's tables do not: several forced tokens, ids beyond the vocabulary, infinite scores,
// the limits of PrefixAllowedTokens, and counts of tokens.
func TestApply(t *testing.T) {
	none := -inf
	ids, source := []int{1, 2, 3, 1, 2}, []int{0, 3}
	to := func(maxLength int, eos ...int) Text {
		return Text{IDs: ids, PromptLen: 1, EncoderIDs: source, EOS: eos, MaxLength: maxLength}
	}
	decay := func(start int, factor float64) LogitsProcessors {
		return LogitsProcessors{ExponentialDecayLengthPenalty: ExponentialDecay{start, factor}}
	}
	allowed := func(ids ...int) func([]int) []int { return func([]int) []int { return ids } }
	for _, c := range []struct {
		name string
		p    LogitsProcessors
		text Text
		want []float32 // for 1 -2 0 3
	}{
		{"none", LogitsProcessors{}, to(0), []float32{1, -2, 0, 3}},
		{"bias", LogitsProcessors{SequenceBias: []SequenceBias{{[]int{1, 2, 0}, 2}, {[]int{2, 0}, 3}, {[]int{1, 3}, 9}, {[]int{2, 99}, 9}, {[]int{3}, none}}}, to(0), []float32{6, -2, 0, none}},
		{"longer than the text", LogitsProcessors{SequenceBias: []SequenceBias{{[]int{9, 1, 2, 3, 1, 2, 0}, 2}}}, to(0), []float32{1, -2, 0, 3}},
		{"encoder repetition", LogitsProcessors{EncoderRepetitionPenalty: 2}, to(0), []float32{2, -2, 0, 6}},
		{"repetition, once", LogitsProcessors{RepetitionPenalty: 2}, to(0), []float32{1, -4, 0, 1.5}},
		{"presence, without the prompt", LogitsProcessors{PresencePenalty: 0.5}, to(0), []float32{1, -2.5, -0.5, 2.5}},
		{"frequency, without the prompt", LogitsProcessors{FrequencyPenalty: 0.25}, to(0), []float32{1, -2.25, -0.5, 2.75}},
		{"rewards", LogitsProcessors{PresencePenalty: -1, FrequencyPenalty: -2}, to(0), []float32{1, 1, 5, 6}},
		{"repetition first", LogitsProcessors{RepetitionPenalty: 2, PresencePenalty: 2}, to(0), []float32{1, -6, -2, -0.5}},
		{"endless penalties", LogitsProcessors{PresencePenalty: 1e300, FrequencyPenalty: -1e308}, to(0), []float32{1, inf, inf, inf}},
		{"bigrams", LogitsProcessors{NoRepeatNGramSize: 3}, to(0), []float32{1, -2, 0, none}},
		{"unigrams", LogitsProcessors{NoRepeatNGramSize: 1}, to(0), []float32{1, none, none, none}},
		{"longer than seen", LogitsProcessors{NoRepeatNGramSize: 6, EncoderNoRepeatNGramSize: math.MaxInt}, to(0), []float32{1, -2, 0, 3}},
		{"source unigrams", LogitsProcessors{EncoderNoRepeatNGramSize: 1}, to(0), []float32{none, -2, 0, none}},
		{"bad words", LogitsProcessors{BadWordsIDs: [][]int{{2, 0}, {3, 1}, {3}, {99}, {1, 2, 2}}}, to(0, 3), []float32{none, -2, none, 3}},
		{"minimum length", LogitsProcessors{MinLength: 6}, to(0, 0, 3, 7), []float32{none, -2, 0, none}},
		{"long enough", LogitsProcessors{MinLength: 5, MinNewTokens: 4}, to(0, 0), []float32{1, -2, 0, 3}},
		{"few new", LogitsProcessors{MinNewTokens: 5}, to(0, 0), []float32{none, -2, 0, 3}},
		{"allowed", LogitsProcessors{PrefixAllowedTokens: allowed(2, 99, -5, 3, 2)}, to(0), []float32{none, none, 0, 3}},
		{"forced by allowed", LogitsProcessors{NoRepeatNGramSize: 1, PrefixAllowedTokens: allowed(2, 3)}, to(0), []float32{none, none, 0, 0}},
		{"nothing allowed", LogitsProcessors{PrefixAllowedTokens: allowed()}, to(0), []float32{none, none, none, none}},
		{"not first", LogitsProcessors{ForcedBOS: []int{0}}, to(0), []float32{1, -2, 0, 3}},
		{"last", LogitsProcessors{ForcedEOS: []int{0, 3, 99}}, to(6), []float32{0, none, none, 0}},
		{"not last", LogitsProcessors{ForcedEOS: []int{0}}, to(7), []float32{1, -2, 0, 3}},
		{"beyond the vocabulary", LogitsProcessors{ForcedEOS: []int{99}}, to(6), []float32{none, none, none, none}},
		{"invalid", LogitsProcessors{RemoveInvalidValues: true, SuppressTokens: []int{3}, SequenceBias: []SequenceBias{{[]int{0}, none}}}, to(0), []float32{-math.MaxFloat32, -2, 0, none}},
		{"decay", decay(2, 2), to(0, 0, 1, 0), []float32{4, 4, 0, 3}},
		{"decay, not yet", decay(4, 2), to(0, 0, 1), []float32{1, -2, 0, 3}},
		{"endless decay", decay(0, 1e300), to(0, 0, 1, 2), []float32{math.MaxFloat32, math.MaxFloat32, 0, 3}},
		{"suppress", LogitsProcessors{SuppressTokens: []int{0, 99}, BeginSuppressTokens: []int{1}}, to(0), []float32{none, -2, 0, 3}},
	} {
		got := []float32{1, -2, 0, 3}
		c.p.Apply(got, c.text)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: scores are %v, want %v", c.name, got, c.want)
		}
		if changes := !slices.Equal(got, []float32{1, -2, 0, 3}); changes && !c.p.Active(c.text) {
			t.Errorf("%s: scores change and the processors are not active", c.name)
		}
	}
}

// TestRemoveInvalidValues: NaN and infinities become finite.
func TestRemoveInvalidValues(t *testing.T) {
	got := []float32{nan, inf, -inf, -1}
	(&LogitsProcessors{RemoveInvalidValues: true}).Apply(got, Text{})
	if want := []float32{0, math.MaxFloat32, -math.MaxFloat32, -1}; !slices.Equal(got, want) {
		t.Errorf("scores are %v, want %v", got, want)
	}
}

// TestApplyFirst: ForcedBOS comes after a text of one token, and BeginSuppressTokens after it.
func TestApplyFirst(t *testing.T) {
	none := -inf
	first := LogitsProcessors{ForcedBOS: []int{1, 2}, BeginSuppressTokens: []int{0}}
	for length, want := range [][]float32{1: {none, 0, 0, none}, 2: {none, -2, 0, 3}, 3: {1, -2, 0, 3}} {
		if length == 0 {
			continue
		}
		got := []float32{1, -2, 0, 3}
		first.Apply(got, Text{IDs: []int{9, 9, 9}[:length], PromptLen: 1})
		if !slices.Equal(got, want) {
			t.Errorf("text of %d: scores are %v, want %v", length, got, want)
		}
	}
}

// TestApplyLargeVocabulary has ids in all parts of a large vocabulary, and beyond it.
func TestApplyLargeVocabulary(t *testing.T) {
	const vocab = 200_017
	ids := []int{0, 63, 64, 1<<14 - 1, 1 << 14, 1<<16 - 1, 1 << 16, 1<<17 - 1, 1 << 17, vocab - 1, vocab, vocab + 1, math.MaxInt, math.MinInt, -1}
	ids = append(ids, ids...)
	for _, c := range []struct {
		p    LogitsProcessors
		want float32 // of a token that is in ids; the others have 2
	}{
		{LogitsProcessors{RepetitionPenalty: 2}, 1},
		{LogitsProcessors{PresencePenalty: 2}, 0},
		{LogitsProcessors{FrequencyPenalty: 2}, -2},
		{LogitsProcessors{SuppressTokens: ids}, -inf},
	} {
		scores := make([]float32, vocab)
		for i := range scores {
			scores[i] = 2
		}
		c.p.Apply(scores, Text{IDs: ids})
		for id, got := range scores {
			want := float32(2)
			if slices.Contains(ids, id) {
				want = c.want
			}
			if got != want {
				t.Fatalf("%+v: token %d has score %v, want %v", c.p, id, got, want)
			}
		}
	}
}

// TestStages: the stages one after the other are Apply, and a stage that does not exist does nothing.
func TestStages(t *testing.T) {
	p, text := everyProcessor(), everyText()
	want := tensortest.Logits(50, 3, 1)
	got := slices.Clone(want)
	p.Apply(want, text)
	p.ApplyStage(BiasStage-1, got, text)
	changes := 0
	for _, stage := range []Stage{BiasStage, HistoryStage, AllowedStage, PositionStage} {
		before := slices.Clone(got)
		p.ApplyStage(stage, got, text)
		if !slices.Equal(before, got) {
			changes++
		}
	}
	p.ApplyStage(PositionStage+1, got, text)
	if changes != 4 || !slices.Equal(got, want) {
		t.Errorf("%d stages change scores; together they give %v, Apply gives %v", changes, got, want)
	}
}

func everyProcessor() LogitsProcessors {
	allowed := []int{1, 2, 3, 4, 5, 6, 7, 8}
	return LogitsProcessors{
		SequenceBias:                  []SequenceBias{{[]int{1}, 2}, {[]int{1, 3}, 2}},
		EncoderRepetitionPenalty:      1.3,
		RepetitionPenalty:             1.2,
		PresencePenalty:               0.1,
		FrequencyPenalty:              0.2,
		NoRepeatNGramSize:             2,
		EncoderNoRepeatNGramSize:      2,
		BadWordsIDs:                   [][]int{{5}, {6, 7}},
		MinLength:                     3,
		MinNewTokens:                  3,
		PrefixAllowedTokens:           func([]int) []int { return allowed },
		ForcedBOS:                     allowed,
		ForcedEOS:                     []int{2},
		ExponentialDecayLengthPenalty: ExponentialDecay{3, 1.1},
		SuppressTokens:                []int{4},
		BeginSuppressTokens:           []int{3},
	}
}

// everyText has each of everyProcessor but ForcedBOS and ForcedEOS change scores.
func everyText() Text {
	return Text{IDs: []int{1, 3, 1, 6, 1}, PromptLen: 1, EncoderIDs: []int{1, 3, 1}, EOS: []int{2}, MaxLength: 1 << 20}
}

func TestApplyAllocatesNothing(t *testing.T) {
	p, text := everyProcessor(), everyText()
	scores := tensortest.Logits(100_000, 1, 1)
	if n := testing.AllocsPerRun(10, func() { p.Apply(scores, text) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzProcessors has processors of any numbers on any text: no panic, no NaN, and Active is true wherever a score
// changes.
func FuzzProcessors(f *testing.F) {
	f.Add([]byte("\x05abcdefghijklmnopqrstuvwxyz"), 1.2, 1.5, float32(2), 0.5)
	f.Add([]byte{3, 1, 1, 0, 0, 255, 254, 7, 9, 2, 2, 2, 2}, 1e-30, 1e30, float32(-3e38), -1e308)
	f.Add([]byte{200, 0, 0, 0, 0, 0}, -1.0, math.Inf(1), -inf, math.NaN())
	f.Fuzz(func(t *testing.T, data []byte, penalty, factor float64, add float32, subtract float64) {
		next := func() int {
			if len(data) == 0 {
				return 0
			}
			b := data[0]
			data = data[1:]
			switch b {
			case 255:
				return math.MaxInt
			case 254:
				return math.MinInt
			case 253:
				return -1
			}
			return int(b) % 16
		}
		list := func() []int {
			ids := make([]int, next()&7)
			for i := range ids {
				ids[i] = next()
			}
			return ids
		}
		p := LogitsProcessors{
			SequenceBias: []SequenceBias{{list(), add}, {list(), -add}}, EncoderRepetitionPenalty: penalty, RepetitionPenalty: 1 / penalty,
			NoRepeatNGramSize: next(), EncoderNoRepeatNGramSize: next(), BadWordsIDs: [][]int{list(), list()}, MinLength: next(),
			MinNewTokens: next(), ForcedBOS: list(), ForcedEOS: list(), ExponentialDecayLengthPenalty: ExponentialDecay{next(), factor},
			SuppressTokens: list(), BeginSuppressTokens: list(), PresencePenalty: subtract, FrequencyPenalty: -subtract,
		}
		text := Text{EOS: list(), MaxLength: next()}
		if next()%2 == 0 {
			ids := list()
			p.PrefixAllowedTokens = func([]int) []int { return ids }
		}
		text.IDs, text.PromptLen, text.EncoderIDs = list(), next(), list()
		scores := make([]float32, 1+next()&15)
		for i := range scores {
			scores[i] = float32(next()-8) / 3
			if next() == 7 {
				scores[i] = -inf
			}
		}
		valid := p.Validate(Text{EOS: text.EOS, MaxLength: text.MaxLength}) == nil
		before := slices.Clone(scores)
		p.Apply(scores, text)
		for i, v := range scores {
			if v != v && valid {
				t.Fatalf("%+v: score %d of %v is NaN", p, i, before)
			}
			if v != before[i] && !p.Active(text) {
				t.Fatalf("%+v: score %d changes from %v to %v and the processors are not active", p, i, before[i], v)
			}
		}
	})
}

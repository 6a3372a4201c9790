package sample

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestRulesValidate(t *testing.T) {
	for _, c := range []struct {
		rules Rules
		words []string
	}{
		{Rules{SequenceBias: []SequenceBias{{IDs: []int{1}}, {}}}, []string{"SequenceBias[1]", "no token ids"}},
		{Rules{SequenceBias: []SequenceBias{{IDs: []int{1, -3}}}}, []string{"SequenceBias[0]", "-3"}},
		{Rules{SequenceBias: []SequenceBias{{[]int{1}, nan}}}, []string{"SequenceBias[0]", "NaN", "finite"}},
		{Rules{SequenceBias: []SequenceBias{{[]int{1}, inf}}}, []string{"SequenceBias[0]", "+Inf"}},
		{Rules{SequenceBias: []SequenceBias{{[]int{1, 2}, 1}, {[]int{2}, 1}, {[]int{1, 2}, 3}}}, []string{"SequenceBias[2]", "SequenceBias[0]"}},
		{Rules{EncoderRepetitionPenalty: -1}, []string{"EncoderRepetitionPenalty", "-1", "1e-30"}},
		{Rules{RepetitionPenalty: 1e31}, []string{"RepetitionPenalty", "1e+31", "1e+30"}},
		{Rules{RepetitionPenalty: math.NaN()}, []string{"RepetitionPenalty", "NaN"}},
		{Rules{NoRepeatNGram: -1}, []string{"NoRepeatNGram", "-1"}},
		{Rules{EncoderNoRepeatNGram: -2}, []string{"EncoderNoRepeatNGram", "-2"}},
		{Rules{BadWords: [][]int{{1}, {}}}, []string{"BadWords[1]", "no token ids"}},
		{Rules{BadWords: [][]int{{1, -1}}}, []string{"BadWords[0]", "-1"}},
		{Rules{MinLength: -1}, []string{"MinLength", "-1"}},
		{Rules{MinNew: -1}, []string{"MinNew", "-1"}},
		{Rules{MaxLength: -9}, []string{"MaxLength", "-9"}},
		{Rules{ForcedFirst: []int{-1}}, []string{"ForcedFirst", "-1"}},
		{Rules{ForcedLast: []int{-1}, MaxLength: 3}, []string{"ForcedLast", "-1"}},
		{Rules{ForcedLast: []int{2}}, []string{"ForcedLast", "[2]", "MaxLength is 0"}},
		{Rules{DecayStart: -1}, []string{"DecayStart", "-1"}},
		{Rules{DecayFactor: math.Inf(1)}, []string{"DecayFactor", "+Inf"}},
		{Rules{DecayFactor: 1.5}, []string{"DecayFactor", "1.5", "EOS is empty"}},
		{Rules{Suppress: []int{3, -7}}, []string{"Suppress", "-7"}},
		{Rules{SuppressFirst: []int{-7}}, []string{"SuppressFirst", "-7"}},
		{Rules{EOS: []int{-2}}, []string{"EOS", "-2"}},
	} {
		err := c.rules.Validate()
		for _, w := range append(c.words, "sample: Rules.") {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%+v: error %v lacks %q", c.rules, err, w)
			}
		}
	}
	if err := new(Rules).Validate(); err != nil {
		t.Error(err)
	}
}

// TestRules has what the reference's tables do not: several forced tokens, ids
// beyond the vocabulary, infinite scores and Allowed at its ends.
func TestRules(t *testing.T) {
	none := -inf
	text := Text{IDs: []int{1, 2, 3, 1, 2}, Prompt: 1, Source: []int{0, 3}}
	for _, c := range []struct {
		name  string
		rules Rules
		want  []float32 // for 1 -2 0 3
	}{
		{"none", Rules{}, []float32{1, -2, 0, 3}},
		{"bias", Rules{SequenceBias: []SequenceBias{{[]int{1, 2, 0}, 2}, {[]int{2, 0}, 3}, {[]int{1, 3}, 9}, {[]int{2, 99}, 9}, {[]int{3}, none}}}, []float32{6, -2, 0, none}},
		{"longer than the text", Rules{SequenceBias: []SequenceBias{{[]int{9, 1, 2, 3, 1, 2, 0}, 2}}}, []float32{1, -2, 0, 3}},
		{"encoder repetition", Rules{EncoderRepetitionPenalty: 2}, []float32{2, -2, 0, 6}},
		{"repetition, once", Rules{RepetitionPenalty: 2}, []float32{1, -4, 0, 1.5}},
		{"bigrams", Rules{NoRepeatNGram: 3}, []float32{1, -2, 0, none}},
		{"unigrams", Rules{NoRepeatNGram: 1}, []float32{1, none, none, none}},
		{"longer than seen", Rules{NoRepeatNGram: 6, EncoderNoRepeatNGram: math.MaxInt}, []float32{1, -2, 0, 3}},
		{"source unigrams", Rules{EncoderNoRepeatNGram: 1}, []float32{none, -2, 0, none}},
		{"bad words", Rules{BadWords: [][]int{{2, 0}, {3, 1}, {3}, {99}, {1, 2, 2}}, EOS: []int{3}}, []float32{none, -2, none, 3}},
		{"minimum length", Rules{MinLength: 6, EOS: []int{0, 3, 7}}, []float32{none, -2, 0, none}},
		{"long enough", Rules{MinLength: 5, MinNew: 4, EOS: []int{0}}, []float32{1, -2, 0, 3}},
		{"few new", Rules{MinNew: 5, EOS: []int{0}}, []float32{none, -2, 0, 3}},
		{"allowed", Rules{Allowed: func([]int) []int { return []int{2, 99, -5, 3, 2} }}, []float32{none, none, 0, 3}},
		{"forced by allowed", Rules{NoRepeatNGram: 1, Allowed: func([]int) []int { return []int{2, 3} }}, []float32{none, none, 0, 0}},
		{"nothing allowed", Rules{Allowed: func([]int) []int { return nil }}, []float32{none, none, none, none}},
		{"not first", Rules{ForcedFirst: []int{0}}, []float32{1, -2, 0, 3}},
		{"last", Rules{ForcedLast: []int{0, 3, 99}, MaxLength: 6}, []float32{0, none, none, 0}},
		{"not last", Rules{ForcedLast: []int{0}, MaxLength: 7}, []float32{1, -2, 0, 3}},
		{"beyond the vocabulary", Rules{ForcedLast: []int{99}, MaxLength: 6}, []float32{none, none, none, none}},
		{"decay", Rules{DecayStart: 2, DecayFactor: 2, EOS: []int{0, 1, 0}}, []float32{4, 4, 0, 3}},
		{"decay, not yet", Rules{DecayStart: 4, DecayFactor: 2, EOS: []int{0, 1}}, []float32{1, -2, 0, 3}},
		{"endless decay", Rules{DecayFactor: 1e300, EOS: []int{0, 1, 2}}, []float32{math.MaxFloat32, math.MaxFloat32, 0, 3}},
		{"suppress", Rules{Suppress: []int{0, 99}, SuppressFirst: []int{1}}, []float32{none, -2, 0, 3}},
	} {
		got := []float32{1, -2, 0, 3}
		c.rules.Apply(got, text)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: scores are %v, want %v", c.name, got, c.want)
		}
	}
	first := Rules{ForcedFirst: []int{1, 2}, SuppressFirst: []int{0}}
	for length, want := range [][]float32{1: {none, 0, 0, none}, 2: {none, -2, 0, 3}, 3: {1, -2, 0, 3}} {
		if length == 0 {
			continue
		}
		got := []float32{1, -2, 0, 3}
		first.Apply(got, Text{IDs: []int{9, 9, 9}[:length], Prompt: 1})
		if !slices.Equal(got, want) {
			t.Errorf("text of %d: scores are %v, want %v", length, got, want)
		}
	}
}

// TestRulesLargeVocabulary has ids in every span of a set.
func TestRulesLargeVocabulary(t *testing.T) {
	const vocab = 3*idSpan + 17
	ids := []int{0, 63, 64, idSpan - 1, idSpan, 2*idSpan - 1, 3 * idSpan, vocab - 1, vocab, vocab + 1, math.MaxInt, math.MinInt, -1}
	ids = append(ids, ids...)
	scores := make([]float32, vocab)
	for i := range scores {
		scores[i] = 2
	}
	repetition := Rules{RepetitionPenalty: 2}
	repetition.Apply(scores, Text{IDs: ids})
	allowed := Rules{Allowed: func([]int) []int { return ids }}
	only := slices.Clone(scores)
	allowed.Apply(only, Text{})
	for id := range scores {
		want, wantOnly := float32(2), -inf
		if slices.Contains(ids, id) {
			want, wantOnly = 1, 1
		}
		if scores[id] != want || only[id] != wantOnly {
			t.Fatalf("token %d has scores %v and %v, want %v and %v", id, scores[id], only[id], want, wantOnly)
		}
	}
}

func everyRule() Rules {
	allowed := []int{1, 2, 3, 4, 5, 6, 7, 8}
	return Rules{
		SequenceBias:             []SequenceBias{{[]int{1}, 2}, {[]int{1, 3}, 2}},
		EncoderRepetitionPenalty: 1.3,
		RepetitionPenalty:        1.2,
		NoRepeatNGram:            2,
		EncoderNoRepeatNGram:     2,
		BadWords:                 [][]int{{5}, {6, 7}},
		MinLength:                3,
		MinNew:                   3,
		Allowed:                  func([]int) []int { return allowed },
		ForcedFirst:              []int{1, 2, 3, 4, 5, 6, 7, 8},
		ForcedLast:               []int{2},
		DecayStart:               3,
		DecayFactor:              1.1,
		Suppress:                 []int{4},
		SuppressFirst:            []int{3},
		EOS:                      []int{2},
		MaxLength:                1 << 20,
	}
}

func TestRulesNoAllocations(t *testing.T) {
	r := everyRule()
	scores := normalLogits(100_000, 1, 1)
	text := Text{IDs: []int{1, 3, 1, 6, 1}, Prompt: 2, Source: []int{1, 3, 1}}
	if n := testing.AllocsPerRun(10, func() { r.Apply(scores, text) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzRules has rules of any numbers on a text of any: no panic, no NaN, and
// active is true wherever a score changes.
func FuzzRules(f *testing.F) {
	f.Add([]byte("\x05abcdefghijklmnopqrstuvwxyz"), 1.2, 1.5, float32(2))
	f.Add([]byte{3, 1, 1, 0, 0, 255, 254, 7, 9, 2, 2, 2, 2}, 1e-30, 1e30, float32(-3e38))
	f.Add([]byte{200, 0, 0, 0, 0, 0}, -1.0, math.Inf(1), -inf)
	f.Fuzz(func(t *testing.T, data []byte, penalty, factor float64, add float32) {
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
		r := Rules{
			SequenceBias: []SequenceBias{{list(), add}, {list(), -add}}, EncoderRepetitionPenalty: penalty, RepetitionPenalty: 1 / penalty,
			NoRepeatNGram: next(), EncoderNoRepeatNGram: next(), BadWords: [][]int{list(), list()}, MinLength: next(), MinNew: next(),
			ForcedFirst: list(), ForcedLast: list(), DecayStart: next(), DecayFactor: factor, Suppress: list(), SuppressFirst: list(),
			EOS: list(), MaxLength: next(),
		}
		if next()%2 == 0 {
			ids := list()
			r.Allowed = func([]int) []int { return ids }
		}
		text := Text{IDs: list(), Prompt: next(), Source: list()}
		scores := make([]float32, 1+next()&15)
		for i := range scores {
			scores[i] = float32(next()-8) / 3
			if next() == 7 {
				scores[i] = -inf
			}
		}
		valid := r.Validate() == nil
		before := slices.Clone(scores)
		r.Apply(scores, text)
		for i, v := range scores {
			if v != v && valid {
				t.Fatalf("%+v: score %d of %v is NaN", r, i, before)
			}
			if v != before[i] && !r.Active(text) {
				t.Fatalf("%+v: score %d changes from %v to %v and the rules are not active", r, i, before[i], v)
			}
		}
	})
}

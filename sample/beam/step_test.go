package beam

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/sample"
)

// stepCase is a step that fails: the search is at its second step, with texts [3 3] and [3 3].
type stepCase struct {
	name       string
	processors sample.LogitsProcessors
	texts      [][]int
	logits     [][]float32
	words      string
}

var (
	good      = []float32{0, 1, 2, 3}
	twoThrees = [][]int{{3, 3}, {3, 3}}
)

func rows(rows ...[]float32) [][]float32 { return rows }

var stepCases = []stepCase{
	{"no rows", sample.LogitsProcessors{}, twoThrees, nil, "logits has 0 rows for 2"},
	{"three rows", sample.LogitsProcessors{}, twoThrees, rows(good, good, good), "logits has 3 rows for 2"},
	{"one row", sample.LogitsProcessors{}, twoThrees[:1], rows(good), "logits has 1 rows for 2"},
	{"no texts", sample.LogitsProcessors{}, nil, rows(good, good), "texts has 0 texts for 2 rows"},
	{"one text", sample.LogitsProcessors{}, twoThrees[:1], rows(good, good), "texts has 1 texts for 2 rows"},
	{"three texts", sample.LogitsProcessors{}, [][]int{{3, 3}, {3, 3}, {3, 3}}, rows(good, good), "texts has 3 texts for 2 rows"},
	{"the texts before", sample.LogitsProcessors{}, [][]int{{3}, {3}}, rows(good, good), "texts[0] has 1 tokens; the running texts have 2"},
	{"a text that is longer", sample.LogitsProcessors{}, [][]int{{3, 3}, {3, 3, 3}}, rows(good, good), "texts[1] has 3 tokens"},
	{"another text", sample.LogitsProcessors{}, [][]int{{3, 3}, {3, 1}}, rows(good, good), "texts[1] ends with token 1; the last step continued it with token 3"},
	{"ragged", sample.LogitsProcessors{}, twoThrees, rows(good, good[:3]), "logits[1] has 3 logits, others 4"},
	{"another vocabulary", sample.LogitsProcessors{}, twoThrees, rows(good[:3], good[:3]), "logits[0] has 3 logits, others 4"},
	{"NaN", sample.LogitsProcessors{}, twoThrees, rows(good, []float32{1, nan, 2, 3}), "logits[1]: a logit is NaN"},
	{"infinite", sample.LogitsProcessors{}, twoThrees, rows([]float32{1, inf, 2, 3}, good), "logits[0]: a logit is +Inf"},
	{"nothing", sample.LogitsProcessors{}, twoThrees, rows(good, []float32{-inf, -inf, -inf, -inf}), "logits[1]: all 4 logits are -Inf"},
	{"processors too strong", sample.LogitsProcessors{SequenceBias: []sample.SequenceBias{
		{IDs: []int{3, 0}, Bias: math.MaxFloat32}, {IDs: []int{3, 3, 0}, Bias: math.MaxFloat32},
	}}, twoThrees, rows(good, good), "the processors make a score +Inf"},
	{"no token", sample.LogitsProcessors{BadWordsIDs: [][]int{{3, 3, 0}, {3, 3, 2}, {3, 3, 1}, {3, 3, 3}}}, twoThrees, rows(good, good), "the processors leave none"},
}

// TestStepErrors has errors at every stage of a step leave the search as it was.
func TestStepErrors(t *testing.T) {
	for _, c := range stepCases {
		for _, o := range []Options{
			{NumBeams: 2, LengthPenalty: 1},
			{NumBeams: 2, LengthPenalty: 1, NumBeamGroups: 2},
			{NumBeams: 2, LengthPenalty: 1, Sampling: &sample.Config{Temperature: 1}},
		} {
			c.check(t, o)
		}
	}
	s, texts := start(t, Options{NumBeams: 1}, sample.LogitsProcessors{}, sample.Text{IDs: []int{3}, MaxLength: 9, EOS: []int{0, 1}})
	if _, err := s.Step(texts, rows([]float32{1, 2})); err == nil || !strings.Contains(err.Error(), "2 logits; a beam search with 2 end tokens needs 3") {
		t.Error(err)
	}
	if got, err := s.Step(texts, rows([]float32{1, 2, 3})); err != nil || len(got) != 1 { // an error does not fix the vocabulary
		t.Error(got, err)
	}
}

// check makes the step of a case in one of two searches, and then the same good step in both.
func (c *stepCase) check(t *testing.T, o Options) {
	t.Helper()
	begin := func() *Search {
		s, texts := start(t, o, c.processors, sample.Text{IDs: []int{3}, MaxLength: 9})
		// Only token 3 is likely, and both beams have it.
		if _, err := s.Step(texts, rows([]float32{-inf, -inf, -inf, 0})); err != nil {
			t.Fatal(c.name, err)
		}
		return s
	}
	s, same := begin(), begin()
	if _, err := s.Step(c.texts, c.logits); err == nil || !strings.Contains(err.Error(), c.words) {
		t.Errorf("%s: error %v lacks %q", c.name, err, c.words)
		return
	}
	if o.Sampling != nil && s.drawer.random != same.drawer.random {
		t.Errorf("%s: random numbers were taken", c.name)
	}
	if len(c.processors.SequenceBias)+len(c.processors.BadWordsIDs) > 0 {
		return // every step fails
	}
	logits := rows(good, []float32{3, 1, 2, 0})
	got, err := s.Step(twoThrees, logits)
	if err != nil {
		t.Fatal(err)
	}
	want, err := same.Step(twoThrees, logits)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) || !slices.Equal(s.scores, same.scores) || s.length != same.length {
		t.Errorf("%s: after the error %v, without it %v", c.name, got, want)
	}
}

// TestStepKeepsNothing: a step does not change or keep its arguments, and the caller may change them after it.
func TestStepKeepsNothing(t *testing.T) {
	for _, o := range []Options{
		{NumBeams: 4, LengthPenalty: 1, NumReturnSequences: 4},
		{NumBeams: 4, LengthPenalty: 1, NumReturnSequences: 4, NumBeamGroups: 2, DiversityPenalty: 1},
		{NumBeams: 4, LengthPenalty: 1, NumReturnSequences: 4, Sampling: &sample.Config{Temperature: 1}},
	} {
		run := func(spoil bool) []Hypothesis {
			s, texts := start(t, o, everyProcessor(), sample.Text{IDs: []int{3}, MaxLength: 9, EOS: []int{2}})
			for n := uint64(0); !s.Done(); n++ {
				logits := make([][]float32, len(texts))
				for i := range logits {
					logits[i] = tensortest.Logits(9, 2, n+uint64(texts[i][len(texts[i])-1]))
				}
				given, givenLogits := cloneAll(texts), cloneAll(logits)
				next, err := s.Step(given, givenLogits)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.EqualFunc(given, texts, slices.Equal) || !slices.EqualFunc(givenLogits, logits, slices.Equal) {
					t.Fatalf("%+v: a step changes its arguments", o)
				}
				if spoil {
					for i := range given {
						clear(given[i])
						clear(givenLogits[i])
					}
				}
				texts = Continue(texts, next)
			}
			return s.Best(nil)
		}
		got, want := run(true), run(false)
		if len(want) == 0 || !slices.EqualFunc(got, want, func(a, b Hypothesis) bool { return a.Score == b.Score && slices.Equal(a.IDs, b.IDs) }) {
			t.Errorf("%+v: %v where the arguments change after a step, %v where not", o, got, want)
		}
	}
}

func cloneAll[T any](rows [][]T) [][]T {
	rows = slices.Clone(rows)
	for i := range rows {
		rows[i] = slices.Clone(rows[i])
	}
	return rows
}

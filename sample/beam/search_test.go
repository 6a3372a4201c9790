package beam

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/sample"
)

var (
	inf = float32(math.Inf(1))
	nan = float32(math.NaN())
)

// start returns a search for continuations of text.IDs, and the texts of its first step.
func start(t testing.TB, o Options, p sample.LogitsProcessors, text sample.Text) (*Search, [][]int) {
	t.Helper()
	text.PromptLen = len(text.IDs)
	s, err := New(o, &p, text)
	if err != nil {
		t.Fatal(err)
	}
	return s, [][]int{text.IDs}
}

// arguments are those of New.
type arguments struct {
	o    Options
	p    sample.LogitsProcessors
	text sample.Text
}

func TestOptionErrors(t *testing.T) {
	for _, c := range []struct {
		change func(*arguments)
		words  []string
	}{
		{func(a *arguments) { a.o.NumBeams = 0 }, []string{"Options.NumBeams is 0", "1024"}},
		{func(a *arguments) { a.o.NumBeams = 1 << 30 }, []string{"NumBeams", "1024"}},
		{func(a *arguments) { a.o.NumBeamGroups = 3 }, []string{"NumBeamGroups is 3", "4 beams"}},
		{func(a *arguments) { a.o.NumBeamGroups = -1 }, []string{"NumBeamGroups is -1"}},
		{func(a *arguments) { a.o.DiversityPenalty = -1 }, []string{"DiversityPenalty is -1"}},
		{func(a *arguments) { a.o.DiversityPenalty = math.NaN() }, []string{"DiversityPenalty is NaN"}},
		{func(a *arguments) { a.o.DiversityPenalty = math.Inf(1) }, []string{"DiversityPenalty is +Inf"}},
		{func(a *arguments) { a.o.DiversityPenalty = 1 }, []string{"DiversityPenalty is 1", "NumBeamGroups"}},
		{func(a *arguments) { a.o.EarlyStopping = 3 }, []string{"EarlyStopping is 3"}},
		{func(a *arguments) { a.o.NumReturnSequences = 5 }, []string{"NumReturnSequences is 5", "4 beams"}},
		{func(a *arguments) { a.o.NumReturnSequences = -1 }, []string{"NumReturnSequences is -1"}},
		{func(a *arguments) { a.o.PAD = -1 }, []string{"PAD is -1"}},
		{func(a *arguments) { a.o.LengthPenalty = math.NaN() }, []string{"LengthPenalty is NaN"}},
		{func(a *arguments) { a.o.LengthPenalty = 31 }, []string{"LengthPenalty is 31", "1e30"}},
		{func(a *arguments) { a.o.LengthPenalty = -31 }, []string{"LengthPenalty is -31", "1e-30"}},
		{func(a *arguments) { a.text.MaxLength = 0 }, []string{"Text.MaxLength is 0", "2 tokens"}},
		{func(a *arguments) { a.text.MaxLength = 2 }, []string{"Text.MaxLength is 2", "2 tokens"}},
		{func(a *arguments) { a.text.EOS = make([]int, 300) }, []string{"Text.EOS has 300", "256"}},
		{func(a *arguments) { a.p.MinNewTokens = -1 }, []string{"LogitsProcessors.MinNewTokens is -1"}},
		{func(a *arguments) { a.o.Sampling = &sample.Config{} }, []string{"Options.Sampling.Temperature is 0"}},
		{func(a *arguments) { a.o.Sampling = &sample.Config{Temperature: 1, TopP: 2} }, []string{"Options.Sampling", "TopP is 2"}},
		{func(a *arguments) { a.o.Sampling, a.o.NumBeamGroups = &sample.Config{Temperature: 1}, 2 }, []string{"Sampling", "2 groups"}},
		{func(a *arguments) { a.text.IDs, a.text.PromptLen = nil, 0 }, []string{"prompt of 0 tokens"}},
		{func(a *arguments) { a.text.PromptLen = 1 }, []string{"Text.PromptLen is 1", "2 token ids"}},
		{func(a *arguments) { a.text.IDs = []int{4, -4} }, []string{"Text.IDs has token id -4 at 1"}},
	} {
		a := arguments{o: Options{NumBeams: 4, LengthPenalty: 1}}
		a.text = sample.Text{IDs: []int{3, 4}, PromptLen: 2, MaxLength: 10, EOS: []int{1}}
		if _, err := New(a.o, &a.p, a.text); err != nil {
			t.Fatal(err)
		}
		c.change(&a)
		_, err := New(a.o, &a.p, a.text)
		for _, w := range c.words {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%+v: error %v lacks %q", a, err, w)
			}
		}
	}
}

// TestNoProcessors: nil are processors that change nothing.
func TestNoProcessors(t *testing.T) {
	for _, p := range []*sample.LogitsProcessors{nil, {}} {
		s, err := New(Options{NumBeams: 1}, p, sample.Text{IDs: []int{3}, PromptLen: 1, MaxLength: 2})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Step([][]int{{3}}, [][]float32{{1, 3, 2}}); err != nil {
			t.Fatal(err)
		}
		if got := s.Best(nil); len(got) != 1 || !slices.Equal(got[0].IDs, []int{3, 1}) {
			t.Errorf("%v: %v", p, got)
		}
	}
}

// TestContinue: texts that share a parent do not share memory.
func TestContinue(t *testing.T) {
	parent := append(make([]int, 0, 10), 1, 2)
	got := Continue([][]int{{7, 7}, parent}, []Successor{{1, 3}, {1, 4}, {0, 5}})
	got[0][0] = 9
	want := [][]int{{9, 2, 3}, {1, 2, 4}, {7, 7, 5}}
	if !slices.EqualFunc(got, want, slices.Equal) || !slices.Equal(parent, []int{1, 2}) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestEndedEarly has what a caller gets that stops before the end: finished and running texts by score.
func TestEndedEarly(t *testing.T) {
	ln := func(p ...float64) (row []float32) {
		for _, p := range p {
			row = append(row, float32(math.Log(p)))
		}
		return row
	}
	for _, groups := range []int{1, 2} {
		o := Options{NumBeams: 2 * groups, NumBeamGroups: groups, NumReturnSequences: 2 * groups, LengthPenalty: 1}
		s, texts := start(t, o, sample.LogitsProcessors{}, sample.Text{IDs: []int{5}, MaxLength: 9, EOS: []int{0}})
		if got := s.Best(texts); len(got) != groups || !slices.Equal(got[0].IDs, []int{5}) || got[0].Score != 0 {
			t.Errorf("before the first step: %v", got)
		}
		if got := s.Best(nil); len(got) != 0 {
			t.Errorf("before the first step, without running texts: %v", got)
		}
		next, err := s.Step(texts, rows(ln(0.2, 0.5, 0.2999, 0.0001)))
		if err != nil {
			t.Fatal(err)
		}
		texts = Continue(texts, next)
		running := s.Best(texts)
		if len(running) != 2*groups || !slices.Equal(running[0].IDs, []int{5, 1}) || math.Abs(running[0].Score-math.Log(0.5)) > 1e-6 {
			t.Errorf("%d groups, running: %v", groups, running)
		}
		running[0].IDs[0] = 77 // the caller's
		if texts[0][0] != 5 {
			t.Error("Best returns the caller's running texts")
		}
		row := ln(0.9, 0.05, 0.03, 0.02)
		if next, err = s.Step(texts, slices.Repeat(rows(row), 2*groups)); err != nil {
			t.Fatal(err)
		}
		texts = Continue(texts, next)
		want := []Hypothesis{
			{[]int{5, 1, 0}, math.Log(0.5*0.9) / 2},
			{[]int{5, 2, 0}, math.Log(0.2999*0.9) / 2},
		}
		if groups == 2 {
			want = []Hypothesis{want[0], want[0], want[1], want[1]}
		}
		got := s.Best(texts)
		for i, w := range want {
			if i >= len(got) || !slices.Equal(got[i].IDs, w.IDs) || math.Abs(got[i].Score-w.Score) > 1e-6 {
				t.Errorf("%d groups: %v, want %v", groups, got, want)
				break
			}
		}
	}
}

// TestBestPanics: texts that cannot be the running ones are the program's fault.
func TestBestPanics(t *testing.T) {
	for _, c := range []struct {
		texts [][]int
		words string
	}{
		{[][]int{{5, 1}}, "Best: texts has 1 texts, 2 are running"},
		{[][]int{{5, 1}, {5, 1}, {5, 1}}, "Best: texts has 3 texts, 2 are running"},
		{[][]int{{5, 1}, {5}}, "Best: texts[1] has 1 tokens, the running texts have 2"},
	} {
		s, texts := start(t, Options{NumBeams: 2}, sample.LogitsProcessors{}, sample.Text{IDs: []int{5}, MaxLength: 9})
		if _, err := s.Step(texts, rows(good)); err != nil {
			t.Fatal(err)
		}
		tensortest.Panics(t, c.words, func() { s.Best(c.texts) })
	}
}

// TestOver: nothing runs after the end.
func TestOver(t *testing.T) {
	for _, groups := range []int{1, 2} {
		o := Options{NumBeams: 2, NumBeamGroups: groups, NumReturnSequences: 2}
		if groups == 2 {
			o.DiversityPenalty = 3
		}
		s, texts := start(t, o, sample.LogitsProcessors{}, sample.Text{IDs: []int{5}, MaxLength: 2})
		next, err := s.Step(texts, rows([]float32{1, 2, 4}))
		if err != nil || len(next) != 0 || !s.Done() {
			t.Errorf("%v, %v, done %v", next, err, s.Done())
		}
		if next, err = s.Step(nil, nil); err != nil || len(next) != 0 {
			t.Errorf("after the end: %v, %v", next, err)
		}
		best := s.Best([][]int{{1, 2, 3}}) // not looked at
		if len(best) != 2 || !slices.Equal(best[0].IDs, []int{5, 2}) || !slices.Equal(best[1].IDs, []int{5, 1}) {
			t.Errorf("%d groups: %v", groups, best)
		}
		best[0].IDs[0] = 77 // the caller's
		if got := s.Best(nil); got[0].IDs[0] != 5 {
			t.Error("Best returns the search's own texts")
		}
	}
}

// TestAllowed: allowed tokens that other processors rule out are forced only if no beam has another.
func TestAllowed(t *testing.T) {
	for _, c := range []struct {
		bad  [][]int
		want []Successor
		best float32
	}{
		{nil, []Successor{{0, 0}, {1, 2}}, -math.Ln2 - 2*math.Ln2},
		{[][]int{{1, 0}}, []Successor{{1, 2}, {0, 0}}, -3 * math.Ln2},
		{[][]int{{1, 0}, {2, 2}}, []Successor{{0, 0}, {1, 2}}, -math.Ln2},
	} {
		p := sample.LogitsProcessors{BadWordsIDs: c.bad}
		p.PrefixAllowedTokens = func(text []int) []int {
			switch text[len(text)-1] {
			case 1:
				return []int{0}
			case 2:
				return []int{2}
			}
			return []int{1, 2}
		}
		s, texts := start(t, Options{NumBeams: 2}, p, sample.Text{IDs: []int{3}, MaxLength: 9})
		next, err := s.Step(texts, rows([]float32{-inf, 0, 0, -inf}))
		if err != nil {
			t.Fatal(err)
		}
		even := make([]float32, 4)
		got, err := s.Step(Continue(texts, next), rows(even, even))
		if err != nil || !slices.Equal(got, c.want) || math.Abs(float64(s.scores[0]-c.best)) > 1e-6 {
			t.Errorf("without %v: %v, scores %v, %v, want %v and %v", c.bad, got, s.scores, err, c.want, c.best)
		}
	}
}

// TestCountPenalties: PresencePenalty and FrequencyPenalty count what a text has generated, text by text.
func TestCountPenalties(t *testing.T) {
	p := sample.LogitsProcessors{PresencePenalty: 1, FrequencyPenalty: 2}
	s, texts := start(t, Options{NumBeams: 2}, p, sample.Text{IDs: []int{0}, MaxLength: 9})
	next, err := s.Step(texts, rows([]float32{-inf, 0, 0}))
	if err != nil || !slices.Equal(next, []Successor{{0, 1}, {0, 2}}) {
		t.Fatal(next, err)
	}
	// Token 0 is the prompt's, which does not count.
	got, err := s.Step(Continue(texts, next), rows([]float32{0, 0, -inf}, []float32{-inf, 0, 2}))
	want := []float32{-2 * math.Ln2, -math.Ln2 - float32(math.Log(1+math.Exp(2)))}
	if err != nil || !slices.Equal(got, []Successor{{0, 0}, {1, 1}}) || math.Abs(float64(s.scores[0]-want[0])) > 1e-6 || math.Abs(float64(s.scores[1]-want[1])) > 1e-6 {
		t.Errorf("%v, scores %v, %v; want scores %v", got, s.scores, err, want)
	}
}

// TestHopedLength: the greatest length counts only where it makes scores better.
func TestHopedLength(t *testing.T) {
	for _, c := range []struct {
		early   EarlyStopping
		penalty float64
		want    int
	}{{StopHeuristic, 1, 2}, {StopAtOnce, 1, 2}, {StopNever, 1, 9}, {StopNever, 0, 2}, {StopNever, -1, 2}} {
		o := Options{NumBeams: 1, EarlyStopping: c.early, LengthPenalty: c.penalty}
		s, _ := start(t, o, sample.LogitsProcessors{}, sample.Text{IDs: []int{3, 3}, MaxLength: 9})
		if got := s.hopedLength(); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

// everyProcessor has a processor of each stage.
func everyProcessor() sample.LogitsProcessors {
	allowed := []int{1, 2, 3, 4, 5, 6, 7, 8}
	return sample.LogitsProcessors{
		SequenceBias:        []sample.SequenceBias{{IDs: []int{1}, Bias: 2}, {IDs: []int{1, 3}, Bias: 2}},
		RepetitionPenalty:   1.2,
		FrequencyPenalty:    0.2,
		NoRepeatNGramSize:   2,
		BadWordsIDs:         [][]int{{5}, {6, 7}},
		MinNewTokens:        3,
		PrefixAllowedTokens: func([]int) []int { return allowed },
		SuppressTokens:      []int{4},
	}
}

func TestNoAllocations(t *testing.T) {
	for _, c := range []struct {
		o Options
		p sample.LogitsProcessors
	}{
		{Options{NumBeams: 4, LengthPenalty: 1}, sample.LogitsProcessors{}},
		{Options{NumBeams: 6, NumBeamGroups: 3, DiversityPenalty: 0.5}, sample.LogitsProcessors{}},
		{Options{NumBeams: 4, Sampling: &sample.Config{Temperature: 0.9, TopK: 50, TopP: 0.9, TypicalP: 0.9}}, sample.LogitsProcessors{}},
		{Options{NumBeams: 4}, everyProcessor()},
		{Options{NumBeams: 6, NumBeamGroups: 3, DiversityPenalty: 0.5}, everyProcessor()},
	} {
		c.o.EarlyStopping = StopNever
		s, texts := midSearch(t, c.o, c.p, 1<<20)
		logits := make([][]float32, c.o.NumBeams)
		for i := range logits {
			logits[i] = tensortest.Logits(20_000, 2, uint64(i))
			logits[i][2] = -100
		}
		step := func() {
			if next, err := s.Step(texts, logits); err != nil || len(next) != c.o.NumBeams {
				t.Fatal(next, err)
			}
			s.rewind()
		}
		for range 3 {
			step()
		}
		if n := testing.AllocsPerRun(20, step); n != 0 {
			t.Errorf("%+v: %v allocations", c.o, n)
		}
	}
}

// FuzzSearch has searches of any options on any logits: no panic, scores that are numbers, texts that begin with the
// prompt and end where they may.
func FuzzSearch(f *testing.F) {
	f.Add(uint64(1), 4, 1, 1.0, 0, 6, 20, 1.0, 1)
	f.Add(uint64(2), 6, 3, -1.0, 1, 12, 9, 8.0, 0)
	f.Add(uint64(3), 8, 1, 0.0, 2, 3, 5, 100.0, 2)
	f.Add(uint64(4), 3, 1, 2.0, 4, 30, 700, 1e37, 3)
	f.Fuzz(func(t *testing.T, seed uint64, beams, groups int, penalty float64, kind, length, vocab int, spread float64, ends int) {
		if beams > 64 && beams <= maxBeams {
			t.Skip("slow")
		}
		r := rand.New(rand.NewPCG(seed, 1))
		token := func() int { return r.IntN(max(1, vocab&1023)) }
		o := Options{NumBeams: beams, NumBeamGroups: groups, LengthPenalty: penalty, EarlyStopping: EarlyStopping(kind & 3), NumReturnSequences: max(0, beams)}
		p := sample.LogitsProcessors{NoRepeatNGramSize: kind >> 3 & 3, RepetitionPenalty: spread, BadWordsIDs: [][]int{{token()}, {token(), token()}}}
		if groups > 1 {
			o.DiversityPenalty = spread
		}
		if kind&64 != 0 {
			p.FrequencyPenalty = spread
		}
		prompt := sample.Text{PromptLen: 2, MaxLength: min(length, 40)}
		for range ends & 3 {
			prompt.EOS = append(prompt.EOS, token())
		}
		if kind&4 != 0 {
			o.Sampling = &sample.Config{Temperature: 0.5, TopK: kind & 31, TypicalP: 0.5, Seed: seed}
		}
		prompt.IDs = []int{token(), token()}
		s, err := New(o, &p, prompt)
		if err != nil {
			return
		}
		texts := [][]int{prompt.IDs}
		for !s.Done() {
			logits := make([][]float32, len(texts))
			for i := range logits {
				logits[i] = make([]float32, vocab&1023)
				for j := range logits[i] {
					logits[i][j] = float32(r.NormFloat64() * spread)
					if r.IntN(8) == 0 {
						logits[i][j] = -inf
					}
				}
			}
			next, err := s.Step(texts, logits)
			if err != nil {
				break
			}
			if s.Done() == (len(next) > 0) {
				t.Fatalf("%+v: %d successors, done %v", o, len(next), s.Done())
			}
			texts = Continue(texts, next)
		}
		checkFound(t, s, s.Best(texts), prompt)
	})
}

// checkFound checks what a search has found.
func checkFound(t *testing.T, s *Search, best []Hypothesis, prompt sample.Text) {
	if len(best) > s.options.NumReturnSequences {
		t.Fatalf("%+v: %d texts", s.options, len(best))
	}
	for i, h := range best {
		if math.IsNaN(h.Score) || math.IsInf(h.Score, 0) || i > 0 && h.Score > best[i-1].Score {
			t.Fatalf("%+v: scores %v", s.options, best)
		}
		n := len(h.IDs)
		if n > prompt.MaxLength || !slices.Equal(h.IDs[:2], prompt.IDs) {
			t.Fatalf("%+v: text %v", s.options, h.IDs)
		}
		if h.Score*s.power(n-2) < float64(unlikely)/2 {
			continue // not meant to be followed
		}
		for _, id := range h.IDs[2:max(2, n-1)] {
			if slices.Contains(prompt.EOS, id) {
				t.Fatalf("%+v: text %v goes on after its end", s.options, h.IDs)
			}
		}
	}
}

package sample

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func mustBeams(t testing.TB, c BeamConfig, prompt ...int) *Beams {
	t.Helper()
	b, err := NewBeams(c, Text{IDs: prompt, Prompt: len(prompt)})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBeamConfigErrors(t *testing.T) {
	rules := Rules{MaxLength: 10, EOS: []int{1}}
	for _, c := range []struct {
		change func(*BeamConfig, *Text)
		words  []string
	}{
		{func(c *BeamConfig, _ *Text) { c.Beams = 0 }, []string{"Beams is 0", "1024"}},
		{func(c *BeamConfig, _ *Text) { c.Beams = 1 << 40 }, []string{"Beams", "1024"}},
		{func(c *BeamConfig, _ *Text) { c.Groups = 3 }, []string{"Groups is 3", "4 beams"}},
		{func(c *BeamConfig, _ *Text) { c.Groups = -1 }, []string{"Groups is -1"}},
		{func(c *BeamConfig, _ *Text) { c.DiversityPenalty = -1 }, []string{"DiversityPenalty is -1"}},
		{func(c *BeamConfig, _ *Text) { c.DiversityPenalty = 1 }, []string{"DiversityPenalty is 1", "Groups"}},
		{func(c *BeamConfig, _ *Text) { c.EarlyStopping = 3 }, []string{"EarlyStopping is 3"}},
		{func(c *BeamConfig, _ *Text) { c.Return = 5 }, []string{"Return is 5", "4 beams"}},
		{func(c *BeamConfig, _ *Text) { c.Return = -1 }, []string{"Return is -1"}},
		{func(c *BeamConfig, _ *Text) { c.Pad = -1 }, []string{"Pad is -1"}},
		{func(c *BeamConfig, _ *Text) { c.LengthPenalty = math.NaN() }, []string{"LengthPenalty is NaN"}},
		{func(c *BeamConfig, _ *Text) { c.LengthPenalty = 31 }, []string{"LengthPenalty is 31", "1e30"}},
		{func(c *BeamConfig, _ *Text) { c.LengthPenalty = -31 }, []string{"LengthPenalty is -31", "1e-30"}},
		{func(c *BeamConfig, _ *Text) { c.Rules.MaxLength = 0 }, []string{"MaxLength is 0", "2 tokens"}},
		{func(c *BeamConfig, _ *Text) { c.Rules.MaxLength = 2 }, []string{"MaxLength is 2", "2 tokens"}},
		{func(c *BeamConfig, _ *Text) { c.Rules.EOS = make([]int, 300) }, []string{"EOS has 300", "256"}},
		{func(c *BeamConfig, _ *Text) { c.Rules.MinNew = -1 }, []string{"MinNew is -1"}},
		{func(c *BeamConfig, _ *Text) { c.Sampling = &Config{} }, []string{"Sampling.Temperature is 0"}},
		{func(c *BeamConfig, _ *Text) { c.Sampling = &Config{Temperature: 1, TopP: 2} }, []string{"TopP is 2"}},
		{func(c *BeamConfig, _ *Text) { c.Sampling = &Config{Temperature: 1, PresencePenalty: 1} }, []string{"Sampling", "penalty", "Rules"}},
		{func(c *BeamConfig, _ *Text) { c.Sampling, c.Groups = &Config{Temperature: 1}, 2 }, []string{"Sampling", "2 groups"}},
		{func(_ *BeamConfig, t *Text) { t.IDs, t.Prompt = nil, 0 }, []string{"prompt of 0 tokens"}},
		{func(_ *BeamConfig, t *Text) { t.Prompt = 1 }, []string{"Prompt is 1", "2 token ids"}},
		{func(_ *BeamConfig, t *Text) { t.IDs = []int{4, -4} }, []string{"token id -4"}},
	} {
		config := BeamConfig{Beams: 4, LengthPenalty: 1, Rules: rules}
		text := Text{IDs: []int{3, 4}, Prompt: 2}
		c.change(&config, &text)
		_, err := NewBeams(config, text)
		for _, w := range append(c.words, "sample: ") {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%+v, %+v: error %v lacks %q", config, text, err, w)
			}
		}
	}
}

// TestBeamStepErrors has errors at every stage of a step leave the search as it
// was.
func TestBeamStepErrors(t *testing.T) {
	good := []float32{0, 1, 2, 3}
	rows := func(rows ...[]float32) [][]float32 { return rows }
	for _, c := range []struct {
		name   string
		change func(*BeamConfig)
		logits [][]float32
		words  string
	}{
		{"no rows", nil, nil, "0 rows of logits for 2"},
		{"three rows", nil, rows(good, good, good), "3 rows of logits for 2"},
		{"one row", nil, rows(good), "1 rows of logits for 2"},
		{"ragged", nil, rows(good, good[:3]), "row 1 has 3 logits, others 4"},
		{"another vocabulary", nil, rows(good[:3], good[:3]), "row 0 has 3 logits, others 4"},
		{"NaN", nil, rows(good, []float32{1, nan, 2, 3}), "row 1: a logit is NaN"},
		{"infinite", nil, rows([]float32{1, inf, 2, 3}, good), "row 0: a logit is +Inf"},
		{"nothing", nil, rows(good, []float32{-inf, -inf, -inf, -inf}), "row 1: all 4 logits are -Inf"},
		{"rules too strong", func(c *BeamConfig) {
			c.Rules.SequenceBias = []SequenceBias{{[]int{3, 0}, math.MaxFloat32}, {[]int{3, 3, 0}, math.MaxFloat32}}
		}, rows(good, good), "the rules make a score +Inf"},
		{"no token", func(c *BeamConfig) { c.Rules.BadWords = [][]int{{3, 3, 0}, {3, 3, 2}, {3, 3, 1}, {3, 3, 3}} }, rows(good, good), "the rules leave none"},
	} {
		for _, groups := range []int{1, 2} {
			for _, sampling := range []*Config{nil, {Temperature: 1}} {
				if groups > 1 && sampling != nil {
					continue
				}
				config := BeamConfig{Beams: 2, Groups: groups, LengthPenalty: 1, Sampling: sampling, Rules: Rules{MaxLength: 9}}
				if c.change != nil {
					c.change(&config)
				}
				step := func(b *Beams) {
					// Only token 3 is likely, and both beams have it.
					if _, err := b.Step([][]float32{{-inf, -inf, -inf, 0}}); err != nil {
						t.Fatal(c.name, err)
					}
				}
				b, same := mustBeams(t, config, 3), mustBeams(t, config, 3)
				step(b)
				step(same)
				if _, err := b.Step(c.logits); err == nil || !strings.Contains(err.Error(), c.words) {
					t.Errorf("%s: error %v lacks %q", c.name, err, c.words)
					continue
				}
				if sampling != nil && b.random.random != same.random.random {
					t.Errorf("%s: random numbers were taken", c.name)
				}
				if c.change != nil {
					continue
				}
				logits := rows(good, []float32{3, 1, 2, 0})
				got, err := b.Step(logits)
				if err != nil {
					t.Fatal(err)
				}
				want, err := same.Step(logits)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(got, want) || !slices.EqualFunc(b.Texts(), same.Texts(), slices.Equal) {
					t.Errorf("%s: after the error %v, without it %v", c.name, got, want)
				}
			}
		}
	}
	b := mustBeams(t, BeamConfig{Beams: 1, Rules: Rules{MaxLength: 9, EOS: []int{0, 1}}}, 3)
	if _, err := b.Step([][]float32{{1, 2}}); err == nil || !strings.Contains(err.Error(), "2 logits; a beam search with 2 end tokens needs 3") {
		t.Error(err)
	}
	if got, err := b.Step([][]float32{{1, 2, 3}}); err != nil || len(got) != 1 { // the vocabulary is not fixed by an error
		t.Error(got, err)
	}
}

// TestBeamsEndedEarly has what a caller gets that stops before the end: finished
// and running texts by score.
func TestBeamsEndedEarly(t *testing.T) {
	ln := func(p ...float64) (row []float32) {
		for _, p := range p {
			row = append(row, float32(math.Log(p)))
		}
		return row
	}
	for _, groups := range []int{1, 2} {
		c := BeamConfig{Beams: 2 * groups, Groups: groups, Return: 2 * groups, LengthPenalty: 1, Rules: Rules{MaxLength: 9, EOS: []int{0}}}
		b := mustBeams(t, c, 5)
		if got := b.Best(); len(got) != groups || !slices.Equal(got[0].IDs, []int{5}) || got[0].Score != 0 {
			t.Errorf("before the first step: %v", got)
		}
		if _, err := b.Step([][]float32{ln(0.2, 0.5, 0.2999, 0.0001)}); err != nil {
			t.Fatal(err)
		}
		row := ln(0.9, 0.05, 0.03, 0.02)
		if _, err := b.Step(slices.Repeat([][]float32{row}, 2*groups)); err != nil {
			t.Fatal(err)
		}
		if b.Done() {
			continue
		}
		got := b.Best()
		want := []Hypothesis{
			{[]int{5, 1, 0}, math.Log(0.5*0.9) / 2},
			{[]int{5, 2, 0}, math.Log(0.2999*0.9) / 2},
		}
		if groups == 2 {
			want = []Hypothesis{want[0], want[0], want[1], want[1]}
		}
		for i, w := range want {
			if i >= len(got) || !slices.Equal(got[i].IDs, w.IDs) || math.Abs(got[i].Score-w.Score) > 1e-6 {
				t.Errorf("%d groups: %v, want %v", groups, got, want)
				break
			}
		}
		if len(b.Texts()) != 2*groups {
			t.Errorf("%d running texts", len(b.Texts()))
		}
	}
}

// TestBeamsOver: nothing runs after the end.
func TestBeamsOver(t *testing.T) {
	b := mustBeams(t, BeamConfig{Beams: 2, Return: 2, Rules: Rules{MaxLength: 2}}, 5)
	next, err := b.Step([][]float32{{1, 2, 4}})
	if err != nil || len(next) != 0 || !b.Done() || b.Texts() != nil {
		t.Errorf("%v, %v, done %v, %v", next, err, b.Done(), b.Texts())
	}
	if next, err = b.Step(nil); err != nil || len(next) != 0 {
		t.Errorf("after the end: %v, %v", next, err)
	}
	best := b.Best()
	if len(best) != 2 || !slices.Equal(best[0].IDs, []int{5, 2}) || !slices.Equal(best[1].IDs, []int{5, 1}) {
		t.Errorf("%v", best)
	}
	best[0].IDs[0] = 77 // the caller's
	if got := b.Best(); got[0].IDs[0] != 5 {
		t.Error("Best returns the search's own texts")
	}
}

// TestBeamsAllowed: allowed tokens that other rules rule out are forced only if
// no beam has another.
func TestBeamsAllowed(t *testing.T) {
	for _, c := range []struct {
		bad  [][]int
		want []Successor
		best float32
	}{
		{nil, []Successor{{0, 0}, {1, 2}}, -math.Ln2 - 2*math.Ln2},
		{[][]int{{1, 0}}, []Successor{{1, 2}, {0, 0}}, -3 * math.Ln2},
		{[][]int{{1, 0}, {2, 2}}, []Successor{{0, 0}, {1, 2}}, -math.Ln2},
	} {
		rules := Rules{MaxLength: 9, BadWords: c.bad}
		rules.Allowed = func(text []int) []int {
			switch text[len(text)-1] {
			case 1:
				return []int{0}
			case 2:
				return []int{2}
			}
			return []int{1, 2}
		}
		b := mustBeams(t, BeamConfig{Beams: 2, Rules: rules}, 3)
		if _, err := b.Step([][]float32{{-inf, 0, 0, -inf}}); err != nil {
			t.Fatal(err)
		}
		even := make([]float32, 4)
		got, err := b.Step([][]float32{even, even})
		if err != nil || !slices.Equal(got, c.want) || math.Abs(float64(b.scores[0]-c.best)) > 1e-6 {
			t.Errorf("without %v: %v, scores %v, %v, want %v and %v", c.bad, got, b.scores, err, c.want, c.best)
		}
	}
}

// TestHopedLength: the greatest length counts only where it makes scores better.
func TestHopedLength(t *testing.T) {
	for _, c := range []struct {
		early   EarlyStopping
		penalty float64
		want    int
	}{{StopHeuristic, 1, 2}, {StopAtOnce, 1, 2}, {StopNever, 1, 9}, {StopNever, 0, 2}, {StopNever, -1, 2}} {
		b := mustBeams(t, BeamConfig{Beams: 1, EarlyStopping: c.early, LengthPenalty: c.penalty, Rules: Rules{MaxLength: 9}}, 3, 3)
		if got := b.hopedLength(); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

// TestTop compares the selection with a sort of everything, for vocabularies
// about the size of a block and scores with many ties and infinities.
func TestTop(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 300 {
		vocab := []int{2, 5, 255, 256, 257, 700, 3000}[round%7]
		n := 1 + r.IntN(6)
		var row scoredRow
		var top topScores
		k := 2 * (1 + r.IntN(n*vocab)) / 2
		k = min(k, 1+r.IntN(40), n*vocab)
		top.reset(k)
		var want []rank
		for i := range n {
			logits := make([]float32, vocab)
			for j := range logits {
				switch round % 3 {
				case 0:
					logits[j] = float32(r.NormFloat64())
				case 1:
					logits[j] = float32(r.IntN(3))
				default:
					logits[j] = -inf
					if r.IntN(30) == 0 {
						logits[j] = float32(r.IntN(5))
					}
				}
			}
			logits[r.IntN(vocab)] = 1
			row.set(logits)
			sum := -float32(r.IntN(3))
			if r.IntN(4) == 0 {
				sum = unlikely
			}
			top.add(i*vocab, &row, sum)
			for j, v := range logits {
				want = append(want, rankOf(i*vocab+j, row.at(v)+sum))
			}
		}
		slices.Sort(want)
		if got := top.sorted(); !slices.Equal(got, want[:k]) {
			t.Fatalf("round %d: best %d of %d×%d are %v, want %v", round, k, n, vocab, got, want[:k])
		}
	}
}

// TestLogSoftmax bounds the error of log-probabilities against float64, far from
// zero too.
func TestLogSoftmax(t *testing.T) {
	for _, n := range []int{2, 255, 256, 257, 5000} {
		for _, offset := range []float32{0, 1000, -3e4} {
			logits := normalLogits(n, 3, uint64(n))
			for i := range logits {
				logits[i] += offset
			}
			logits[1] = -inf
			var row scoredRow
			row.set(logits)
			high, sum := slices.Max(logits), 0.0
			for _, v := range logits {
				sum += math.Exp(float64(v) - float64(high))
			}
			changed := slices.Clone(row.values)
			for i, v := range logits {
				changed[i] = row.at(v)
			}
			for i, got := range row.change() {
				want := float64(logits[i]) - float64(high) - math.Log(sum)
				if i != 1 && math.Abs(float64(got)-want) > 3e-7*(1+math.Abs(want)) || got != changed[i] {
					t.Fatalf("%d logits about %v: token %d has %v and %v, want %v", n, offset, i, got, changed[i], want)
				}
			}
		}
	}
}

func TestBeamsNoAllocations(t *testing.T) {
	for _, c := range []BeamConfig{
		{Beams: 4, LengthPenalty: 1},
		{Beams: 6, Groups: 3, DiversityPenalty: 0.5},
		{Beams: 4, Sampling: &Config{Temperature: 0.9, TopK: 50, TopP: 0.9, TypicalP: 0.9}},
		{Beams: 4, Rules: everyRule()},
	} {
		c.EarlyStopping = StopNever
		c.Rules.MaxLength = 1 << 20
		c.Rules.EOS = []int{2}
		b := midSearch(t, c)
		logits := make([][]float32, c.Beams)
		for i := range logits {
			logits[i] = normalLogits(20_000, 2, uint64(i))
			logits[i][2] = -100
		}
		step := func() {
			if next, err := b.Step(logits); err != nil || len(next) != c.Beams {
				t.Fatal(next, err)
			}
			b.rewind(100)
		}
		for range 3 {
			step()
		}
		if n := testing.AllocsPerRun(20, step); n != 0 {
			t.Errorf("%+v: %v allocations", c, n)
		}
	}
}

// FuzzBeams has searches of any configuration on any logits: no panic, scores
// that are numbers, texts that begin with the prompt and end where they may.
func FuzzBeams(f *testing.F) {
	f.Add(uint64(1), 4, 1, 1.0, 0, 6, 20, 1.0, 1)
	f.Add(uint64(2), 6, 3, -1.0, 1, 12, 9, 8.0, 0)
	f.Add(uint64(3), 8, 1, 0.0, 2, 3, 5, 100.0, 2)
	f.Add(uint64(4), 3, 1, 2.0, 4, 30, 700, 1e37, 3)
	f.Fuzz(func(t *testing.T, seed uint64, beams, groups int, penalty float64, kind, length, vocab int, spread float64, ends int) {
		r := rand.New(rand.NewPCG(seed, 1))
		if beams > 64 && beams <= maxBeams {
			t.Skip("slow")
		}
		token := func() int { return r.IntN(max(1, vocab&1023)) }
		c := BeamConfig{Beams: beams, Groups: groups, LengthPenalty: penalty, EarlyStopping: EarlyStopping(kind & 3), Return: max(0, beams)}
		c.Rules = Rules{MaxLength: min(length, 40), NoRepeatNGram: kind >> 3 & 3, RepetitionPenalty: spread, BadWords: [][]int{{token()}, {token(), token()}}}
		if groups > 1 {
			c.DiversityPenalty = spread
		}
		for range ends & 3 {
			c.Rules.EOS = append(c.Rules.EOS, token())
		}
		if kind&4 != 0 {
			c.Sampling = &Config{Temperature: 0.5, TopK: kind & 31, TypicalP: 0.5, Seed: seed}
		}
		prompt := []int{token(), token()}
		b, err := NewBeams(c, Text{IDs: prompt, Prompt: 2})
		if err != nil {
			return
		}
		for !b.Done() {
			logits := make([][]float32, len(b.Texts()))
			for i := range logits {
				logits[i] = make([]float32, vocab&1023)
				for j := range logits[i] {
					logits[i][j] = float32(r.NormFloat64() * spread)
					if r.IntN(8) == 0 {
						logits[i][j] = -inf
					}
				}
			}
			next, err := b.Step(logits)
			if err != nil {
				break
			}
			if b.Done() == (len(next) > 0) || len(next) != len(b.Texts()) {
				t.Fatalf("%+v: %d successors, %d texts, done %v", c, len(next), len(b.Texts()), b.Done())
			}
		}
		best := b.Best()
		if len(best) > max(c.Return, 1) {
			t.Fatalf("%+v: %d texts", c, len(best))
		}
		for i, h := range best {
			if math.IsNaN(h.Score) || math.IsInf(h.Score, 0) || i > 0 && h.Score > best[i-1].Score {
				t.Fatalf("%+v: scores %v", c, best)
			}
			n := len(h.IDs)
			if n > c.Rules.MaxLength || !slices.Equal(h.IDs[:2], prompt) {
				t.Fatalf("%+v: text %v", c, h.IDs)
			}
			if h.Score*b.power(n-2) < float64(unlikely)/2 {
				continue // not meant to be followed
			}
			for _, id := range h.IDs[2:max(2, n-1)] {
				if slices.Contains(c.Rules.EOS, id) {
					t.Fatalf("%+v: text %v goes on after its end", c, h.IDs)
				}
			}
		}
	})
}

package task

import (
	"io/fs"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tokenizer"
)

func TestWindows(t *testing.T) {
	for name := range countedIn(t, expected.Windows, 3, 21) {
		t.Run(name, func(t *testing.T) { testWindows(t, name) })
	}
}

func testWindows(t *testing.T, name string) {
	tok := openEncoder(t, name).Tokenizer
	for i, c := range expected.Windows[name] {
		cut := map[string]tokenizer.Cut{"longest_first": tokenizer.LongestFirst, "only_first": tokenizer.OnlyFirst, "only_second": tokenizer.OnlySecond}[c.Cut]
		got, err := tok.Windows(tokenizer.Options{AddSpecial: true}, tokenizer.Truncation{MaxTokens: c.Max, Stride: c.Stride, Cut: cut}, c.Texts...)
		if err != nil {
			t.Errorf("case %d: %v", i, err)
			continue
		}
		if len(got) != c.Count {
			t.Errorf("case %d, %s %d/%d: %d windows, want %d", i, c.Cut, c.Max, c.Stride, len(got), c.Count)
			continue
		}
		for _, want := range c.Windows {
			k, w := want.At, got[want.At]
			spans := make([][2]int, len(w.Offsets))
			for j, s := range w.Offsets {
				spans[j] = [2]int{s.Start, s.End}
			}
			// further windows of a pair have segment 1 in the reference even where the template says 0
			typed := k == 0 || name == "features"
			if !slices.Equal(w.IDs, want.IDs) || typed && !slices.Equal(w.TypeIDs, want.Types) || !slices.Equal(w.Texts, want.Texts) ||
				!slices.Equal(w.Words, want.Words) || !slices.Equal(spans, want.Offsets) {
				t.Errorf("case %d, %s %d/%d, window %d:\n%+v\nwant\n%+v", i, c.Cut, c.Max, c.Stride, k, w, want)
			}
		}
	}
}

func TestFillMask(t *testing.T) {
	for name := range countedIn(t, expected.FillMask, 3, 3) {
		t.Run(name, func(t *testing.T) { checkFillMask(t, Tiny(name), expected.FillMask[name]) })
	}
}

func checkFillMask(t *testing.T, folder fs.FS, cases []fillMaskCase) {
	f := must(OpenFillMask(folder, model.Options{}))
	for _, c := range cases {
		got, err := f.Fill(c.Text, c.N)
		if c.Words != nil {
			got, err = f.FillFrom(c.Text, c.Words)
		}
		if err != nil || len(got) != len(c.Masks) {
			t.Fatalf("%q: %d masks, %v; want %d", c.Text, len(got), err, len(c.Masks))
		}
		for i, want := range c.Masks {
			if len(got[i].Fills) != len(want) {
				t.Fatalf("%q: %d fills, want %d", c.Text, len(got[i].Fills), len(want))
			}
			for k, w := range want {
				g := got[i].Fills[k]
				if g.ID != w.ID || g.Word != w.Word || g.Text != w.Text || !near(g.Score, w.Score) {
					t.Errorf("%q, mask %d: %+v, want %+v", c.Text, i, g, w)
				}
			}
		}
	}
}

var functions = map[string]ScoreFunc{"auto": Auto, "raw": Logits, "sigmoid": Sigmoid, "softmax": Softmax}

func TestClassifier(t *testing.T) {
	for name, cases := range countedIn(t, expected.Classify, 4, 17) {
		t.Run(name, func(t *testing.T) { checkClassifier(t, Tiny(name), cases) })
	}
}

func checkClassifier(t *testing.T, folder fs.FS, cases []classifyCase) {
	c := must(OpenClassifier(folder, model.Options{}))
	for _, want := range cases {
		c.ScoreFunc = functions[want.Function]
		got, err := c.Classify(want.First)
		if want.Second != nil {
			got, err = c.ClassifyPairs(Pair{want.First, *want.Second})
		}
		if err != nil || len(got[0]) != len(want.Labels) {
			t.Fatalf("%q: %v, %v", want.First, got, err)
		}
		for k, w := range want.Labels {
			if g := got[0][k]; g.Name != w.Label || !near(g.Score, w.Score) {
				t.Errorf("%s, %.40q: label %d is %+v, want %+v", want.Function, want.First, k, g, w)
			}
		}
	}
}

func TestReranker(t *testing.T) {
	r := must(OpenReranker(expected.Checkpoints["one"].fs(), model.Options{}))
	for _, c := range counted(t, expected.Rerank, 3) {
		r.ScoreFunc = functions[c.Function]
		if c.Documents == nil {
			if got, err := r.Score(toPairs(c.Pairs)...); err != nil || !nearAll(got, c.Scores) {
				t.Errorf("%s: %v, %v; want %v", c.Function, got, err, c.Scores)
			}
			continue
		}
		got, err := r.Rerank(c.Query, c.Documents...)
		if err != nil {
			t.Fatal(err)
		}
		for k, g := range got {
			if g.Document != c.Order[k] || !near(g.Score, c.Scores[k]) {
				t.Errorf("rank %d: %+v, want %d with %v", k, g, c.Order[k], c.Scores[k])
			}
		}
	}
}

func toPairs(texts [][2]string) []Pair {
	var out []Pair
	for _, p := range texts {
		out = append(out, Pair{p[0], p[1]})
	}
	return out
}

func TestTagger(t *testing.T) {
	for name := range countedIn(t, expected.Tag, 3, 65) {
		t.Run(name, func(t *testing.T) { checkTagger(t, Tiny(name), expected.Tag[name]) })
	}
}

func checkTagger(t *testing.T, folder fs.FS, cases []tagCase) {
	tagger := must(OpenTagger(folder, model.Options{}))
	strategies := map[string]AggregationStrategy{"none": None, "simple": Simple, "first": First, "average": Average, "max": Max}
	for _, c := range cases {
		tagger.Strategy, tagger.Stride = strategies[c.Strategy], c.Stride
		got, err := tagger.Tag(c.Text)
		if err != nil {
			t.Fatal(err)
		}
		if len(got[0]) != len(c.Entities) {
			t.Errorf("%s %d, %.40q: %d entities, want %d", c.Strategy, c.Stride, c.Text, len(got[0]), len(c.Entities))
			continue
		}
		for k, w := range c.Entities {
			g := got[0][k]
			if g.Label != w.Label || g.Start != w.Start || g.End != w.End || !near(g.Score, w.Score) || g.Text != c.Text[w.Start:w.End] {
				t.Errorf("%s %d, %.40q: entity %d is %+v, want %+v", c.Strategy, c.Stride, c.Text, k, g, w)
			}
		}
	}
}

// answerSettings are the pipeline's, by its names.
type answerSettings struct {
	N          int   `json:"top_k"`
	Align      *bool `json:"align_to_words"`
	Impossible bool  `json:"handle_impossible_answer"`
	MaxAnswer  int   `json:"max_answer_len"`
	Stride     int   `json:"doc_stride"`
	Length     int   `json:"max_seq_len"`
}

func (s *answerSettings) answer(a Answerer, question, context string) ([]Answer, error) {
	a.Impossible, a.WithinWords = s.Impossible, s.Align != nil && !*s.Align
	if s.MaxAnswer > 0 {
		a.MaxAnswer = s.MaxAnswer
	}
	if s.Length > 0 {
		a.MaxTokens, a.Stride = s.Length, s.Stride
	}
	return a.Answer(question, context, max(1, s.N))
}

func TestAnswerer(t *testing.T) {
	cases := load1[[]struct {
		Checkpoint, Question, Context string
		Settings                      answerSettings
		Answers                       []Answer
	}](answersJSON)
	for _, c := range counted(t, cases, 54) {
		a := must(OpenAnswerer(expected.Checkpoints[c.Checkpoint].fs(), model.Options{}))
		got, err := c.Settings.answer(*a, c.Question, c.Context)
		if err != nil || len(got) != len(c.Answers) {
			t.Errorf("%s, %q %+v: %+v, %v; want %+v", c.Checkpoint, c.Question, c.Settings, got, err, c.Answers)
			continue
		}
		for k, w := range c.Answers {
			if g := got[k]; g.Text != w.Text || g.Start != w.Start || g.End != w.End || !near(g.Score, w.Score) {
				t.Errorf("%s, %q %+v: answer %d is %+v, want %+v", c.Checkpoint, c.Question, c.Settings, k, g, w)
			}
		}
	}
}

func TestNextSentenceAndMultipleChoice(t *testing.T) {
	n := must(OpenNextSentence(expected.Checkpoints["next"].fs(), model.Options{}))
	if got, err := n.Follows(toPairs(counted(t, expected.Next.Pairs, 5))...); err != nil || !nearAll(got, expected.Next.Scores) {
		t.Errorf("next sentence: %v, %v; want %v", got, err, expected.Next.Scores)
	}
	m := must(OpenMultipleChoice(expected.Checkpoints["choice"].fs(), model.Options{}))
	if got, err := m.Choose(expected.Choice.Prompt, counted(t, expected.Choice.Choices, 3)...); err != nil || !nearAll(got, expected.Choice.Scores) {
		t.Errorf("choice: %v, %v; want %v", got, err, expected.Choice.Scores)
	}
}

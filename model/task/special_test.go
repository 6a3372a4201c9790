package task

import (
	_ "embed"
	"io/fs"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/model"
)

//go:embed testdata/answers_special.json.gz
var specialAnswersGZ []byte

//go:embed testdata/tasks_special.json.gz
var specialTasksGZ []byte

// changedFolders are checkpoints in which some files are others.
type changedFolders map[string]struct {
	Base  string
	Files map[string]string
}

func (c changedFolders) fs(name string) fs.FS {
	if f, ok := c[name]; ok {
		return expected.Checkpoints[f.Base].with(f.Files, nil).fs()
	}
	return Tiny(name)
}

// TestSpecialAnswers has special tokens spelled out in questions and texts, by the reference's answers.
func TestSpecialAnswers(t *testing.T) {
	all := unpack1[struct {
		Checkpoints changedFolders
		Texts       [][2]string
		Cases       []struct {
			Checkpoint string
			Text       int
			Settings   answerSettings
			Answers    [][3]float64 // start, end, score
			Error      bool
		}
	}](specialAnswersGZ)
	open := map[string]*Answerer{}
	for name := range all.Checkpoints {
		open[name] = must(OpenAnswerer(all.Checkpoints.fs(name), model.Options{}))
	}
	for _, c := range counted(t, all.Cases, 280) {
		question, context := all.Texts[c.Text][0], all.Texts[c.Text][1]
		got, err := c.Settings.answer(*open[c.Checkpoint], question, context)
		if (err != nil) != c.Error || len(got) != len(c.Answers) {
			t.Errorf("%s, %q, %q %+v: %+v, %v; want %v", c.Checkpoint, question, context, c.Settings, got, err, c.Answers)
			continue
		}
		for k, w := range c.Answers {
			g, want := got[k], Answer{Start: int(w[0]), End: int(w[1]), Score: float32(w[2])}
			if want.Start < want.End {
				want.Text = context[want.Start:want.End]
			}
			// float32 against float32: as far apart as logits may be
			if near := math.Abs(float64(g.Score)-w[2]) <= 2e-5*w[2]; g.Text != want.Text || g.Start != want.Start || g.End != want.End || !near {
				t.Errorf("%s, %q, %q %+v: answer %d is %+v, want %+v", c.Checkpoint, question, context, c.Settings, k, g, want)
			}
		}
	}
}

// TestEqualAnswers has tokens that nothing tells apart: of answers with the same score the first in the text comes
// first. (RoBERTa gives its padding token one position, wherever it stands.)
func TestEqualAnswers(t *testing.T) {
	a := must(OpenAnswerer(Tiny("roberta answers"), model.Options{}))
	a.WithinWords, a.MaxAnswer = true, 1
	all := must(a.Answer("who?", "cat<pad> dog<pad> man<pad>", 100))
	at := slices.IndexFunc(all, func(x Answer) bool { return x.Text == "<pad>" })
	if at < 0 || all[at].Start != 3 {
		t.Errorf("answers %+v: the first <pad> is not the one that stands for all", all)
	}
}

// TestSpecialTexts has special tokens spelled out in the texts of the other tasks, by the reference's answers.
func TestSpecialTexts(t *testing.T) {
	type scoredPairs struct {
		Pairs  [][2]string
		Scores []float32
	}
	all := unpack1[struct {
		Checkpoints          changedFolders
		FillMask             map[string][]fillMaskCase
		Tag                  map[string][]tagCase
		Classify             []classifyCase
		Rerank, Next, Choice scoredPairs
		Embed                []struct {
			Prompt, Text string
			Row          []float32
		}
		Sparse []struct {
			Text    string
			Weights map[int]float32
		}
	}](specialTasksGZ)
	for name, cases := range countedIn(t, all.FillMask, 4, 6) {
		t.Run(name, func(t *testing.T) { checkFillMask(t, all.Checkpoints.fs(name), cases) })
	}
	for name, cases := range countedIn(t, all.Tag, 4, 13) {
		t.Run(name, func(t *testing.T) { checkTagger(t, all.Checkpoints.fs(name), cases) })
	}
	checkClassifier(t, Tiny("single"), counted(t, all.Classify, 10))
	r := must(OpenReranker(Tiny("one"), model.Options{}))
	if got, err := r.Score(toPairs(counted(t, all.Rerank.Pairs, 6))...); err != nil || !nearAll(got, all.Rerank.Scores) {
		t.Errorf("reranker: %v, %v; want %v", got, err, all.Rerank.Scores)
	}
	n := must(OpenNextSentence(Tiny("next"), model.Options{}))
	if got, err := n.Follows(toPairs(counted(t, all.Next.Pairs, 6))...); err != nil || !nearAll(got, all.Next.Scores) {
		t.Errorf("next sentence: %v, %v; want %v", got, err, all.Next.Scores)
	}
	m := must(OpenMultipleChoice(Tiny("choice"), model.Options{}))
	var choices []string
	for _, p := range counted(t, all.Choice.Pairs, 3) {
		choices = append(choices, p[1])
	}
	if got, err := m.Choose(all.Choice.Pairs[0][0], choices...); err != nil || !nearAll(got, all.Choice.Scores) {
		t.Errorf("choice: %v, %v; want %v", got, err, all.Choice.Scores)
	}
	e := must(OpenEmbedder(all.Checkpoints.fs("embed"), model.Options{}))
	for _, c := range counted(t, all.Embed, 6) {
		if got, err := e.EncodeWith(c.Prompt, c.Text); err != nil || !nearAll(got.Data, c.Row) {
			t.Errorf("%q before %q: %v, %v; want %v", c.Prompt, c.Text, got.Data, err, c.Row)
		}
	}
	m3 := must(OpenM3(TinyM3(), model.Options{}))
	for _, c := range counted(t, all.Sparse, 3) {
		got, err := m3.Encode(c.Text)
		if err != nil || !maps.EqualFunc(got[0].Sparse, c.Weights, near) {
			t.Errorf("sparse weights of %q: %v, %v; want %v", c.Text, got, err, c.Weights)
		}
	}
}

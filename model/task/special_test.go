package task

import (
	_ "embed"
	"math"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/model"
)

//go:embed testdata/answers_special.json
var specialAnswersJSON []byte

// TestSpecialAnswers has special tokens spelled out in questions and texts, by the reference's answers.
func TestSpecialAnswers(t *testing.T) {
	all := load1[struct {
		Checkpoints map[string]struct {
			Base  string
			Files map[string]string
		}
		Texts [][2]string
		Cases []struct {
			Checkpoint string
			Text       int
			Settings   answerSettings
			Answers    [][3]float64 // start, end, score
			Error      bool
		}
	}](specialAnswersJSON)
	open := map[string]*Answerer{}
	for name, c := range all.Checkpoints {
		open[name] = must(OpenAnswerer(expected.Checkpoints[c.Base].with(c.Files, nil).fs(), model.Options{}))
	}
	for _, c := range all.Cases {
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

package task

import (
	"cmp"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// AggregationStrategy says how labelled tokens become entities (aggregation_strategy in transformers).
type AggregationStrategy uint8

const (
	None    AggregationStrategy = iota // every token is an entity
	Simple                             // neighbouring tokens with the same label are one entity
	First                              // a word has the label of its first token; words are grouped as in Simple
	Average                            // as First, with the label of the mean of the tokens' scores
	Max                                // as First, with the label of the token with the highest score
)

// TokenScores is a token with the probability of each label.
type TokenScores struct {
	tokenizer.Span
	Scores  []float32
	Subword bool // whether it continues the word of the token before it
}

// Aggregate groups the tokens of a text into entities. labels are the names of the scores. The result
// includes entities of every label, also "O", and leaves their Text empty.
//
// Groups are as in transformers: a word (a token under Simple) joins the word before it if both have the same
// label without "B-" and "I-", and its own label does not begin with "B-".
func Aggregate(tokens []TokenScores, labels []string, s AggregationStrategy) []Entity {
	var units []Entity
	for i := 0; i < len(tokens); {
		n := 1
		if s >= First {
			for i+n < len(tokens) && tokens[i+n].Subword {
				n++
			}
		}
		units = append(units, unit(tokens[i:i+n], labels, s))
		i += n
	}
	if s == None {
		return units
	}
	return group(units)
}

// unit gives the tokens of a word one label.
func unit(tokens []TokenScores, labels []string, s AggregationStrategy) Entity {
	scores := tokens[0].Scores
	switch s {
	case Max:
		for _, t := range tokens[1:] {
			if slices.Max(t.Scores) > slices.Max(scores) {
				scores = t.Scores
			}
		}
	case Average:
		scores = make([]float32, len(scores))
		for _, t := range tokens {
			vec.Add(scores, scores, t.Scores)
		}
		vec.Scale(scores, scores, 1/float32(len(tokens)))
	}
	id := vec.ArgMax(scores)
	return Entity{Label: labels[id], Score: scores[id], Start: tokens[0].Start, End: tokens[len(tokens)-1].End}
}

func group(units []Entity) []Entity {
	var out []Entity
	for i := 0; i < len(units); {
		n, sum := 1, float64(units[i].Score)
		for i+n < len(units) && !strings.HasPrefix(units[i+n].Label, "B-") && tag(units[i+n].Label) == tag(units[i+n-1].Label) {
			sum += float64(units[i+n].Score)
			n++
		}
		e := units[i]
		if _, after, ok := strings.Cut(e.Label, "-"); ok {
			e.Label = after
		}
		e.Score, e.End = float32(sum/float64(n)), units[i+n-1].End
		out = append(out, e)
		i += n
	}
	return out
}

// tag returns a label without what says that it begins or goes on.
func tag(label string) string {
	if strings.HasPrefix(label, "B-") || strings.HasPrefix(label, "I-") {
		return label[2:]
	}
	return label
}

// withoutOverlaps merges the entities of a text's windows: where one begins inside the one before it,
// the longer stays, or the one with the higher score.
func withoutOverlaps(all []Entity) []Entity {
	slices.SortStableFunc(all, func(a, b Entity) int { return cmp.Compare(a.Start, b.Start) })
	var out []Entity
	for _, e := range all {
		if len(out) == 0 || e.Start >= out[len(out)-1].End {
			out = append(out, e)
			continue
		}
		last := &out[len(out)-1]
		if n, m := e.End-e.Start, last.End-last.Start; n > m || n == m && e.Score > last.Score {
			*last = e
		}
	}
	return out
}

package beam_test

import (
	"fmt"
	"log"
	"math"
	"strings"

	"github.com/seed2010d43f/transformer/sample"
	"github.com/seed2010d43f/transformer/sample/beam"
)

// words is a vocabulary, and follow what a small model knows: how often each word follows another.
var (
	words  = []string{"<end>", "the", "cat", "dog", "sat", "ran", "down"}
	follow = [][]float64{
		{1, 0, 0, 0, 0, 0, 0},
		{0, 0, 5, 4, 1, 0, 0},
		{3, 0, 0, 0, 4, 3, 0},
		{0, 0, 0, 0, 1, 9, 0},
		{4, 0, 0, 0, 0, 0, 6},
		{9, 0, 0, 0, 0, 0, 1},
		{8, 2, 0, 0, 0, 0, 0},
	}
)

// model gives the logits of the word after a text.
func model(text []int) []float32 {
	logits := make([]float32, len(words))
	for i, n := range follow[text[len(text)-1]] {
		logits[i] = float32(math.Log(n)) // −Inf for what never follows
	}
	return logits
}

func sentence(ids []int) string {
	var s []string
	for _, id := range ids {
		s = append(s, words[id])
	}
	return strings.Join(s, " ")
}

// the is the prompt of the examples. Word 0 ends a sentence.
var the = sample.Text{IDs: []int{1}, PromptLen: 1, EOS: []int{0}, MaxLength: 6}

// search runs a beam search to its end and returns the best texts.
func search(o beam.Options, p *sample.LogitsProcessors) []beam.Hypothesis {
	s, err := beam.New(o, p, the)
	if err != nil {
		log.Fatal(err)
	}
	texts := [][]int{the.IDs}
	for !s.Done() {
		var logits [][]float32
		for _, text := range texts {
			logits = append(logits, model(text))
		}
		next, err := s.Step(texts, logits)
		if err != nil {
			log.Fatal(err)
		}
		texts = beam.Continue(texts, next)
	}
	return s.Best(nil)
}

// After "the", "cat" is the likeliest word. But the likeliest sentence goes on with "dog": a search with two beams
// finds it.
func Example() {
	for _, n := range []int{1, 2} {
		for _, h := range search(beam.Options{NumBeams: n, NumReturnSequences: n}, nil) {
			fmt.Printf("%d beams: %s, %.3f\n", n, sentence(h.IDs), math.Exp(h.Score))
		}
	}
	// Output:
	// 1 beams: the cat sat down <end>, 0.096
	// 2 beams: the dog ran <end>, 0.324
	// 2 beams: the cat sat down <end>, 0.096
}

// A step says which running text each new one continues. What a model keeps of that text, such as its cache, goes with
// it.
func ExampleSearch_Step() {
	s, err := beam.New(beam.Options{NumBeams: 2}, nil, the)
	if err != nil {
		log.Fatal(err)
	}
	texts := [][]int{the.IDs} // one text and one row for all beams, which begin with the prompt
	logits := [][]float32{model(the.IDs)}
	for range 3 {
		next, err := s.Step(texts, logits)
		if err != nil {
			log.Fatal(err)
		}
		texts = beam.Continue(texts, next)
		logits = logits[:0]
		for i, n := range next {
			fmt.Printf("%d: text %d goes on with %q: %s\n", i, n.Parent, words[n.ID], sentence(texts[i]))
			logits = append(logits, model(texts[i]))
		}
	}
	// Output:
	// 0: text 0 goes on with "cat": the cat
	// 1: text 0 goes on with "dog": the dog
	// 0: text 1 goes on with "ran": the dog ran
	// 1: text 0 goes on with "sat": the cat sat
	// 0: text 1 goes on with "down": the cat sat down
	// 1: text 0 goes on with "down": the dog ran down
}

// A caller that stops before the end gets the running texts too.
func ExampleSearch_Best() {
	s, err := beam.New(beam.Options{NumBeams: 2, NumReturnSequences: 2}, nil, the)
	if err != nil {
		log.Fatal(err)
	}
	next, err := s.Step([][]int{the.IDs}, [][]float32{model(the.IDs)})
	if err != nil {
		log.Fatal(err)
	}
	texts := beam.Continue([][]int{the.IDs}, next)
	for _, h := range s.Best(texts) {
		fmt.Printf("%s, %.1f\n", sentence(h.IDs), math.Exp(h.Score))
	}
	// Output:
	// the cat, 0.5
	// the dog, 0.4
}

// Diverse beam search: groups of beams avoid each other's words.
func ExampleOptions_diverse() {
	for _, penalty := range []float64{0, 2} {
		for _, h := range search(beam.Options{
			NumBeams: 2, NumBeamGroups: 2, DiversityPenalty: penalty,
			LengthPenalty: 1, NumReturnSequences: 2,
		}, nil) {
			fmt.Println(penalty, sentence(h.IDs))
		}
	}
	// Output:
	// 0 the cat sat down <end>
	// 0 the cat sat down <end>
	// 2 the dog ran <end>
	// 2 the cat sat down <end>
}

// Stochastic beam search: each seed draws two different sentences, likely ones more often.
func ExampleOptions_stochastic() {
	for seed := range uint64(3) {
		for _, h := range search(beam.Options{
			NumBeams: 2, NumReturnSequences: 2,
			Sampling: &sample.Config{Temperature: 1, Seed: seed},
		}, nil) {
			fmt.Println(seed, sentence(h.IDs))
		}
	}
	// Output:
	// 0 the dog ran <end>
	// 0 the cat sat down <end>
	// 1 the dog ran <end>
	// 1 the cat sat down <end>
	// 2 the dog ran <end>
	// 2 the cat <end>
}

// A LengthPenalty above 0 prefers longer sentences. Without it the sum of log-probabilities counts, which every word
// makes smaller.
func ExampleOptions_lengthPenalty() {
	for _, penalty := range []float64{0, 2} {
		best := search(beam.Options{NumBeams: 4, LengthPenalty: penalty, EarlyStopping: beam.StopNever}, &sample.LogitsProcessors{
			BadWordsIDs: [][]int{{3}}, // no dog
		})[0]
		fmt.Printf("%v: %s, %.3f\n", penalty, sentence(best.IDs), best.Score)
	}
	// Output:
	// 0: the cat <end>, -1.897
	// 2: the cat sat down <end>, -0.146
}

// Processors confine what the search may say.
func ExampleNew() {
	best := search(beam.Options{NumBeams: 2, LengthPenalty: 1}, &sample.LogitsProcessors{
		BadWordsIDs:  [][]int{{3, 5}}, // no "dog ran"
		MinNewTokens: 3,
	})[0]
	fmt.Println(sentence(best.IDs))

	_, err := beam.New(beam.Options{NumBeams: 2000}, nil, the)
	fmt.Println(err)
	// Output:
	// the cat sat down <end>
	// beam: Options.NumBeams is 2000; it must be from 1 to 1024
}

package sample_test

import (
	"fmt"
	"log"
	"math"
	"strings"

	"github.com/seed2010d43f/transformer/sample"
)

// words is a vocabulary, and follow what a small model knows: for each word, how
// often others follow it.
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

// search runs a beam search to its end.
func search(c sample.BeamConfig, prompt ...int) *sample.Beams {
	b, err := sample.NewBeams(c, sample.Text{IDs: prompt, Prompt: len(prompt)})
	if err != nil {
		log.Fatal(err)
	}
	for !b.Done() {
		var logits [][]float32
		for _, text := range b.Texts() {
			logits = append(logits, model(text))
		}
		if _, err := b.Step(logits); err != nil {
			log.Fatal(err)
		}
	}
	return b
}

// After "the", "cat" is the likeliest word, but with "dog" the whole sentence is
// likelier: a search by two beams finds it.
func ExampleBeams() {
	for _, beams := range []int{1, 2} {
		b := search(sample.BeamConfig{
			Beams:  beams,
			Return: beams,
			Rules:  sample.Rules{EOS: []int{0}, MaxLength: 6},
		}, 1)
		for _, h := range b.Best() {
			fmt.Printf("%d beams: %s, %.3f\n", beams, sentence(h.IDs), math.Exp(h.Score))
		}
	}
	// Output:
	// 1 beams: the cat sat down <end>, 0.096
	// 2 beams: the dog ran <end>, 0.324
	// 2 beams: the cat sat down <end>, 0.096
}

// A step says which running text each new one continues, so that whatever a
// model keeps of a text, its cache for one, can follow.
func ExampleBeams_Step() {
	b, err := sample.NewBeams(sample.BeamConfig{
		Beams: 2,
		Rules: sample.Rules{EOS: []int{0}, MaxLength: 6},
	}, sample.Text{IDs: []int{1}, Prompt: 1})
	if err != nil {
		log.Fatal(err)
	}
	logits := [][]float32{model([]int{1})} // one row for all, which are the prompt
	for range 3 {
		next, err := b.Step(logits)
		if err != nil {
			log.Fatal(err)
		}
		logits = logits[:0]
		for i, s := range next {
			fmt.Printf("%d: text %d goes on with %q: %s\n", i, s.Parent, words[s.ID], sentence(b.Texts()[i]))
			logits = append(logits, model(b.Texts()[i]))
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

// Groups avoid each other's words.
func ExampleBeamConfig() {
	for _, diversity := range []float64{0, 2} {
		b := search(sample.BeamConfig{
			Beams: 2, Groups: 2, DiversityPenalty: diversity,
			LengthPenalty: 1, Return: 2,
			Rules: sample.Rules{EOS: []int{0}, MaxLength: 6},
		}, 1)
		for _, h := range b.Best() {
			fmt.Println(diversity, sentence(h.IDs))
		}
	}
	// Output:
	// 0 the cat sat down <end>
	// 0 the cat sat down <end>
	// 2 the dog ran <end>
	// 2 the cat sat down <end>
}

// The scores of a text's next token change before one is chosen.
func ExampleRules() {
	rules := sample.Rules{
		NoRepeatNGram: 2,               // no two words twice in a row
		BadWords:      [][]int{{2, 5}}, // no "cat ran"
		MinNew:        2,
		EOS:           []int{0},
	}
	if err := rules.Validate(); err != nil {
		log.Fatal(err)
	}
	text := []int{1, 2} // the cat
	scores := model(text)
	rules.Apply(scores, sample.Text{IDs: text, Prompt: 1})
	for id, s := range scores {
		if !math.IsInf(float64(s), -1) {
			fmt.Println(words[id])
		}
	}
	// Output:
	// sat
}

// Allowed confines a text to what a function permits.
func ExampleRules_Apply() {
	grammar := map[int][]int{1: {2, 3}, 2: {4}, 3: {5}, 4: {0}, 5: {0}}
	rules := sample.Rules{Allowed: func(text []int) []int { return grammar[text[len(text)-1]] }}
	s := sample.Greedy()
	text := []int{1}
	for text[len(text)-1] != 0 {
		scores := model(text)
		rules.Apply(scores, sample.Text{IDs: text, Prompt: 1})
		id, err := s.Next(scores)
		if err != nil {
			log.Fatal(err)
		}
		text = append(text, id)
	}
	fmt.Println(sentence(text))
	// Output:
	// the cat sat <end>
}

// What cannot work is named.
func ExampleRules_Validate() {
	rules := sample.Rules{RepetitionPenalty: -2}
	fmt.Println(rules.Validate())
	// Output:
	// sample: Rules.RepetitionPenalty is -2; it must be from 1e-30 to 1e+30 (0 and 1 are off)
}

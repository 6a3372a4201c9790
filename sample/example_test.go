package sample_test

import (
	"fmt"
	"log"
	"math"
	"slices"

	"github.com/seed2010d43f/transformer/sample"
)

// A model has read "I saw" and gives each of four words a logit. A low temperature draws the likely words more often.
func Example() {
	words := []string{"the", "a", "this", "one"}
	logits := []float32{3, 2, 1.5, 0.5}

	for _, temperature := range []float64{0, 1, 2} {
		s, err := sample.New(sample.Config{Temperature: temperature, Seed: 2})
		if err != nil {
			log.Fatal(err)
		}
		probs, err := s.Probabilities(nil, logits)
		if err != nil {
			log.Fatal(err)
		}
		var chosen [4]int
		for range 1000 {
			id, err := s.Next(logits)
			if err != nil {
				log.Fatal(err)
			}
			chosen[id]++
		}
		fmt.Printf("temperature %v\n", temperature)
		for id, word := range words {
			fmt.Printf("  %-4s  %.3f  %4d\n", word, probs[id], chosen[id])
		}
	}
	// Output:
	// temperature 0
	//   the   1.000  1000
	//   a     0.000     0
	//   this  0.000     0
	//   one   0.000     0
	// temperature 1
	//   the   0.598   605
	//   a     0.220   226
	//   this  0.133   118
	//   one   0.049    51
	// temperature 2
	//   the   0.423   429
	//   a     0.256   272
	//   this  0.200   176
	//   one   0.121   123
}

// Filters remove unlikely tokens before the draw.
func ExampleConfig() {
	logits := []float32{3, 2, 1.5, 0.5}
	for _, c := range []sample.Config{
		{Temperature: 1},
		{Temperature: 1, TopK: 3},
		{Temperature: 1, TopP: 0.8},
		{Temperature: 1, MinP: 0.3},
	} {
		s, err := sample.New(c)
		if err != nil {
			log.Fatal(err)
		}
		p, err := s.Probabilities(nil, logits)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%.3f\n", p)
	}
	// Output:
	// [0.598 0.220 0.133 0.049]
	// [0.629 0.231 0.140 0.000]
	// [0.731 0.269 0.000 0.000]
	// [0.731 0.269 0.000 0.000]
}

// An error names the field that is out of range.
func ExampleNew() {
	_, err := sample.New(sample.Config{Temperature: 0.7, TopP: 90})
	fmt.Println(err)
	// Output:
	// sample: Config.TopP is 90; it must be from 0 to 1 (0 and 1 are off)
}

func ExampleGreedy() {
	s := sample.Greedy()
	id, err := s.Next([]float32{0.5, 3, 2, 3})
	fmt.Println(id, err)
	// Output:
	// 1 <nil>
}

// The most likely tokens, with the probabilities that Next draws them with.
func ExampleSampler_TopN() {
	s, err := sample.New(sample.Config{Temperature: 1, TopK: 3})
	if err != nil {
		log.Fatal(err)
	}
	top, err := s.TopN(nil, []float32{0.5, 3, 1.5, 2}, 2)
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range top {
		fmt.Printf("token %d: %.3f\n", c.ID, c.Prob)
	}
	// Output:
	// token 1: 0.629
	// token 3: 0.231
}

// Two continuations of one text.
func ExampleSampler_Fork() {
	logits := make([]float32, 1000) // all equally likely
	s, err := sample.New(sample.Config{Temperature: 1, Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	same, other := s.Clone(), s.Fork(2)
	for _, s := range []*sample.Sampler{s, same, other} {
		var ids [4]int
		for i := range ids {
			id, err := s.Next(logits)
			if err != nil {
				log.Fatal(err)
			}
			ids[i] = id
		}
		fmt.Println(ids)
	}
	// Output:
	// [942 105 791 223]
	// [942 105 791 223]
	// [108 705 21 146]
}

// words is a vocabulary, and the logits are those of a model that has read "the cat".
var (
	words  = []string{"<end>", "the", "cat", "dog", "sat", "ran", "down"}
	theCat = []int{1, 2}
	logits = []float32{1.1, -9, -8, -9, 1.4, 1.2, -2}
)

// Processors change the logits of the next token as the text requires.
func ExampleLogitsProcessors() {
	p := sample.LogitsProcessors{
		NoRepeatNGramSize: 2,               // no two words in a row occur twice
		BadWordsIDs:       [][]int{{2, 5}}, // no "cat ran"
		MinNewTokens:      2,
	}
	text := sample.Text{IDs: theCat, PromptLen: 1, EOS: []int{0}}
	if err := p.Validate(text); err != nil {
		log.Fatal(err)
	}
	scores := slices.Clone(logits)
	p.Apply(scores, text)
	for id, word := range words {
		fmt.Printf("%-5s  %4.1f  %4.1f\n", word, logits[id], scores[id])
	}
	// Output:
	// <end>   1.1  -Inf
	// the    -9.0  -9.0
	// cat    -8.0  -8.0
	// dog    -9.0  -9.0
	// sat     1.4   1.4
	// ran     1.2  -Inf
	// down   -2.0  -2.0
}

// Each token goes through the processors, then through the sampler. PrefixAllowedTokens confines a text to a grammar.
func ExampleLogitsProcessors_Apply() {
	follows := map[int][]int{1: {2, 3}, 2: {4, 5}, 3: {5}, 4: {0, 6}, 5: {0}, 6: {0}}
	p := sample.LogitsProcessors{
		PrefixAllowedTokens: func(text []int) []int { return follows[text[len(text)-1]] },
	}
	s := sample.Greedy()
	text := sample.Text{IDs: []int{1}, PromptLen: 1}
	for last := 1; last != 0; {
		scores := slices.Clone(logits) // a model would compute them from text.IDs
		p.Apply(scores, text)
		var err error
		if last, err = s.Next(scores); err != nil {
			log.Fatal(err)
		}
		text.IDs = append(text.IDs, last)
		fmt.Print(words[last], " ")
	}
	fmt.Println()
	// Output:
	// cat sat <end>
}

// RepetitionPenalty looks at the prompt and at what is generated, once for each token. PresencePenalty and
// FrequencyPenalty look at what is generated.
func ExampleLogitsProcessors_penalties() {
	text := sample.Text{IDs: []int{0, 1, 1, 2}, PromptLen: 1}
	for _, p := range []sample.LogitsProcessors{
		{},
		{RepetitionPenalty: 2},
		{PresencePenalty: 0.5},
		{FrequencyPenalty: 0.5},
	} {
		scores := []float32{2, 2, -2, 2}
		p.Apply(scores, text)
		fmt.Println(scores)
	}
	// Output:
	// [2 2 -2 2]
	// [1 1 -4 2]
	// [2 1.5 -2.5 2]
	// [2 1 -2.5 2]
}

// A bias of one token adds to its logit anywhere. A bias of a longer sequence adds to its last token, where the tokens
// before it end the text.
func ExampleSequenceBias() {
	p := sample.LogitsProcessors{SequenceBias: []sample.SequenceBias{
		{IDs: []int{6}, Bias: 4},                        // "down"
		{IDs: []int{2, 5}, Bias: float32(math.Inf(-1))}, // "cat ran"
		{IDs: []int{3, 4}, Bias: 9},                     // "dog sat"
	}}
	scores := slices.Clone(logits)
	p.Apply(scores, sample.Text{IDs: theCat})
	for id, word := range words {
		if scores[id] != logits[id] {
			fmt.Println(word, logits[id], scores[id])
		}
	}
	// Output:
	// ran 1.2 -Inf
	// down -2 2
}

// An error names the field, and what the text does not say.
func ExampleLogitsProcessors_Validate() {
	p := sample.LogitsProcessors{RepetitionPenalty: -2}
	fmt.Println(p.Validate(sample.Text{}))
	p = sample.LogitsProcessors{ForcedEOS: []int{0}}
	fmt.Println(p.Validate(sample.Text{}))
	// Output:
	// sample: LogitsProcessors.RepetitionPenalty is -2; it must be from 1e-30 to 1e+30 (0 and 1 are off)
	// sample: LogitsProcessors.ForcedEOS is [0] and Text.MaxLength is 0; it must be the number of tokens of which these are the last
}

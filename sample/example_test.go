package sample_test

import (
	"fmt"
	"log"

	"github.com/seed2010d43f/transformer/sample"
)

// A model has read "I saw" and gives four words a logit each. The temperature
// says how far to trust it.
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

// Filters take away the tail before the draw.
func ExampleConfig() {
	logits := []float32{3, 2, 1.5, 0.5}
	for _, c := range []sample.Config{
		{Temperature: 1},
		{Temperature: 1, TopK: 3},
		{Temperature: 1, TopP: 0.8},
		{Temperature: 1, MinP: 0.3},
		{Temperature: 1, Bias: map[int]float32{3: 2.5}},
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
	// [0.386 0.142 0.086 0.386]
}

// A setting out of range is named.
func ExampleNew() {
	_, err := sample.New(sample.Config{Temperature: 0.7, TopP: 90})
	fmt.Println(err)
	// Output:
	// sample: TopP is 90; it must be from 0 to 1 (0 and 1 are off)
}

func ExampleGreedy() {
	s := sample.Greedy()
	id, err := s.Next([]float32{0.5, 3, 2, 3})
	fmt.Println(id, err)
	// Output:
	// 1 <nil>
}

// The likeliest tokens, with the probabilities they are drawn with.
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

// The repetition penalty looks at the prompt and at what is generated, the
// frequency penalty at the latter alone.
func ExampleSampler_Accept() {
	logits := []float32{2, 2, 2}
	s, err := sample.New(sample.Config{Temperature: 1, RepetitionPenalty: 2, FrequencyPenalty: 1})
	if err != nil {
		log.Fatal(err)
	}
	show := func() {
		p, err := s.Probabilities(nil, logits)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%.3f\n", p)
	}
	show()
	if err := s.Prompt(0); err != nil { // logits become 1 2 2
		log.Fatal(err)
	}
	show()
	if err := s.Accept(1, 1); err != nil { // 1 -1 2
		log.Fatal(err)
	}
	show()
	// Output:
	// [0.333 0.333 0.333]
	// [0.155 0.422 0.422]
	// [0.259 0.035 0.705]
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

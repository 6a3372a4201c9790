package model_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/sample"
	"github.com/seed2010d43f/transformer/sample/beam"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// openTiny opens the tiny decoder of the examples.
func openTiny() *model.Decoder {
	d, err := model.OpenDecoder(os.DirFS("../examples/internal/tiny/decoder"), model.Options{})
	if err != nil {
		log.Fatal(err)
	}
	return d
}

// A checkpoint's folder becomes a decoder, which continues a text.
func ExampleOpenDecoder() {
	d := openTiny()
	s := d.NewSession(model.SessionOptions{})
	for piece, err := range s.GenerateText(context.Background(), "The cat sat on the", sample.Greedy(), model.GenerateOptions{Stop: []string{" The sun"}}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(piece)
	}
	// Output: mat. The mat was soft.
}

// A fork shares what was read, and goes its own way from there.
func ExampleSession_Fork() {
	d := openTiny()
	ids, err := d.Tokenizer.Encode("Once upon a time, there was a little")
	if err != nil {
		log.Fatal(err)
	}
	s := d.NewSession(model.SessionOptions{})
	if err := s.Append(ids...); err != nil {
		log.Fatal(err)
	}
	for _, word := range []string{" girl", " boy"} {
		id, _ := d.Tokenizer.TokenID("Ġ" + word[1:])
		branch := s.Fork()
		var text []int
		for next, err := range branch.Generate(context.Background(), []int{id}, sample.Greedy(), model.GenerateOptions{MaxTokens: 1}) {
			if err != nil {
				log.Fatal(err)
			}
			text = append(text, next)
		}
		rest, err := d.Tokenizer.Decode(text, true)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s%s; the trunk still has %d tokens\n", word, rest, s.Len())
	}
	// Output:
	//  girl named; the trunk still has 9 tokens
	//  boy named; the trunk still has 9 tokens
}

// Several texts go through the model in one pass, without padding.
func ExampleDecoder_AppendBatch() {
	d := openTiny()
	var batch []model.Input
	for _, text := range []string{"The cat sat on the", "The animal didn't cross the"} {
		ids, err := d.Tokenizer.Encode(text)
		if err != nil {
			log.Fatal(err)
		}
		batch = append(batch, model.Input{Session: d.NewSession(model.SessionOptions{}), IDs: ids})
	}
	if err := d.AppendBatch(batch); err != nil {
		log.Fatal(err)
	}
	for _, in := range batch {
		id, err := sample.Greedy().Next(in.Session.Logits())
		if err != nil {
			log.Fatal(err)
		}
		token, _ := d.Tokenizer.Token(id)
		fmt.Println(token)
	}
	// Output:
	// Ġmat
	// Ġstreet
}

// An observer sees what it asks for; here, the attention weights of the first layer.
func ExampleSessionOptions() {
	d := openTiny()
	ids, err := d.Tokenizer.Encode("The cat sat on the")
	if err != nil {
		log.Fatal(err)
	}
	s := d.NewSession(model.SessionOptions{Observer: func(at attention.Point) func(tensor.Tensor) {
		if at.Stage != attention.StageWeights || at.Layer != 0 {
			return nil
		}
		return func(x tensor.Tensor) { fmt.Println("heads, queries, keys:", x.Shape) }
	}})
	if err := s.Append(ids...); err != nil {
		log.Fatal(err)
	}
	// Output: heads, queries, keys: [4, 5, 5]
}

// A recipe runs on random weights too: a config is all it takes.
func ExampleNewDecoder() {
	config := []byte(`{"model_type": "qwen3", "vocab_size": 1000, "hidden_size": 64, "intermediate_size": 128,
		"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16}`)
	d, err := model.NewDecoder(config, checkpoint.Random(1, tensor.BF16), model.Options{})
	if err != nil {
		log.Fatal(err)
	}
	s := d.NewSession(model.SessionOptions{})
	fmt.Println(s.Append(1, 2, 3), len(s.Logits()))
	fmt.Println(s.Append(1000))
	// Output:
	// <nil> 1000
	// model: token 0 has id 1000; the model's ids are 0 to 999
}

// An encoder gives the hidden states of texts, or what its head makes of them.
func ExampleOpenEncoder() {
	e, err := model.OpenEncoder(os.DirFS("../examples/internal/tiny/encoder"), model.Options{})
	if err != nil {
		log.Fatal(err)
	}
	ids, err := e.Tokenizer.Encode("The [MASK] sat on the mat")
	if err != nil {
		log.Fatal(err)
	}
	scores, err := e.TokenScores([]arch.Sequence{{IDs: ids}})
	if err != nil {
		log.Fatal(err)
	}
	id, err := sample.Greedy().Next(scores[0].Row(2)) // of the masked token
	if err != nil {
		log.Fatal(err)
	}
	word, _ := e.Tokenizer.Token(id)
	fmt.Println(e.Task, scores[0].Shape, word)
	// Output: masked LM [8, 876] cat
}

// A beam search finds texts that are more probable as a whole than the one that takes the likeliest token
// each time. It works for every decoder.
func ExampleSession_BeamSearch() {
	d := openTiny()
	ids, err := d.Tokenizer.Encode("The cat sat on the")
	if err != nil {
		log.Fatal(err)
	}
	beams := beam.Options{NumBeams: 4, NumReturnSequences: 2, LengthPenalty: 1}
	found, err := d.NewSession(model.SessionOptions{}).BeamSearch(context.Background(), ids, beams, model.GenerateOptions{MaxTokens: 6})
	if err != nil {
		log.Fatal(err)
	}
	for _, h := range found {
		text, err := d.Tokenizer.Decode(h.IDs, true)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%.2f %q\n", h.Score, text)
	}
	// Output:
	// -0.26 "The cat sat on the mat. The mat was soft"
	// -0.27 "The cat sat on the mat. It was a soft"
}

// An encoder reads the source once; any number of targets are written from it.
func ExampleEncoderDecoder() {
	m, err := model.OpenEncoderDecoder(os.DirFS("../examples/internal/tiny/translator"), model.Options{})
	if err != nil {
		log.Fatal(err)
	}
	ids, err := m.Encoder.Tokenizer.Encode("translate English to French: the black cat sat on the mat")
	if err != nil {
		log.Fatal(err)
	}
	sources, err := m.Encode(ids)
	if err != nil {
		log.Fatal(err)
	}
	s := m.NewSession(sources[0], model.SessionOptions{})
	for piece, err := range s.GenerateText(context.Background(), "", sample.Greedy(), model.GenerateOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(piece)
	}
	// Output: le chat noir était assis sur le tapis
}

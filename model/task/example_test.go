package task_test

import (
	"context"
	"fmt"
	"io/fs"
	"log"
	"os"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/task"
	"github.com/seed2010d43f/transformer/retrieval"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// folder is a checkpoint with random weights: what it answers has no meaning. A program has os.DirFS of a
// real one here.
func folder(name string) fs.FS { return task.Tiny(name) }

func ExampleFillMask() {
	f, err := task.OpenFillMask(folder("masked"), model.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	masks, err := f.Fill("The [MASK] sat on the mat.", 3)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, fill := range masks[0].Fills {
		fmt.Printf("%.2f %s\n", fill.Score, fill.Text)
	}
	// Output:
	// 0.30 ther sat on the mat.
	// 0.17 the reading sat on the mat.
	// 0.10 the 2 sat on the mat.
}

func ExampleClassifier() {
	c, err := task.OpenClassifier(folder("single"), model.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	labels, err := c.Classify("the wine is good", "slow and old bread")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, l := range labels {
		fmt.Printf("%s %.2f\n", l[0].Name, l[0].Score)
	}
	// Output:
	// good 0.59
	// good 0.73
}

func ExampleReranker() {
	r, err := task.OpenReranker(folder("one"), model.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	documents := []string{"bread and wine", "the capital of france is paris", "a dog"}
	ranked, err := r.Rerank("where is paris", documents...)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range ranked {
		fmt.Printf("%.2f %s\n", d.Score, documents[d.Document])
	}
	// Output:
	// 0.57 the capital of france is paris
	// 0.26 a dog
	// 0.24 bread and wine
}

func ExampleTagger() {
	t, err := task.OpenTagger(folder("tokens"), model.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	t.Strategy = task.First
	entities, err := t.Tag("John Smith lives in Berlin.")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range entities[0] {
		fmt.Printf("%s %.2f %d:%d %q\n", e.Label, e.Score, e.Start, e.End, e.Text)
	}
	// Output:
	// LOC 0.92 0:4 "John"
	// LOC 0.93 5:10 "Smith"
	// LOC 0.89 11:16 "lives"
	// LOC 0.89 17:19 "in"
	// LOC 0.88 20:26 "Berlin"
	// LOC 0.87 26:27 "."
}

func ExampleAggregate() {
	labels := []string{"O", "B-LOC", "I-LOC"}
	tokens := []task.TokenScores{
		{Span: tokenizer.Span{Start: 0, End: 3}, Scores: []float32{0.1, 0.8, 0.1}},                // New
		{Span: tokenizer.Span{Start: 4, End: 6}, Scores: []float32{0.3, 0.1, 0.6}},                // Yo
		{Span: tokenizer.Span{Start: 6, End: 8}, Scores: []float32{0.7, 0.1, 0.2}, Subword: true}, // rk
	}
	fmt.Println(len(task.Aggregate(tokens, labels, task.Simple)), "entities by token")
	for _, e := range task.Aggregate(tokens, labels, task.First) {
		fmt.Printf("%s %.2f %d:%d\n", e.Label, e.Score, e.Start, e.End)
	}
	// Output:
	// 2 entities by token
	// LOC 0.70 0:8
}

func ExampleAnswerer() {
	a, err := task.OpenAnswerer(folder("answers"), model.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	answers, err := a.Answer("Where does John live?", "John Smith lives in Berlinville, the old capital.", 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, x := range answers {
		fmt.Printf("%.3f %d:%d %q\n", x.Score, x.Start, x.End, x.Text)
	}
	// Output:
	// 0.016 0:19 "John Smith lives in"
	// 0.015 20:31 "Berlinville"
}

func ExampleNextSentence() {
	n, err := task.OpenNextSentence(folder("next"), model.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := n.Follows(task.Pair{First: "The cat sat on the mat.", Second: "It was a red mat."})
	fmt.Printf("%.2f %v\n", p, err)
	// Output:
	// [0.89] <nil>
}

func ExampleMultipleChoice() {
	m, err := task.OpenMultipleChoice(folder("choice"), model.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := m.Choose("where does he live", "in Berlin", "the wine is old and red")
	fmt.Printf("%.2f %v\n", p, err)
	// Output:
	// [0.53 0.47] <nil>
}

func ExampleEmbedder() {
	e, err := task.OpenEmbedder(folder("features"), model.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	x, err := e.Encode("the cat sat on the mat", "a cat sat on a mat", "rain in the north of germany")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(x.Shape)
	fmt.Printf("%.2f %.2f\n", retrieval.Cosine(x.Row(0), x.Row(1)), retrieval.Cosine(x.Row(0), x.Row(2)))
	// Output:
	// [3, 32]
	// 0.96 0.92
}

func ExampleM3() {
	m, err := task.OpenM3(task.TinyM3(), model.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	x, err := m.Encode("the cat sat", "a cat sat on a mat")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(x[0].Dense), x[0].Vectors.Shape)
	fmt.Printf("dense %.2f, sparse %.2f, vectors %.2f\n", retrieval.Cosine(x[0].Dense, x[1].Dense), retrieval.Lexical(x[0].Sparse, x[1].Sparse),
		retrieval.MaxSim(x[0].Vectors, x[1].Vectors))
	// Output:
	// 32 [4, 24]
	// dense 0.77, sparse 0.12, vectors 0.83
}

func ExamplePooling() {
	hidden := tensor.From([]float32{1, 5, 3, 1}, 2, 2) // two tokens
	row := make([]float32, 2)
	task.PoolMean.Forward(row, hidden, 0)
	fmt.Println("mean", row)
	task.PoolMax.Forward(row, hidden, 0)
	fmt.Println("max", row)
	// Output:
	// mean [2 3]
	// max [3 5]
}

func ExampleScoreFunc() {
	logits := tensor.From([]float32{0, 1.0986123}, 1, 2)
	task.Softmax.Apply(logits)
	fmt.Printf("%.2f\n", logits.Data)
	// Output:
	// [0.25 0.75]
}

func ExamplePreprocessor() {
	c, err := task.OpenClassifier(folder("single"), model.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	batch, err := c.ReadPairs(task.Pair{First: "the cat", Second: "a dog"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(batch[0].IDs, batch[0].Types)
	logits, err := c.Encoder.SequenceScores(batch)
	fmt.Println(logits.Shape, err)
	// Output:
	// [2 87 116 3 15 117 3] [0 0 0 0 1 1 1]
	// [1, 3] <nil>
}

// The tiny translator of the examples writes French, with four beams, as its checkpoint asks for.
func ExampleTextToText() {
	t, err := task.OpenTextToText(os.DirFS("../../examples/internal/tiny/translator"), model.Options{})
	if err != nil {
		log.Fatal(err)
	}
	t, err = t.Task("translate English to French")
	if err != nil {
		log.Fatal(err)
	}
	all, err := t.GenerateAll(context.Background(), []string{"the cat sat on the mat", "The black dog was not sleeping."})
	if err != nil {
		log.Fatal(err)
	}
	for _, texts := range all {
		fmt.Println(texts[0].Text)
	}
	// Output:
	// le chat était assis sur le tapis
	// Le chien noir ne dormait pas.
}

package task_test

import (
	"fmt"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/task"
	"github.com/seed2010d43f/transformer/retrieval"
)

// A model for natural language inference, such as bart-large-mnli, gives texts labels that it was not trained for.
func ExampleZeroShot() {
	z, err := task.OpenZeroShot(task.Published("BART for NLI"), model.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	z.Template = "This text is about {}."
	labels, err := z.Classify("the wine is good", "travel", "cooking")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, l := range labels {
		fmt.Printf("%s %.2f\n", l.Name, l.Score)
	}
	// Output:
	// travel 0.64
	// cooking 0.36
}

// A decoder is asked whether a document fits. For Qwen3-Reranker the prompt is task.Qwen3Reranker("").
func ExampleLMReranker() {
	prompt := task.RerankPrompt{Prefix: "<s>", BeforeQuery: "query: ", BeforeDocument: "\ndocument: ", Suffix: "\nanswer: ", Yes: "y", No: "n"}
	r, err := task.OpenLMReranker(task.Published("decoder asked yes or no"), model.Options{}, prompt)
	if err != nil {
		fmt.Println(err)
		return
	}
	ranked, err := r.Rerank("where does john live", "john lives in berlin", "the wine is red")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range ranked {
		fmt.Printf("document %d: %.2f\n", d.Document, d.Score)
	}
	// Output:
	// document 0: 0.78
	// document 1: 0.48
}

// Vectors may be shortened, compared as the model was trained for, and kept as bytes or bits.
func ExampleEmbedder_Truncate() {
	e, err := task.OpenEmbedder(task.Published("last token and instruction"), model.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	e.Truncate(16)
	query, err := e.EncodeQuery("where does john live")
	if err != nil {
		fmt.Println(err)
		return
	}
	documents, err := e.EncodeDocument("john lives in berlin", "the wine is red")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(e.Dim, e.Similarity)
	fmt.Printf("%.2f\n", e.Similarity.Matrix(query, documents).Data)
	fmt.Println(retrieval.Ubinary(query))
	// Output:
	// 16 dot
	// [0.24 0.05]
	// [[225 74]]
}

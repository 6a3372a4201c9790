package main

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/cost"
	"github.com/seed2010d43f/transformer/examples/internal/tiny"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/moe"
)

// stored is a zip archive: in sparse, the mixture with the tokenizer of both models; in dense, its twin; heldout.txt is a
// text that neither has seen.
//
//go:embed models.zip
var stored []byte

func archive() (*zip.Reader, error) {
	return zip.NewReader(bytes.NewReader(stored), int64(len(stored)))
}

// network is a decoder with the number of its parameters.
type network struct {
	*model.Decoder
	parameters, active int64 // in all, and for one token
}

// open returns the decoder in a folder, with its tokenizer, or the tiny mixture if folder is empty.
func open(folder string) (*network, error) {
	if folder == "" {
		return embedded("sparse")
	}
	d, err := tiny.Open(folder)
	if err != nil {
		return nil, err
	}
	return counted(d, os.DirFS(folder))
}

// embedded returns the tiny mixture, "sparse", or its twin, "dense". Both have one tokenizer, which is stored once.
func embedded(name string) (*network, error) {
	files, err := archive()
	if err != nil {
		return nil, err
	}
	fsys, err := fs.Sub(files, name)
	if err != nil {
		return nil, err
	}
	d, err := model.OpenDecoder(fsys, model.Options{})
	if err != nil {
		return nil, err
	}
	return counted(d, fsys)
}

func counted(d *model.Decoder, fsys fs.FS) (*network, error) {
	c, err := cost.Open(fsys, model.Options{})
	if err != nil {
		return nil, err
	}
	return &network{d, c.Parameters, c.Active}, nil
}

// heldOut returns the tokens of the first of the stored documents, at most so many, each with the token that ends it.
func heldOut(d *network, most int) ([][]int, error) {
	if most < 1 {
		return nil, fmt.Errorf("-documents %d: at least one is needed", most)
	}
	files, err := archive()
	if err != nil {
		return nil, err
	}
	text, err := fs.ReadFile(files, "heldout.txt")
	if err != nil {
		return nil, err
	}
	var documents [][]int
	for document := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n\n") {
		ids, err := d.Tokenizer.Encode(document)
		if err != nil {
			return nil, err
		}
		if len(d.Generation.EOS) > 0 {
			ids = append(ids, d.Generation.EOS[0])
		}
		if documents = append(documents, ids); len(documents) == most {
			break
		}
	}
	return documents, nil
}

// route reads documents and returns which experts their tokens went to, in one record from the first token to the last.
func route(d *network, documents [][]int) (*moe.Record, error) {
	r := new(moe.Record)
	_, err := losses(d, documents, r)
	return r, err
}

// losses returns the loss of each document in nats, the sum over its tokens but the first. A record gets the routing.
func losses(d *network, documents [][]int, r *moe.Record) ([]float64, error) {
	var opt model.SessionOptions
	if r != nil {
		opt.Observer = r.Observe
	}
	sums := make([]float64, len(documents))
	for i, ids := range documents {
		logits, err := d.NewSession(opt).Extend(ids...) // [T, V]
		if err != nil {
			return nil, err
		}
		for t, next := range ids[1:] {
			sums[i] += loss(logits.Row(t), next)
		}
	}
	return sums, nil
}

// loss returns −log of the probability of a token.
func loss(logits []float32, id int) float64 {
	high, sum := float64(slices.Max(logits)), 0.0
	for _, x := range logits {
		sum += math.Exp(float64(x) - high)
	}
	return high + math.Log(sum) - float64(logits[id])
}

// compare prints the loss of a mixture on the documents, and that of the dense twin if both have one tokenizer. It
// returns where the tokens of the documents were sent.
func compare(w io.Writer, d *network, documents [][]int) (*moe.Record, error) {
	routing := new(moe.Record)
	own, err := losses(d, documents, routing)
	if err != nil {
		return nil, err
	}
	tokens := -len(documents) // the first of each is given
	for _, ids := range documents {
		tokens += len(ids)
	}
	fmt.Fprintf(w, "loss on %d documents, %d tokens, that were kept out of the training:\n", len(documents), tokens)
	report(w, "mixture of experts", d, sum(own)/float64(tokens))
	twin, err := twinOf(d)
	if twin == nil || err != nil {
		return routing, err
	}
	theirs, err := losses(twin, documents, nil)
	if err != nil {
		return nil, err
	}
	report(w, "its dense twin", twin, sum(theirs)/float64(tokens))
	better := 0
	for i := range own {
		if own[i] < theirs[i] {
			better++
		}
	}
	name, by := "mixture", (sum(theirs)-sum(own))/float64(tokens)
	if by < 0 {
		name, by, better = "dense twin", -by, len(own)-better
	}
	fmt.Fprintf(w, "The %s is better: by %.4f in all, and on %d of the %d documents.\n", name, by, better, len(own))
	return routing, nil
}

func report(w io.Writer, name string, d *network, loss float64) {
	fmt.Fprintf(w, "  %-18s  %.4f nats a token; %d parameters, of which a token uses %d\n", name, loss, d.parameters, d.active)
}

// twinOf returns the dense twin of the tiny mixture. It is nil if d reads texts as other tokens: a loss for each
// token then says nothing.
func twinOf(d *network) (*network, error) {
	mixture, err := embedded("sparse")
	if err != nil {
		return nil, err
	}
	for id := range mixture.Vocab {
		want, _ := mixture.Tokenizer.Token(id)
		if got, _ := d.Tokenizer.Token(id); got != want || d.Vocab != mixture.Vocab {
			return nil, nil
		}
	}
	return embedded("dense")
}

func sum(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v
	}
	return s
}

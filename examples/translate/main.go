// Translate translates each text with an encoder–decoder. It also draws the alignment of the first one: for each word
// of the translation, the words of the source that the decoder looked at. The tiny model knows a few hundred words,
// which are in examples/internal/tiny/train/translator/words.py.
//
//	go run ./examples/translate
//	go run ./examples/translate "the black dog was sleeping under the table"
//	go run ./examples/translate -task "translate French to English" "nous n'avons pas faim"
//	go run ./examples/translate -model ~/models/t5-small -task "translate English to French" "The house is wonderful."
//	go run ./examples/translate -model ~/models/bart-large-cnn -o "" < article.txt
//	go run ./examples/translate -model ~/models/nllb-200-distilled-600M -from eng_Latn -to fra_Latn "Hello, world."
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/examples/internal/cli"
	"github.com/seed2010d43f/transformer/examples/internal/plot"
	"github.com/seed2010d43f/transformer/examples/internal/tiny"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/task"
	"github.com/seed2010d43f/transformer/tensor"
)

// options are the flags.
type options struct {
	model, task, from, to, out string
	beams, layer, head, most   int
	scores                     bool
}

func main() {
	var o options
	flag.StringVar(&o.model, "model", "", "`DIR` with the checkpoint of a T5, BART, mBART, Marian, Pegasus, M2M-100 or NLLB; without it the tiny model of the repository runs")
	flag.StringVar(&o.task, "task", "", "`TASK` of the checkpoint, by its name or the beginning of its prefix, such as translate or summarize")
	flag.StringVar(&o.from, "from", "", "`CODE` of the source's language, for models of many languages")
	flag.StringVar(&o.to, "to", "", "`CODE` of the language to translate into")
	flag.StringVar(&o.out, "o", "alignment.png", "picture to write, a PNG `FILE`; empty writes none")
	flag.IntVar(&o.beams, "beams", 0, "search with `N` beams; 0 is what the checkpoint says")
	flag.IntVar(&o.layer, "layer", -1, "draw the attention of decoder layer `N`; -1 draws all layers, or the best one of the tiny model")
	flag.IntVar(&o.head, "head", -1, "draw head `N` of the layer; -1 draws the mean of all")
	flag.IntVar(&o.most, "max-tokens", 0, "write at most `N` tokens; 0 is what the checkpoint says")
	flag.BoolVar(&o.scores, "scores", false, "print the score of each text that a beam search found")
	texts := cli.Parse("[TEXT ...]", "Translate translates each TEXT, or does another task of its checkpoint, such as a summary; with -model and without TEXT it reads one text a line from the standard input.")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	cli.Exit(run(ctx, os.Stdout, os.Stdin, o, texts))
}

// samples are what the tiny model translates without TEXT.
var samples = []string{"the black cat sat on the mat", "the cat sat on the mat", "the girl does not see the big red house"}

func run(ctx context.Context, w io.Writer, in io.Reader, o options, texts []string) error {
	t, err := open(o)
	if err != nil {
		return err
	}
	switch {
	case len(texts) == 0 && o.model == "":
		texts = samples
	case len(texts) == 0:
		if texts, err = readLines(in); err != nil {
			return err
		}
	}
	written, err := t.GenerateAll(ctx, texts)
	if err != nil {
		return err
	}
	for i, out := range written {
		for _, x := range out {
			if o.scores {
				fmt.Fprintf(w, "%.3f ", x.Score)
			}
			fmt.Fprintln(w, x.Text)
		}
		if len(out) == 0 {
			return fmt.Errorf("nothing was written for text %d", i)
		}
	}
	if o.out == "" || len(written) == 0 {
		return nil
	}
	return align(w, t, t.Prefix+texts[0], written[0][0].IDs, o)
}

// open returns the model, set to the task and the languages of the flags.
func open(o options) (*task.TextToText, error) {
	t, err := tiny.Translator(o.model)
	if err != nil {
		return nil, err
	}
	if o.model == "" && o.task == "" {
		o.task = "translation_en_to_fr"
	}
	if o.task != "" {
		if t, err = t.Task(o.task); err != nil {
			return nil, err
		}
	}
	if o.to != "" || o.from != "" {
		if o.to == "" {
			return nil, errors.New("-from needs -to, the language to translate into")
		}
		if t, err = t.Translate(o.from, o.to); err != nil {
			return nil, err
		}
	}
	t.Options.MaxTokens = o.most
	if o.beams > 0 {
		g := t.Model.Decoder.Generation
		g.Beams.NumBeams = o.beams
		t.Model = t.Model.WithGeneration(g)
	}
	return t, nil
}

// readLines returns the lines that are not empty.
func readLines(in io.Reader) ([]string, error) {
	var lines []string
	s := bufio.NewScanner(in)
	s.Buffer(nil, 16<<20)
	for s.Scan() {
		if line := strings.TrimSpace(s.Text()); line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 && s.Err() == nil {
		return nil, errors.New("nothing to read: give texts as arguments, or one a line on the standard input")
	}
	return lines, s.Err()
}

// align lets the decoder read the target that it has written, and draws what it attends to.
func align(w io.Writer, t *task.TextToText, text string, target []int, o options) error {
	m := t.Model
	source, err := m.Encoder.Tokenizer.Encode(text)
	if err != nil {
		return err
	}
	const most = 200 // tokens: a picture has no room for more
	if len(source) > most || len(target) > most {
		fmt.Fprintf(w, "no picture: %d and %d tokens; at most %d can be drawn\n", len(source), len(target), most)
		return nil
	}
	if o.layer >= len(m.Decoder.Blocks) {
		return fmt.Errorf("-layer %d: the decoder has layers 0 to %d", o.layer, len(m.Decoder.Blocks)-1)
	}
	maps, err := crossWeights(m, source, target)
	if err != nil {
		return err
	}
	if o.model == "" && o.layer < 0 && o.head < 0 {
		o.layer, o.head = tiny.AlignmentLayer, tiny.AlignmentHead
	}
	picture := plot.HeatMap{
		Title:   "Attention to the source",
		Caption: "Each row is a token written, its cells are the tokens read.",
		Key:     "attention weight",
		Rows:    labels(m, target), Cols: labels(m, source), Across: 3,
	}
	for l, x := range maps {
		if o.layer >= 0 && l != o.layer {
			continue
		}
		if o.head >= x.Shape[0] {
			return fmt.Errorf("-head %d: a layer has heads 0 to %d", o.head, x.Shape[0]-1)
		}
		picture.Panels = append(picture.Panels, panel(l, o.head, x))
	}
	if err := picture.WritePNG(o.out); err != nil {
		return err
	}
	fmt.Fprintln(w, "wrote", o.out)
	return nil
}

// crossWeights returns the attention weights of each decoder layer, [H, T, S]: row i is what the layer
// looked at when token i of the target was to be written.
func crossWeights(m *model.EncoderDecoder, source, target []int) ([]tensor.Tensor, error) {
	read, err := m.Encode(source)
	if err != nil {
		return nil, err
	}
	maps := make([]tensor.Tensor, len(m.Decoder.Blocks))
	s := m.NewSession(read[0], model.SessionOptions{Observer: func(at attention.Point) func(tensor.Tensor) {
		if at.Stage != attention.StageCrossWeights {
			return nil
		}
		return func(x tensor.Tensor) {
			maps[at.Layer] = tensor.From(append([]float32(nil), x.Data...), x.Shape[0], x.Shape[1], x.Shape[2])
		}
	}})
	before := append([]int{*m.Decoder.Generation.Start}, target...)
	return maps, s.Append(before[:len(target)]...)
}

// panel shows a head of layer l, or the mean of its heads.
func panel(l, head int, x tensor.Tensor) plot.Panel {
	heads, rows := x.Shape[0], x.Shape[1]
	p := plot.Panel{Title: fmt.Sprintf("layer %d, mean of %d heads", l, heads)}
	from, to := 0, heads
	if head >= 0 {
		p.Title = fmt.Sprintf("layer %d, head %d", l, head)
		from, to = head, head+1
	}
	for i := range rows {
		sum := make([]float32, x.Shape[2])
		for h := from; h < to; h++ {
			for j, v := range x.Row(h*rows + i) {
				sum[j] += v / float32(to-from)
			}
		}
		p.Values = append(p.Values, sum)
	}
	return p
}

func labels(m *model.EncoderDecoder, ids []int) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i], _ = m.Encoder.Tokenizer.Token(id)
		out[i] = strings.TrimPrefix(out[i], "▁")
	}
	return out
}

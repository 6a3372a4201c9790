package task

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// tiny is the folder of the examples' decoder, which has a tokenizer without BOS.
var tiny = filepath.FromSlash("../../examples/internal/tiny/decoder")

func storyteller(t *testing.T, dir string) *model.Decoder {
	d, err := model.OpenDecoder(os.DirFS(dir), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The perplexity is that of the definition: windows apart, the second half counted, BOS first.
func TestPerplexity(t *testing.T) {
	t.Run("without BOS", func(t *testing.T) { testPerplexity(t, storyteller(t, tiny), false) })
	t.Run("with BOS", func(t *testing.T) {
		fixtures := os.Getenv("TRANSFORMER_FIXTURES")
		if fixtures == "" {
			t.Skip("TRANSFORMER_FIXTURES is not set")
		}
		d := storyteller(t, filepath.Join(fixtures, "stories260K"))
		folder := fstest.MapFS{"tokenizer_config.json": {Data: []byte(`{"tokenizer_class": "LlamaTokenizer", "add_bos_token": true, "bos_token": "<s>"}`)}}
		var err error
		if folder["tokenizer.model"], err = fileData(filepath.Join(fixtures, "stories260K", "tokenizer.model")); err != nil {
			t.Fatal(err)
		}
		if d.Tokenizer, err = tokenizer.Open(folder); err != nil {
			t.Fatal(err)
		}
		testPerplexity(t, d, true)
	})
}

func fileData(name string) (*fstest.MapFile, error) {
	data, err := os.ReadFile(name)
	return &fstest.MapFile{Data: data}, err
}

func testPerplexity(t *testing.T, d *model.Decoder, marked bool) {
	text := strings.Repeat("Tom and Lily went to the park. They saw a big dog. ", 12)
	ids, err := d.Tokenizer.Encode(text)
	if err != nil {
		t.Fatal(err)
	}
	if bos := d.Tokenizer.Special().BOS; len(ids) < 3*40 || (ids[0] == bos) != marked {
		t.Fatalf("%d tokens, the first is %d, BOS is %d", len(ids), ids[0], bos)
	}
	const window = 40
	sum, n := 0.0, 0
	for w := range 3 {
		in := ids[w*window : (w+1)*window]
		if marked {
			in[0] = ids[0]
		}
		logits, err := d.NewSession(model.SessionOptions{}).Extend(in...)
		if err != nil {
			t.Fatal(err)
		}
		for i := window / 2; i < window-1; i++ {
			total := 0.0
			for _, v := range logits.Row(i) {
				total += math.Exp(float64(v))
			}
			sum -= float64(logits.Row(i)[in[i+1]]) - math.Log(total)
			n++
		}
	}
	calls := 0
	p, err := MeasurePerplexity(context.Background(), d, text, PerplexityOptions{Window: window, Windows: 3, Progress: func(done, total int, p Perplexity) {
		if calls++; done != calls || total != 3 || p.Tokens != 19*done {
			t.Errorf("call %d: window %d of %d, %d tokens", calls, done, total, p.Tokens)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := math.Exp(sum / float64(n))
	if p.Tokens != n || math.Abs(p.Value()/want-1) > 1e-6 || p.Error <= 0 { // the sum of float32 logits in another order
		t.Errorf("%v, want a perplexity of %v on %d tokens", p, want, n)
	}
	if calls != 3 {
		t.Errorf("%d calls of Progress", calls)
	}
}

func TestPerplexityErrors(t *testing.T) {
	d := storyteller(t, tiny)
	for want, o := range map[string]PerplexityOptions{"less than a window of 512": {}, "windows of 3 tokens": {Window: 3}} {
		if _, err := MeasurePerplexity(context.Background(), d, "Once upon a time", o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error with %q", err, want)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := MeasurePerplexity(ctx, d, "Once upon a time", PerplexityOptions{Window: 4}); err != context.Canceled {
		t.Errorf("stopped: %v", err)
	}
	d.Tokenizer = nil
	if _, err := MeasurePerplexity(context.Background(), d, "Once upon a time", PerplexityOptions{Window: 4}); err == nil || !strings.Contains(err.Error(), "no tokenizer") {
		t.Errorf("no tokenizer: %v", err)
	}
}

package benchmarks

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/sample"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// blipBase is the shape of BLIP base for captions.
const blipBase = `{"model_type": "blip", "architectures": ["BlipForConditionalGeneration"],
	"vision_config": {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12, "image_size": 384, "patch_size": 16},
	"text_config": {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12, "vocab_size": 30524}}`

// A caption has as many tokens, of which none is the last before its time.
const captionTokens = 20

// BenchmarkCaption is one caption of 20 tokens of a picture of 384×384 pixels, by a BLIP base with random weights.
//
//   - tower: the encoder of pictures, and the keys and values that the decoder's layers need of it. The share of the peak
//     is that of the products, and of attention.
//   - decoding: the tokens, one by one. %bandwidth is of the decoder's weights and of these keys and values.
//   - whole: both, with each part's milliseconds.
func BenchmarkCaption(b *testing.B) {
	m, err := model.NewImageToText([]byte(blipBase), checkpoint.Random(1, tensor.F32), model.Options{})
	if err != nil {
		b.Fatal(err)
	}
	picture := tensor.New(3, 384, 384)
	for i := range picture.Data {
		picture.Data[i] = float32(i%255)/128 - 1
	}
	look := func() *model.Seen {
		seen, err := m.Look(picture)
		if err != nil {
			b.Fatal(err)
		}
		return seen[0]
	}
	write := func(v *model.Seen) {
		if err := caption(m, v); err != nil {
			b.Fatal(err)
		}
	}
	seen := look()
	run(b, "tower", func(b *testing.B) {
		meter := newMeter(b, ofPeak(towerFlops(m, seen)))
		for b.Loop() {
			m.Release(look())
			meter.lap()
		}
		meter.report()
	})
	run(b, "decoding", func(b *testing.B) {
		meter := newMeter(b, ofBandwidth(captionTokens*float64(stepBytes(m.Writer, seen.Hidden.Rows()))))
		for b.Loop() {
			write(seen)
			meter.lap()
		}
		meter.report()
		perSecond(b, "tok/s", captionTokens)
	})
	run(b, "whole", func(b *testing.B) {
		var tower time.Duration
		for b.Loop() {
			start := time.Now()
			v := look()
			tower += time.Since(start)
			write(v)
			m.Release(v)
		}
		b.ReportMetric(1e3*tower.Seconds()/float64(b.N), "ms-tower")
		b.ReportMetric(1e3*(b.Elapsed()-tower).Seconds()/float64(b.N), "ms-decoding")
	})
}

func caption(m *model.ImageToText, v *model.Seen) error {
	s, err := m.NewSession(v, model.Question{}, model.SessionOptions{})
	if err != nil {
		return err
	}
	o := model.GenerateOptions{MaxTokens: captionTokens, Processors: &sample.LogitsProcessors{MinNewTokens: captionTokens}}
	for _, err := range s.Generate(context.Background(), nil, nil, o) {
		if err != nil {
			return err
		}
	}
	if s.Len() != 1+captionTokens {
		return fmt.Errorf("a caption of %d tokens, expected %d", s.Len(), 1+captionTokens)
	}
	return nil
}

// towerFlops returns the operations of the tower, and of the keys and values of a picture for the decoder.
func towerFlops(m *model.ImageToText, v *model.Seen) float64 {
	w := m.Image.Work(384/16, 384/16)
	n := 0.0
	for _, p := range w.Products {
		n += 2 * float64(p.Rows) * float64(p.Weight.In) * float64(p.Weight.Out)
	}
	for _, p := range w.Pairs {
		n += 2 * float64(p.Heads) * float64(p.Pairs) * float64(p.KeyDim+p.ValueDim)
	}
	rows := v.Hidden.Rows()
	d := m.Writer
	return n + 2*float64(rows)*float64(len(d.Blocks))*float64(2*d.Dim)*float64(m.Image.Dim)
}

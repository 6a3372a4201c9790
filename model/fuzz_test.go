package model_test

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
)

// FuzzConfig opens any config.json on the weights of a golden case: it must give an error, or a model
// that reads a text, within bounds of time and memory.
func FuzzConfig(f *testing.F) {
	all := goldens(f)
	for i, g := range all {
		f.Add([]byte(g.Config), uint8(i))
	}
	f.Add([]byte(`{"model_type": "llama"}`), uint8(0))
	f.Fuzz(func(t *testing.T, config []byte, i uint8) {
		g := &all[int(i)%len(all)]
		err := g.open(t, config)
		if err != nil && !knownPrefix(err) {
			t.Errorf("error %v", err)
		}
	})
}

// FuzzSeq2SeqConfig opens any config.json of an encoder–decoder, as FuzzConfig does, and lets it write.
func FuzzSeq2SeqConfig(f *testing.F) {
	all := slices.DeleteFunc(seq2seqGoldens(f), func(g seq2seqGolden) bool { return g.decoderOnly() })
	for i, g := range all {
		f.Add([]byte(g.Config), uint8(i))
	}
	for _, family := range model.EncoderDecoders() {
		f.Add([]byte(`{"model_type": "`+family+`"}`), uint8(0))
	}
	f.Fuzz(func(t *testing.T, config []byte, i uint8) {
		src := all[int(i)%len(all)].weights(t, tensor.F32)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		m, err := model.NewEncoderDecoder(config, src, model.Options{})
		if took := time.Since(start); took > 5*time.Second {
			t.Fatalf("opening takes %v", took)
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > uint64(64<<20+50*len(config)) {
			t.Fatalf("opening allocates %d bytes", n)
		}
		if err != nil {
			if !knownPrefix(err) || len(err.Error()) > 5_000 {
				t.Errorf("error %.300v", err)
			}
			return
		}
		read, err := m.Encode([]int{0, m.Encoder.Vocab - 1})
		if err != nil {
			if !strings.Contains(err.Error(), "at most") {
				t.Errorf("reading: %v", err)
			}
			return
		}
		b := m.Decoder.Generation.Beams
		b.Beams, b.Groups, b.Return, b.DiversityPenalty, b.Sampling = 2, 0, 1, 0, nil
		_, err = m.NewSession(read[0], model.SessionOptions{}).BeamSearch(context.Background(), []int{0}, b, model.GenerateOptions{MaxTokens: 3})
		if err != nil && !knownPrefix(err) && !strings.HasPrefix(err.Error(), "sample: ") {
			t.Errorf("writing: %v", err)
		}
	})
}

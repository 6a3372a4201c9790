package model_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// FuzzConfig opens any config.json on the weights of a golden case: it must give an error, or a model
// that reads a text, within bounds of time and memory.
func FuzzConfig(f *testing.F) {
	all := goldens(f)
	for i, g := range all {
		f.Add([]byte(g.Config), uint8(i))
	}
	f.Add([]byte(`{"model_type": "llama"}`), uint8(0))
	f.Add([]byte(`{"model_type": "gpt2", "layer_types": [""`+strings.Repeat(`,""`, 1000)+`], "rope_scaling": {"short_factor": [1`+strings.Repeat(",1", 1000)+`]}}`), uint8(0))
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
	var sources []checkpoint.Source
	for _, g := range all {
		sources = append(sources, g.weights(f, tensor.F32))
	}
	for i, g := range all {
		f.Add([]byte(g.Config), uint8(i))
	}
	for _, family := range model.EncoderDecoders() {
		f.Add([]byte(`{"model_type": "`+family+`"}`), uint8(0))
	}
	for i, g := range all {
		f.Add(encode(with(object{"relative_attention_max_distance": []byte("1048576"), "num_beams": []byte("1000"), "max_position_embeddings": []byte("1073741824"),
			"task_specific_params": []byte(`{"a": 0, "b": {"bad_words_ids": [[1]]}}`)}, "model_type", `"`+g.Family+`"`)), uint8(i))
	}
	f.Fuzz(func(t *testing.T, config []byte, i uint8) {
		src := sources[int(i)%len(all)]
		var m *model.EncoderDecoder
		var err error
		bounded(t, 64<<20+50*len(config), func() { m, err = model.NewEncoderDecoder(config, src, model.Options{}) })
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
		if m.Classifier != nil {
			return // and no head to write with
		}
		_, err = m.NewSession(read[0], model.SessionOptions{}).BeamSearch(context.Background(), []int{0}, b, model.GenerateOptions{MaxTokens: 3})
		if err != nil && !knownPrefix(err) && !strings.HasPrefix(err.Error(), "sample: ") {
			t.Errorf("writing: %v", err)
		}
	})
}

// FuzzEncoderConfig opens any config.json of an encoder, as FuzzConfig does, and lets it read.
func FuzzEncoderConfig(f *testing.F) {
	all := encoderGoldens(f)
	var sources []checkpoint.Source
	for _, g := range all {
		sources = append(sources, g.weights(f, tensor.F32))
	}
	for i, g := range all {
		f.Add([]byte(g.Config), uint8(i))
	}
	for i, family := range model.Encoders() {
		f.Add([]byte(`{"model_type": "`+family+`", "num_labels": 67108864, "max_relative_positions": 1048576, "relative_attention": true}`), uint8(i))
	}
	f.Fuzz(func(t *testing.T, config []byte, i uint8) {
		src := sources[int(i)%len(all)]
		var e *model.Encoder
		var err error
		bounded(t, 64<<20+50*len(config), func() { e, err = model.NewEncoder(config, src, model.Options{}) })
		if err != nil {
			if !knownPrefix(err) || len(err.Error()) > 5_000 {
				t.Errorf("error %.300v", err)
			}
			return
		}
		if _, err := e.Hidden([]arch.Sequence{{IDs: []int{0, e.Vocab - 1}}}); err != nil && !strings.Contains(err.Error(), "at most") {
			t.Errorf("reading: %v", err)
		}
	})
}

package model

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/sample"
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
	for i, g := range all {
		f.Add([]byte(g.Config), uint8(i))
	}
	for _, family := range EncoderDecoders() {
		f.Add([]byte(`{"model_type": "`+family+`"}`), uint8(0))
	}
	for i, g := range all {
		f.Add(encode(with(object{"relative_attention_max_distance": []byte("1048576"), "num_beams": []byte("1000"), "max_position_embeddings": []byte("1073741824"),
			"task_specific_params": []byte(`{"a": 0, "b": {"bad_words_ids": [[1]]}}`)}, "model_type", `"`+g.Family+`"`)), uint8(i))
	}
	f.Fuzz(func(t *testing.T, config []byte, i uint8) {
		src := all[int(i)%len(all)].weights(t)
		var m *EncoderDecoder
		var err error
		bounded(t, 64<<20+50*len(config), func() { m, err = NewEncoderDecoder(config, src, Options{}) })
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
		_, err = m.NewSession(read[0], SessionOptions{}).Search(context.Background(), []int{0}, b, GenerateOptions{MaxTokens: 3})
		if err != nil && !knownPrefix(err) && !strings.HasPrefix(err.Error(), "sample: ") {
			t.Errorf("writing: %v", err)
		}
	})
}

// FuzzEncoderConfig opens any config.json of an encoder, as FuzzConfig does, and lets it read.
func FuzzEncoderConfig(f *testing.F) {
	all := encoderGoldens(f)
	for i, g := range all {
		f.Add([]byte(g.Config), uint8(i))
	}
	for i, family := range Encoders() {
		f.Add([]byte(`{"model_type": "`+family+`", "num_labels": 67108864, "max_relative_positions": 1048576, "relative_attention": true}`), uint8(i))
	}
	f.Fuzz(func(t *testing.T, config []byte, i uint8) {
		src, err := all[int(i)%len(all)].renamed()
		if err != nil {
			t.Fatal(err)
		}
		var e *Encoder
		bounded(t, 64<<20+50*len(config), func() { e, err = NewEncoder(config, src, Options{}) })
		if err != nil {
			if !knownPrefix(err) || len(err.Error()) > 5_000 {
				t.Errorf("error %.300v", err)
			}
			return
		}
		if _, err := e.Hidden([]Sequence{{IDs: []int{0, e.Vocab - 1}}}); err != nil && !strings.Contains(err.Error(), "at most") {
			t.Errorf("reading: %v", err)
		}
	})
}

// FuzzGeneration reads any generation_config.json and config.json: what it returns is usable.
func FuzzGeneration(f *testing.F) {
	f.Add("", `{"bos_token_id": 1, "eos_token_id": [2, 3], "pad_token_id": 0, "max_length": 20}`)
	f.Add(`{"do_sample": true, "temperature": 0.6, "top_p": 0.9, "top_k": 50, "min_p": 0.05, "typical_p": 0.95, "repetition_penalty": 1.1}`, `{}`)
	f.Add(`{"eos_token_id": [128001, 128008, 128009], "max_new_tokens": 256}`, `{"eos_token_id": null}`)
	f.Add(`{"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.5, "length_penalty": -1.5, "early_stopping": "never", "num_return_sequences": 3,
		"no_repeat_ngram_size": 3, "encoder_no_repeat_ngram_size": 2, "bad_words_ids": [[5], [6, 7]], "min_length": 5, "min_new_tokens": 2,
		"forced_bos_token_id": 3, "forced_eos_token_id": [2], "suppress_tokens": [1], "begin_suppress_tokens": [4], "renormalize_logits": true,
		"sequence_bias": [[[1, 2], 0.5]], "exponential_decay_length_penalty": [5, 1.1], "encoder_repetition_penalty": 1.2}`,
		`{"force_bos_token_to_be_generated": true, "bos_token_id": 0, "eos_token_id": 2}`)
	f.Add(`{"num_beams": 1000, "num_return_sequences": 1000, "suppress_tokens": [1`+strings.Repeat(",1", 1000)+`]}`, `{}`)
	f.Fuzz(func(t *testing.T, file, config string) {
		var g Generation
		var err error
		bounded(t, 1<<20+50*(len(file)+len(config)), func() { g, err = generation(file, config) })
		if err != nil {
			if !strings.HasPrefix(err.Error(), "model: ") {
				t.Errorf("error %v", err)
			}
			return
		}
		if _, err := sample.New(g.Sampling); err != nil {
			t.Errorf("%+v: %v", g.Sampling, err)
		}
		rules := g.Rules
		if rules.End, rules.MaxLength = g.EOS, maxLength; rules.Validate() != nil {
			t.Errorf("%+v: %v", rules, rules.Validate())
		}
		for _, id := range g.EOS {
			if id < 0 || id > maxVocab {
				t.Errorf("end token %d", id)
			}
		}
		if g.BOS < -1 || g.PAD < -1 || g.MaxLength < 0 || g.MaxNewTokens < 0 {
			t.Errorf("%+v", g)
		}
	})
}

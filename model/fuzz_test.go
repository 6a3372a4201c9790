package model

import (
	"runtime"
	"strings"
	"testing"
	"time"

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
	f.Fuzz(func(t *testing.T, config []byte, i uint8) {
		g := &all[int(i)%len(all)]
		err := g.open(t, config)
		if err != nil && !knownPrefix(err) {
			t.Errorf("error %v", err)
		}
	})
}

// FuzzGeneration reads any generation_config.json and config.json: what it returns is usable.
func FuzzGeneration(f *testing.F) {
	f.Add("", `{"bos_token_id": 1, "eos_token_id": [2, 3], "pad_token_id": 0, "max_length": 20}`)
	f.Add(`{"do_sample": true, "temperature": 0.6, "top_p": 0.9, "top_k": 50, "min_p": 0.05, "typical_p": 0.95, "repetition_penalty": 1.1}`, `{}`)
	f.Add(`{"eos_token_id": [128001, 128008, 128009], "max_new_tokens": 256}`, `{"eos_token_id": null}`)
	f.Fuzz(func(t *testing.T, file, config string) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		g, err := generation(file, config)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > uint64(1<<20+50*(len(file)+len(config))) || time.Since(start) > 5*time.Second {
			t.Fatalf("%d bytes allocated in %v", n, time.Since(start))
		}
		if err != nil {
			if !strings.HasPrefix(err.Error(), "model: ") {
				t.Errorf("error %v", err)
			}
			return
		}
		if _, err := sample.New(g.Sampling); err != nil {
			t.Errorf("%+v: %v", g.Sampling, err)
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

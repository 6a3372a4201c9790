package hf

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/sample"
	"github.com/seed2010d43f/transformer/sample/beam"
)

// with returns the text of an object with one key changed; values may be invalid JSON.
func with(o map[string]string, key, value string) string {
	o = maps.Clone(o)
	o[key] = value
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(o)) {
		parts = append(parts, fmt.Sprintf("%q: %s", k, o[k]))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// Values that are wrong for numbers, and for true and false.
var (
	notNumbers = []string{`"7"`, `true`, `[]`, `[1]`, `{}`, `1e400`, `-1e400`}
	notBools   = []string{`0`, `1`, `"true"`, `[]`, `{}`}
)

// readGeneration reads generation_config.json, of which "" is none, beside a config.json.
func readGeneration(file, config string) (Generation, error) {
	c, err := ParseConfig("config.json", []byte(config))
	if err != nil {
		return Generation{}, err
	}
	fsys := fstest.MapFS{}
	if file != "" {
		fsys["generation_config.json"] = &fstest.MapFile{Data: []byte(file)}
	}
	return ReadGeneration(fsys, c, Tokens{})
}

func TestGenerationConfig(t *testing.T) {
	for _, c := range []struct {
		file, config string
		want         Generation
	}{
		{"", "{}", Generation{}},
		{"", `{"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}`, Generation{BOS: new(1), EOS: []int{2}, PAD: new(0)}},
		{"", `{"eos_token_id": [2, 5.0]}`, Generation{EOS: []int{2, 5}}},
		{"{}", `{"bos_token_id": 1, "eos_token_id": [2, 3]}`, Generation{BOS: new(1), EOS: []int{2, 3}}},
		{"null", `{"bos_token_id": 1}`, Generation{BOS: new(1)}},
		{`{"eos_token_id": [7, 8], "max_length": 20}`, `{"eos_token_id": 2, "max_length": 99}`, Generation{EOS: []int{7, 8}, MaxLength: 20}},
		{`{"eos_token_id": null}`, `{"eos_token_id": 2}`, Generation{}},
		{`{"eos_token_id": []}`, `{}`, Generation{}},
		{`{"max_new_tokens": 7, "temperature": 0.5, "top_p": 0.3}`, `{}`, Generation{MaxNewTokens: 7}},
		{`{"do_sample": true, "temperature": 0.5, "top_p": 0.3, "top_k": null, "min_p": 0.1}`, `{}`, Generation{
			Sampling: sample.Config{Temperature: 0.5, TopK: 50, TopP: 0.3, MinP: 0.1, TypicalP: 1}}},
	} {
		c.want.Start = c.want.BOS
		c.want.Beams = beam.Options{NumBeams: 1, LengthPenalty: 1}
		if c.want.PAD != nil {
			c.want.Beams.PAD = *c.want.PAD
		} else if len(c.want.EOS) > 0 {
			c.want.Beams.PAD = c.want.EOS[0]
		}
		got, err := readGeneration(c.file, c.config)
		if err != nil || len(got.EOS)+len(c.want.EOS) > 0 && !slices.Equal(got.EOS, c.want.EOS) {
			t.Errorf("%s with %s: %+v, %v", c.file, c.config, got, err)
		}
		got.EOS, c.want.EOS = nil, nil
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s with %s:\n%+v, want\n%+v", c.file, c.config, got, c.want)
		}
	}
	plain := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }
	for key, values := range map[string][]string{
		"eos_token_id": {`"2"`, `-1`, `1.5`, `1e18`, `true`, `{}`, `[-1]`, `[1.5]`, `["2"]`, `[[2]]`, `[2, 1e18]`, `[null]`, `[true]`},
		"bos_token_id": {`"2"`, `-2`, `1.5`, `1e18`, `true`, `{}`},
		"pad_token_id": {`"2"`, `-2`, `1.5`, `1e18`, `true`, `{}`},
		"max_length":   {`"2"`, `-2`, `1.5`, `1e18`, `true`, `{}`}, "max_new_tokens": {`"2"`, `-2`, `1.5`, `1e18`, `true`, `{}`},
		"do_sample": notBools, "temperature": append([]string{"-1"}, notNumbers...), "top_p": append([]string{"-1", "1.5"}, notNumbers...),
		"top_k": append([]string{"-1", "1.5", "1e18"}, notNumbers...), "min_p": append([]string{"-1", "1.5"}, notNumbers...),
		"typical_p": append([]string{"-1", "1.5"}, notNumbers...), "repetition_penalty": append([]string{"-1"}, notNumbers...),
		"decoder_start_token_id": {`"2"`, `-2`, `1.5`, `1e18`, `true`, `{}`}, "forced_bos_token_id": {`"2"`, `-1`, `1.5`, `true`, `{}`},
		"forced_eos_token_id": {`"2"`, `-1`, `[1.5]`}, "suppress_tokens": {`"2"`, `[-1]`}, "begin_suppress_tokens": {`"2"`, `[-1]`},
		"num_beams": {`"2"`, `0`, `-1`, `1.5`, `1e18`, `true`}, "num_beam_groups": {`"2"`, `-1`, `1.5`}, "num_return_sequences": {`"2"`, `-1`, `1.5`},
		"no_repeat_ngram_size": {`"2"`, `-1`, `1.5`}, "encoder_no_repeat_ngram_size": {`"2"`, `-1`, `1.5`}, "min_length": {`"2"`, `-1`, `1.5`},
		"min_new_tokens": {`"2"`, `-1`, `1.5`}, "length_penalty": notNumbers, "diversity_penalty": notNumbers,
		"encoder_repetition_penalty": append([]string{"-1"}, notNumbers...), "renormalize_logits": notBools,
		"early_stopping": {`1`, `"always"`, `"true"`, `[]`}, "bad_words_ids": {`3`, `[3]`, `[[-1]]`, `[["a"]]`, `[[]]`},
		"sequence_bias": {`3`, `[3]`, `[[3]]`, `[[[1], "x"]]`, `[[[-1], 1]]`, `[[[], 1]]`}, "exponential_decay_length_penalty": {`3`, `[3]`, `[-1, 2]`, `[1, -2]`, `[1, 2, 3]`},
	} {
		for _, v := range values {
			file := with(map[string]string{"do_sample": "true"}, key, v)
			if g, err := readGeneration(file, "{}"); err == nil || !strings.Contains(plain(err.Error()), strings.TrimSuffix(plain(key), "ids")) || !strings.Contains(err.Error(), "generation_config.json") {
				t.Errorf("%s: %+v, error %v", file, g, err)
			}
		}
	}
	for _, file := range []string{"[]", "{", "5", strings.Repeat("[", 1<<20), `{"a": "` + strings.Repeat("x", sidefile.MaxConfig) + `"}`} {
		if _, err := readGeneration(file, "{}"); err == nil || !strings.Contains(err.Error(), "generation_config.json") {
			t.Errorf("%.20s: error %v", file, err)
		}
	}
}

// A folder's file that cannot be read is told apart from one that is not there.
func TestGenerationConfigUnreadable(t *testing.T) {
	c, err := ParseConfig("config.json", []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{"generation_config.json/x": &fstest.MapFile{}}
	if _, err := ReadGeneration(fsys, c, Tokens{}); err == nil || errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a folder called generation_config.json: %v", err)
	}
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
	f.Add(`{"stop_strings": ["a", "</s>"], "do_sample": true, "epsilon_cutoff": 3e-4, "eta_cutoff": 0.002, "remove_invalid_values": true,
		"guidance_scale": 1, "penalty_alpha": 0, "top_h": null, "cache_implementation": "static"}`, `{"eos_token_id": 2}`)
	f.Add(`{"guidance_scale": 1.5, "watermarking_config": {}, "dola_layers": "low", "max_time": 1, "stop_strings": ""}`, `{}`)
	f.Add(`{"num_beams": 1000, "num_return_sequences": 1000, "suppress_tokens": [1`+strings.Repeat(",1", 1000)+`]}`, `{}`)
	f.Fuzz(func(t *testing.T, file, config string) {
		var g Generation
		var err error
		start := time.Now()
		if n := tensortest.Allocated(func() { g, err = readGeneration(file, config) }); n > uint64(1<<20+50*(len(file)+len(config))) || time.Since(start) > 5*time.Second {
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
		if err := g.Processors.Validate(sample.Text{EOS: g.EOS, MaxLength: MaxLength}); err != nil {
			t.Errorf("%+v: %v", g.Processors, err)
		}
		for _, id := range g.EOS {
			if id < 0 || id > MaxVocab {
				t.Errorf("end token %d", id)
			}
		}
		if g.MaxLength < 0 || g.MaxNewTokens < 0 {
			t.Errorf("%+v", g)
		}
	})
}

package hf

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Every attribute of the reference's GenerationConfig is obeyed, without effect, or refused: see
// testdata/generation/keys.py.
func TestGenerationKeys(t *testing.T) {
	data, err := os.ReadFile("testdata/generation/keys.json")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	if err := json.Unmarshal(data, &want); err != nil || len(want) != 73 {
		t.Fatalf("%d keys, %v", len(want), err)
	}
	got := slices.Concat(obeyedKeys(), idleKeys())
	for _, r := range refusals() {
		got = append(got, r.key)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("keys are\n%q, want\n%q", got, want)
	}
	for _, key := range obeyedKeys() { // what is read is checked
		if _, err := readGeneration(`{"do_sample":true,"`+key+`":{"x":[]}}`, "{}"); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s is not read: %v", key, err)
		}
	}
	plain, err := readGeneration("{}", "{}")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range idleKeys() {
		for _, value := range []string{"true", "7", `"x"`, `{"a":1}`} {
			if g, err := readGeneration(`{"`+key+`":`+value+`}`, "{}"); err != nil || !reflect.DeepEqual(g, plain) {
				t.Errorf("%s = %s: %+v, %v", key, value, g, err)
			}
		}
	}
}

// Keys that would change the text are refused by name, and only where they would.
func TestGenerationRefusals(t *testing.T) {
	refused := map[string][]string{
		"cache_implementation": {`"cache_implementation":"quantized"`},
		"constraints":          {`"constraints":[{}]`},
		"dola_layers":          {`"dola_layers":"high"`, `"dola_layers":[1,2],"do_sample":true`},
		"force_words_ids":      {`"force_words_ids":[[1]]`},
		"guidance_scale":       {`"guidance_scale":1.5`, `"guidance_scale":0`, `"guidance_scale":"x"`},
		"is_assistant":         {`"is_assistant":true`},
		"max_time":             {`"max_time":2.5`},
		"penalty_alpha":        {`"penalty_alpha":0.6`, `"penalty_alpha":0.6,"top_k":4`, `"penalty_alpha":0.6,"top_k":null`},
		"token_healing":        {`"token_healing":true`},
		"watermarking_config":  {`"watermarking_config":{"bias":2}`},
	}
	for _, r := range refusals() {
		if len(refused[r.key]) == 0 {
			t.Errorf("no case of %s", r.key)
		}
		for _, keys := range refused[r.key] {
			if _, err := readGeneration("{"+keys+"}", "{}"); err == nil || !strings.Contains(err.Error(), "generation_config.json: "+r.key) {
				t.Errorf("%s: %v", keys, err)
			}
			if _, err := readGeneration("", "{"+keys+"}"); err == nil || !strings.Contains(err.Error(), "config.json: "+r.key) {
				t.Errorf("config.json, %s: %v", keys, err)
			}
			if _, err := readGeneration("{}", "{"+keys+"}"); err != nil {
				t.Errorf("%s in a config.json that does not count: %v", keys, err)
			}
		}
		if _, err := readGeneration(`{"`+r.key+`":null}`, "{}"); err != nil {
			t.Errorf("%s = null: %v", r.key, err)
		}
	}
	for _, keys := range []string{`"cache_implementation":"static"`, `"guidance_scale":1`, `"guidance_scale":1.0`, `"is_assistant":false`,
		`"token_healing":false`, `"top_h":0.4`, `"penalty_alpha":0`, `"penalty_alpha":0.6,"do_sample":true`, `"penalty_alpha":0.6,"top_k":1`,
		`"penalty_alpha":0.6,"num_beams":2`, `"dola_layers":"low","num_beams":2`, `"epsilon_cutoff":0.1,"eta_cutoff":0.1`} {
		if _, err := readGeneration("{"+keys+"}", "{}"); err != nil {
			t.Errorf("%s: %v", keys, err)
		}
	}
}

func TestGenerationNewKeys(t *testing.T) {
	for file, want := range map[string]func(g Generation) bool{
		`{"stop_strings":"abc"}`:         func(g Generation) bool { return slices.Equal(g.StopStrings, []string{"abc"}) },
		`{"stop_strings":["a","b c"]}`:   func(g Generation) bool { return slices.Equal(g.StopStrings, []string{"a", "b c"}) },
		`{"stop_strings":null}`:          func(g Generation) bool { return g.StopStrings == nil },
		`{"remove_invalid_values":true}`: func(g Generation) bool { return g.Processors.RemoveInvalidValues },
		`{"do_sample":true,"epsilon_cutoff":3e-4,"eta_cutoff":0.002}`: func(g Generation) bool {
			return g.Sampling.EpsilonCutoff == 3e-4 && g.Sampling.EtaCutoff == 0.002
		},
		`{"do_sample":true,"top_h":0.4}`: func(g Generation) bool { return g.Sampling.TopH == 0.4 },
		`{"do_sample":true,"epsilon_cutoff":6,"eta_cutoff":-1}`: func(g Generation) bool { // off, as in the reference
			return g.Sampling.EpsilonCutoff == 0 && g.Sampling.EtaCutoff == 0
		},
	} {
		if g, err := readGeneration(file, "{}"); err != nil || !want(g) {
			t.Errorf("%s: %+v, %v", file, g, err)
		}
	}
	for _, file := range []string{`{"stop_strings":""}`, `{"stop_strings":["a",""]}`, `{"stop_strings":[1]}`, `{"stop_strings":5}`} {
		if g, err := readGeneration(file, "{}"); err == nil || !strings.Contains(err.Error(), "stop_strings") {
			t.Errorf("%s: %+v, %v", file, g, err)
		}
	}
	for _, value := range []string{"0", "1.5", "-1", `"x"`} {
		if g, err := readGeneration(`{"do_sample":true,"top_h":`+value+`}`, "{}"); err == nil || !strings.Contains(err.Error(), "top_h") {
			t.Errorf("top_h = %s: %+v, %v", value, g, err)
		}
	}
}

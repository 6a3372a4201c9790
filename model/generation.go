package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"

	"github.com/seed2010d43f/transformer/sample"
)

// Generation is what a checkpoint says of generating text: generation_config.json, or the same keys of
// config.json where that file is missing.
type Generation struct {
	BOS       int   // −1 if there is none
	EOS       []int // any of these ends a text
	PAD       int   // −1 if there is none
	MaxLength int   // tokens in all, prompt included; 0 if not given

	// MaxNewTokens is the number of tokens to generate; 0 if not given.
	MaxNewTokens int

	// Sampling is greedy unless the checkpoint asks for sampling.
	Sampling sample.Config
}

func readGeneration(fsys fs.FS, c config) (Generation, error) {
	data, err := readFile(fsys, "generation_config.json", maxConfig)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return c.generation()
	case err != nil:
		return Generation{}, fmt.Errorf("model: %w", err)
	}
	g, err := parseConfig("generation_config.json", data)
	if err != nil {
		return Generation{}, err
	}
	for _, key := range []string{"bos_token_id", "eos_token_id", "pad_token_id"} {
		if _, ok := g.keys[key]; !ok && c.has(key) {
			if g.keys == nil {
				g.keys = map[string]json.RawMessage{}
			}
			g.keys[key] = c.keys[key]
		}
	}
	return g.generation()
}

func (c config) generation() (Generation, error) {
	g := Generation{
		BOS:          c.int("bos_token_id", -1, -1, maxVocab),
		PAD:          c.int("pad_token_id", -1, -1, maxVocab),
		EOS:          c.ids("eos_token_id"),
		MaxLength:    c.int("max_length", 0, 0, maxLength),
		MaxNewTokens: c.int("max_new_tokens", 0, 0, maxLength),
	}
	if c.bool("do_sample", false) {
		g.Sampling = sample.Config{
			Temperature: c.float("temperature", 1),
			TopK:        c.int("top_k", 50, 0, maxVocab),
			TopP:        c.float("top_p", 1),
			MinP:        c.float("min_p", 0),
			TypicalP:    c.float("typical_p", 1),
		}
	}
	g.Sampling.RepetitionPenalty = c.float("repetition_penalty", 1)
	if _, err := sample.New(g.Sampling); err != nil {
		c.fail("%w", err)
	}
	return g, c.err()
}

// ids reads one id or a list of them.
func (c config) ids(key string) []int {
	if !c.has(key) {
		return nil
	}
	list := []json.RawMessage{c.keys[key]}
	if list[0][0] == '[' {
		c.get(key, &list, "an id or a list of ids")
	}
	ids := make([]int, 0, len(list))
	for _, raw := range list {
		v := -1.0
		if err := json.Unmarshal(raw, &v); err != nil || v != math.Trunc(v) || v < 0 || v > maxVocab {
			c.fail("%s has %s; an id is a whole number from 0 to %d", key, clip(raw), maxVocab)
			break
		}
		ids = append(ids, int(v))
	}
	return ids
}

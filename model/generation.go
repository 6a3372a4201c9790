package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"slices"

	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/sample"
)

// Generation is what a checkpoint says of generating text: generation_config.json, or the same keys of
// config.json where that file is missing.
type Generation struct {
	BOS       int   // −1 if there is none
	EOS       []int // any of these ends a text
	PAD       int   // −1 if there is none
	MaxLength int   // tokens in all, prompt included; 0 if not given

	// Start is the token with which the targets of an encoder–decoder begin, −1 if there is none
	// (decoder_start_token_id, or else the BOS).
	Start int

	// MaxNewTokens is the number of tokens to generate; 0 if not given.
	MaxNewTokens int

	// Sampling is greedy unless the checkpoint asks for sampling. Penalties are among Rules.
	Sampling sample.Config

	// Rules constrain the tokens that are generated, in every way of generating. Their End and MaxLength
	// are set for each text.
	Rules sample.Rules

	// Beams is how to search (num_beams and its companions), without rules.
	Beams sample.BeamConfig
}

// TaskParams are the parameters of a task that a checkpoint was trained for.
type TaskParams struct {
	Name       string // "summarization", "translation_en_to_fr"
	Prefix     string // what comes before the text
	Generation Generation
}

// generationKeys returns what a folder says of generation. Tokens that generation_config.json does not
// name are those of config.json, c.
func generationKeys(fsys fs.FS, c config) (config, error) {
	data, err := sidefile.Read(fsys, "generation_config.json", maxConfig)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return c, nil
	case err != nil:
		return config{}, fmt.Errorf("model: %w", err)
	}
	g, err := parseConfig("generation_config.json", data)
	if err != nil {
		return config{}, err
	}
	tokens := map[string]json.RawMessage{}
	for _, key := range []string{"bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id"} {
		if c.has(key) {
			tokens[key] = c.keys[key]
		}
	}
	maps.Copy(tokens, g.keys)
	g.keys = tokens
	return g, nil
}

// generation reads the keys of generation.
func (c config) generation() (Generation, error) {
	g := Generation{
		BOS:          c.int("bos_token_id", -1, -1, maxVocab),
		PAD:          c.int("pad_token_id", -1, -1, maxVocab),
		EOS:          c.ids("eos_token_id"),
		MaxLength:    c.int("max_length", 0, 0, maxLength),
		MaxNewTokens: c.int("max_new_tokens", 0, 0, maxLength),
	}
	g.Start = c.int("decoder_start_token_id", g.BOS, -1, maxVocab)
	if c.bool("do_sample", false) {
		g.Sampling = sample.Config{
			Temperature: c.float("temperature", 1),
			TopK:        c.int("top_k", 50, 0, maxVocab),
			TopP:        c.float("top_p", 1),
			MinP:        c.float("min_p", 0),
			TypicalP:    c.float("typical_p", 1),
		}
	}
	if _, err := sample.New(g.Sampling); err != nil {
		c.fail("%w", err)
	}
	g.Rules = c.rules(g.EOS)
	if g.Beams = c.beams(g); g.Beams.Beams > 1 && g.Sampling.Temperature > 0 {
		drawn := g.Sampling
		g.Beams.Sampling = &drawn
	}
	return g, c.err()
}

// rules reads the constraints on what is generated.
func (c config) rules(end []int) sample.Rules {
	r := sample.Rules{
		EncoderRepetitionPenalty: c.float("encoder_repetition_penalty", 0),
		RepetitionPenalty:        c.float("repetition_penalty", 0),
		NoRepeatNGram:            c.int("no_repeat_ngram_size", 0, 0, maxLength),
		EncoderNoRepeatNGram:     c.int("encoder_no_repeat_ngram_size", 0, 0, maxLength),
		MinLength:                c.int("min_length", 0, 0, maxLength),
		MinNew:                   c.int("min_new_tokens", 0, 0, maxLength),
		ForcedFirst:              c.ids("forced_bos_token_id"),
		ForcedLast:               c.ids("forced_eos_token_id"),
		Suppress:                 c.ids("suppress_tokens"),
		SuppressFirst:            c.ids("begin_suppress_tokens"),
		Renormalize:              c.bool("renormalize_logits", false),
	}
	if r.MinNew > 0 {
		r.MinLength = 0 // as in the reference, the newer key replaces the older
	}
	if len(r.ForcedFirst) == 0 && c.bool("force_bos_token_to_be_generated", false) {
		r.ForcedFirst = c.ids("bos_token_id")
	}
	c.get("bad_words_ids", &r.BadWords, "a list of lists of ids")
	var bias [][2]json.RawMessage
	c.get("sequence_bias", &bias, "a list of pairs of ids and a number")
	for _, pair := range bias {
		var b sample.SequenceBias
		if json.Unmarshal(pair[0], &b.IDs) != nil || json.Unmarshal(pair[1], &b.Add) != nil {
			c.fail("sequence_bias is %s; a list of pairs of ids and a number is needed", clip(c.keys["sequence_bias"]))
			break
		}
		r.SequenceBias = append(r.SequenceBias, b)
	}
	var decay []float64
	if c.get("exponential_decay_length_penalty", &decay, "a start and a factor") {
		if len(decay) != 2 || decay[0] < 0 || decay[0] > maxLength || decay[1] < 0 {
			c.fail("exponential_decay_length_penalty is %s; a start and a factor of 0 or more are needed", clip(c.keys["exponential_decay_length_penalty"]))
		} else {
			r.DecayStart, r.DecayFactor = int(decay[0]), decay[1]
		}
	}
	valid := r
	valid.MaxLength, valid.End = maxLength, end
	if err := valid.Validate(); err != nil {
		c.fail("%w", err)
	}
	return r
}

// beams reads how to search.
func (c config) beams(g Generation) sample.BeamConfig {
	b := sample.BeamConfig{
		Beams:            c.int("num_beams", 1, 1, maxBeams),
		Groups:           c.int("num_beam_groups", 0, 0, maxBeams),
		DiversityPenalty: c.float("diversity_penalty", 0),
		LengthPenalty:    c.float("length_penalty", 1),
		Return:           c.int("num_return_sequences", 0, 0, maxBeams),
		Pad:              max(g.PAD, 0),
	}
	if g.PAD < 0 && len(g.EOS) > 0 {
		b.Pad = g.EOS[0]
	}
	if c.has("early_stopping") {
		switch raw := string(c.keys["early_stopping"]); raw {
		case "false":
		case "true":
			b.EarlyStopping = sample.StopAtOnce
		case `"never"`:
			b.EarlyStopping = sample.StopNever
		default:
			c.fail(`early_stopping is %s; true, false or "never" is needed`, clip(c.keys["early_stopping"]))
		}
	}
	return b
}

// maxBeams bounds what a config may ask for: the memory and the time of a search grow with it. Published ones
// ask for about 5. A program may set more.
const maxBeams = 64

// tasks reads task_specific_params, where a task's parameters stand before those of g. c is config.json.
func (c config) tasks(g config) []TaskParams {
	var tasks []TaskParams
	all := c.object("task_specific_params")
	size := 0
	for _, raw := range g.keys {
		size += len(raw)
	}
	const each = 1 << 10 // bytes that a task takes at least
	if n := len(all.keys); n*(size+each) > maxConfig {
		c.fail("task_specific_params has %d tasks; with the %d bytes that are said of generation for each, they are too many", n, size)
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(all.keys)) {
		t := all.object(name)
		p := TaskParams{Name: name, Prefix: t.string("prefix", "")}
		t.keys = maps.Clone(t.keys)
		for key, raw := range g.keys {
			if _, ok := t.keys[key]; !ok && t.keys != nil {
				t.keys[key] = raw
			}
		}
		p.Generation, _ = t.generation() // errors are c's
		tasks = append(tasks, p)
	}
	return tasks
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

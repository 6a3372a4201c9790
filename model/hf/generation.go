package hf

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/sample"
	"github.com/seed2010d43f/transformer/sample/beam"
)

// Generation holds the generation settings of a checkpoint: generation_config.json, or the same keys of
// config.json if that file is missing. In the zero value nothing is set.
type Generation struct {
	BOS       *int  // nil if there is none
	EOS       []int // each of these ends a text
	PAD       *int  // nil if there is none
	MaxLength int   // number of tokens, prompt included; 0 if not set

	// Start is the first token of an encoder–decoder's targets: decoder_start_token_id, or else the BOS. nil
	// if there is none.
	Start *int

	// MaxNewTokens is the number of tokens to generate; 0 if not set.
	MaxNewTokens int

	// StopStrings end a text (stop_strings).
	StopStrings []string

	// Sampling is greedy unless the checkpoint sets do_sample.
	Sampling sample.Config

	// Processors change the logits before a token is chosen, in sampling and in beam search: penalties,
	// forbidden words and so on.
	Processors sample.LogitsProcessors

	// Beams are the settings of beam search: num_beams and others.
	Beams beam.Options
}

// Tokens are the special tokens of a family, for checkpoints whose files name none. nil means none.
type Tokens struct{ BOS, EOS, PAD, Start *int }

// TaskParams are the settings for one task that a checkpoint was trained for.
type TaskParams struct {
	Name       string // "summarization", "translation_en_to_fr"
	Prefix     string // what comes before the text
	Generation Generation
}

// ReadGeneration reads the generation settings: generation_config.json in fsys, or the same keys of c, the
// config.json, if there is no such file. fsys may be nil.
//
// Special tokens that are missing there come from c, or else from family. So a text ends at the eos_token_id of
// config.json if generation_config.json has no such key; a null is none. The reference goes on to the length instead.
//
// A key that would change the text, and that this library does not obey, is an error: see the guide of this
// package.
func ReadGeneration(fsys fs.FS, c *Config, family Tokens) (Generation, error) {
	keys, err := generationKeys(fsys, c.withTokens(family))
	if err != nil {
		return Generation{}, err
	}
	g := keys.generation()
	return g, keys.Err()
}

// ReadTasks reads the tasks that a checkpoint was trained for: task_specific_params of c, the config.json.
// The settings of a task take precedence over those of [ReadGeneration].
func ReadTasks(fsys fs.FS, c *Config, family Tokens) ([]TaskParams, error) {
	keys, err := generationKeys(fsys, c.withTokens(family))
	if err != nil {
		return nil, err
	}
	tasks := c.tasks(keys)
	return tasks, c.Err()
}

// tokenKeys are the keys that count in config.json although there is a generation_config.json.
var tokenKeys = [...]string{"bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id"}

// withTokens returns the keys of c, those of its text_config, which a model with pictures has, that c does not have,
// and the tokens for which there is no key.
func (c *Config) withTokens(t Tokens) *Config {
	more := &Config{errs: c.errs, keys: map[string]json.RawMessage{}}
	for i, id := range []*int{t.BOS, t.EOS, t.PAD, t.Start} {
		if id != nil {
			more.keys[tokenKeys[i]] = json.RawMessage(strconv.Itoa(*id))
		}
	}
	return c.Or(c.Object("text_config")).Or(more)
}

// generationKeys returns the keys that say how to generate.
func generationKeys(fsys fs.FS, c *Config) (*Config, error) {
	if fsys == nil {
		return c, nil
	}
	data, err := sidefile.Read(fsys, "generation_config.json", sidefile.MaxConfig)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return c, nil
	case err != nil:
		return nil, fmt.Errorf("model: %w", err)
	}
	g, err := ParseConfig("generation_config.json", data)
	if err != nil {
		return nil, err
	}
	return g.Or(c.Only(tokenKeys[:]...)), nil
}

// generation reads the keys of generation.
func (c *Config) generation() Generation {
	g := Generation{
		BOS:          c.id("bos_token_id"),
		PAD:          c.id("pad_token_id"),
		EOS:          c.ids("eos_token_id"),
		MaxLength:    c.Int("max_length", 0, 0, MaxLength),
		MaxNewTokens: c.Int("max_new_tokens", 0, 0, MaxLength),
		Start:        c.id("decoder_start_token_id"),
		StopStrings:  c.stopStrings(),
	}
	if g.Start == nil {
		g.Start = g.BOS
	}
	if c.Bool("do_sample", false) {
		g.Sampling = sample.Config{
			Temperature: c.Float("temperature", 1),
			TopH:        c.share("top_h"),
			TopK:        c.Int("top_k", 50, 0, MaxVocab),
			TopP:        c.Float("top_p", 1),
			MinP:        c.Float("min_p", 0),
			TypicalP:    c.Float("typical_p", 1),

			EpsilonCutoff: c.cutoff("epsilon_cutoff"),
			EtaCutoff:     c.cutoff("eta_cutoff"),
		}
	}
	if err := g.Sampling.Validate(); err != nil {
		c.Fail("%w", err)
	}
	c.refuseGeneration()
	g.Processors = c.processors(g.EOS)
	if g.Beams = c.beams(g); g.Beams.NumBeams > 1 && g.Sampling.Temperature > 0 {
		drawn := g.Sampling
		g.Beams.Sampling = &drawn
	}
	return g
}

// processors reads what changes the logits. eos are the tokens that end a text.
func (c *Config) processors(eos []int) sample.LogitsProcessors {
	p := sample.LogitsProcessors{
		EncoderRepetitionPenalty: c.Float("encoder_repetition_penalty", 0),
		RepetitionPenalty:        c.Float("repetition_penalty", 0),
		NoRepeatNGramSize:        c.Int("no_repeat_ngram_size", 0, 0, MaxLength),
		EncoderNoRepeatNGramSize: c.Int("encoder_no_repeat_ngram_size", 0, 0, MaxLength),
		MinLength:                c.Int("min_length", 0, 0, MaxLength),
		MinNewTokens:             c.Int("min_new_tokens", 0, 0, MaxLength),
		ForcedBOS:                c.ids("forced_bos_token_id"),
		ForcedEOS:                c.ids("forced_eos_token_id"),
		SuppressTokens:           c.ids("suppress_tokens"),
		BeginSuppressTokens:      c.ids("begin_suppress_tokens"),
		RemoveInvalidValues:      c.Bool("remove_invalid_values", false),
		RenormalizeLogits:        c.Bool("renormalize_logits", false),
	}
	if p.MinNewTokens > 0 {
		p.MinLength = 0 // as in the reference, the newer key replaces the older
	}
	if len(p.ForcedBOS) == 0 && c.Bool("force_bos_token_to_be_generated", false) {
		p.ForcedBOS = c.ids("bos_token_id")
	}
	c.decode("bad_words_ids", &p.BadWordsIDs, "a list of lists of ids")
	var bias [][2]json.RawMessage
	c.decode("sequence_bias", &bias, "a list of pairs of ids and a number")
	for _, pair := range bias {
		var b sample.SequenceBias
		if json.Unmarshal(pair[0], &b.IDs) != nil || json.Unmarshal(pair[1], &b.Bias) != nil {
			c.Fail("sequence_bias is %s; a list of pairs of ids and a number is needed", clip(c.keys["sequence_bias"]))
			break
		}
		p.SequenceBias = append(p.SequenceBias, b)
	}
	var decay []float64
	if c.decode("exponential_decay_length_penalty", &decay, "a start and a factor") {
		if len(decay) != 2 || decay[0] < 0 || decay[0] > MaxLength || decay[1] < 0 {
			c.Fail("exponential_decay_length_penalty is %s; a start and a factor of 0 or more are needed", clip(c.keys["exponential_decay_length_penalty"]))
		} else {
			p.ExponentialDecayLengthPenalty = sample.ExponentialDecay{Start: int(decay[0]), Factor: decay[1]}
		}
	}
	if err := p.Validate(sample.Text{EOS: eos, MaxLength: MaxLength}); err != nil {
		c.Fail("%w", err)
	}
	return p
}

// beams reads how to search.
func (c *Config) beams(g Generation) beam.Options {
	o := beam.Options{
		NumBeams:           c.Int("num_beams", 1, 1, maxBeams),
		NumBeamGroups:      c.Int("num_beam_groups", 0, 0, maxBeams),
		DiversityPenalty:   c.Float("diversity_penalty", 0),
		LengthPenalty:      c.Float("length_penalty", 1),
		NumReturnSequences: c.Int("num_return_sequences", 0, 0, maxBeams),
	}
	switch {
	case g.PAD != nil:
		o.PAD = *g.PAD
	case len(g.EOS) > 0:
		o.PAD = g.EOS[0]
	}
	if c.Has("early_stopping") {
		switch raw := string(c.keys["early_stopping"]); raw {
		case "false":
		case "true":
			o.EarlyStopping = beam.StopAtOnce
		case `"never"`:
			o.EarlyStopping = beam.StopNever
		default:
			c.Fail(`early_stopping is %s; true, false or "never" is needed`, clip(c.keys["early_stopping"]))
		}
	}
	return o
}

// maxBeams bounds what a config may ask for: the memory and the time of a search grow with it. Published ones
// ask for about 5. A program may set more.
const maxBeams = 64

// tasks reads task_specific_params, where a task's parameters stand before those of g. c is config.json.
func (c *Config) tasks(g *Config) []TaskParams {
	var tasks []TaskParams
	all := c.Object("task_specific_params")
	size := 0
	for _, raw := range g.keys {
		size += len(raw)
	}
	const each = 1 << 10 // bytes that a task takes at least
	if n := len(all.keys); n*(size+each) > sidefile.MaxConfig {
		c.Fail("task_specific_params has %d tasks; with the %d bytes that are said of generation for each, they are too many", n, size)
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(all.keys)) {
		t := all.Object(name)
		p := TaskParams{Name: name, Prefix: t.String("prefix", "")}
		p.Generation = t.Or(g).generation()
		tasks = append(tasks, p)
	}
	return tasks
}

// id reads an id, or −1 for none, which is what old configs write.
func (c *Config) id(key string) *int {
	if id := c.Int(key, -1, -1, MaxVocab); id >= 0 {
		return &id
	}
	return nil
}

// ids reads one id or a list of them.
func (c *Config) ids(key string) []int {
	if !c.Has(key) {
		return nil
	}
	list := []json.RawMessage{c.keys[key]}
	if list[0][0] == '[' {
		c.decode(key, &list, "an id or a list of ids")
	}
	ids := make([]int, 0, len(list))
	for _, raw := range list {
		v := -1.0
		if err := json.Unmarshal(raw, &v); err != nil || v != math.Trunc(v) || v < 0 || v > MaxVocab {
			c.Fail("%s has %s; an id is a whole number from 0 to %d", key, clip(raw), MaxVocab)
			break
		}
		ids = append(ids, int(v))
	}
	return ids
}

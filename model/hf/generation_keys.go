package hf

import "slices"

// obeyedKeys are the keys of generation that [Generation] has a place for.
func obeyedKeys() []string {
	return []string{
		"bad_words_ids", "begin_suppress_tokens", "bos_token_id", "decoder_start_token_id", "diversity_penalty", "do_sample",
		"early_stopping", "encoder_no_repeat_ngram_size", "encoder_repetition_penalty", "eos_token_id", "epsilon_cutoff", "eta_cutoff",
		"exponential_decay_length_penalty", "forced_bos_token_id", "forced_eos_token_id", "length_penalty", "max_length",
		"max_new_tokens", "min_length", "min_new_tokens", "min_p", "no_repeat_ngram_size", "num_beam_groups", "num_beams",
		"num_return_sequences", "pad_token_id", "remove_invalid_values", "renormalize_logits", "repetition_penalty", "sequence_bias",
		"stop_strings", "suppress_tokens", "temperature", "top_h", "top_k", "top_p", "typical_p",
	}
}

// idleKeys are the keys of generation that do not change the text: what is returned beside it, how it is cached and
// compiled, and speculation, which is exact.
func idleKeys() []string {
	return []string{
		"_from_model_config", "assistant_confidence_threshold", "assistant_early_exit", "assistant_ensemble_weight",
		"assistant_lookbehind", "cache_config", "compile_config", "continuous_batching_config", "disable_compile", "low_memory",
		"max_cache_len", "max_matching_ngram_size", "num_assistant_tokens", "num_assistant_tokens_schedule", "output_attentions",
		"output_hidden_states", "output_logits", "output_scores", "prefill_chunk_size", "prompt_lookup_num_tokens",
		"return_dict_in_generate", "speculation_type", "target_lookbehind", "transformers_version", "use_cache", "use_mtp",
	}
}

// refusal is a key of generation that would change the text, and is not built.
type refusal struct {
	key    string
	what   string
	active func(c *Config) bool // it would change the text
}

// refusals are the keys that are refused where they would change the text.
func refusals() []refusal {
	set := func(key string) func(*Config) bool { return func(c *Config) bool { return c.Has(key) } }
	yes := func(key string) func(*Config) bool { return func(c *Config) bool { return c.Bool(key, false) } }
	sampled := func(c *Config) bool { return c.Bool("do_sample", false) }
	single := func(c *Config) bool { return c.Int("num_beams", 1, 1, maxBeams) == 1 }
	return []refusal{
		{"cache_implementation", "keys and values in few bits", func(c *Config) bool { return c.String("cache_implementation", "") == "quantized" }},
		{"constraints", "constrained beam search", set("constraints")},
		{"dola_layers", "decoding by contrasting layers", func(c *Config) bool { return c.Has("dola_layers") && single(c) }},
		{"force_words_ids", "constrained beam search", set("force_words_ids")},
		{"guidance_scale", "classifier-free guidance", func(c *Config) bool { return c.Float("guidance_scale", 1) != 1 }},
		{"is_assistant", "an end where the model is not confident", yes("is_assistant")},
		{"max_time", "an end after some seconds; give the context a deadline", set("max_time")},
		{"penalty_alpha", "contrastive search", func(c *Config) bool {
			return c.Float("penalty_alpha", 0) > 0 && c.Int("top_k", 50, 0, MaxVocab) > 1 && !sampled(c) && single(c)
		}},
		{"token_healing", "another end of the prompt", yes("token_healing")},
		{"watermarking_config", "a watermark", set("watermarking_config")},
	}
}

// refuseGeneration notes an error for each key that would change the text and is not obeyed.
func (c *Config) refuseGeneration() {
	for _, r := range refusals() {
		if c.Has(r.key) && r.active(c) {
			c.Fail("%s is %s: %s, which would change the text and is not supported; take the key out to generate without",
				r.key, clip(c.keys[r.key]), r.what)
		}
	}
}

// stopStrings reads one string or a list of them.
func (c *Config) stopStrings() []string {
	if !c.Has("stop_strings") {
		return nil
	}
	var list []string
	if c.keys["stop_strings"][0] == '"' {
		list = []string{c.String("stop_strings", "")}
	} else if !c.decode("stop_strings", &list, "a string or a list of strings") {
		return nil
	}
	if i := slices.IndexFunc(list, func(s string) bool { return s == "" || len(s) > maxName }); i >= 0 {
		c.Fail("stop_strings has one of %d bytes; from 1 to %d are read", len(list[i]), maxName)
		return nil
	}
	return list
}

// cutoff reads a probability, which is off, as in the reference, where it is not between 0 and 1.
func (c *Config) cutoff(key string) float64 {
	if p := c.Float(key, 0); p > 0 && p < 1 {
		return p
	}
	return 0
}

// share reads a number above 0 and at most 1, or 0 if there is none.
func (c *Config) share(key string) float64 {
	v := 0.0
	c.number(key, &v, "share")
	return v
}

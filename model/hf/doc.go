// Package hf reads folders as Hugging Face publishes models: their weights, config.json and
// generation_config.json.
//
// [OpenWeights] finds the files of the weights and opens them.
//
// A [Config] is a JSON object. [Config.Read] fills a struct from it; fields keep their values, the defaults
// of the family, where a key is absent. [Config.Rope] makes the rotary embedding that an object describes.
// The Config collects errors, so a recipe reads from top to bottom; [Config.Err] returns them all.
//
//	cfg := Config{HiddenSize: 4096, HiddenAct: nn.SiLU} // the defaults of the class in transformers
//	c.Read(&cfg)
//	if cfg.HiddenSize%cfg.NumAttentionHeads != 0 {
//		c.Fail("hidden_size %d is not a multiple of num_attention_heads %d", cfg.HiddenSize, cfg.NumAttentionHeads)
//	}
//
// JSON is read as Python writes it. NaN and Infinity are an error for a key that is read as a number, and for no other. A
// byte-order mark before the text is passed over, where the reference refuses it.
//
// # Quantised weights
//
// [Config.Dequantize] shows weights in few bits as what they stand for, as quantization_config says: fp8, mxfp4, gptq, awq
// and compressed-tensors. [Config.CheckQuantization] names what is not supported.
//
// # Labels
//
// [Config.Labels] names the labels of a classifier as transformers 5.24 does where num_labels and id2label disagree.
//
// # Generation
//
// [ReadGeneration] reads how the checkpoint is meant to generate. Each attribute that GenerationConfig has in transformers
// 5.24 is of one of three kinds; other keys are passed over.
//
// Most are obeyed, by fields of [Generation]: lengths, end tokens and stop strings, the search, the sampler and the processors
// of logits.
//
// These would change the text, are not built, and are an error where they would: cache_implementation "quantized",
// constraints, dola_layers, force_words_ids, guidance_scale, is_assistant, max_time, penalty_alpha, token_healing,
// watermarking_config. Where the reference itself does nothing with one (penalty_alpha with do_sample), neither does
// this package.
//
// These do not change the text: how keys and values are cached (use_cache, cache_implementation, cache_config,
// max_cache_len, prefill_chunk_size, low_memory), what is compiled (compile_config, disable_compile,
// continuous_batching_config), what is returned beside the text (output_attentions, output_hidden_states, output_logits,
// output_scores, return_dict_in_generate), speculation, which is exact (use_mtp, speculation_type, prompt_lookup_num_tokens,
// max_matching_ngram_size, num_assistant_tokens, and what begins with assistant_ or target_), and transformers_version.
//
// The text differs from the reference's in one way on purpose. Where generation_config.json has no eos_token_id, that
// of config.json ends the text; the reference goes on to the length. Set GenerateOptions.EOS of package model to an
// empty slice for that.
package hf

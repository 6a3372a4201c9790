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
// [ReadGeneration] reads the generation settings.
package hf

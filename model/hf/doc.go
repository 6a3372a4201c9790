// Package hf reads folders as Hugging Face publishes models: their weights, config.json and generation_config.json.
//
// [OpenWeights] finds the files of the weights and opens them.
//
// A [Config] gives the values of a JSON object. [Config.Read] fills a struct with the names of the JSON, whose
// values before are the defaults of the family, and [Config.Rope] makes the rotation that an object describes.
// Wrong values are noted, not returned, so that a recipe reads top to bottom; all are reported together.
//
//	cfg := Config{HiddenSize: 4096, HiddenAct: nn.SiLU} // the defaults of the reference's class
//	c.Read(&cfg)
//	if cfg.HiddenSize%cfg.NumAttentionHeads != 0 {
//		c.Fail("hidden_size %d is no multiple of num_attention_heads %d", cfg.HiddenSize, cfg.NumAttentionHeads)
//	}
//
// [ReadGeneration] reads how the checkpoint is meant to generate.
package hf

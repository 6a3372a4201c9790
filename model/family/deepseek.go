package family

import (
	"math"
	"slices"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/moe"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// deepseekConfig holds the keys of DeepSeek V2 and V3, and of what is made like them.
type deepseekConfig struct {
	LlamaConfig
	sharedMoEConfig
	QLoRARank      *int     `json:"q_lora_rank" hf:"width"` // nil: queries are one projection
	KVLoRARank     int      `json:"kv_lora_rank" hf:"width"`
	QKNopeHeadDim  int      `json:"qk_nope_head_dim" hf:"width"`
	QKRopeHeadDim  int      `json:"qk_rope_head_dim" hf:"width"`
	VHeadDim       int      `json:"v_head_dim" hf:"width"`
	RopeInterleave bool     `json:"rope_interleave"`
	TopKMethod     string   `json:"topk_method"`
	MLPLayerTypes  []string `json:"mlp_layer_types"` // of GLM
}

// deepseekDefaults returns the defaults that DeepSeek's models share.
func deepseekDefaults() deepseekConfig {
	cfg := deepseekConfig{LlamaConfig: LlamaDefaults(), QLoRARank: new(1536), KVLoRARank: 512, QKNopeHeadDim: 128, QKRopeHeadDim: 64, VHeadDim: 128,
		RopeInterleave: true}
	return cfg
}

// deepseek builds models with latent attention and experts.
type deepseek struct {
	*Llama
	cfg    deepseekConfig
	rotary *attention.RoPE

	sparse func(layer int) bool
	router func(f nn.Loader) *moe.TopK
}

// newDeepseek returns the builder for a config that has been read. router is to be set.
func newDeepseek(c *hf.Config, cfg deepseekConfig) *deepseek {
	cfg.HeadDim = &cfg.QKRopeHeadDim // what rotates
	m := &deepseek{Llama: NewLlama(c, cfg.LlamaConfig), cfg: cfg}
	if m.KVHeads != m.NumAttentionHeads {
		c.Fail("num_key_value_heads is %d of %d heads; latent attention makes keys and values for every head", m.KVHeads, m.NumAttentionHeads)
	}
	if cfg.QKRopeHeadDim%2 != 0 {
		c.Fail("qk_rope_head_dim is %d; pairs of values rotate, so an even number is needed", cfg.QKRopeHeadDim)
	}
	m.RotateAll()
	m.rotary = m.Rotary(0)
	if m.rotary.Interleaved = cfg.RopeInterleave; m.rotary.Long != nil {
		m.rotary.Long.Interleaved = cfg.RopeInterleave
	}
	m.sparse = func(i int) bool { return i >= cfg.FirstKDenseReplace }
	return m
}

// attention returns the self_attn of a layer. The norms within attention have an epsilon of their own.
func (m *deepseek) attention(l nn.Loader) *attention.Latent {
	const epsilon = 1e-6
	a, cfg, heads := l.At("self_attn"), &m.cfg, m.NumAttentionHeads
	query := cfg.QKNopeHeadDim + cfg.QKRopeHeadDim
	x := &attention.Latent{
		Heads: heads, NopeDim: cfg.QKNopeHeadDim, RopeDim: cfg.QKRopeHeadDim, ValueDim: cfg.VHeadDim, Rank: cfg.KVLoRARank,
		Rotary: m.rotary, Scale: float32(m.scale() / math.Sqrt(float64(query))),
	}
	latents := nn.Part{Name: "kv_a_proj_with_mqa", Out: cfg.KVLoRARank + cfg.QKRopeHeadDim}
	if rank := cfg.QLoRARank; rank != nil {
		x.Down = a.Fused(m.HiddenSize, m.AttentionBias, nn.Part{Name: "q_a_proj", Out: *rank}, latents)
		x.QueryNorm = a.RMSNorm("q_a_layernorm", *rank, epsilon, 0)
		x.QueryUp = a.Linear("q_b_proj", *rank, heads*query, false)
	} else {
		x.Down = a.Fused(m.HiddenSize, false, nn.Part{Name: "q_proj", Out: heads * query}, latents)
		if m.AttentionBias { // which the queries do not have
			if b := a.Vector(latents.Name+".bias", latents.Out); x.Down.Weight != nil && b != nil {
				x.Down.Bias = append(make([]float32, heads*query), b...)
			}
		}
	}
	x.LatentNorm = a.RMSNorm("kv_a_layernorm", cfg.KVLoRARank, epsilon, 0)
	x.Up = m.up(a)
	x.Out = a.Linear("o_proj", heads*cfg.VHeadDim, m.HiddenSize, m.AttentionBias)
	return x
}

// up returns what makes keys and values: kv_b_proj, or k_b_proj, transposed for each head, and v_b_proj, as GGUF files have it.
func (m *deepseek) up(a nn.Loader) (u attention.LatentUp) {
	cfg, heads := &m.cfg, m.NumAttentionHeads
	if a.Has("k_b_proj.weight") {
		u.KeysTransposed, u.Keys = a.StackedHeads("k_b_proj", heads, cfg.KVLoRARank, cfg.QKNopeHeadDim)
		u.Values, _ = a.StackedHeads("v_b_proj", heads, cfg.VHeadDim, cfg.KVLoRARank)
		return u
	}
	up := a.Heads("kv_b_proj", cfg.KVLoRARank, heads, cfg.QKNopeHeadDim+cfg.VHeadDim,
		nn.HeadRows{N: cfg.QKNopeHeadDim}, nn.HeadRows{N: cfg.QKNopeHeadDim, Transposed: true}, nn.HeadRows{First: cfg.QKNopeHeadDim, N: cfg.VHeadDim})
	return attention.LatentUp{Keys: up[0], KeysTransposed: up[1], Values: up[2]}
}

// scale is YaRN's correction of the scores, which comes beside that of cosines and sines.
func (m *deepseek) scale() float64 {
	if f := m.rotary.ScoreFactor; f != 0 {
		return f
	}
	return 1
}

// layer returns a layer, with experts or without.
func (m *deepseek) layer(c *hf.Config, l nn.Loader, sparse bool) block.Block {
	a := m.attention(l)
	if !sparse {
		return m.PreNorm(l, a, m.GLU(l))
	}
	f := l.At("mlp")
	return m.PreNorm(l, a, m.cfg.sharedMoEConfig.layer(c, f, m.HiddenSize, m.HiddenAct, m.router(f), m.MLPBias))
}

// decoder assembles the model. Layers after the last are those that predict further tokens.
func (m *deepseek) decoder(c *hf.Config, w nn.Loader) *arch.Decoder {
	body := w.Root("model", "embed_tokens.weight", "norm.weight")
	d := m.Assemble(body, w, func(i int, l nn.Loader) block.Block { return m.layer(c, l, m.sparse(i)) })
	d.Prediction = m.prediction(c, body, m.cfg.Predictions, func(l nn.Loader) block.Block { return m.layer(c, l, true) })
	return d
}

// deepseek2 is DeepSeek V2 and V2-Lite (DeepSeek-AI, "DeepSeek-V2", 2024; transformers: DeepseekV2ForCausalLM).
func deepseek2(c *hf.Config, w nn.Loader) *arch.Decoder {
	c = c.Alias("n_routed_experts", "num_experts")
	cfg := deepseekDefaults()
	cfg.VocabSize, cfg.TopKMethod = 102400, "greedy"
	cfg.NRoutedExperts, cfg.NSharedExperts, cfg.MoEIntermediateSize, cfg.RoutedScalingFactor = 64, 2, 1407, 1
	c.Refuse("scoring_func", `"softmax"`)
	c.Read(&cfg)
	cfg.RopeInterleave, cfg.Predictions = true, 0
	if cfg.NumExpertsPerTok == 0 {
		c.Fail("num_experts_per_tok is missing")
	}
	var groups moe.Groups
	switch cfg.TopKMethod {
	case "greedy":
	case "group_limited_greedy":
		groups = cfg.groups(c, moe.Best)
	default:
		c.Fail("topk_method %q is not supported; these are: greedy group_limited_greedy", cfg.TopKMethod)
	}
	m := newDeepseek(c, cfg)
	m.router = func(f nn.Loader) *moe.TopK {
		return &moe.TopK{ // norm_topk_prob is not read
			Gate: f.Float32("gate", m.HiddenSize, cfg.NRoutedExperts, false), Active: cfg.NumExpertsPerTok,
			Score: moe.Softmax, Groups: groups, Scale: float32(cfg.RoutedScalingFactor),
		}
	}
	return m.decoder(c, w)
}

// deepseek3Defaults returns the defaults of DeepSeek V3.
func deepseek3Defaults() deepseekConfig {
	cfg := deepseekDefaults()
	cfg.VocabSize, cfg.HiddenSize, cfg.IntermediateSize, cfg.NumHiddenLayers, cfg.NumAttentionHeads = 129280, 7168, 18432, 61, 128
	cfg.NumKeyValueHeads, cfg.MaxPositionEmbeddings = new(128), 4096
	cfg.sharedMoEConfig = sharedMoEConfig{MoEIntermediateSize: 2048, NRoutedExperts: 256, NSharedExperts: 1, NumExpertsPerTok: 8,
		NGroup: new(8), TopKGroup: new(4), NormTopKProb: true, RoutedScalingFactor: 2.5, FirstKDenseReplace: 3, Predictions: 1}
	return cfg
}

// deepseek3 is DeepSeek V3 and R1 (DeepSeek-AI, "DeepSeek-V3 Technical Report", 2024; transformers:
// DeepseekV3ForCausalLM), and Kimi K2, which is the same with more experts and without groups.
func deepseek3(c *hf.Config, w nn.Loader) *arch.Decoder {
	cfg := deepseek3Defaults()
	c = readDeepseek3(c, &cfg)
	m := newDeepseek(c, cfg)
	m.router = func(f nn.Loader) *moe.TopK { return cfg.sigmoidRouter(c, f, m.HiddenSize) }
	return m.decoder(c, w)
}

// readDeepseek3 reads a config of V3, and returns it with one name for each key.
func readDeepseek3(c *hf.Config, cfg *deepseekConfig) *hf.Config {
	c = c.Alias("n_routed_experts", "num_local_experts").Alias("num_nextn_predict_layers", "num_mtp_layers")
	c.Refuse("scoring_func", `"sigmoid"`)
	c.Refuse("topk_method", `"noaux_tc"`)
	c.Read(cfg)
	cfg.MLPBias = false // the key is not read
	return c
}

// glm4moelite is GLM-4.7-Flash (transformers: Glm4MoeLiteForCausalLM): DeepSeek V3 in other sizes, whose layers
// have their types in a list.
func glm4moelite(c *hf.Config, w nn.Loader) *arch.Decoder {
	cfg := deepseek3Defaults()
	cfg.VocabSize, cfg.HiddenSize, cfg.IntermediateSize, cfg.NumHiddenLayers, cfg.NumAttentionHeads = 154880, 2048, 10240, 47, 20
	cfg.NumKeyValueHeads, cfg.MaxPositionEmbeddings, cfg.RMSNormEps = new(20), 202752, 1e-5
	cfg.QLoRARank, cfg.QKNopeHeadDim, cfg.VHeadDim = new(768), 192, 256
	cfg.MoEIntermediateSize, cfg.NRoutedExperts, cfg.NumExpertsPerTok, cfg.RoutedScalingFactor = 1536, 64, 4, 1.8
	cfg.NGroup, cfg.TopKGroup = new(1), new(1)
	for _, where := range []*hf.Config{c, c.RopeParameters()} {
		where.Refuse("partial_rotary_factor", "1", "1.0")
	}
	c = readDeepseek3(c, &cfg)
	m := newDeepseek(c, cfg)
	m.sparse = func(i int) bool { return i > 0 }
	if types := cfg.MLPLayerTypes; types != nil {
		if len(types) != m.NumHiddenLayers {
			c.Fail("mlp_layer_types has %d entries for %d layers", len(types), m.NumHiddenLayers)
		}
		for _, kind := range types {
			if !slices.Contains([]string{"dense", "sparse"}, kind) {
				c.Fail("mlp_layer_types has %.100q; these are supported: dense sparse", kind)
			}
		}
		m.sparse = func(i int) bool { return i < len(types) && types[i] == "sparse" }
	}
	m.router = func(f nn.Loader) *moe.TopK { return cfg.sigmoidRouter(c, f, m.HiddenSize) }
	return m.decoder(c, w)
}

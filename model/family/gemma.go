package family

import (
	"math"
	"strings"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

func gemmaDefaults() LlamaConfig {
	cfg := LlamaDefaults()
	cfg.VocabSize, cfg.HiddenSize, cfg.IntermediateSize, cfg.NumHiddenLayers = 256000, 3072, 24576, 28
	cfg.NumAttentionHeads, cfg.NumKeyValueHeads, cfg.HeadDim = 16, new(16), new(256)
	cfg.HiddenAct, cfg.MaxPositionEmbeddings, cfg.TieWordEmbeddings = nn.GELUTanh, 8192, true
	return cfg
}

// newGemma returns the builder of the parts that all generations share.
func newGemma(c *hf.Config, cfg LlamaConfig) *Llama {
	m := NewLlama(c, cfg)
	m.MLPBias = false
	m.Norm = func(w nn.Loader, name string, dim int) nn.Norm {
		return w.RMSNorm(name, dim, float32(cfg.RMSNormEps), 1) // unlike LLaMA: files hold the weight minus 1
	}
	return m
}

// gemmaDecoder assembles a decoder.
func gemmaDecoder(m *Llama, w nn.Loader, layer func(i int, l nn.Loader) block.Block) *arch.Decoder {
	d := m.Decoder(w, layer)
	d.Embeddings.Scale = float32(math.Sqrt(float64(m.HiddenSize))) // unlike LLaMA
	return d
}

// gemma is the first Gemma (Gemma Team, 2024; transformers: GemmaForCausalLM).
func gemma(c *hf.Config, w nn.Loader) *arch.Decoder {
	cfg := gemmaDefaults()
	c.Read(&cfg)
	if c.String("hidden_act", "") == "gelu" {
		cfg.HiddenAct = nn.GELUTanh // what early configs meant
	}
	c.Refuse("use_bidirectional_attention", "false")
	m := newGemma(c, cfg)
	m.RotateAll()
	return gemmaDecoder(m, w, func(i int, l nn.Loader) block.Block {
		return m.PreNorm(l, m.Attention(i, l), m.GLU(l))
	})
}

// gemma2Config has the keys that Gemma 2 and 3 add. They ignore hidden_act and read hidden_activation.
type gemma2Config struct {
	LlamaConfig
	HiddenActivation       nn.Activation `json:"hidden_activation"`
	QueryPreAttnScalar     float64       `json:"query_pre_attn_scalar" hf:"positive"`
	SlidingWindow          *int          `json:"sliding_window" hf:"length"`
	AttnLogitSoftcapping   *float64      `json:"attn_logit_softcapping" hf:"positive"`
	FinalLogitSoftcapping  *float64      `json:"final_logit_softcapping" hf:"positive"`
	SlidingWindowPattern   int           `json:"sliding_window_pattern" hf:"layers"`
	RopeLocalBaseFrequency float64       `json:"rope_local_base_freq"`
}

func gemma2Defaults() gemma2Config {
	cfg := gemma2Config{LlamaConfig: gemmaDefaults(), HiddenActivation: nn.GELUTanh, QueryPreAttnScalar: 256, SlidingWindow: new(4096),
		AttnLogitSoftcapping: new(50.0), FinalLogitSoftcapping: new(30.0), SlidingWindowPattern: 2}
	cfg.HiddenSize, cfg.IntermediateSize, cfg.NumHiddenLayers = 2304, 9216, 26
	cfg.NumAttentionHeads, cfg.NumKeyValueHeads = 8, new(4)
	return cfg
}

// newGemma2 reads the config and returns the builder of Gemma 2 and 3.
func newGemma2(c *hf.Config, cfg *gemma2Config) *Llama {
	c.Read(cfg)
	cfg.HiddenAct = cfg.HiddenActivation
	return newGemma(c, cfg.LlamaConfig)
}

func softCap(v *float64) float32 {
	if v == nil {
		return 0
	}
	return float32(*v)
}

// attention returns that of layer i.
func (cfg *gemma2Config) attention(m *Llama, i int, l nn.Loader) *attention.MultiHead {
	a := m.Attention(i, l)
	a.Scale = float32(1 / math.Sqrt(cfg.QueryPreAttnScalar)) // not 1/√head_dim
	return a
}

// layerTypes returns layer_types, or else sliding layers with every SlidingWindowPattern-th full.
func (cfg *gemma2Config) layerTypes(c *hf.Config) []string {
	return c.LayerTypes(cfg.NumHiddenLayers, func(i int) string {
		if (i+1)%cfg.SlidingWindowPattern != 0 {
			return hf.SlidingAttention
		}
		return hf.FullAttention
	}, hf.FullAttention, hf.SlidingAttention)
}

// gemma2 is Gemma 2 (Gemma Team, "Gemma 2", 2024; transformers: Gemma2ForCausalLM): norms before and after
// each sublayer, soft-caps on scores and logits, and a window on every other layer.
func gemma2(c *hf.Config, w nn.Loader) *arch.Decoder {
	cfg := gemma2Defaults()
	m := newGemma2(c, &cfg)
	cfg.SlidingWindowPattern = 2 // the config's key is ignored
	c.Refuse("use_bidirectional_attention", "false")
	m.RotateAll()
	m.Windows(cfg.SlidingWindow, cfg.layerTypes(c))
	d := gemmaDecoder(m, w, func(i int, l nn.Loader) block.Block {
		a := cfg.attention(m, i, l)
		a.SoftCap = softCap(cfg.AttnLogitSoftcapping)
		return m.Sandwich(l, a, m.GLU(l))
	})
	d.LogitSoftCap = softCap(cfg.FinalLogitSoftcapping)
	return d
}

func gemma3Defaults() gemma2Config {
	cfg := gemma2Defaults()
	cfg.VocabSize, cfg.MaxPositionEmbeddings, cfg.RopeTheta = 262208, 131072, 1e6
	cfg.AttnLogitSoftcapping, cfg.FinalLogitSoftcapping = nil, nil
	cfg.SlidingWindowPattern, cfg.RopeLocalBaseFrequency = 6, 1e4
	return cfg
}

// gemma3 is Gemma 3 (Gemma Team, "Gemma 3", 2025; transformers: Gemma3ForCausalLM). Instead of soft-capped
// scores it has norms of each head's queries and keys. Its many sliding layers rotate with a base of their
// own. As in transformers, the key attn_logit_softcapping has no effect.
func gemma3(c *hf.Config, w nn.Loader) *arch.Decoder {
	if c.Bool("use_bidirectional_attention", false) {
		c.Fail("use_bidirectional_attention is true: the model reads in both directions; open it with OpenEncoder")
	}
	cfg, m := newGemma3(c)
	d := gemmaDecoder(m, w, cfg.gemma3Layer(m))
	d.LogitSoftCap = softCap(cfg.FinalLogitSoftcapping)
	return d
}

// newGemma3 reads the config and returns the builder.
func newGemma3(c *hf.Config) (*gemma2Config, *Llama) {
	cfg := gemma3Defaults()
	m := newGemma2(c, &cfg)
	types := cfg.layerTypes(c)
	m.Windows(cfg.SlidingWindow, types)
	m.RotateByType(types, cfg.RopeTheta, cfg.RopeLocalBaseFrequency)
	return &cfg, m
}

func (cfg *gemma2Config) gemma3Layer(m *Llama) func(i int, l nn.Loader) block.Block {
	return func(i int, l nn.Loader) block.Block {
		a := cfg.attention(m, i, l)
		m.HeadNorms(a, l)
		return m.Sandwich(l, a, m.GLU(l))
	}
}

// gemma3Encoder is Gemma 3 as an encoder (transformers: Gemma3TextModel): bidirectional if
// use_bidirectional_attention is true, as in EmbeddingGemma (Google, 2025), and causal otherwise.
func gemma3Encoder(c *hf.Config, w nn.Loader) *arch.Encoder {
	cfg, m := newGemma3(c)
	if c.Bool("use_bidirectional_attention", false) {
		causal := m.Mask
		m.Mask = func(i int) attention.Mask {
			if window := causal(i).Window; window > 0 {
				return attention.Mask{Window: window/2 + 1} // sliding_window counts both sides: w/2 tokens on each
			}
			return attention.Mask{}
		}
	}
	body := w.Root("model", "embed_tokens.weight", "norm.weight")
	if m.TieWordEmbeddings {
		w.Tie(body.Name("embed_tokens"), w.Name("lm_head"))
	}
	t := m.Trunk(body, body.Embedding("embed_tokens", m.VocabSize, m.HiddenSize), cfg.gemma3Layer(m))
	t.Embeddings.Scale = float32(math.Sqrt(float64(m.HiddenSize)))
	e := &arch.Encoder{Trunk: t}
	scoreHeads(c, w, e, gemmaTokens().PAD)
	return e
}

// gemma3Pictures is the text model of a Gemma 3 for pictures and text (transformers:
// Gemma3ForConditionalGeneration). The vision tower and the projector are not read. The logits have no
// soft-cap, whatever text_config says.
func gemma3Pictures(c *hf.Config, w nn.Loader) *arch.Decoder {
	text := c.Object("text_config")
	text.Refuse("use_bidirectional_attention", "false")
	cfg, m := newGemma3(text)
	m.TieWordEmbeddings = c.Bool("tie_word_embeddings", c.Raw("tie_word_embeddings") == nil) // that of text_config does not count
	w = w.Root("", "language_model.model.norm.weight", "model.language_model.norm.weight")
	body, head := w.At("language_model.model"), w.At("language_model")
	if w.Has("model.language_model.norm.weight") { // as the class names them in memory
		body, head = w.At("model.language_model"), w
	}
	d := m.Assemble(body, head, cfg.gemma3Layer(m))
	d.Embeddings.Scale = float32(math.Sqrt(float64(m.HiddenSize)))
	w.Ignore(func(name string) bool {
		name = strings.TrimPrefix(name, "model.")
		return strings.HasPrefix(name, "vision_tower.") || strings.HasPrefix(name, "multi_modal_projector.")
	})
	return d
}

func gemmaTokens() hf.Tokens { return tokens(2, 1, 0) }

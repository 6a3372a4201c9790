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

type t5Config struct {
	VocabSize                    int     `json:"vocab_size" hf:"vocab"`
	DModel                       int     `json:"d_model" hf:"width"`
	DKV                          int     `json:"d_kv" hf:"width"`
	DFF                          int     `json:"d_ff" hf:"width"`
	NumLayers                    int     `json:"num_layers" hf:"layers"`
	NumDecoderLayers             *int    `json:"num_decoder_layers" hf:"layers"` // nil: num_layers
	NumHeads                     int     `json:"num_heads" hf:"heads"`
	RelativeAttentionNumBuckets  int     `json:"relative_attention_num_buckets" hf:"width"`
	RelativeAttentionMaxDistance int     `json:"relative_attention_max_distance" hf:"width"`
	LayerNormEpsilon             float64 `json:"layer_norm_epsilon" hf:"epsilon"`
	FeedForwardProj              string  `json:"feed_forward_proj"`
	DenseActFn                   *string `json:"dense_act_fn"` // nil: as feed_forward_proj says
	IsGatedAct                   *bool   `json:"is_gated_act"` // nil: as feed_forward_proj says
	TieWordEmbeddings            bool    `json:"tie_word_embeddings"`
	ScaleDecoderOutputs          *bool   `json:"scale_decoder_outputs"` // nil: as tie_word_embeddings
}

func t5Defaults() t5Config {
	return t5Config{VocabSize: 32128, DModel: 512, DKV: 64, DFF: 2048, NumLayers: 6, NumHeads: 8, RelativeAttentionNumBuckets: 32,
		RelativeAttentionMaxDistance: 128, LayerNormEpsilon: 1e-6, FeedForwardProj: "relu", TieWordEmbeddings: true}
}

func mt5Defaults() t5Config {
	cfg := t5Defaults()
	cfg.VocabSize, cfg.DFF, cfg.NumLayers, cfg.NumHeads, cfg.FeedForwardProj = 250112, 1024, 8, 6, "gated-gelu"
	return cfg
}

func t5Tokens() hf.Tokens { return hf.Tokens{PAD: new(0), EOS: new(1), Start: new(0)} }

// feedForward returns the activation, and whether the network is gated. dense_act_fn and is_gated_act
// override feed_forward_proj.
func (cfg *t5Config) feedForward(c *hf.Config) (act nn.Activation, gated bool) {
	name, gated := strings.CutPrefix(cfg.FeedForwardProj, "gated-")
	if cfg.FeedForwardProj == "gated-gelu" {
		name = "gelu_new" // in "gated-gelu", gelu means the tanh form
	}
	if cfg.DenseActFn != nil {
		name = *cfg.DenseActFn
	}
	if cfg.IsGatedAct != nil {
		gated = *cfg.IsGatedAct
	}
	act, err := nn.ParseActivation(name)
	if err != nil {
		c.Fail("feed_forward_proj: %w", err)
	}
	return act, gated
}

// t5Builder builds T5 and its relatives: RMSNorm before each sublayer, no biases, unscaled scores, and
// positions as a bias of self-attention by distance.
type t5Builder struct {
	t5Config
	act          nn.Activation
	gated        bool
	biasPerLayer bool // otherwise all layers use the first layer's bias
}

// newT5 reads the config and returns the builder of the model at w. Its tables are one whatever the config says:
// tie_word_embeddings is about the scale of logits.
func newT5(c *hf.Config, w nn.Loader, cfg t5Config) *t5Builder {
	c.Read(&cfg)
	m := &t5Builder{t5Config: cfg}
	if n, far := cfg.RelativeAttentionNumBuckets, cfg.RelativeAttentionMaxDistance; n < 4 || far <= n/2 {
		c.Fail("relative_attention_num_buckets %d and relative_attention_max_distance %d: at least 4 buckets, and a distance beyond half of them, are needed", n, far)
		m.RelativeAttentionNumBuckets, m.RelativeAttentionMaxDistance = 4, 4
	}
	m.act, m.gated = cfg.feedForward(c)
	w.Tie(w.Name("shared"), w.Name("encoder.embed_tokens"), w.Name("decoder.embed_tokens"), w.Name("lm_head"))
	return m
}

func (m *t5Builder) norm(w nn.Loader, name string) *nn.RMSNorm {
	return w.RMSNorm(name, m.DModel, float32(m.LayerNormEpsilon), 0)
}

// trunk assembles the encoder or the decoder at w.
func (m *t5Builder) trunk(w nn.Loader, layers int, decoder bool) *arch.Trunk {
	t := &arch.Trunk{Vocab: m.VocabSize, Stack: arch.Stack{Dim: m.DModel}, MaxLen: hf.MaxLength}
	width := m.NumHeads * m.DKV
	var distances attention.Buckets
	var bias attention.Bias
	for i, l := range w.Layers("block", layers) {
		if i == 0 || m.biasPerLayer {
			bias = m.bias(l, !decoder, &distances)
		}
		self := l.At("layer.0.SelfAttention")
		a := &attention.MultiHead{
			Heads: m.NumHeads, KVHeads: m.NumHeads, HeadDim: m.DKV,
			QKV:  self.Fused(m.DModel, false, parts(width, "q", "k", "v")...),
			Out:  self.Linear("o", width, m.DModel, false),
			Mask: attention.Mask{Causal: decoder}, Scale: 1, Bias: bias, // scores are not divided by √d
		}
		b := block.Block{{Pre: m.norm(l, "layer.0.layer_norm"), Op: a}}
		if decoder {
			b = append(b, block.Residual{Pre: m.norm(l, "layer.1.layer_norm"), Op: m.cross(l.At("layer.1.EncDecAttention"))})
		}
		f := l.At("layer.%d", len(b))
		t.Blocks = append(t.Blocks, append(b, block.Residual{Pre: m.norm(f, "layer_norm"), Op: m.network(f.At("DenseReluDense"))}))
	}
	t.Norm = m.norm(w, "final_layer_norm")
	return t
}

// bias returns the bias by distance at l. distances are computed at the first call and reused.
func (m *t5Builder) bias(l nn.Loader, bidirectional bool, distances *attention.Buckets) attention.Bias {
	t := l.Embedding("layer.0.SelfAttention.relative_attention_bias", m.RelativeAttentionNumBuckets, m.NumHeads)
	if t.Weight == nil || l.ShapesOnly() {
		return nil
	}
	if distances.Of == nil {
		*distances = t5Buckets(m.RelativeAttentionNumBuckets, m.RelativeAttentionMaxDistance, bidirectional)
	}
	return bucketBias(t.Weight, *distances)
}

func (m *t5Builder) cross(l nn.Loader) *attention.CrossAttention {
	width := m.NumHeads * m.DKV
	return &attention.CrossAttention{
		Heads: m.NumHeads, HeadDim: m.DKV, Scale: 1,
		Query: l.Linear("q", m.DModel, width, false),
		KV:    l.Fused(m.DModel, false, parts(width, "k", "v")...),
		Out:   l.Linear("o", width, m.DModel, false),
	}
}

// network returns the feed-forward network of a layer.
func (m *t5Builder) network(l nn.Loader) attention.Op {
	if m.gated {
		return &block.GLU{GateUp: l.Fused(m.DModel, false, parts(m.DFF, "wi_0", "wi_1")...), Act: m.act, Down: l.Linear("wo", m.DFF, m.DModel, false)}
	}
	return &block.MLP{Up: l.Linear("wi", m.DModel, m.DFF, false), Act: m.act, Down: l.Linear("wo", m.DFF, m.DModel, false)}
}

// encoder assembles the encoder alone. A decoder and a head in the checkpoint are not read.
func (m *t5Builder) encoder(w nn.Loader) *arch.Encoder {
	e := &arch.Encoder{Trunk: m.trunk(w.At("encoder"), m.NumLayers, false)}
	e.Embeddings.Words = w.Embedding("encoder.embed_tokens", m.VocabSize, m.DModel)
	w.Ignore(func(name string) bool { return strings.HasPrefix(name, w.Prefix()+"decoder.") })
	return e
}

// model assembles both sides at w. With scaled, logits are divided by √d if embeddings and head are tied, or
// as scale_decoder_outputs says.
func (m *t5Builder) model(c *hf.Config, w nn.Loader, scaled bool) *arch.EncoderDecoder {
	if class := c.Architecture(); strings.HasSuffix(class, "EncoderModel") {
		c.Fail("architecture %q is an encoder alone: open it with OpenEncoder", class)
	}
	layers := m.NumLayers
	if m.NumDecoderLayers != nil {
		layers = *m.NumDecoderLayers
	}
	e := &arch.Encoder{Trunk: m.trunk(w.At("encoder"), m.NumLayers, false)}
	d := &arch.Decoder{Trunk: m.trunk(w.At("decoder"), layers, true)}
	e.Embeddings.Words = w.Embedding("encoder.embed_tokens", m.VocabSize, m.DModel)
	d.Embeddings.Words = w.Embedding("decoder.embed_tokens", m.VocabSize, m.DModel)
	d.Head = w.Head(d.Embeddings.Words, "lm_head")
	w.Ignore(func(name string) bool { // cross-attention has no bias, though files hold one
		return strings.HasSuffix(name, ".layer.1.EncDecAttention.relative_attention_bias.weight")
	})
	if m.ScaleDecoderOutputs != nil {
		scaled = scaled && *m.ScaleDecoderOutputs
	} else {
		scaled = scaled && m.TieWordEmbeddings
	}
	if scaled {
		d.LogitScale = float32(1 / math.Sqrt(float64(m.DModel)))
	}
	return &arch.EncoderDecoder{Encoder: e, Decoder: d}
}

// t5Root returns the Loader for the names of T5ForConditionalGeneration.
func t5Root(w nn.Loader) nn.Loader {
	const probe = "encoder.final_layer_norm.weight"
	if w.Has("transformer." + probe) {
		return w.At("transformer")
	}
	return w.Root("", probe)
}

// t5 is T5 (Raffel et al., "Exploring the Limits of Transfer Learning with a Unified Text-to-Text
// Transformer", 2020), T5 v1.1 and Flan-T5, which are gated (transformers: T5ForConditionalGeneration).
func t5(c *hf.Config, w nn.Loader) *arch.EncoderDecoder {
	w = t5Root(w)
	return newT5(c, w, t5Defaults()).model(c, w, true)
}

// t5Encoder is the encoder of a T5 alone (transformers: T5EncoderModel).
func t5Encoder(c *hf.Config, w nn.Loader) *arch.Encoder {
	w = t5Root(w)
	return newT5(c, w, t5Defaults()).encoder(w)
}

// mt5 is the multilingual T5 (Xue et al., 2021; transformers: MT5ForConditionalGeneration). Unlike T5, it
// never scales logits.
func mt5(c *hf.Config, w nn.Loader) *arch.EncoderDecoder {
	w = t5Root(w)
	return newT5(c, w, mt5Defaults()).model(c, w, false)
}

// mt5Encoder is the encoder of an mT5 alone (transformers: MT5EncoderModel).
func mt5Encoder(c *hf.Config, w nn.Loader) *arch.Encoder {
	w = t5Root(w)
	return newT5(c, w, mt5Defaults()).encoder(w)
}

// umt5 is mT5 with a bias in every layer and scaled logits (Chung et al., "UniMax", 2023; transformers:
// UMT5ForConditionalGeneration).
func umt5(c *hf.Config, w nn.Loader) *arch.EncoderDecoder {
	w = t5Root(w)
	m := newT5(c, w, mt5Defaults())
	m.biasPerLayer = true
	return m.model(c, w, true)
}

// umt5Encoder is the encoder of a UMT5 alone (transformers: UMT5EncoderModel).
func umt5Encoder(c *hf.Config, w nn.Loader) *arch.Encoder {
	w = t5Root(w)
	m := newT5(c, w, mt5Defaults())
	m.biasPerLayer = true
	return m.encoder(w)
}

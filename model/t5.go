package model

import (
	"math"
	"strings"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// t5 is the geometry of T5 and its relatives: norms without bias before each sublayer, no biases at all,
// scores without scale, and positions as a bias of self-attention by distance.
type t5 struct {
	Vocab, Dim, HeadDim, Inner int
	Heads                      int
	Layers, DecoderLayers      int
	Buckets, Distance          int
	Eps                        float32
	Act                        nn.Activation
	Gated                      bool
	BiasPerLayer               bool
	tables                     *tables
}

const (
	t5Defaults = `{"vocab_size": 32128, "d_model": 512, "d_kv": 64, "d_ff": 2048, "num_layers": 6, "num_heads": 8,
	"relative_attention_num_buckets": 32, "relative_attention_max_distance": 128, "layer_norm_epsilon": 1e-6,
	"feed_forward_proj": "relu", "tie_word_embeddings": true}`
	t5Tokens    = `{"pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0}`
	mt5Defaults = `{"vocab_size": 250112, "d_ff": 1024, "num_layers": 8, "num_heads": 6, "feed_forward_proj": "gated-gelu"}`
)

// readT5 reads what all relatives have in common.
func readT5(c config, w nn.Loader) *t5 {
	m := &t5{
		Vocab: c.size("vocab_size", maxVocab), Dim: c.size("d_model", maxWidth), HeadDim: c.size("d_kv", maxWidth),
		Inner: c.size("d_ff", maxWidth), Heads: c.size("num_heads", maxHeads), Layers: c.size("num_layers", maxLayers),
		Buckets: c.size("relative_attention_num_buckets", maxWidth), Distance: c.size("relative_attention_max_distance", maxWidth),
		Eps: c.epsilon("layer_norm_epsilon"),
	}
	m.DecoderLayers = m.Layers
	if c.has("num_decoder_layers") {
		m.DecoderLayers = c.size("num_decoder_layers", maxLayers)
	}
	if m.Buckets < 4 || m.Distance <= m.Buckets/2 {
		c.fail("relative_attention_num_buckets %d and relative_attention_max_distance %d: at least 4 buckets, and a distance beyond half of them, are needed", m.Buckets, m.Distance)
		m.Buckets, m.Distance = 4, 4
	}
	m.Act, m.Gated = c.feedForward()
	m.tables = &tables{w: w, vocab: m.Vocab, dim: m.Dim,
		names: []string{"shared", "encoder.embed_tokens", "decoder.embed_tokens", "lm_head"}}
	return m
}

// feedForward reads the activation, and whether the network is gated, from feed_forward_proj: "relu" or
// "gated-gelu", where gelu is the tanh form then. Newer keys override it.
func (c config) feedForward() (act nn.Activation, gated bool) {
	name := c.string("feed_forward_proj", "relu")
	rest, gated := strings.CutPrefix(name, "gated-")
	if name == "gated-gelu" {
		rest = "gelu_new"
	}
	act, err := nn.ParseActivation(c.string("dense_act_fn", rest))
	if err != nil {
		c.fail("feed_forward_proj: %w", err)
	}
	return act, c.bool("is_gated_act", gated)
}

func (m *t5) norm(w nn.Loader, name string) *nn.RMSNorm { return w.RMSNorm(name, m.Dim, m.Eps, 0) }

// parts are layers of one width.
func parts(out int, names ...string) []nn.Part {
	all := make([]nn.Part, len(names))
	for i, name := range names {
		all[i] = nn.Part{Name: name, Out: out}
	}
	return all
}

// stack assembles the encoder or the decoder below w.
func (m *t5) trunk(w nn.Loader, layers int, decoder bool) *arch.Trunk {
	s := &arch.Trunk{Vocab: m.Vocab, Dim: m.Dim, MaxLen: maxLength}
	var distances attention.Buckets
	var bias attention.Bias
	for i, l := range w.Layers("block", layers) {
		if i == 0 || m.BiasPerLayer {
			bias = m.bias(l, !decoder, &distances)
		}
		self := l.At("layer.0.SelfAttention")
		a := &attention.MultiHead{
			Heads: m.Heads, KVHeads: m.Heads, HeadDim: m.HeadDim,
			QKV:  self.Fused(m.Dim, false, parts(m.Heads*m.HeadDim, "q", "k", "v")...),
			Out:  self.Linear("o", m.Heads*m.HeadDim, m.Dim, false),
			Mask: attention.Mask{Causal: decoder}, Scale: 1, Bias: bias,
		}
		b := block.Block{{Pre: m.norm(l, "layer.0.layer_norm"), Op: a}}
		if decoder {
			b = append(b, block.Residual{Pre: m.norm(l, "layer.1.layer_norm"), Op: m.cross(i, l.At("layer.1.EncDecAttention"))})
		}
		f := l.At("layer.%d", len(b))
		s.Blocks = append(s.Blocks, append(b, block.Residual{Pre: m.norm(f, "layer_norm"), Op: m.feedForward(f.At("DenseReluDense"))}))
	}
	s.Norm = m.norm(w, "final_layer_norm")
	return s
}

// bias is added to the scores of self-attention, by distance. distances are those of the layers before, if
// there are any.
func (m *t5) bias(l nn.Loader, bidirectional bool, distances *attention.Buckets) attention.Bias {
	t := l.Embedding("layer.0.SelfAttention.relative_attention_bias", m.Buckets, m.Heads)
	if t.Weight == nil {
		return nil
	}
	if distances.Of == nil {
		*distances = t5Buckets(m.Buckets, m.Distance, bidirectional)
	}
	return bucketBias(t.Weight, *distances)
}

func (m *t5) cross(i int, l nn.Loader) *attention.CrossAttention {
	width := m.Heads * m.HeadDim
	return &attention.CrossAttention{
		Heads: m.Heads, HeadDim: m.HeadDim, Scale: 1,
		Query: l.Linear("q", m.Dim, width, false),
		KV:    l.Fused(m.Dim, false, parts(width, "k", "v")...),
		Out:   l.Linear("o", width, m.Dim, false),
	}
}

func (m *t5) feedForward(l nn.Loader) attention.Op {
	if m.Gated {
		return &block.GLU{GateUp: l.Fused(m.Dim, false, parts(m.Inner, "wi_0", "wi_1")...), Act: m.Act,
			Down: l.Linear("wo", m.Inner, m.Dim, false)}
	}
	return &block.MLP{Up: l.Linear("wi", m.Dim, m.Inner, false), Act: m.Act, Down: l.Linear("wo", m.Inner, m.Dim, false)}
}

func (m *t5) model(c config, w nn.Loader) *arch.EncoderDecoder {
	e := &arch.Encoder{Trunk: m.trunk(w.At("encoder"), m.Layers, false)}
	d := &arch.Decoder{Trunk: m.trunk(w.At("decoder"), m.DecoderLayers, true)}
	e.Embeddings.Words = m.tables.get("encoder.embed_tokens")
	d.Embeddings.Words = m.tables.get("decoder.embed_tokens")
	d.Head = m.tables.head("lm_head")
	m.tables.done()
	w.Ignore(func(name string) bool { // cross-attention has no bias, though files hold one
		return strings.HasSuffix(name, ".layer.1.EncDecAttention.relative_attention_bias.weight")
	})
	return &arch.EncoderDecoder{Encoder: e, Decoder: d}
}

// scaled gives the logits the factor d^−½ that a tied head has, unless the config says otherwise.
func (m *t5) scaled(c config, e *arch.EncoderDecoder) *arch.EncoderDecoder {
	if c.bool("scale_decoder_outputs", c.bool("tie_word_embeddings", true)) {
		e.Decoder.LogitScale = float32(1 / math.Sqrt(float64(m.Dim)))
	}
	return e
}

// t5Root returns the loader of the names as T5ForConditionalGeneration has them.
func t5Root(w nn.Loader) nn.Loader {
	if w.Has("transformer.encoder.final_layer_norm.weight") {
		return w.At("transformer")
	}
	return w
}

// buildT5 is T5 (Raffel et al., "Exploring the Limits of Transfer Learning with a Unified Text-to-Text
// Transformer", 2020), T5 v1.1 and Flan-T5, which are gated (transformers: T5ForConditionalGeneration).
func buildT5(c config, w nn.Loader) *arch.EncoderDecoder {
	c, w = c.defaults(t5Defaults), t5Root(w)
	m := readT5(c, w)
	return m.scaled(c, m.model(c, w))
}

// buildMT5 is the multilingual T5 (Xue et al., 2021; transformers: MT5ForConditionalGeneration), whose
// logits are never scaled.
func buildMT5(c config, w nn.Loader) *arch.EncoderDecoder {
	c, w = c.defaults(mt5Defaults).defaults(t5Defaults), t5Root(w)
	m := readT5(c, w)
	return m.model(c, w)
}

// buildUMT5 has a bias in every layer (Chung et al., "UniMax", 2023; transformers:
// UMT5ForConditionalGeneration).
func buildUMT5(c config, w nn.Loader) *arch.EncoderDecoder {
	c, w = c.defaults(mt5Defaults).defaults(t5Defaults), t5Root(w)
	m := readT5(c, w)
	m.BiasPerLayer = true
	return m.scaled(c, m.model(c, w))
}

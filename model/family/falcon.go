package family

import (
	"math"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/internal/half"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

type falconConfig struct {
	VocabSize              int           `json:"vocab_size" hf:"vocab"`
	HiddenSize             int           `json:"hidden_size" hf:"width"`
	NEmbed                 *int          `json:"n_embed" hf:"width"`         // replaces hidden_size
	FFNHiddenSize          *int          `json:"ffn_hidden_size" hf:"width"` // nil: 4 · hidden_size
	NumHiddenLayers        int           `json:"num_hidden_layers" hf:"layers"`
	NumAttentionHeads      int           `json:"num_attention_heads" hf:"heads"`
	NumKVHeads             *int          `json:"num_kv_heads" hf:"heads"` // nil: as many as there are heads
	NewDecoderArchitecture bool          `json:"new_decoder_architecture"`
	MultiQuery             bool          `json:"multi_query"`
	ParallelAttn           bool          `json:"parallel_attn"`
	NumLnInParallelAttn    *int          `json:"num_ln_in_parallel_attn"` // nil: 2 in the new architecture
	ALiBi                  bool          `json:"alibi"`
	Bias                   bool          `json:"bias"`
	Activation             nn.Activation `json:"activation"`
	MaxPositionEmbeddings  int           `json:"max_position_embeddings" hf:"length"`
	LayerNormEpsilon       float64       `json:"layer_norm_epsilon" hf:"epsilon"`
	RopeTheta              float64       `json:"rope_theta"`
	TieWordEmbeddings      bool          `json:"tie_word_embeddings"`
}

func falconDefaults() falconConfig {
	return falconConfig{VocabSize: 65024, HiddenSize: 4544, NumHiddenLayers: 32, NumAttentionHeads: 71, MultiQuery: true, ParallelAttn: true,
		Activation: nn.GELU, MaxPositionEmbeddings: 2048, LayerNormEpsilon: 1e-5, RopeTheta: 10000, TieWordEmbeddings: true}
}

// falconBuilder builds the three generations of Falcon.
type falconBuilder struct {
	falconConfig
	dim, inner, headDim int
	kvHeads             int
	norms               int // number of norms before two sublayers side by side

	rotary *attention.RoPE
	bias   attention.Bias
}

func newFalcon(c *hf.Config) *falconBuilder {
	m := &falconBuilder{falconConfig: falconDefaults(), norms: 1}
	c.Read(&m.falconConfig)
	m.dim = m.HiddenSize
	if m.NEmbed != nil {
		m.dim = *m.NEmbed
	}
	m.inner = 4 * m.dim
	if m.FFNHiddenSize != nil {
		m.inner = *m.FFNHiddenSize
	}
	m.headDim = wholeHeads(c, m.dim, m.NumAttentionHeads)
	m.readHeads(c)
	if m.NewDecoderArchitecture {
		m.norms = 2
	}
	if m.NumLnInParallelAttn != nil {
		m.norms = *m.NumLnInParallelAttn
	}
	switch {
	case m.NewDecoderArchitecture && !m.ParallelAttn:
		c.Fail("parallel_attn is false with new_decoder_architecture, whose layers have no norm for that")
	case m.ParallelAttn && m.norms != 1 && !(m.NewDecoderArchitecture && m.norms == 2):
		c.Fail("num_ln_in_parallel_attn is %d; 1 is needed, or 2 with new_decoder_architecture", m.norms)
	}
	if m.ALiBi {
		m.bias = newFalconALiBi(m.NumAttentionHeads, m.headDim)
	} else {
		m.rotary = c.Rope(c.RopeParameters(), hf.Rope{Dim: m.headDim, Theta: m.RopeTheta, MaxLen: m.MaxPositionEmbeddings})
	}
	return m
}

// readHeads finds the number of key/value heads.
func (m *falconBuilder) readHeads(c *hf.Config) {
	m.kvHeads = m.NumAttentionHeads
	if m.NumKVHeads != nil {
		m.kvHeads = *m.NumKVHeads
	}
	switch {
	case m.NewDecoderArchitecture: // multi_query is ignored
	case m.MultiQuery:
		m.kvHeads = 1
	case m.kvHeads != m.NumAttentionHeads:
		c.Fail("num_kv_heads is %d with %d heads; without new_decoder_architecture all heads need keys and values, or, with multi_query, one", m.kvHeads, m.NumAttentionHeads)
	}
	if m.NumAttentionHeads%m.kvHeads != 0 {
		c.Fail("%d attention heads cannot share %d key/value heads evenly", m.NumAttentionHeads, m.kvHeads)
		m.kvHeads = 1
	}
}

// layer returns the layer at l.
func (m *falconBuilder) layer(l nn.Loader) block.Block {
	norm := func(name string) nn.Norm { return l.LayerNorm(name, m.dim, float32(m.LayerNormEpsilon)) }
	a := &attention.MultiHead{
		Heads: m.NumAttentionHeads, KVHeads: m.kvHeads, HeadDim: m.headDim,
		QKV:    groupedQKV(l.At("self_attention"), "query_key_value", m.kvHeads, m.NumAttentionHeads/m.kvHeads, m.headDim, m.dim, m.Bias),
		Out:    l.Linear("self_attention.dense", m.dim, m.dim, m.Bias),
		Rotary: m.rotary, Bias: m.bias, Mask: attention.Mask{Causal: true},
	}
	f := mlp(l.At("mlp"), "dense_h_to_4h", "dense_4h_to_h", m.dim, m.inner, m.Bias, m.Activation)
	switch {
	case !m.ParallelAttn:
		return block.Block{{Pre: norm("input_layernorm"), Op: a}, {Pre: norm("post_attention_layernorm"), Op: f}}
	case m.norms == 2:
		return block.Block{{Op: &block.Parallel{Branches: []block.Branch{{Pre: norm("ln_attn"), Op: a}, {Pre: norm("ln_mlp"), Op: f}}}}}
	}
	return sideBySide(norm("input_layernorm"), a, f)
}

// falcon is Falcon (Almazrouei et al., "The Falcon Series of Open Language Models", 2023; transformers:
// FalconForCausalLM). 7B runs attention and feed-forward network side by side and has one key/value head.
// 40B, 180B and 11B ("new_decoder_architecture") have groups of query heads that share a key/value head; 40B
// and 180B have two norms. The RefinedWeb models have ALiBi instead of a rotation, and sublayers one after
// the other.
func falcon(c *hf.Config, w nn.Loader) *arch.Decoder {
	m := newFalcon(c)
	body := w.Root("transformer", "word_embeddings.weight", "ln_f.weight")
	if m.TieWordEmbeddings {
		w.Tie(body.Name("word_embeddings"), w.Name("lm_head"))
	}
	d := &arch.Decoder{Trunk: &arch.Trunk{Vocab: m.VocabSize, Stack: arch.Stack{Dim: m.dim}, MaxLen: rotatedLength(c.RopeParameters(), m.MaxPositionEmbeddings)}}
	d.Embeddings.Words = body.Embedding("word_embeddings", m.VocabSize, m.dim)
	for _, l := range body.Layers("h", m.NumHiddenLayers) {
		d.Blocks = append(d.Blocks, m.layer(l))
	}
	d.Norm = body.LayerNorm("ln_f", m.dim, float32(m.LayerNormEpsilon))
	d.Head = w.Head(d.Embeddings.Words, "lm_head")
	w.Ignore(isRotaryTable)
	return d
}

// falconALiBi biases scores by the position of the key, not by its distance: softmax gives the same result
// except for rounding, because transformers computes the bias in bfloat16. The bias is added before the
// scores are divided by √d.
type falconALiBi struct {
	slopes []float32 // of each head, rounded
	scale  float32   // 1/√d
}

// newFalconALiBi returns the bias with the slopes 2^(−8i/n), i = 1, …, n, for n heads. If the number of heads is
// not a power of two, n is the largest one below it, and the other heads take every second slope for 2·n heads.
func newFalconALiBi(heads, headDim int) *falconALiBi {
	b := &falconALiBi{scale: float32(1 / math.Sqrt(float64(headDim)))}
	n := 1
	for 2*n <= heads {
		n *= 2
	}
	for i := 1; i <= n; i++ {
		b.slopes = append(b.slopes, roundBF16(math.Pow(2, -8*float64(i)/float64(n))))
	}
	for i := 1; len(b.slopes) < heads; i += 2 {
		b.slopes = append(b.slopes, roundBF16(math.Pow(2, -8*float64(i)/float64(2*n))))
	}
	return b
}

// AddTo implements [attention.Bias].
func (b *falconALiBi) AddTo(s *attention.Scores) {
	for j := range s.Keys {
		pos := roundBF16(float64(s.Key + j))
		for i, h := range s.Heads {
			s.Tile[j*s.Lanes+i] += roundBF16(float64(b.slopes[h]*pos)) * b.scale
		}
	}
}

func roundBF16(x float64) float32 { return half.FromBF16(half.BF16(float32(x))) }

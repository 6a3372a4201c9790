package family

import (
	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

type modernBertConfig struct {
	VocabSize              int           `json:"vocab_size" hf:"vocab"`
	HiddenSize             int           `json:"hidden_size" hf:"width"`
	IntermediateSize       int           `json:"intermediate_size" hf:"width"`
	NumHiddenLayers        int           `json:"num_hidden_layers" hf:"layers"`
	NumAttentionHeads      int           `json:"num_attention_heads" hf:"heads"`
	HiddenActivation       nn.Activation `json:"hidden_activation"`
	MaxPositionEmbeddings  int           `json:"max_position_embeddings" hf:"length"`
	NormEps                float64       `json:"norm_eps" hf:"epsilon"`
	NormBias               bool          `json:"norm_bias"`
	AttentionBias          bool          `json:"attention_bias"`
	MLPBias                bool          `json:"mlp_bias"`
	LocalAttention         int           `json:"local_attention" hf:"length0"`
	GlobalAttnEveryNLayers int           `json:"global_attn_every_n_layers" hf:"layers"`
	GlobalRopeTheta        float64       `json:"global_rope_theta"`
	LocalRopeTheta         float64       `json:"local_rope_theta"`
	DecoderBias            bool          `json:"decoder_bias"`
	ClassifierPooling      string        `json:"classifier_pooling"`
	ClassifierBias         bool          `json:"classifier_bias"`
	ClassifierActivation   nn.Activation `json:"classifier_activation"`
	TieWordEmbeddings      bool          `json:"tie_word_embeddings"`
}

func modernBertDefaults() modernBertConfig {
	return modernBertConfig{VocabSize: 50368, HiddenSize: 768, IntermediateSize: 1152, NumHiddenLayers: 22, NumAttentionHeads: 12,
		HiddenActivation: nn.GELU, MaxPositionEmbeddings: 8192, NormEps: 1e-5, LocalAttention: 128, GlobalAttnEveryNLayers: 3,
		GlobalRopeTheta: 160000, LocalRopeTheta: 10000, DecoderBias: true, ClassifierPooling: "cls", ClassifierActivation: nn.GELU,
		TieWordEmbeddings: true}
}

// modernBertBuilder builds a ModernBERT.
type modernBertBuilder struct {
	modernBertConfig
	types           []string
	global, sliding *attention.RoPE
}

func (m *modernBertBuilder) norm(w nn.Loader, name string) nn.Norm {
	n := &nn.LayerNorm{Weight: w.Vector(name+".weight", m.HiddenSize), Eps: float32(m.NormEps)}
	if m.NormBias {
		n.Bias = w.Vector(name+".bias", m.HiddenSize)
	}
	return n
}

// layer returns layer i.
func (m *modernBertBuilder) layer(i int, l nn.Loader) block.Block {
	dim, heads := m.HiddenSize, m.NumAttentionHeads
	a := &attention.MultiHead{Heads: heads, KVHeads: heads, HeadDim: dim / heads,
		QKV: l.Linear("attn.Wqkv", dim, 3*dim, m.AttentionBias), Out: l.Linear("attn.Wo", dim, dim, m.AttentionBias), Rotary: m.global}
	if m.types[i] == hf.SlidingAttention {
		a.Mask, a.Rotary = attention.Mask{Window: m.LocalAttention/2 + 1}, m.sliding // local_attention counts both sides
	}
	attend := block.Residual{Op: a}
	if i > 0 { // the embeddings are already normalised
		attend.Pre = m.norm(l, "attn_norm")
	}
	return block.Block{attend, {Pre: m.norm(l, "mlp_norm"), Op: &block.GLU{
		GateUp: l.Linear("mlp.Wi", dim, 2*m.IntermediateSize, m.MLPBias), Act: m.HiddenActivation,
		Down: l.Linear("mlp.Wo", m.IntermediateSize, dim, m.MLPBias)}}}
}

// modernbert is ModernBERT (Warner et al., 2024; transformers: ModernBertModel and its heads): rotary
// positions, norms before each sublayer, gated feed-forward networks, and local attention in most layers.
func modernbert(c *hf.Config, w nn.Loader) *arch.Encoder {
	m := &modernBertBuilder{modernBertConfig: modernBertDefaults()}
	c.Read(&m.modernBertConfig)
	dim := m.HiddenSize
	if dim%m.NumAttentionHeads != 0 {
		c.Fail("hidden_size %d is not a multiple of num_attention_heads %d", dim, m.NumAttentionHeads)
	}
	m.types = c.LayerTypes(m.NumHiddenLayers, func(i int) string {
		if i%m.GlobalAttnEveryNLayers != 0 {
			return hf.SlidingAttention
		}
		return hf.FullAttention
	}, hf.FullAttention, hf.SlidingAttention)
	m.rotations(c)

	body := w.Root("model", "embeddings.tok_embeddings.weight", "embeddings.norm.weight")
	if m.TieWordEmbeddings {
		w.Tie(body.Name("embeddings.tok_embeddings"), w.Name("decoder"))
	}
	e := &arch.Encoder{Trunk: &arch.Trunk{Vocab: m.VocabSize, Stack: arch.Stack{Dim: dim}, MaxLen: m.MaxPositionEmbeddings}}
	e.Embeddings = arch.Embeddings{Words: body.Embedding("embeddings.tok_embeddings", m.VocabSize, dim), Norm: m.norm(body, "embeddings.norm")}
	for i, l := range body.Layers("layers", m.NumHiddenLayers) {
		e.Blocks = append(e.Blocks, m.layer(i, l))
	}
	e.Norm = m.norm(body, "final_norm")
	m.heads(c, w, e)
	return e
}

// rotations reads the rotations of global and of local layers.
func (m *modernBertBuilder) rotations(c *hf.Config) {
	p := c.Object("rope_parameters")
	full, sliding := p.Object(hf.FullAttention), p.Object(hf.SlidingAttention)
	if old := c.Object("rope_scaling"); old.Keys() > 0 { // unlike Gemma 3: for both kinds of layers
		full, sliding = old, old
	}
	d := max(1, m.HiddenSize/m.NumAttentionHeads)
	m.global = c.Rope(full, hf.Rope{Dim: d, Theta: m.GlobalRopeTheta, MaxLen: m.MaxPositionEmbeddings})
	m.sliding = c.Rope(sliding, hf.Rope{Dim: d, Theta: m.LocalRopeTheta, MaxLen: m.MaxPositionEmbeddings})
}

func (m *modernBertBuilder) heads(c *hf.Config, w nn.Loader, e *arch.Encoder) {
	dim := m.HiddenSize
	h := heads{c: c, w: w, e: e, dim: dim}
	before := func(out *nn.Linear) *arch.Head {
		dense := w.Linear("head.dense", dim, dim, m.ClassifierBias)
		return &arch.Head{Dense: &dense, Act: m.ClassifierActivation, Norm: m.norm(w, "head.norm"), Out: out}
	}
	switch m.ClassifierPooling {
	case "cls":
	case "mean":
		e.Pool = arch.MeanOfTokens
	default:
		c.Fail("classifier_pooling %q is not supported; cls and mean are", m.ClassifierPooling)
	}
	masked := "decoder."
	if !m.DecoderBias && !w.Has("classifier.weight") {
		masked = "head.dense.weight" // the table alone may be the decoder
	}
	classifier := []string{"classifier.weight", "head.dense.weight"}
	h.set(headSet{
		masked: head{func() *arch.Head {
			out := w.Head(e.Embeddings.Words, "decoder")
			if m.DecoderBias {
				out.Bias = w.Vector("decoder.bias", m.VocabSize)
			}
			return before(&out)
		}, []string{masked}},
		classify: head{func() *arch.Head { return before(linear(w, "classifier", dim, h.labels())) }, classifier},
		tokens:   head{func() *arch.Head { return before(linear(w, "classifier", dim, h.labels())) }, classifier},
		answers:  head{func() *arch.Head { return before(linear(w, "classifier", dim, 2)) }, classifier},
		choice:   head{func() *arch.Head { return before(linear(w, "classifier", dim, 1)) }, classifier},
	}, "head.", "decoder.", "classifier.")
}

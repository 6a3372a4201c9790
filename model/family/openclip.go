package family

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// openclip is CLIP in the form of the library OpenCLIP (Ilharco et al., 2021; open_clip: CLIP and CustomTextCLIP). Its
// config is the model_cfg of open_clip_config.json.
func openclip(c *hf.Config, w nn.Loader) *arch.ImageText {
	c.Refuse("multimodal_cfg") // CoCa
	width, quick := c.Int("embed_dim", 512, 1, hf.MaxWidth), c.Bool("quick_gelu", false)
	m := &arch.ImageText{}
	if vision := c.Object("vision_cfg"); vision.Has("timm_model_name") {
		m.Image = timmImage(vision, w.At("visual"), width)
	} else {
		m.Image = openclipImage(vision, w.At("visual"), width, quick)
	}
	body := w
	if c.Bool("custom_text", false) || w.Has("text.token_embedding.weight") {
		body = w.Root("text", "token_embedding.weight")
	}
	openclipText(c.Object("text_cfg"), body, m, width, quick)
	m.Scale = scalar(w, "logit_scale", func(x float64) float64 { return math.Exp(x) }, 1)
	if w.Has("logit_bias") {
		m.Bias = scalar(w, "logit_bias", func(x float64) float64 { return x }, 0)
		m.Sigmoid = true
	}
	w.Ignore(isOneOf([]string{"attn_mask"}))
	return m
}

// scalar returns a function of a number that is stored with one dimension or none.
func scalar(w nn.Loader, name string, f func(float64) float64, otherwise float32) float32 {
	dims := w.Dims(name)
	if len(dims) > 1 {
		dims = nil
	}
	if x := w.Vector(name, dims...); len(x) == 1 {
		return float32(f(float64(x[0])))
	}
	return otherwise
}

// openclipSide has the keys that both towers have.
type openclipSide struct {
	Width    int             `json:"width" hf:"width"`
	Layers   json.RawMessage `json:"layers"`
	Ratio    float64         `json:"mlp_ratio" hf:"positive"`
	PoolType string          `json:"pool_type"`
	Scale    *float64        `json:"ls_init_value"`
}

// read reads a tower's config, and returns the builder of its layers.
func (s *openclipSide) read(c *hf.Config, quick bool) *openclipBlocks {
	c.Read(s)
	for _, key := range []string{"qk_norm", "scaled_cosine_attn", "scale_heads", "scale_attn_inner", "scale_attn", "scale_fc", "embed_cls"} {
		c.Refuse(key, "false")
	}
	c.Refuse("block_type", `"default"`)
	b := &openclipBlocks{c: c, dim: s.Width, eps: 1e-5, act: nn.GELU, scale: s.Scale != nil}
	if err := json.Unmarshal(s.Layers, &b.layers); err != nil || b.layers < 1 || b.layers > hf.MaxLayers {
		c.Fail("layers is %.60s; a number of layers is needed: a list of them is a ResNet, which is not supported", s.Layers)
		b.layers = 0
	}
	inner := float64(s.Width) * s.Ratio
	if inner < 1 || inner > hf.MaxWidth {
		c.Fail("mlp_ratio %v times the width %d is not a width", s.Ratio, s.Width)
		inner = 1
	}
	b.inner = int(inner)
	if norm := c.Object("norm_kwargs"); norm.Keys() > 0 {
		b.eps = float32(norm.Float("eps", 1e-5))
		if norm.Keys() > 1 || !norm.Has("eps") {
			c.Fail("norm_kwargs has %v; eps is supported", norm.Names())
		}
	}
	act := c.Object("act_kwargs")
	switch {
	case act.String("approximate", "none") == "tanh" && !quick:
		b.act = nn.GELUTanh
	case act.Keys() > 0 && (act.Keys() > 1 || act.String("approximate", "") != "none"):
		c.Fail("act_kwargs has %v; an approximate of GELU by tanh is supported", act.Names())
	case quick:
		b.act = nn.QuickGELU
	}
	return b
}

// openclipBlocks builds the layers of a tower.
type openclipBlocks struct {
	c                         *hf.Config
	dim, inner, layers, heads int
	eps                       float32
	act                       nn.Activation
	scale                     bool // each sublayer has a scale of each column
}

func (b *openclipBlocks) build(w nn.Loader, mask attention.Mask) []block.Block {
	var blocks []block.Block
	for _, l := range w.Layers("transformer.resblocks", b.layers) {
		a := l.At("attn")
		attend := &attention.MultiHead{Heads: b.heads, KVHeads: b.heads, HeadDim: wholeHeads(b.c, b.dim, b.heads), Mask: mask,
			QKV: a.Split("in_proj_weight", "in_proj_bias", b.dim, 3*b.dim)[0], Out: a.Linear("out_proj", b.dim, b.dim, true)}
		next := block.Block{
			{Pre: l.LayerNorm("ln_1", b.dim, b.eps), Op: attend},
			{Pre: l.LayerNorm("ln_2", b.dim, b.eps), Op: mlp(l, "mlp.c_fc", "mlp.c_proj", b.dim, b.inner, true, b.act)},
		}
		if b.scale {
			next[0].Post, next[1].Post = nn.Scale(l.Vector("ls_1.gamma", b.dim)), nn.Scale(l.Vector("ls_2.gamma", b.dim))
		}
		blocks = append(blocks, next)
	}
	return blocks
}

// openclipImage is OpenCLIP's own tower of pictures at w (open_clip: VisionTransformer).
func openclipImage(c *hf.Config, w nn.Loader, width int, quick bool) *arch.ImageEncoder {
	cfg := struct {
		openclipSide
		HeadWidth int             `json:"head_width" hf:"width"`
		PatchSize json.RawMessage `json:"patch_size"`
		ImageSize json.RawMessage `json:"image_size"`
		NoPre     bool            `json:"no_ln_pre"`
		AfterPool bool            `json:"final_ln_after_pool"`
	}{openclipSide{768, json.RawMessage("12"), 4, "tok", nil}, 64, json.RawMessage("16"), json.RawMessage("224"), false, false}
	c.Read(&cfg)
	c.Refuse("attentional_pool", "false")
	b := cfg.read(c, quick)
	b.heads = max(1, b.dim/cfg.HeadWidth)
	m := newTower(c, towerConfig{HiddenSize: b.dim, NumChannels: 3, ImageSize: cfg.ImageSize, PatchSize: cfg.PatchSize, LayerNormEps: float64(b.eps)}, towerNames{})
	e := m.encoder(w, "conv1", false)
	e.Patches.Interpolation = arch.BicubicAntialias
	rows, columns := m.grid()
	if stored := w.Dims("positional_embedding"); len(stored) == 2 && stored[0] != 1+rows*columns {
		side := int(math.Sqrt(float64(stored[0] - 1))) // of a model for pictures of another size
		if side < 1 || side*side != stored[0]-1 {
			w.Fail(fmt.Errorf("nn: %q has %d rows, not those of a square and one: it cannot be made to fit the image_size", w.Name("positional_embedding"), stored[0]))
			return e
		}
		rows, columns = side, side
		e.Patches.GridHeight, e.Patches.GridWidth = side, side
	}
	m.place(e, w.Vector("positional_embedding", 1+rows*columns, b.dim), w.Vector("class_embedding", b.dim))
	if !cfg.NoPre {
		e.Patches.Norm = w.LayerNorm("ln_pre", b.dim, b.eps)
	}
	e.Blocks = b.build(w, attention.Mask{})
	post, proj := w.LayerNorm("ln_post", b.dim, b.eps), w.Transposed("proj", b.dim, width)
	e.Head = &arch.Head{Out: &proj}
	if cfg.AfterPool {
		e.Head.Norm = post
	} else {
		e.Norm = post
	}
	switch cfg.PoolType {
	case "tok":
	case "avg":
		e.Pool = arch.MeanOfPatches
	default:
		c.Fail("pool_type %.200q is not supported", cfg.PoolType)
	}
	return e
}

// openclipText gives m OpenCLIP's own tower of texts at w (open_clip: TextTransformer).
func openclipText(c *hf.Config, w nn.Loader, m *arch.ImageText, width int, quick bool) {
	cfg := struct {
		openclipSide
		Vocab    int    `json:"vocab_size" hf:"vocab"`
		Length   int    `json:"context_length" hf:"length"`
		Heads    int    `json:"heads" hf:"heads"`
		PadID    int    `json:"pad_id" hf:"vocab0"`
		EOSID    int    `json:"eos_id" hf:"vocab0"`
		Bias     bool   `json:"proj_bias"`
		Both     bool   `json:"no_causal_mask"`
		ProjType string `json:"proj_type"`
	}{openclipSide{512, json.RawMessage("12"), 4, "argmax", nil}, 49408, 77, 8, 0, 2, false, false, "linear"}
	c.Read(&cfg)
	c.Refuse("hf_model_name")
	b := cfg.read(c, quick)
	b.heads = cfg.Heads
	e := &arch.Encoder{Trunk: &arch.Trunk{Stack: arch.Stack{Dim: b.dim}, Vocab: cfg.Vocab, MaxLen: cfg.Length,
		Embeddings: arch.Embeddings{Words: w.Table("token_embedding", cfg.Vocab, b.dim)}}}
	if positions := w.Vector("positional_embedding", cfg.Length, b.dim); positions != nil {
		e.Embeddings.Positions = tensor.WeightFrom(tensor.From(positions, cfg.Length, b.dim))
	}
	e.Blocks = b.build(w, attention.Mask{Causal: !cfg.Both})
	e.Norm = w.LayerNorm("ln_final", b.dim, b.eps)
	var proj *nn.Linear
	switch {
	case cfg.ProjType == "none":
	case cfg.ProjType != "linear":
		c.Fail("proj_type %.200q is not supported", cfg.ProjType)
	case cfg.Bias:
		proj = linear(w, "text_projection", b.dim, width)
	default:
		l := w.Transposed("text_projection", b.dim, width)
		proj = &l
	}
	e.Sequence = &arch.Head{Out: proj}
	switch cfg.PoolType {
	case "argmax":
		e.Pool = arch.LargestID
	case "eos":
		e.Pool, e.End = arch.EndToken, cfg.EOSID
	case "last":
		e.Pool = arch.LastToken
	case "first":
	default:
		c.Fail("pool_type %.200q is not supported", cfg.PoolType)
	}
	if m.Text = e; cfg.Both || cfg.PoolType == "last" { // then padding counts
		m.Length, m.PadID = cfg.Length, cfg.PadID
	}
}

// timmImage is the tower of pictures of SigLIP as the library timm has it, at w (timm: VisionTransformer with a pool by
// attention). Its name says how many heads it has, and which activation; the weights say the rest.
func timmImage(c *hf.Config, w nn.Loader, width int) *arch.ImageEncoder {
	name := c.String("timm_model_name", "")
	if !strings.HasPrefix(name, "vit_") || !strings.Contains(name, "_siglip_") || c.String("timm_pool", "") != "map" || c.String("timm_proj", "") != "none" {
		c.Fail("timm_model_name %.200q with timm_pool %.60q and timm_proj %.60q is not supported; a vit_…_siglip_… with map and none is", name, c.String("timm_pool", ""), c.String("timm_proj", ""))
	}
	trunk := w.At("trunk")
	conv, fc := trunk.Dims("patch_embed.proj.weight"), trunk.Dims("blocks.0.mlp.fc1.weight")
	if len(conv) != 4 || len(fc) != 2 || min(conv[0], conv[2], conv[3], fc[0]) < 1 {
		w.Fail(fmt.Errorf("nn: %q or %q is missing, or has other dimensions than those of a ViT", trunk.Name("patch_embed.proj.weight"), trunk.Name("blocks.0.mlp.fc1.weight")))
		return &arch.ImageEncoder{}
	}
	layers := 0
	for layers < hf.MaxLayers && trunk.Has(fmt.Sprintf("blocks.%d.norm1.weight", layers)) {
		layers++
	}
	cfg := towerConfig{HiddenSize: conv[0], IntermediateSize: fc[0], NumHiddenLayers: layers, NumAttentionHeads: max(1, conv[0]/64), NumChannels: conv[1],
		ImageSize: json.RawMessage("224"), PatchSize: json.RawMessage(fmt.Sprintf("[%d, %d]", conv[2], conv[3])), HiddenAct: nn.GELU, LayerNormEps: 1e-6, QKVBias: true}
	if c.Has("image_size") {
		cfg.ImageSize = c.Raw("image_size")
	}
	if strings.Contains(name, "giantopt") || strings.Contains(name, "so400m") {
		cfg.NumAttentionHeads = 16
	}
	for _, part := range []string{"giantopt", "so400m_patch16", "base_patch32_siglip_256", "large_patch16_siglip_512"} {
		if strings.Contains(name, part) {
			cfg.HiddenAct = nn.GELUTanh
		}
	}
	m, dim := newTower(c, cfg, towerNames{out: "attn.proj", up: "mlp.fc1", down: "mlp.fc2", before: "norm1", after: "norm2"}), cfg.HiddenSize
	if dim != width {
		c.Fail("embed_dim is %d; the tower of pictures gives rows of %d", width, dim)
	}
	e := m.encoder(trunk, "patch_embed.proj", true)
	e.Patches.Interpolation = arch.BicubicAntialias
	rows, columns := m.grid()
	m.place(e, trunk.Vector("pos_embed", 1, rows*columns, dim))
	for _, l := range trunk.Layers("blocks", layers) {
		a := &attention.MultiHead{Heads: cfg.NumAttentionHeads, KVHeads: cfg.NumAttentionHeads, HeadDim: wholeHeads(c, dim, cfg.NumAttentionHeads),
			QKV: l.Linear("attn.qkv", dim, 3*dim, true), Out: l.Linear("attn.proj", dim, dim, true)}
		e.Blocks = append(e.Blocks, m.layer(l, a))
	}
	e.Norm, e.Pool = trunk.LayerNorm("norm", dim, m.eps), arch.ByAttention
	h := trunk.At("attn_pool")
	qkv := append([]nn.Linear{h.Linear("q", dim, dim, true)}, h.Split("kv.weight", "kv.bias", dim, dim, dim)...)
	e.Attention = m.attentionPool(h, "latent", qkv, "proj", "norm")
	return e
}

package family

import (
	"encoding/json"
	"slices"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// towerConfig has the keys that the towers of pictures share: ViT and all that come from it.
type towerConfig struct {
	HiddenSize        int             `json:"hidden_size" hf:"width"`
	IntermediateSize  int             `json:"intermediate_size" hf:"width"`
	NumHiddenLayers   int             `json:"num_hidden_layers" hf:"layers"`
	NumAttentionHeads int             `json:"num_attention_heads" hf:"heads"`
	NumChannels       int             `json:"num_channels" hf:"width"`
	ImageSize         json.RawMessage `json:"image_size"` // a number, or height and width
	PatchSize         json.RawMessage `json:"patch_size"`
	HiddenAct         nn.Activation   `json:"hidden_act"`
	LayerNormEps      float64         `json:"layer_norm_eps" hf:"epsilon"`
	QKVBias           bool            `json:"qkv_bias"`
}

// towerNames are the names of a layer's weights.
type towerNames struct {
	query, key, value, out string
	up, down               string
	before, after          string // the norms
}

// tower builds a model of pictures, or of text, whose norms stand before each sublayer.
type tower struct {
	towerConfig
	c     *hf.Config
	names towerNames
	eps   float32

	image, patch [2]int // height and width
}

// newTower returns the builder for a config that has been read.
func newTower(c *hf.Config, cfg towerConfig, names towerNames) *tower {
	m := &tower{towerConfig: cfg, c: c, names: names, eps: float32(cfg.LayerNormEps)}
	m.image, m.patch = sides(c, "image_size", cfg.ImageSize), sides(c, "patch_size", cfg.PatchSize)
	if m.image[0] < m.patch[0] || m.image[1] < m.patch[1] {
		c.Fail("image_size %s is less than patch_size %s", cfg.ImageSize, cfg.PatchSize)
		m.image = m.patch
	}
	if rows, columns := m.grid(); rows*columns > maxPositions/m.HiddenSize {
		c.Fail("image_size %s in patches of %s makes a table of %d positions; at most %d values are supported", cfg.ImageSize, cfg.PatchSize, rows*columns, maxPositions)
		m.image = m.patch
	}
	return m
}

// maxPositions bounds the values of a table of positions. Those of published models have a tenth of it.
const maxPositions = 1 << 26

// sides returns a height and a width from a number or a list of two.
func sides(c *hf.Config, key string, raw json.RawMessage) [2]int {
	var one int
	var two []int
	if json.Unmarshal(raw, &one) == nil {
		two = []int{one, one}
	} else if json.Unmarshal(raw, &two) != nil || len(two) != 2 {
		two = []int{0, 0}
	}
	if min(two[0], two[1]) < 1 || max(two[0], two[1]) > 1<<16 {
		c.Fail("%s is %.60s; a number of pixels is needed, or a height and a width, each from 1 to 65536", key, raw)
		return [2]int{1, 1}
	}
	return [2]int(two)
}

// grid returns the numbers of patches of a picture of the size that the model was trained with.
func (m *tower) grid() (rows, columns int) { return m.image[0] / m.patch[0], m.image[1] / m.patch[1] }

// selfAttention returns the attention of a layer.
func (m *tower) selfAttention(l nn.Loader) *attention.MultiHead {
	dim, n := m.HiddenSize, m.names
	return &attention.MultiHead{
		Heads: m.NumAttentionHeads, KVHeads: m.NumAttentionHeads, HeadDim: wholeHeads(m.c, dim, m.NumAttentionHeads),
		QKV: l.Fused(dim, m.QKVBias, parts(dim, n.query, n.key, n.value)...),
		Out: l.Linear(n.out, dim, dim, true),
	}
}

// layer returns a layer around an attention.
func (m *tower) layer(l nn.Loader, a attention.Op) block.Block {
	dim, n := m.HiddenSize, m.names
	return block.Block{
		{Pre: l.LayerNorm(n.before, dim, m.eps), Op: a},
		{Pre: l.LayerNorm(n.after, dim, m.eps), Op: mlp(l, n.up, n.down, dim, m.IntermediateSize, true, m.HiddenAct)},
	}
}

// encoder returns an encoder of pictures without blocks, whose patches are projected by the layer name.
func (m *tower) encoder(w nn.Loader, name string, bias bool) *arch.ImageEncoder {
	rows, columns := m.grid()
	e := &arch.ImageEncoder{Stack: arch.Stack{Dim: m.HiddenSize}, ImageHeight: m.image[0], ImageWidth: m.image[1]}
	e.Patches = arch.Patches{Channels: m.NumChannels, Height: m.patch[0], Width: m.patch[1], GridHeight: rows, GridWidth: columns,
		Project: w.Patches(name, m.NumChannels, m.patch[0], m.patch[1], m.HiddenSize, bias)}
	return e
}

// place gives the patches their positions, and the rows before them theirs: table has those of first, then those of
// the grid.
func (m *tower) place(e *arch.ImageEncoder, table []float32, first ...[]float32) {
	dim, rows := m.HiddenSize, slices.Concat(first...)
	if len(table) < len(rows) { // the loader has an error
		return
	}
	for i := range rows {
		rows[i] += table[i]
	}
	if len(rows) > 0 {
		e.Patches.First = tensor.From(rows, len(rows)/dim, dim)
	}
	table = table[len(rows):]
	e.Patches.Positions = tensor.From(table, len(table)/dim, dim)
}

// classifier gives the encoder the head that the caller wants, of those that are stored. make returns the classifier,
// whose last layer is below name.
func (m *tower) classifier(w nn.Loader, e *arch.ImageEncoder, name string, make func(labels int)) {
	h := heads{c: m.c, w: w}
	e.Task = h.choose([]taskHead{{head{func() *arch.Head { return nil }, []string{name}}, arch.ImageClassification}})
	if e.Task == arch.ImageClassification {
		make(h.labels())
		e.Labels, e.MultiLabel, e.Regression = readLabels(m.c, w)
	}
}

package quantize_test

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/model/quantize"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// Published files have the types that the rules say, tensor by tensor. That of Qwen is from when layers were counted in
// the order of their names as text: 0, 1, 10, 11, …, 2, 20, …
func TestPublished(t *testing.T) {
	dir := os.Getenv("TRANSFORMER_REAL")
	if dir == "" {
		t.Skip("TRANSFORMER_REAL is not set")
	}
	for file, c := range map[string]struct {
		layers int
		asText bool
	}{
		"qwen2.5-coder-0.5b-instruct.gguf": {24, true},
		"gemma-3-270m.gguf":                {18, false},
	} {
		f, err := gguf.Open(os.DirFS(dir), file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		_, head := f.Lookup("output.weight")
		var layers []string
		for i := range c.layers {
			layers = append(layers, strconv.Itoa(i))
		}
		if c.asText {
			slices.Sort(layers)
		}
		n := 0
		for name := range f.Names() {
			info, _ := f.Lookup(name)
			if len(info.Shape) < 2 {
				continue
			}
			m := nn.Matrix{Name: name, DType: tensor.F16, In: info.Shape[len(info.Shape)-1], Layer: slices.Index(layers, strings.Split(name, ".")[1]), Layers: c.layers}
			switch {
			case name == "output.weight", name == "token_embd.weight" && !head:
				m.Use = nn.Head
			case name == "token_embd.weight":
				m.Use = nn.Lookups
			}
			n++
			if got := quantize.Q4_K_M(m); got.String() != string(info.DType) {
				t.Errorf("%s: %s, rows of %d: %v, the file has %s", file, name, m.In, got, info.DType)
			}
		}
		if n < 100 {
			t.Errorf("%s: only %d matrices", file, n)
		}
	}
}

// The same matrices are found by the names of all families.
func TestChoice(t *testing.T) {
	for _, c := range []struct {
		name   string
		use    nn.Use
		layer  int // of 24
		choose func(nn.Matrix) tensor.DType
		stored tensor.DType
		in     int
		want   tensor.DType
	}{
		{"model.layers.3.self_attn.q_proj.weight", nn.Products, 0, quantize.Q4_K_M, tensor.BF16, 512, tensor.Q4_K},
		{"model.layers.3.self_attn.v_proj.weight", nn.Products, 0, quantize.Q4_K_M, tensor.BF16, 512, tensor.Q6_K},
		{"model.layers.3.self_attn.v_proj.weight", nn.Products, 3, quantize.Q4_K_M, tensor.BF16, 512, tensor.Q4_K},
		{"model.layers.3.self_attn.v_proj.weight", nn.Products, 5, quantize.Q4_K_M, tensor.BF16, 512, tensor.Q6_K},
		{"model.layers.3.self_attn.v_proj.weight", nn.Products, 21, quantize.Q5_K_M, tensor.BF16, 576, tensor.Q8_0},
		{"model.layers.3.self_attn.q_proj.weight", nn.Products, 3, quantize.Q4_K_M, tensor.BF16, 576, tensor.Q5_0},
		{"h.3.attn.c_attn.weight", nn.Products, 0, quantize.Q4_K_M, tensor.F32, 768, tensor.Q6_K},
		{"h.3.attn.c_proj.weight", nn.Products, 0, quantize.Q4_K_M, tensor.F32, 768, tensor.Q4_K},
		{"h.3.mlp.c_proj.weight", nn.Products, 0, quantize.Q4_K_M, tensor.F32, 3072, tensor.Q6_K},
		{"bert.encoder.layer.0.output.dense.weight", nn.Products, 0, quantize.Q4_K_M, tensor.F32, 3072, tensor.Q6_K},
		{"bert.encoder.layer.0.attention.output.dense.weight", nn.Products, 0, quantize.Q4_K_M, tensor.F32, 768, tensor.Q4_K},
		{"bert.encoder.layer.0.attention.self.value.weight", nn.Products, 0, quantize.Q4_K_M, tensor.F32, 768, tensor.Q6_K},
		{"encoder.block.0.layer.0.SelfAttention.v.weight", nn.Products, 0, quantize.Q4_K_M, tensor.F32, 512, tensor.Q6_K},
		{"encoder.block.0.layer.1.DenseReluDense.wo.weight", nn.Products, 0, quantize.Q4_K_M, tensor.F32, 512, tensor.Q6_K},
		{"model.layers.0.mlp.experts.down_proj", nn.Products, 0, quantize.Q4_K_M, tensor.BF16, 768, tensor.Q6_K},
		{"lm_head.weight", nn.Head, -1, quantize.Q4_0, tensor.BF16, 512, tensor.Q6_K},
		{"lm_head.weight", nn.Head, -1, quantize.Q4_0, tensor.BF16, 576, tensor.Q8_0},
		{"lm_head.weight", nn.Head, -1, quantize.Q8_0, tensor.BF16, 512, tensor.Q8_0},
		{"model.embed_tokens.weight", nn.Lookups, -1, quantize.Q4_0, tensor.BF16, 512, tensor.Q4_0},
		{"transformer.wpe.weight", nn.Lookups, -1, quantize.Q4_0, tensor.BF16, 512, tensor.BF16},
		{"model.layers.3.mlp.experts.gate_up_proj", nn.Products, 3, quantize.Q4_0, tensor.MXFP4, 2880, tensor.MXFP4},
		{"model.layers.3.mlp.up_proj.weight", nn.Products, 3, quantize.Q8_0, tensor.Q4_0, 512, tensor.Q4_0},
		{"model.layers.3.mlp.up_proj.weight", nn.Products, 3, quantize.Q4_K_M, tensor.Q8_0, 512, tensor.Q4_K},
		{"model.layers.3.mlp.up_proj.weight", nn.Products, 3, quantize.Q6_K, tensor.BF16, 7, tensor.BF16},
		{"encoder.layer.0.attention.self.query.weight", nn.Products, 0, quantize.Encoder8, tensor.F32, 384, tensor.Q8_0},
		{"encoder.layer.0.output.dense.weight", nn.Products, 0, quantize.Encoder8, tensor.F32, 1536, tensor.Q8_0},
		{"decoder.block.3.layer.1.EncDecAttention.k.weight", nn.Products, 3, quantize.Encoder8, tensor.F32, 512, tensor.Q8_0},
		{"model.decoder.layers.3.encoder_attn.v_proj.weight", nn.Products, 3, quantize.Encoder8, tensor.F32, 768, tensor.Q8_0},
		{"decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", nn.Lookups, 0, quantize.Encoder8, tensor.F32, 32, tensor.F32},
		{"shared.weight", nn.Head, -1, quantize.Encoder8, tensor.F32, 512, tensor.Q8_0},
		{"embeddings.word_embeddings.weight", nn.Lookups, -1, quantize.Encoder8, tensor.F32, 384, tensor.Q8_0},
		{"embeddings.position_embeddings.weight", nn.Lookups, -1, quantize.Encoder8, tensor.F32, 384, tensor.F32},
		{"pooler.dense.weight", nn.Products, -1, quantize.Encoder8, tensor.F32, 384, tensor.F32},
		{"classifier.weight", nn.Products, -1, quantize.Encoder8, tensor.F16, 384, tensor.F16},
		{"encoder.layer.0.attention.self.query.weight", nn.Products, 0, quantize.W8A8, tensor.F32, 384, tensor.W8},
		{"encoder.layer.0.attention.self.query.weight", nn.Products, 0, quantize.W7A8, tensor.BF16, 36, tensor.W7},
		{"encoder.layer.0.attention.self.query.weight", nn.Products, 0, quantize.W7A8, tensor.BF16, 64, tensor.W7},
		{"encoder.layer.0.mlp.experts.mlp.w1.weight", nn.Products, 0, quantize.W8A8, tensor.F32, 384, tensor.Q8_0},
		{"shared.weight", nn.Head, -1, quantize.W8A8, tensor.F32, 512, tensor.W8},
		{"embeddings.word_embeddings.weight", nn.Lookups, -1, quantize.W8A8, tensor.F32, 384, tensor.Q8_0},
		{"decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", nn.Lookups, 0, quantize.W8A8, tensor.F32, 32, tensor.F32},
		{"pooler.dense.weight", nn.Products, -1, quantize.W8A8, tensor.F32, 384, tensor.F32},
		{"encoder.layer.0.attention.self.query.weight", nn.Products, 0, quantize.W8A8, tensor.Q4_0, 384, tensor.Q4_0},
	} {
		m := nn.Matrix{Name: c.name, DType: c.stored, In: c.in, Use: c.use, Layer: c.layer, Layers: 24}
		if got := c.choose(m); got != c.want {
			t.Errorf("%s, layer %d, rows of %d, stored as %v: %v, want %v", c.name, c.layer, c.in, c.stored, got, c.want)
		}
	}
	for _, name := range quantize.Names() {
		if f, err := quantize.ByName(name); err != nil || f == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := quantize.ByName("Q3_X"); err == nil || !strings.Contains(err.Error(), "Q3_X") {
		t.Errorf("an unknown name: %v", err)
	}
}

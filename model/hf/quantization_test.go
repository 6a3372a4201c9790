package hf_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// storedWeights has a module of each method that stores weights in few bits.
func storedWeights(t testing.TB) checkpoint.Source {
	t.Helper()
	entry := func(name string, d checkpoint.DType, shape ...int) checkpoint.Entry {
		info, _ := checkpoint.NewInfo(name, d, shape)
		return checkpoint.Entry{Name: name, DType: d, Shape: shape, Data: make([]byte, info.Size)}
	}
	src, err := checkpoint.Memory(
		entry("a.q_proj.qweight", "I32", 2, 16), entry("a.q_proj.qzeros", "I32", 2, 2), entry("a.q_proj.scales", checkpoint.F16, 2, 16), entry("a.q_proj.g_idx", "I32", 16),
		entry("a.w.weight_packed", "I32", 4, 2), entry("a.w.weight_scale", checkpoint.F16, 4, 2), entry("a.w.weight_shape", "I64", 2), entry("a.w.weight_zero_point", "I32", 1, 2),
		entry("b.weight", "I8", 4, 8), entry("b.weight_scale", checkpoint.F32, 4, 1),
		entry("c.weight", "F8_E4M3", 4, 8), entry("c.weight_scale", checkpoint.BF16, 1),
		entry("d.weight", "F8_E4M3", 4, 8), entry("d.weight_scale_inv", checkpoint.F32, 1, 1), entry("norm.weight", checkpoint.F32, 4))
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// FuzzQuantization reads any quantization_config for weights of several methods: it gives an error, or weights of the
// size that their shapes say.
func FuzzQuantization(f *testing.F) {
	for _, seed := range []string{
		`{"quant_method": "gptq", "bits": 4, "group_size": 8, "dynamic": {"-:x": {}}, "checkpoint_format": "gptq_v2"}`,
		`{"quant_method": "awq", "w_bit": 4, "q_group_size": -1, "version": "GEMM"}`,
		`{"quant_method": "fp8", "weight_block_size": [4, 4], "modules_to_not_convert": ["c"]}`,
		`{"quant_method": "compressed-tensors", "format": "pack-quantized", "ignore": ["re:.*head", "lm_head"], "config_groups":
			{"a": {"targets": ["Linear"], "weights": {"num_bits": 4, "group_size": 8, "symmetric": false}}, "b": {"targets": ["re:b|c", "d"], "format": "naive-quantized",
			"weights": {"num_bits": 8, "type": "float", "strategy": "block", "block_structure": "2x4", "actorder": "group"}, "input_activations": {"dynamic": "local"}}}}`,
		`{"quant_method": "mxfp4", "load_in_4bit": 1}`,
	} {
		f.Add(seed)
	}
	src := storedWeights(f)
	f.Fuzz(func(t *testing.T, quantization string) {
		if !json.Valid([]byte(quantization)) {
			t.Skip()
		}
		for _, text := range []string{`{"quantization_config": ` + quantization + `}`, `{"model_type": "gpt2", "text_config": {"quantization_config": ` + quantization + `}}`} {
			c, err := hf.ParseConfig("config.json", []byte(text))
			if err != nil {
				return
			}
			for _, c := range []*hf.Config{c, c.WithFloatActivations()} {
				got, err := c.Dequantize(src)
				if err != nil || c.Err() != nil {
					continue
				}
				_ = c.CheckQuantization()
				_ = c.CheckStored(src)
				for name := range got.Names() {
					info, ok := got.Lookup(name)
					b, err := got.Bytes(name)
					if !ok || err == nil && int64(len(b)) != info.Size {
						t.Errorf("%s: %d bytes, %v", name, len(b), info)
					}
				}
			}
		}
	})
}

// A list of targets says in three ways which modules it means: by name before by pattern before by class.
func TestSchemes(t *testing.T) {
	src := storedWeights(t)
	const weights = `{"num_bits": 8, "strategy": "channel"}`
	for groups, want := range map[string]string{
		`{"x": {"targets": ["Linear"], "weights": {"strategy": "tensor"}}, "y": {"targets": ["re:b$"], "weights": ` + weights + `}}`:     "",
		`{"x": {"targets": ["re:."], "weights": {"strategy": "tensor"}}, "y": {"targets": ["b"], "weights": ` + weights + `}}`:           "",
		`{"x": {"targets": ["Linear"], "weights": {"strategy": "tensor"}}, "y": {"targets": ["Embedding"], "weights": ` + weights + `}}`: "both target",
		`{"x": {"targets": ["Linear"], "weights": ` + weights + `}, "y": {"targets": ["Embedding"], "weights": ` + weights + `}}`:        "",
		`{"x": {"targets": ["re:bb"], "weights": ` + weights + `}}`:                                                                      "no group targets",
		`{"x": {"targets": ["re:^a"], "weights": ` + weights + `}}`:                                                                      "no group targets",
		`{"x": {"targets": ["re:b|c"], "weights": ` + weights + `, "output_activations": {"num_bits": 8}}}`:                              "output_activations: static",
	} {
		c, err := hf.ParseConfig("config.json", []byte(`{"quantization_config": {"quant_method": "compressed-tensors", "format": "int-quantized", "config_groups": `+groups+`}}`))
		if err != nil {
			t.Fatal(err)
		}
		only, err := checkpoint.Rename(src, func(name string) string {
			if strings.HasPrefix(name, "b.") {
				return name
			}
			return ""
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Dequantize(only)
		if err == nil {
			err = c.Err()
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", groups, err, want)
		}
	}
}

package model_test

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"sort"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/half"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/checkpointtest"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// packedFolder holds checkpoints in few bits: see make.py there.
const packedFolder = "testdata/packed/"

// Checkpoints of GPTQ (described by quantize_config.json alone, with biases of zeros), AWQ (Mixtral) and
// compressed-tensors (two schemes, Qwen3's experts) compute what the reference does with the values.
func TestPackedGolden(t *testing.T) {
	for _, name := range []string{"gptq", "awq", "compressed"} {
		g := readGoldens[golden](t, packedFolder+name+"/golden.json.gz", 1)[0]
		d, err := model.OpenDecoder(os.DirFS(packedFolder+name), model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			g.checkStates(t, d)
			g.checkGreedy(t, d)
		})
		narrow, err := model.OpenDecoder(os.DirFS(packedFolder+name), model.Options{Convert: nn.As(tensor.BF16)})
		if err != nil {
			t.Fatal(err)
		}
		if near, far := furthest(logitsOf(t, narrow, g.Prompt), logitsOf(t, d, g.Prompt)), float32(0.03); near == 0 || near > far {
			t.Errorf("%s: with weights rounded to BF16 logits differ by %v, want up to %v", name, near, far)
		}
	}
}

// furthest returns the largest difference, by the largest magnitude of y.
func furthest(x, y []float32) float32 {
	var diff, size float64
	for i := range x {
		diff, size = max(diff, math.Abs(float64(x[i]-y[i]))), max(size, math.Abs(float64(y[i])))
	}
	return float32(diff / size)
}

// quantise stores each projection of a case as store does, and returns that, and the values.
func quantise(t testing.TB, g golden, store func(name string, x tensor.Tensor) []checkpoint.Entry) (quantised, values checkpoint.Source) {
	t.Helper()
	return quantiseSource(t, g.weights(t, tensor.F32), store)
}

func quantiseSource(t testing.TB, src checkpoint.Source, store func(name string, x tensor.Tensor) []checkpoint.Entry) (quantised, values checkpoint.Source) {
	t.Helper()
	var q, p []checkpoint.Entry
	for name := range src.Names() {
		x, err := checkpoint.ReadFloat32(src, name)
		if err != nil {
			t.Fatal(err)
		}
		module, isWeight := strings.CutSuffix(name, ".weight")
		isWeight = isWeight && x.Shape.Rank() == 2 && (strings.HasSuffix(module, "_proj") || strings.Contains(name, ".c_") || strings.Contains(name, ".experts."))
		if isWeight {
			q = append(q, store(module, x)...)
		} else {
			q = append(q, checkpoint.Float32(name, x))
		}
		p = append(p, checkpoint.Float32(name, x))
	}
	return checkpointtest.Memory(t, q...), checkpointtest.Memory(t, p...)
}

// grid16 rounds v to a code of so many bits and the value that it has.
func grid16(v, scale float32, bits int) (code uint32, value float32) {
	middle := float64(int(1) << (bits - 1))
	c := min(max(math.RoundToEven(float64(v/scale))+middle, 0), 2*middle-1)
	return uint32(c), float32(c-middle) * scale
}

// words packs codes(0), codes(1), … of a run into words.
func words(n, bits int, code func(i int) uint32) (packed []uint32) {
	packed = make([]uint32, (n*bits+31)/32)
	for i := range n {
		packed[i*bits/32] |= code(i) << (i * bits % 32)
	}
	return packed
}

func i32(name string, rows, cols int, at func(row, col int) uint32) checkpoint.Entry {
	e := checkpoint.Entry{Name: name, DType: "I32", Shape: []int{rows, cols}}
	for r := range rows {
		for c := range cols {
			e.Data = binary.LittleEndian.AppendUint32(e.Data, at(r, c))
		}
	}
	return e
}

// asGPTQ rounds a matrix, and returns what GPTQ stores of it, in one group, with inputs by rows or columns.
func asGPTQ(bits int, transposed bool) func(module string, x tensor.Tensor) []checkpoint.Entry {
	return func(module string, x tensor.Tensor) []checkpoint.Entry {
		out, in := x.Shape[0], x.Shape[1]
		at := func(o, i int) *float32 { return &x.Data[o*in+i] }
		if transposed {
			out, in = in, out
			at = func(o, i int) *float32 { return &x.Data[i*out+o] }
		}
		scales := checkpoint.Entry{Name: module + ".scales", DType: checkpoint.F16, Shape: []int{1, out}}
		codes := make([][]uint32, out)
		for o := range out {
			half16 := half.F16(float32(0.4+0.01*float64(o%9)) / float32(int(1)<<bits))
			scales.Data = binary.LittleEndian.AppendUint16(scales.Data, half16)
			codes[o] = words(in, bits, func(i int) (code uint32) {
				code, *at(o, i) = grid16(*at(o, i), half.FromF16(half16), bits)
				return code
			})
		}
		zeros := words(out, bits, func(int) uint32 { return 1<<(bits-1) - 1 })
		return []checkpoint.Entry{scales,
			i32(module+".qweight", len(codes[0]), out, func(row, o int) uint32 { return codes[o][row] }),
			i32(module+".qzeros", 1, len(zeros), func(_, col int) uint32 { return zeros[col] }),
			{Name: module + ".g_idx", DType: "I32", Shape: []int{in}, Data: make([]byte, 4*in)}}
	}
}

// asCompressed rounds a matrix, and returns what compressed-tensors stores of it in 8 bits.
func asCompressed(module string, x tensor.Tensor) []checkpoint.Entry {
	scales := tensor.New(x.Shape[0], 1)
	codes := checkpoint.Entry{Name: module + ".weight", DType: "I8", Shape: []int{x.Shape[0], x.Shape[1]}}
	for i, v := range x.Data {
		scale := &scales.Data[i/x.Shape[1]]
		*scale = half.FromF16(half.F16(float32(0.002 + 0.0001*float64(i/x.Shape[1]%9))))
		code, value := grid16(v, *scale, 8)
		codes.Data, x.Data[i] = append(codes.Data, byte(int(code)-128)), value
	}
	return []checkpoint.Entry{codes, checkpoint.Float32(module+".weight_scale", scales)}
}

const (
	gptqConfig       = `{"quant_method": "gptq", "bits": 4, "group_size": -1, "desc_act": false, "sym": true}`
	compressedConfig = `{"quant_method": "compressed-tensors", "format": "int-quantized", "ignore": ["lm_head", "re:.*gate$"], "config_groups": {"group_0": {"targets": ["Linear"],
		"weights": {"num_bits": 8, "type": "int", "symmetric": true, "strategy": "channel"}, "input_activations": {"num_bits": 8, "dynamic": true}}}}`
)

// What is fused when it is read (q, k and v; gate and up), experts, absorbed matrices, and GPT-2's that are stored
// transposed compute to the bit what the values do.
func TestPackedFamilies(t *testing.T) {
	for _, c := range []struct {
		family, config string
		store          func(module string, x tensor.Tensor) []checkpoint.Entry
	}{
		{"llama", gptqConfig, asGPTQ(4, false)},
		{"llama", strings.Replace(gptqConfig, "4", "8", 1), asGPTQ(8, false)},
		{"gpt2", gptqConfig, asGPTQ(4, true)},
		{"mixtral", gptqConfig, asGPTQ(4, false)},
		{"qwen2_moe", gptqConfig, asGPTQ(4, false)},
		{"deepseek_v3", gptqConfig, asGPTQ(4, false)},
		{"phi3", compressedConfig, asCompressed},
		{"mixtral", compressedConfig, asCompressed},
		{"qwen3_moe", compressedConfig, asCompressed},
	} {
		g := plain(t, c.family)
		quantised, values := quantise(t, g, c.store)
		got, err := model.NewDecoder(encode(with(g.object(t), "quantization_config", c.config)), quantised, model.Options{})
		if err != nil {
			t.Errorf("%s: %v", c.family, err)
			continue
		}
		want, err := model.NewDecoder(g.Config, values, model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		a, b := logitsOf(t, got, g.Prompt), logitsOf(t, want, g.Prompt)
		if i, ok := tensortest.SameBits(a, b); !ok {
			t.Errorf("%s: logit %d is %v, that of the values %v", c.family, i, a[i], b[i])
		}
	}
}

// The embeddings of GPTQModel have tokens as inputs, and so are transposed.
func TestPackedEmbeddings(t *testing.T) {
	g := plain(t, "llama")
	quantised, values := quantise(t, g, asGPTQ(4, false))
	x, err := checkpoint.ReadFloat32(quantised, "model.embed_tokens.weight")
	if err != nil {
		t.Fatal(err)
	}
	table := checkpointtest.Memory(t, asGPTQ(4, true)("model.embed_tokens", x)...)
	join := func(src, table checkpoint.Source) checkpoint.Source {
		t.Helper()
		rest, err := checkpoint.Rename(src, func(name string) string { return strings.Replace(name, "model.embed_tokens.weight", "", 1) })
		if err != nil {
			t.Fatal(err)
		}
		both, err := checkpoint.Join(table, rest)
		if err != nil {
			t.Fatal(err)
		}
		return both
	}
	got, err := model.NewDecoder(encode(with(g.object(t), "quantization_config", gptqConfig)), join(quantised, table), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sameAsValues(t, g, got, join(values, checkpointtest.Memory(t, checkpoint.Float32("model.embed_tokens.weight", x))))
}

// Experts in few bits cannot be mapped: an error says so.
func TestPackedMapped(t *testing.T) {
	_, err := model.OpenDecoder(os.DirFS(packedFolder+"awq"), model.Options{Experts: nn.Mapped})
	if err == nil || !strings.Contains(err.Error(), "map") {
		t.Errorf("error %v", err)
	}
}

// AutoFP8 names scales weight_scale, one for each matrix or for each row, and has static ones for activations.
func TestAutoFP8(t *testing.T) {
	g := plain(t, "llama")
	for _, rows := range []bool{false, true} {
		quantised, values := quantise(t, g, func(module string, x tensor.Tensor) []checkpoint.Entry {
			scales := tensor.New(1)
			if rows {
				scales = tensor.New(x.Shape[0], 1)
			}
			codes := checkpoint.Entry{Name: module + ".weight", DType: "F8_E4M3", Shape: []int{x.Shape[0], x.Shape[1]}}
			for i, v := range x.Data {
				scale := &scales.Data[i/x.Shape[1]%len(scales.Data)]
				*scale = float32(0.002 + 0.0001*float64(i/x.Shape[1]%len(scales.Data)%9))
				code := byte(sort.Search(126, func(code int) bool { return fp8Value(byte(code)) >= float32(math.Abs(float64(v / *scale))) }))
				if x.Data[i] = fp8Value(code) * *scale; v < 0 {
					code, x.Data[i] = code|128, -x.Data[i]
				}
				codes.Data = append(codes.Data, code)
			}
			return []checkpoint.Entry{codes, checkpoint.Float32(module+".weight_scale", scales), checkpoint.Float32(module+".input_scale", tensor.New(1))}
		})
		got, err := model.NewDecoder(encode(with(g.object(t), "quantization_config", `{"quant_method": "fp8", "activation_scheme": "static", "ignored_layers": ["lm_head"]}`)), quantised, model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		sameAsValues(t, g, got, values)
	}
}

// A quantization_config that the weights contradict, or that asks for something else, is an error that names it.
func TestPackedConfigs(t *testing.T) {
	g := plain(t, "llama")
	gptq, _ := quantise(t, g, asGPTQ(4, false))
	eight, values := quantise(t, g, asCompressed)
	change := func(config, old, new string) string {
		t.Helper()
		if !strings.Contains(config, old) {
			t.Fatalf("%s has no %s", config, old)
		}
		return strings.Replace(config, old, new, 1)
	}
	with1 := func(config, keys string) string { return change(config, "{", "{"+keys+", ") }
	groups := func(format string) string {
		return with1(compressedConfig[:strings.Index(compressedConfig, `"config_groups"`)]+format+"}", `"a": 0`)
	}
	for _, c := range []struct {
		src          checkpoint.Source
		config, want string
	}{
		{gptq, gptqConfig, ""},
		{gptq, with1(gptqConfig, `"checkpoint_format": "gptq", "pack_dtype": "int32", "dynamic": {"-:.*lm_head": {}}, "meta": {"quantizer": ["x"]}`), ""},
		{gptq, change(gptqConfig, "4", "8"), "g_idx"},
		{gptq, change(gptqConfig, "4", "3"), "bits is 3; GPTQ of 4 and 8 bits"},
		{gptq, change(gptqConfig, "4", "2"), "bits is 2"},
		{gptq, change(gptqConfig, "4", `"4"`), "bits is"},
		{gptq, change(gptqConfig, `"bits": 4, `, ""), "bits is 0"},
		{gptq, change(gptqConfig, "-1", "0"), "group_size is 0"},
		{gptq, change(gptqConfig, "-1", "1e9"), "group_size is 1e+09"},
		{gptq, change(gptqConfig, "-1", "32"), "groups of 32"},
		{gptq, with1(gptqConfig, `"checkpoint_format": "marlin"`), `"marlin"; gptq and gptq_v2`},
		{gptq, with1(gptqConfig, `"is_marlin_format": true`), "is_marlin_format"},
		{gptq, with1(gptqConfig, `"format": "bitblas"`), `"bitblas"`},
		{gptq, with1(gptqConfig, `"pack_dtype": "int16"`), `pack_dtype is "int16"`},
		{gptq, with1(gptqConfig, `"dynamic": {"+:.*q_proj": {"bits": 8}}`), "dynamic"},
		{gptq, change(gptqConfig, `"gptq"`, `"awq"`), ".scales"},
		{gptq, change(gptqConfig, `"gptq"`, `"compressed-tensors"`), "config_groups is empty"},
		{gptq, "null", "no quantization_config"},
		{values, gptqConfig, "qweight"},
		{values, `{"quant_method": "awq", "bits": 3}`, "bits is 3; AWQ of 4 bits"},
		{values, `{"quant_method": "awq", "bits": 4, "version": "GEMV"}`, `version "gemv"`},
		{values, `{"quant_method": "awq", "bits": 4, "backend": "llm-awq"}`, `backend "llm-awq"`},
		{values, `{"quant_method": "awq", "bits": 4, "group_size": 0}`, "group_size is 0"},
		{values, `{"quant_method": "bitsandbytes", "load_in_4bit": true}`, `quantised by "bitsandbytes"`},
		{values, `{"load_in_8bit": true}`, `quantised by "bitsandbytes"`},
		{values, `{"quant_method": "auto-round"}`, "auto_gptq"},
		{values, `{"quant_method": "quanto"}`, `quantised by "quanto"`},
		{eight, compressedConfig, ""},
		{eight, with1(compressedConfig, `"sparsity_config": {}, "transform_config": {}, "kv_cache_scheme": null, "quantization_status": "compressed"`), ""},
		{eight, with1(compressedConfig, `"sparsity_config": {"format": "sparse-24-bitmask"}`), `format "sparse-24-bitmask"`},
		{eight, with1(compressedConfig, `"transform_config": {"config_groups": {"R1": {"type": "hadamard"}}}`), "transform_config"},
		{eight, with1(compressedConfig, `"kv_cache_scheme": {"num_bits": 8}`), "kv_cache_scheme"},
		{eight, with1(compressedConfig, `"quantization_status": "frozen"`), `quantization_status is "frozen"`},
		{eight, change(compressedConfig, "int-quantized", "marlin-24"), `"marlin-24"`},
		{eight, change(compressedConfig, "int-quantized", "nvfp4-pack-quantized"), `"nvfp4-pack-quantized"`},
		{eight, change(compressedConfig, "int-quantized", "pack-quantized"), "packed is true"},
		{eight, change(compressedConfig, "int-quantized", "float-quantized"), `type "int"`},
		{eight, change(compressedConfig, `"num_bits": 8`, `"num_bits": 2`), "num_bits is 2"},
		{eight, change(compressedConfig, `"channel"`, `"tensor"`), "[1 1]"},
		{eight, change(compressedConfig, `"channel"`, `"group"`), "group_size is 0"},
		{eight, change(compressedConfig, `"channel"`, `"token"`), `strategy "token"`},
		{eight, change(compressedConfig, `"channel"`, `"block", "block_structure": [0, 1]`), "block_structure is [0, 1]"},
		{eight, change(compressedConfig, `"dynamic": true`, `"dynamic": false`), "input_activations: static"},
		{eight, change(compressedConfig, `"lm_head"`, `"re:.*o_proj"`), "o_proj\" is on the list of what is not quantised"},
		{eight, change(compressedConfig, `"lm_head"`, `"model.layers.1.mlp.up_proj"`), "model.layers.1.mlp.up_proj"},
		{eight, change(compressedConfig, `"lm_head"`, `"re:^(?!a)"`), ""}, // Go has no such expressions: not checked
		{eight, change(compressedConfig, `"Linear"`, `"re:.*q_proj$"`), "no group targets"},
		{eight, change(compressedConfig, `"Linear"`, `"re:(?!a)"`), "targets:"},
		{eight, change(compressedConfig, `"Linear"`, `"re:(a{900}){900}"`), "targets:"},
		{eight, groups(`"config_groups": {}`), "config_groups is empty"},
		{eight, groups(`"config_groups": {"W8A8": ["Linear"]}`), "W8A8"},
		{eight, groups(`"config_groups": {"a": {"targets": ["Linear"], "weights": {"strategy": "channel"}}, "b": {"targets": ["re:.*"], "weights": {"strategy": "tensor"}}}`), "[1 1]"},
		{eight, groups(`"config_groups": {"a": {"targets": ["re:.*_proj"], "weights": {"strategy": "channel"}}, "b": {"targets": ["re:.*"], "weights": {"strategy": "tensor"}}}`), "both target"},
	} {
		_, err := model.NewDecoder(encode(with(g.object(t), "quantization_config", c.config)), c.src, model.Options{})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.config, err, cmp.Or(c.want, "no error"))
		}
	}
}

// With FloatActivations static scales are left out.
func TestFloatActivations(t *testing.T) {
	g := plain(t, "llama")
	quantised, values := quantise(t, g, func(module string, x tensor.Tensor) []checkpoint.Entry {
		scale := checkpoint.Entry{Name: module + ".input_scale", DType: checkpoint.BF16, Shape: []int{1}, Data: []byte{0, 0x3C}}
		return append(asCompressed(module, x), scale)
	})
	config := strings.Replace(compressedConfig, `"dynamic": true`, `"dynamic": false`, 1)
	config = strings.Replace(config, "{", `{"kv_cache_scheme": {"num_bits": 8, "dynamic": false}, `, 1)
	full := encode(with(g.object(t), "quantization_config", config))
	if _, err := model.NewDecoder(full, quantised, model.Options{}); err == nil || !strings.Contains(err.Error(), "FloatActivations") {
		t.Errorf("error %v", err)
	}
	got, err := model.NewDecoder(full, quantised, model.Options{FloatActivations: true})
	if err != nil {
		t.Fatal(err)
	}
	sameAsValues(t, g, got, values)
}

// AutoGPTQ and AutoAWQ say what they have done in a file of their own, which may be wrong.
func TestQuantizationFiles(t *testing.T) {
	g := plain(t, "llama")
	src, _ := quantise(t, g, asGPTQ(4, false))
	weights := written(t, src)
	for _, c := range []struct{ file, text, want string }{
		{"quantize_config.json", `{"bits": 4, "group_size": -1}`, ""},
		{"quantize_config.json", `{"bits": 5, "group_size": -1}`, "quantize_config.json: bits is 5"},
		{"quantize_config.json", `[]`, "quantize_config.json is not a JSON object"},
		{"quant_config.json", `{"w_bit": 4, "q_group_size": 128, "version": "GEMM"}`, "inputs"},
		{"quant_config.json", `{"w_bit": 3, "q_group_size": 128, "version": "GEMM"}`, "quant_config.json: w_bit is 3"},
		{"other.json", `{}`, "no quantization_config"},
	} {
		fsys := fstest.MapFS{"config.json": {Data: g.Config}, "gptq_model-4bit--1g.safetensors": {Data: weights}, c.file: {Data: []byte(c.text)}}
		_, err := model.OpenDecoder(fsys, model.Options{})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s %s: %v, want %q", c.file, c.text, err, cmp.Or(c.want, "no error"))
		}
	}
}

// With KeepBits symmetric weights stay in blocks that hold the same values, for each matrix of a mixture of experts, too.
func TestKeepBits(t *testing.T) {
	for family, change := range map[string][][2]string{
		"llama":       {{"hidden_size", "64"}, {"intermediate_size", "96"}, {"num_attention_heads", "4"}, {"num_key_value_heads", "2"}, {"head_dim", "16"}},
		"mixtral":     {{"hidden_size", "64"}, {"intermediate_size", "32"}, {"num_attention_heads", "4"}, {"num_key_value_heads", "2"}, {"head_dim", "16"}},
		"deepseek_v3": {{"hidden_size", "64"}, {"intermediate_size", "96"}, {"moe_intermediate_size", "32"}, {"kv_lora_rank", "32"}, {"q_lora_rank", "32"}, {"v_head_dim", "32"}},
	} {
		g := plain(t, family)
		config := g.object(t)
		for _, c := range change {
			config = with(config, c[0], c[1])
		}
		g.Config = encode(config)
		made := checkpoint.NewShapes(checkpoint.F32)
		if _, err := model.NewDecoder(g.Config, made, model.Options{}); err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(17, 18))
		var entries []checkpoint.Entry
		for name := range made.Names() {
			info, _ := made.Lookup(name)
			x := tensor.New(info.Shape...)
			for i := range x.Data {
				x.Data[i] = float32(r.NormFloat64()) / 8
			}
			entries = append(entries, checkpoint.Float32(name, x))
		}
		for method, store := range map[string]func(module string, x tensor.Tensor) []checkpoint.Entry{gptqConfig: asGPTQ(4, false), compressedConfig: asCompressed} {
			quantised, values := quantiseSource(t, checkpointtest.Memory(t, entries...), store)
			blocks := 0
			wide := func(m nn.Matrix) tensor.DType {
				if m.DType == tensor.Q4_0 || m.DType == tensor.Q8_0 {
					blocks++
				} else if strings.HasSuffix(m.Name, "_proj.weight") && !strings.Contains(m.Name, "kv_b") { // which is transposed
					t.Errorf("%s is %v", m.Name, m.DType)
				}
				return tensor.F32
			}
			full := encode(with(g.object(t), "quantization_config", method))
			opened, err := model.NewDecoder(full, quantised, model.Options{KeepBits: true, Convert: wide})
			if err != nil {
				t.Fatal(err)
			}
			want, err := model.NewDecoder(g.Config, values, model.Options{})
			if err != nil {
				t.Fatal(err)
			}
			few, err := model.NewDecoder(full, quantised, model.Options{KeepBits: true})
			if err != nil {
				t.Fatalf("%s: %v", family, err)
			}
			a, b := logitsOf(t, opened, g.Prompt), logitsOf(t, want, g.Prompt)
			if i, ok := tensortest.SameBits(a, b); !ok || blocks < 7 {
				t.Errorf("%s: %v at logit %d; %d matrices in blocks", family, ok, i, blocks)
			}
			if off := furthest(logitsOf(t, few, g.Prompt), b); off > 0.05 { // 8-bit activations
				t.Errorf("%s: in blocks the logits differ by %v", family, off)
			}
		}
	}
}

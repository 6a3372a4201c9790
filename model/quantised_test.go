package model_test

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/bytesview"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/checkpointtest"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// fp8Block is a block that divides no width of the golden cases.
var fp8Block = [2]int{16, 11}

// asFP8 stores the projections of a case in 8 bits. It returns the stored weights, and the values that they have.
func asFP8(t testing.TB, g golden) (quantised, plain checkpoint.Source) {
	t.Helper()
	src := g.weights(t, tensor.F32)
	codes := map[float32]byte{}
	for code := range 127 {
		codes[fp8Value(byte(code))], codes[-fp8Value(byte(code))] = byte(code), byte(code)|128
	}
	var q, p []checkpoint.Entry
	for name := range src.Names() {
		x, err := checkpoint.ReadFloat32(src, name)
		if err != nil {
			t.Fatal(err)
		}
		e := checkpoint.Float32(name, x)
		if !strings.Contains(name, "_proj") || !strings.HasSuffix(name, ".weight") || x.Shape.Rank() != 2 {
			q, p = append(q, e), append(p, e)
			continue
		}
		rows, cols := x.Shape[0], x.Shape[1]
		scales := tensor.New((rows+fp8Block[0]-1)/fp8Block[0], (cols+fp8Block[1]-1)/fp8Block[1])
		for i := range scales.Data {
			scales.Data[i] = 0.001 + float32(i%7)/4096
		}
		e8 := checkpoint.Entry{Name: name, DType: "F8_E4M3", Shape: e.Shape}
		for i, v := range x.Data {
			s := scales.Row(i / cols / fp8Block[0])[i%cols/fp8Block[1]]
			code := nearestFP8(v / s)
			e8.Data = append(e8.Data, codes[code])
			x.Data[i] = code * s
		}
		q = append(q, e8, checkpoint.Float32(name+"_scale_inv", scales))
		p = append(p, checkpoint.Float32(name, x))
	}
	return checkpointtest.Memory(t, q...), checkpointtest.Memory(t, p...)
}

// fp8Value returns the value of a positive F8_E4M3 code.
func fp8Value(code byte) float32 {
	if code < 8 {
		return float32(code) / 512
	}
	return float32(8+code&7) / 1024 * float32(int(1)<<(code>>3))
}

// nearestFP8 returns a value of F8_E4M3 close to v.
func nearestFP8(v float32) float32 {
	if v < 0 {
		return -nearestFP8(-v)
	}
	return fp8Value(byte(sort.Search(126, func(code int) bool { return fp8Value(byte(code)) >= v })))
}

const fp8Config = `{"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic", "weight_block_size": [16, 11], "modules_to_not_convert": ["lm_head"]}`

// A checkpoint in FP8 computes to the bit what its values in F32 do, and rounded to BF16 what those in BF16 do.
func TestFP8(t *testing.T) {
	for _, family := range []string{"llama", "deepseek_v3"} {
		t.Run(family, func(t *testing.T) { testFP8(t, plain(t, family)) })
	}
}

func testFP8(t *testing.T, g golden) {
	quantised, values := asFP8(t, g)
	config := encode(with(g.object(t), "quantization_config", fp8Config))
	fsys := fstest.MapFS{"config.json": {Data: config}, "model.safetensors": {Data: written(t, quantised)}}
	for name, convert := range map[string]func(nn.Matrix) tensor.DType{"F32": nil, "BF16": nn.As(tensor.BF16)} {
		opt := model.Options{Convert: convert}
		want, err := model.NewDecoder(g.Config, values, opt)
		if err != nil {
			t.Fatal(err)
		}
		opened, err := model.OpenDecoder(fsys, opt)
		if err != nil {
			t.Fatal(err)
		}
		assembled, err := model.NewDecoder(config, quantised, opt)
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range []*model.Decoder{opened, assembled} {
			a, b := logitsOf(t, got, g.Prompt), logitsOf(t, want, g.Prompt)
			if i, ok := tensortest.SameBits(a, b); !ok {
				t.Errorf("%s: logit %d is %v, that of the values %v", name, i, a[i], b[i])
			}
		}
	}
}

// logitsOf returns the logits after a prompt.
func logitsOf(t testing.TB, d *model.Decoder, prompt []int) []float32 {
	t.Helper()
	s := d.NewSession(model.SessionOptions{})
	if err := s.Append(prompt...); err != nil {
		t.Fatal(err)
	}
	return slices.Clone(s.Logits())
}

// A quantization_config that does not say how weights are stored is an error that names what is wrong.
func TestQuantisedConfigs(t *testing.T) {
	g := plain(t, "llama")
	quantised, _ := asFP8(t, g)
	open := func(quantization string) error {
		_, err := model.NewDecoder(encode(with(g.object(t), "quantization_config", quantization)), quantised, model.Options{})
		return err
	}
	for quantization, want := range map[string]string{
		fp8Config: "",
		strings.ReplaceAll(fp8Config, `"fmt": "e4m3"`, `"scale_fmt": "ue8m0", "unknown": {}`):  "",
		strings.ReplaceAll(fp8Config, "[16, 11]", "[128, 128]"):                                "one for each block of 128 by 128",
		strings.ReplaceAll(fp8Config, "[16, 11]", "[11, 16]"):                                  "one for each block of 11 by 16",
		strings.ReplaceAll(fp8Config, "[16, 11]", "null"):                                      "needs [1 1]",
		strings.ReplaceAll(fp8Config, `"weight_block_size": [16, 11]`, `"a": 0`):               "one for each block of 128 by 128",
		strings.ReplaceAll(fp8Config, "[16, 11]", "[16]"):                                      "weight_block_size is [16]",
		strings.ReplaceAll(fp8Config, "[16, 11]", "[0, 11]"):                                   "weight_block_size is [0, 11]",
		strings.ReplaceAll(fp8Config, "[16, 11]", "[16, 1e9]"):                                 "weight_block_size is [16, 1e9]",
		strings.ReplaceAll(fp8Config, "[16, 11]", `"16"`):                                      "weight_block_size is",
		strings.ReplaceAll(fp8Config, "e4m3", "e5m2"):                                          `fmt is "e5m2"`,
		strings.ReplaceAll(fp8Config, "dynamic", "magic"):                                      `activation_scheme is "magic"`,
		strings.ReplaceAll(fp8Config, `"fmt": "e4m3"`, `"expert_dtype": "fp4"`):                `expert_dtype is "fp4"`,
		strings.ReplaceAll(fp8Config, `["lm_head"]`, "5"):                                      "modules_to_not_convert is 5",
		strings.ReplaceAll(fp8Config, `"quant_method": "fp8"`, `"quant_method": "fbgemm_fp8"`): `quantised by "fbgemm_fp8"`,
		`{"quant_method": "compressed-tensors"}`:                                               "config_groups is empty",
		`{"quant_method": "mxfp4"}`:                                                            "F8_E4M3",
		`null`:                                                                                 "F8_E4M3",
	} {
		if err := open(quantization); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", quantization, err, cmp.Or(want, "no error"))
		}
	}
}

// sameAsValues checks that a decoder has the logits of the golden's with these weights.
func sameAsValues(t *testing.T, g golden, got *model.Decoder, values checkpoint.Source) {
	t.Helper()
	want, err := model.NewDecoder(g.Config, values, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if i, ok := tensortest.SameBits(logitsOf(t, got, g.Prompt), logitsOf(t, want, g.Prompt)); !ok {
		t.Errorf("logit %d differs", i)
	}
}

// A model of texts and pictures has the key in the config of its text model, too.
func TestQuantisedTextModel(t *testing.T) {
	g := plain(t, "gemma3")
	quantised, values := asFP8(t, g)
	got, err := model.NewDecoder(encode(with(g.object(t), "text_config.quantization_config", fp8Config)), quantised, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sameAsValues(t, g, got, values)
	_, err = model.NewDecoder(encode(with(g.object(t), "text_config.quantization_config", `{"quant_method": "hqq"}`)), values, model.Options{})
	if err == nil || !strings.Contains(err.Error(), `text_config: quantization_config: the weights are quantised by "hqq"`) {
		t.Errorf("error %v", err)
	}
}

// Scales of whole matrices, as numbers, are read where weight_block_size is null or absent.
func TestFP8WholeMatrices(t *testing.T) {
	g := plain(t, "llama")
	quantised, _ := asFP8(t, g)
	var q, p []checkpoint.Entry
	for name := range quantised.Names() {
		info, _ := quantised.Lookup(name)
		b, err := quantised.Bytes(name)
		if err != nil {
			t.Fatal(err)
		}
		e := checkpoint.Entry{Name: name, DType: info.DType, Shape: info.Shape, Data: b}
		switch {
		case strings.HasSuffix(name, "_scale_inv"):
			e.Shape, e.Data = nil, bytesview.Bytes([]float32{0.003})
		case info.DType != "F8_E4M3":
			p = append(p, e)
		default:
			x := tensor.New(info.Shape...)
			for i, code := range b {
				if x.Data[i] = fp8Value(code&127) * 0.003; code > 127 {
					x.Data[i] = -x.Data[i]
				}
			}
			p = append(p, checkpoint.Float32(name, x))
		}
		q = append(q, e)
	}
	want, err := model.NewDecoder(g.Config, checkpointtest.Memory(t, p...), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{`, "weight_block_size": null`, ""} {
		config := encode(with(g.object(t), "quantization_config", fmt.Sprintf(`{"quant_method": "fp8"%s}`, key)))
		got, err := model.NewDecoder(config, checkpointtest.Memory(t, q...), model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if i, ok := tensortest.SameBits(logitsOf(t, got, g.Prompt), logitsOf(t, want, g.Prompt)); !ok {
			t.Errorf("%s: logit %d differs", config, i)
		}
	}
}

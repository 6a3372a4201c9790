package model_test

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/quantize"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// A program that puts another tower into a model gets that tower's features.
func TestReplaceTower(t *testing.T) {
	for _, g := range towerGoldens(t) {
		if g.Name != "clip-plain" {
			continue
		}
		open := func(seed uint64) *model.ImageText {
			m, err := model.NewImageText(g.Config, checkpoint.Random(seed, tensor.F32), model.Options{})
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		features := func(m *model.ImageText) string {
			x, err := m.ImageFeatures(g.pictures(t))
			if err != nil {
				t.Fatal(err)
			}
			y, err := m.TextFeatures(g.texts())
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(x.Data, y.Data)
		}
		a, b := open(1), open(2)
		want := features(b)
		if features(a) == want {
			t.Fatal("two models are alike")
		}
		a.Image, a.Text = b.Image, b.Text
		if features(a) != want || a.ImageEncoder().ImageEncoder != b.Image || a.TextEncoder().Encoder != b.Text {
			t.Error("the towers that were replaced still count")
		}
		return
	}
	t.Fatal("no case")
}

// Shapes whose rows are whole blocks of 32.
const (
	seeing8 = `"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 32, "patch_size": 8, "projection_dim": 32`
	words8  = `"vocab_size": 96, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 16, "projection_dim": 32`
	vit8    = `{"model_type": "vit", "architectures": ["ViTModel"], ` + seeing8 + `}`
	clip8   = `{"model_type": "clip", "projection_dim": 32, "vision_config": {` + seeing8 + `}, "text_config": {` + words8 + `, "eos_token_id": 95, "bos_token_id": 94}}`
	siglip8 = `{"model_type": "siglip", "vision_config": {` + seeing8 + `}, "text_config": {` + words8 + `}}`
	blip8   = `{"model_type": "blip", "architectures": ["BlipForConditionalGeneration"], "vision_config": {` + seeing8 + `}, "text_config": {` + words8 + `,
		"encoder_hidden_size": 64, "bos_token_id": 94, "eos_token_id": 2, "sep_token_id": 95, "pad_token_id": 0}}`
)

// seeing8s open models of each kind and compute something with them: numbers, and how matrices are kept.
var seeing8s = []struct {
	name string
	open func(t *testing.T, opt model.Options) (tensor.Tensor, model.Arithmetic)
}{
	{"vit", func(t *testing.T, opt model.Options) (tensor.Tensor, model.Arithmetic) {
		e, err := model.NewImageEncoder([]byte(vit8), checkpoint.Random(1, tensor.F32), opt)
		if err != nil {
			t.Fatal(err)
		}
		h, err := e.Hidden(pictures8(t))
		if err != nil {
			t.Fatal(err)
		}
		return h[1], e.Arithmetic()
	}},
	{"clip", func(t *testing.T, opt model.Options) (tensor.Tensor, model.Arithmetic) {
		return features8(t, clip8, opt)
	}},
	{"siglip", func(t *testing.T, opt model.Options) (tensor.Tensor, model.Arithmetic) {
		return features8(t, siglip8, opt)
	}},
	{"blip", func(t *testing.T, opt model.Options) (tensor.Tensor, model.Arithmetic) {
		m, err := model.NewImageToText([]byte(blip8), checkpoint.Random(1, tensor.F32), opt)
		if err != nil {
			t.Fatal(err)
		}
		seen, err := m.Look(pictures8(t)...)
		if err != nil {
			t.Fatal(err)
		}
		s, err := m.NewSession(seen[1], model.Question{}, model.SessionOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Append(94, 5, 17); err != nil {
			t.Fatal(err)
		}
		return tensor.From(append([]float32(nil), s.Logits()...), 1, len(s.Logits())), m.Arithmetic()
	}},
}

func pictures8(t *testing.T) []tensor.Tensor {
	g := towerGolden{Pictures: [][]int{{3, 32, 32}, {3, 32, 32}}, Spread: 1}
	return g.pictures(t)
}

func features8(t *testing.T, config string, opt model.Options) (tensor.Tensor, model.Arithmetic) {
	m, err := model.NewImageText([]byte(config), checkpoint.Random(1, tensor.F32), opt)
	if err != nil {
		t.Fatal(err)
	}
	x, err := m.ImageFeatures(pictures8(t)[:1])
	if err != nil {
		t.Fatal(err)
	}
	y, err := m.TextFeatures([]arch.Sequence{m.Pad([]int{94, 3, 4, 95}), m.Pad([]int{94, 7, 95})})
	if err != nil {
		t.Fatal(err)
	}
	arch.Normalize(x)
	arch.Normalize(y)
	return tensor.From(append(x.Data, y.Data...), 3, m.Width()), m.Arithmetic()
}

// Models of pictures are kept in narrower types as others are: the result is near that of float32, and Arithmetic tells
// what is done, of all matrices.
func TestPicturesArithmetic(t *testing.T) {
	for _, m := range seeing8s {
		t.Run(m.name, func(t *testing.T) {
			sizes, bytes := map[string]int64{}, int64(0)
			want, kept := m.open(t, model.Options{Convert: func(m nn.Matrix) tensor.DType {
				sizes[m.Name] = 4 * int64(m.In) * int64(m.Rows)
				return tensor.F32
			}})
			for _, n := range sizes {
				bytes += n
			}
			if m.name == "blip" { // the words are kept twice: to look rows up, and to multiply by
				bytes += sizes["text_decoder.bert.embeddings.word_embeddings.weight"]
			}
			total := int64(0)
			for _, k := range kept {
				if total += k.Bytes; k.DType != tensor.F32 || k.Precision != tensor.FullPrecision {
					t.Errorf("in float32: %v", kept)
				}
			}
			if total != bytes {
				t.Errorf("Arithmetic has %d bytes, the matrices %d: %v", total, bytes, kept)
			}
			for _, c := range []struct {
				name  string
				opt   model.Options
				says  string
				bound float64 // of the largest magnitude: a few roundings to so many bits
			}{
				{"BF16", model.Options{Convert: nn.As(tensor.BF16)}, "BF16", 0.03},
				{"BF16 activations", model.Options{Convert: nn.As(tensor.BF16), Precision: nn.BF16Activations}, "bfloat16 activations", 0.05},
				{"Q8_0", model.Options{Convert: quantize.Q8_0}, "Q8_0", 0.05},
				{"Q8_0 exact", model.Options{Convert: quantize.Q8_0, Precision: nn.Exact}, "Q8_0", 0.05},
				{"W8A8", model.Options{Convert: quantize.W8A8}, "W8", 0.06},
			} {
				got, kept := m.open(t, c.opt)
				worst, most := 0.0, 0.0
				for i, v := range want.Data {
					worst, most = max(worst, math.Abs(float64(got.Data[i]-v))), max(most, math.Abs(float64(v)))
				}
				if worst == 0 || !(worst <= c.bound*most) {
					t.Errorf("%s: off by %.3g of the largest magnitude", c.name, worst/most)
				}
				if !strings.Contains(kept.String(), c.says) {
					t.Errorf("%s: %v", c.name, kept)
				}
				t.Logf("%s: off by %.3g: %v", c.name, worst/most, kept)
			}
		})
	}
}

// What cannot be done is refused by name: a type to which nothing is converted.
func TestPicturesRefuseTypes(t *testing.T) {
	opt := model.Options{Convert: nn.As(tensor.NVFP4)}
	_, e := model.NewImageEncoder([]byte(vit8), checkpoint.Random(1, tensor.F32), opt)
	_, m := model.NewImageText([]byte(clip8), checkpoint.Random(1, tensor.F32), opt)
	_, c := model.NewImageToText([]byte(blip8), checkpoint.Random(1, tensor.F32), opt)
	for _, err := range []error{e, m, c} {
		if err == nil || !strings.Contains(err.Error(), "NVFP4") || !strings.Contains(err.Error(), "weight") {
			t.Errorf("error %.300v", err)
		}
	}
}

// asVectors are tensors that are no matrices, though they have two dimensions: rows that are added to others.
var asVectors = regexp.MustCompile(`(class_embedding|cls_token|[a-z]+_tokens?|probe|latent|pos_embed|relative_attention_bias\.weight|positional_embedding|` +
	`(vision_model\.|^)embeddings\.position_embedding(\.weight)?|position_embeddings)$`)

// arithmetics opens a model as what it is, and tells its arithmetic.
func arithmetics(g seeing, opt model.Options) (model.Arithmetic, error) {
	if m, err := model.NewImageText(g.config, g.src, opt); err == nil {
		return m.Arithmetic(), nil
	}
	if m, err := model.NewImageToText(g.config, g.src, opt); err == nil {
		return m.Arithmetic(), nil
	}
	m, err := model.NewImageEncoder(g.config, g.src, opt)
	if err != nil {
		return nil, err
	}
	return m.Arithmetic(), nil
}

// Arithmetic leaves no matrix out, whatever the parts of a model: one that alone has another type is told.
func TestPicturesArithmeticWhole(t *testing.T) {
	all := 0
	for i, g := range seeings(t) {
		if testing.Short() && i%3 != 0 || strings.Contains(g.name, "-classify") { // which leaves a head unread
			continue
		}
		names := map[string]bool{}
		if _, err := arithmetics(g, model.Options{Convert: func(m nn.Matrix) tensor.DType {
			names[m.Name] = true
			return tensor.F32
		}}); err != nil {
			continue // a tower of texts
		}
		for name := range names {
			if asVectors.MatchString(name) {
				continue
			}
			all++
			a, err := arithmetics(g, model.Options{Convert: func(m nn.Matrix) tensor.DType {
				if m.Name == name {
					return tensor.BF16
				}
				return tensor.F32
			}})
			if err != nil || !strings.Contains(a.String(), "BF16") {
				t.Errorf("%s: %s is BF16: %s (%v)", g.name, name, a, err)
			}
		}
	}
	if all < 300 {
		t.Errorf("%d matrices", all)
	}
}

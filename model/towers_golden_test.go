package model_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// towerGolden is what the reference answers on small towers of pictures and texts.
type towerGolden struct {
	goldenWeights
	Name, Family string
	Config       json.RawMessage
	Pictures     [][]int // shapes
	Spread       float64
	Inputs       []struct {
		IDs  []int
		Keys int
	}
	Hidden  []floats
	Outputs []struct {
		floats
		Name string
	}
}

func towerGoldens(t testing.TB) []towerGolden {
	t.Helper()
	return readGoldens[towerGolden](t, "testdata/golden/towers/*.json.gz", 30)
}

// pictures returns the pixels, which are a formula.
func (g *towerGolden) pictures(t testing.TB) []tensor.Tensor {
	t.Helper()
	var all []tensor.Tensor
	for i, shape := range g.Pictures {
		name := fmt.Sprintf("%d:picture %d", g.Seed, i)
		src := checkpoint.Formula(map[string]tensor.Shape{name: tensor.Of(shape...)}, func(string, tensor.Shape) (float64, float64) { return 0, g.Spread })
		x, err := checkpoint.ReadFloat32(src, name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, x)
	}
	return all
}

// output returns what the reference has under a name.
func (g *towerGolden) output(t *testing.T, name string) (tensor.Tensor, bool) {
	for _, o := range g.Outputs {
		if o.Name == name {
			return o.tensor(t), true
		}
	}
	return tensor.Tensor{}, false
}

// compared collects the hidden states that a tower shows, and compares them with those that the reference has under
// its name. lengths are the rows of each input.
func (g *towerGolden) compared(t *testing.T, side string, blocks int, lengths []int) (p *attention.Pass, check func()) {
	var rows []int
	start := 0
	for _, n := range lengths {
		last := -1
		for _, r := range []int{0, 1, n / 2, n - 1} {
			if r > last && r < n {
				rows, last = append(rows, start+r), r
			}
		}
		start += n
	}
	seen, want := 0, 0
	for _, h := range g.Hidden {
		if strings.HasPrefix(h.At, side) {
			want++
		}
	}
	p = &attention.Pass{Observer: func(at attention.Point) func(tensor.Tensor) {
		name := ""
		switch at.Stage {
		case arch.StageEmbeddings:
			name = side + " embedding"
		case block.StageBlock:
			name = fmt.Sprintf("%s layer %d", side, at.Layer)
		case arch.StageFinalNorm:
			name = side + " final norm"
		}
		for _, h := range g.Hidden {
			if h.At == name {
				return func(x tensor.Tensor) {
					seen++
					compareTensors(t, "hidden "+name, rowsOf(x, rows), h.tensor(t))
				}
			}
		}
		return nil
	}}
	return p, func() {
		if seen != want || want < blocks+1 {
			t.Errorf("%s: %d hidden states were compared, of %d", side, seen, want)
		}
	}
}

// checkPictures compares hidden states and what is made of them; names are those of the reference's outputs.
func (g *towerGolden) checkPictures(t *testing.T, e *model.ImageEncoder, names ...string) {
	pictures := g.pictures(t)
	var lengths []int
	for _, x := range pictures {
		lengths = append(lengths, e.Rows(x))
	}
	p, check := g.compared(t, "image", len(e.Blocks), lengths)
	e.ForwardPooled(p, pictures)
	check()
	got, err := e.Pooled(pictures)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, name := range names {
		if want, ok := g.output(t, name); ok {
			found = true
			compareTensors(t, name, got, want)
		}
	}
	if !found {
		t.Errorf("no output is compared: there are %v", g.Outputs)
	}
	for i := range pictures {
		one, err := e.Pooled(pictures[i : i+1])
		if err != nil {
			t.Fatal(err)
		}
		tensortest.CheckBits(t, fmt.Sprintf("picture %d alone", i), one.Data, got.Row(i))
	}
}

// Hidden states after each layer and the outputs of every head equal those of the reference, for pictures of several
// sizes in one batch.
func TestImageEncoderGolden(t *testing.T) {
	eachSet(t, func(t *testing.T) {
		for _, g := range towerGoldens(t) {
			if len(g.Pictures) == 0 || len(g.Inputs) > 0 {
				continue
			}
			t.Run(g.Name, func(t *testing.T) {
				e, err := model.NewImageEncoder(g.Config, g.weights(t, tensor.F32), model.Options{})
				if err != nil {
					t.Fatal(err)
				}
				g.checkPictures(t, e, "image logits", "image pooler_output", "image features")
			})
		}
	})
}

// texts returns the sequences.
func (g *towerGolden) texts() []arch.Sequence {
	var all []arch.Sequence
	for _, in := range g.Inputs {
		all = append(all, arch.Sequence{IDs: in.IDs, Keys: in.Keys})
	}
	return all
}

// checkTexts compares hidden states and what is made of them.
func (g *towerGolden) checkTexts(t *testing.T, e *model.Encoder) {
	var lengths []int
	for _, in := range g.Inputs {
		lengths = append(lengths, len(in.IDs))
	}
	p, check := g.compared(t, "text", len(e.Blocks), lengths)
	e.Forward(p, g.texts())
	check()
	got, err := e.SequenceScores(g.texts())
	if err != nil {
		t.Fatal(err)
	}
	want, ok := g.output(t, "text features")
	if !ok {
		want, _ = g.output(t, "text pooler_output")
	}
	compareTensors(t, "texts", got, want)
}

// Towers of texts alone give what the reference gives.
func TestTextTowerGolden(t *testing.T) {
	eachSet(t, func(t *testing.T) {
		for _, g := range towerGoldens(t) {
			if len(g.Inputs) == 0 || g.Family == "altclip" || g.Family == "chinese_clip" {
				continue
			}
			t.Run(g.Name, func(t *testing.T) {
				e, err := model.NewEncoder(g.Config, g.weights(t, tensor.F32), model.Options{})
				if err != nil {
					t.Fatal(err)
				}
				g.checkTexts(t, e)
			})
		}
	})
}

// Layers may be left out at the end, as diffusion models do with towers of texts: what is left is the reference's hidden
// states of that layer.
func TestHiddenSkip(t *testing.T) {
	cases := 0
	for _, g := range towerGoldens(t) {
		if g.Family != "clip_text_model" && g.Family != "siglip_text_model" {
			continue
		}
		cases++
		e, err := model.NewEncoder(g.Config, g.weights(t, tensor.F32), model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		layers := len(e.Blocks)
		for skip := range layers + 1 {
			name := fmt.Sprintf("text layer %d", layers-1-skip)
			if skip == layers {
				name = "text embedding"
			}
			i := slices.IndexFunc(g.Hidden, func(h floats) bool { return h.At == name })
			if i < 0 {
				t.Fatalf("%s: the reference has no %q", g.Name, name)
			}
			got, err := e.HiddenSkip(g.texts(), skip, false)
			if err != nil {
				t.Fatal(err)
			}
			compareTensors(t, name, someRows(got), g.Hidden[i].tensor(t))
			normed, err := e.HiddenSkip(g.texts(), skip, true)
			if err != nil {
				t.Fatal(err)
			}
			for k, x := range got {
				compareTensors(t, name+" with the norm", normed[k], layerNorm(x, e.Norm.(*nn.LayerNorm)))
			}
			if hidden, err := e.Hidden(g.texts()); skip == 0 {
				for k := range hidden {
					tensortest.CheckBits(t, "no layer is left out", normed[k].Data, hidden[k].Data)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, skip := range []int{-1, layers + 1} {
			if _, err := e.HiddenSkip(g.texts(), skip, false); err == nil || !strings.Contains(err.Error(), "layers to skip") {
				t.Errorf("%d of %d layers left out: error %v", skip, layers, err)
			}
		}
		if _, err := e.HiddenSkip([]arch.Sequence{{IDs: []int{e.Vocab}}}, 1, false); err == nil {
			t.Error("an id that the model does not have: no error")
		}
	}
	if cases < 3 {
		t.Errorf("%d cases", cases)
	}
}

// someRows returns the rows of each text that golden files have: see compared.
func someRows(texts []tensor.Tensor) tensor.Tensor {
	var data []float32
	rows := 0
	for _, x := range texts {
		last := -1
		for _, r := range []int{0, 1, x.Rows() / 2, x.Rows() - 1} {
			if r > last && r < x.Rows() {
				data, last, rows = append(data, x.Row(r)...), r, rows+1
			}
		}
	}
	return tensor.From(data, rows, texts[0].Shape.Last())
}

// layerNorm is a norm by its formula, in float64.
func layerNorm(x tensor.Tensor, n *nn.LayerNorm) tensor.Tensor {
	y := tensor.New(x.Rows(), x.Shape.Last())
	for i := range x.Rows() {
		mean, variance, count := 0.0, 0.0, float64(x.Shape.Last())
		for _, v := range x.Row(i) {
			mean += float64(v) / count
		}
		for _, v := range x.Row(i) {
			variance += (float64(v) - mean) * (float64(v) - mean) / count
		}
		for j, v := range x.Row(i) {
			y.Row(i)[j] = float32((float64(v)-mean)/math.Sqrt(variance+float64(n.Eps))*float64(n.Weight[j]) + float64(n.Bias[j]))
		}
	}
	return y
}

// Both towers, the logits of pictures with texts, and the loss are those of the reference; each tower of the checkpoint
// opens alone, too.
func TestImageTextGolden(t *testing.T) {
	eachSet(t, func(t *testing.T) {
		for _, g := range towerGoldens(t) {
			if len(g.Pictures) == 0 || len(g.Inputs) == 0 {
				continue
			}
			t.Run(g.Name, func(t *testing.T) {
				src := g.weights(t, tensor.F32)
				m, err := model.NewImageText(g.Config, src, model.Options{})
				if err != nil {
					t.Fatal(err)
				}
				g.checkPictures(t, m.ImageEncoder(), "image features")
				g.checkTexts(t, m.TextEncoder())
				g.checkLogits(t, m)
				alone, err := model.NewImageEncoder(g.Config, src, model.Options{})
				if err != nil {
					t.Fatal(err)
				}
				g.checkPictures(t, alone, "image features")
			})
		}
	})
}

func (g *towerGolden) checkLogits(t *testing.T, m *model.ImageText) {
	images, err := m.ImageFeatures(g.pictures(t))
	if err != nil {
		t.Fatal(err)
	}
	texts, err := m.TextFeatures(g.texts())
	if err != nil {
		t.Fatal(err)
	}
	if images.Shape.Last() != m.Width() || texts.Shape.Last() != m.Width() {
		t.Errorf("features %v and %v, want rows of %d", images.Shape, texts.Shape, m.Width())
	}
	arch.Normalize(images)
	arch.Normalize(texts)
	logits := m.Logits(nil, images, texts)
	want, ok := g.output(t, "logits")
	if !ok {
		t.Fatal("no logits")
	}
	compareTensors(t, "logits", logits, want)
	if want, ok := g.output(t, "loss"); ok {
		loss, err := m.Loss(logits)
		if err != nil || !(math.Abs(loss-float64(want.Data[0])) <= tolerance*float64(want.Data[0])) {
			t.Errorf("loss %v, %v; want %v", loss, err, want.Data[0])
		}
	} else if len(g.Pictures) != len(g.Inputs) {
		if _, err := m.Loss(logits); err == nil {
			t.Error("a loss without pairs")
		}
	}
	for i, in := range g.Inputs { // the model pads as the reference's tokenizer does
		n := len(in.IDs)
		for m.Length > 0 && n > 1 && in.IDs[n-1] == m.PadID && (in.Keys == 0 || n > in.Keys) {
			n--
		}
		s := m.Pad(in.IDs[:n])
		if !slices.Equal(s.IDs, in.IDs) {
			t.Errorf("text %d is padded to %v, want %v", i, s.IDs, in.IDs)
		}
	}
}

// DINOv2 with its real weights, at the size it was trained with and at others.
func TestRealImageEncoder(t *testing.T) {
	dir := filepath.Join(fromEnv(t, "TRANSFORMER_REAL", "models in folders, each with the reference's answers in expected.json"), "dinov2-small")
	if testing.Short() {
		t.Skip("slow")
	}
	data, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if os.IsNotExist(err) {
		t.Skip(err)
	}
	var want struct {
		Cases []struct {
			Height, Width int
			ClassToken    []float64 `json:"class_token"`
			Patch5        []float64 `json:"patch_5"`
			Pooler        []float64 `json:"pooler_output"`
			SumAbs        float64   `json:"sum_abs"`
			MaxAbs        float64   `json:"max_abs"`
		}
	}
	if err != nil || json.Unmarshal(data, &want) != nil || len(want.Cases) == 0 {
		t.Fatalf("expected.json: %v, %d cases", err, len(want.Cases))
	}
	e, err := model.OpenImageEncoder(os.DirFS(dir), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range want.Cases {
		x := tensor.New(3, c.Height, c.Width)
		for i := range x.Data {
			ch, y, col := i/(c.Height*c.Width), i/c.Width%c.Height, i%c.Width
			x.Data[i] = float32(math.Sin(0.1*float64(ch) + 0.013*float64(y) + 0.007*float64(col)*float64(ch+1)))
		}
		hidden, err := e.Hidden([]tensor.Tensor{x})
		if err != nil {
			t.Fatal(err)
		}
		pooled, err := e.Pooled([]tensor.Tensor{x})
		if err != nil {
			t.Fatal(err)
		}
		var sum, largest, worst float64
		for _, v := range hidden[0].Data {
			sum += math.Abs(float64(v))
			largest = max(largest, math.Abs(float64(v)))
		}
		for _, part := range []struct {
			got  []float32
			want []float64
		}{{hidden[0].Row(0), c.ClassToken}, {hidden[0].Row(6), c.Patch5}, {pooled.Row(0), c.Pooler}, {[]float32{float32(largest)}, []float64{c.MaxAbs}}} {
			for i, v := range part.want {
				worst = max(worst, math.Abs(float64(part.got[i])-v))
			}
		}
		// The sum has errors of both signs, so that its own, relative, is far below that of an element.
		if !(worst <= tolerance*c.MaxAbs) || !(math.Abs(sum-c.SumAbs) <= tolerance*c.SumAbs) {
			t.Errorf("%d×%d: error %.2g of the largest magnitude; sum %.8g, want %.8g", c.Height, c.Width, worst/c.MaxAbs, sum, c.SumAbs)
		}
		t.Logf("%d×%d: error %.2g of the largest magnitude", c.Height, c.Width, worst/c.MaxAbs)
	}
}

// What a picture model cannot do is refused by name.
func TestImageEncoderErrors(t *testing.T) {
	g := towerGoldens(t)
	i := slices.IndexFunc(g, func(g towerGolden) bool { return g.Name == "vit-classify" })
	src := g[i].weights(t, tensor.F32)
	for edit, want := range map[string]string{
		`"image_size": [20]`:                               "image_size is [20]",
		`"image_size": 4`:                                  "less than patch_size",
		`"image_size": 65536, "patch_size": 1`:             "a table of",
		`"image_size": 25`:                                 "position_embeddings",
		`"patch_size": "5"`:                                "patch_size is",
		`"num_attention_heads": 5`:                         "evenly",
		`"architectures": ["ViTForMaskedImageModeling"]`:   "ViTForMaskedImageModeling",
		`"architectures": ["ViTModel"], "hidden_act": "x"`: "activation",
		`"model_type": "swin"`:                             "these image encoders are: ",
		`"model_type": "bert"`:                             "is an encoder",
	} {
		_, err := model.NewImageEncoder(edited(t, g[i].Config, "{"+edit+"}"), src, model.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", edit, err, want)
		}
	}
	if _, err := model.NewEncoder(g[i].Config, src, model.Options{}); err == nil || !strings.Contains(err.Error(), "OpenImageEncoder") {
		t.Errorf("a ViT as an encoder of text: %v", err)
	}
	if _, err := model.NewImageEncoder(g[i].Config, src, model.Options{Heads: []arch.Task{arch.MaskedLM}}); err == nil || !strings.Contains(err.Error(), "image classification") {
		t.Errorf("a head that there is not: %v", err)
	}
	e, err := model.NewImageEncoder(g[i].Config, src, model.Options{Heads: []arch.Task{arch.Features}})
	if err != nil || e.Head != nil {
		t.Errorf("features of a classifier: %v", err)
	}
	if _, err := e.Pooled([]tensor.Tensor{tensor.New(3, 4, 20)}); err == nil || !strings.Contains(err.Error(), "picture 0") {
		t.Errorf("a picture without a patch: %v", err)
	}
	e, err = model.NewImageEncoder(g[i].Config, src, model.Options{})
	if err != nil || !slices.Equal(e.Labels, []string{"LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3", "LABEL_4"}) {
		t.Errorf("labels %v, %v", e.Labels, err)
	}
}

// edited returns a config with the keys of another object.
func edited(t *testing.T, config json.RawMessage, edit string) []byte {
	t.Helper()
	keys := map[string]json.RawMessage{}
	if err := json.Unmarshal(config, &keys); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(edit), &keys); err != nil {
		t.Fatalf("%s: %v", edit, err)
	}
	data, err := json.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

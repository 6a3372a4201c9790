package model_test

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/x448/float16"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/internal/simd"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/moe"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// golden is what the reference answers on a small checkpoint: testdata/golden/golden.py made it.
type golden struct {
	Name, Family string
	Config       json.RawMessage
	goldenWeights
	Start             int // position of the prompt's first token
	Prompt, Positions []int
	Hidden            []floats
	Routing           []routing
	Logits            floats
	Prediction        *prediction
	Greedy            []int
	GreedyCached      []int `json:"greedy_cached"`

	memory checkpoint.Source
}

// routing is what a layer's router decides for the kept positions: the experts of each in the order of choice, and
// their weights.
type routing struct {
	Layer   int
	Experts [][]int
	floats
}

// prediction is what the layer that predicts one token more makes of the prompt, at the kept positions.
type prediction struct {
	Hidden, Logits floats
	Routing        []routing
}

// goldenWeights are a case's weights: a formula of each tensor's name.
type goldenWeights struct {
	Seed    int
	Tensors map[string]struct {
		Shape         []int
		Offset, Scale float64
		Like          string // the tensor whose values this one repeats
	}
}

// floats is an array of float32.
type floats struct {
	At    string
	Shape []int
	Data  string
}

func (f floats) tensor(t *testing.T) tensor.Tensor {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(f.Data, "f32:"))
	if err != nil {
		t.Fatal(err)
	}
	x := tensor.New(f.Shape...)
	for i := range x.Data {
		x.Data[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return x
}

func goldens(t testing.TB) []golden {
	t.Helper()
	return readGoldens[golden](t, "testdata/golden/*.json.gz", 109)
}

// readGoldens reads files, of which there are n or more: a test of none would pass.
func readGoldens[T any](t testing.TB, pattern string, n int) []T {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) < n {
		t.Fatalf("%d files %s, want %d or more (%v)", len(files), pattern, n, err)
	}
	all := make([]T, len(files))
	for i, f := range files {
		if err := json.Unmarshal(tensortest.ReadFile(t, f), &all[i]); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
	}
	return all
}

// weights returns the checkpoint of the case, stored as this type.
func (g *goldenWeights) weights(t testing.TB, dt tensor.DType) checkpoint.Source {
	t.Helper()
	prefix := fmt.Sprintf("%d:", g.Seed)
	shapes := map[string]tensor.Shape{}
	for name, x := range g.Tensors {
		shapes[prefix+name] = tensor.Of(x.Shape...)
	}
	formula := checkpoint.Formula(shapes, func(name string, _ tensor.Shape) (offset, scale float64) {
		x := g.Tensors[strings.TrimPrefix(name, prefix)]
		return x.Offset, x.Scale
	})
	var entries []checkpoint.Entry
	for name, x := range g.Tensors {
		values, err := checkpoint.ReadFloat32(formula, prefix+cmp.Or(x.Like, name))
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, entry(name, values, dt))
	}
	mem, err := checkpoint.Memory(entries...)
	if err != nil {
		t.Fatal(err)
	}
	return mem
}

// entry returns x as a stored tensor, rounded to dt.
func entry(name string, x tensor.Tensor, dt tensor.DType) checkpoint.Entry {
	e := checkpoint.Float32(name, x)
	if dt == tensor.F32 {
		return e
	}
	e.DType, e.Data = checkpoint.F16, nil
	if dt == tensor.BF16 {
		e.DType = checkpoint.BF16
	}
	for _, v := range x.Data {
		bits := float16.Fromfloat32(v).Bits()
		if dt == tensor.BF16 {
			bits = uint16((math.Float32bits(v) + 0x7fff + math.Float32bits(v)>>16&1) >> 16)
		}
		e.Data = binary.LittleEndian.AppendUint16(e.Data, bits)
	}
	return e
}

func (g *golden) decoder(t testing.TB, opt model.Options) *model.Decoder {
	t.Helper()
	d, err := model.NewDecoder(g.Config, g.weights(t, tensor.F32), opt)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// forms returns the forms of latent attention in which the case's model computes: the fixed ones, and others.
func (g *golden) forms(others ...attention.LatentForm) []attention.LatentForm {
	if !strings.Contains(string(g.Config), `"kv_lora_rank"`) {
		return []attention.LatentForm{attention.LatentAuto}
	}
	return append(others, attention.LatentAbsorbed, attention.LatentExpanded)
}

// tolerance is the largest difference from the reference, of a tensor's largest magnitude. The
// reference's own float32 is up to 6e-6 from float64, and moves by 2e-6 with its vector units; logits
// must be within 1e-4.
const tolerance = 2e-5

func compareTensors(t *testing.T, what string, got, want tensor.Tensor) {
	t.Helper()
	if len(got.Data) != len(want.Data) {
		t.Fatalf("%s: %v values, want %v", what, got.Shape, want.Shape)
	}
	var worst, size float64
	for i := range want.Data {
		worst = max(worst, math.Abs(float64(got.Data[i])-float64(want.Data[i])))
		size = max(size, math.Abs(float64(want.Data[i])))
	}
	if !(worst <= tolerance*size) {
		t.Errorf("%s: error %.2g of the largest magnitude", what, worst/size)
	}
}

// rowsOf returns some rows of x.
func rowsOf(x tensor.Tensor, rows []int) tensor.Tensor {
	y := tensor.New(len(rows), x.Shape.Last())
	for i, r := range rows {
		copy(y.Row(i), x.Row(r))
	}
	return y
}

// eachSet runs a test with the kernels of each kind of processor that this one can be; of the best only
// under the race detector, which makes the portable ones slow and looks for something else.
func eachSet(t *testing.T, f func(t *testing.T)) {
	if tensortest.Race && testing.Short() {
		t.Run(simd.Active().String(), f)
		return
	}
	tensortest.EachSet(t, f)
}

// Hidden states after each layer, logits and a greedy continuation equal those of the reference.
func TestGolden(t *testing.T) {
	eachSet(t, func(t *testing.T) {
		for _, g := range goldens(t) {
			t.Run(g.Name, func(t *testing.T) {
				for _, form := range g.forms(attention.LatentAuto) {
					d := g.decoder(t, model.Options{LatentForm: form})
					g.checkStates(t, d)
					g.checkGreedy(t, d)
					g.checkPrediction(t, form)
				}
			})
		}
	})
}

// newCache returns an empty cache for a sequence of d.
func newCache(t testing.TB, d *model.Decoder) *attention.Cache {
	t.Helper()
	plan, err := d.Plan()
	if err != nil {
		t.Fatal(err)
	}
	return plan.NewCache(tensor.F32)
}

func (g *golden) checkStates(t *testing.T, d *model.Decoder) {
	last := len(g.Hidden) - 1 // after the final norm
	var chosen moe.Record
	p := &attention.Pass{Observer: func(at attention.Point) func(tensor.Tensor) {
		if f := chosen.Observe(at); f != nil {
			return f
		}
		i := -1
		switch at.Stage {
		case arch.StageEmbeddings:
			i = 0
		case block.StageBlock:
			i = at.Layer + 1
			if i == last {
				return nil
			}
		case arch.StageFinalNorm:
			i = last
		}
		if i < 0 {
			return nil
		}
		return func(x tensor.Tensor) {
			if g.Hidden[i].At == "project_out" {
				y := tensor.New(x.Rows(), d.Project.Out())
				d.Project.Forward(y, x)
				x = y
			}
			compareTensors(t, "hidden "+g.Hidden[i].At, rowsOf(x, g.Positions), g.Hidden[i].tensor(t))
		}
	}}
	cache := newCache(t, d)
	if err := cache.StartAt(g.Start); err != nil {
		t.Fatal(err)
	}
	p.Begin(attention.Seq{Rows: len(g.Prompt), Pos: g.Start, Cache: cache})
	logits := d.Forward(p, []arch.Sequence{{IDs: g.Prompt}}, g.Positions)
	compareTensors(t, "logits", logits, g.Logits.tensor(t))
	g.checkRouting(t, &chosen, g.Routing)
}

// checkPrediction compares the layer that predicts one token more, which reads the tokens in two steps.
func (g *golden) checkPrediction(t *testing.T, form attention.LatentForm) {
	if g.Prediction == nil {
		return
	}
	d := g.decoder(t, model.Options{Prediction: true, LatentForm: form})
	ids := append(slices.Clone(g.Prompt), g.Greedy[0])
	n := len(g.Prompt)
	var chosen moe.Record
	p := &attention.Pass{}
	p.Begin(attention.Seq{Rows: n, Cache: newCache(t, d)})
	hidden := tensor.New(n, d.Dim) // the pass lends its memory to the next
	copy(hidden.Data, d.Hidden(p, []arch.Sequence{{IDs: g.Prompt}}).Data)

	plan, err := d.Prediction.Plan(d.Dim)
	if err != nil {
		t.Fatal(err)
	}
	cache, got := plan.NewCache(tensor.F32), tensor.New(n, d.Dim)
	for _, part := range [][2]int{{0, n - 1}, {n - 1, n}} {
		p.Begin(attention.Seq{Rows: part[1] - part[0], Pos: part[0], Cache: cache})
		next := []arch.Sequence{{IDs: ids[part[0]+1 : part[1]+1]}}
		copy(got.Slice(part[0], part[1]).Data, d.Predict(p, hidden.Slice(part[0], part[1]), next).Data)
	}
	compareTensors(t, "hidden states of the prediction", rowsOf(got, g.Positions), g.Prediction.Hidden.tensor(t))
	compareTensors(t, "logits of the prediction", d.Logits(p, rowsOf(got, g.Positions)), g.Prediction.Logits.tensor(t))

	p.Observer = func(at attention.Point) func(tensor.Tensor) { return chosen.Observe(at) }
	p.Begin(attention.Seq{Rows: n})
	d.Predict(p, hidden, []arch.Sequence{{IDs: ids[1:]}}) // without a cache
	g.checkRouting(t, &chosen, g.Prediction.Routing)
}

// checkRouting compares the experts that routers chose, and their weights.
func (g *golden) checkRouting(t *testing.T, chosen *moe.Record, routing []routing) {
	if len(chosen.Layers()) != len(routing) {
		t.Errorf("layers %v have experts, want %d", chosen.Layers(), len(routing))
		return
	}
	for _, want := range routing {
		r := chosen.Routing(want.Layer)
		weights := tensor.New(len(g.Positions), r.Active)
		for i, pos := range g.Positions {
			experts, w := r.Row(pos)
			copy(weights.Row(i), w)
			if !slices.Equal(experts, want.Experts[i]) {
				t.Errorf("layer %d, position %d: experts %v, want %v", want.Layer, pos, experts, want.Experts[i])
			}
		}
		compareTensors(t, fmt.Sprintf("expert weights of layer %d", want.Layer), weights, want.tensor(t))
	}
}

func (g *golden) checkGreedy(t *testing.T, d *model.Decoder) {
	want := g.Greedy
	if g.GreedyCached != nil {
		want = g.GreedyCached
	}
	s := d.NewSession(model.SessionOptions{})
	if err := s.Append(g.Prompt...); err != nil {
		t.Fatal(err)
	}
	for i, id := range want {
		if got := argMax(s.Logits()); got != id {
			t.Fatalf("greedy token %d is %d, want %d", i, got, id)
		}
		if i+1 < len(want) {
			if err := s.Append(id); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func argMax(x []float32) int { return slices.Index(x, slices.Max(x)) }

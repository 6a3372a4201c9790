package model_test

import (
	"encoding/json"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/modeltest"
	"github.com/seed2010d43f/transformer/moe"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// The tests of this file hold for every decoder: what a text gives does not depend, in a single bit, on
// how it was fed, what ran beside it, or what the session did before. They feed each golden model texts
// longer than its windows, than two pages of the cache, and than the rows that are computed together.

// longText is the length of the texts: past four pages and one chunk of a prompt, or in short tests past two
// pages.
func longText() int {
	if testing.Short() {
		return 300
	}
	return 600
}

// shortCases are those that short tests run: together they have every mask, norm, rotation, bias, arrangement of
// sublayers and kind of embedding.
var shortCases = []string{"cohere-qk-norm", "falcon-rw", "gemma2-softcaps", "gemma3-old-config", "gpt2-plain", "gpt_neox-odd-rotary",
	"granite-multipliers", "deepseek_v3-uneven-yarn", "llama-gqa", "llama-rope-dynamic", "mistral-window", "olmo2-gqa", "opt-350m", "phi-qk-layernorm",
	"phi3-longrope-long", "qwen2-layer-types", "smollm3-interval"}

// extended is a golden case whose model reads longer texts.
type extended struct {
	golden
	form attention.LatentForm
	d    *model.Decoder
	ids  []int
}

// extend returns the golden cases, with limits of length lifted where that changes no arithmetic that
// the case is there for.
func extend(t testing.TB) []extended {
	t.Helper()
	var all []extended
	for i, g := range goldens(t) {
		if testing.Short() && !slices.Contains(shortCases, g.Name) {
			continue
		}
		n := longText()
		var c map[string]any
		if err := json.Unmarshal(g.Config, &c); err != nil {
			t.Fatal(err)
		}
		switch {
		case g.dynamic():
			n = int(c["max_position_embeddings"].(float64)) // the original length
		case g.Family == "gpt2":
			c["n_positions"] = n
			g.lengthen("wpe.weight", n)
		case g.Family == "opt":
			c["max_position_embeddings"] = n
			g.lengthen("embed_positions.weight", n+2)
		case g.Family == "gemma3", g.Family == "llama4":
			c["text_config"].(map[string]any)["max_position_embeddings"] = n
		default:
			c["max_position_embeddings"] = n
		}
		var err error
		if g.Config, err = json.Marshal(c); err != nil {
			t.Fatal(err)
		}
		for _, form := range g.forms() {
			x := extended{golden: g, form: form, d: g.decoder(t, model.Options{LatentForm: form})}
			x.ids = modeltest.RandomIDs(uint64(i), n, x.d.Vocab)
			if form != attention.LatentAuto {
				x.Name += "-" + form.String()
			}
			all = append(all, x)
		}
	}
	return all
}

// lengthen gives a table of positions so many rows.
func (g *golden) lengthen(suffix string, rows int) {
	for name, w := range g.Tensors {
		if strings.HasSuffix(name, suffix) {
			w.Shape = []int{rows, w.Shape[1]}
			g.Tensors[name] = w
		}
	}
}

// dynamic reports whether the case's rotation depends on the length that a token enters with.
func (g *golden) dynamic() bool { return strings.Contains(g.Name, "dynamic") }

// trace returns the logits after each token, fed one by one.
func trace(t testing.TB, d *model.Decoder, opt model.SessionOptions, ids []int) [][]float32 {
	t.Helper()
	s := d.NewSession(opt)
	out := make([][]float32, len(ids))
	for i, id := range ids {
		feed(t, s, id)
		out[i] = slices.Clone(s.Logits())
	}
	return out
}

func feed(t testing.TB, s *model.Session, ids ...int) {
	t.Helper()
	if err := s.Append(ids...); err != nil {
		t.Fatal(err)
	}
}

// alone returns the logits of a new session after ids in one call.
func alone(t testing.TB, d *model.Decoder, opt model.SessionOptions, ids []int) []float32 {
	t.Helper()
	s := d.NewSession(opt)
	feed(t, s, ids...)
	return s.Logits()
}

// same fails the test if two vectors of logits differ in any bit.
func same(t testing.TB, what string, got, want []float32) {
	t.Helper()
	if err := modeltest.SameBits(got, want); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// splits are the sizes of calls, repeated until the text is fed.
var splits = [][]int{{1 << 20}, {1, 2, 3, 5, 8, 13, 21, 34, 55, 89}, {127, 1, 1, 127}, {511, 1, 2}, {513}}

func TestInvariances(t *testing.T) {
	for _, g := range extend(t) {
		t.Run(g.Name, func(t *testing.T) {
			if err := modeltest.TestDecoder(g.d, g.ids); err != nil {
				t.Error(err)
			}
			g.checkNarrow(t, tensor.F16, 2e-2)
			g.checkNarrow(t, tensor.Q8_0, 0.3)
		})
	}
}

func (g *extended) checkSplits(t *testing.T, opt model.SessionOptions, want [][]float32, splits [][]int) {
	t.Helper()
	for _, sizes := range splits {
		s := g.d.NewSession(opt)
		for i := 0; s.Len() < len(g.ids); i++ {
			n := s.Len()
			feed(t, s, g.ids[n:min(n+sizes[i%len(sizes)], len(g.ids))]...)
			same(t, fmt.Sprintf("%v cache, calls of %v, %d tokens", opt.Cache, sizes, s.Len()), s.Logits(), want[s.Len()-1])
		}
	}
}

// The kernels of every kind of processor have the same property.
func TestSplitsOnEachTier(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	all := extend(t)
	tensortest.EachSet(t, func(t *testing.T) {
		for _, g := range all {
			if !slices.Contains([]string{"gpt2-plain", "llama-gqa", "gemma2-softcaps", "qwen3-window", "phi3-longrope-long",
				"deepseek_v2-groups-absorbed", "deepseek_v2-groups-expanded"}, g.Name) {
				continue
			}
			g.d = g.decoder(t, model.Options{LatentForm: g.form}) // packed for this instruction set
			g.ids = g.ids[:200]
			g.checkSplits(t, model.SessionOptions{}, trace(t, g.d, model.SessionOptions{}, g.ids), splits)
		}
	})
}

// A batch that cannot be read leaves all its sessions as they were.
func TestAppendBatchErrors(t *testing.T) {
	g := extend(t)[0]
	other := g.decoder(t, model.Options{})
	a, b := g.d.NewSession(model.SessionOptions{}), g.d.NewSession(model.SessionOptions{})
	feed(t, a, 1, 2, 3)
	feed(t, b, 4)
	logits := slices.Clone(a.Logits())
	for want, batch := range map[string][]model.Input{
		"another model": {{a, []int{1}}, {other.NewSession(model.SessionOptions{}), []int{1}}},
		"twice":         {{a, []int{1}}, {b, []int{1}}, {a, []int{2}}},
		"id 100000":     {{a, []int{1}}, {b, []int{2, 100000}}},
		"at most":       {{a, []int{1, 2}}, {b, make([]int, longText())}},
	} {
		err := g.d.AppendBatch(batch)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
		if a.Len() != 3 || b.Len() != 1 {
			t.Fatalf("after %q sessions have %d and %d tokens, want 3 and 1", want, a.Len(), b.Len())
		}
		same(t, want, a.Logits(), logits)
	}
	if err := g.d.AppendBatch(nil); err != nil {
		t.Errorf("an empty batch: %v", err)
	}
	feed(t, a, 9)
	same(t, "after errors", a.Logits(), alone(t, g.d, model.SessionOptions{}, []int{1, 2, 3, 9}))
}

// A text that crosses the length at which Phi-3 changes its rotation, in either direction and however
// often, is what a new session makes of it.
func TestLongFrom(t *testing.T) {
	tested := 0
	for _, g := range extend(t) {
		from := g.d.LongFrom
		if from == 0 {
			continue
		}
		tested++
		want := trace(t, g.d, model.SessionOptions{}, g.ids)
		for _, i := range []int{0, from - 3, from - 2, from - 1, from, from + 1} {
			same(t, fmt.Sprintf("%s: %d tokens", g.Name, i+1), alone(t, g.d, model.SessionOptions{}, g.ids[:i+1]), want[i])
		}
		s := g.d.NewSession(model.SessionOptions{})
		for _, step := range [][2]int{ // rewind to, feed up to
			{0, from - 1}, {from - 1, from}, {from - 2, from - 1}, {from - 5, from + 5}, {from + 1, from + 2}, {0, from - 1},
			{from - 1, from + 3}, {0, 3}, {2, from + 1}, {1, 2}, {2, from - 1}, {from - 1, longText()}, {3, from}, {0, from},
		} {
			if err := s.Rewind(step[0]); err != nil {
				if !strings.Contains(err.Error(), "has dropped what is before") {
					t.Fatal(err)
				}
				s = g.d.NewSession(model.SessionOptions{}) // all layers have windows, which have moved on
				feed(t, s, g.ids[:step[0]]...)
			}
			f := s.Fork()
			feed(t, s, g.ids[step[0]:step[1]]...)
			same(t, fmt.Sprintf("%s: back to %d and on to %d", g.Name, step[0], step[1]), s.Logits(), want[step[1]-1])
			if err := g.d.AppendBatch([]model.Input{{f, g.ids[step[0]:step[1]]}}); err != nil {
				t.Fatal(err)
			}
			same(t, fmt.Sprintf("%s: fork at %d and on to %d", g.Name, step[0], step[1]), f.Logits(), want[step[1]-1])
		}
	}
	if tested < 3 && !testing.Short() {
		t.Errorf("only %d models with two rotations", tested)
	}
}

// rotaryDim returns the number of values of each head that rotate.
func rotaryDim(d *model.Decoder) float64 {
	op := d.Blocks[0][0].Op
	if p, ok := op.(*block.Parallel); ok {
		op = p.Branches[0].Op
	}
	return float64(op.(*attention.MultiHead).Rotary.Dim())
}

// Beyond its original length, dynamic NTK rotates all tokens of a call with the frequencies of the
// length that the text then has, and the cache keeps them.
func TestDynamicNTK(t *testing.T) {
	for _, g := range goldens(t) {
		if !g.dynamic() {
			continue
		}
		d := g.decoder(t, model.Options{})
		var c map[string]any
		if err := json.Unmarshal(g.Config, &c); err != nil {
			t.Fatal(err)
		}
		original := int(c["max_position_embeddings"].(float64))
		factor := c["rope_scaling"].(map[string]any)["factor"].(float64)
		ids := modeltest.RandomIDs(3, original+40, d.Vocab)
		dim := rotaryDim(d)
		key := "rope_theta"
		if g.Family == "gpt_neox" {
			key = "rotary_emb_base"
		}

		// A text in one call is what a model gives that has the grown base from the start.
		theta := 10000.0
		if v, ok := c[key].(float64); ok {
			theta = v
		}
		delete(c, "rope_scaling")
		c["max_position_embeddings"] = 1000
		for _, n := range []int{original + 1, original + 17, original + 40} {
			c[key] = theta * math.Pow(factor*float64(n)/float64(original)-(factor-1), dim/(dim-2))
			config, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			fixed := g
			fixed.Config = config
			same(t, fmt.Sprintf("%s: %d tokens", g.Name, n), alone(t, d, model.SessionOptions{}, ids[:n]),
				alone(t, fixed.decoder(t, model.Options{}), model.SessionOptions{}, ids[:n]))
		}

		// The same calls give the same: in a batch, after a fork, after going back to the start.
		feedAll := func(s *model.Session) *model.Session {
			feed(t, s, ids[:original-3]...)
			feed(t, s, ids[original-3:original+5]...)
			feed(t, s, ids[original+5:]...)
			return s
		}
		s := feedAll(d.NewSession(model.SessionOptions{}))
		want := slices.Clone(s.Logits())
		if modeltest.SameBits(alone(t, d, model.SessionOptions{}, ids), want) == nil {
			t.Errorf("%s: the test is blind: cached rotations make no difference", g.Name)
		}
		f := s.Fork()
		if err := f.Rewind(0); err != nil {
			t.Fatal(err)
		}
		same(t, g.Name+": from the start again", feedAll(f).Logits(), want)
		x, y := d.NewSession(model.SessionOptions{}), d.NewSession(model.SessionOptions{})
		for _, part := range [][2]int{{0, original - 3}, {original - 3, original + 5}, {original + 5, len(ids)}} {
			more := ids[part[0]:part[1]]
			if err := d.AppendBatch([]model.Input{{x, more}, {y, more[:1]}}); err != nil {
				t.Fatal(err)
			}
		}
		same(t, g.Name+": in a batch", x.Logits(), want)
	}
}

// A cache in F16 is off by at most 2⁻¹² of each key's and value's magnitude. Scores, and what attention
// adds to the stream, move by some of that in each of three layers; logits by up to 1.1e-2 of the largest,
// as measured over these models (opt-350m; 4e-3 without it), and 2e-2 is the bound up to the first token that is routed
// otherwise. Q8_0 is off by up to 2⁻⁸ of the largest of a block, 16 times as much, and so may logits be. How the text is
// fed changes nothing.
func (g *extended) checkNarrow(t *testing.T, cache tensor.DType, bound float64) {
	var chosen, chosenNarrow moe.Record
	want := trace(t, g.d, model.SessionOptions{Observer: chosen.Observe}, g.ids)
	opt := model.SessionOptions{Cache: cache}
	narrow := trace(t, g.d, model.SessionOptions{Cache: cache, Observer: chosenNarrow.Observe}, g.ids)
	n := sameRouting(&chosen, &chosenNarrow, len(g.ids))
	var worst, size float64
	for i := range n {
		for j := range want[i] {
			worst = max(worst, math.Abs(float64(narrow[i][j]-want[i][j])))
			size = max(size, math.Abs(float64(want[i][j])))
		}
	}
	if n > 0 && (worst == 0 || !(worst <= bound*size)) {
		t.Errorf("logits change by %.2g of the largest", worst/size)
	}
	t.Logf("%v: logits of %d tokens change by %.2g of the largest", cache, n, worst/size)
	g.checkSplits(t, opt, narrow, splits[1:2])
}

// sameRouting returns the first of n tokens that some layer gives to other experts or with weights that jump, or n.
// Weights of the sparse mixer jump where an expert comes close enough to the highest to count. A session that
// computes its text again, with the factors for long texts, has the rows of the first tokens twice.
func sameRouting(a, b *moe.Record, n int) int {
	const jump = 0.02
	tokens := n
	for _, layer := range a.Layers() {
		x, y := a.Routing(layer), b.Routing(layer)
		again := x.Rows() - tokens
		for i := range x.Rows() {
			p, v := x.Row(i)
			q, w := y.Row(i)
			near := slices.EqualFunc(v, w, func(v, w float32) bool { return math.Abs(float64(v-w)) <= jump })
			if near && slices.Equal(p, q) {
				continue
			}
			if i >= again {
				i = max(i-again, again)
			}
			n = min(n, i)
			break
		}
	}
	return n
}

// A model large enough for every operation to be divided between processors, with half-precision
// weights, gives the same for a long prompt in one call, in parts, and with any number of processors.
func TestLargerModel(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	config := `{"model_type": "qwen3", "vocab_size": 1000, "hidden_size": 320, "intermediate_size": 700, "num_hidden_layers": 2,
		"num_attention_heads": 10, "num_key_value_heads": 2, "head_dim": 48, "max_position_embeddings": 4096, "use_sliding_window": true,
		"sliding_window": 300, "max_window_layers": 1}`
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	const n = 700
	for _, dt := range []tensor.DType{tensor.F32, tensor.F16, tensor.BF16} {
		d, err := model.NewDecoder([]byte(config), checkpoint.Random(3, dt), model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		ids := modeltest.RandomIDs(5, n, d.Vocab)
		runtime.GOMAXPROCS(2)
		want := alone(t, d, model.SessionOptions{}, ids)
		for _, procs := range []int{1, 3} {
			runtime.GOMAXPROCS(procs)
			same(t, fmt.Sprintf("%v weights, GOMAXPROCS %d", dt, procs), alone(t, d, model.SessionOptions{}, ids), want)
		}
		for _, size := range []int{7, 300} {
			s := d.NewSession(model.SessionOptions{})
			for i := 0; i < n-5; i += size {
				feed(t, s, ids[i:min(i+size, n-5)]...)
			}
			for _, id := range ids[n-5:] {
				feed(t, s, id)
			}
			same(t, fmt.Sprintf("%v weights, calls of %d", dt, size), s.Logits(), want)
		}
	}
}

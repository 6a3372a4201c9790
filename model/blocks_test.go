package model_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/modeltest"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// blockModels are small models whose matrices differ in type within a layer, as in published files.
var blockModels = []struct {
	name, config string
	types        map[string]tensor.DType // by a part of the name
	rest         tensor.DType
}{
	{"q4_k_m", `{"model_type": "qwen3", "vocab_size": 300, "hidden_size": 512, "intermediate_size": 768, "num_hidden_layers": 2,
		"num_attention_heads": 8, "num_key_value_heads": 2, "head_dim": 64, "max_position_embeddings": 4096, "tie_word_embeddings": true,
		"use_sliding_window": true, "sliding_window": 150, "max_window_layers": 1}`,
		map[string]tensor.DType{"v_proj": tensor.Q6_K, "down_proj": tensor.Q6_K, "embed_tokens": tensor.Q6_K, "up_proj": tensor.Q5_K}, tensor.Q4_K},
	{"32 elements", `{"model_type": "llama", "vocab_size": 300, "hidden_size": 288, "intermediate_size": 416, "num_hidden_layers": 2,
		"num_attention_heads": 6, "num_key_value_heads": 3, "max_position_embeddings": 4096}`,
		map[string]tensor.DType{"k_proj": tensor.Q8_0, "v_proj": tensor.F16, "gate_proj": tensor.Q4_1, "down_proj": tensor.IQ4_NL, "lm_head": tensor.Q5_1, "embed_tokens": tensor.Q4_0},
		tensor.Q5_0},
	{"experts", `{"model_type": "qwen3_moe", "vocab_size": 300, "hidden_size": 256, "intermediate_size": 512, "moe_intermediate_size": 256, "num_hidden_layers": 2,
		"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 64, "num_experts": 8, "num_experts_per_tok": 2, "max_position_embeddings": 4096}`,
		map[string]tensor.DType{"gate_proj": tensor.Q4_K, "up_proj": tensor.Q5_0, "down_proj": tensor.MXFP4, "v_proj": tensor.BF16}, tensor.Q8_0},
}

// blockModel opens a model of blocks.
func blockModel(t testing.TB, i int, p nn.Precision) *model.Decoder {
	t.Helper()
	d, err := model.NewDecoder([]byte(blockModels[i].config), blockSources[i](), model.Options{Precision: p})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// blockSources have the weights of each of blockModels, as a file has them.
var blockSources = func() (all []func() checkpoint.Source) {
	for i := range blockModels {
		all = append(all, sync.OnceValue(func() checkpoint.Source { return blockSource(i) }))
	}
	return all
}()

func blockSource(i int) checkpoint.Source {
	m, src := blockModels[i], checkpoint.Random(5, tensor.F32)
	if _, err := model.NewDecoder([]byte(m.config), src, model.Options{}); err != nil { // names the tensors
		panic(err)
	}
	var entries []checkpoint.Entry
	for name := range src.Names() {
		x, err := checkpoint.ReadFloat32(src, name)
		if err != nil {
			panic(err)
		}
		e := checkpoint.Float32(name, x)
		if x.Shape.Rank() == 2 {
			dt := m.rest
			for part, of := range m.types {
				if strings.Contains(name, part) {
					dt = of
				}
			}
			e.DType, e.Data = checkpoint.DType(dt.String()), make([]byte, dt.Bytes(len(x.Data)))
			dt.Encode(e.Data, x.Data)
		}
		entries = append(entries, e)
	}
	blocks, err := checkpoint.Memory(entries...)
	if err != nil {
		panic(err)
	}
	return blocks
}

// Weights in blocks keep every promise that others do, exact and fast, on every instruction set: no bit depends on how a
// text was fed, on what runs beside it, or on the number of processors.
func TestBlockInvariances(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for i, m := range blockModels {
		for _, p := range []nn.Precision{nn.Automatic, nn.Exact} {
			t.Run(fmt.Sprintf("%s, %v", m.name, p), func(t *testing.T) {
				n := 180
				if testing.Short() {
					n = 60
				}
				d := blockModel(t, i, p)
				if err := modeltest.TestDecoder(d, modeltest.RandomIDs(9, n, d.Vocab)); err != nil {
					t.Error(err)
				}
				ids := modeltest.RandomIDs(10, 40, 300)
				tensortest.EachSet(t, func(t *testing.T) {
					d := blockModel(t, i, p)
					g := extended{golden: golden{Name: m.name}, d: d, ids: ids}
					g.checkSplits(t, model.SessionOptions{}, trace(t, d, model.SessionOptions{}, ids), splits[:3])
				})
			})
		}
	}
}

// Fast differs from exact, and not by much: 8 bits of activations move these logits by about a hundredth.
func TestBlockPrecisions(t *testing.T) {
	for i, m := range blockModels {
		ids := modeltest.RandomIDs(11, 50, 300)
		fast, exact := blockModel(t, i, nn.Automatic), blockModel(t, i, nn.Exact)
		off := furthest(alone(t, fast, model.SessionOptions{}, ids), alone(t, exact, model.SessionOptions{}, ids))
		if t.Logf("%s: logits differ by %.2g of the largest", m.name, off); off == 0 || !(off <= 0.05) {
			t.Errorf("%s: logits differ by %.2g of the largest", m.name, off)
		}
		for _, d := range []*model.Decoder{fast, exact} {
			for _, a := range d.Arithmetic() {
				elements, _ := a.DType.Block()
				want := tensor.FullPrecision
				if d == fast && elements > 1 && !a.Lookup {
					want = tensor.Int8Activations
				}
				if a.Precision != want || a.Bytes <= 0 {
					t.Errorf("%s: %v", m.name, a)
				}
			}
		}
	}
}

// A token of a model of blocks allocates nothing, exact and fast.
func TestBlockTokenAllocatesNothing(t *testing.T) {
	if tensortest.Race {
		t.Skip("the race detector allocates")
	}
	for i, m := range blockModels {
		for _, p := range []nn.Precision{nn.Automatic, nn.Exact} {
			d := blockModel(t, i, p)
			ids := modeltest.RandomIDs(12, 140, d.Vocab)
			runtime.GC() // now rather than in the middle, where it would empty pools
			s := d.NewSession(model.SessionOptions{Reserve: len(ids)})
			feed(t, s, ids[0])
			at := 1
			if got := testing.AllocsPerRun(100, func() {
				if err := s.Append(ids[at]); err != nil {
					t.Fatal(err)
				}
				at++
			}); got != 0 {
				t.Errorf("%s, %v: %v allocations for a token", m.name, p, got)
			}
		}
	}
}

package model_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// LLaMA 4 at position 10,000,000: hidden states, logits and a greedy continuation equal those of the reference,
// whose cache says that all tokens before are gone. The layers that see everything get a mask that says so.
func TestFar(t *testing.T) {
	eachSet(t, func(t *testing.T) {
		for _, g := range readGoldens[golden](t, "testdata/golden/far/*-far.json.gz", 1) {
			d := g.decoder(t, model.Options{})
			for _, b := range d.Blocks {
				if a, ok := b.Ops()[0].(*attention.MultiHead); ok && a.Rotary == nil {
					a.Mask.Chunk = g.Start
				}
			}
			g.checkStates(t, d)

			cache, ids := newCache(t, d), g.Prompt
			if err := cache.StartAt(g.Start); err != nil {
				t.Fatal(err)
			}
			p := &attention.Pass{}
			for i, want := range g.Greedy {
				p.Begin(attention.Seq{Rows: len(ids), Pos: cache.Len(), Cache: cache})
				logits := d.Forward(p, []arch.Sequence{{IDs: ids}}, []int{len(ids) - 1})
				if got := argMax(logits.Data); got != want {
					t.Fatalf("greedy token %d is %d, want %d", i, got, want)
				}
				ids = []int{want}
			}
		}
	})
}

// farTables are the reference's rotations and temperatures for published configs.
type farTables struct {
	Positions []int
	Rotations []struct {
		Config  json.RawMessage
		InvFreq floats `json:"inv_freq"`
		Cos     floats
		Sin     floats
	}
	Temperatures []struct {
		Config json.RawMessage
		Scale  floats
	}
}

// llama4Attention returns the attention of a small LLaMA 4 with these keys in its config.
func llama4Attention(t *testing.T, config json.RawMessage, more string) *attention.MultiHead {
	t.Helper()
	const small = `"model_type":"llama4_text","vocab_size":3,"hidden_size":4,"intermediate_size":2,"num_hidden_layers":1,"num_attention_heads":1,
		"num_key_value_heads":1,"num_local_experts":2,`
	d, err := model.NewDecoder([]byte("{"+small+more+","+strings.TrimPrefix(string(config), "{")), checkpoint.Random(1, tensor.F32), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d.Blocks[0].Ops()[0].(*attention.MultiHead)
}

// ulp is the distance of x from the next float32.
func ulp(x float32) float64 {
	return math.Abs(float64(math.Nextafter32(x, 2*x) - x))
}

// Frequencies of LLaMA 4 equal the reference's to the last bit. Cosines, sines and temperatures up to position
// 10,485,759 differ by a rounding at most.
func TestFarTables(t *testing.T) {
	for _, g := range readGoldens[farTables](t, "testdata/golden/far/*-tables.json.gz", 1) {
		for _, r := range g.Rotations {
			a := llama4Attention(t, r.Config, `"no_rope_layers":[1]`)
			want := r.InvFreq.tensor(t)
			if len(a.Rotary.InvFreq) != want.Shape.Len() {
				t.Fatalf("%s: %d frequencies, want %d", r.Config, len(a.Rotary.InvFreq), want.Shape.Len())
			}
			for i, f := range a.Rotary.InvFreq {
				if f != want.Data[i] {
					t.Errorf("%s: frequency %d is %v, want %v", r.Config, i, f, want.Data[i])
				}
			}
			cos, sin := r.Cos.tensor(t), r.Sin.tensor(t)
			for i, pos := range g.Positions {
				// Pairs (1, 0) become (cos, sin).
				x := tensor.New(1, 1, a.Rotary.Dim())
				for j := 0; j < len(x.Data); j += 2 {
					x.Data[j] = 1
				}
				a.Rotary.Rotate(x, pos, pos+1)
				for j := range cos.Shape.Last() {
					if c, s := x.Data[2*j]-cos.Row(i)[j], x.Data[2*j+1]-sin.Row(i)[j]; math.Abs(float64(c)) > 0x1p-23 || math.Abs(float64(s)) > 0x1p-23 {
						t.Errorf("%s: position %d, pair %d is turned by (%v, %v), %g and %g off", r.Config, pos, j, x.Data[2*j], x.Data[2*j+1], c, s)
					}
				}
			}
		}
		for _, s := range g.Temperatures {
			a := llama4Attention(t, s.Config, `"no_rope_layers":[0]`)
			for i, want := range s.Scale.tensor(t).Data {
				if got := a.QueryScale(g.Positions[i]); math.Abs(float64(got-want)) > ulp(want) {
					t.Errorf("%s: temperature at %d is %v, want %v", s.Config, g.Positions[i], got, want)
				}
			}
		}
	}
}

// The first version of transformers with LLaMA 4 wrote 4 where true is meant now.
func TestOldTemperatureTuning(t *testing.T) {
	for value, want := range map[string]bool{"4": true, "true": true, "false": false} {
		a := llama4Attention(t, json.RawMessage(`{"attn_temperature_tuning":`+value+"}"), `"no_rope_layers":[0]`)
		if got := a.QueryScale != nil; got != want {
			t.Errorf("attn_temperature_tuning %s: queries grow %v, want %v", value, got, want)
		}
	}
}

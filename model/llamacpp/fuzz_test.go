package llamacpp_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/model/llamacpp"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
)

// FuzzOpen opens files of any architecture, whose numbers and tensors need not fit each other. What it accepts can be
// described and read.
func FuzzOpen(f *testing.F) {
	shapes := llamaWeights()
	for name, shape := range map[string][]int{"blk.0.attn_qkv.weight": {12, 4}, "blk.0.ffn_gate_up_exps.weight": {2, 6, 4}, "blk.0.ffn_down_exps.weight": {2, 4, 3},
		"blk.0.attn_k_b.weight": {1, 2, 2}, "output_norm.weight": {4}, "rope_freqs.weight": {2}, "rope_factors_long.weight": {2}, "rope_factors_short.weight": {2},
		"blk.0.ffn_gate_inp.weight": {2, 4}, "blk.0.exp_probs_b.bias": {2}} {
		shapes[name] = shape
	}
	for _, name := range llamacpp.Supported() {
		m := metadata(nil)
		for _, key := range m.Keys() {
			v, _ := m.Value(key)
			m.Delete(key)
			m.Set(strings.ReplaceAll(key, "llama.", name+"."), v)
		}
		m.Set("general.architecture", gguf.Of(name))
		for _, key := range []string{"expert_count", "expert_used_count", "rope.dimension_count", "attention.kv_lora_rank", "attention.sliding_window"} {
			m.Set(name+"."+key, gguf.Of(uint32(2)))
		}
		var b bytes.Buffer
		if err := gguf.Write(&b, m, weights(f, shapes)); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := gguf.Open(fstest.MapFS{"m.gguf": {Data: data}}, "m.gguf")
		if err != nil {
			return
		}
		m, err := llamacpp.Open(file.Metadata(), file)
		if err != nil {
			return
		}
		if _, err := hf.ParseConfig("config.json", m.Config); err != nil {
			t.Errorf("config: %v", err)
		}
		for name := range m.Weights.Names() {
			info, ok := m.Weights.Lookup(name)
			b, err := m.Weights.Bytes(name)
			if !ok || err != nil || int64(len(b)) != info.Size {
				t.Errorf("%s: %v, %d bytes of %d, %v", name, ok, len(b), info.Size, err)
			}
			var n int
			for piece, err := range m.Weights.Chunks(name, 7) {
				if err != nil {
					t.Fatal(err)
				}
				n += len(piece)
			}
			if n != len(b) {
				t.Errorf("%s: %d bytes in pieces, of %d", name, n, len(b))
			}
			m.Weights.Release(name)
		}
		if _, err := m.Weights.Bytes("none"); err == nil {
			t.Error("a tensor that is not there is read")
		}
		var _ checkpoint.InPlace = m.Weights.(checkpoint.InPlace)
	})
}

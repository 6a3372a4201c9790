package model_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/llamacpp"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/checkpointtest"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// blockCases are small files in which every matrix has whole blocks.
var blockCases = map[string]struct {
	numbers map[string]uint32 // metadata of the architecture
	shapes  map[string][]int  // of a layer, or of the model where the name has a dot in front
}{
	"llama": {map[string]uint32{"embedding_length": 64, "attention.head_count": 4, "attention.head_count_kv": 2},
		map[string][]int{"attn_q.weight": {64, 64}, "attn_k.weight": {32, 64}, "attn_v.weight": {32, 64}, "attn_output.weight": {64, 64}, "attn_q.bias": {64},
			"attn_k.bias": {32}, "attn_v.bias": {32}, "attn_output.bias": {64}, "attn_norm.weight": {64}, "ffn_norm.weight": {64},
			"ffn_gate.weight": {96, 64}, "ffn_up.weight": {96, 64}, "ffn_down.weight": {64, 96}, ".output_norm.weight": {64}}},
	"gpt2": {map[string]uint32{"embedding_length": 64, "attention.head_count": 4},
		map[string][]int{"attn_qkv.weight": {192, 64}, "attn_qkv.bias": {192}, "attn_output.weight": {64, 64}, "attn_output.bias": {64},
			"attn_norm.weight": {64}, "attn_norm.bias": {64}, "ffn_norm.weight": {64}, "ffn_norm.bias": {64}, "ffn_up.weight": {128, 64}, "ffn_up.bias": {128},
			"ffn_down.weight": {64, 128}, "ffn_down.bias": {64}, ".output_norm.weight": {64}, ".output_norm.bias": {64}, ".position_embd.weight": {64, 64}}},
	"falcon": {map[string]uint32{"embedding_length": 64, "attention.head_count": 4, "attention.head_count_kv": 2},
		map[string][]int{"attn_qkv.weight": {128, 64}, "attn_output.weight": {64, 64}, "attn_norm.weight": {64}, "attn_norm.bias": {64}, "attn_norm_2.weight": {64},
			"attn_norm_2.bias": {64}, "ffn_up.weight": {128, 64}, "ffn_down.weight": {64, 128}, ".output_norm.weight": {64}, ".output_norm.bias": {64}}},
	"deepseek2": {map[string]uint32{"embedding_length": 64, "attention.head_count": 2, "attention.head_count_kv": 1, "expert_count": 3, "expert_used_count": 2,
		"expert_shared_count": 1, "attention.key_length": 96, "attention.value_length": 64, "attention.key_length_mla": 64, "attention.value_length_mla": 32,
		"attention.kv_lora_rank": 64, "rope.dimension_count": 32},
		map[string][]int{"attn_q.weight": {128, 64}, "attn_kv_a_mqa.weight": {96, 64}, "attn_kv_a_norm.weight": {64}, "attn_k_b.weight": {2, 64, 32},
			"attn_v_b.weight": {2, 32, 64}, "attn_output.weight": {64, 64}, "attn_norm.weight": {64}, "ffn_norm.weight": {64}, "ffn_gate_inp.weight": {3, 64},
			"exp_probs_b.bias": {3}, "ffn_gate_exps.weight": {3, 32, 64}, "ffn_up_exps.weight": {3, 32, 64}, "ffn_down_exps.weight": {3, 64, 32},
			"ffn_gate_shexp.weight": {32, 64}, "ffn_up_shexp.weight": {32, 64}, "ffn_down_shexp.weight": {64, 32}, ".output_norm.weight": {64}}},
	"deepseek2 before April 2025": {map[string]uint32{"embedding_length": 64, "attention.head_count": 2, "attention.head_count_kv": 2, "expert_count": 3, "expert_used_count": 2,
		"expert_shared_count": 1, "attention.key_length": 64, "attention.value_length": 32, "attention.kv_lora_rank": 64, "rope.dimension_count": 32},
		map[string][]int{"attn_q.weight": {128, 64}, "attn_kv_a_mqa.weight": {96, 64}, "attn_kv_a_norm.weight": {64}, "attn_kv_b.weight": {128, 64},
			"attn_output.weight": {64, 64}, "attn_norm.weight": {64}, "ffn_norm.weight": {64}, "ffn_gate_inp.weight": {3, 64},
			"ffn_gate_exps.weight": {3, 32, 64}, "ffn_up_exps.weight": {3, 32, 64}, "ffn_down_exps.weight": {3, 64, 32},
			"ffn_gate_shexp.weight": {32, 64}, "ffn_up_shexp.weight": {32, 64}, "ffn_down_shexp.weight": {64, 32}, ".output_norm.weight": {64}}},
	"gpt-oss": {map[string]uint32{"embedding_length": 64, "attention.head_count": 4, "attention.head_count_kv": 2, "expert_count": 3, "expert_used_count": 2, "attention.sliding_window": 8},
		map[string][]int{"attn_q.weight": {64, 64}, "attn_k.weight": {32, 64}, "attn_v.weight": {32, 64}, "attn_output.weight": {64, 64}, "attn_q.bias": {64},
			"attn_k.bias": {32}, "attn_v.bias": {32}, "attn_output.bias": {64}, "attn_sinks.weight": {4}, "attn_norm.weight": {64}, "post_attention_norm.weight": {64},
			"ffn_gate_inp.weight": {3, 64}, "ffn_gate_inp.bias": {3}, "ffn_gate_exps.weight": {3, 32, 64}, "ffn_up_exps.weight": {3, 32, 64}, "ffn_down_exps.weight": {3, 64, 32},
			"ffn_gate_exps.bias": {3, 32}, "ffn_up_exps.bias": {3, 32}, "ffn_down_exps.bias": {3, 64}, ".output_norm.weight": {64}}},
}

// blockFiles returns a file whose matrices are Q8_0, and one with the same values in float32.
func blockFiles(t *testing.T, name string) (blocks, wide []byte) {
	c := blockCases[name]
	architecture, _, _ := strings.Cut(name, " ")
	meta := &gguf.Metadata{}
	meta.Set("general.architecture", gguf.Of(architecture))
	for key, n := range c.numbers {
		meta.Set(architecture+"."+key, gguf.Of(n))
	}
	meta.Set(architecture+".block_count", gguf.Of(uint32(2)))
	meta.Set(architecture+".context_length", gguf.Of(uint32(64)))
	shapes := map[string]tensor.Shape{"token_embd.weight": tensor.Of(50, 64)}
	for name, shape := range c.shapes {
		if rest, global := strings.CutPrefix(name, "."); global {
			shapes[rest] = tensor.Of(shape...)
			continue
		}
		shapes["blk.0."+name], shapes["blk.1."+name] = tensor.Of(shape...), tensor.Of(shape...)
	}
	formula := checkpoint.Formula(shapes, func(name string, shape tensor.Shape) (offset, scale float64) {
		if strings.HasSuffix(name, "norm.weight") || strings.HasSuffix(name, "norm_2.weight") {
			return 1, 0.3
		}
		return 0, 0.4
	})
	var narrow, same []checkpoint.Entry
	for name, shape := range shapes {
		x, err := checkpoint.ReadFloat32(formula, name)
		if err != nil {
			t.Fatal(err)
		}
		e := checkpoint.Float32(name, x)
		if strings.HasSuffix(name, ".weight") && shape.Rank() > 1 && !strings.Contains(name, "gate_inp") && !strings.Contains(name, "position") {
			e.DType, e.Data = checkpoint.DType(tensor.Q8_0.String()), make([]byte, tensor.Q8_0.Bytes(len(x.Data)))
			tensor.Q8_0.Encode(e.Data, x.Data)
			tensor.Q8_0.Decode(x.Data, e.Data)
		}
		narrow, same = append(narrow, e), append(same, checkpoint.Float32(name, x))
	}
	return ggufOf(t, meta, narrow), ggufOf(t, meta, same)
}

func ggufOf(t *testing.T, meta *gguf.Metadata, entries []checkpoint.Entry) []byte {
	t.Helper()
	src, err := checkpoint.Memory(entries...)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := gguf.Write(&b, meta, src); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Matrices whose rows are moved or taken apart as blocks are those of the same values in float32. Experts that stay in the
// file have the same bits as packed ones.
func TestBlocksGGUF(t *testing.T) {
	ids := []int{1, 7, 49, 3, 3, 20, 11, 30, 42, 5, 17, 8}
	for name := range blockCases {
		t.Run(name, func(t *testing.T) {
			blocks, wide := blockFiles(t, name)
			var logits [2][]float32
			for i, file := range [][]byte{blocks, wide} {
				m := openGGUF(t, file)
				d, err := model.NewDecoder(m.Config, m.Weights, model.Options{Convert: nn.As(tensor.F32)})
				if err != nil {
					t.Fatalf("%v\nconfig: %s", err, m.Config)
				}
				logits[i] = promptLogits(t, d, ids)
				if strings.Contains(string(m.Config), "experts") {
					checkMapped(t, file, ids)
				}
			}
			compareTensors(t, "logits", tensor.From(logits[0], len(logits[0])), tensor.From(logits[1], len(logits[1])))
		})
	}
}

// checkMapped compares the model of a file on disk, whose experts stay there, with one that is packed.
func checkMapped(t *testing.T, file []byte, ids []int) {
	t.Helper()
	f, err := gguf.Open(checkpointtest.OnDisk(t, "m.gguf", file), "m.gguf")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := llamacpp.Open(f.Metadata(), f)
	if err != nil {
		t.Fatal(err)
	}
	var logits [2][]float32
	for i, experts := range []nn.Placement{nn.Packed, nn.Mapped} {
		d, err := model.NewDecoder(m.Config, m.Weights, model.Options{Experts: experts})
		if err != nil {
			t.Fatal(err)
		}
		logits[i] = promptLogits(t, d, ids)
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(logits[0], logits[1]) {
		t.Error("mapped experts have other bits")
	}
}

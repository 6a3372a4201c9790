package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
)

// The shape of Qwen3-30B-A3B.
const (
	vocab, dim, heads, kvHeads, headDim = 151936, 2048, 32, 4, 128
	experts, active, hidden             = 128, 8, 768
)

const shardBytes = 5 << 30

// config returns config.json.
func config(layers int) map[string]any {
	return map[string]any{
		"model_type": "qwen3_moe", "architectures": []string{"Qwen3MoeForCausalLM"}, "torch_dtype": "bfloat16",
		"vocab_size": vocab, "hidden_size": dim, "num_hidden_layers": layers, "num_attention_heads": heads,
		"num_key_value_heads": kvHeads, "head_dim": headDim, "num_experts": experts, "num_experts_per_tok": active,
		"moe_intermediate_size": hidden, "norm_topk_prob": true, "max_position_embeddings": 40960,
		"rope_theta": 1e6, "rms_norm_eps": 1e-6, "tie_word_embeddings": false,
	}
}

// tensors describes all tensors, in the order of the layers.
func tensors(layers int) (all []checkpoint.Info) {
	add := func(name string, shape ...int) {
		info, _ := checkpoint.NewInfo(name, checkpoint.BF16, shape)
		all = append(all, info)
	}
	add("model.embed_tokens.weight", vocab, dim)
	for i := range layers {
		l := fmt.Sprintf("model.layers.%d.", i)
		add(l+"input_layernorm.weight", dim)
		add(l+"self_attn.q_proj.weight", heads*headDim, dim)
		add(l+"self_attn.k_proj.weight", kvHeads*headDim, dim)
		add(l+"self_attn.v_proj.weight", kvHeads*headDim, dim)
		add(l+"self_attn.o_proj.weight", dim, heads*headDim)
		add(l+"self_attn.q_norm.weight", headDim)
		add(l+"self_attn.k_norm.weight", headDim)
		add(l+"post_attention_layernorm.weight", dim)
		add(l+"mlp.gate.weight", experts, dim)
		for e := range experts {
			x := fmt.Sprintf("%smlp.experts.%d.", l, e)
			add(x+"gate_proj.weight", hidden, dim)
			add(x+"up_proj.weight", hidden, dim)
			add(x+"down_proj.weight", dim, hidden)
		}
	}
	add("model.norm.weight", dim)
	add("lm_head.weight", vocab, dim)
	return all
}

// writeCheckpoint writes a checkpoint in shards, with config and index.
func writeCheckpoint(dir string, layers int) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	var shards []*formula
	room, total, weightMap := int64(0), int64(0), map[string]string{}
	for _, info := range tensors(layers) {
		if room < info.Size {
			shards, room = append(shards, &formula{}), shardBytes
		}
		s := shards[len(shards)-1]
		s.infos = append(s.infos, info)
		room -= info.Size
		total += info.Size
	}
	start, done := time.Now(), int64(0)
	for i, s := range shards {
		name := fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, len(shards))
		for _, info := range s.infos {
			weightMap[info.Name] = name
			done += info.Size
		}
		if err := writeShard(filepath.Join(dir, name), s); err != nil {
			return err
		}
		fmt.Printf("%s: %.1f of %.1f GB, %.0f MB/s\n", name, float64(done)/1e9, float64(total)/1e9, float64(done)/1e6/time.Since(start).Seconds())
	}
	index := map[string]any{"metadata": map[string]any{"total_size": total}, "weight_map": weightMap}
	if err := writeJSON(filepath.Join(dir, "model.safetensors.index.json"), index); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, "config.json"), config(layers))
}

func writeShard(name string, s *formula) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := safetensors.Write(f, s, nil); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	dropCache(f)
	return f.Close()
}

func writeJSON(name string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(name, b, 0o666)
}

// formula is a Source of bfloat16 tensors that are computed from their names: norms are 1, other elements have random
// signs and sizes from 2⁻⁷ to 2⁻⁵, which suits rows of some thousand elements. Those of the embeddings are larger, from 2³
// to 2⁵: a token then remains what it is through all layers, and goes to experts of its own.
type formula struct{ infos []checkpoint.Info }

func (f *formula) Names() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, info := range f.infos {
			if !yield(info.Name) {
				return
			}
		}
	}
}

func (f *formula) Lookup(name string) (checkpoint.Info, bool) {
	i := slices.IndexFunc(f.infos, func(info checkpoint.Info) bool { return info.Name == name })
	if i < 0 {
		return checkpoint.Info{}, false
	}
	return f.infos[i], true
}

func (f *formula) Bytes(name string) ([]byte, error) {
	info, _ := f.Lookup(name)
	var all []byte
	for b := range f.Chunks(name, 1<<20) {
		all = append(all, b...)
	}
	return all[:info.Size], nil
}

func (f *formula) Chunks(name string, size int) iter.Seq2[[]byte, error] {
	info, _ := f.Lookup(name)
	h := fnv.New64a()
	h.Write([]byte(name))
	seed, buf := h.Sum64(), make([]byte, size)
	random, fixed := uint64(0x80FF_80FF_80FF_80FF), uint64(0x3C00_3C00_3C00_3C00) // bits of four elements
	switch {
	case strings.HasSuffix(name, "norm.weight"):
		random, fixed = 0, 0x3F80_3F80_3F80_3F80
	case strings.Contains(name, "embed_tokens"):
		fixed = 0x4100_4100_4100_4100
	}
	return func(yield func([]byte, error) bool) {
		for at := int64(0); at < info.Size; at += int64(size) {
			b := buf[:min(int64(size), info.Size-at)]
			for i := 0; i < len(b); i += 8 {
				binary.LittleEndian.PutUint64(b[i:], mix(seed+uint64(at)/8+uint64(i)/8)&random|fixed)
			}
			if !yield(b, nil) {
				return
			}
		}
	}
}

func (f *formula) Release(string) {}
func (f *formula) Close() error   { return nil }

// mix is the finaliser of splitmix64.
func mix(z uint64) uint64 {
	z *= 0x9E3779B97F4A7C15
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

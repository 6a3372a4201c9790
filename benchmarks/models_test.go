package benchmarks

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// llamaShape is the size of a model of the LLaMA form, with a tied head.
type llamaShape struct {
	dim, inner, layers, heads, kvHeads, headDim, vocab int
}

// The shapes of LLaMA 3.2 1B (1.24 billion parameters) and SmolLM2 135M.
var (
	llama1B    = llamaShape{2048, 8192, 16, 32, 8, 64, 128256}
	smolLM135M = llamaShape{576, 1536, 30, 9, 3, 64, 49152}
)

func (s llamaShape) config() []byte {
	return fmt.Appendf(nil, `{"model_type": "llama", "hidden_size": %d, "intermediate_size": %d,
		"num_hidden_layers": %d, "num_attention_heads": %d, "num_key_value_heads": %d, "head_dim": %d,
		"vocab_size": %d, "tie_word_embeddings": true, "hidden_act": "silu", "rms_norm_eps": 1e-5,
		"rope_theta": 500000, "max_position_embeddings": 8192}`,
		s.dim, s.inner, s.layers, s.heads, s.kvHeads, s.headDim, s.vocab)
}

// parameters returns the elements of the matrices.
func (s llamaShape) parameters() int {
	layer := s.dim*(s.heads+2*s.kvHeads)*s.headDim + s.heads*s.headDim*s.dim + 3*s.dim*s.inner
	return s.vocab*s.dim + s.layers*layer
}

// random returns a model of this shape with random weights.
func (s llamaShape) random(dt tensor.DType, p nn.Precision) (*model.Decoder, error) {
	return model.NewDecoder(s.config(), checkpoint.Random(1, dt), model.Options{Precision: p})
}

// write stores a checkpoint of this shape with random weights in a folder, with the least of tokenizers.
func (s llamaShape) write(dir string, dt tensor.DType) error {
	src := checkpoint.Random(1, dt)
	if _, err := model.NewDecoder(s.config(), src, model.Options{}); err != nil { // names the tensors
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), s.config(), 0o666); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "vocab.txt"), []byte("[UNK]\n[CLS]\n[SEP]\na\n"), 0o666); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, "model.safetensors"))
	if err != nil {
		return err
	}
	if err := safetensors.Write(f, src, nil); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// ggufNames turns Hugging Face's names of tensors into llama.cpp's.
var ggufNames = strings.NewReplacer("model.embed_tokens", "token_embd", "model.norm", "output_norm", "model.layers.", "blk.", "self_attn.q_proj", "attn_q",
	"self_attn.k_proj", "attn_k", "self_attn.v_proj", "attn_v", "self_attn.o_proj", "attn_output", "mlp.gate_proj", "ffn_gate", "mlp.up_proj", "ffn_up",
	"mlp.down_proj", "ffn_down", "input_layernorm", "attn_norm", "post_attention_layernorm", "ffn_norm")

// writeGGUF stores a model of this shape with random weights as a file of llama.cpp.
func (s llamaShape) writeGGUF(name string, dt tensor.DType) error {
	src := checkpoint.Random(1, dt)
	if _, err := model.NewDecoder(s.config(), src, model.Options{}); err != nil { // names the tensors
		return err
	}
	renamed, err := checkpoint.Rename(fixed{src}, ggufNames.Replace)
	if err != nil {
		return err
	}
	tokens, scores, types := make([]string, s.vocab), make([]float32, s.vocab), make([]int32, s.vocab)
	for i := range tokens {
		tokens[i], scores[i], types[i] = fmt.Sprintf("t%d", i), -float32(i), 1
	}
	tokens[0], types[0] = "<unk>", 2
	meta := &gguf.Metadata{}
	meta.Set("general.architecture", gguf.Of("llama"))
	for key, n := range map[string]int{"block_count": s.layers, "context_length": 8192, "embedding_length": s.dim, "feed_forward_length": s.inner,
		"attention.head_count": s.heads, "attention.head_count_kv": s.kvHeads, "vocab_size": s.vocab, "rope.dimension_count": s.headDim} {
		meta.Set("llama."+key, gguf.Of(uint32(n)))
	}
	meta.Set("llama.attention.layer_norm_rms_epsilon", gguf.Of(float32(1e-5)))
	meta.Set("tokenizer.ggml.model", gguf.Of("llama"))
	meta.Set("tokenizer.ggml.tokens", gguf.ArrayOf(tokens))
	meta.Set("tokenizer.ggml.scores", gguf.ArrayOf(scores))
	meta.Set("tokenizer.ggml.token_type", gguf.ArrayOf(types))
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := gguf.Write(f, meta, renamed); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// fixed hides that a Source makes tensors.
type fixed struct{ checkpoint.Source }

// products returns the matrices that every token goes through, and the one that only tokens with logits do.
func products(d *model.Decoder) (layers []*tensor.Weight, head *tensor.Weight) {
	for _, blk := range d.Blocks {
		for _, r := range blk {
			switch op := r.Op.(type) {
			case *attention.MultiHead:
				layers = append(layers, op.QKV.Weight, op.Out.Weight)
			case *block.GLU:
				layers = append(layers, op.GateUp.Weight, op.Down.Weight)
			default:
				panic(fmt.Sprintf("benchmarks: a layer of type %T", op))
			}
		}
	}
	return layers, d.Head.Weight
}

// readBytes returns the bytes of weights that one token reads: all but the embedding, of which it reads
// a row that is not counted. A tied head is read.
func readBytes(d *model.Decoder) int64 {
	layers, head := products(d)
	n := head.Bytes() + normBytes(d.Norm)
	for _, w := range layers {
		n += w.Bytes()
	}
	for _, blk := range d.Blocks {
		for _, r := range blk {
			n += normBytes(r.Pre) + normBytes(r.Post) + normBytes(r.Out)
			if a, ok := r.Op.(*attention.MultiHead); ok {
				n += normBytes(a.QNorm) + normBytes(a.KNorm)
			}
		}
	}
	return n
}

// keptBytes returns the bytes of all weights as they are kept in memory.
func keptBytes(d *model.Decoder) int64 {
	n := readBytes(d)
	if d.Embeddings.Words.Weight != d.Head.Weight {
		n += d.Embeddings.Words.Weight.Bytes()
	}
	return n
}

func normBytes(n nn.Norm) int64 {
	if r, ok := n.(*nn.RMSNorm); ok && r != nil {
		return 4 * int64(len(r.Weight))
	}
	return 0
}

// lacksMemory says why a model with so many bytes of weights cannot be loaded, or nothing if it can, or
// if the system does not tell.
func lacksMemory(weights int64) string {
	debug.FreeOSMemory() // of the model before
	need, have := weights+weights/8+1<<30, procBytes("/proc/meminfo", "MemAvailable")
	if have == 0 || have >= need {
		return ""
	}
	return fmt.Sprintf("needs %.1f GB of memory, and %.1f are available", float64(need)/1e9, float64(have)/1e9)
}

// procBytes returns a value of a file of Linux's /proc, in bytes, or 0 if it is not there.
func procBytes(path, key string) int64 {
	text, _ := os.ReadFile(path)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			return int64(kibibytes(strings.TrimSuffix(strings.TrimSpace(rest), " kB")))
		}
	}
	return 0
}

// kibibytes returns the bytes that a decimal number of KiB stands for, or 0 if it is no number.
func kibibytes(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n << 10
}

// folder returns a folder below the one that an environment variable names, or skips.
func folder(tb testing.TB, env, name string) string {
	tb.Helper()
	root := os.Getenv(env)
	if root == "" {
		tb.Skipf("%s is not set: it names the folder that has %s", env, name)
	}
	return filepath.Join(root, name)
}

func lower(dt tensor.DType) string { return strings.ToLower(dt.String()) }

// fill sets x to normal numbers, always the same.
func fill(x []float32) {
	copy(x, tensortest.Normal(rand.New(rand.NewPCG(1, 2)), len(x)))
}

// tokens returns n ids from all over the vocabulary.
func tokens(n, vocab int) []int {
	ids := make([]int, n)
	for i := range ids {
		ids[i] = (1 + i*7919) % vocab
	}
	return ids
}

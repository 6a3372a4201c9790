package task_test

import (
	"bytes"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/task"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
)

// words are the tokens of the small model, in GGUF's spelling of word pieces.
var words = []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "▁the", "▁cat", "▁sat", "s", "▁."}

// smallBERT is a BERT of one layer in a GGUF, with further tensors and changes of its metadata.
func smallBERT(t *testing.T, further map[string]tensor.Shape, change func(m *gguf.Metadata)) fstest.MapFS {
	t.Helper()
	const dim, inner = 8, 12
	shapes := map[string]tensor.Shape{
		"token_embd.weight": tensor.Of(len(words), dim), "position_embd.weight": tensor.Of(16, dim), "token_types.weight": tensor.Of(2, dim),
		"blk.0.ffn_up.weight": tensor.Of(inner, dim), "blk.0.ffn_up.bias": tensor.Of(inner), "blk.0.ffn_down.weight": tensor.Of(dim, inner), "blk.0.ffn_down.bias": tensor.Of(dim),
	}
	for _, name := range []string{"attn_q", "attn_k", "attn_v", "attn_output"} {
		shapes["blk.0."+name+".weight"], shapes["blk.0."+name+".bias"] = tensor.Of(dim, dim), tensor.Of(dim)
	}
	for _, name := range []string{"token_embd_norm", "blk.0.attn_output_norm", "blk.0.layer_output_norm"} {
		shapes[name+".weight"], shapes[name+".bias"] = tensor.Of(dim), tensor.Of(dim)
	}
	maps.Copy(shapes, further)
	src := checkpoint.Formula(shapes, func(name string, s tensor.Shape) (offset, scale float64) {
		if strings.HasSuffix(name, "norm.weight") {
			return 1, 0.1
		}
		return 0, 0.5
	})
	m := new(gguf.Metadata)
	m.Set("general.architecture", gguf.Of("bert"))
	for key, n := range map[string]uint32{"block_count": 1, "embedding_length": dim, "feed_forward_length": inner, "attention.head_count": 2, "context_length": 16} {
		m.Set("bert."+key, gguf.Of(n))
	}
	m.Set("bert.attention.layer_norm_epsilon", gguf.Of(float32(1e-12)))
	m.Set("bert.attention.causal", gguf.Of(false))
	m.Set("tokenizer.ggml.model", gguf.Of("bert"))
	m.Set("tokenizer.ggml.tokens", gguf.ArrayOf(words))
	m.Set("tokenizer.ggml.token_type", gguf.ArrayOf([]int32{3, 3, 3, 3, 3, 1, 1, 1, 1, 1}))
	for key, id := range map[string]uint32{"unknown": 1, "cls": 2, "seperator": 3, "padding": 0, "mask": 4} {
		m.Set("tokenizer.ggml."+key+"_token_id", gguf.Of(id))
	}
	if change != nil {
		change(m)
	}
	var b bytes.Buffer
	if err := gguf.Write(&b, m, src); err != nil {
		t.Fatal(err)
	}
	return fstest.MapFS{"small.gguf": {Data: b.Bytes()}}
}

func pooling(n uint32) func(m *gguf.Metadata) {
	return func(m *gguf.Metadata) { m.Set("bert.pooling_type", gguf.Of(n)) }
}

// The pooling of a file is that of the embedder, and layers after it follow.
func TestEmbedderGGUF(t *testing.T) {
	const text = "The cats sat."
	enc, err := model.OpenEncoder(smallBERT(t, nil, nil), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	by := map[uint32]task.Pooling{0: task.PoolMean, 1: task.PoolMean, 2: task.PoolCLS, 3: task.PoolLast}
	var seen [][]float32
	for n, want := range by {
		e, err := task.OpenEmbedder(smallBERT(t, nil, pooling(n)), model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		plain, err := task.NewEmbedder(enc)
		if err != nil {
			t.Fatal(err)
		}
		plain.Pooling = []task.Pooling{want}
		got, err := e.Encode(text)
		if err != nil {
			t.Fatal(err)
		}
		same, err := plain.Encode(text)
		if err != nil || !slices.Equal(got.Data, same.Data) {
			t.Errorf("pooling %d: %v, want %v (%v)", n, got.Data, same.Data, err)
		}
		if n > 0 && slices.ContainsFunc(seen, func(x []float32) bool { return slices.Equal(x, got.Data) }) {
			t.Errorf("pooling %d gives the vector of another", n)
		}
		if n > 0 { // 0 is 1 by another name
			seen = append(seen, got.Data)
		}
	}
	ids, err := enc.Tokenizer.Encode(text)
	if err != nil || !slices.Equal(ids, []int{2, 5, 6, 8, 7, 9, 3}) {
		t.Errorf("ids %v, %v", ids, err)
	}
	if _, err := task.OpenEmbedder(smallBERT(t, nil, pooling(4)), model.Options{}); err == nil || !strings.Contains(err.Error(), "OpenReranker") {
		t.Errorf("rank: %v", err)
	}
}

// A classifier with one label is a reranker; what is between its layers is tanh.
func TestRerankerGGUF(t *testing.T) {
	head := map[string]tensor.Shape{"cls.weight": tensor.Of(8, 8), "cls.bias": tensor.Of(8), "cls.output.weight": tensor.Of(1, 8), "cls.output.bias": tensor.Of(1)}
	r, err := task.OpenReranker(smallBERT(t, head, pooling(4)), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	scores, err := r.Score(task.Pair{First: "the cat", Second: "sat"}, task.Pair{First: "sat", Second: "the cat"})
	if err != nil || len(scores) != 2 || scores[0] == scores[1] || scores[0] <= 0 || scores[0] >= 1 {
		t.Errorf("%v, %v", scores, err)
	}
	delete(head, "cls.weight")
	delete(head, "cls.bias")
	if _, err := task.OpenReranker(smallBERT(t, head, nil), model.Options{}); err == nil || !strings.Contains(err.Error(), "pooler.dense.weight") {
		t.Errorf("without a pooler: %v", err)
	}
}

// A folder of Hugging Face's files goes before a GGUF in it, which is told.
func TestBothForms(t *testing.T) {
	fsys := smallBERT(t, nil, nil)
	fsys["config.json"] = &fstest.MapFile{Data: []byte(`{"model_type": "bert"}`)}
	if _, err := task.OpenEmbedder(fsys, model.Options{}); err != nil {
		t.Errorf("a config alone: %v", err)
	}
	fsys["model.safetensors"] = &fstest.MapFile{Data: []byte("x")}
	var skipped []string
	_, err := model.OpenEncoder(fsys, model.Options{Skipped: func(name string) { skipped = append(skipped, name) }})
	if err == nil || !strings.Contains(err.Error(), "model.safetensors") || !slices.Equal(skipped, []string{"small.gguf"}) {
		t.Errorf("both: %v; %v", err, skipped)
	}
	if _, err := model.OpenEncoder(fsys, model.Options{GGUF: "small.gguf"}); err != nil {
		t.Errorf("named: %v", err)
	}
	if _, err := model.OpenEncoder(fsys, model.Options{GGUF: "other.gguf"}); err == nil {
		t.Error("a file that is not there is opened")
	}
}

// counted counts how often its GGUF files are opened and closed.
type counted struct {
	fstest.MapFS
	opened, closed int
}

type countedFile struct {
	fs.File
	closed *int
}

func (f countedFile) Close() error {
	*f.closed++
	return f.File.Close()
}

func (c *counted) Open(name string) (fs.File, error) {
	f, err := c.MapFS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".gguf") {
		return f, err
	}
	c.opened++
	return countedFile{f, &c.closed}, nil
}

// Layers of an EmbeddingGemma come between pooling and norm.
func TestDenseGGUF(t *testing.T) {
	const dim, inner, head = 8, 12, 4
	shapes := map[string]tensor.Shape{"token_embd.weight": tensor.Of(9, dim), "output_norm.weight": tensor.Of(dim), "dense_2.weight": tensor.Of(10, dim), "dense_3.weight": tensor.Of(6, 10)}
	for name, shape := range map[string]tensor.Shape{"attn_norm": tensor.Of(dim), "attn_q": tensor.Of(dim, dim), "attn_k": tensor.Of(head, dim), "attn_v": tensor.Of(head, dim),
		"attn_output": tensor.Of(dim, dim), "attn_q_norm": tensor.Of(head), "attn_k_norm": tensor.Of(head), "post_attention_norm": tensor.Of(dim), "ffn_norm": tensor.Of(dim),
		"ffn_gate": tensor.Of(inner, dim), "ffn_up": tensor.Of(inner, dim), "ffn_down": tensor.Of(dim, inner), "post_ffw_norm": tensor.Of(dim)} {
		shapes["blk.0."+name+".weight"] = shape
	}
	src := checkpoint.Formula(shapes, func(string, tensor.Shape) (offset, scale float64) { return 0.2, 0.5 })
	m := new(gguf.Metadata)
	m.Set("general.architecture", gguf.Of("gemma-embedding"))
	for key, n := range map[string]uint32{"block_count": 1, "embedding_length": dim, "feed_forward_length": inner, "attention.head_count": 2, "attention.head_count_kv": 1,
		"attention.key_length": head, "attention.value_length": head, "context_length": 16, "attention.sliding_window": 8, "pooling_type": 1} {
		m.Set("gemma-embedding."+key, gguf.Of(n))
	}
	m.Set("gemma-embedding.attention.layer_norm_rms_epsilon", gguf.Of(float32(1e-6)))
	m.Set("tokenizer.ggml.model", gguf.Of("llama"))
	m.Set("tokenizer.ggml.tokens", gguf.ArrayOf([]string{"<unk>", "<s>", "</s>", "▁", "a", "b", "▁a", "ab", "▁ab"}))
	m.Set("tokenizer.ggml.scores", gguf.ArrayOf([]float32{0, 0, 0, -5, -6, -7, -2, -3, -1}))
	m.Set("tokenizer.ggml.token_type", gguf.ArrayOf([]int32{2, 3, 3, 1, 1, 1, 1, 1, 1}))
	var b bytes.Buffer
	if err := gguf.Write(&b, m, src); err != nil {
		t.Fatal(err)
	}
	folder := &counted{MapFS: fstest.MapFS{"m.gguf": {Data: b.Bytes()}}}
	e, err := task.OpenEmbedder(folder, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if folder.opened != 1 || folder.closed != 1 {
		t.Errorf("the file is opened %d times and closed %d times", folder.opened, folder.closed)
	}
	got, err := e.Encode("ab a")
	if err != nil || e.Dim != 6 || len(e.Modules) != 3 {
		t.Fatalf("%v; %d numbers, %d modules", err, e.Dim, len(e.Modules))
	}
	e.Modules, e.Dim = nil, dim
	x, err := e.Encode("ab a")
	if err != nil {
		t.Fatal(err)
	}
	want := x.Data
	for _, name := range []string{"dense_2.weight", "dense_3.weight"} {
		w, err := checkpoint.ReadFloat32(src, name)
		if err != nil {
			t.Fatal(err)
		}
		y := make([]float32, w.Rows())
		for i := range y {
			for j, v := range w.Row(i) {
				y[i] += v * want[j]
			}
		}
		want = y
	}
	length := 0.0
	for _, v := range want {
		length += float64(v) * float64(v)
	}
	for i, v := range want {
		if w := float64(v) / math.Sqrt(length); math.Abs(w-float64(got.Data[i])) > 1e-6 { // a few roundings of numbers below 1
			t.Errorf("number %d is %v, want %v", i, got.Data[i], w)
		}
	}
}

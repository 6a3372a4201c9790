package llamacpp_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/model/llamacpp"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
)

// encoderMetadata are those of a small encoder of an architecture.
func encoderMetadata(arch string, changes map[string]gguf.Value) *gguf.Metadata {
	m := &gguf.Metadata{}
	m.Set("general.architecture", gguf.Of(arch))
	for key, n := range map[string]uint32{"block_count": 2, "embedding_length": 4, "attention.head_count": 2, "feed_forward_length": 6, "context_length": 8, "attention.key_length": 2} {
		m.Set(arch+"."+key, gguf.Of(n))
	}
	m.Set(arch+".attention.layer_norm_epsilon", gguf.Of(float32(1e-5)))
	for key, v := range changes {
		m.Set(arch+"."+key, v)
	}
	return m
}

func bertWeights() map[string][]int {
	return map[string][]int{"token_embd.weight": {5, 4}, "position_embd.weight": {8, 4}, "token_types.weight": {1, 4}, "blk.0.ffn_down.weight": {4, 6}}
}

// config opens a model and returns its config.
func config(t *testing.T, m *gguf.Metadata, src checkpoint.Source) (*llamacpp.Model, *hf.Config) {
	t.Helper()
	opened, err := llamacpp.Open(m, src)
	if err != nil {
		t.Fatal(err)
	}
	c, err := hf.ParseConfig("config.json", opened.Config)
	if err != nil {
		t.Fatal(err)
	}
	return opened, c
}

// A head is one of a classifier if it is whole; its labels are the file's where there are as many.
func TestClassifiers(t *testing.T) {
	labels := map[string]gguf.Value{"classifier.output_labels": gguf.ArrayOf([]string{"no", "yes"})}
	for _, c := range []struct {
		arch        string
		head        map[string][]int
		class, last string
	}{
		{"bert", nil, "BertModel", ""},
		{"bert", map[string][]int{"cls.output.weight": {2, 4}}, "BertModel", "yes"},
		{"bert", map[string][]int{"cls.weight": {4, 4}, "cls.output.weight": {2, 4}}, "BertForSequenceClassification", "yes"},
		{"bert", map[string][]int{"cls.weight": {4, 4}, "cls.output.weight": {3, 4}}, "BertForSequenceClassification", "LABEL_2"},
		{"modern-bert", map[string][]int{"cls.weight": {4, 4}, "cls.output.weight": {2, 4}}, "ModernBertForSequenceClassification", "yes"},
	} {
		shapes := bertWeights()
		for name, shape := range c.head {
			shapes[name] = shape
		}
		_, got := config(t, encoderMetadata(c.arch, labels), weights(t, shapes))
		list := got.Labels()
		if got.Architecture() != c.class || c.last != "" && list[len(list)-1] != c.last {
			t.Errorf("%s with %v: %s, %v", c.arch, c.head, got.Architecture(), list)
		}
	}
	shapes := bertWeights()
	delete(shapes, "token_types.weight")
	shapes["cls.weight"], shapes["cls.output.weight"] = []int{4, 4}, []int{2, 4}
	m, got := config(t, encoderMetadata("bert", labels), weights(t, shapes))
	if _, ok := m.Weights.Lookup("pre_classifier.weight"); !ok || got.ModelType() != "distilbert" {
		t.Errorf("without segments: %s", m.Config)
	}
}

// Names of both sides of a T5, and fused tensors, become Hugging Face's.
func TestEncoderNames(t *testing.T) {
	shapes := map[string][]int{"token_embd.weight": {5, 4}, "enc.blk.0.ffn_up.weight": {6, 4}, "enc.blk.0.ffn_gate.weight": {6, 4}, "dec.blk.1.ffn_up.weight": {6, 4},
		"dec.blk.1.cross_attn_q.weight": {4, 4}, "dec.blk.0.cross_attn_rel_b.weight": {4, 2}, "enc.blk.x.attn_q.weight": {1, 1}, "enc.output_norm.weight": {4}, "blk.0.attn_q.weight": {1, 1}}
	m, c := config(t, encoderMetadata("t5", nil), weights(t, shapes))
	want := []string{"blk.0.attn_q.weight", "decoder.block.1.layer.1.EncDecAttention.q.weight", "decoder.block.1.layer.2.DenseReluDense.wi_1.weight",
		"enc.blk.x.attn_q.weight", "encoder.block.0.layer.1.DenseReluDense.wi_0.weight", "encoder.block.0.layer.1.DenseReluDense.wi_1.weight",
		"encoder.final_layer_norm.weight", "shared.weight"} // those of no place keep their names
	if got := slices.Sorted(m.Weights.Names()); !slices.Equal(got, want) || c.ModelType() != "t5" {
		t.Errorf("%v\nwant %v", got, want)
	}
	shapes = bertWeights()
	shapes["blk.0.attn_qkv.weight"] = []int{12, 4}
	m, _ = config(t, encoderMetadata("bert", nil), weights(t, shapes))
	for i, name := range []string{"query", "key", "value"} {
		x, err := checkpoint.ReadFloat32(m.Weights, "encoder.layer.0.attention.self."+name+".weight")
		if err != nil || x.Data[0] != float32(16*i) {
			t.Errorf("%s: %v, %v", name, x, err)
		}
	}
}

func TestEncodersRefused(t *testing.T) {
	qkv := bertWeights()
	qkv["blk.0.attn_qkv.weight"] = []int{11, 4}
	for _, c := range []struct {
		arch, key string
		value     gguf.Value
		shapes    map[string][]int
		want      string
	}{
		{"bert", "attention.causal", gguf.Of(true), bertWeights(), "bert.attention.causal is true for an encoder"},
		{"bert", "classifier.output_labels", gguf.Of(uint32(1)), bertWeights(), `"bert.classifier.output_labels" is uint32`},
		{"bert", "pooling_type", gguf.Of(uint32(7)), bertWeights(), "bert.pooling_type is 7"},
		{"bert", "attention.layer_norm_epsilon", gguf.Of("1"), bertWeights(), "bert.attention.layer_norm_epsilon"},
		{"bert", "context_length", gguf.Of(uint32(8)), qkv, "rows cannot be divided by 3"},
		{"modern-bert", "classifier.pooling_type", gguf.Of(uint32(3)), bertWeights(), "modern-bert.classifier.pooling_type is 3"},
		{"modern-bert", "rope.scaling.type", gguf.Of("yarn"), bertWeights(), "modern-bert.rope.scaling.type is not supported"},
		{"t5", "decoder_start_token_id", gguf.Of(int32(-1)), map[string][]int{"token_embd.weight": {5, 4}}, "t5.decoder_start_token_id is -1"},
		{"nomic-bert", "context_length", gguf.Of(uint32(8)), bertWeights(), `architecture "nomic-bert" is not supported`},
		{"jina-bert-v2", "context_length", gguf.Of(uint32(8)), bertWeights(), `architecture "jina-bert-v2" is not supported`},
	} {
		m := encoderMetadata(c.arch, map[string]gguf.Value{c.key: c.value})
		if _, err := llamacpp.Open(m, weights(t, c.shapes)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s.%s: %v; want %q", c.arch, c.key, err, c.want)
		}
	}
}

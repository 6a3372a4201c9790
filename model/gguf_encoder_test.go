package model_test

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
)

// lostEncoder has, for each case, the keys of its config that the converter does not write, as lost has of decoders.
var lostEncoder = map[string]string{
	"bert-gelu-new":               "hidden_act",
	"bert-relu-eps":               "hidden_act",
	"bert-types":                  "hidden_act",
	"gemma3-embedding":            "query_pre_attn_scalar sliding_window_pattern layer_types",
	"gemma3-embedding-new-config": "query_pre_attn_scalar layer_types",
	"modernbert-new-config":       "layer_types",
	"modernbert-rope-scaling":     "rope_scaling",
	"t5-buckets":                  "relative_attention_max_distance feed_forward_proj",
}

// The converter's file of a golden encoder gives the golden answers, and the bits of the checkpoint. Poolers and masked
// heads are not in the file.
func TestEncoderGGUF(t *testing.T) {
	tested, heads := map[string]bool{}, 0
	for _, g := range encoderGoldens(t) {
		name := "llamacpp/testdata/converted/encoders/" + g.Name + ".json.gz"
		if found, _ := filepath.Glob(name); found == nil {
			continue
		}
		tested[g.Name] = true
		t.Run(g.Name, func(t *testing.T) {
			m := openGGUF(t, readConverted(t, name).file(t, &g.goldenWeights))
			e, err := model.NewEncoder(restoreConfig(t, m.Config, g.Config, lostEncoder[g.Name]), m.Weights, model.Options{})
			if err != nil {
				t.Fatalf("%v\nconfig: %s", err, m.Config)
			}
			g.checkHidden(t, e)
			opt := model.Options{Heads: []arch.Task{arch.Features}}
			if e.Task != arch.Features {
				heads++
				opt.Heads = nil
				g.checkOutputs(t, e)
			}
			whole, err := model.NewEncoder(g.Config, g.weights(t, tensor.F32), opt)
			if err != nil || whole.Task != e.Task || !slices.Equal(whole.Labels, e.Labels) {
				t.Fatalf("%v; for %v with labels %v, and in the file for %v with %v", err, whole.Task, whole.Labels, e.Task, e.Labels)
			}
			batch, _ := g.batch()
			got, want := e.Forward(&attention.Pass{}, batch), whole.Forward(&attention.Pass{}, batch)
			if !slices.Equal(got.Data, want.Data) {
				t.Error("the hidden states have not the checkpoint's bits")
			}
		})
	}
	if len(tested) < 30 || heads < 5 {
		t.Errorf("%d files, %d with a head", len(tested), heads)
	}
	for name := range lostEncoder {
		if !tested[name] {
			t.Errorf("no case %s", name)
		}
	}
}

// lostSeq2Seq is lostEncoder for encoder–decoders.
var lostSeq2Seq = map[string]string{
	"mt5-tied":      "model_type feed_forward_proj",
	"t5-buckets":    "relative_attention_max_distance",
	"t5-gated-silu": "feed_forward_proj",
	"umt5-tied":     "relative_attention_max_distance",
}

// The converter's file of a golden encoder–decoder gives the golden answers.
func TestSeq2SeqGGUF(t *testing.T) {
	tested := map[string]bool{}
	for _, g := range seq2seqGoldens(t) {
		name := "llamacpp/testdata/converted/seq2seq/" + g.Name + ".json.gz"
		if found, _ := filepath.Glob(name); found == nil {
			continue
		}
		tested[g.Name] = true
		t.Run(g.Name, func(t *testing.T) {
			file := openGGUF(t, readConverted(t, name).file(t, &g.goldenWeights))
			m, err := model.NewEncoderDecoder(restoreConfig(t, file.Config, g.Config, lostSeq2Seq[g.Name]), file.Weights, model.Options{})
			if err != nil {
				t.Fatalf("%v\nconfig: %s", err, file.Config)
			}
			g.checkEncoder(t, m)
			sources, err := m.Encode(g.Source...)
			if err != nil {
				t.Fatal(err)
			}
			g.checkDecoder(t, m, sources)
			g.checkGenerations(t, m.Decoder, func(i int) *model.Session { return m.NewSession(sources[i], model.SessionOptions{}) })
		})
	}
	if len(tested) < 8 {
		t.Errorf("%d files", len(tested))
	}
	for name := range lostSeq2Seq {
		if !tested[name] {
			t.Errorf("no case %s", name)
		}
	}
}

// restoreConfig returns a config with the golden's keys that were lost.
func restoreConfig(t testing.TB, config, golden []byte, keys string) []byte {
	t.Helper()
	if keys == "" {
		return config
	}
	have, want := decode[map[string]json.RawMessage](t, config), decode[map[string]json.RawMessage](t, golden)
	for _, key := range strings.Fields(keys) {
		if string(have[key]) == string(want[key]) {
			t.Errorf("%s is %s in both configs: it is not lost", key, want[key])
		}
		if have[key] = want[key]; want[key] == nil {
			delete(have, key)
		}
	}
	restored, err := json.Marshal(have)
	if err != nil {
		t.Fatal(err)
	}
	return restored
}

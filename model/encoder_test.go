package model_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

func (g *encoderGolden) encoder(t testing.TB) *model.Encoder {
	t.Helper()
	src := g.weights(t, tensor.F32)
	e, err := model.NewEncoder(g.Config, src, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// A sequence's hidden states are the same bits alone and in a batch of others, on any number of
// processors, and from several goroutines at once.
func TestEncoderBits(t *testing.T) {
	for _, g := range encoderGoldens(t) {
		e := g.encoder(t)
		batch, _ := g.batch()
		want, err := e.Hidden(batch)
		if err != nil {
			t.Fatal(err)
		}
		same := func(what string, got, want tensor.Tensor) {
			for i := range want.Data {
				if got.Data[i] != want.Data[i] {
					t.Errorf("%s, %s: element %d is %v, want %v", g.Name, what, i, got.Data[i], want.Data[i])
					return
				}
			}
		}
		for _, procs := range []int{1, 3} {
			old := runtime.GOMAXPROCS(procs)
			for i := range batch {
				alone, err := e.Hidden(batch[i : i+1])
				if err != nil {
					t.Fatal(err)
				}
				same("alone", alone[0], want[i])
			}
			runtime.GOMAXPROCS(old)
		}
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				got, err := e.Hidden(batch)
				if err != nil {
					t.Error(err)
					return
				}
				for i := range got {
					same("concurrently", got[i], want[i])
				}
			})
		}
		wg.Wait()
	}
}

// More tokens than are computed together give the same as each sequence alone.
func TestEncoderManySequences(t *testing.T) {
	g := encoderGoldens(t)[0]
	e := g.encoder(t)
	few, _ := g.batch()
	var batch []arch.Sequence
	for range 40 {
		batch = append(batch, few...)
	}
	want, err := e.Hidden(few)
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.Hidden(batch)
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		for j, v := range want[i%len(few)].Data {
			if got[i].Data[j] != v {
				t.Fatalf("sequence %d: element %d is %v, want %v", i, j, got[i].Data[j], v)
			}
		}
	}
}

func TestEncoderRefusesInput(t *testing.T) {
	var g encoderGolden
	for _, c := range encoderGoldens(t) {
		if c.Name == "bert-masked-lm" {
			g = c
		}
	}
	e := g.encoder(t)
	long := make([]int, e.MaxLen+1)
	for want, s := range map[string]arch.Sequence{
		"has no tokens": {}, "has 49 tokens": {IDs: long}, "id 61": {IDs: []int{1, 61}}, "id -1": {IDs: []int{-1}},
		"1 segment ids for 2": {IDs: []int{1, 2}, Types: []int{0}}, "segment 2": {IDs: []int{1}, Types: []int{2}},
		"segment -1": {IDs: []int{1}, Types: []int{-1}},
	} {
		if _, err := e.Hidden([]arch.Sequence{{IDs: []int{1}}, s}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "sequence 1") {
			t.Errorf("error %v, want one about sequence 1 with %q", err, want)
		}
	}
	if _, err := e.SequenceScores([]arch.Sequence{{IDs: []int{1}}}); err == nil || !strings.Contains(err.Error(), "masked LM") {
		t.Errorf("a head that is not there: error %v", err)
	}
}

// Configs that ask for what is not done, and heads without weights, are refused by name.
func TestEncoderConfigs(t *testing.T) {
	base := `"vocab_size": 10, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8, "max_position_embeddings": 8`
	for want, config := range map[string]string{
		"position_embedding_type":  `{"model_type": "bert", "position_embedding_type": "relative_key", ` + base + `}`,
		"is_decoder":               `{"model_type": "bert", "is_decoder": true, ` + base + `}`,
		"BertForSomethingElse":     `{"model_type": "bert", "architectures": ["BertForSomethingElse"], ` + base + `}`,
		"problem_type":             `{"model_type": "bert", "architectures": ["BertForSequenceClassification"], "problem_type": "x", ` + base + `}`,
		"is an encoder–decoder":    `{"model_type": "bart"}`,
		"talking_head":             `{"model_type": "deberta", "talking_head": true, ` + base + `}`,
		"conv_kernel_size":         `{"model_type": "deberta-v2", "conv_kernel_size": 2, ` + base + `}`,
		"pos_att_type":             `{"model_type": "deberta-v2", "pos_att_type": 7, ` + base + `}`,
		"classifier_pooling":       `{"model_type": "modernbert", "classifier_pooling": "max", ` + base + `}`,
		"not a multiple of 3":      `{"model_type": "electra", "vocab_size": 10, "hidden_size": 8, "num_attention_heads": 3}`,
		"max_position_embeddings":  `{"model_type": "roberta", "pad_token_id": 7, ` + base + `}`,
		"relative_attention_num":   `{"model_type": "mpnet", "relative_attention_num_buckets": 8, ` + base + `}`,
		"hidden_act":               `{"model_type": "albert", "hidden_act": "maxout", ` + base + `}`,
		"groups":                   `{"model_type": "albert", "num_hidden_groups": 2, ` + base + `}`,
		"num_attention_heads is 0": `{"model_type": "distilbert", "n_heads": 0}`,
	} {
		if want == "num_attention_heads is 0" {
			want = "n_heads is 0"
		}
		_, err := model.NewEncoder([]byte(config), checkpoint.Zeros(tensor.F32), model.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", config, err, want)
		}
	}
	var g encoderGolden
	for _, c := range encoderGoldens(t) {
		if c.Name == "bert-plain" {
			g = c
		}
	}
	src := g.weights(t, tensor.F32)
	config := strings.Replace(string(g.Config), "BertModel", "BertForQuestionAnswering", 1)
	if _, err := model.NewEncoder([]byte(config), src, model.Options{}); err == nil || !strings.Contains(err.Error(), "qa_outputs.weight") {
		t.Errorf("a head without weights: error %v", err)
	}
}

// Where buckets take in all that max_relative_positions allows, each distance has its own, and longer texts have
// distances for which the reference has none.
func TestDebertaWithFewDistances(t *testing.T) {
	for _, c := range []struct{ buckets, most, longest int }{{16, 4, 9}, {16, 9, 9}, {16, 10, hf.MaxLength}, {1, 4, hf.MaxLength}, {0, 4, hf.MaxLength}} {
		config := fmt.Sprintf(`{"model_type": "deberta-v2", "vocab_size": 10, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
			"intermediate_size": 8, "relative_attention": true, "pos_att_type": ["c2p"], "position_biased_input": false,
			"position_buckets": %d, "max_relative_positions": %d}`, c.buckets, c.most)
		e, err := model.NewEncoder([]byte(config), checkpoint.Random(1, tensor.F32), model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if e.MaxLen != c.longest {
			t.Errorf("%+v: texts of up to %d tokens", c, e.MaxLen)
		}
		distances := e.Blocks[0][0].Op.(*attention.Disentangled).Distances
		if n := len(distances.Of); c.longest == 9 && (n != 17 || distances.Of[0] != 8 || distances.Of[16] != 24) {
			t.Errorf("%+v: %d runs of distances, %v", c, n, distances.Of)
		}
	}
}

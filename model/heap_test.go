package model_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/sidefile/hostile"
	"github.com/seed2010d43f/transformer/internal/torchfile"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/family"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// made returns the weights that a config asks for, as small as can be.
func made(t testing.TB, config string) checkpoint.Source {
	t.Helper()
	src := checkpoint.Zeros(tensor.BF16)
	c, err := hf.ParseConfig("config.json", []byte(config))
	if err != nil {
		t.Fatal(err)
	}
	switch r := family.Recipes()[c.ModelType()]; {
	case r.Decoder != nil:
		_, err = model.NewDecoder([]byte(config), src, model.Options{})
	case r.EncoderDecoder != nil:
		_, err = model.NewEncoderDecoder([]byte(config), src, model.Options{})
	default:
		_, err = model.NewEncoder([]byte(config), src, model.Options{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// openAny opens a folder of any family, with the opener of that.
func openAny(fsys fs.FS) error {
	_, err := model.OpenDecoder(fsys, model.Options{})
	if err == nil || !strings.Contains(err.Error(), "open it with") {
		return err
	}
	if strings.Contains(err.Error(), "OpenEncoderDecoder") {
		_, err = model.OpenEncoderDecoder(fsys, model.Options{})
	} else {
		_, err = model.OpenEncoder(fsys, model.Options{})
	}
	return err
}

// Small configs, by family.
const (
	smallLlama   = `"model_type":"llama","vocab_size":8,"hidden_size":4,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":1`
	smallT5      = `"model_type":"t5","vocab_size":8,"d_model":4,"d_kv":1,"d_ff":4,"num_layers":2,"num_heads":1024`
	smallBert    = `"model_type":"bert","vocab_size":8,"hidden_size":4,"intermediate_size":4,"num_hidden_layers":1,"num_attention_heads":1,"max_position_embeddings":8`
	smallDeberta = `"model_type":"deberta-v2","vocab_size":8,"hidden_size":2,"intermediate_size":2,"num_attention_heads":1,"max_position_embeddings":8,
		"relative_attention":true,"pos_att_type":"c2p|p2c","share_att_key":true`
	smallMarian = `"model_type":"marian","vocab_size":8,"d_model":2,"encoder_layers":1,"decoder_layers":1,"encoder_attention_heads":1,
		"decoder_attention_heads":1,"encoder_ffn_dim":2,"decoder_ffn_dim":2`
)

// stored returns the tensors of a source as a file, changed by f.
func stored(t testing.TB, src checkpoint.Source, f func([]checkpoint.Entry) []checkpoint.Entry) []byte {
	t.Helper()
	var entries []checkpoint.Entry
	for name := range src.Names() {
		info, _ := src.Lookup(name)
		data, err := src.Bytes(name)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, checkpoint.Entry{Name: name, DType: info.DType, Shape: info.Shape, Data: data})
	}
	all, err := checkpoint.Memory(f(entries)...)
	if err != nil {
		t.Fatal(err)
	}
	return written(t, all)
}

// wide gives a DeBERTa of width 2 many rows of relative positions.
func wide(entries []checkpoint.Entry) []checkpoint.Entry {
	const rows = 1 << 18
	for i := range entries {
		if e := &entries[i]; strings.HasSuffix(e.Name, "rel_embeddings.weight") {
			e.Shape, e.Data = []int{rows, 2}, make([]byte, rows*4)
		}
	}
	return entries
}

// further adds tensors without elements.
func further(entries []checkpoint.Entry) []checkpoint.Entry {
	for i := range 10_000 {
		entries = append(entries, checkpoint.Entry{Name: fmt.Sprintf("%x", i), DType: "U8", Shape: []int{0}})
	}
	return entries
}

// shared returns a pytorch_model.bin in which all tensors lie at one place.
func shared(t testing.TB, config string) []byte {
	t.Helper()
	src := made(t, config)
	most := 0
	var tensors []torchfile.Tensor
	for name := range src.Names() {
		info, _ := src.Lookup(name)
		tensors = append(tensors, torchfile.Contiguous(name, "BFloat16Storage", "0", info.Shape...))
		most = max(most, int(info.Size/2))
	}
	for i := range tensors {
		tensors[i].Elements = most
	}
	return torchfile.Zip(torchfile.State(torchfile.Pickle(tensors...), make([]byte, 2*most))...)
}

// many is [hostile.Many] for a list, whose last comma it leaves out.
func many(size int, f func(i int) string) string {
	return strings.TrimSuffix(hostile.Many(size, f), ",")
}

// Whatever a folder says, opening it takes memory in proportion to its files: a number in a config, or a list in
// it, sizes nothing that no file backs up. The bound is the one in the guide of this package.
func TestHeap(t *testing.T) {
	if testing.Short() {
		t.Skip("memory is measured in the long form")
	}
	const size = 1 << 19
	list := func(item string) string { return "[" + strings.Repeat(item+",", size/(len(item)+1)) + item + "]" }
	deep := `,"num_hidden_layers":200,"max_relative_positions":1048576`
	for _, c := range []struct {
		name, config, more string       // more is added to the config that the weights are made for
		generation         string       // generation_config.json
		weights            fstest.MapFS // in place of those that are made
		error              string       // in the error; "" for none
	}{
		{name: "far distances", config: smallT5, more: `"relative_attention_max_distance":1048576`},
		{name: "far distances in every layer", config: strings.Replace(smallT5, `"t5"`, `"umt5"`, 1) + `,"num_layers":40`, more: `"relative_attention_max_distance":1048576`},
		{name: "far positions", config: smallDeberta + `,"position_buckets":4` + deep},
		{name: "wide positions", config: smallDeberta + deep, more: `"position_buckets":131072`, error: "computed from weights",
			weights: fstest.MapFS{"model.safetensors": {Data: stored(t, made(t, "{"+smallDeberta+deep+`,"position_buckets":4}`), wide)}}},
		{name: "many sinusoids", config: smallMarian, more: `"max_position_embeddings":524288`},
		{name: "endless sinusoids", config: smallMarian, more: `"max_position_embeddings":1073741824`},
		{name: "labels of texts", config: smallBert + `,"architectures":["BertForSequenceClassification"]`, more: `"num_labels":67108864`, error: "classifier.weight"},
		{name: "labels of tokens", config: smallBert + `,"architectures":["BertForTokenClassification"]`, more: `"num_labels":67108864`, error: "classifier.weight"},
		{name: "names of labels", config: smallBert, more: `"id2label":{` + many(size, func(i int) string { return fmt.Sprintf(`"%d":"x",`, i) }) + `},"architectures":["BertForSequenceClassification"]`, error: "classifier.weight"},
		{name: "layers", config: smallLlama, more: `"num_hidden_layers":4096`, error: "model.layers.1."},
		{name: "types of layers", config: strings.Replace(smallLlama, "llama", "mistral", 1) + `,"num_key_value_heads":1`, more: `"layer_types":` + list(`""`)},
		{name: "types of layers that count", config: smallLlama, more: `"model_type":"gemma2","layer_types":` + list(`""`), error: "layer_types has"},
		{name: "rotary factors", config: smallLlama, more: `"rope_scaling":{"rope_type":"longrope","factor":2,"short_factor":` + list("1") + `,"long_factor":` + list("1") + `}`, error: "longrope"},
		{name: "keys", config: smallLlama, more: many(size, func(i int) string { return fmt.Sprintf(`"%x":0,`, i) })},
		{name: "end tokens", config: smallLlama, more: `"eos_token_id":` + list("1")},
		{name: "suppressed tokens", config: smallLlama, generation: `{"suppress_tokens":` + list("1") + `}`},
		{name: "bad words", config: smallLlama, generation: `{"bad_words_ids":` + list("[1]") + `}`},
		{name: "biases", config: smallLlama, generation: `{"sequence_bias":[` + many(size, func(i int) string { return fmt.Sprintf("[[%d],1],", i) }) + `]}`},
		{name: "beams", config: smallLlama, generation: `{"num_beams":1000}`, error: "num_beams is 1000"},
		{name: "returned texts", config: smallLlama, generation: `{"num_return_sequences":1000}`, error: "num_return_sequences is 1000"},
		{name: "tasks", config: smallT5, more: `"task_specific_params":{` + many(size, func(i int) string { return fmt.Sprintf(`"%x":{},`, i) }) + `}`, error: "task_specific_params"},
		{name: "tasks that are none", config: smallT5, more: `"task_specific_params":{` + many(size/8, func(i int) string { return fmt.Sprintf(`"%x":0,`, i) }) + `}`, error: "task_specific_params"},
		{name: "tasks with much to say", config: smallT5, more: `"task_specific_params":{` + many(1000, func(i int) string { return fmt.Sprintf(`"%x":{},`, i) }) + `}`,
			generation: `{"bad_words_ids":` + list("[1]") + `}`, error: "task_specific_params"},
		{name: "a long name", config: smallLlama, more: `"model_type":"` + strings.Repeat("x", size) + `"`, error: "model_type has 524288 bytes"},
		{name: "narrow weights", config: `"model_type":"llama","vocab_size":8,"hidden_size":1,"intermediate_size":262144,"num_hidden_layers":2,"num_attention_heads":1,"head_dim":2`},
		{name: "narrow weights, turned", config: `"model_type":"gpt2","vocab_size":8,"n_embd":1,"n_inner":262144,"n_layer":2,"n_head":1,"n_positions":8`},
		{name: "a narrow vocabulary", config: `"model_type":"gpt2","vocab_size":524288,"n_embd":1,"n_inner":1,"n_layer":1,"n_head":1,"n_positions":8`},
		{name: "groups of a convolution", config: `"model_type":"deberta-v2","vocab_size":8,"hidden_size":512,"intermediate_size":1,"num_attention_heads":1,"max_position_embeddings":8,
			"num_hidden_layers":1,"conv_kernel_size":63,"conv_groups":512`, error: "computed from weights"},
		{name: "weights at one place", config: smallLlama, more: `"hidden_size":64,"intermediate_size":4096,"num_hidden_layers":5`,
			weights: fstest.MapFS{"pytorch_model.bin": {Data: shared(t, "{"+smallLlama+`,"hidden_size":64,"intermediate_size":4096,"num_hidden_layers":5}`)}}},
		{name: "further tensors", config: smallLlama, error: "no place", weights: fstest.MapFS{"model.safetensors": {Data: stored(t, made(t, "{"+smallLlama+"}"), further)}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := fstest.MapFS{"config.json": {Data: []byte("{" + c.config + "}")}}
			if c.more != "" {
				folder["config.json"].Data = []byte("{" + c.config + "," + c.more + "}")
			}
			if c.generation != "" {
				folder["generation_config.json"] = &fstest.MapFile{Data: []byte(c.generation)}
			}
			if c.weights == nil {
				c.weights = fstest.MapFS{"model.safetensors": {Data: written(t, made(t, "{"+c.config+"}"))}}
			}
			for name, f := range c.weights {
				folder[name] = f
			}
			var err error
			hostile.CheckHeap(t, folder, 64<<20, func() error {
				err = openAny(folder)
				return err
			})
			if (err == nil) != (c.error == "") || err != nil && !strings.Contains(err.Error(), c.error) {
				t.Errorf("error %.500v, want %q in it", err, c.error)
			}
		})
	}
}

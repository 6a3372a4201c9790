package model_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
	"github.com/seed2010d43f/transformer/tensor/nn"
	"github.com/seed2010d43f/transformer/tokenizer"
)

const tinyFolder = "../examples/internal/tiny/decoder"

// tinyGGUF returns the trained decoder of the examples as a GGUF file.
func tinyGGUF(t testing.TB) []byte {
	t.Helper()
	meta, src, err := model.ConvertGGUF(os.DirFS(tinyFolder), "", model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var b bytes.Buffer
	if err := gguf.Write(&b, meta, src); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A folder becomes the file that llama.cpp's converter makes of it, tokenizer and all: llamacpp/testdata/convert_folder.py made
// the record.
func TestConvertFolder(t *testing.T) {
	f, err := gguf.Open(fstest.MapFS{"m.gguf": {Data: tinyGGUF(t)}}, "m.gguf")
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Metadata [][3]json.RawMessage
		Tensors  [][4]json.RawMessage
	}
	if err := json.Unmarshal(tensortest.ReadFile(t, "llamacpp/testdata/converted/whole/decoder.json.gz"), &c); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, kv := range c.Metadata {
		key := decode[string](t, kv[0])
		want = append(want, key)
		if got, ok := f.Metadata().Value(key); !ok || !got.Equal(value(t, decode[string](t, kv[1]), kv[2])) {
			t.Errorf("%s is %v, want %s", key, got, kv[2][:min(len(kv[2]), 100)])
		}
	}
	if got := slices.Sorted(slices.Values(f.Metadata().Keys())); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("keys %q\nwant %q", got, slices.Sorted(slices.Values(want)))
	}
	if got := slices.Collect(f.Names()); len(got) != len(c.Tensors) || len(got) < 30 {
		t.Errorf("%d tensors, want %d", len(got), len(c.Tensors))
	}
	for _, x := range c.Tensors {
		name := decode[string](t, x[0])
		info, _ := f.Lookup(name)
		b, err := f.Bytes(name)
		sum := sha256.Sum256(b)
		if err != nil || !slices.Equal(info.Shape, decode[[]int](t, x[1])) || string(info.DType) != decode[string](t, x[2]) || hex.EncodeToString(sum[:]) != decode[string](t, x[3]) {
			t.Errorf("%s is %s %v, want %s %s with the same bytes; %v", name, info.DType, info.Shape, x[2], x[1], err)
		}
	}
}

// The file is the model of the folder: the same ids and the same bits.
func TestConvertedModel(t *testing.T) {
	folder, err := model.OpenDecoder(os.DirFS(tinyFolder), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	file, err := model.OpenDecoder(fstest.MapFS{"m.gguf": {Data: tinyGGUF(t)}}, model.Options{Precision: nn.Exact})
	if err != nil {
		t.Fatal(err)
	}
	var logits [2][]float32
	for i, d := range []*model.Decoder{folder, file} {
		ids, err := d.Tokenizer.Encode("The cat sat on the mat, and the 3 mice\n\tran.<|endoftext|>")
		if err != nil {
			t.Fatal(err)
		}
		s := d.NewSession(model.SessionOptions{})
		if err := s.Append(ids...); err != nil {
			t.Fatal(err)
		}
		logits[i] = slices.Clone(s.Logits())
	}
	if len(logits[0]) == 0 || !slices.Equal(logits[0], logits[1]) {
		t.Error("the file's logits are not the folder's")
	}
}

// What a file cannot hold is refused by name.
func TestConvertErrors(t *testing.T) {
	read := func(name string) []byte {
		b, err := os.ReadFile(tinyFolder + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	with := func(file, old, text string) fstest.MapFS {
		fsys := fstest.MapFS{}
		for _, name := range []string{"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"} {
			fsys[name] = &fstest.MapFile{Data: read(name)}
		}
		if changed := bytes.Replace(fsys[file].Data, []byte(old), []byte(text), 1); !bytes.Equal(changed, fsys[file].Data) || old == "" {
			fsys[file].Data = changed
		} else {
			t.Fatalf("%s has no %q", file, old)
		}
		return fsys
	}
	for want, fsys := range map[string]fstest.MapFS{
		`model_type "opt" is not written to GGUF; these are: gemma`: with("config.json", `"model_type": "llama"`, `"model_type": "opt"`),
		`hidden_act = "relu"`:           with("config.json", `"silu"`, `"relu"`),
		`tensor "model.layers.3.`:       with("config.json", `"num_hidden_layers": 4`, `"num_hidden_layers": 3`),
		`no num_attention_heads`:        with("config.json", `"num_attention_heads": 4`, `"other": 4`),
		`the model type "Unigram"`:      with("tokenizer.json", `"BPE"`, `"Unigram"`),
		`no pre-tokenizer of llama.cpp`: with("tokenizer.json", `"add_prefix_space": false`, `"add_prefix_space": true`),
	} {
		_, _, err := model.ConvertGGUF(fsys, "", model.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
	if _, _, err := model.ConvertGGUF(fstest.MapFS{}, "", model.Options{}); err == nil || !strings.Contains(err.Error(), "no config.json") {
		t.Error(err)
	}
	named := with("tokenizer.json", `"add_prefix_space": false`, `"add_prefix_space": true`)
	meta, src, err := model.ConvertGGUF(named, "x", model.Options{PreTokenizer: "gpt-2"})
	if err != nil {
		t.Fatal(err)
	}
	src.Close()
	if pre, _ := meta.String("tokenizer.ggml.pre"); pre != "gpt-2" {
		t.Errorf("pre is %q", pre)
	}
}

// Tokenizers of each kind that is written give the same ids again.
func TestConvertedTokenizers(t *testing.T) {
	type folder struct {
		name  string
		fsys  fs.FS
		files []string
	}
	list := []folder{
		{"byte pairs", os.DirFS(tinyFolder), []string{"tokenizer.json", "tokenizer_config.json"}},
		{"words", os.DirFS("../examples/internal/tiny/encoder"), []string{"tokenizer.json", "tokenizer_config.json"}},
	}
	if dir := os.Getenv("TRANSFORMER_FIXTURES"); dir != "" {
		for _, name := range []string{"phi-2", "falcon"} {
			list = append(list, folder{name, os.DirFS(dir + "/tokenizers/" + name), []string{"tokenizer.json", "tokenizer_config.json"}})
		}
		list = append(list, folder{"mistral-v3", os.DirFS(dir + "/tokenizers/mistral-v3"), []string{"tokenizer.model", "tokenizer_config.json"}},
			folder{"stories260K", os.DirFS(dir + "/stories260K"), []string{"tokenizer.model"}})
	}
	for _, f := range list {
		t.Run(f.name, func(t *testing.T) {
			files := fstest.MapFS{}
			for _, name := range f.files {
				if b, err := fs.ReadFile(f.fsys, name); err == nil {
					files[name] = &fstest.MapFile{Data: b}
				}
			}
			if files["tokenizer_config.json"] == nil && files["tokenizer.model"] != nil {
				files["tokenizer_config.json"] = &fstest.MapFile{Data: []byte(`{"tokenizer_class": "LlamaTokenizer", "legacy": true, "add_bos_token": true, "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}`)}
			}
			want, err := tokenizer.Open(files)
			if err != nil {
				t.Fatal(err)
			}
			config := fmt.Sprintf(`{%s,"vocab_size":%d}`, strings.Replace(smallLlama, `"vocab_size":8,`, "", 1), want.VocabSize()+3)
			files["config.json"] = &fstest.MapFile{Data: []byte(config)}
			files["model.safetensors"] = &fstest.MapFile{Data: written(t, made(t, config))}
			meta, src, err := model.ConvertGGUF(files, "", model.Options{})
			if err != nil {
				t.Fatal(err)
			}
			src.Close()
			got, err := tokenizer.OpenGGUF(meta, tokenizer.GGUFOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{"", "The cat sat on the mat.", "Hello,  world! It's 2026: 3.14 + 12345 = ?\n\n\tnaïve café ☕ 東京", "[MASK] <s> </s> <|endoftext|> word"} {
				a, err := want.AppendEncode(nil, text, tokenizer.Options{AddSpecial: true})
				if err != nil {
					t.Fatal(err)
				}
				b, err := got.AppendEncode(nil, text, tokenizer.Options{AddSpecial: true})
				if err != nil || !slices.Equal(a, b) {
					t.Errorf("%q gives %v of the file, %v of the folder; %v", text, b, a, err)
				}
			}
		})
	}
}

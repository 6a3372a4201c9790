package tokenizer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/text/unicode/norm"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
)

// openGGUF opens the tokenizer of a GGUF file.
func openGGUF(tb testing.TB, path string, o GGUFOptions) *Tokenizer {
	tb.Helper()
	t, err := OpenGGUF(readGGUF(tb, path), o)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func readGGUF(tb testing.TB, path string) *gguf.Metadata {
	tb.Helper()
	f, err := gguf.Open(os.DirFS(filepath.Dir(path)), filepath.Base(path))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { f.Close() })
	return f.Metadata()
}

// ids encodes without tokens around the text.
func ids(tb testing.TB, t *Tokenizer, text string, special bool) []int {
	tb.Helper()
	got, err := t.AppendEncode(nil, text, Options{ParseSpecial: special})
	if err != nil {
		tb.Fatal(err)
	}
	return got
}

// TestGGUFVocabularies checks the vocabularies of llama.cpp's folder models against the ids beside them, which its scripts
// have from Hugging Face tokenizers.
func TestGGUFVocabularies(t *testing.T) {
	files, err := filepath.Glob(below(t, "TRANSFORMER_LLAMACPP", "models") + "/ggml-vocab-*.gguf")
	if err != nil || len(files) == 0 {
		t.Fatalf("no ggml-vocab-*.gguf (%v)", err)
	}
	checked, composed := 0, 0
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "ggml-vocab-"), ".gguf")
		t.Run(name, func(t *testing.T) {
			pre := map[string]string{"aquila": "gpt-2", "gpt-neox": "olmo"}[name] // which name none
			tok := openGGUF(t, file, GGUFOptions{Pre: pre})
			in, err := os.ReadFile(file + ".inp")
			if err != nil {
				return
			}
			out, err := os.ReadFile(file + ".out")
			if err != nil {
				t.Fatal(err)
			}
			texts := strings.Split(string(in), "\n__ggml_vocab_test__\n")
			lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
			for i, text := range texts {
				if i == len(lines) {
					break
				}
				var want []int
				for _, s := range strings.Fields(lines[i]) {
					id, _ := strconv.Atoi(s)
					want = append(want, id)
				}
				if name == "qwen35" && !norm.NFC.IsNormalString(text) {
					// These ids are llama.cpp's. The reference composes characters first, as in the file for Qwen 2.
					text, want = norm.NFC.String(text), ids(t, tok, text, false)
					composed++
				}
				if got := ids(t, tok, text, false); !slices.Equal(got, want) {
					t.Errorf("%q: %v, want %v", text, got, want)
				}
			}
			checked++
		})
	}
	if checked < 15 || composed > 3 {
		t.Errorf("%d files have ids; %d texts are not composed", checked, composed)
	}
}

// publishedSmolLM is the tokenizer of a tokenizer.json with the pre-tokenizer that SmolLM is published with, which splits
// digits first. The folder has it from transformers' own reader of GGUF, which leaves that out.
func publishedSmolLM(tb testing.TB, path string) *Tokenizer {
	tb.Helper()
	var file map[string]json.RawMessage
	err := json.Unmarshal(tensortest.ReadFile(tb, path), &file)
	file["pre_tokenizer"] = json.RawMessage(`{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},{"type":"ByteLevel","add_prefix_space":false}]}`)
	data, wrong := json.Marshal(file)
	if err != nil || wrong != nil {
		tb.Fatal(err, wrong)
	}
	t, err := ParseJSON(data)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// TestGGUFReal compares the tokenizers of three published GGUF files with those of the folders that the reference has made
// of the same models, and with the ids of the reference.
func TestGGUFReal(t *testing.T) {
	for _, name := range []string{"smollm2-135m-instruct", "gemma-3-270m", "qwen2.5-coder-0.5b-instruct"} {
		t.Run(name, func(t *testing.T) {
			file := realModel(t, name+".gguf")
			got, want := openGGUF(t, file, GGUFOptions{}), openDir(t, realModel(t, name))
			if name == "smollm2-135m-instruct" {
				want = publishedSmolLM(t, realModel(t, name, "tokenizer.json"))
			}
			var cases []struct {
				Prompt string
				IDs    []int
			}
			if err := json.Unmarshal(tensortest.ReadFile(t, file+".expected.json"), &cases); err != nil {
				t.Fatal(err)
			}
			for _, c := range cases {
				if ids, err := got.Encode(c.Prompt); err != nil || !slices.Equal(ids, c.IDs) {
					t.Errorf("%q: %v, %v, want %v", c.Prompt, ids, err, c.IDs)
				}
			}
			if len(cases) == 0 {
				t.Error("there are no prompts")
			}
			for _, text := range []string{"text/tinyshakespeare.txt", "hostile/text/blns.json", "hostile/text/UTF-8-test.txt"} {
				data, err := os.ReadFile(fixture(t, text))
				if err != nil {
					t.Fatal(err)
				}
				for _, part := range append(strings.SplitAfter(string(data), "\n"), string(data)) {
					for _, special := range []bool{false, true} {
						a, b := ids(t, got, part, special), ids(t, want, part, special)
						if !slices.Equal(a, b) {
							t.Errorf("%s: %.200q: %v, want %v", text, part, a, b)
						}
						x, err := got.Decode(a, false)
						y, _ := want.Decode(b, false)
						if err != nil || x != y {
							t.Fatalf("%s: %.200q decodes to %.200q, want %.200q", text, part, x, y)
						}
					}
				}
			}
		})
	}
}

// smallGGUF opens a file of testdata/gguf.
func smallGGUF(tb testing.TB, name string) *gguf.Metadata {
	tb.Helper()
	data := tensortest.ReadFile(tb, "testdata/gguf/"+name+".gguf.gz")
	f, err := gguf.Open(fstest.MapFS{"m.gguf": {Data: data}}, "m.gguf")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { f.Close() })
	return f.Metadata()
}

// ggufCases is what testdata/gguf/generate.py has from the reference.
type ggufCases struct {
	Texts []string
	Cases map[string][]struct {
		Text    string
		Pair    *string
		IDs     []int
		Around  []int
		Types   []int
		Decoded string
	}
	Splits map[string][][]int
}

func readGGUFCases(tb testing.TB) (c ggufCases) {
	tb.Helper()
	if err := json.Unmarshal(tensortest.ReadFile(tb, "testdata/gguf/cases.json.gz"), &c); err != nil {
		tb.Fatal(err)
	}
	return c
}

// TestGGUFKinds checks a small file of each kind against the reference.
func TestGGUFKinds(t *testing.T) {
	all := readGGUFCases(t)
	all.Cases["gemma4"] = all.Cases["gemma"]
	if len(all.Cases) != 7 {
		t.Errorf("%d kinds", len(all.Cases))
	}
	for name, cases := range all.Cases {
		t.Run(name, func(t *testing.T) {
			tok, err := OpenGGUF(smallGGUF(t, name), GGUFOptions{})
			if err != nil || len(cases) < 30 {
				t.Fatalf("%d cases; %v", len(cases), err)
			}
			for _, c := range cases {
				if c.Pair != nil {
					e, err := tok.EncodePair(c.Text, *c.Pair, Options{AddSpecial: true})
					if err != nil || !slices.Equal(e.IDs, c.IDs) || !slices.Equal(e.TypeIDs, c.Types) {
						t.Errorf("%q, %q: %v, %v; want %v", c.Text, *c.Pair, e, err, c.IDs)
					}
					continue
				}
				if got := ids(t, tok, c.Text, true); !slices.Equal(got, c.IDs) {
					t.Errorf("%q: %v, want %v", c.Text, got, c.IDs)
				}
				if got, err := tok.Encode(c.Text); err != nil || !slices.Equal(got, c.Around) {
					t.Errorf("%q: %v, %v; want %v", c.Text, got, err, c.Around)
				}
				if got, err := tok.Decode(c.IDs, false); err != nil || got != c.Decoded {
					t.Errorf("%q decodes to %q, %v; want %q", c.Text, got, err, c.Decoded)
				}
			}
		})
	}
}

// TestGGUFSplits checks the names of pre-tokenizers against the reference with the stages that the names stand for.
func TestGGUFSplits(t *testing.T) {
	all := readGGUFCases(t)
	m := smallGGUF(t, "gpt2")
	if len(all.Splits) < 25 {
		t.Errorf("%d names", len(all.Splits))
	}
	for name, want := range all.Splits {
		tok, err := OpenGGUF(m, GGUFOptions{Pre: name})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, text := range all.Texts {
			if got := ids(t, tok, text, true); !slices.Equal(got, want[i]) {
				t.Errorf("%s: %q: %v, want %v", name, text, got, want[i])
			}
		}
	}
}

// Special tokens of Phi-3, but for three, take the white space after them; the model's name is what tells.
func TestGGUFPhi3(t *testing.T) {
	m := smallGGUF(t, "llama").Clone()
	plain, err := OpenGGUF(m, GGUFOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m.Set("general.name", gguf.Of("Phi-3 Mini"))
	phi, err := OpenGGUF(m, GGUFOptions{})
	if err != nil {
		t.Fatal(err)
	}
	const end, begin = "</s>  the cat", "<s>  the cat"
	if got, want := ids(t, phi, end, true), ids(t, plain, "</s>the cat", true); !slices.Equal(got, want) {
		t.Errorf("%q: %v, want %v", end, got, want)
	}
	if got, want := ids(t, plain, end, true), ids(t, phi, end, true); slices.Equal(got, want) {
		t.Errorf("%q: %v for any model", end, got)
	}
	if got, want := ids(t, phi, begin, true), ids(t, plain, begin, true); !slices.Equal(got, want) {
		t.Errorf("%q: %v, want %v", begin, got, want)
	}
}

// A list of tokens without merges merges any two that make up a third, the third of least id first.
func TestGGUFListed(t *testing.T) {
	m := smallPairs()
	m.Set("tokenizer.ggml.pre", gguf.Of("kimi-k2"))
	m.Delete("tokenizer.ggml.merges")
	tok, err := OpenGGUF(m, GGUFOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := ids(t, tok, "abb<s>", true); !slices.Equal(got, []int{2, 1, 3}) {
		t.Error(got)
	}
}

func BenchmarkOpenGGUF(b *testing.B) {
	for _, name := range []string{"smollm2-135m-instruct", "qwen2.5-coder-0.5b-instruct", "gemma-3-270m"} {
		b.Run(name, func(b *testing.B) {
			m := readGGUF(b, realModel(b, name+".gguf"))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := OpenGGUF(m, GGUFOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

package tokenizer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// TestHardCases checks ids and decoded text for texts that are easy to get wrong against what transformers 5.24 gave.
// Each entry of the table names the files of a folder to open, under their names there, a tokenizer_config.json, and
// parts of tokenizer.json to set.
func TestHardCases(t *testing.T) {
	var table struct {
		Texts      []string
		Tokenizers []struct {
			Name, Dir string
			Files     map[string]string
			Config    json.RawMessage
			Set       map[string]json.RawMessage
			IDs       [][]int
			Decoded   []string
		}
	}
	if err := json.Unmarshal(tensortest.ReadFile(t, "testdata/hard_cases.json.gz"), &table); err != nil {
		t.Fatal(err)
	}
	for _, c := range table.Tokenizers {
		t.Run(c.Name, func(t *testing.T) {
			root := fixture(t)
			if real, ok := strings.CutPrefix(c.Dir, "REAL"); ok {
				root, c.Dir = realModel(t), real
			}
			files := fstest.MapFS{}
			for as, from := range c.Files {
				data, err := os.ReadFile(filepath.Join(root, c.Dir, from))
				if err != nil {
					t.Skip(err)
				}
				files[as] = &fstest.MapFile{Data: data}
			}
			if c.Config != nil {
				files["tokenizer_config.json"] = &fstest.MapFile{Data: c.Config}
			}
			if c.Set != nil {
				files["tokenizer.json"].Data = setFields(t, files["tokenizer.json"].Data, c.Set)
			}
			tok, err := Open(files)
			if err != nil {
				t.Fatal(err)
			}
			for i, text := range table.Texts {
				checkHardCase(t, tok, text, c.IDs[i], c.Decoded[i])
			}
		})
	}
}

func setFields(t *testing.T, data []byte, set map[string]json.RawMessage) []byte {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	for key, value := range set {
		all[key] = value
	}
	data, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func checkHardCase(t *testing.T, tok *Tokenizer, text string, want []int, decoded string) {
	t.Helper()
	got, err := tok.Encode(text)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q: got %v, want %v", text, got, want)
		return
	}
	e, err := tok.EncodeWithOffsets(text, Options{AddSpecial: true, ParseSpecial: true})
	if err != nil || !slices.Equal(e.IDs, want) || len(e.Offsets) != len(want) {
		t.Errorf("%q with offsets: got %v, %v", text, e, err)
	}
	back, err := tok.Decode(want, true)
	if err != nil || back != decoded {
		t.Errorf("%q decodes to %q, %v; want %q", text, back, err, decoded)
	}
	s, streamed := tok.NewStream(true), ""
	for _, id := range want {
		part, err := s.Push(id)
		if err != nil {
			t.Fatal(err)
		}
		streamed += part
	}
	last, err := s.Flush()
	if streamed += last; err != nil || streamed != back {
		t.Errorf("%q streams to %q, %v", text, streamed, err)
	}
}

package pretoken

import (
	"encoding/json"
	"io/fs"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// TestPublishedPatterns reads pre-tokenizers with common patterns: none needs the regular-expression engine.
func TestPublishedPatterns(t *testing.T) {
	folders := tensortest.Zip(t, "../../testdata/classes/folders.zip.gz")
	for _, name := range []string{"bloom", "deepseek_v3", "gpt_oss", "kimi_json", "qwen2_as_llama"} {
		data, err := fs.ReadFile(folders, name+"/tokenizer.json")
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			PreTokenizer json.RawMessage `json:"pre_tokenizer"`
		}
		if err := json.Unmarshal(data, &file); err != nil {
			t.Fatal(err)
		}
		p, err := new(Parser).Parse(file.PreTokenizer, 0)
		if err != nil {
			t.Fatal(err)
		}
		all, ok := p.(Sequence)
		if !ok {
			all = Sequence{p}
		}
		for i, stage := range all {
			if s, ok := stage.(splitPattern); ok {
				t.Errorf("%s: stage %d: the pattern %.80q has no scanner", name, i, s.pattern.Literal)
			}
		}
	}
}

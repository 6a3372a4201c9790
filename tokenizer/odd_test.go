package tokenizer

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// TestOdd has tokenizer.json files whose parts seldom meet: what tokenizers 0.23 makes of them.
func TestOdd(t *testing.T) {
	var all map[string]struct {
		Doc   json.RawMessage
		Cases []struct {
			Text, Decoded string
			IDs           []int
			Offsets       [][2]int
		}
	}
	if err := json.Unmarshal(tensortest.ReadFile(t, "testdata/odd.json.gz"), &all); err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			tok := parse(t, string(all[name].Doc))
			for _, c := range all[name].Cases {
				e, err := tok.EncodeWithOffsets(c.Text, Options{AddSpecial: true, ParseSpecial: true})
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(e.IDs, c.IDs) {
					t.Errorf("%q: %v, want %v", c.Text, e.IDs, c.IDs)
					continue
				}
				covers := slices.EqualFunc(e.Offsets, c.Offsets, func(o Span, want [2]int) bool { return o.Start <= want[0] && o.End >= want[1] })
				if !covers {
					t.Errorf("%q: offsets %v, want %v", c.Text, e.Offsets, c.Offsets)
				}
				if got, err := tok.Decode(c.IDs, false); err != nil || got != c.Decoded {
					t.Errorf("%q: %v decodes to %q, %v, want %q", c.Text, c.IDs, got, err, c.Decoded)
				}
			}
		})
	}
}

// TestFoldAlike has two added tokens that the normalizer makes one: the first counts.
func TestFoldAlike(t *testing.T) {
	tok := parse(t, `{"normalizer":{"type":"Lowercase"},"added_tokens":[{"id":3,"content":"New","normalized":true},{"id":4,"content":"NEW","normalized":true}],
		"model":{"type":"WordLevel","vocab":{"a":0,"<unk>":1},"unk_token":"<unk>"}}`)
	if got, err := tok.Encode("newNEWNew"); err != nil || !slices.Equal(got, []int{2, 2, 2}) {
		t.Errorf("%v, %v", got, err)
	}
}

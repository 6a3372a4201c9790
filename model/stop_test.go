package model

import (
	"encoding/json"
	"os"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/tokenizer"
)

// Texts end at the tokens at which StopStringCriteria of transformers 5.24 ends them: see testdata/stop/stop.py.
func TestStopper(t *testing.T) {
	data, err := os.ReadFile("testdata/stop/stop.json")
	if err != nil {
		t.Fatal(err)
	}
	var tables []struct {
		Name      string
		Tokenizer json.RawMessage
		Cases     []struct {
			Stop        []string
			Prompt, IDs []int
			N           int
		}
	}
	if err := json.Unmarshal(data, &tables); err != nil || len(tables) != 2 {
		t.Fatal(len(tables), err)
	}
	for _, table := range tables {
		tok, err := tokenizer.Open(fstest.MapFS{"tokenizer.json": {Data: table.Tokenizer}})
		if err != nil {
			t.Fatal(err)
		}
		if len(table.Cases) < 60 {
			t.Errorf("%s: %d cases", table.Name, len(table.Cases))
		}
		for _, c := range table.Cases {
			s, err := newStopper(tok, c.Prompt, c.Stop)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for i, id := range c.IDs {
				if over, err := s.push(id); err != nil {
					t.Fatal(err)
				} else if over {
					n = i + 1
					break
				}
			}
			if n != c.N {
				text, _ := tok.Decode(c.IDs, false)
				t.Errorf("%s, %q: the text %q ends after %d tokens, want %d", table.Name, c.Stop, text, n, c.N)
			}
		}
	}
}

package tokenizer

import (
	"strings"
	"testing"
)

// Tokens that no text can give are found by their spelling, as those that text can give are.
func TestForeignMerges(t *testing.T) {
	tok := parse(t, `{"pre_tokenizer":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{"a":0,"中":1,"中a":2,"中a中":3},"merges":["中 a",["中a","中"]]}}`)
	if got, ok := tok.TokenID("中a中"); !ok || got != 3 {
		t.Errorf("id %d, %v", got, ok)
	}
	_, err := ParseJSON([]byte(`{"pre_tokenizer":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{"a":0,"中":1},"merges":["中 a"]}}`))
	if err == nil || !strings.Contains(err.Error(), `"中a" is not in the vocabulary`) {
		t.Errorf("error %v", err)
	}
}

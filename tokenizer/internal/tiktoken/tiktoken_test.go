package tiktoken

import (
	"fmt"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/tokenizer/internal/plan"
)

const small = `{"config":{"pattern":"a+|b","default_vocab_size":6,"default_num_special_tokens":3},"special_tokens":[{"rank":1,"token_str":"<s>"},{"rank":0,"token_str":"<unk>"}],
	"vocab":[{"rank":0,"token_bytes":"YQ=="},{"rank":1,"token_bytes":"Yg=="},{"rank":2,"token_bytes":"YWI="},{"rank":3,"token_bytes":"YWFh"}]}`

// TestTekken numbers special tokens first, and reads no more tokens than there are said to be.
func TestTekken(t *testing.T) {
	k, err := ReadTekken([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(k.Special, k.Pattern, len(k.Tokens), k.Tokens[2].Id); got != "[<unk> <s> <SPECIAL_2>]a+|b3 5" {
		t.Error(got)
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct{ data, want string }{
		{`{}`, "lacks config"},
		{`[]`, "'{'"},
		{strings.Replace(small, `"special_tokens"`, `"other"`, 1), "lists no special_tokens"},
		{strings.Replace(small, `"rank":1,"token_str"`, `"rank":7,"token_str"`, 1), "rank 7 of 2"},
		{strings.Replace(small, `"default_num_special_tokens":3`, `"default_num_special_tokens":99999999`, 1), "99999999"},
		{strings.Replace(small, `"YQ=="`, `""`, 1), "token 0 has no token_bytes"},
		{strings.Replace(small, `"YQ=="`, `"?"`, 1), "illegal base64"},
	} {
		if _, err := ReadTekken([]byte(c.data)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.120s: error %v, want %q", c.data, err, c.want)
		}
	}
	for _, c := range []struct{ data, want string }{
		{"YQ== 0\nYg==\n", "line 2"}, {"YQ== -1\n", "line 1"}, {"? 0\n", "line 1"}, {" 0\n", "line 1"}, {"YQ== 99999999\n", "line 1"},
	} {
		if _, err := Read([]byte(c.data)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %q", c.data, err, c.want)
		}
	}
}

// FuzzRead feeds malformed lists of tokens of both forms.
func FuzzRead(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("YQ== 0\nYg== 1\nYWI= 2\n"))
	f.Add([]byte("YQ== 0\r\nYQ== 0\r\n\r\nYWE= 16777215"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<14 {
			t.Skip()
		}
		if k, err := ReadTekken(data); err == nil {
			_ = Build(plan.New(), k.Tokens)
		}
		if tokens, err := Read(data); err == nil && Is(data) {
			_ = Build(plan.New(), tokens)
		}
	})
}

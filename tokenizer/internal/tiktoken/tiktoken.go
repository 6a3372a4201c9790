// Package tiktoken reads vocabularies of byte pairs that are lists of tokens: tiktoken's files and Mistral's tekken.json.
package tiktoken

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/seed2010d43f/transformer/tokenizer/internal/jsonscan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/models"
	"github.com/seed2010d43f/transformer/tokenizer/internal/plan"
)

// Is reports whether data looks like tiktoken's form: lines of a token in base64 and its rank.
func Is(data []byte) bool {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	_, err := readLine(bytes.TrimSuffix(line, []byte("\r")))
	return err == nil
}

func readLine(line []byte) (e models.Entry, err error) {
	token, rank, ok := bytes.Cut(line, []byte(" "))
	if !ok {
		return e, fmt.Errorf("%.100q is not a token in base64 and its rank", line)
	}
	if e.Token, err = base64.StdEncoding.DecodeString(string(token)); err == nil {
		var id uint64
		id, err = strconv.ParseUint(string(rank), 10, 24)
		e.Id = uint32(id)
	}
	if err != nil || len(e.Token) == 0 {
		return e, fmt.Errorf("%.100q is not a token in base64 and its rank", line)
	}
	return e, nil
}

// Read reads tiktoken's form.
func Read(data []byte) ([]models.Entry, error) {
	var list []models.Entry
	for line := range bytes.Lines(data) {
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
			continue
		}
		e, err := readLine(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", len(list)+1, err)
		}
		list = append(list, e)
	}
	return list, nil
}

// Tekken is what tekken.json holds.
type Tekken struct {
	Pattern string
	Tokens  []models.Entry // their ids after those of the special tokens
	Special []string       // in order of their ids
}

const maxSpecial = 1 << 16

// tekkenSpecial is a special token of tekken.json.
type tekkenSpecial struct {
	Rank int    `json:"rank"`
	Text string `json:"token_str"`
}

// oldSpecial returns the special tokens of files up to version 7 that list none, as the library mistral-common has them.
func oldSpecial() []tekkenSpecial {
	var list []tekkenSpecial
	for i, s := range []string{"<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]",
		"[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]"} {
		list = append(list, tekkenSpecial{i, s})
	}
	return list
}

// ReadTekken reads a tekken.json.
func ReadTekken(data []byte) (*Tekken, error) {
	var c struct {
		Config *struct {
			Pattern string `json:"pattern"`
			Size    *int   `json:"default_vocab_size"`
			Special *int   `json:"default_num_special_tokens"`
			Version string `json:"version"`
		} `json:"config"`
		Special []tekkenSpecial `json:"special_tokens"`
	}
	rest, vocab, err := split(data)
	if err == nil {
		err = json.Unmarshal(rest, &c)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case c.Config == nil || c.Config.Pattern == "" || vocab == nil:
		return nil, fmt.Errorf("it lacks config, pattern or vocab")
	case c.Special == nil && !slices.Contains([]string{"v1", "v2", "v3", "v7"}, c.Config.Version):
		return nil, fmt.Errorf("it lists no special_tokens, which version %q must", c.Config.Version)
	case c.Special == nil:
		c.Special = oldSpecial()
	}
	n := len(c.Special)
	if c.Config.Special != nil {
		n = *c.Config.Special
	}
	if n < len(c.Special) || n > maxSpecial {
		return nil, fmt.Errorf("default_num_special_tokens is %d, with %d special tokens; at most %d are supported", n, len(c.Special), maxSpecial)
	}
	t := &Tekken{Pattern: c.Config.Pattern, Special: make([]string, n)}
	for i := range t.Special {
		t.Special[i] = fmt.Sprintf("<SPECIAL_%d>", i)
	}
	for _, s := range c.Special {
		if s.Rank < 0 || s.Rank >= len(c.Special) {
			return nil, fmt.Errorf("the special token %.100q has rank %d of %d", s.Text, s.Rank, len(c.Special))
		}
		t.Special[s.Rank] = s.Text
	}
	most := -1
	if c.Config.Size != nil {
		most = max(0, *c.Config.Size-n)
	}
	t.Tokens, err = readVocab(vocab, n, most)
	return t, err
}

// split returns tekken.json without its vocabulary, and that.
func split(data []byte) (rest, vocab []byte, err error) {
	r := jsonscan.Reader{Data: data}
	rest = []byte{'{'}
	err = r.Object(func(key []byte) error {
		name := string(key)
		value, err := r.Skip()
		if name == "vocab" {
			vocab = value
			return err
		}
		if len(rest) > 1 {
			rest = append(rest, ',')
		}
		rest = append(strconv.AppendQuote(rest, name), ':')
		rest = append(rest, value...)
		return err
	})
	if err == nil {
		err = r.Done()
	}
	return append(rest, '}'), vocab, err
}

// readVocab reads up to most tokens, −1 for all; the first has id base.
func readVocab(data []byte, base, most int) ([]models.Entry, error) {
	r := jsonscan.Reader{Data: data}
	var list []models.Entry
	err := r.Array(func() error {
		var token []byte
		err := r.Object(func(key []byte) error {
			if string(key) != "token_bytes" {
				_, err := r.Skip()
				return err
			}
			s, err := r.Str()
			if err == nil {
				token, err = base64.StdEncoding.DecodeString(string(s))
			}
			return err
		})
		if err == nil && len(token) == 0 {
			err = fmt.Errorf("token %d has no token_bytes", len(list))
		}
		if most < 0 || len(list) < most {
			list = append(list, models.Entry{Token: token, Id: uint32(base + len(list))})
		}
		return err
	})
	return list, err
}

const (
	maxToken = 1 << 12 // bytes of a token that merges make up
	maxWays  = 8       // pairs for each token, and slack more
	slack    = 1 << 16
)

// Build gives the plan a model of the tokens: any two that make up a third merge, the third of least id first.
func Build(p *plan.Plan, tokens []models.Entry) error {
	v, err := models.NewVocab(tokens)
	if err != nil {
		return err
	}
	p.Vocab, p.ByteLevel, p.DecodesBytes, p.Kind = v, true, true, "BPE"
	m := &models.BPE{Vocab: v, ByteLevel: true, Ignore: true}
	type pair struct{ left, right, into uint32 }
	var pairs []pair
	for id := range v.Size() {
		b := v.Bytes(id)
		if len(b) > maxToken {
			continue
		}
		for cut := 1; cut < len(b); cut++ {
			left, ok := v.Find(b[:cut])
			if !ok {
				continue
			}
			if right, ok := v.Find(b[cut:]); ok {
				pairs = append(pairs, pair{left, right, uint32(id)})
			}
		}
		if len(pairs) > maxWays*len(tokens)+slack {
			return fmt.Errorf("more than %d pairs of the %d tokens make up a third", maxWays*len(tokens)+slack, len(tokens))
		}
	}
	m.Merges = models.NewMergeTable(len(pairs) + 1)
	for _, x := range pairs {
		if !m.Merges.Add(x.left, x.right, x.into, x.into) {
			return fmt.Errorf("the pairs of its tokens collide")
		}
	}
	m.Finish()
	p.Model = m
	return nil
}

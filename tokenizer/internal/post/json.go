package post

import (
	"encoding/json"
	"fmt"

	"github.com/seed2010d43f/transformer/tokenizer/internal/jsonscan"
)

type postConfig struct {
	Type        string                    `json:"type"`
	List        []json.RawMessage         `json:"processors"`
	Single      []templateConfig          `json:"single"`
	Pair        []templateConfig          `json:"pair"`
	Tokens      map[string]templateTokens `json:"special_tokens"`
	CLS         tokenAndID                `json:"cls"`
	SEP         tokenAndID                `json:"sep"`
	TrimOffsets *bool                     `json:"trim_offsets"`
	PrefixSpace *bool                     `json:"add_prefix_space"`
}

type templateConfig struct {
	Special *templateRef `json:"SpecialToken"`
	Text    *templateRef `json:"Sequence"`
}

type templateRef struct {
	ID     string `json:"id"`
	TypeID int    `json:"type_id"`
}

type templateTokens struct {
	IDs []uint32 `json:"ids"`
}

// tokenAndID is written as a list of a token and its id.
type tokenAndID struct{ id uint32 }

func (t *tokenAndID) UnmarshalJSON(data []byte) error {
	var pair []json.RawMessage
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return fmt.Errorf("%s is not a token and its id", data)
	}
	return json.Unmarshal(pair[1], &t.id)
}

func (p *Processor) Parse(data []byte, stages *jsonscan.StageCount, depth int) error {
	if err := stages.Enter(depth); err != nil {
		return err
	}
	var c postConfig
	if err := json.Unmarshal(data, &c); err != nil {
		return err
	}
	if c.Type == "Sequence" {
		return jsonscan.SequenceOf(c.List, "processors", func(stage []byte) error { return p.Parse(stage, stages, depth+1) })
	}
	if c.Type == "ByteLevel" {
		p.Trim = jsonscan.OrTrue(c.TrimOffsets)
		p.Prefixed = jsonscan.OrTrue(c.PrefixSpace)
		return nil
	}
	if p.templated {
		return fmt.Errorf("type %.200q after another that adds tokens is not supported", c.Type)
	}
	p.templated = true
	switch c.Type {
	case "TemplateProcessing":
		return p.parseTemplate(&c)
	case "BertProcessing":
		t := BERT(int(c.CLS.id), int(c.SEP.id))
		p.Single, p.Pair = t.Single, t.Pair
		return nil
	case "RobertaProcessing":
		if c.TrimOffsets == nil || c.PrefixSpace == nil { // the reference then reads what is left as BERT's
			t := BERT(int(c.CLS.id), int(c.SEP.id))
			p.Single, p.Pair = t.Single, t.Pair
			return nil
		}
		t := RoBERTa(int(c.CLS.id), int(c.SEP.id))
		p.Single, p.Pair = t.Single, t.Pair
		p.Trim, p.Prefixed = *c.TrimOffsets, *c.PrefixSpace
		return nil
	}
	return fmt.Errorf("type %.200q is not supported", c.Type)
}

func (p *Processor) parseTemplate(c *postConfig) error {
	single, err := c.template(c.Single, 1)
	if err != nil {
		return fmt.Errorf("single: %w", err)
	}
	pair, err := c.template(c.Pair, 2)
	if err != nil {
		return fmt.Errorf("pair: %w", err)
	}
	p.Single, p.Pair = single, pair
	return nil
}

const maxTemplate = 1 << 10 // tokens that a template may add

// template resolves the tokens that a template names; it must use each of its texts once.
func (c *postConfig) template(list []templateConfig, texts int) ([]Item, error) {
	var items []Item
	var used [3]int
	added := 0
	for _, e := range list {
		switch {
		case e.Text != nil:
			n := map[string]int{"A": 1, "B": 2}[e.Text.ID]
			if n == 0 || n > texts {
				return nil, fmt.Errorf("sequence %.200q is not supported here", e.Text.ID)
			}
			used[n]++
			items = append(items, Sequence(n-1, e.Text.TypeID))
		case e.Special != nil:
			s, ok := c.Tokens[e.Special.ID]
			if !ok {
				return nil, fmt.Errorf("token %.200q is not among the special_tokens", e.Special.ID)
			}
			if added += len(s.IDs); added > maxTemplate {
				continue
			}
			var ids []int
			for _, id := range s.IDs {
				ids = append(ids, int(id))
			}
			items = append(items, Specials(e.Special.TypeID, ids...))
		default:
			return nil, fmt.Errorf("an item is neither a SpecialToken nor a Sequence")
		}
	}
	if added > maxTemplate {
		return nil, fmt.Errorf("the template adds %d tokens; at most %d are supported", added, maxTemplate)
	}
	for n := 1; n <= texts; n++ {
		if used[n] != 1 {
			return nil, fmt.Errorf("sequence %q stands there %d times; once is supported", "?AB"[n:n+1], used[n])
		}
	}
	return items, nil
}

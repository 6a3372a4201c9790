package hf

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/seed2010d43f/transformer/tokenizer/internal/added"
	"github.com/seed2010d43f/transformer/tokenizer/internal/models"
	"github.com/seed2010d43f/transformer/tokenizer/internal/plan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/post"
	"github.com/seed2010d43f/transformer/tokenizer/internal/pretoken"
	"github.com/seed2010d43f/transformer/tokenizer/internal/regex"
	"github.com/seed2010d43f/transformer/tokenizer/internal/tiktoken"
)

// A listed is what a family of models has beside a vocabulary in tiktoken's form, which holds tokens alone.
type listed struct {
	types    []string // of its models
	scan     pretoken.Scan
	special  func() []string // in order of their ids, which follow the tokens'; nil: tokenizer_config.json names them
	bos, eos string
}

// listedFamilies are the families with vocabularies in tiktoken's form, by what they publish.
func listedFamilies() []listed {
	return []listed{
		{types: []string{"llama", "mllama", "mllama_text_model"}, scan: pretoken.Scan{Next: pretoken.ScanLLaMA3}, special: llama3Special,
			bos: "<|begin_of_text|>", eos: "<|end_of_text|>"},
		{types: []string{"llama4", "llama4_text"}, scan: pretoken.Scan{Next: pretoken.ScanO200K}, special: llama4Special,
			bos: "<|begin_of_text|>", eos: "<|end_of_text|>"},
		{types: []string{"kimi_k2", "kimi_k25", "kimi_linear", "kimi_vl", "moonlight"}, scan: pretoken.Scan{Next: pretoken.ScanKimi}},
	}
}

// llama3Special is LLaMA 3.1's and later; LLaMA 3 has other names for a few that it reserves.
func llama3Special() []string {
	list := []string{"<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>", "<|reserved_special_token_1|>", "<|finetune_right_pad_id|>",
		"<|reserved_special_token_2|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>", "<|python_tag|>"}
	return reserved(list, "", 3, 256)
}

func llama4Special() []string {
	list := []string{"<|begin_of_text|>", "<|end_of_text|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>",
		"<|header_start|>", "<|header_end|>", "<|eom|>", "<|eot|>", "<|step|>"}
	list = reserved(list, "text_post_train_", 0, 16)
	list = append(list, "<|python_start|>", "<|python_end|>", "<|finetune_right_pad|>")
	list = reserved(list, "text_post_train_", 6, 80)
	list = append(list, "<|image_start|>", "<|image_end|>")
	list = reserved(list, "vision_", 0, 84)
	list = append(list, "<|tile_x_separator|>", "<|tile_y_separator|>")
	list = reserved(list, "vision_", 2, 90)
	list = append(list, "<|image|>", "<|vision_reserved_special_token_6|>", "<|patch|>")
	list = reserved(list, "vision_", 7, 1134)
	return reserved(list, "", 0, 2048)
}

// reserved numbers tokens from a number on until there are n in the list.
func reserved(list []string, kind string, from, n int) []string {
	for i := from; len(list) < n; i++ {
		list = append(list, fmt.Sprintf("<|%sreserved_special_token_%d|>", kind, i))
	}
	return list
}

const kimiReserved = 256 // special tokens of Kimi, which its tokenizer_config.json names

// openTiktoken reads a vocabulary in tiktoken's form.
func (c *config) openTiktoken(data []byte, name string) (*plan.Plan, error) {
	families := listedFamilies()
	i := slices.IndexFunc(families, func(l listed) bool { return slices.Contains(l.types, c.family) })
	if i < 0 {
		return nil, fmt.Errorf("%s has tokens alone: config.json must name a family whose pattern and special tokens are known, "+
			"llama, llama4 or kimi_k2, and says %q; a tokenizer.json can be opened", name, c.family)
	}
	f := families[i]
	tokens, err := tiktoken.Read(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	base := len(tokens)
	var special []string
	if f.special != nil {
		special = f.special()
	}
	for i := 0; f.special == nil && i < kimiReserved; i++ {
		special = append(special, fmt.Sprintf("<|reserved_token_%d|>", base+i))
	}
	for _, a := range c.added { // tokenizer_config.json names some
		if at := a.ID - base; at >= 0 && at < len(special) {
			special[at] = a.Content
		}
	}
	p, err := c.listedPlan(tokens, special, base, f.scan)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if f.bos != "" {
		setDefault(&c.BOS, f.bos)
		setDefault(&c.EOS, f.eos)
		c.beginTexts()
	}
	return p, nil
}

// beginTexts puts the first token before texts, as the tokenizer.json of the same models does, unless a flag says otherwise.
func (c *config) beginTexts() {
	if c.AddBOS == nil {
		c.AddBOS = new(true)
	}
}

// openTekken reads Mistral's tekken.json.
func (c *config) openTekken(data []byte) (*plan.Plan, error) {
	t, err := tiktoken.ReadTekken(data)
	if err != nil {
		return nil, err
	}
	var pre pretoken.PreTokenizer = pretoken.Scan{Next: pretoken.ScanTekken}
	if t.Pattern != pretoken.TekkenPattern {
		re, err := regex.Compile(t.Pattern, regex.Tiktoken)
		if err != nil {
			return nil, err
		}
		pre = pretoken.SplitAt(re)
	}
	for role, text := range map[**specialConfig]string{&c.BOS: "<s>", &c.EOS: "</s>", &c.UNK: "<unk>", &c.PAD: "<pad>"} {
		if slices.Contains(t.Special, text) {
			setDefault(role, text)
		}
	}
	if slices.Contains(t.Special, "<s>") {
		c.beginTexts()
	}
	return c.listedPlan(t.Tokens, t.Special, 0, pre)
}

// listedPlan is the plan of tokens and special tokens, the first of which has id base.
func (c *config) listedPlan(tokens []models.Entry, special []string, base int, pre pretoken.PreTokenizer) (*plan.Plan, error) {
	c.class = nil
	p := plan.New()
	if err := p.SetStages(&plan.Stages{Decoder: byteLevel, PreTokenizer: `{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}`}, nil); err != nil {
		return nil, err
	}
	p.PreTokenizer = pre
	if err := tiktoken.Build(p, tokens); err != nil {
		return nil, err
	}
	for i, s := range special {
		if id, ok := p.Vocab.Find([]byte(s)); ok && int(id) != base+i {
			return nil, fmt.Errorf("the special token %.100q is among the tokens", s)
		}
		p.Added = append(p.Added, added.Token{ID: base + i, Content: s, Special: true})
	}
	p.Post = post.Plain()
	return p, nil
}

// readListed reads a tekken.json or a file in tiktoken's form; ok is false where there is none.
func (c *config) readListed(fsys fs.FS) (p *plan.Plan, ok bool, err error) {
	for _, name := range []string{"tekken.json", "tokenizer.model", "tiktoken.model"} {
		data, err := readVocabulary(fsys, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, true, err
		}
		if name == "tekken.json" {
			if p, err = c.openTekken(data); err != nil {
				err = fmt.Errorf("tekken.json: %w", err)
			}
			return p, true, err
		}
		if tiktoken.Is(data) || name == "tiktoken.model" {
			p, err = c.openTiktoken(data, name)
			return p, true, err
		}
	}
	return nil, false, nil
}

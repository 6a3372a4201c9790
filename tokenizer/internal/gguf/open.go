package gguf

import (
	"fmt"
	"strings"

	"github.com/seed2010d43f/transformer/tokenizer/internal/added"
	"github.com/seed2010d43f/transformer/tokenizer/internal/models"
	"github.com/seed2010d43f/transformer/tokenizer/internal/plan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/post"
	"github.com/seed2010d43f/transformer/tokenizer/internal/sentencepiece"
)

// Options say how metadata are read where they leave it open.
type Options struct {
	Pre string // the name of the pre-tokenizer, in place of the file's; "": the file's
}

// Open returns the plan of the tokenizer that the metadata describe.
func Open(m Metadata, o Options) (*plan.Plan, error) {
	v, err := readVocabulary(m)
	if err == nil && o.Pre != "" {
		v.pre = o.Pre
	}
	var p *plan.Plan
	if err == nil {
		p, err = v.plan()
	}
	if err != nil {
		return nil, fmt.Errorf("tokenizer: GGUF: %w", err)
	}
	return p, nil
}

// plan makes the tokenizer by its kind.
func (v *vocabulary) plan() (p *plan.Plan, err error) {
	pre, known := lookUp(v.pre)
	if p = v.fromJSON(); p == nil {
		switch v.model {
		case "gpt2":
			p, err = v.bytePairs(pre, known)
		case "gemma4":
			p, err = v.rankedPieces()
		case "llama":
			p, err = v.pieces()
		case "t5":
			p, err = v.unigram()
		case "bert":
			p, err = v.words()
		default:
			err = fmt.Errorf("tokenizer.ggml.model %.100q is not supported; llama, gpt2, bert, t5 and gemma4 are", v.model)
		}
		if err != nil {
			return nil, err
		}
		v.addTokens(p, pre)
	}
	if !p.Post.Configured {
		if p.Post, err = v.around(pre); err != nil {
			return nil, err
		}
	}
	r := &v.roles
	p.Special = plan.Special{BOS: r.bos, EOS: r.eos, PAD: r.pad, UNK: r.unk, SEP: r.sep, CLS: r.cls, Mask: r.mask}
	p.NoTypes = v.model != "bert"
	p.Settle()
	return p, nil
}

// entries returns the tokens in the order of their ids, as write gives them. Those that fill up the table only take their
// ids.
func (v *vocabulary) entries(write func(id int) string) []models.Entry {
	list := make([]models.Entry, len(v.tokens))
	size := 0
	for _, t := range v.tokens {
		size += len(t)
	}
	arena := make([]byte, 0, size)
	for id := range v.tokens {
		list[id].Id = uint32(id)
		if t := write(id); t != "" && !v.fills(id) {
			start := len(arena)
			arena = append(arena, t...)
			list[id].Token = arena[start:len(arena):len(arena)]
		}
	}
	return list
}

// addTokens lists the tokens that are found in a text before the model sees it.
func (v *vocabulary) addTokens(p *plan.Plan, pre preTokenizer) {
	p.Added = nil
	for id, text := range v.tokens {
		special := v.isSpecial(id)
		if text == "" || !special && v.kind(id) != sentencepiece.UserDefined || v.fills(id) {
			continue
		}
		a := added.Token{ID: id, Content: text, Special: special}
		if v.isMarks(id) {
			a.Content = v.marked(id)
		}
		a.LStrip = id == v.roles.mask && (pre.lstrip || v.model == "t5")
		a.RStrip = special && v.stripsRight(text)
		p.Added = append(p.Added, a)
	}
}

// stripsRight reports whether a token takes the white space after it. Those of Phi-3 do, but for three; the metadata do not
// say so, and the model's name is what tells.
func (v *vocabulary) stripsRight(token string) bool {
	name := strings.ToLower(v.name)
	phi3 := v.model == "llama" && (strings.Contains(name, "phi-3") || strings.Contains(name, "phi3"))
	return phi3 && token != "<unk>" && token != "<s>" && token != "<|endoftext|>"
}

// around returns what goes around texts: BOS A EOS, and BOS A EOS SEP B EOS, of those that the flags ask for.
func (v *vocabulary) around(pre preTokenizer) (post.Processor, error) {
	r := &v.roles
	if v.model == "bert" {
		cls := r.cls
		if cls < 0 {
			cls = r.bos
		}
		if cls < 0 || r.sep < 0 {
			return post.Processor{}, fmt.Errorf("the tokens of %d lack those around texts, cls_token_id or seperator_token_id", len(v.tokens))
		}
		return post.BERT(cls, r.sep), nil
	}
	begin, end, between := v.model == "llama" || pre.bos, v.model == "t5", pre.sep
	take(&begin, v.addBOS)
	take(&end, v.addEOS)
	if between = between || v.model == "t5" && begin && end; true {
		take(&between, v.addSEP)
	}
	sep := r.sep
	if sep < 0 {
		sep = r.eos
	}
	for _, f := range []struct {
		on  bool
		id  int
		key string
	}{{begin, r.bos, "bos"}, {end, r.eos, "eos"}, {between, sep, "seperator"}} {
		if f.on && f.id < 0 {
			return post.Processor{}, fmt.Errorf("texts are to have a token around them that the file does not name: there is no tokenizer.ggml.%s_token_id", f.key)
		}
	}
	one := func(on bool, id int) []post.Item {
		if on {
			return []post.Item{post.Specials(0, id)}
		}
		return nil
	}
	first := append(append(one(begin, r.bos), post.Sequence(0, 0)), one(end, r.eos)...)
	second := append(append(one(between, sep), post.Sequence(1, 0)), one(end, r.eos)...)
	return post.Processor{Single: first, Pair: append(append([]post.Item(nil), first...), second...)}, nil
}

// take sets a flag to what the file says, if it does.
func take(flag, said *bool) {
	if said != nil {
		*flag = *said
	}
}

// fromJSON returns what tokenizer.huggingface.json describes, or nil where it is missing, malformed, or has other tokens
// than the file's own list.
func (v *vocabulary) fromJSON() *plan.Plan {
	if v.json == "" {
		return nil
	}
	p, err := plan.Parse([]byte(v.json), nil)
	if err != nil || p.Vocab.Size() > len(v.tokens) {
		return nil
	}
	p.Settle()
	write := v.spelling()
	for id := range v.tokens {
		switch token := write(id); {
		case token == "" || v.fills(id):
		default:
			if at, ok := p.TokenID(token); !ok || at != id {
				return nil
			}
		}
	}
	return p
}

// spelling returns the spelling of tokens outside of GGUF.
func (v *vocabulary) spelling() func(id int) string {
	switch v.model {
	case "bert":
		return v.wordPiece
	case "llama", "gemma4":
		return v.marked
	}
	return func(id int) string { return v.tokens[id] }
}

package hf

import (
	"fmt"

	"github.com/seed2010d43f/transformer/tokenizer/internal/plan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/post"
)

// templates settles which tokens go around a text.
func (c *config) templates(p *plan.Plan) error {
	around, s := filed, p.Special
	if c.class != nil {
		if around = c.class.around; c.older && c.class.apart != filed {
			around = c.class.apart
		}
	}
	switch around {
	case filed:
		if !p.Post.Configured {
			p.Post = c.flags(p)
		}
		return nil
	case flagged:
		p.Post = c.flags(p)
		return nil
	case bert, bertFixed, doubled, roberta, mpnet, xlnet:
		if s.CLS < 0 || s.SEP < 0 {
			return fmt.Errorf("the vocabulary lacks the tokens that %s puts around a text", c.Class)
		}
	case bounds, clip:
		if s.BOS < 0 || s.EOS < 0 {
			return fmt.Errorf("the vocabulary lacks the tokens that %s puts around a text", c.Class)
		}
	default:
		if s.EOS < 0 {
			return fmt.Errorf("the vocabulary lacks the token that ends a text, %.200q", c.EOS.text())
		}
	}
	switch around {
	case bert:
		p.Post = post.BERT(s.CLS, s.SEP)
	case bertFixed:
		p.Post = post.BERT(0, 2)
	case doubled:
		p.Post = post.RoBERTa(s.CLS, s.SEP)
	case roberta, mpnet:
		p.Post = post.RoBERTa(s.CLS, s.SEP)
		p.Post.Trim = c.TrimOffsets == nil || *c.TrimOffsets || around == mpnet
		p.Post.Prefixed = around == roberta && c.prefixSpace()
	case bounds, clip:
		p.Post = post.RoBERTa(s.BOS, s.EOS)
	case each:
		p.Post = post.Each(s.EOS)
	case once:
		p.Post = post.Once(s.EOS)
	case last:
		p.Post = post.Last(s.EOS)
	case tongue:
		c.setLanguages(p)
	case xlnet:
		p.Post = post.XLNet(s.SEP, s.CLS)
	}
	return nil
}

// flags returns the templates that add_bos_token and add_eos_token ask for.
func (c *config) flags(p *plan.Plan) post.Processor {
	bos, eos := -1, -1
	if c.AddBOS != nil && *c.AddBOS || c.AddBOS == nil && c.class != nil && c.class.addBOS {
		bos = p.Special.BOS
	}
	if c.AddEOS != nil && *c.AddEOS {
		eos = p.Special.EOS
	}
	return post.Boundaries(bos, eos)
}

package task

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
)

// FillMask predicts the words at the mask tokens of a text with a masked language model, as the fill-mask
// pipeline of transformers 5.24 does. It may be used from several goroutines.
type FillMask struct{ Preprocessor }

// Mask is a mask token of a text, with the words that fit there.
type Mask struct {
	Token int    // index of the mask in the sequence
	Fills []Fill // the likeliest first; of equal ones, the lower id first
}

// Fill is a token that replaces a mask.
type Fill struct {
	ID    int
	Word  string  // the decoded token
	Score float32 // probability among all tokens of the vocabulary
	Text  string  // the text with the token filled in; if it has other masks, with all special tokens
}

// OpenFillMask opens a checkpoint for masked language modelling, as [model.OpenEncoder] does.
func OpenFillMask(fsys fs.FS, opt model.Options) (*FillMask, error) {
	e, limit, err := open(fsys, opt, arch.MaskedLM)
	if err != nil {
		return nil, err
	}
	f, err := NewFillMask(e)
	if err != nil {
		return nil, err
	}
	f.MaxTokens = limit
	return f, nil
}

// NewFillMask makes a FillMask from an open encoder. It returns an error if the encoder was made for another
// task or its tokenizer has no mask token.
func NewFillMask(e *model.Encoder) (*FillMask, error) {
	r, err := newPreprocessor(e, "FillMask", arch.MaskedLM)
	if err != nil {
		return nil, err
	}
	if e.Tokenizer.Special().Mask < 0 {
		return nil, errors.New("task: the tokenizer has no mask token")
	}
	return &FillMask{r}, nil
}

// MaskToken returns the mask as it is written in texts, such as "[MASK]".
func (f *FillMask) MaskToken() string {
	s, _ := f.Encoder.Tokenizer.Token(f.Encoder.Tokenizer.Special().Mask)
	return s
}

// Fill returns the n likeliest tokens for each mask of the text. Each mask is filled while the others stay
// masks. A text without a mask is an error, and so is a text that is cut before its last mask.
func (f *FillMask) Fill(text string, n int) ([]Mask, error) {
	all, err := f.FillAll([]string{text}, n)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// FillAll is [FillMask.Fill] for many texts.
func (f *FillMask) FillAll(texts []string, n int) ([][]Mask, error) {
	return f.fill(texts, func(scores []float32) []int { return largest(scores, n) })
}

// FillFrom ranks only the given words. Scores are still probabilities among the whole vocabulary. A word of
// several tokens counts as the first of them; words with the same token are ranked once.
func (f *FillMask) FillFrom(text string, words []string) ([]Mask, error) {
	ids, err := f.wordIDs(words)
	if err != nil {
		return nil, err
	}
	all, err := f.fill([]string{text}, func(scores []float32) []int {
		order := slices.Clone(ids)
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
		return order
	})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

func (f *FillMask) wordIDs(words []string) ([]int, error) {
	var ids []int
	for _, w := range words {
		id, ok := f.Encoder.Tokenizer.TokenID(w)
		if !ok {
			tokens, err := f.Encoder.Tokenizer.AppendEncode(nil, w, plain())
			if err != nil {
				return nil, err
			}
			if len(tokens) == 0 {
				return nil, fmt.Errorf("task: the word %q has no tokens", w)
			}
			id = tokens[0]
		}
		if id >= f.Encoder.Vocab {
			return nil, fmt.Errorf("task: the word %q has id %d; the model's ids end at %d", w, id, f.Encoder.Vocab-1)
		}
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return nil, errors.New("task: no words to fill the mask with")
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

func (f *FillMask) fill(texts []string, choose func(scores []float32) []int) ([][]Mask, error) {
	batch, err := f.Read(texts...)
	if err != nil {
		return nil, err
	}
	mask := f.Encoder.Tokenizer.Special().Mask
	out := make([][]Mask, len(batch))
	for i, s := range batch {
		for k, id := range s.IDs {
			if id == mask {
				out[i] = append(out[i], Mask{Token: k})
			}
		}
		if len(out[i]) == 0 || len(s.IDs) >= f.MaxTokens {
			if err := f.checkMasks(texts[i], len(out[i])); err != nil {
				return nil, fmt.Errorf("task: text %d: %w", i, err)
			}
		}
	}
	err = f.run(batch, func(i int, x tensor.Tensor, a *tensor.Arena) error {
		rows := a.New(len(out[i]), x.Shape.Last())
		for k, m := range out[i] {
			copy(rows.Row(k), x.Row(m.Token))
		}
		y := f.Encoder.Tokens.Forward(a, rows)
		for k := range out[i] {
			vec.Softmax(y.Row(k), y.Row(k))
			fills, err := f.fills(batch[i].IDs, out[i][k].Token, len(out[i]) == 1, y.Row(k), choose(y.Row(k)))
			if err != nil {
				return err
			}
			out[i][k].Fills = fills
		}
		return nil
	})
	return out, err
}

// checkMasks reports whether the text has masks, and all of them are among those that were read.
func (f *FillMask) checkMasks(text string, read int) error {
	ids, err := f.tokenizer().Encode(text)
	if err != nil {
		return err
	}
	total := 0
	for _, id := range ids {
		if id == f.Encoder.Tokenizer.Special().Mask {
			total++
		}
	}
	switch {
	case total == 0:
		return fmt.Errorf("it has no mask: write %s where a word is to be found", f.MaskToken())
	case read < total:
		return fmt.Errorf("%w: mask %d of %d lies beyond the %d tokens that are read", ErrTooLong, read+1, total, f.MaxTokens)
	}
	return nil
}

func (f *FillMask) fills(ids []int, at int, alone bool, scores []float32, chosen []int) ([]Fill, error) {
	t := f.Encoder.Tokenizer
	var out []Fill
	for _, id := range chosen {
		filled := slices.Clone(ids)
		filled[at] = id
		word, err := t.Decode([]int{id}, false)
		if err != nil { // a row of the head beyond the vocabulary has no word
			word, filled = "", slices.Delete(filled, at, at+1)
		}
		filled = slices.DeleteFunc(filled, func(id int) bool { return id == t.Special().PAD })
		text, err := t.Decode(filled, alone)
		if err != nil {
			return nil, err
		}
		out = append(out, Fill{ID: id, Word: word, Score: scores[id], Text: text})
	}
	return out, nil
}

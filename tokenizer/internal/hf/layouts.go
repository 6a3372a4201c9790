package hf

import (
	"fmt"
	"slices"

	"github.com/seed2010d43f/transformer/tokenizer/internal/sentencepiece"
)

// maxExtra bounds the tokens that a number in a configuration may ask for. Published ones ask for about 100.
const maxExtra = 1 << 12

// namedPieces returns pieces of texts, in their order.
func namedPieces(texts ...string) (out []sentencepiece.Piece) {
	for _, s := range texts {
		out = append(out, sentencepiece.Piece{Text: s, Kind: sentencepiece.Normal})
	}
	return out
}

// after returns the pieces without the first n.
func after(pieces []sentencepiece.Piece, n int) []sentencepiece.Piece {
	return pieces[min(n, len(pieces)):]
}

func xlmrLayout(c *config, pieces []sentencepiece.Piece) ([]sentencepiece.Piece, error) {
	return slices.Concat(namedPieces(c.BOS.Content, c.PAD.Content, c.EOS.Content, c.UNK.Content), after(pieces, 3), namedPieces(c.Mask.Content)), nil
}

func camembertLayout(c *config, pieces []sentencepiece.Piece) ([]sentencepiece.Piece, error) {
	first := namedPieces("<s>NOTUSED", c.PAD.Content, "</s>NOTUSED", c.UNK.Content, "<unk>NOTUSED")
	first[4].Score = -100
	return slices.Concat(first, after(pieces, 1), namedPieces(c.Mask.Content)), nil
}

func mbartLayout(c *config, pieces []sentencepiece.Piece) ([]sentencepiece.Piece, error) {
	return c.withLanguages(c.BOS.Content, pieces), nil
}

func mbart50Layout(c *config, pieces []sentencepiece.Piece) ([]sentencepiece.Piece, error) {
	return c.withLanguages(c.CLS.Content, pieces), nil
}

func (c *config) withLanguages(first string, pieces []sentencepiece.Piece) []sentencepiece.Piece {
	return slices.Concat(namedPieces(first, c.PAD.Content, c.EOS.Content, c.UNK.Content), after(pieces, 3),
		namedPieces(publishedCodes(c.Class, "")...), namedPieces(c.Mask.Content))
}

func nllbLayout(c *config, pieces []sentencepiece.Piece) ([]sentencepiece.Piece, error) {
	out := namedPieces(c.BOS.Content, c.PAD.Content, c.EOS.Content, c.UNK.Content)
	for _, p := range pieces {
		if !slices.ContainsFunc(out[:4], func(q sentencepiece.Piece) bool { return q.Text == p.Text }) {
			out = append(out, p)
		}
	}
	return out, nil
}

// t5Layout puts sentinels after the pieces.
func t5Layout(c *config, pieces []sentencepiece.Piece) ([]sentencepiece.Piece, error) {
	n, err := bounded("extra_ids", c.ExtraIDs, 100)
	out := slices.Clone(pieces)
	for i := n - 1; i >= 0; i-- {
		out = append(out, namedPieces(fmt.Sprintf("<extra_id_%d>", i))...)
	}
	return out, err
}

// pegasusLayout puts padding, the end, two masks and unused tokens before the pieces. The mask of a word comes before
// that of a sentence where the configuration names them, as in the reference.
func pegasusLayout(c *config, pieces []sentencepiece.Piece) ([]sentencepiece.Piece, error) {
	n, err := bounded("offset", c.Offset, 103)
	if err != nil {
		return nil, err
	}
	word, sentence := "<mask_1>", "<mask_2>"
	if c.Mask != nil {
		word = c.Mask.Content
	}
	if c.MaskSentence != nil {
		sentence = c.MaskSentence.Content
	}
	out := []sentencepiece.Piece{{Text: c.PAD.Content}, {Text: c.EOS.Content}, {Text: word}}
	if sentence != word {
		out = append(out, sentencepiece.Piece{Text: sentence})
	}
	for i := 2; i < n; i++ {
		out = append(out, sentencepiece.Piece{Text: fmt.Sprintf("<unk_%d>", i), Score: -100})
	}
	return append(out, after(pieces, 2)...), nil
}

// bounded returns the number that a configuration has for key.
func bounded(key string, n *int, unset int) (int, error) {
	if n == nil {
		return unset, nil
	}
	if *n < 0 || *n > maxExtra {
		return 0, fmt.Errorf("tokenizer_config.json: %s is %d; it must be from 0 to %d", key, *n, maxExtra)
	}
	return *n, nil
}

package tokenizer

import (
	"fmt"
	"io/fs"

	"github.com/seed2010d43f/transformer/tokenizer/internal/hf"
	"github.com/seed2010d43f/transformer/tokenizer/internal/plan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/sentencepiece"
)

// Open reads the tokenizer of a model folder. Marian's source.spm and target.spm with vocab.json, and target_vocab.json
// where the two have vocabularies of their own, and M2M-100's sentencepiece.bpe.model with vocab.json are read together. Of
// other vocabularies it takes the first there is of
//
//   - tokenizer.json,
//   - tokenizer.model, spiece.model, sentencepiece.bpe.model, all SentencePiece,
//   - vocab.json with merges.txt, the form of GPT-2, RoBERTa and CLIP,
//   - vocab.txt, BERT's.
//
// Beside it, tokenizer_config.json and its forerunners special_tokens_map.json and added_tokens.json name the special
// tokens and settle what the vocabulary leaves open, as Hugging Face transformers 5.24 has it: with a tokenizer.json,
// add_bos_token and add_eos_token do not count; a LlamaTokenizer splits off one space at the start of the text only,
// unless legacy is set; T5, mBART, NLLB and Pegasus take of tokenizer.json the vocabulary alone, and src_lang, tgt_lang,
// legacy_behaviour, extra_ids and offset count. config.json names the class where tokenizer_config.json does not. Without tokenizer_config.json BERT text is lower-cased if its vocabulary has no upper-case
// letter.
func Open(fsys fs.FS) (*Tokenizer, error) {
	return finish(hf.Open(fsys))
}

// finish makes a tokenizer of a plan.
func finish(p *plan.Plan, err error) (*Tokenizer, error) {
	if err != nil {
		return nil, err
	}
	t, err := newTokenizer(p)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	return t, nil
}

// ParseJSON reads a tokenizer.json, the format of Hugging Face tokenizers. Its truncation and padding are not applied.
// The file does not say which tokens play what part, so Special has none; Open takes that from tokenizer_config.json. An
// error names the part that is wrong or not supported.
func ParseJSON(data []byte) (*Tokenizer, error) {
	p, err := plan.Parse(data, false)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: tokenizer.json: %w", err)
	}
	t, err := newTokenizer(p)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: tokenizer.json: %w", err)
	}
	return t, nil
}

// ParseVocabMerges reads the two files of GPT-2's tokenizer: vocab.json, from tokens to ids, and merges.txt, a pair of
// tokens a line.
func ParseVocabMerges(vocab, merges []byte) (*Tokenizer, error) {
	return finish(hf.FromVocabMerges(vocab, merges))
}

// ParseVocabText reads BERT's vocab.txt: a token a line, its number the id.
func ParseVocabText(vocab []byte, lower bool) (*Tokenizer, error) {
	return finish(hf.FromVocabText(vocab, lower))
}

// ParseSentencePiece reads a SentencePiece model, BPE or Unigram. Encoding follows SentencePiece's own; each stretch
// between special tokens gets the dummy prefix of its own. The file does not say whether tokens for the beginning and
// the end are to be added, so none are; Open takes that from tokenizer_config.json.
func ParseSentencePiece(data []byte) (*Tokenizer, error) {
	p, m, err := sentencepiece.Parse(data, true)
	if err != nil {
		return nil, err
	}
	p.Special.BOS, p.Special.EOS = m.Role(m.BosID, m.BosPiece), m.Role(m.EosID, m.EosPiece)
	p.Special.PAD, p.Special.UNK = m.Role(m.PadID, m.PadPiece), m.Role(m.UnkID, m.UnkPiece)
	t, err := newTokenizer(p)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: SentencePiece model: %w", err)
	}
	return t, nil
}

package tokenizer

import (
	"fmt"
	"io/fs"

	"github.com/seed2010d43f/transformer/tokenizer/internal/hf"
	"github.com/seed2010d43f/transformer/tokenizer/internal/plan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/sentencepiece"
)

// Open reads the tokenizer of a model folder. A Marian model has source.spm and target.spm with vocab.json, and
// target_vocab.json if the two sides have separate vocabularies. M2M-100 has sentencepiece.bpe.model with vocab.json.
// For other models Open takes the first that it finds of
//
//   - tokenizer.json,
//   - tekken.json, Mistral's,
//   - tokenizer.model or tiktoken.model in tiktoken's form: LLaMA 3 and 4, Kimi K2, as config.json says,
//   - tokenizer.model, spiece.model, sentencepiece.bpe.model, spm.model, all SentencePiece,
//   - vocab.json with merges.txt, the form of GPT-2, RoBERTa, DeBERTa v1 and CLIP,
//   - vocab.txt, that of BERT and MPNet.
//
// tokenizer_config.json, and the older special_tokens_map.json and added_tokens.json, name the special tokens and
// other settings. The tokenizer class decides what is made of all this, as in Hugging Face transformers 5.24, and which
// class that is: that of tokenizer_config.json or config.json, or of the model type. A class has stages of its own, which
// take the place of those of tokenizer.json; flags such as do_lower_case, strip_accents, keep_accents, split_by_punct,
// add_prefix_space and split_special_tokens; and special tokens that no file need name. A class that is not known takes
// tokenizer.json as it is, and is an error where there is none. CLASSES.md lists the classes. Further rules:
//
//   - With a tokenizer.json, add_bos_token and add_eos_token are ignored.
//   - A LlamaTokenizer splits off one space at the start of the text only, unless legacy is set.
//   - T5, mBART, NLLB and Pegasus use the keys src_lang, tgt_lang, legacy_behaviour, extra_ids and offset.
//   - A vocab.txt that no other file speaks of is lower-cased if it has no upper-case letter.
func Open(fsys fs.FS) (*Tokenizer, error) { return OpenWith(fsys, OpenOptions{}) }

// OpenOptions say how a folder is read where its files leave it open. The zero value is what [Open] does.
type OpenOptions struct {
	// Transformers4 reads the folder as transformers 4 does where 5.24 differs: tokenizer.json stands as it is, and of
	// vocabularies without it
	//
	//   - DeBERTa v2 and v3, ALBERT, XLNet, XLM-RoBERTa, CamemBERT and T5 have the normalizers of old: DeBERTa's has the
	//     map of the SentencePiece model, and runs of spaces become one,
	//   - ALBERT's and XLNet's pieces of a digit and a comma, such as "9,", are all but never used,
	//   - DeBERTa v1 puts one [SEP] between two texts, where 5.24 puts two.
	Transformers4 bool
	// Family is the model type of config.json, for folders without one: a vocabulary in tiktoken's form needs it.
	Family string
}

// OpenWith is [Open] with options.
func OpenWith(fsys fs.FS, o OpenOptions) (*Tokenizer, error) {
	return finish(hf.Open(fsys, hf.Options(o)))
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

// ParseJSON reads a tokenizer.json, the format of Hugging Face tokenizers. Its truncation and padding are not
// applied. The file does not say which tokens are BOS, EOS and so on, so [Tokenizer.Special] has none; [Open] reads
// them from tokenizer_config.json. An error names the part that is wrong or not supported.
func ParseJSON(data []byte) (*Tokenizer, error) {
	p, err := plan.Parse(data, nil)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: tokenizer.json: %w", err)
	}
	t, err := newTokenizer(p)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: tokenizer.json: %w", err)
	}
	return t, nil
}

// ParseVocabMerges reads the two files of GPT-2's tokenizer: vocab.json maps tokens to ids, merges.txt has one pair
// of tokens on each line.
func ParseVocabMerges(vocab, merges []byte) (*Tokenizer, error) {
	return finish(hf.FromVocabMerges(vocab, merges))
}

// ParseVocabText reads BERT's vocab.txt: one token on each line; the id is the line's number, from 0. If lower is
// true, text is lower-cased.
func ParseVocabText(vocab []byte, lower bool) (*Tokenizer, error) {
	return finish(hf.FromVocabText(vocab, lower))
}

// ParseSentencePiece reads a SentencePiece model, BPE or Unigram. It encodes as SentencePiece does, with a dummy
// prefix for each stretch of text between special tokens. The file does not say whether to add tokens for the
// beginning and the end, so none are added; [Open] reads that from tokenizer_config.json.
func ParseSentencePiece(data []byte) (*Tokenizer, error) {
	p, m, err := sentencepiece.Parse(data)
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

package tokenizer

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"

	"github.com/seed2010d43f/transformer/internal/sidefile"
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
	c, err := readConfig(fsys)
	if err != nil {
		return nil, err
	}
	if t, ok, err := c.openNative(fsys); ok {
		return t, err
	}
	p, err := c.open(fsys)
	if err != nil {
		return nil, err
	}
	c.apply(p)
	if c.Class == "CLIPTokenizer" {
		p.decoder = append(p.decoder,
			func() decodeStep { return new(fuse) },
			func() decodeStep { return &replaceEach{old: []byte("</w>"), new: []byte(" ")} },
			func() decodeStep { return new(trimText) })
	}
	c.cleanUp(p)
	t, err := p.build()
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	c.fill(t)
	if err := c.templates(t, p); err != nil {
		return nil, err
	}
	return t, nil
}

// cleanUp takes spaces before punctuation out of decoded text where the files ask for it.
func (c *config) cleanUp(p *parts) {
	if !c.Cleanup || p.kind == "BPE" && !c.CleanupBPE {
		return
	}
	p.decoder = append(p.decoder, func() decodeStep { return new(fuse) })
	for _, r := range textCleanup() {
		p.decoder = append(p.decoder, func() decodeStep { return &replaceEach{old: []byte(r[0]), new: []byte(r[1])} })
	}
}

func readVocabulary(fsys fs.FS, name string) ([]byte, error) {
	return sidefile.Read(fsys, name, sidefile.MaxVocabulary)
}

// open reads the vocabulary.
func (c *config) open(fsys fs.FS) (*parts, error) {
	data, err := readVocabulary(fsys, "tokenizer.json")
	if err == nil {
		p, err := parseJSON(data, c.exactScores())
		if err != nil {
			return nil, fmt.Errorf("tokenizer: tokenizer.json: %w", err)
		}
		p.post.configured = true
		if c.ownStages() && !c.asIs {
			if err := c.rebuild(p); err != nil {
				return nil, fmt.Errorf("tokenizer: tokenizer.json: %w", err)
			}
			return p, nil
		}
		c.classStages(p)
		return p, nil
	}
	for _, name := range []string{"tokenizer.model", "spiece.model", "sentencepiece.bpe.model"} {
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("tokenizer: %w", err)
		}
		if data, err = readVocabulary(fsys, name); err == nil {
			return c.openSentencePiece(data)
		}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	return c.openTables(fsys)
}

func (c *config) openTables(fsys fs.FS) (*parts, error) {
	vocab, err := readVocabulary(fsys, "vocab.json")
	if err == nil {
		merges, err := readVocabulary(fsys, "merges.txt")
		if err != nil {
			return nil, fmt.Errorf("tokenizer: vocab.json needs merges.txt beside it: %w", err)
		}
		return c.byteLevelParts(vocab, merges)
	}
	if errors.Is(err, fs.ErrNotExist) {
		vocab, err = readVocabulary(fsys, "vocab.txt")
		if errors.Is(err, fs.ErrNotExist) {
			return nil, errors.New("tokenizer: found none of tokenizer.json, tokenizer.model, spiece.model, " +
				"sentencepiece.bpe.model, vocab.json with merges.txt, vocab.txt")
		}
		if err == nil {
			return c.bertParts(vocab)
		}
	}
	return nil, fmt.Errorf("tokenizer: %w", err)
}

// classStages puts the stages of classes that do not take them from tokenizer.json.
func (c *config) classStages(p *parts) {
	if c.Class != "LlamaTokenizer" || p.byteLevel || p.kind != "BPE" {
		return
	}
	p.normalizer = nil
	d := decoderParser{}
	d.add(func() decodeStep { return &replaceToken{old: []byte(spaceMark), new: []byte(" ")} })
	d.add(func() decodeStep { return new(byteFallback) })
	d.add(func() decodeStep { return new(fuse) })
	m := metaspace{mark: spaceMark, prepend: prependNever}
	if orTrue(c.PrefixSpace) {
		d.add(func() decodeStep { return &stripEnds{content: []byte(" "), left: 1} })
		if m.prepend = prependFirst; c.Legacy != nil && *c.Legacy {
			m.prepend = prependAlways
		}
	}
	p.preTokenizer, p.decoder = m, d.chain
}

// openSentencePiece reads a SentencePiece model and names its special tokens where the files did not.
func (c *config) openSentencePiece(data []byte) (*parts, error) {
	if c.ownStages() {
		m, err := parseSP(data)
		var p *parts
		if err == nil {
			p, err = c.seq2seqParts(m)
		}
		if err != nil {
			return nil, fmt.Errorf("tokenizer: SentencePiece model: %w", err)
		}
		return p, nil
	}
	p, m, err := spParts(data, orTrue(c.Legacy))
	if err != nil {
		return nil, err
	}
	if m.role(m.bosID, m.bosPiece) >= 0 {
		setDefault(&c.BOS, m.bosPiece)
	}
	if m.role(m.eosID, m.eosPiece) >= 0 {
		setDefault(&c.EOS, m.eosPiece)
	}
	if m.role(m.unkID, m.unkPiece) >= 0 {
		setDefault(&c.UNK, m.unkPiece)
	}
	c.classStages(p)
	return p, nil
}

// templates settles which tokens go around a text where the vocabulary file does not say.
func (c *config) templates(t *Tokenizer, p *parts) error {
	if done, err := c.seq2seqTemplates(t); done || err != nil {
		return err
	}
	if p.post.configured {
		return nil
	}
	switch s := t.special; c.Class {
	case "BertTokenizer":
		if s.CLS < 0 || s.SEP < 0 {
			return errors.New("tokenizer: the vocabulary has no [CLS] or no [SEP]")
		}
		t.post = bertTemplates(s.CLS, s.SEP)
	case "RobertaTokenizer", "CLIPTokenizer":
		cls, sep := s.CLS, s.SEP
		if c.Class == "CLIPTokenizer" {
			cls, sep = s.BOS, s.EOS
		}
		if cls < 0 || sep < 0 {
			return fmt.Errorf("tokenizer: the vocabulary lacks the tokens that %s puts around a text", c.Class)
		}
		t.post = robertaTemplates(cls, sep)
		t.post.trim = c.Class == "RobertaTokenizer"
		t.post.prefixed = c.PrefixSpace != nil && *c.PrefixSpace
	default:
		bos, eos := -1, -1
		if c.AddBOS != nil && *c.AddBOS {
			bos = s.BOS
		}
		if c.AddEOS != nil && *c.AddEOS {
			eos = s.EOS
		}
		t.post = boundaryTemplates(bos, eos)
	}
	return nil
}

// ParseVocabMerges reads the two files of GPT-2's tokenizer: vocab.json, from tokens to ids, and merges.txt, a pair of
// tokens a line.
func ParseVocabMerges(vocab, merges []byte) (*Tokenizer, error) {
	c := new(config)
	p, err := c.byteLevelParts(vocab, merges)
	if err != nil {
		return nil, err
	}
	return c.finish(p)
}

// ParseVocabText reads BERT's vocab.txt: a token a line, its number the id.
func ParseVocabText(vocab []byte, lower bool) (*Tokenizer, error) {
	c := &config{Lower: &lower}
	p, err := c.bertParts(vocab)
	if err != nil {
		return nil, err
	}
	return c.finish(p)
}

func (c *config) finish(p *parts) (*Tokenizer, error) {
	c.apply(p)
	t, err := p.build()
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	c.fill(t)
	return t, c.templates(t, p)
}

func (c *config) byteLevelParts(vocab, merges []byte) (*parts, error) {
	clip := c.Class == "CLIPTokenizer"
	p := &parts{byteLevel: true, decodesBytes: true, kind: "BPE"}
	list, err := readVocab(vocab)
	if err == nil {
		err = p.newVocabulary(list)
	}
	if err != nil {
		return nil, fmt.Errorf("tokenizer: vocab.json: %w", err)
	}
	m := &bpe{vocab: p.vocab, byteLevel: true}
	if clip {
		m.suffix = "</w>"
	}
	if err := p.readMergeLines(m, merges); err != nil {
		return nil, fmt.Errorf("tokenizer: merges.txt: %w", err)
	}
	m.finish()
	p.model = m
	p.decoder = decoderChain{func() decodeStep { return new(validUTF8) }}
	var pre preTokenizers
	if c.PrefixSpace != nil && *c.PrefixSpace {
		pre = append(pre, prefixSpace{})
	}
	p.preTokenizer = append(pre, scan{next: scanGPT2})
	p.post = plainTemplates()
	c.byteLevelSpecials(p, m)
	return p, nil
}

// byteLevelSpecials names the special tokens of the classes that come as vocab.json and merges.txt.
func (c *config) byteLevelSpecials(p *parts, m *bpe) {
	switch c.Class {
	case "RobertaTokenizer":
		setDefault(&c.BOS, "<s>")
		setDefault(&c.EOS, "</s>")
		setDefault(&c.SEP, "</s>")
		setDefault(&c.CLS, "<s>")
		setDefault(&c.UNK, "<unk>")
		setDefault(&c.PAD, "<pad>")
		setDefault(&c.Mask, "<mask>")
	case "CLIPTokenizer":
		p.normalizer = clipNormalizer()
		p.preTokenizer = preTokenizers{scan{next: scanCLIP, dropSpaces: true}, scan{next: scanGPT2}}
		setDefault(&c.BOS, "<|startoftext|>")
		setDefault(&c.EOS, "<|endoftext|>")
		setDefault(&c.UNK, "<|endoftext|>")
		setDefault(&c.PAD, "<|endoftext|>")
		m.setUnknown(p, c.UNK.Content)
	case "Qwen2Tokenizer":
		p.normalizer = nfc()
		p.preTokenizer = scan{next: scanQwen2}
		setDefault(&c.EOS, "<|endoftext|>")
		setDefault(&c.UNK, "<|endoftext|>")
		setDefault(&c.PAD, "<|endoftext|>")
	default:
		setDefault(&c.BOS, "<|endoftext|>")
		setDefault(&c.EOS, "<|endoftext|>")
		setDefault(&c.UNK, "<|endoftext|>")
	}
}

// readMergeLines reads merges.txt; a first line that starts with #version is passed over.
func (p *parts) readMergeLines(m *bpe, data []byte) error {
	m.merges = newMergeTable(min(bytes.Count(data, []byte("\n")), len(data)/len("a b\n")) + 1)
	rank := uint32(0)
	for line := range bytes.Lines(data) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 || bytes.HasPrefix(line, []byte("#version")) {
			continue
		}
		left, right, ok := bytes.Cut(line, []byte(" "))
		if !ok || bytes.IndexByte(right, ' ') >= 0 {
			return fmt.Errorf("merge %d, %.200q, is not two tokens with a space between", rank, line)
		}
		if err := p.addMerge(m, left, right, rank); err != nil {
			return err
		}
		rank++
	}
	return nil
}

func (c *config) bertParts(vocab []byte) (*parts, error) {
	p := &parts{kind: "WordPiece"}
	list := make([]entry, 0, bytes.Count(vocab, []byte("\n"))+1)
	cased := false
	for line := range bytes.Lines(vocab) {
		line = bytes.TrimRight(line, "\r\n")
		list = append(list, entry{line, uint32(len(list))})
		cased = cased || len(line) > 0 && line[0] != '[' && bytes.ContainsAny(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	}
	err := checkEmpty(list)
	if err == nil {
		err = p.newVocabulary(list)
	}
	if err == nil {
		setDefault(&c.UNK, "[UNK]")
		p.model, err = newWordPiece(p.vocab, c.UNK.Content, "##", 100)
	}
	if err != nil {
		return nil, fmt.Errorf("tokenizer: vocab.txt: %w", err)
	}
	setDefault(&c.SEP, "[SEP]")
	setDefault(&c.PAD, "[PAD]")
	setDefault(&c.CLS, "[CLS]")
	setDefault(&c.Mask, "[MASK]")
	c.Class = "BertTokenizer"
	n := bertNormalizer{clean: true, chinese: orTrue(c.Chinese), lower: !cased}
	if c.Lower != nil {
		n.lower = *c.Lower
	}
	if n.accents = n.lower; c.Accents != nil {
		n.accents = *c.Accents
	}
	p.normalizer, p.preTokenizer = n, bertWords{}
	p.decoder = decoderChain{func() decodeStep { return &mapEach{f: wordPieceText("##", true)} }}
	p.post = plainTemplates()
	return p, nil
}

package tokenizer

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/seed2010d43f/transformer/internal/sidefile"
)

// Marian and M2M-100 folders have SentencePiece models beside a vocabulary, vocab.json, that gives the ids of pieces.

// openNative reads a folder of Marian's or M2M-100's, and reports whether it is one.
func (c *config) openNative(fsys fs.FS) (*Tokenizer, bool, error) {
	has := func(name string) bool { return sidefile.Exists(fsys, name) }
	plain := c.Class == "" && !has("tokenizer.json") && has("vocab.json")
	var t *Tokenizer
	var err error
	switch {
	case c.Class == "MarianTokenizer" && has("source.spm"), plain && has("source.spm") && has("target.spm"):
		c.Class = "MarianTokenizer"
		t, err = c.openMarian(fsys)
	case c.Class == "M2M100Tokenizer" && has("sentencepiece.bpe.model"), plain && has("sentencepiece.bpe.model"):
		c.Class = "M2M100Tokenizer"
		t, err = c.openM2M100(fsys)
	default:
		return nil, false, nil
	}
	if err != nil {
		return nil, true, fmt.Errorf("tokenizer: %w", err)
	}
	return t, true, nil
}

func readPieces(fsys fs.FS, name string) (*spModel, error) {
	data, err := readVocabulary(fsys, name)
	if err != nil {
		return nil, err
	}
	m, err := parseSP(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

func readList(fsys fs.FS, name string) ([]entry, error) {
	data, err := readVocabulary(fsys, name)
	if err != nil {
		return nil, err
	}
	list, err := readVocab(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return list, nil
}

// openM2M100 reads M2M-100's files. The languages follow the vocabulary whether or not they are listed as special.
func (c *config) openM2M100(fsys fs.FS) (*Tokenizer, error) {
	setDefault(&c.BOS, "<s>")
	setDefault(&c.SEP, "</s>")
	c.nativeSpecials()
	m, err := readPieces(fsys, "sentencepiece.bpe.model")
	if err != nil {
		return nil, err
	}
	list, err := readList(fsys, "vocab.json")
	if err != nil {
		return nil, err
	}
	n := len(list)
	codes := publishedCodes(c.Class, c.LanguageCodes)
	own := map[string]bool{}
	for _, e := range list {
		own[string(e.token)] = true
	}
	for i, code := range codes {
		if token := "__" + code + "__"; !own[token] {
			list = append(list, entry{[]byte(token), uint32(n + i)})
		}
	}
	t, err := c.finishNative(m, list, m, "")
	if err != nil {
		return nil, err
	}
	l := newLanguages(languageFirst, t.special.EOS)
	for i, code := range codes {
		l.add(code, n+i)
	}
	l.source, l.target = "en", c.Target
	if c.Source != "" {
		l.source = c.Source
	}
	t.languages = l
	if _, err := t.Language(l.source); err != nil {
		return nil, fmt.Errorf("tokenizer_config.json: src_lang: %w", err)
	}
	t.setTemplates()
	return t, nil
}

// openMarian reads Marian's files: two models, with a vocabulary for both or one for each.
func (c *config) openMarian(fsys fs.FS) (*Tokenizer, error) {
	c.nativeSpecials()
	source, err := readPieces(fsys, "source.spm")
	if err != nil {
		return nil, err
	}
	target, err := readPieces(fsys, "target.spm")
	if err != nil {
		return nil, err
	}
	list, err := readList(fsys, "vocab.json")
	if err != nil {
		return nil, err
	}
	targetList, reads := list, source
	if c.SeparateVocab {
		if targetList, err = readList(fsys, "target_vocab.json"); err != nil {
			return nil, err
		}
		reads = target
	}
	t, err := c.finishNative(source, list, reads, " ")
	if err != nil {
		return nil, err
	}
	if t.target, err = c.finishNative(target, targetList, reads, " "); err != nil {
		return nil, err
	}
	if c.SeparateVocab {
		c.shareSpecials(t)
		t.reads = t.target
	}
	l := newLanguages(languagePrompt, t.special.EOS)
	if !c.SeparateVocab {
		for _, e := range list {
			if code, ok := strings.CutPrefix(string(e.token), ">>"); ok && strings.HasSuffix(code, "<<") {
				l.add(strings.TrimSuffix(code, "<<"), int(e.id))
			}
		}
	}
	slices.SortFunc(l.codes, func(a, b string) int { return l.ids[a] - l.ids[b] })
	for _, half := range []*Tokenizer{t, t.target} {
		half.languages, half.prefixed = l, true
		half.setTemplates()
	}
	return t, nil
}

// shareSpecials gives the target's tokenizer the ids that the source's vocabulary has for special tokens.
func (c *config) shareSpecials(t *Tokenizer) {
	u := *t.target
	u.added, u.addedIDs, u.addedBytes, u.special = t.added, t.addedIDs, t.addedBytes, t.special
	t.target = &u
}

func (c *config) nativeSpecials() {
	setDefault(&c.EOS, "</s>")
	setDefault(&c.UNK, "<unk>")
	setDefault(&c.PAD, "<pad>")
	if len(c.Extra) == 0 {
		c.Extra = c.Additional
	}
	c.Additional = nil
}

// finishNative makes the tokenizer of one model and vocabulary, which decodes by the rules of the model reads and puts gap
// after special tokens.
func (c *config) finishNative(m *spModel, list []entry, reads *spModel, gap string) (*Tokenizer, error) {
	p, err := c.nativeParts(m, list)
	if err != nil {
		return nil, err
	}
	c.apply(p)
	special := map[string]bool{}
	for _, a := range p.added {
		if a.Special {
			special[a.Content] = true
		}
	}
	kinds := reads.kinds()
	p.decoder = decoderChain{func() decodeStep { return &pieceText{kinds: kinds, special: special, gap: gap, start: true} }}
	if gap != "" {
		p.decoder = append(p.decoder, func() decodeStep { return &replaceEach{old: []byte(spaceMark), new: []byte(" ")} })
	}
	p.decoder = append(p.decoder, func() decodeStep { return new(trimText) })
	c.cleanUp(p)
	t, err := p.build()
	if err != nil {
		return nil, err
	}
	c.fill(t)
	if t.special.EOS < 0 {
		return nil, errors.New("the vocabulary lacks the token that ends a text")
	}
	return t, nil
}

// pieceKinds is what decoding needs to know of a SentencePiece model.
type pieceKinds struct {
	kinds   map[string]uint64 // of pieces
	unknown string            // what stands for the unknown piece
	strip   bool              // the mark at the start of a text goes
}

func (m *spModel) kinds() *pieceKinds {
	k := &pieceKinds{kinds: make(map[string]uint64, len(m.pieces)), unknown: " \u2047 ", strip: m.dummyPrefix || m.removeExtraSpaces}
	if m.unkSurface != "" {
		k.unknown = m.unkSurface
	}
	for _, p := range m.pieces {
		k.kinds[p.text] = p.kind
	}
	return k
}

// pieceText turns pieces into text the way of SentencePiece: each stretch between special tokens by itself.
type pieceText struct {
	kinds   *pieceKinds
	special map[string]bool
	gap     string // after each special token
	start   bool   // a mark that comes now stands for no space
	begun   bool
	held    []byte // of a run of byte pieces, up to where a character ends
}

func (d *pieceText) push(part []byte, _ bool, out *decodeSink) {
	kind, ok := d.kinds.kinds[string(part)]
	if c, isByte := parseByteToken(part); isByte && kind == spByte {
		d.held = append(d.held, c)
		n := len(d.held) - incomplete(d.held)
		d.putBytes(n, out)
		return
	}
	d.flush(out)
	if d.special[string(part)] {
		d.put(part, out)
		d.put([]byte(d.gap), out)
		d.start = true
		return
	}
	switch {
	case !ok: // as it is
	case kind == spControl:
		return
	case kind == spUnknown:
		part = []byte(d.kinds.unknown)
	default:
		if d.start && d.kinds.strip {
			part = bytes.TrimPrefix(part, []byte(spaceMark))
		}
		part = bytes.ReplaceAll(part, []byte(spaceMark), []byte(" "))
	}
	if len(part) > 0 {
		d.start = false
	}
	d.put(part, out)
}

func (d *pieceText) put(part []byte, out *decodeSink) {
	if len(part) > 0 {
		out.put(part, !d.begun)
		d.begun = true
	}
}

// putBytes writes the first n of the bytes held, those that are no character as U+FFFD each.
func (d *pieceText) putBytes(n int, out *decodeSink) {
	for b := d.held[:n]; len(b) > 0; {
		r, size := utf8.DecodeRune(b)
		d.put(utf8.AppendRune(nil, r), out)
		b = b[size:]
		d.start = false
	}
	d.held = append(d.held[:0], d.held[n:]...)
}

func (d *pieceText) flush(out *decodeSink) { d.putBytes(len(d.held), out) }

// languagePrefix returns the length of the code >>fra<< that s starts with, or 0.
func languagePrefix(s string) int {
	if !strings.HasPrefix(s, ">>") {
		return 0
	}
	if i := strings.Index(s, "<<"); i >= 0 {
		return i + 2
	}
	return 0
}

// emitPrefix emits the token of a language's code.
func (t *Tokenizer) emitPrefix(w *work, code string, base int, track bool) {
	id, ok := t.TokenID(code)
	if !ok {
		id = t.special.UNK
	}
	w.emitApart(id, span{int32(base), int32(base + len(code))}, track)
}

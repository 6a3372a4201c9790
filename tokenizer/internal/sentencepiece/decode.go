package sentencepiece

import (
	"bytes"
	"unicode/utf8"

	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
	"github.com/seed2010d43f/transformer/tokenizer/internal/decode"
)

// pieceKinds is what decoding needs to know of a SentencePiece model.
type pieceKinds struct {
	kinds   map[string]uint8 // of pieces
	unknown string           // what stands for the unknown piece
	strip   bool             // the mark at the start of a text goes
	once    bool             // further ones do not
}

func (m *Model) Kinds() *pieceKinds {
	k := &pieceKinds{kinds: make(map[string]uint8, len(m.Pieces)), unknown: " \u2047 ", strip: m.DummyPrefix || m.RemoveExtraSpaces, once: !m.RemoveExtraSpaces}
	if m.unkSurface != "" {
		k.unknown = m.unkSurface
	}
	for _, p := range m.Pieces {
		k.kinds[p.Text] = p.Kind
	}
	return k
}

// PieceText turns pieces into text the way of SentencePiece: each stretch between special tokens by itself.
type PieceText struct {
	Kinds   *pieceKinds
	Special map[string]bool
	Gap     string // after each special token
	Late    bool   // but only before other tokens
	Start   bool   // a mark that comes now stands for no space
	begun   bool
	owed    bool   // a gap is to come
	held    []byte // of a run of byte pieces, up to where a character ends
}

func (d *PieceText) Push(part []byte, _ bool, out *decode.Sink) {
	kind, ok := d.Kinds.kinds[string(part)]
	if d.owed && !d.Special[string(part)] {
		d.owed = false
		d.put([]byte(d.Gap), out)
	}
	if c, isByte := decode.ParseByteToken(part); isByte && kind == Byte {
		d.held = append(d.held, c)
		n := len(d.held) - chars.Incomplete(d.held)
		d.putBytes(n, out)
		return
	}
	d.Flush(out)
	if d.Special[string(part)] {
		d.owed = false
		d.put(part, out)
		if d.owed = d.Late; !d.Late {
			d.put([]byte(d.Gap), out)
		}
		d.Start = true
		return
	}
	switch {
	case !ok: // as it is
	case kind == Control:
		return
	case kind == Unknown:
		part = []byte(d.Kinds.unknown)
	default:
		if rest, ok := bytes.CutPrefix(part, []byte(chars.SpaceMark)); ok && d.Start && d.Kinds.strip {
			part, d.Start = rest, !d.Kinds.once
		}
		part = bytes.ReplaceAll(part, []byte(chars.SpaceMark), []byte(" "))
	}
	if len(part) > 0 {
		d.Start = false
	}
	d.put(part, out)
}

func (d *PieceText) put(part []byte, out *decode.Sink) {
	if len(part) > 0 {
		out.Put(part, !d.begun)
		d.begun = true
	}
}

// putBytes writes the first n of the bytes held, those that are no character as U+FFFD each.
func (d *PieceText) putBytes(n int, out *decode.Sink) {
	for b := d.held[:n]; len(b) > 0; {
		r, size := utf8.DecodeRune(b)
		d.put(utf8.AppendRune(nil, r), out)
		b = b[size:]
		d.Start = false
	}
	d.held = append(d.held[:0], d.held[n:]...)
}

func (d *PieceText) Flush(out *decode.Sink) { d.putBytes(len(d.held), out) }

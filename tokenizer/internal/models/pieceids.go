package models

// PieceIDs is a model over pieces whose ids are another vocabulary's.
type PieceIDs struct {
	Model
	Pieces *Vocab
	Ids    []uint32 // id of each piece, + 1; 0 where its text decides
	Vocab  *Vocab
	Unk    uint32
	Bytes  []uint32 // ids of each byte's own token; nil: unknown text is one token
}

func (m *PieceIDs) whole(*Work, []byte, uint64) (uint32, bool) { return 0, false }

func (m *PieceIDs) Direct(piece []byte) (uint32, bool) {
	id, ok := m.Model.Direct(piece)
	if !ok {
		return 0, false
	}
	return m.id(id, piece), true
}

func (m *PieceIDs) tokenize(w *Work, word []byte) {
	m.Model.tokenize(w, word)
	if m.Bytes != nil {
		m.spell(w, word)
		return
	}
	start := int32(0)
	for i := range w.tokens {
		t := &w.tokens[i]
		t.id = m.id(t.id, word[start:t.end])
		start = t.end
	}
}

// spell is the rest of tokenize where unknown text becomes bytes.
func (m *PieceIDs) spell(w *Work, word []byte) {
	w.spelled = append(w.spelled[:0], w.tokens...)
	w.tokens = w.tokens[:0]
	start := int32(0)
	for _, t := range w.spelled {
		if m.Ids[t.id] > 0 {
			w.tokens = append(w.tokens, token{m.Ids[t.id] - 1, t.end})
		} else {
			for i := start; i < t.end; i++ {
				w.tokens = append(w.tokens, token{m.Bytes[word[i]], i + 1})
			}
		}
		start = t.end
	}
}

// id returns the id of a piece; an unknown stretch may still be a token, as of the other of two languages.
func (m *PieceIDs) id(piece uint32, part []byte) uint32 {
	if id := m.Ids[piece]; id > 0 {
		return id - 1
	}
	if id, ok := m.Vocab.Find(part); ok {
		return id
	}
	return m.Unk
}

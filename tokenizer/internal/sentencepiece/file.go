// Package sentencepiece reads SentencePiece's model files and encodes as that library does.
package sentencepiece

import (
	"fmt"

	"github.com/seed2010d43f/transformer/tokenizer/internal/added"
	"github.com/seed2010d43f/transformer/tokenizer/internal/jsonscan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/models"
	"github.com/seed2010d43f/transformer/tokenizer/internal/plan"
)

// Model is a SentencePiece model file: what of sentencepiece_model.proto bears on encoding.
type Model struct {
	Pieces    []Piece
	empty     int // pieces without text
	ModelType uint64

	ByteFallback, SpaceSuffix                    bool
	UnkID, BosID, EosID, PadID                   int
	UnkPiece, BosPiece, EosPiece, PadPiece       string
	unkSurface                                   string
	CharsMap                                     []byte
	DummyPrefix, RemoveExtraSpaces, EscapeSpaces bool

	// Ranked sets the merges of byte pairs where they do not follow from the scores; nil: they do.
	Ranked func(p *plan.Plan, b *models.BPE) error
}

type Piece struct {
	Text  string
	Score float32
	Kind  uint8
}

// Kinds of piece and types of model.
const (
	Normal, Unknown, Control, UserDefined, Unused, Byte = 1, 2, 3, 4, 5, 6

	TypeUnigram, TypeBPE = 1, 2
)

func Read(data []byte) (*Model, error) {
	m := &Model{ModelType: TypeUnigram, BosID: 1, EosID: 2, PadID: -1, UnkPiece: "<unk>", BosPiece: "<s>", EosPiece: "</s>",
		PadPiece: "<pad>", DummyPrefix: true, RemoveExtraSpaces: true, EscapeSpaces: true}
	err := protoFields(data, func(field int, _ uint64, data []byte) error {
		switch field {
		case 1:
			return m.piece(data)
		case 2:
			return protoFields(data, m.trainer)
		case 3:
			return protoFields(data, m.normalizer)
		}
		return nil
	})
	if err == nil && len(m.Pieces) == 0 {
		err = fmt.Errorf("there are no pieces")
	}
	for id, p := range m.Pieces {
		if err == nil && p.Kind == UserDefined {
			err = added.CheckLen(id, len(p.Text))
		}
	}
	return m, err
}

func (m *Model) piece(data []byte) error {
	p := Piece{Kind: Normal}
	err := protoFields(data, func(field int, value uint64, data []byte) error {
		switch field {
		case 1:
			p.Text = string(data)
		case 2:
			p.Score = float32(protoFloat(value))
		case 3:
			p.Kind = uint8(min(value, 255)) // of which the kinds that are known are the first
		}
		return nil
	})
	m.Pieces = append(m.Pieces, p)
	if p.Text == "" {
		m.empty++
	}
	switch {
	case err != nil:
		return err
	case m.empty > models.MaxEmpty:
		return fmt.Errorf("more than %d pieces are empty", models.MaxEmpty)
	case len(m.Pieces) > jsonscan.MaxID:
		return fmt.Errorf("more than %d pieces", jsonscan.MaxID)
	}
	return nil
}

func (m *Model) trainer(field int, value uint64, data []byte) error {
	switch field {
	case 3:
		m.ModelType = value
	case 24:
		m.SpaceSuffix = value != 0
	case 35:
		m.ByteFallback = value != 0
	case 40:
		m.UnkID = int(int32(value))
	case 41:
		m.BosID = int(int32(value))
	case 42:
		m.EosID = int(int32(value))
	case 43:
		m.PadID = int(int32(value))
	case 44:
		m.unkSurface = string(data)
	case 45:
		m.UnkPiece = string(data)
	case 46:
		m.BosPiece = string(data)
	case 47:
		m.EosPiece = string(data)
	case 48:
		m.PadPiece = string(data)
	}
	return nil
}

func (m *Model) normalizer(field int, value uint64, data []byte) error {
	switch field {
	case 2:
		m.CharsMap = data
	case 3:
		m.DummyPrefix = value != 0
	case 4:
		m.RemoveExtraSpaces = value != 0
	case 5:
		m.EscapeSpaces = value != 0
	}
	return nil
}

// Role returns an id that plays a part, or −1 where it is none: a file without a trainer's settings has their defaults.
func (m *Model) Role(id int, text string) int {
	if id < 0 || id >= len(m.Pieces) {
		return -1
	}
	if p := m.Pieces[id]; p.Kind != Control && p.Kind != Unknown && p.Text != text {
		return -1
	}
	return id
}

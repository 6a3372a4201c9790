package sentencepiece

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// protoFields calls f with each field of a protocol-buffer message. Of value and data the one that the field's wire
// type carries is set.
func protoFields(msg []byte, f func(field int, value uint64, data []byte) error) error {
	for len(msg) > 0 {
		tag, n := binary.Uvarint(msg)
		if n <= 0 {
			return errProto
		}
		msg = msg[n:]
		var value uint64
		var data []byte
		switch tag & 7 {
		case 0:
			value, n = binary.Uvarint(msg)
			if n <= 0 {
				return errProto
			}
			msg = msg[n:]
		case 1:
			if len(msg) < 8 {
				return errProto
			}
			value, msg = binary.LittleEndian.Uint64(msg), msg[8:]
		case 2:
			size, n := binary.Uvarint(msg)
			if n <= 0 || size > uint64(len(msg)-n) {
				return errProto
			}
			data, msg = msg[n:n+int(size)], msg[n+int(size):]
		case 5:
			if len(msg) < 4 {
				return errProto
			}
			value, msg = uint64(binary.LittleEndian.Uint32(msg)), msg[4:]
		default:
			return fmt.Errorf("wire type %d is not a SentencePiece model's", tag&7)
		}
		if tag>>3 == 0 || tag>>3 > 1<<29 {
			return fmt.Errorf("field number %d is out of range", tag>>3)
		}
		if err := f(int(tag>>3), value, data); err != nil {
			return err
		}
	}
	return nil
}

var errProto = fmt.Errorf("the message breaks off: %w", io.ErrUnexpectedEOF)

func protoFloat(value uint64) float64 { return float64(math.Float32frombits(uint32(value))) }

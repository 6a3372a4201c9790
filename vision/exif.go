package vision

import (
	"encoding/binary"
	"regexp"
)

// An ifd is a directory of tags of TIFF, which is also how EXIF is written.
type ifd struct {
	b     []byte
	order binary.ByteOrder
	at    int // of the first entry
	n     int // entries
}

// openIFD returns the first directory of a TIFF structure, or false if there is none. Entries beyond the end are left
// out.
func openIFD(b []byte) (d ifd, ok bool) {
	switch {
	case at(b, 0, "II*\x00"):
		d.order = binary.LittleEndian
	case at(b, 0, "MM\x00*"):
		d.order = binary.BigEndian
	default:
		return d, false
	}
	if len(b) < 8 {
		return d, false
	}
	start := int64(d.order.Uint32(b[4:]))
	if start+2 > int64(len(b)) {
		return d, false
	}
	d.b, d.at = b, int(start)+2
	d.n = min(int(d.order.Uint16(b[start:])), (len(b)-d.at)/12)
	return d, true
}

// Types of tags.
const (
	tagByte  = 1
	tagShort = 3
	tagLong  = 4
)

// values returns the unsigned integers of a tag, at most 16, or nil if it is absent or holds something else.
func (d ifd) values(tag uint16) []int {
	for i := range d.n {
		e := d.b[d.at+12*i:][:12]
		if d.order.Uint16(e) != tag {
			continue
		}
		size := map[uint16]int{tagByte: 1, tagShort: 2, tagLong: 4}[d.order.Uint16(e[2:])]
		count := int(min(d.order.Uint32(e[4:]), 16))
		if size == 0 {
			return nil
		}
		data := e[8:]
		if size*int(min(d.order.Uint32(e[4:]), 1<<20)) > 4 {
			from := int64(d.order.Uint32(e[8:]))
			if from+int64(size*count) > int64(len(d.b)) {
				return nil
			}
			data = d.b[from:]
		}
		out := make([]int, count)
		for j := range out {
			switch p := data[j*size:]; size {
			case 1:
				out[j] = int(p[0])
			case 2:
				out[j] = int(d.order.Uint16(p))
			default:
				out[j] = int(d.order.Uint32(p))
			}
		}
		return out
	}
	return nil
}

// first returns the first value of a tag, or what it is where it is absent.
func (d ifd) first(tag uint16, absent int) int {
	if v := d.values(tag); len(v) > 0 {
		return v[0]
	}
	return absent
}

// Tags.
const (
	tagWidth        = 256
	tagHeight       = 257
	tagBits         = 258
	tagCompression  = 259
	tagPhotometric  = 262
	tagFillOrder    = 266
	tagOrientation  = 274
	tagSamples      = 277
	tagPlanar       = 284
	tagExtraSamples = 338
	tagSampleFormat = 339
)

// exifOrientation returns the orientation that EXIF data gives, or 0 if it gives none that is known.
func exifOrientation(b []byte) uint8 {
	if at(b, 0, "Exif\x00\x00") {
		b = b[6:]
	}
	d, ok := openIFD(b)
	if !ok {
		return 0
	}
	if o := d.first(tagOrientation, 0); o >= 1 && o <= 8 {
		return uint8(o)
	}
	return 0
}

// xmpOrientation returns the orientation in an XMP packet, where Pillow looks if EXIF data gives none.
func xmpOrientation(xmp []byte) uint8 {
	if m := regexp.MustCompile(`tiff:Orientation(?:="|>)([1-8])`).FindSubmatch(xmp); m != nil {
		return m[1][0] - '0'
	}
	return 0
}

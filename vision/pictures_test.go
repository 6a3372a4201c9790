package vision

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"strconv"
	"strings"
)

// The pictures of testdata/pictures.py, from the same seeds.

var pictureSizes = [][2]int{{1, 1}, {1, 7}, {7, 1}, {2, 2}, {3, 3}, {3000, 17}, {17, 300}, {33, 50}, {64, 64}, {65, 63}, {160, 107}, {107, 160}, {5, 90}, {24, 24}, {90, 41},
	{31, 24}, {200, 30}, {48, 47}, {13, 400}, {77, 78}}

var pictureKinds = []string{"png rgb 8", "png rgba 8", "png grey 8", "png grey 1", "png grey 2", "png grey 4", "png grey 16", "png la 8", "png la 16", "png rgb 16", "png rgba 16",
	"png palette 8", "png palette 4", "png palette 8 alpha", "png palette 2 hole", "png rgb 8 key", "png grey 8 key", "png grey 16 key", "png rgb 8 turned",
	"bmp 24", "bmp 8", "bmp 32", "bmp 1", "tiff rgb", "tiff grey", "tiff rgba multiplied", "tiff rgba", "tiff grey 16", "tiff palette", "gif", "gif hole"}

func hash32(n int) int {
	h := uint32(n) * 0x9E3779B1
	h ^= h >> 15
	h *= 0x85EBCA77
	return int(h ^ h>>13)
}

func pick(seed, k, n int) int { return hash32(seed*1000+k) % n }

// sampled is a picture that is drawn: values of 8 bits, [h][w][channels].
type sampled struct {
	seed, w, h, channels int
	v                    []int
}

func drawn(seed, w, h, channels int) *sampled {
	s := &sampled{seed, w, h, channels, make([]int, 0, w*h*channels)}
	for y := range h {
		for x := range w {
			for c := range channels {
				v := (x*(1+pick(seed, 1, 7)) + y*(1+pick(seed, 2, 5)) + c*37) & 255
				if (x/(3+pick(seed, 3, 9))+y/(2+pick(seed, 4, 7)))%3 == 0 {
					v = hash32(seed*7919+(y*w+x)*4+c) & 255
				}
				s.v = append(s.v, v)
			}
		}
	}
	return s
}

// rows returns rows of packed values of some bits; of 16, in an order of bytes.
func (s *sampled) rows(bits int, order binary.AppendByteOrder) [][]byte {
	rows := make([][]byte, s.h)
	for y := range rows {
		line := s.v[y*s.w*s.channels:][:s.w*s.channels]
		row := make([]byte, (len(line)*bits+7)/8)
		for i, v := range line {
			switch {
			case bits == 16:
				if s.channels == 1 {
					v *= 3
				} else {
					v = v*256 + v*7&255
				}
				copy(row[2*i:], order.AppendUint16(nil, uint16(v)))
			case bits == 8:
				row[i] = byte(v)
			default:
				row[i*bits/8] |= byte(v>>(8-bits)) << (8 - bits - i*bits%8)
			}
		}
		rows[y] = row
	}
	return rows
}

func drawnPalette(seed, n int) []byte {
	p := make([]byte, 3*n)
	for i := range p {
		p[i] = byte(hash32(seed*31 + i))
	}
	return p
}

func pngChunk(name string, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(append(b, name...), data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

func pngFile(color, depth, w, h int, rows [][]byte, extra []byte) []byte {
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(w)), uint32(h))
	var data bytes.Buffer
	z := zlib.NewWriter(&data)
	for _, r := range rows {
		z.Write(append([]byte{0}, r...))
	}
	z.Close()
	out := append([]byte("\x89PNG\r\n\x1a\n"), pngChunk("IHDR", append(head, byte(depth), byte(color), 0, 0, 0))...)
	out = append(append(out, extra...), pngChunk("IDAT", data.Bytes())...)
	return append(out, pngChunk("IEND", nil)...)
}

func exifData(orientation int) []byte {
	return []byte{'I', 'I', '*', 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, byte(orientation), 0, 0, 0, 0, 0, 0, 0}
}

func drawPNG(seed, w, h int, words []string) []byte {
	color := map[string]int{"grey": 0, "rgb": 2, "palette": 3, "la": 4, "rgba": 6}[words[1]]
	channels := map[int]int{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]
	depth, _ := strconv.Atoi(words[2])
	s := drawn(seed, w, h, channels)
	var extra []byte
	if color == 3 {
		extra = pngChunk("PLTE", drawnPalette(seed, 1<<depth))
	}
	switch words[len(words)-1] {
	case "alpha":
		alpha := make([]byte, 1<<depth/2)
		for i := range alpha {
			alpha[i] = byte(hash32(seed + i))
		}
		extra = append(extra, pngChunk("tRNS", alpha)...)
	case "hole":
		extra = append(extra, pngChunk("tRNS", []byte{255, 255, 0})...)
	case "key":
		var key []byte
		for _, v := range s.v[:channels] {
			if depth == 16 {
				v *= 3
			}
			key = binary.BigEndian.AppendUint16(key, uint16(v))
		}
		extra = append(extra, pngChunk("tRNS", key)...)
	case "turned":
		extra = append(extra, pngChunk("eXIf", exifData(1+seed%8))...)
	}
	return pngFile(color, depth, w, h, s.rows(depth, binary.BigEndian), extra)
}

func drawBMP(seed, w, h, bits int) []byte {
	s := drawn(seed, w, h, max(1, bits/8))
	var table []byte
	if bits <= 8 {
		p := drawnPalette(seed, 1<<bits)
		for i := range 1 << bits {
			table = append(table, p[3*i], p[3*i+1], p[3*i+2], 0)
		}
	}
	depth := bits
	if bits > 8 {
		depth = 8
	}
	var data []byte
	rows := s.rows(depth, nil)
	for y := range rows {
		r := rows[h-1-y]
		data = append(append(data, r...), make([]byte, -len(r)&3)...)
	}
	le := binary.LittleEndian
	start := 54 + len(table)
	out := []byte("BM")
	for _, v := range []int{start + len(data), 0, start, 40, w, h, 1 | bits<<16, 0, len(data), 0, 0, 0, 0} {
		out = le.AppendUint32(out, uint32(v))
	}
	return append(append(out, table...), data...)
}

func drawTIFF(seed, w, h int, words []string) []byte {
	channels := map[string]int{"rgb": 3, "grey": 1, "rgba": 4, "palette": 1}[words[1]]
	bits, photo := 8, map[string]int{"rgb": 2, "rgba": 2, "grey": 1, "palette": 3}[words[1]]
	if words[len(words)-1] == "16" {
		bits = 16
	}
	le := binary.LittleEndian
	data := bytes.Join(drawn(seed, w, h, channels).rows(bits, le), nil)
	each := make([]int, channels)
	for i := range each {
		each[i] = bits
	}
	type tag struct {
		id, kind int
		values   []int
	}
	tags := []tag{{256, 4, []int{w}}, {257, 4, []int{h}}, {258, 3, each}, {259, 3, []int{1}}, {262, 3, []int{photo}}, {273, 4, []int{8}},
		{274, 3, []int{1 + seed%8}}, {277, 3, []int{channels}}, {278, 4, []int{h}}, {279, 4, []int{len(data)}}}
	if words[1] == "palette" {
		p, table := drawnPalette(seed, 256), []int(nil)
		for c := range 3 {
			for i := range 256 {
				table = append(table, int(p[3*i+c])*256)
			}
		}
		tags = append(tags, tag{320, 3, table})
	}
	if channels == 4 {
		extra := 2
		if words[len(words)-1] == "multiplied" {
			extra = 1
		}
		tags = append(tags, tag{338, 3, []int{extra}})
	}
	data = append(data, make([]byte, len(data)%2)...)
	start := 8 + len(data)
	after := start + 2 + 12*len(tags) + 4
	var tail []byte
	out := le.AppendUint16(append(le.AppendUint32([]byte("II*\x00"), uint32(start)), data...), uint16(len(tags)))
	for _, t := range tags {
		var raw []byte
		for _, v := range t.values {
			if t.kind == 3 {
				raw = le.AppendUint16(raw, uint16(v))
			} else {
				raw = le.AppendUint32(raw, uint32(v))
			}
		}
		if len(raw) > 4 {
			at := after + len(tail)
			tail = append(tail, raw...)
			raw = le.AppendUint32(nil, uint32(at))
		}
		out = le.AppendUint16(le.AppendUint16(out, uint16(t.id)), uint16(t.kind))
		out = append(le.AppendUint32(out, uint32(len(t.values))), append(raw, make([]byte, 4-len(raw))...)...)
	}
	return append(append(out, 0, 0, 0, 0), tail...)
}

func drawGIF(seed, w, h int, hole bool) []byte {
	x, y := 0, 0
	if hole {
		x, y = w/4, h/3
	}
	fw, fh := w-x, h-y
	le := binary.LittleEndian
	out := le.AppendUint16(le.AppendUint16([]byte("GIF89a"), uint16(w)), uint16(h))
	out = append(append(out, 0x86, 0, 0), drawnPalette(seed, 128)...)
	if hole {
		out = append(out, '!', 0xf9, 4, 1, 0, 0, byte(5+seed%50), 0)
	}
	out = append(out, ',')
	for _, v := range []int{x, y, fw, fh} {
		out = le.AppendUint16(out, uint16(v))
	}
	out = append(out, 0, 7)
	var codes []byte
	for i, v := range drawn(seed, fw, fh, 1).v {
		if i%100 == 0 {
			codes = append(codes, 0x80)
		}
		codes = append(codes, byte(v>>1))
	}
	codes = append(codes, 0x81)
	for len(codes) > 0 {
		n := min(255, len(codes))
		out = append(append(out, byte(n)), codes[:n]...)
		codes = codes[n:]
	}
	return append(out, 0, ';')
}

// picture returns file number i.
func picture(i int) (kind string, file []byte) {
	size := pictureSizes[i*7%len(pictureSizes)]
	w, h := size[0], size[1]
	kind = pictureKinds[i%len(pictureKinds)]
	words := strings.Fields(kind)
	switch words[0] {
	case "png":
		file = drawPNG(i, w, h, words)
	case "bmp":
		bits, _ := strconv.Atoi(words[1])
		file = drawBMP(i, w, h, bits)
	case "tiff":
		file = drawTIFF(i, w, h, words)
	default:
		file = drawGIF(i, w, h, words[len(words)-1] == "hole")
	}
	return kind, file
}

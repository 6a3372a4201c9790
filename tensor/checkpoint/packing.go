package checkpoint

import "encoding/binary"

var le = binary.LittleEndian

// indices say where in a stored grid the element of an output and a group lies.
type indices struct {
	outBlock   int // outputs that share a row of the grid
	out, group int // strides
}

func (x indices) at(out, group int) int { return out/x.outBlock*x.out + group*x.group }

// packing says where the bits of an element lie. Elements have an output, and an input or group.
type packing struct {
	name        string
	bits        int  // 4 or 8
	bytes       bool // signed bytes; otherwise fields of little-endian words of 32 bits
	alongOut    bool // the fields of a word are neighbours along the outputs
	out, in     int  // strides in words or bytes, of the outputs and inputs, or of fields of them
	interleaved bool // AWQ's order of the fields
}

// fields is how many elements a word has.
func (p *packing) fields() int { return 32 / p.bits }

// words returns how many words n neighbours take.
func (p *packing) words(n int) int { return blocks(n, p.fields()) }

// awqOrder is the field of each of 8 neighbours in a word of AWQ.
var awqOrder = [8]int{0, 4, 1, 5, 2, 6, 3, 7}

// find returns the word of an element, and the shift of its field.
func (p *packing) find(out, in int) (word, shift int) {
	field := 0
	switch {
	case p.bytes:
	case p.alongOut:
		field, out = out%p.fields(), out/p.fields()
	default:
		field, in = in%p.fields(), in/p.fields()
	}
	if p.interleaved {
		field = awqOrder[field]
	}
	return out*p.out + in*p.in, field * p.bits
}

// at returns the code of an element.
func (p *packing) at(b []byte, out, in int) byte {
	word, shift := p.find(out, in)
	if p.bytes {
		return b[word]
	}
	return byte(le.Uint32(b[4*word:]) >> shift & (1<<p.bits - 1))
}

// scattered reports whether the codes of an output are far from each other.
func (p *packing) scattered() bool { return p.in > 1 || p.alongOut }

// line returns where the codes of an output lie, one after the other.
func (p *packing) line(b []byte, out int) []byte {
	if p.bytes {
		return b[out*p.out:]
	}
	return b[4*out*p.out:]
}

// unpack sets dst to the codes of an output, from one input on. line is that of the output, or its lane: a word an input,
// whose fields, of 4 bits, are outputs.
func (p *packing) unpack(dst, line []byte, out, in int) {
	switch {
	case p.alongOut:
		_, shift := p.find(out, 0)
		line, shift = line[4*in+shift/8:], shift%8
		for i := range dst {
			dst[i] = line[4*i] >> shift & 15
		}
	case p.bits == 8:
		copy(dst, line[in:])
	default:
		if in%2 == 1 && len(dst) > 0 {
			dst[0] = line[in/2] >> 4
			dst, in = dst[1:], in+1
		}
		line = line[in/2:]
		for i := range len(dst) / 2 {
			dst[2*i], dst[2*i+1] = line[i]&15, line[i]>>4
		}
		if n := len(dst); n%2 == 1 {
			dst[n-1] = line[n/2] & 15
		}
	}
}

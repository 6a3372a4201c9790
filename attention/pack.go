package attention

import (
	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/internal/simd/flash"
)

// packLanes is the number of queries of a head from which its keys and values are gathered first: rows
// that lie side by side are read faster, again and again, than rows with those of other heads between.
const packLanes = 4 * maxLanes

// pack gathers the keys and values of the spans head by head, where that pays.
func (p *problem) pack() {
	p.parts = p.parts[:0]
	n := 0
	for i := range p.spans {
		s := &p.spans[i]
		gathered := p.kvHeads == 1 && s.kv.ldk == p.dim && s.kv.ldv == p.vdim
		if s.kv.cache != nil || gathered || s.rows*p.group() < packLanes {
			continue
		}
		for key := 0; key < s.keys; key += flash.Block {
			p.parts = append(p.parts, part{span: i, lane: key, slot: n})
		}
		n += s.keys * p.kvHeads * (p.dim + p.vdim)
	}
	if n == 0 {
		return
	}
	if cap(p.packed) < n {
		p.packed = make([]float32, n)
	}
	p.packed = p.packed[:n]
	width := parallel.Width()
	if n < minWork {
		width = 1
	}
	p.stage = packing
	parallel.Run(width, len(p.parts), p)
	for i := range p.parts {
		if t := &p.parts[i]; t.lane == 0 {
			s := &p.spans[t.span]
			k, v := p.packedOf(t)
			s.kv = source{k: k, v: v, ldk: p.dim, ldv: p.vdim, headK: s.keys * p.dim, headV: s.keys * p.vdim}
		}
	}
}

// packedOf returns where the keys and values of the part's span go, [Hkv][S][D] each.
func (p *problem) packedOf(t *part) (k, v []float32) {
	rows := p.spans[t.span].keys * p.kvHeads
	b := p.packed[t.slot:]
	return b[:rows*p.dim], b[rows*p.dim:][:rows*p.vdim]
}

// packBlock gathers the block of keys from t.lane on.
func (p *problem) packBlock(t *part) {
	s := &p.spans[t.span]
	k, v := p.packedOf(t)
	for key := t.lane; key < min(t.lane+flash.Block, s.keys); key++ {
		for h := range p.kvHeads {
			copy(k[(h*s.keys+key)*p.dim:][:p.dim], s.kv.k[key*s.kv.ldk+h*s.kv.headK:])
			copy(v[(h*s.keys+key)*p.vdim:][:p.vdim], s.kv.v[key*s.kv.ldv+h*s.kv.headV:])
		}
	}
}

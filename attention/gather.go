package attention

import (
	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/internal/simd/flash"
)

// gatherLanes is the number of queries of a head from which its keys and values are gathered first: rows
// that lie side by side are read faster, again and again, than rows with those of other heads between.
const gatherLanes = 4 * maxLanes

// gather gathers the keys and values of the segments head by head, where that pays.
func (j *job) gather() {
	j.tiles = j.tiles[:0]
	n := 0
	for i := range j.segments {
		s := &j.segments[i]
		gathered := s.kv.ldk == j.dim && s.kv.ldv == j.vdim // rows of a head follow each other
		if s.kv.cache != nil || gathered || s.rows*j.group() < gatherLanes {
			continue
		}
		for key := 0; key < s.keys; key += flash.Block {
			j.tiles = append(j.tiles, tile{segment: i, lane: key, slot: n})
		}
		n += s.keys * j.kvHeads * (j.dim + j.vdim)
	}
	if n == 0 {
		return
	}
	if cap(j.gathered) < n {
		j.gathered = make([]float32, n)
	}
	j.gathered = j.gathered[:n]
	width := parallel.Width()
	if n < minWork {
		width = 1
	}
	parallel.Run(width, len(j.tiles), (*gatherTask)(j))
	for i := range j.tiles {
		if t := &j.tiles[i]; t.lane == 0 {
			s := &j.segments[t.segment]
			k, v := j.gatheredOf(t)
			s.kv = keyValues{k: k, v: v, ldk: j.dim, ldv: j.vdim, headK: s.keys * j.dim, headV: s.keys * j.vdim}
		}
	}
}

// gatheredOf returns where the keys and values of the tile's segment go, [Hkv][S][D] each.
func (j *job) gatheredOf(t *tile) (k, v []float32) {
	rows := j.segments[t.segment].keys * j.kvHeads
	b := j.gathered[t.slot:]
	return b[:rows*j.dim], b[rows*j.dim:][:rows*j.vdim]
}

// gatherTask gathers one block of a segment's keys and values in a part.
type gatherTask job

func (t *gatherTask) Do(part, _ int) { (*job)(t).gatherBlock(&t.tiles[part]) }

// gatherBlock gathers the block of keys from t.lane on.
func (j *job) gatherBlock(t *tile) {
	s := &j.segments[t.segment]
	k, v := j.gatheredOf(t)
	for key := t.lane; key < min(t.lane+flash.Block, s.keys); key++ {
		for h := range j.kvHeads {
			copy(k[(h*s.keys+key)*j.dim:][:j.dim], s.kv.k[key*s.kv.ldk+h*s.kv.headK:])
			copy(v[(h*s.keys+key)*j.vdim:][:j.vdim], s.kv.v[key*s.kv.ldv+h*s.kv.headV:])
		}
	}
}

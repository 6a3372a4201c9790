package logits

import "math"

// A Distribution is what a token is drawn from: the tokens that the filters keep, each with its probability. These
// are the tokens with scores from low to high; of those with the score low, only the ids up to lastLow. Every filter
// keeps such a range, so none of them needs a list. A Distribution is valid until the next call of its Filter.
type Distribution struct {
	softmax
	Scores []float32 // [V], the argument of Filter.Apply
	Best   int       // the first id with the largest score
	Total  float64   // the sum of the weights of all tokens kept; the largest score has weight 1

	low, high float32
	lastLow   int
	blocks    []float64 // the sum of weights in each block of ids
}

// blockSize is how many ids share an entry of blocks. A draw finds the block, then the token in it.
const blockSize = 256

// raise moves the lower border, unless it is higher already.
func (d *Distribution) raise(low float32, lastLow int) {
	switch {
	case low > d.low:
		d.low, d.lastLow = low, lastLow
	case low == d.low:
		d.lastLow = min(d.lastLow, lastLow)
	}
}

// Keeps reports whether the filters keep a token.
func (d *Distribution) Keeps(id int) bool {
	v := d.Scores[id]
	return v >= d.low && v <= d.high && (v != d.low || id <= d.lastLow)
}

// Prob returns the probability of a token that is kept. It is 0 for a token far below the others that only
// MinTokensToKeep keeps.
func (d *Distribution) Prob(id int) float64 { return d.weight(d.Scores[id]) / d.Total }

// weigh sums the weights of the tokens kept, block by block.
func (d *Distribution) weigh(blocks []float64) {
	low, lastLow := d.low, d.lastLow
	if reach := d.reach(); low < reach {
		low, lastLow = reach, len(d.Scores) // tokens that MinTokensToKeep keeps may weigh nothing
	}
	above := math.Nextafter32(low, float32(math.Inf(1)))
	d.Total = 0
	for b := range blocks {
		from, to := b*blockSize, min((b+1)*blockSize, len(d.Scores))
		with := min(max(lastLow+1, from), to) // ids before it count at low, too
		sum := d.sum(d.Scores[from:with], low, d.high)
		sum += d.sum(d.Scores[with:to], above, d.high)
		blocks[b] = sum
		d.Total += sum
	}
	d.blocks = blocks
}

// Draw returns the token at the share u of the total weight, from 0 to below 1. Tokens lie end to end in the
// order of their ids.
func (d *Distribution) Draw(u float64) int {
	at := float64(u * d.Total)
	b := 0
	last := 0 // the last block with a weight, in case rounding leaves at beyond all
	for ; b < len(d.blocks); b++ {
		if d.blocks[b] > 0 {
			last = b
			if at < d.blocks[b] {
				break
			}
		}
		at -= d.blocks[b]
	}
	b = min(b, last)
	id := d.Best
	for i := b * blockSize; i < min((b+1)*blockSize, len(d.Scores)); i++ {
		if !d.Keeps(i) {
			continue
		}
		id = i
		w := d.weight(d.Scores[i])
		if at -= w; at < 0 {
			break
		}
	}
	return id
}

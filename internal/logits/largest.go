package logits

import "math"

// Largest is the first id with the largest score, or the first with a NaN. There must be a score.
func Largest(scores []float32) int {
	best := 0
	bar := float32(math.Inf(-1))
	for id := above(scores, 0, bar); id < len(scores); id = above(scores, id+1, bar) {
		if v := scores[id]; v != v {
			return id
		}
		best, bar = id, scores[id]
	}
	return best
}

// above is the first id from a given one on whose score is above bar or NaN, len(scores) if there is none. Most calls
// pass over many, so it takes them by four.
func above(scores []float32, id int, bar float32) int {
	for ; id+4 <= len(scores); id += 4 {
		v := scores[id : id+4 : id+4]
		if !(v[0] <= bar && v[1] <= bar && v[2] <= bar && v[3] <= bar) {
			break
		}
	}
	for ; id < len(scores); id++ {
		if !(scores[id] <= bar) {
			break
		}
	}
	return id
}

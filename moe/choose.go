package moe

import "math"

var negInf = float32(math.Inf(-1))

// best sets dst to the indices of the highest elements of x, the highest first; of equal elements the first
// comes first. len(dst) is at most len(x).
func best(dst []int, x []float32) {
	n := 0
	for i, v := range x {
		if n == len(dst) && !(v > x[dst[n-1]]) {
			continue
		}
		if n < len(dst) {
			n++
		}
		j := n - 1
		for ; j > 0 && v > x[dst[j-1]]; j-- {
			dst[j] = dst[j-1]
		}
		dst[j] = i
	}
}

// maxGroups is the number of groups that the choice has memory for; published models have 8.
const maxGroups = 256

// limit sets the scores of experts outside of the best groups to −∞. Of equal groups the first are kept.
func (g Groups) limit(scores []float32) {
	if g.Keep >= g.N {
		return
	}
	var of [maxGroups]float32
	size := len(scores) / g.N
	for i := range g.N {
		of[i] = g.score(scores[i*size:][:size])
	}
	for i := range g.N {
		better := 0
		for j := range g.N {
			if of[j] > of[i] || j < i && !(of[j] < of[i]) {
				better++
			}
		}
		if better >= g.Keep {
			group := scores[i*size:][:size]
			for k := range group {
				group[k] = negInf
			}
		}
	}
}

// score returns the score of a group of experts.
func (g Groups) score(group []float32) float32 {
	first, second := negInf, negInf
	for _, s := range group {
		if s > first {
			first, second = s, first
		} else if s > second {
			second = s
		}
	}
	if g.Score == TopTwo {
		return first + second
	}
	return first
}

package logits

import "math/rand/v2"

// Random are the random numbers of a seed. They are the same for ever.
type Random struct{ pcg rand.PCG }

// NewRandom spreads seeds that are close to each other over both halves of the generator's state.
func NewRandom(seed uint64) Random {
	const golden = 0x9e3779b97f4a7c15
	return Random{*rand.NewPCG(seed, (seed+1)*golden)}
}

const unit = 1.0 / (1 << 53)

// Float64 returns a number from 0 to below 1, one of 1<<53.
func (r *Random) Float64() float64 { return float64(r.pcg.Uint64()>>11) * unit }

// Between returns a number above 0 and below 1.
func (r *Random) Between() float64 { return (float64(r.pcg.Uint64()>>11) + 0.5) * unit }

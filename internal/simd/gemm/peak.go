package gemm

// Peak runs n rounds of multiply-adds in registers, with the active instruction set, and returns the floating-point
// operations done: by the time taken, it is the ceiling against which a product's speed is measured.
func Peak(n int) (flops float64) { return peak(n) }

// PeakInt8 runs n rounds of the integer dot products of the active instruction set in registers, and returns the
// operations done, two for each product of 8-bit numbers: the ceiling of products by 8-bit activations. It is 0 where
// there is no such instruction.
func PeakInt8(n int) (ops float64) { return peakInt8(n) }

// Read reads buf as a stream and returns its sum, in no particular order: by the time taken, it is the
// ceiling for a product that is bound by memory.
func Read(buf []float32) float32 { return read(buf) }

func peakPortable(n int) float64 {
	var s0, s1, s2, s3, s4, s5, s6, s7 float32
	x, w := float32(0.5), float32(n)
	for range n {
		s0 = float32(s0*x) + w
		s1 = float32(s1*x) + w
		s2 = float32(s2*x) + w
		s3 = float32(s3*x) + w
		s4 = float32(s4*x) + w
		s5 = float32(s5*x) + w
		s6 = float32(s6*x) + w
		s7 = float32(s7*x) + w
	}
	if s0+s1+s2+s3+s4+s5+s6+s7 < 0 {
		return 0 // keeps the sums alive
	}
	return float64(n) * 8 * 2
}

func readPortable(buf []float32) float32 {
	var s0, s1, s2, s3 float32
	for ; len(buf) >= 4; buf = buf[4:] {
		s0 += buf[0]
		s1 += buf[1]
		s2 += buf[2]
		s3 += buf[3]
	}
	for _, v := range buf {
		s0 += v
	}
	return s0 + s1 + s2 + s3
}

package checkpoint

import "fmt"

// AWQ says how the matrices in a checkpoint of AutoAWQ are stored, in its version gemm, as the quantization_config
// beside it does (Lin et al., "AWQ: Activation-aware Weight Quantization for LLM Compression and Acceleration", 2024).
type AWQ struct {
	GroupSize int // inputs that share a scale and a zero, which must be a divisor of all; −1: all
}

// Dequantize returns src with the tensors of each module m that is stored in 4 bits as one, m.weight, F32, [out, in]:
// (code − zero) · scale, rounded once. These are:
//
//   - m.qweight, I32, [in, out/8]: the codes of 8 outputs in a word, of which 0, 2, 4, 6, 1, 3, 5, 7 follow each other
//     from the lowest bits on;
//   - m.scales, F32, F16 or BF16, [groups, out];
//   - m.qzeros, I32, [groups, out/8]: the zeros, in the order of the codes.
//
// It returns [ErrPacked] or [ErrScale] if these do not fit each other, and [ErrDuplicate] if m.weight is stored too;
// reading a tensor returns ErrScale where a scale is not finite. The returned Source uses src, and closes it. A [Maker]
// is returned unchanged.
func (q AWQ) Dequantize(src Source) (Source, error) { return dequantizeWords(src, false, q.weight) }

// weight describes the weight of a module.
func (q AWQ) weight(m words) (*affine, error) {
	if err := badGroupSize(q.GroupSize); err != nil {
		return nil, err
	}
	const bits = 4
	p := packing{name: m.qweight.Name, bits: bits, alongOut: true, interleaved: true, out: 1, in: m.qweight.Shape[1]}
	a := &affine{src: m.src, scales: m.scale.Name, zeros: m.qzeros.Name, codes: p, zero: p}
	a.zero.name = m.qzeros.Name
	a.in, a.out = m.qweight.Shape[0], m.qweight.Shape[1]*p.fields()
	a.scale = indices{outBlock: 1, out: 1, group: a.out}
	a.groups, a.groupSize = groups(a.in, q.GroupSize)
	if a.in%a.groupSize != 0 {
		return nil, &Error{Tensor: m.qweight.Name, Kind: ErrPacked, Detail: fmt.Sprintf("%v has %d inputs, which are not whole groups of %d", m.qweight.Shape, a.in, a.groupSize)}
	}
	return a, m.check(a, bits)
}

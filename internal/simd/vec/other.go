//go:build !amd64 || purego

package vec

func add(dst, x, y []float32)                          { addGeneric(dst, x, y) }
func mul(dst, x, y []float32)                          { mulGeneric(dst, x, y) }
func scale(dst, x []float32, s float32)                { scaleGeneric(dst, x, s) }
func axpy(dst, x []float32, a float32)                 { axpyGeneric(dst, x, a) }
func exp(dst, x []float32)                             { expGeneric(dst, x) }
func sigmoid(dst, x []float32)                         { sigmoidGeneric(dst, x) }
func tanh(dst, x []float32)                            { tanhGeneric(dst, x) }
func softCap(dst, x []float32, limit, inverse float32) { softCapGeneric(dst, x, limit, inverse) }
func relu(dst, x []float32)                            { reluGeneric(dst, x) }
func relu2(dst, x []float32)                           { relu2Generic(dst, x) }
func silu(dst, x []float32)                            { siluGeneric(dst, x) }
func quickGELU(dst, x []float32)                       { quickGELUGeneric(dst, x) }
func gelu(dst, x []float32)                            { geluGeneric(dst, x) }
func geluTanh(dst, x []float32)                        { geluTanhGeneric(dst, x) }
func siluMul(dst, gate, up []float32)                  { siluMulGeneric(dst, gate, up) }
func geluMul(dst, gate, up []float32)                  { geluMulGeneric(dst, gate, up) }
func geluTanhMul(dst, gate, up []float32)              { geluTanhMulGeneric(dst, gate, up) }
func maximum(x []float32) float32                      { return maximumGeneric(x) }
func index(x []float32, v float32) int                 { return indexGeneric(x, v) }
func expSum(dst, x []float32, m float32) float32       { return expSumGeneric(dst, x, m) }
func sumExp(x []float32, m float32) float32            { return sumExpGeneric(x, m) }
func sum(x []float32) float32                          { return sumGeneric(x) }
func sumSquares(x []float32, m float32) float32        { return sumSquaresGeneric(x, m) }
func addSumSquares(x, y []float32) float32             { return addSumSquaresGeneric(x, y) }
func rotateHalf(x, cos, sin []float32)                 { rotateHalfGeneric(x, cos, sin) }
func rotatePairs(x, cos, sin []float32)                { rotatePairsGeneric(x, cos, sin) }
func widenBF16(dst []float32, src []uint16)            { widenBF16Generic(dst, src) }
func widenF16(dst []float32, src []uint16)             { widenF16Generic(dst, src) }
func narrowBF16(dst []uint16, src []float32)           { narrowBF16Generic(dst, src) }
func narrowF16(dst []uint16, src []float32)            { narrowF16Generic(dst, src) }

func normalize(dst, x, weight, bias []float32, m, r float32) {
	normalizeGeneric(dst, x, weight, bias, m, r)
}

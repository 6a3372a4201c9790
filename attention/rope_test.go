package attention

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/tensor"
)

// What transformers 5.24.0 computes: modeling_rope_utils.ROPE_INIT_FUNCTIONS, called with these
// parameters and a sequence length.
var (
	short = []float64{1.0, 1.0, 1.01, 1.1, 1.25, 1.5, 2.0, 2.5}
	long  = []float64{1.0, 1.05, 1.2, 1.9, 3.3, 7.25, 12.5, 30.0}
)

var referenceRoPE = []struct {
	dim       int
	base      float64
	s         Scaling
	length    int
	amplitude float64
	invFreq   []float32
}{
	{16, 10000, Scaling{Type: "default"}, 1, 1.0,
		[]float32{1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786, 0.00100000005, 0.000316227786}},
	{16, 10000, Scaling{Type: "linear", Factor: 4}, 1, 1.0,
		[]float32{0.25, 0.079056941, 0.0250000004, 0.00790569466, 0.00249999994, 0.000790569466, 0.000250000012, 7.90569466e-05}},
	{20, 500000, Scaling{Type: "linear", Factor: 2.5}, 1, 1.0,
		[]float32{0.400000006, 0.107686922, 0.0289911833, 0.00780492881, 0.00210122229, 0.00056568539, 0.000152292268, 4.09997374e-05, 1.1037836e-05, 2.97157794e-06}},
	{16, 10000, Scaling{Type: "dynamic", OriginalMaxLen: 2048, Factor: 2}, 2048, 1.0,
		[]float32{1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786, 0.00100000005, 0.000316227786}},
	{16, 10000, Scaling{Type: "dynamic", OriginalMaxLen: 2048, Factor: 2}, 2049, 1.0,
		[]float32{1, 0.316183686, 0.099972114, 0.0316095501, 0.00999442395, 0.00316007389, 0.00099916372, 0.000315919257}},
	{20, 1e+06, Scaling{Type: "dynamic", OriginalMaxLen: 512, Factor: 3.5}, 5000, 1.0,
		[]float32{1, 0.17109865, 0.0292747431, 0.00500886841, 0.000857010717, 0.000146633378, 2.50887606e-05, 4.29265583e-06, 7.34467278e-07, 1.25666446e-07}},
	{16, 500000, Scaling{Type: "llama3", Factor: 8, LowFreqFactor: 1, HighFreqFactor: 4, OriginalMaxLen: 8192}, 1, 1.0,
		[]float32{1, 0.193922758, 0.0376060307, 0.00729266508, 0.000524846022, 3.42810235e-05, 6.64786967e-06, 1.28917316e-06}},
	{64, 500000, Scaling{Type: "llama3", Factor: 32, LowFreqFactor: 1, HighFreqFactor: 4, OriginalMaxLen: 8192}, 1, 1.0,
		[]float32{1, 0.663601279, 0.440366626, 0.292227834, 0.193922758, 0.128687382, 0.0853971019, 0.0566696189, 0.0376060307, 0.0249554086, 0.0165604409, 0.0109895291, 0.00729266508, 0.00483942125, 0.00321144611, 0.00129054801, 0.000429556705, 9.70828623e-05, 1.94616387e-05, 1.29147675e-05, 8.57025589e-06, 5.68723226e-06, 3.77405445e-06, 2.50446715e-06, 1.66196742e-06, 1.10288363e-06, 7.31874934e-07, 4.85673127e-07, 3.22293289e-07, 2.1387423e-07, 1.41927202e-07, 9.41830649e-08}},
	{20, 10000, Scaling{Type: "llama3", Factor: 3, LowFreqFactor: 0.5, HighFreqFactor: 7, OriginalMaxLen: 300}, 1, 1.0,
		[]float32{1, 0.398107171, 0.158489317, 0.0372918323, 0.0101746526, 0.00333333318, 0.00132702349, 0.000528297795, 0.000210319107, 8.37295665e-05}},
	{16, 10000, Scaling{Type: "yarn", Factor: 4, OriginalMaxLen: 4096}, 1, 1.138629436111989,
		[]float32{1, 0.316227764, 0.100000001, 0.025693506, 0.00624999963, 0.00138349656, 0.000250000012, 7.90569466e-05}},
	{64, 1e+06, Scaling{Type: "yarn", Factor: 4, OriginalMaxLen: 32768}, 1, 1.138629436111989,
		[]float32{1, 0.649381638, 0.421696514, 0.273841977, 0.177827939, 0.115478203, 0.0749894157, 0.0486967526, 0.0316227786, 0.0205352511, 0.0133352149, 0.00865964312, 0.00515479548, 0.0030431177, 0.00177853031, 0.00102661771, 0.000583333371, 0.000324690831, 0.000175706868, 9.12806499e-05, 4.44569851e-05, 2.88695483e-05, 1.87473561e-05, 1.21741887e-05, 7.90569356e-06, 5.13381246e-06, 3.33380353e-06, 2.16491094e-06, 1.40585337e-06, 9.1293532e-07, 5.92843435e-07, 3.84981632e-07}},
	{16, 10000, Scaling{Type: "yarn", Factor: 16, OriginalMaxLen: 4096, BetaFast: 16, BetaSlow: 2, NoTruncate: true}, 1, 1.2772588722239782,
		[]float32{1, 0.316227764, 0.100000001, 0.0316227786, 0.0059520239, 0.000240811118, 6.2500003e-05, 1.97642366e-05}},
	{16, 150000, Scaling{Type: "yarn", Factor: 40, OriginalMaxLen: 4096, MScale: 0.707, MScaleAllDim: 1}, 1, 0.9210423553163399,
		[]float32{1, 0.225418001, 0.0508132726, 0.00773160206, 0.000903696055, 1.45506692e-05, 3.27998259e-06, 7.39367181e-07}},
	{16, 10000, Scaling{Type: "yarn", Factor: 4, OriginalMaxLen: 4096, MScale: 0.9}, 1, 1.138629436111989,
		[]float32{1, 0.316227764, 0.100000001, 0.025693506, 0.00624999963, 0.00138349656, 0.000250000012, 7.90569466e-05}},
	{16, 10000, Scaling{Type: "yarn", Factor: 0.5, OriginalMaxLen: 4096}, 1, 1.0,
		[]float32{1, 0.316227764, 0.100000001, 0.0395284742, 0.0149999997, 0.00553398626, 0.00200000009, 0.000632455572}},
	{16, 10000, Scaling{Type: "yarn", Factor: 4, OriginalMaxLen: 4096, AttentionFactor: 0.75}, 1, 0.75,
		[]float32{1, 0.316227764, 0.100000001, 0.025693506, 0.00624999963, 0.00138349656, 0.000250000012, 7.90569466e-05}},
	{16, 10000, Scaling{Type: "yarn", Factor: 4, OriginalMaxLen: 8}, 1, 1.138629436111989,
		[]float32{1, 0.079056941, 0.0250000004, 0.00790569466, 0.00249999994, 0.000790569466, 0.000250000012, 7.90569466e-05}},
	{16, 10000, Scaling{Type: "longrope", Factor: 32, OriginalMaxLen: 4096, ShortFactor: short, LongFactor: long}, 4096, 1.1902380714238083,
		[]float32{1, 0.316227764, 0.0990098938, 0.0287479796, 0.00800000038, 0.00210818532, 0.000500000024, 0.000126491112}},
	{16, 10000, Scaling{Type: "longrope", Factor: 32, OriginalMaxLen: 4096, ShortFactor: short, LongFactor: long}, 4097, 1.1902380714238083,
		[]float32{1, 0.301169306, 0.0833333358, 0.016643567, 0.00303030293, 0.000436176255, 7.9999998e-05, 1.05409254e-05}},
	{16, 10000, Scaling{Type: "longrope", Factor: 1, OriginalMaxLen: 4096, ShortFactor: short, LongFactor: long}, 4097, 1.0,
		[]float32{1, 0.301169306, 0.0833333358, 0.016643567, 0.00303030293, 0.000436176255, 7.9999998e-05, 1.05409254e-05}},
	{16, 10000, Scaling{Type: "longrope", Factor: 4, AttentionFactor: 1.3, OriginalMaxLen: 4096, ShortFactor: short, LongFactor: long}, 1, 1.3,
		[]float32{1, 0.316227764, 0.0990098938, 0.0287479796, 0.00800000038, 0.00210818532, 0.000500000024, 0.000126491112}},
}

// Frequencies are powers in float32, which libraries round differently by a unit or two: 2.4e-7.
func TestRoPEFrequencies(t *testing.T) {
	for _, c := range referenceRoPE {
		r, err := NewRoPE(c.dim, c.base, c.s)
		if err != nil {
			t.Errorf("%+v: %v", c.s, err)
			continue
		}
		if r.Dim() != c.dim {
			t.Errorf("%+v: rotates %d values, want %d", c.s, r.Dim(), c.dim)
		}
		freq, amplitude := r.at(c.length, make([]float32, c.dim/2))
		if math.Abs(float64(amplitude)-c.amplitude) > 1e-7*c.amplitude {
			t.Errorf("%+v: amplitude %v, want %v", c.s, amplitude, c.amplitude)
		}
		for i, want := range c.invFreq {
			if e := math.Abs(float64(freq[i]-want)) / float64(want); e > 4e-7 {
				t.Errorf("%+v, length %d: frequency %d is %v, want %v (off by %.1g)", c.s, c.length, i, freq[i], want, e)
			}
		}
	}
}

// The correction of scores is that of modeling_deepseek_v3.yarn_apply_mscale.
func TestScoreFactor(t *testing.T) {
	for _, c := range []struct {
		s    Scaling
		want float64
	}{
		{Scaling{Type: "yarn", Factor: 40, OriginalMaxLen: 4096, MScale: 1, MScaleAllDim: 1}, 1.8738542070926265},
		{Scaling{Type: "yarn", Factor: 40, OriginalMaxLen: 4096, MScale: 1, MScaleAllDim: 0.707}, 1.5896261651208736},
		{Scaling{Type: "yarn", Factor: 0.5, OriginalMaxLen: 4096, MScale: 1, MScaleAllDim: 1}, 1},
		{Scaling{Type: "yarn", Factor: 40, OriginalMaxLen: 4096, MScale: 1}, 0},
		{Scaling{Type: "linear", Factor: 8, MScaleAllDim: 0.5}, 1.218754346981143},
		{Scaling{Type: "default", MScaleAllDim: 1}, 0},
	} {
		r, err := NewRoPE(16, 10000, c.s)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(r.ScoreFactor-c.want) > 1e-14 {
			t.Errorf("%+v: scores are multiplied by %v, want %v", c.s, r.ScoreFactor, c.want)
		}
	}
}

// Up to Original, longrope and dynamic NTK are what they are at length 0.
func TestRoPEBelowOriginal(t *testing.T) {
	for _, c := range referenceRoPE {
		r, err := NewRoPE(c.dim, c.base, c.s)
		if err != nil {
			t.Fatal(err)
		}
		a, _ := r.at(0, make([]float32, c.dim/2))
		b, _ := r.at(max(c.s.OriginalMaxLen, 1), make([]float32, c.dim/2))
		for i := range a {
			if a[i] != b[i] {
				t.Errorf("%+v: frequency %d is %v for short sequences, %v at the original length", c.s, i, a[i], b[i])
			}
		}
	}
}

// rotated is [RoPE.Rotate] of one head in float64, from the same angles.
func rotated(r *RoPE, head []float32, pos, length int) []float64 {
	half := r.Dim() / 2
	freq, amplitude := r.at(length, make([]float32, half))
	out := make([]float64, len(head))
	for i := range head {
		out[i] = float64(head[i])
	}
	for i := range half {
		a, b := i, i+half
		if r.Interleaved {
			a, b = 2*i, 2*i+1
		}
		sin, cos := math.Sincos(float64(float32(pos) * freq[i]))
		x, y, m := float64(head[a]), float64(head[b]), float64(amplitude)
		out[a], out[b] = m*(x*cos-y*sin), m*(y*cos+x*sin)
	}
	return out
}

func TestRotate(t *testing.T) {
	for _, c := range referenceRoPE {
		for _, pairs := range []bool{false, true} {
			for _, width := range []int{c.dim, c.dim + 6} { // a part of the head, or all
				r, err := NewRoPE(c.dim, c.base, c.s)
				if err != nil {
					t.Fatal(err)
				}
				r.Interleaved = pairs
				if r.Long != nil {
					r.Long.Interleaved = pairs
				}
				for _, pos := range []int{0, 1, 77, 4095, 131072} {
					length := max(c.length, pos+5)
					x := random(uint64(pos), 5, 3, width)
					y := tensor.From(append([]float32(nil), x.Data...), 5, 3, width)
					r.Rotate(y, pos, length)
					for row := range 15 {
						want := rotated(r, x.Row(row), pos+row/3, length)
						for i := range want {
							if e := math.Abs(float64(y.Row(row)[i]) - want[i]); e > 1e-6*(1+math.Abs(want[i])) {
								t.Fatalf("%+v, pairs %v, head %d wide: position %d, element %d is %v, want %v", c.s, pairs, width, pos+row/3, i, y.Row(row)[i], want[i])
							}
						}
						for i := r.Dim(); i < width; i++ {
							if y.Row(row)[i] != x.Row(row)[i] {
								t.Fatalf("element %d beyond the %d rotated ones has changed", i, r.Dim())
							}
						}
					}
				}
			}
		}
	}
}

// The score of a query and a key depends on their distance alone, and position 0 is not rotated.
func TestRotationIsRelative(t *testing.T) {
	r, err := NewRoPE(32, 10000, Scaling{})
	if err != nil {
		t.Fatal(err)
	}
	score := func(qpos, kpos int) float64 {
		q, k := random(1, 1, 1, 32), random(2, 1, 1, 32)
		r.Rotate(q, qpos, 2000)
		r.Rotate(k, kpos, 2000)
		var dot float64
		for i := range q.Data {
			dot += float64(q.Data[i]) * float64(k.Data[i])
		}
		return dot
	}
	for _, distance := range []int{0, 1, 30, 700} {
		want := score(distance, 0)
		for _, at := range []int{1, 13, 1000} {
			if got := score(at+distance, at); math.Abs(got-want) > 1e-3 { // angles are rounded at 1000 radians
				t.Errorf("distance %d: score %v at %d, %v at 0", distance, got, at, want)
			}
		}
	}
	if math.Abs(score(1, 0)-score(2, 0)) < 1e-2 {
		t.Error("the distance makes no difference")
	}
	x, y := random(1, 1, 2, 32), random(1, 1, 2, 32)
	r.Rotate(x, 0, 1)
	for i := range x.Data {
		if x.Data[i] != y.Data[i] {
			t.Fatalf("position 0 changes element %d", i)
		}
	}
}

func TestRoPEErrors(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	llama3 := Scaling{Type: "llama3", Factor: 8, LowFreqFactor: 1, HighFreqFactor: 4, OriginalMaxLen: 8192}
	longrope := Scaling{Type: "longrope", Factor: 8, OriginalMaxLen: 64, ShortFactor: short, LongFactor: long}
	with := func(s Scaling, change func(s *Scaling)) Scaling {
		change(&s)
		return s
	}
	for i, c := range []struct {
		dim  int
		base float64
		s    Scaling
		want string
	}{
		{0, 1e4, Scaling{}, "RoPE over 0 values"},
		{-2, 1e4, Scaling{}, "RoPE over -2 values"},
		{7, 1e4, Scaling{Type: "yarn", Factor: 2, OriginalMaxLen: 64}, "rotary dimension = 7"},
		{7, 1e4, Scaling{Type: "longrope", Factor: 2, OriginalMaxLen: 64}, "rotary dimension = 7"},
		{math.MaxInt - 1, 1e4, Scaling{}, "RoPE over"},
		{16, 0, Scaling{}, "base 0"},
		{16, -1, Scaling{}, "base -1"},
		{16, inf, Scaling{}, "base +Inf"},
		{16, nan, Scaling{}, "base NaN"},
		{16, 1e-300, Scaling{}, "not finite"},
		{16, 1e4, Scaling{Type: "linear", Factor: 1e-200}, "not finite"},
		{16, 1e4, Scaling{Type: "ntk"}, `"ntk" is not supported`},
		{16, 1e4, Scaling{Type: "proportional", Factor: 2}, `"proportional" is not supported`},
		{16, 1e4, Scaling{Type: "linear"}, "factor = 0"},
		{16, 1e4, Scaling{Type: "linear", Factor: -3}, "factor = -3"},
		{16, 1e4, Scaling{Type: "linear", Factor: inf}, "factor = +Inf"},
		{16, 1e4, Scaling{Type: "linear", Factor: nan}, "factor = NaN"},
		{16, 1e4, Scaling{Type: "dynamic", OriginalMaxLen: 64}, "factor = 0"},
		{16, 1e4, Scaling{Type: "dynamic", Factor: 2}, "original length = 0"},
		{2, 1e4, Scaling{Type: "dynamic", Factor: 2, OriginalMaxLen: 64}, "rotary dimension = 2"},
		{16, 1e4, Scaling{Type: "yarn", OriginalMaxLen: 64}, "factor = 0"},
		{16, 1e4, Scaling{Type: "yarn", Factor: 2}, "original length = 0"},
		{16, 1e4, Scaling{Type: "yarn", Factor: 2, OriginalMaxLen: -5}, "original length = -5"},
		{2, 1e4, Scaling{Type: "yarn", Factor: 2, OriginalMaxLen: 64}, "rotary dimension = 2"},
		{16, 1, Scaling{Type: "yarn", Factor: 2, OriginalMaxLen: 64}, "base"},
		{16, 1e4, Scaling{Type: "yarn", Factor: 2, OriginalMaxLen: 64, BetaFast: -1}, "beta"},
		{16, 1e4, Scaling{Type: "yarn", Factor: 2, OriginalMaxLen: 64, BetaSlow: nan}, "beta"},
		{16, 1e4, with(llama3, func(s *Scaling) { s.Factor = 0 }), "factor = 0"},
		{16, 1e4, with(llama3, func(s *Scaling) { s.LowFreqFactor = 0 }), "0 < low ≤ high"},
		{16, 1e4, with(llama3, func(s *Scaling) { s.HighFreqFactor = 0.9 }), "0 < low ≤ high"},
		{16, 1e4, with(llama3, func(s *Scaling) { s.HighFreqFactor = nan }), "0 < low ≤ high"},
		{16, 1e4, with(llama3, func(s *Scaling) { s.OriginalMaxLen = 0 }), "original length = 0"},
		{16, 1e4, with(longrope, func(s *Scaling) { s.Factor = 0 }), "factor = 0"},
		{16, 1e4, with(longrope, func(s *Scaling) { s.OriginalMaxLen = 0 }), "original length = 0"},
		{16, 1e4, with(longrope, func(s *Scaling) { s.OriginalMaxLen = 1 }), "original length = 1"},
		{16, 1e4, with(longrope, func(s *Scaling) { s.ShortFactor = short[1:] }), "half the rotary dimension, 8"},
		{16, 1e4, with(longrope, func(s *Scaling) { s.LongFactor = nil }), "half the rotary dimension, 8"},
		{16, 1e4, with(longrope, func(s *Scaling) { s.LongFactor = []float64{1, 1, 1, 0, 1, 1, 1, 1} }), "factor = 0"},
		{16, 1e4, with(longrope, func(s *Scaling) { s.ShortFactor = []float64{1, 1, 1, 1, 1, 1, 1, -1} }), "factor = -1"},
		{16, 1e4, with(longrope, func(s *Scaling) { s.AttentionFactor = -1 }), "attention_factor = -1"},
	} {
		r, err := NewRoPE(c.dim, c.base, c.s)
		if err == nil {
			t.Errorf("case %d: no error for dim %d, base %v, %+v: frequencies %v", i, c.dim, c.base, c.s, r.InvFreq)
		} else if !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "attention: ") {
			t.Errorf("case %d: error %q, want one with %q", i, err, c.want)
		}
	}
}

// A rotation of a head of four values, by one radian and by a hundredth for each position.
func ExampleRoPE_Rotate() {
	r, err := NewRoPE(4, 10000, Scaling{})
	if err != nil {
		panic(err)
	}
	x := tensor.From([]float32{1, 1, 0, 0, 1, 1, 0, 0}, 2, 1, 4) // [T, H, D]: two tokens
	r.Rotate(x, 0, 2)
	fmt.Printf("%.4f\n%.4f\n", x.Row(0), x.Row(1))
	// Output:
	// [1.0000 1.0000 0.0000 0.0000]
	// [0.5403 0.9999 0.8415 0.0100]
}

// LLaMA 3.1 slows the rotations whose period exceeds the original length.
func ExampleNewRoPE() {
	r, err := NewRoPE(8, 10000, Scaling{Type: "llama3", Factor: 8, LowFreqFactor: 1, HighFreqFactor: 4, OriginalMaxLen: 256})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%.5f\n", r.InvFreq)
	_, err = NewRoPE(8, 10000, Scaling{Type: "linear"})
	fmt.Println(err)
	// Output:
	// [1.00000 0.10000 0.00125 0.00013]
	// attention: RoPE scaling "linear" with factor = 0; a positive number is needed
}

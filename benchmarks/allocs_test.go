package benchmarks

import (
	"math"
	"runtime"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// A token allocates nothing once the session has its memory: not with threads, and not where the text
// enters another page of the cache.
func TestDecodeAllocatesNothing(t *testing.T) {
	if tensortest.Race {
		t.Skip("the race detector has pools forget their memory")
	}
	const length = 140 // pages have 128 tokens
	shape := llamaShape{dim: 512, inner: 512, layers: 2, heads: 8, kvHeads: 2, headDim: 64, vocab: 1024}
	for _, threads := range []int{1, 2} {
		for _, dt := range []tensor.DType{tensor.F32, tensor.BF16} {
			d, err := shape.random(dt, nn.Exact)
			if err != nil {
				t.Fatal(err)
			}
			if n := decodeAllocs(t, d, threads, length); n != 0 {
				t.Errorf("%s, %d threads: %d allocations in %d tokens", lower(dt), threads, n, length)
			}
		}
	}
}

// decodeAllocs returns the allocations of decoding a text, the fewest of some runs. The first gets
// scratch memory, of which each thread keeps its own: on a busy machine, another may get some later.
func decodeAllocs(t *testing.T, d *model.Decoder, threads, length int) uint64 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
	ids := tokens(length, d.Vocab)
	s := d.NewSession(model.SessionOptions{Reserve: length})
	fewest := uint64(math.MaxUint64)
	for run := 0; run < 20 && fewest > 0; run++ {
		if err := s.Rewind(0); err != nil {
			t.Fatal(err)
		}
		before := mallocs()
		for p := range ids {
			if err := s.Append(ids[p : p+1]...); err != nil {
				t.Fatal(err)
			}
		}
		fewest = min(fewest, mallocs()-before)
	}
	return fewest
}

func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

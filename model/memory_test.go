package model_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/modeltest"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// widths of the models below.
const (
	memDim, memInner, memVocab = 256, 1024, 512
	memOutputs                 = 3*memDim + 2*memInner + 2*memDim // of a layer's products
)

// rowsBytes is what the guide of this package says a call takes for so many rows, and for the keys and values of so
// many tokens.
func rowsBytes(rows, tokens int) int { return rows*(12*memOutputs+32*memDim) + 4*2*memDim*tokens }

func memDecoder(t testing.TB) *model.Decoder {
	t.Helper()
	config := fmt.Sprintf(`{"model_type": "llama", "vocab_size": %d, "hidden_size": %d, "intermediate_size": %d, "num_hidden_layers": 2,
		"num_attention_heads": 8, "max_position_embeddings": 1000000}`, memVocab, memDim, memInner)
	d, err := model.NewDecoder([]byte(config), checkpoint.Random(1, tensor.F32), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func memEncoder(t testing.TB) *model.Encoder {
	t.Helper()
	config := fmt.Sprintf(`{"model_type": "modernbert", "vocab_size": %d, "hidden_size": %d, "intermediate_size": %d, "num_hidden_layers": 2,
		"num_attention_heads": 8, "max_position_embeddings": 1000000}`, memVocab, memDim, memInner)
	e, err := model.NewEncoder([]byte(config), checkpoint.Random(1, tensor.F32), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// settle collects until what is idle has gone, and returns the bytes in use.
func settle() uint64 {
	for range 8 {
		runtime.GC()
		time.Sleep(5 * time.Millisecond) // finalizers run on a goroutine of their own
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// allocated returns the bytes that f allocates in all.
func allocated(f func()) int { return int(tensortest.Allocated(f)) }

// A call takes what the guide says. Twice that is allocated: buffers grow until they are large enough.
func TestCallMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("memory is measured in the long form")
	}
	const small = 4 << 20 // tables of kernels, and what does not grow
	d, e := memDecoder(t), memEncoder(t)
	for _, n := range []int{100, 1000, 20_000} {
		ids := modeltest.RandomIDs(1, n, memVocab)
		settle()
		s := d.NewSession(model.SessionOptions{Reserve: n})
		got := allocated(func() { feed(t, s, ids...) })
		if most := 2*rowsBytes(min(n, 512), n) + 8*n + small; got > most {
			t.Errorf("a prompt of %d tokens takes %d bytes, at most %d are stated", n, got, most)
		}
		settle()
		got = allocated(func() {
			if err := e.Run([]arch.Sequence{{IDs: ids}}, func(int, []arch.Sequence, tensor.Tensor, *tensor.Arena) error { return nil }); err != nil {
				t.Fatal(err)
			}
		})
		if most := 2*rowsBytes(n, n) + small; got > most {
			t.Errorf("a text of %d tokens takes %d bytes of an encoder, at most %d are stated", n, got, most)
		}
	}
	// Many texts take what the largest group of them takes.
	var batch []arch.Sequence
	for range 400 {
		batch = append(batch, arch.Sequence{IDs: modeltest.RandomIDs(2, 50, memVocab)})
	}
	settle()
	if got, most := allocated(func() {
		_ = e.Run(batch, func(int, []arch.Sequence, tensor.Tensor, *tensor.Arena) error { return nil })
	}),
		2*rowsBytes(1024, 1024)+small+len(batch)*1000; got > most {
		t.Errorf("400 texts take %d bytes, at most %d are stated", got, most)
	}
}

// A process that has done large things and is idle keeps models and sessions, and about 10 MB.
func TestIdleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("memory is measured in the long form")
	}
	d, e := memDecoder(t), memEncoder(t)
	ids := modeltest.RandomIDs(3, 20_000, memVocab)
	before := settle()
	s := d.NewSession(model.SessionOptions{})
	feed(t, s, ids...)
	if err := e.Run([]arch.Sequence{{IDs: ids}}, func(int, []arch.Sequence, tensor.Tensor, *tensor.Arena) error { return nil }); err != nil {
		t.Fatal(err)
	}
	q := tensor.New(600, 8, 64)
	kv := tensor.New(100_000, 1, 64)
	attention.ScaledDotProduct(q, tensor.New(600, 8, 64), kv, tensor.New(100_000, 1, 64), attention.Options{})
	// With its session.
	kept := s.CacheBytes() + int64(4*len(ids)+8*memVocab)
	const idle = 10 << 20
	if got := int64(settle()) - int64(before); got > kept+idle {
		t.Errorf("an idle process keeps %d bytes more; its session takes %d", got, kept)
	}
	runtime.KeepAlive(s)
	// And without.
	if got := int64(settle()) - int64(before); got > idle {
		t.Errorf("an idle process keeps %d bytes", got)
	}
}

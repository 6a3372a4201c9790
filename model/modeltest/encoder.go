package modeltest

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
)

// TestEncoder returns an error that says which promise an encoder breaks. The hidden states of a sequence
// must have the same bits alone, in a batch with sequences of other lengths, in a batch larger than one pass,
// on any number of processors, and while other goroutines compute. batch holds the sequences to read; nil
// means random tokens.
func TestEncoder(e *model.Encoder, batch []arch.Sequence) error {
	if _, err := e.Plan(); err != nil {
		return err
	}
	if batch == nil {
		for i, n := range []int{1, 7, 130, 30, 2} {
			batch = append(batch, arch.Sequence{IDs: RandomIDs(uint64(i), min(n, e.MaxLen), e.Vocab)})
		}
	}
	want := make([][]float32, len(batch))
	for i := range batch {
		x, err := e.Hidden(batch[i : i+1])
		if err != nil {
			return err
		}
		want[i] = x[0].Data
	}
	same := func(what string, times int) error {
		var many []arch.Sequence
		for range times {
			many = append(many, batch...)
		}
		got, err := e.Hidden(many)
		if err != nil {
			return err
		}
		for i := range got {
			if err := SameBits(got[i].Data, want[i%len(batch)]); err != nil {
				return fmt.Errorf("modeltest: %s: sequence %d of %d: hidden states: %w", what, i, len(got), err)
			}
		}
		return nil
	}
	if err := same("a batch", 1); err != nil {
		return err
	}
	if err := same("a batch of many", 20); err != nil {
		return err
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, procs := range []int{1, 2, 5} {
		runtime.GOMAXPROCS(procs)
		if err := same(fmt.Sprintf("GOMAXPROCS %d", procs), 1); err != nil {
			return err
		}
	}
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wg.Go(func() { errs[i] = same("several goroutines", 2) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

package torch

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/sidefile/hostile"
	"github.com/seed2010d43f/transformer/internal/torchfile"
)

// Pickles that are as costly as can be take memory in proportion.
func TestHeap(t *testing.T) {
	const size = 1 << 19
	name := func(i int) string { return fmt.Sprintf("%x", i) }
	pickle := func(text string) fstest.MapFS {
		return fstest.MapFS{weights: {Data: torchfile.Zip(torchfile.State([]byte("\x80\x02"+text), make([]byte, 8))...)}}
	}
	cases := map[string]fstest.MapFS{
		"tensors of a pickle": pickle("}(" + string(torchfile.Pickle(func() (all []torchfile.Tensor) {
			for i := range size / 250 {
				all = append(all, torchfile.Contiguous(name(i), "FloatStorage", "0", 2))
			}
			return all
		}()...)[4:])),
		"records": {weights: {Data: torchfile.Zip(func() (all []torchfile.Record) {
			for i := range size / 120 {
				all = append(all, torchfile.Record{Name: "a/" + name(i)})
			}
			return all
		}()...)}},
		"many kept":    pickle("]" + hostile.Many(size, func(i int) string { return "r" + string([]byte{byte(i), byte(i >> 8), byte(i >> 16), 0}) }) + "."),
		"items":        pickle("](" + strings.Repeat("K\x00", 60000) + "e."),
		"many items":   pickle("]" + strings.Repeat("K\x00a", size/3) + "."),
		"entries":      pickle("}" + strings.Repeat("X\x00\x00\x00\x00Ns", size/7) + "."),
		"tuples":       pickle("N" + strings.Repeat("\x85", size) + "."),
		"lists in one": pickle("]" + strings.Repeat("]a", size/2) + "."),
	}
	for i, what := range slices.Sorted(maps.Keys(cases)) {
		if testing.Short() && i%4 != 0 {
			continue
		}
		folder := cases[what]
		t.Run(what, func(t *testing.T) {
			hostile.CheckHeap(t, folder, 4<<20, func() error {
				_, err := Open(folder, weights)
				return err
			})
		})
	}
}

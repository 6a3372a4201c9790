package safetensors

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/sidefile/hostile"
)

// Headers and indexes that are as costly as can be take memory in proportion.
func TestHeap(t *testing.T) {
	const size = 1 << 19
	name := func(i int) string { return fmt.Sprintf("%x", i) }
	header := func(text string) fstest.MapFS {
		return fstest.MapFS{weights: {Data: file("{"+strings.TrimSuffix(text, ",")+"}", 0)}}
	}
	index := func(text string) fstest.MapFS {
		return fstest.MapFS{indexFile: {Data: []byte(`{"weight_map":{` + strings.TrimSuffix(text, ",") + `}}`)},
			"m": {Data: mustWrite(t, nil)}}
	}
	empty := func(i int) string { return `"` + name(i) + `":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},` }
	cases := map[string]fstest.MapFS{
		"tensors":            header(hostile.Many(size, empty)),
		"dimensions":         header(`"a":{"dtype":"U8","data_offsets":[0,0],"shape":[` + strings.Repeat("0,", size/2) + `0]}`),
		"numbers of offsets": header(`"a":{"dtype":"U8","shape":[0],"data_offsets":[` + strings.Repeat("0,", size/2) + `0]}`),
		"metadata":           header(`"__metadata__":{` + strings.TrimSuffix(hostile.Many(size, func(i int) string { return `"` + name(i) + `":"",` }), ",") + `}`),
		"members":            header(`"a":{` + hostile.Many(size, func(i int) string { return `"":0,` }) + `"dtype":"U8","shape":[0],"data_offsets":[0,0]}`),
		"escapes":            header(hostile.Many(size, func(i int) string { return `"\n` + name(i) + `":{"\u0064type":"U8","shape":[0],"data_offsets":[0,0]},` })),
		"names of one shard": index(hostile.Many(size, func(i int) string { return `"` + name(i) + `":"m",` })),
		"shards":             index(hostile.Many(size, func(i int) string { return `"` + name(i) + `":"s` + name(i) + `",` })),
		"long names":         header(`"` + strings.Repeat("x", size) + `":{"dtype":"` + strings.Repeat("y", size) + `","shape":[0],"data_offsets":[0,0]}`),
		"long shapes":        header(`"a":{"dtype":"U8","data_offsets":[0,1],"shape":[` + strings.Repeat("1,", size/2) + `2]}`),
		"long shards":        index(`"a":"` + strings.Repeat("x", size) + `"`),
	}
	for i, what := range slices.Sorted(maps.Keys(cases)) {
		if testing.Short() && i%4 != 0 {
			continue
		}
		folder := cases[what]
		t.Run(what, func(t *testing.T) {
			hostile.CheckHeap(t, folder, 4<<20, func() error {
				_, err := openAny(folder)
				return err
			})
		})
	}
}

package safetensors

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/checkpointtest"
)

// resident returns the bytes of mapped files that are in this process's memory.
func resident(t *testing.T) int {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if value, ok := strings.CutPrefix(s.Text(), "RssFile:"); ok {
			var kb int
			if _, err := fmt.Sscan(value, &kb); err != nil {
				t.Fatal(err)
			}
			return kb << 10
		}
	}
	t.Skip("the system does not tell RssFile")
	return 0
}

func touch(b []byte) (sum byte) {
	for i := 0; i < len(b); i += 512 {
		sum += b[i]
	}
	return sum
}

func TestReleasedPagesLeaveMemory(t *testing.T) {
	const size = 32 << 20
	data := bytes.Repeat([]byte{1}, size)
	s, err := Open(checkpointtest.OnDisk(t, weights, mustWrite(t, nil,
		checkpoint.Entry{Name: "a", DType: "U8", Shape: []int{size}, Data: data}, checkpoint.Entry{Name: "b", DType: "U8", Shape: []int{size}, Data: data})), weights)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	start := resident(t)
	grown := func() int { return resident(t) - start }
	const slack = 4 << 20 // the test binary's own pages, and read-around

	a, err := s.Bytes("a")
	if err != nil {
		t.Fatal(err)
	}
	sum := touch(a)
	if n := grown(); n < size-slack {
		t.Fatalf("%d bytes resident after reading %d: this test measures nothing", n, size)
	}
	s.Release("a")
	if n := grown(); n > slack {
		t.Errorf("%d bytes resident after Release", n)
	}
	if touch(a) != sum {
		t.Error("released bytes read differently")
	}
	s.Release("a")

	peak, chunked := 0, byte(0)
	for b, err := range s.Chunks("b", 1<<20) {
		if err != nil {
			t.Fatal(err)
		}
		chunked += touch(b)
		peak = max(peak, grown())
	}
	if chunked != sum {
		t.Error("chunks read differently from the whole")
	}
	if peak > slack {
		t.Errorf("%d bytes resident while reading chunks of 1 MiB", peak)
	}
}

// A header that claims much does not make the reader allocate.
func TestClaimsAllocateNothing(t *testing.T) {
	b := file(`{"a":{"dtype":"U8","shape":[1000000000000],"data_offsets":[0,1000000000000]}}`, 4)
	long := file("", 0)
	copy(long, []byte{0, 0xe0, 0xf5, 5}) // 99 999 744 bytes of header
	for _, b := range [][]byte{b, long} {
		perRun := tensortest.Allocated(func() {
			for range 10 {
				if _, err := openBytes(b); err == nil {
					t.Fatal("accepted")
				}
			}
		}) / 10
		if perRun > 20<<10 {
			t.Errorf("%d bytes allocated for a file of %d", perRun, len(b))
		}
	}
}

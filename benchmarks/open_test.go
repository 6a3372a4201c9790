package benchmarks

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
)

// opening is what a process that does nothing but open a checkpoint tells of it.
type opening struct {
	Seconds float64
	Weights int64 // bytes, as kept in memory
	Peak    int64 // most bytes that were resident
}

// openEnv names the folder, or the file in GGUF, that the test binary opens, instead of testing, when it is run again.
const openEnv = "TRANSFORMER_BENCHMARK_OPEN"

func TestMain(m *testing.M) {
	dir := os.Getenv(openEnv)
	if dir == "" {
		os.Exit(m.Run())
	}
	if err := openAndTell(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func openAndTell(dir string) error {
	var opt model.Options
	if filepath.Ext(dir) == ".gguf" {
		dir, opt.GGUF = filepath.Split(dir)
	}
	start := time.Now()
	d, err := model.OpenDecoder(os.DirFS(dir), opt)
	if err != nil {
		return err
	}
	o := opening{Seconds: time.Since(start).Seconds(), Weights: keptBytes(d), Peak: procBytes("/proc/self/status", "VmHWM")}
	return json.NewEncoder(os.Stdout).Encode(o)
}

// open opens a checkpoint in a process of its own.
func open(tb testing.TB, dir string) opening {
	tb.Helper()
	exe, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), openEnv+"="+dir, fmt.Sprint("GOMAXPROCS=", runtime.GOMAXPROCS(0)))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		tb.Fatalf("opening %s in a process of its own: %v", dir, err)
	}
	var o opening
	if err := json.Unmarshal(out, &o); err != nil {
		tb.Fatalf("opening %s in a process of its own: %v", dir, err)
	}
	return o
}

func needProc(tb testing.TB) {
	if procBytes("/proc/self/status", "VmHWM") == 0 {
		tb.Skip("peak memory is read from /proc/self/status, which is not here")
	}
}

// BenchmarkOpen opens checkpoints that the system has in its file cache, with their tokenizers if they
// have any, each time in a new process. ns/op is the time of opening alone; peak/weights is the most
// memory the process had resident, all included, by what the weights take.
func BenchmarkOpen(b *testing.B) {
	needProc(b)
	for _, name := range []string{"smollm2-135m-instruct", "gemma-3-270m"} {
		b.Run(name, func(b *testing.B) {
			dir := folder(b, "TRANSFORMER_REAL", name)
			if !probe(b) {
				benchOpen(b, dir)
			}
		})
	}
	for _, name := range realGGUFs {
		b.Run(name, func(b *testing.B) {
			file := filepath.Join(folder(b, "TRANSFORMER_REAL", "."), name)
			if !probe(b) {
				benchOpen(b, file)
			}
		})
	}
	b.Run("random-1GB.gguf", func(b *testing.B) {
		if testing.Short() {
			b.Skip("-short: a file of 1 GB is written")
		}
		file := filepath.Join(b.TempDir(), "random.gguf")
		shape := llamaShape{dim: 2048, inner: 8192, layers: 24, heads: 32, kvHeads: 8, headDim: 64, vocab: 32000}
		if err := shape.writeGGUF(file, tensor.Q4_K); err != nil {
			b.Fatal(err)
		}
		run(b, "q4_k", func(b *testing.B) { benchOpen(b, file) })
	})
	b.Run("random-1GB", func(b *testing.B) {
		if testing.Short() {
			b.Skip("-short: a file of 1 GB is written")
		}
		dir := b.TempDir()
		shape := llamaShape{dim: 2048, inner: 8192, layers: 7, heads: 32, kvHeads: 8, headDim: 64, vocab: 32000}
		if err := shape.write(dir, tensor.BF16); err != nil {
			b.Fatal(err)
		}
		run(b, "bf16", func(b *testing.B) { benchOpen(b, dir) })
	})
}

func benchOpen(b *testing.B, dir string) {
	open(b, dir) // warms the file cache
	var seconds, ratios []float64
	var o opening
	for b.Loop() {
		o = open(b, dir)
		seconds = append(seconds, o.Seconds)
		ratios = append(ratios, float64(o.Peak)/float64(o.Weights))
	}
	b.ReportMetric(1e9*median(seconds), "ns/op")
	b.ReportMetric(float64(o.Weights)/1e9/median(seconds), "GB/s")
	b.ReportMetric(median(ratios), "peak/weights")
}

// Memory that opening a checkpoint may take beside its weights: a tenth of them, and what a Go process
// with this library in it needs of its own.
const (
	openShare    = 10 // of the weights, one part in
	openConstant = 32 << 20
)

// realGGUFs are files that real/make.py prepares.
var realGGUFs = []string{"smollm2-135m-instruct.gguf", "gemma-3-270m.gguf", "qwen2.5-coder-0.5b-instruct.gguf"}

// A GGUF takes what its file has, however its tables are shared, and as much more as any checkpoint. Gemma 3's vocabulary of
// 262144 tokens takes a thirtieth of its file more than that.
func TestPeakMemoryGGUF(t *testing.T) {
	needProc(t)
	if tensortest.Race {
		t.Skip("the race detector has memory of its own")
	}
	for _, name := range realGGUFs {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(folder(t, "TRANSFORMER_REAL", "."), name)
			info, err := os.Stat(file)
			if err != nil {
				t.Skip(err)
			}
			o := open(t, file)
			limit := info.Size() + info.Size()/openShare + openConstant
			t.Logf("%.1f MB were resident to open a file of %.1f MB, in %.2f s; matrices take %.1f MB", float64(o.Peak)/1e6, float64(info.Size())/1e6, o.Seconds, float64(o.Weights)/1e6)
			if strings.HasPrefix(name, "gemma") {
				limit += info.Size() / 30
			}
			if o.Peak > limit {
				t.Errorf("%.1f MB were resident to open a file of %.1f MB; %.1f MB would be right", float64(o.Peak)/1e6, float64(info.Size())/1e6, float64(limit)/1e6)
			}
		})
	}
}

func TestPeakMemory(t *testing.T) {
	needProc(t)
	if tensortest.Race {
		t.Skip("the race detector has memory of its own")
	}
	if testing.Short() {
		t.Skip("-short: a file of 430 MB is written")
	}
	dir := t.TempDir()
	shape := llamaShape{dim: 1024, inner: 4096, layers: 12, heads: 16, kvHeads: 4, headDim: 64, vocab: 32000}
	if err := shape.write(dir, tensor.BF16); err != nil {
		t.Fatal(err)
	}
	o := open(t, dir)
	if least := int64(shape.parameters()) * 2; o.Weights < least {
		t.Fatalf("weights of %d bytes are kept; the checkpoint has %d", o.Weights, least)
	}
	limit := o.Weights + o.Weights/openShare + openConstant
	if o.Peak > limit {
		t.Errorf("%.1f MB were resident to open %.1f MB of weights; %.1f MB would be right",
			float64(o.Peak)/1e6, float64(o.Weights)/1e6, float64(limit)/1e6)
	}
	t.Logf("weights %.1f MB, peak %.1f MB, %.2f s", float64(o.Weights)/1e6, float64(o.Peak)/1e6, o.Seconds)
}

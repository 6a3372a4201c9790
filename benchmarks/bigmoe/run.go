package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// runCheckpoint opens the checkpoint with mapped experts and decodes.
func runCheckpoint(dir string, tokens, longer int) error {
	if err := dropAll(dir); err != nil {
		return err
	}
	start := time.Now()
	d, err := model.OpenDecoder(os.DirFS(dir), model.Options{Experts: nn.Mapped})
	if err != nil {
		return err
	}
	defer d.Close()
	fmt.Printf("opened in %.1f s\n", time.Since(start).Seconds())
	report()
	for _, turn := range []struct {
		name          string
		first, tokens int
	}{{"cold", 0, tokens}, {"warm", 0, tokens}, {"longer", tokens, longer}} {
		if turn.name == "cold" {
			if err := dropAll(dir); err != nil {
				return err
			}
		}
		if err := decode(d, turn.name, turn.first, turn.tokens); err != nil {
			return err
		}
		report()
	}
	return d.Close()
}

// decode gives a session tokens one by one, and prints the speed. They are random, the same for the same number.
func decode(d *model.Decoder, name string, first, n int) error {
	s := d.NewSession(model.SessionOptions{})
	start, cpu := time.Now(), cpuSeconds()
	for i := range n {
		if err := s.Append(int(mix(uint64(first+i)) % vocab)); err != nil {
			return err
		}
	}
	t := time.Since(start).Seconds()
	fmt.Printf("%s: %d tokens in %.1f s, %.2f tokens/s, %.2f s of processors for each\n", name, n, t, float64(n)/t, (cpuSeconds()-cpu)/float64(n))
	return nil
}

// dropAll takes the weights out of the system's cache.
func dropAll(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.safetensors"))
	if err != nil {
		return err
	}
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		dropCache(f)
		f.Close()
	}
	return nil
}

// report prints the memory of the process.
func report() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Printf("  heap %.2f GB, of the system %.2f GB", float64(m.HeapAlloc)/1e9, float64(m.HeapSys)/1e9)
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		fmt.Println()
		return
	}
	for line := range strings.Lines(string(status)) {
		for _, key := range []string{"VmHWM", "RssAnon", "RssFile"} {
			if rest, ok := strings.CutPrefix(line, key+":"); ok {
				var kb float64
				fmt.Sscan(rest, &kb)
				fmt.Printf(", %s %.2f GB", key, kb*1024/1e9)
			}
		}
	}
	fmt.Println()
}

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// runCheckpoint opens the checkpoint with mapped experts and generates.
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
		name   string
		prompt []int
		tokens int
	}{{"cold", []int{1}, tokens}, {"warm", []int{1}, tokens}, {"longer", []int{2}, longer}} {
		if turn.name == "cold" {
			if err := dropAll(dir); err != nil {
				return err
			}
		}
		if err := generate(d, turn.name, turn.prompt, turn.tokens); err != nil {
			return err
		}
		report()
	}
	return d.Close()
}

// generate prints the speed of greedy tokens.
func generate(d *model.Decoder, name string, prompt []int, tokens int) error {
	s := d.NewSession(model.SessionOptions{})
	start, cpu, n := time.Now(), cpuSeconds(), 0
	for _, err := range s.Generate(context.Background(), prompt, nil, model.GenerateOptions{MaxTokens: tokens, EOS: []int{}}) {
		if err != nil {
			return err
		}
		n++
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

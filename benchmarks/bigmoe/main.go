// Bigmoe runs a mixture of experts that is larger than the machine's memory, with its experts mapped.
//
//	go run ./benchmarks/bigmoe -write DIR     # writes a checkpoint of 41 GB, shaped as Qwen3-30B-A3B
//	go run ./benchmarks/bigmoe -run DIR       # generates, and prints heap, resident memory and speed
//
// -layers makes the checkpoint smaller or larger, 1.25 GB a layer and as much for the tables. Its weights are a formula
// of each tensor's name: it says nothing, but routes every token to experts of its own, as a trained model does. It is
// all real bytes on the disk.
//
// -run computes a few tokens, one after the other as in generation, three times in new sessions. The first time the files
// are not in the system's cache, if it could be emptied; the second time what the same tokens need is there, as far as
// memory suffices. The third time there are more tokens, and others. All are random: a text would repeat itself, and so
// the experts that it needs.
//
// Resident memory (VmHWM, RssAnon, RssFile) is what Linux reports. RssFile are pages of the mapped files: the system
// drops them when it needs the memory, and their number says how much was free.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	write := flag.String("write", "", "write the checkpoint into this `folder`")
	run := flag.String("run", "", "run the checkpoint in this `folder`")
	layers := flag.Int("layers", 32, "number of layers that are written")
	tokens := flag.Int("tokens", 8, "number of tokens that are computed cold, and again warm")
	longer := flag.Int("longer", 16, "number of tokens that are computed then")
	flag.Parse()
	err := fmt.Errorf("bigmoe: give it -write or -run; see -help")
	if *write != "" {
		err = writeCheckpoint(*write, *layers)
	}
	if *run != "" && (*write == "" || err == nil) {
		err = runCheckpoint(*run, *tokens, *longer)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Package cli reads the command lines of the examples.
package cli

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Parse parses the command line of a program whose flags are defined, and returns its arguments. args names
// these in the usage line, "[TEXT]" or "[TEXT ...]"; it is empty if there are none. what is a sentence that says
// what the program does. A command line that is wrong ends the program.
func Parse(args, what string) []string {
	f := flag.CommandLine
	f.Init(filepath.Base(os.Args[0]), flag.ContinueOnError)
	texts, err := parse(f, os.Args[1:], args, what)
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(0)
	case err != nil:
		os.Exit(2)
	}
	return texts
}

// Text returns the arguments as one text, or other if there are none.
func Text(args []string, other string) string {
	if len(args) == 0 {
		return other
	}
	return strings.Join(args, " ")
}

// Exit ends a program with an error, if there is one.
func Exit(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", filepath.Base(os.Args[0]), err)
		os.Exit(1)
	}
}

// parse prints what is wrong, as the flag package does.
func parse(f *flag.FlagSet, line []string, args, what string) ([]string, error) {
	f.Usage = func() {
		fmt.Fprintf(f.Output(), "usage: %s\n\n%s\n\n", strings.TrimSpace(f.Name()+" [flags] "+args), what)
		f.PrintDefaults()
	}
	if err := f.Parse(line); err != nil {
		return nil, err
	}
	err := check(f, args != "")
	if err != nil {
		fmt.Fprintln(f.Output(), err)
		f.Usage()
	}
	return f.Args(), err
}

// check returns an error for arguments of a program that takes none, and for flags after the first argument, which
// the flag package takes for arguments.
func check(f *flag.FlagSet, takes bool) error {
	for _, a := range f.Args() {
		name, _, _ := strings.Cut(strings.TrimLeft(a, "-"), "=")
		if strings.HasPrefix(a, "-") && f.Lookup(name) != nil {
			return fmt.Errorf("the flag %s stands after the text %q: flags come first", a, f.Arg(0))
		}
	}
	if !takes && f.NArg() > 0 {
		return fmt.Errorf("%s takes no arguments, and %q is one", f.Name(), f.Arg(0))
	}
	return nil
}

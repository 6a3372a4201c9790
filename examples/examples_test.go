package examples_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
)

// programs are the examples: for each, the folder in the repository, or in an archive there, with the checkpoint that
// it runs without -model, and arguments with which it takes a moment. Two folders are a trunk and a head.
var programs = map[string]struct {
	model []string
	args  []string
}{
	"attention":   {[]string{"internal/tiny/decoder"}, []string{"-layer", "1", "-o", "attention.png", "The cat sat on the mat."}},
	"caption":     {[]string{"internal/tiny/blip"}, []string{"-n", "2", "-o", "caption.png"}},
	"classify":    {[]string{"internal/tiny/encoder", "internal/tiny/classifier"}, []string{"The film was boring.", "The staff were kind."}},
	"complexity":  {[]string{"internal/tiny/decoder"}, []string{"-max", "256", "-o", "complexity.png"}},
	"cost":        {[]string{"internal/tiny/decoder"}, []string{"-o", "cost.png"}},
	"embed":       {[]string{"internal/tiny/encoder", "internal/tiny/embedder"}, []string{"-o", "similarity.png"}},
	"family":      {[]string{"family/testdata/stablelm"}, []string{"-max-tokens", "8", "The capital of France is"}},
	"fillmask":    {[]string{"internal/tiny/encoder"}, []string{"The [MASK] sat on the mat"}},
	"generate":    {[]string{"internal/tiny/decoder"}, []string{"-max-tokens", "8", "-seed", "2", "-temperature", "1", "The cat sat"}},
	"imagesearch": {[]string{"internal/tiny/clip"}, []string{"-o", "found.png", "a dog on a road"}},
	"logitlens":   {[]string{"internal/tiny/decoder"}, []string{"-o", "lens.png", "The cat sat on the"}},
	"moe":         {[]string{"moe/models.zip/sparse"}, []string{"-max-tokens", "8", "-o", "moe.png", "The king has two horses. ="}},
	"ner":         {[]string{"internal/tiny/encoder", "internal/tiny/tagger"}, []string{"Anna works at Acme in Paris."}},
	"quantize":    {[]string{"internal/tiny/decoder"}, []string{"-to", "Q4_0", "-v"}},
	"translate":   {[]string{"internal/tiny/translator"}, []string{"-task", "translation_en_to_fr", "-layer", "1", "-head", "0", "-o", "alignment.png", "the cat sat on the mat"}},
	"zeroshot":    {[]string{"internal/tiny/clip"}, []string{"-n", "2", "-o", "zeroshot.png"}},
}

// durations differ from run to run.
var durations = regexp.MustCompile(`[0-9.]+(µs|ms|s)\b`)

// Every example says with -h what it does and which texts or pictures it takes, runs a checkpoint with -model, and gives the same
// without -model, where it runs that of the repository.
func TestPrograms(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: programs are built")
	}
	bin := t.TempDir()
	build(t, bin)
	for name, p := range programs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := filepath.Join(bin, name)
			help, err := output(t, program, ".", "-h")
			if err != nil {
				t.Fatalf("-h: %v\n%s", err, help)
			}
			if usage := regexp.MustCompile(`^usage: ` + name + ` \[flags\]( \[(TEXT|PICTURE)( \.\.\.)?\])?\n\n?[A-Z][^\n]*\.\n`); !usage.MatchString(help) {
				t.Errorf("-h does not begin with a usage line and a sentence:\n%s", help)
			}
			if !strings.Contains(help, "\n  -model ") {
				t.Errorf("-h has no flag -model:\n%s", help)
			}
			missing := filepath.Join(bin, "no such folder")
			if out, err := output(t, program, ".", "-model", missing); err == nil || !strings.Contains(out, missing) {
				t.Errorf("-model with a folder that is not there: %v\n%s", err, out)
			}
			dir := t.TempDir()
			given, err := output(t, program, dir, append([]string{"-model", folder(t, p.model...)}, p.args...)...)
			if err != nil {
				t.Fatalf("-model: %v\n%s", err, given)
			}
			if name == "complexity" || name == "cost" {
				return // without -model they show other layers and models; complexity, for seconds
			}
			where := dir
			if name == "family" {
				where = "family" // its default is relative to where it is started
			}
			without, err := output(t, program, where, p.args...)
			if err != nil || durations.ReplaceAllString(without, "") != durations.ReplaceAllString(given, "") {
				t.Errorf("without -model: %v\n%s\nwith the folder of the repository:\n%s", err, without, given)
			}
		})
	}
}

// build builds all programs into a folder.
func build(t *testing.T, bin string) {
	var found []string
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(e.Name(), "main.go")); err == nil {
			found = append(found, e.Name())
		}
	}
	for _, name := range found {
		if _, ok := programs[name]; !ok {
			t.Errorf("the example %s is not tested here", name)
		}
	}
	if len(found) != len(programs) {
		t.Errorf("the examples are %q, and %d programs are tested", found, len(programs))
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command to build the programs with")
	}
	for _, c := range [][]string{{"build", "-o", bin + string(filepath.Separator), "./..."}, {"build", "-C", "family", "-o", filepath.Join(bin, "family"), "."}} {
		if out, err := exec.Command("go", c...).CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(c, " "), err, out)
		}
	}
}

// output runs a program in a folder and returns what it prints.
func output(t *testing.T, program, dir string, args ...string) (string, error) {
	t.Helper()
	c := exec.Command(program, args...)
	c.Dir = dir
	out, err := c.CombinedOutput()
	return string(out), err
}

// folder returns the absolute path of a folder with a whole checkpoint: the folder given, unpacked where it is in
// an archive, or a trunk and a head as one.
func folder(t *testing.T, parts ...string) string {
	if len(parts) == 1 {
		if archive, inside, ok := strings.Cut(parts[0], ".zip/"); ok {
			dir := t.TempDir()
			if err := os.CopyFS(dir, tensortest.Zip(t, archive+".zip")); err != nil {
				t.Fatal(err)
			}
			return filepath.Join(dir, inside)
		}
		dir, err := filepath.Abs(parts[0])
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}
	dir := t.TempDir()
	var sources []checkpoint.Source
	for _, part := range parts {
		fsys := os.DirFS(part)
		if src, err := hf.OpenWeights(fsys); err == nil {
			sources = append(sources, src)
		}
		if err := overlay(dir, fsys); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := checkpoint.Join(sources...)
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Close()
	f, err := os.Create(filepath.Join(dir, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := safetensors.Write(f, whole, nil); err != nil {
		t.Fatal(err)
	}
	return dir
}

// overlay copies everything but weights to a folder, over what is there.
func overlay(dir string, fsys fs.FS) error {
	return fs.WalkDir(fsys, ".", func(name string, e fs.DirEntry, err error) error {
		to := filepath.Join(dir, filepath.FromSlash(name))
		switch {
		case err != nil || name == ".":
			return err
		case e.IsDir():
			return os.MkdirAll(to, 0o700)
		case filepath.Ext(name) == ".safetensors":
			return nil
		}
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o600)
	})
}

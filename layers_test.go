package transformer_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layers are the library's folders from the top down: a package imports only from folders that
// come later, and from internal.
var layers = []string{"model/task", "retrieval", "cost", "model", "model/family", "model/lora", "model/quantize", "model/llamacpp", "model/hf", "tensor/checkpoint/torch", "tensor/checkpoint/gguf", "tensor/checkpoint/safetensors", "model/arch", "moe", "block", "attention", "tensor/nn", "tensor/checkpoint", "tensor"}

// leaves stand beside the layers. Of ours they import internal alone; only the top layer and
// programs import them.
var leaves = []string{"sample", "tokenizer", "vision"}

// rooms are the tokenizer's folders from the top down. A room imports only rooms that come later.
var rooms = []string{"tokenizer", "tokenizer/internal/jinja", "tokenizer/internal/hf", "tokenizer/internal/gguf", "tokenizer/internal/sentencepiece", "tokenizer/internal/tiktoken", "tokenizer/internal/plan",
	"tokenizer/internal/languages", "tokenizer/internal/post", "tokenizer/internal/decode", "tokenizer/internal/models",
	"tokenizer/internal/added", "tokenizer/internal/pretoken", "tokenizer/internal/normalize", "tokenizer/internal/regex",
	"tokenizer/internal/trie", "tokenizer/internal/buffer", "tokenizer/internal/jsonscan", "tokenizer/internal/chars"}

// programs may import everything; nothing imports them.
var programs = []string{"examples", "benchmarks"}

// rules are what this test holds the tree to. Each returns one line for each breach.
var rules = []struct {
	name  string
	check func(*tree) []string
}{
	{"imports point down", brokenLayers},
	{"no cycles", cycles},
	{"unsafe and assembly are internal", unconfined},
	{"nothing happens on import", sideEffects},
	{"everything exported is documented", undocumented},
	{"files are read in one place", readers},
}

func TestLayers(t *testing.T) {
	tr, err := readTree(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	if tr.packages["tensor"] == nil {
		t.Fatal("found no tensor package: the tree was not read")
	}
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			for _, line := range rule.check(tr) {
				t.Error(line)
			}
		})
	}
}

// tree is a module's source, read without regard to build constraints.
type tree struct {
	module   string
	packages map[string]*pkg // by folder, "." for the root
	assembly []string
	fset     *token.FileSet
}

type pkg struct {
	dir   string
	files []file
}

type file struct {
	name string // with its folder
	test bool
	*ast.File
}

// readTree parses a module's Go files. Like the go command it passes over testdata, names that
// begin with a dot or an underscore, and modules within the module.
func readTree(fsys fs.FS) (*tree, error) {
	mod, err := fs.ReadFile(fsys, "go.mod")
	if err != nil {
		return nil, err
	}
	t := &tree{packages: map[string]*pkg{}, fset: token.NewFileSet()}
	for line := range strings.Lines(string(mod)) {
		if name, ok := strings.CutPrefix(line, "module "); ok {
			t.module = strings.TrimSpace(name)
		}
	}
	err = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == ".":
			return nil
		case d.IsDir() && skipped(fsys, name):
			return fs.SkipDir
		case d.IsDir() || strings.ContainsAny(path.Base(name)[:1], "._"):
			return nil
		case path.Ext(name) == ".s":
			t.assembly = append(t.assembly, name)
		case path.Ext(name) == ".go":
			return t.parse(fsys, name)
		}
		return nil
	})
	return t, err
}

func skipped(fsys fs.FS, dir string) bool {
	base := path.Base(dir)
	_, err := fs.Stat(fsys, dir+"/go.mod")
	return err == nil || base == "testdata" || base == "vendor" || strings.ContainsAny(base[:1], "._")
}

func (t *tree) parse(fsys fs.FS, name string) error {
	src, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	f, err := parser.ParseFile(t.fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	dir := path.Dir(name)
	if t.packages[dir] == nil {
		t.packages[dir] = &pkg{dir: dir}
	}
	p := t.packages[dir]
	p.files = append(p.files, file{name, strings.HasSuffix(name, "_test.go"), f})
	return nil
}

// sorted returns the packages in order of their folders.
func (t *tree) sorted() []*pkg {
	return slices.SortedFunc(maps.Values(t.packages), func(a, b *pkg) int { return strings.Compare(a.dir, b.dir) })
}

// source returns the files that are not tests.
func (p *pkg) source() []file {
	return slices.DeleteFunc(slices.Clone(p.files), func(f file) bool { return f.test })
}

// imports returns the paths that a file imports.
func (f file) imports() []string {
	var paths []string
	for _, spec := range f.Imports {
		p, _ := strconv.Unquote(spec.Path.Value)
		paths = append(paths, p)
	}
	return paths
}

// ours returns the folders of this module that a file imports.
func (t *tree) ours(f file) []string {
	var dirs []string
	for _, p := range f.imports() {
		if p == t.module {
			dirs = append(dirs, ".")
		} else if dir, ok := strings.CutPrefix(p, t.module+"/"); ok {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

func within(dir, folder string) bool { return dir == folder || strings.HasPrefix(dir, folder+"/") }

// home returns the folder of folders that dir lies in, the longest that fits, or "".
func home(dir string, folders []string) string {
	best := ""
	for _, f := range folders {
		if within(dir, f) && len(f) > len(best) {
			best = f
		}
	}
	return best
}

func brokenLayers(t *tree) []string {
	var lines []string
	for _, p := range t.sorted() {
		for _, f := range p.source() {
			for _, dir := range t.ours(f) {
				if why := forbidden(p.dir, dir); why != "" {
					lines = append(lines, fmt.Sprintf("%s imports %s: %s", f.name, dir, why))
				}
			}
		}
		if len(p.source()) > 0 && !known(p.dir) {
			lines = append(lines, fmt.Sprintf("%s has no place among the layers: give it one in layers_test.go", p.dir))
		}
	}
	return lines
}

func known(dir string) bool {
	if within(dir, "tokenizer/internal") {
		return slices.Contains(rooms, dir)
	}
	return dir == "." || home(dir, slices.Concat(layers, leaves, programs, []string{"internal"})) != ""
}

// forbidden says why the package in folder from may not import the one in folder to, or "".
func forbidden(from, to string) string {
	fromLayer, toLayer := home(from, layers), home(to, layers)
	fromLeaf, toLeaf := home(from, leaves), home(to, leaves)
	switch {
	case home(from, programs) != "":
		return ""
	case home(to, programs) != "":
		return "programs are not imported"
	case to == ".":
		return "the root package is documentation alone"
	case from == ".":
		return ""
	case within(from, "internal"):
		if !within(to, "internal") {
			return "internal imports only internal"
		}
	case slices.Contains(rooms, from) && slices.Index(rooms, from) > slices.Index(rooms, to) && slices.Contains(rooms, to):
		return from + " lies below " + to
	case fromLeaf != "":
		if toLeaf != fromLeaf && !within(to, "internal") {
			return fromLeaf + " imports only internal of ours"
		}
	case toLeaf != "":
		if !within(from, "model") || fromLayer == "model/arch" {
			return "only model and programs import " + toLeaf
		}
	case toLayer != "" && slices.Index(layers, fromLayer) > slices.Index(layers, toLayer):
		return fromLayer + " lies below " + toLayer
	}
	return ""
}

// cycles reports imports that lead back to where they stand. A package's own tests count as part
// of it, its external tests do not, as for the compiler.
func cycles(t *tree) []string {
	var lines []string
	for _, p := range t.sorted() {
		for _, f := range p.files {
			if f.test && strings.HasSuffix(f.Name.Name, "_test") {
				continue
			}
			for _, dir := range t.ours(f) {
				if t.reaches(dir, p.dir, map[string]bool{}) {
					lines = append(lines, fmt.Sprintf("%s imports %s, which leads back to %s", f.name, dir, p.dir))
				}
			}
		}
	}
	return lines
}

func (t *tree) reaches(from, to string, seen map[string]bool) bool {
	if from == to {
		return true
	}
	if seen[from] || t.packages[from] == nil {
		return false
	}
	seen[from] = true
	for _, f := range t.packages[from].source() {
		for _, dir := range t.ours(f) {
			if t.reaches(dir, to, seen) {
				return true
			}
		}
	}
	return false
}

func unconfined(t *tree) []string {
	var lines []string
	for _, name := range t.assembly {
		if !within(name, "internal") {
			lines = append(lines, name+" is assembly outside internal")
		}
	}
	for _, p := range t.sorted() {
		for _, f := range p.source() {
			for _, imported := range f.imports() {
				if imported == "C" || imported == "unsafe" && !within(p.dir, "internal") {
					lines = append(lines, fmt.Sprintf("%s imports %q", f.name, imported))
				}
			}
		}
	}
	return lines
}

func sideEffects(t *tree) []string {
	var lines []string
	for _, p := range t.sorted() {
		for _, f := range p.source() {
			for _, spec := range f.Imports {
				if spec.Name != nil && spec.Name.Name == "_" && !harmless(spec.Path.Value) {
					lines = append(lines, fmt.Sprintf("%s imports %s for its side effects", f.name, spec.Path.Value))
				}
			}
			for _, decl := range f.Decls {
				if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					lines = append(lines, fmt.Sprintf("%s: init function", t.fset.Position(fn.Pos())))
				}
			}
		}
	}
	return lines
}

// reader is the package that reads files of strangers: it looks at what they are, and bounds them.
const (
	reader   = "internal/sidefile"
	testHelp = "internal/tensortest"
)

// readers reports functions that open or read a file by name, or read all that comes, outside of the reader, of
// programs and of what tests share.
func readers(t *tree) []string {
	banned := map[string]bool{"fs.ReadFile": true, "fs.Stat": true, "io.ReadAll": true, "os.ReadFile": true, "os.Open": true, "os.OpenFile": true, "os.Stat": true}
	var lines []string
	for _, p := range t.sorted() {
		if within(p.dir, reader) || home(p.dir, programs) != "" || within(p.dir, testHelp) {
			continue
		}
		for _, f := range p.source() {
			ast.Inspect(f.File, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					if x, ok := s.X.(*ast.Ident); ok && banned[x.Name+"."+s.Sel.Name] && f.Name.Name != "main" {
						lines = append(lines, fmt.Sprintf("%s: %s.%s: %s reads files", t.fset.Position(s.Pos()), x.Name, s.Sel.Name, reader))
					}
				}
				return true
			})
		}
	}
	return lines
}

// harmless says whether a blank import does nothing: go:embed asks for one.
func harmless(quoted string) bool { return quoted == `"embed"` }

func undocumented(t *tree) []string {
	var lines []string
	for _, p := range t.sorted() {
		if len(p.source()) == 0 {
			continue
		}
		if !p.introduced() {
			lines = append(lines, fmt.Sprintf("%s: package %s has no comment that begins with its name", p.dir, p.source()[0].Name.Name))
		}
		if strings.Contains("/"+p.dir+"/", "/internal/") {
			continue
		}
		for _, f := range p.source() {
			for _, id := range bare(f.File) {
				lines = append(lines, fmt.Sprintf("%s: %s has no doc comment", t.fset.Position(id.Pos()), id.Name))
			}
		}
	}
	return lines
}

// introduced says whether a package has a comment that begins in the usual way; a program's may
// begin as it likes.
func (p *pkg) introduced() bool {
	return slices.ContainsFunc(p.source(), func(f file) bool {
		text := f.Doc.Text()
		return strings.HasPrefix(text, "Package "+f.Name.Name+" ") || f.Name.Name == "main" && text != ""
	})
}

// bare returns the exported names of a file that have no comment: declarations, methods of
// exported types, and methods of exported interfaces. A comment on a group serves all in it, one
// on an interface serves its only method.
func bare(f *ast.File) []*ast.Ident {
	var ids []*ast.Ident
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && d.Doc.Text() == "" && (d.Recv == nil || ast.IsExported(receiver(d))) {
				ids = append(ids, d.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				ids = append(ids, bareSpec(spec, d.Doc.Text() != "")...)
			}
		}
	}
	return ids
}

func bareSpec(spec ast.Spec, grouped bool) []*ast.Ident {
	var ids []*ast.Ident
	switch s := spec.(type) {
	case *ast.ValueSpec:
		if !grouped && s.Doc.Text() == "" && s.Comment.Text() == "" {
			ids = append(ids, s.Names...)
		}
	case *ast.TypeSpec:
		if !grouped && s.Doc.Text() == "" && s.Comment.Text() == "" {
			ids = append(ids, s.Name)
		}
		if in, ok := s.Type.(*ast.InterfaceType); ok && s.Name.IsExported() && len(in.Methods.List) > 1 {
			for _, m := range in.Methods.List {
				if m.Doc.Text() == "" && m.Comment.Text() == "" {
					ids = append(ids, m.Names...)
				}
			}
		}
	}
	return slices.DeleteFunc(ids, func(id *ast.Ident) bool { return !id.IsExported() })
}

// receiver returns the name of the type that a method belongs to.
func receiver(fn *ast.FuncDecl) string {
	x := fn.Recv.List[0].Type
	for {
		switch e := x.(type) {
		case *ast.StarExpr:
			x = e.X
		case *ast.IndexExpr:
			x = e.X
		case *ast.IndexListExpr:
			x = e.X
		case *ast.Ident:
			return e.Name
		default:
			return ""
		}
	}
}

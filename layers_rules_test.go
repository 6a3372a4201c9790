package transformer_test

import (
	"fmt"
	"path"
	"slices"
	"testing"
	"testing/fstest"
)

// ruleCases change a sound tree by a few files, and name every breach that the rules then find.
var ruleCases = []struct {
	name  string
	files map[string]string
	want  []string
}{
	{name: "sound"},
	{"what is allowed", map[string]string{
		"doc.go":                    "// Package transformer is documentation.\npackage transformer\nimport \"m/model\"\n",
		"layers_test.go":            "package transformer_test\nimport _ \"m/model\"\n",
		"model/model.go":            "package model\nimport (\n\"m/moe\"\n\"m/tensor\"\n\"m/sample\"\n\"m/tokenizer\"\n)\n",
		"tensor/nn/nn.go":           "package nn\nimport (\n_ \"embed\"\n\"m/tensor/checkpoint\"\n\"m/internal/a\"\n)\n",
		"tokenizer/chat/chat.go":    "// Package chat is within a leaf.\npackage chat\nimport \"m/tokenizer\"\n",
		"sample/beam/beam.go":       "// Package beam is within a leaf.\npackage beam\nimport (\n\"m/sample\"\n\"m/internal/a\"\n)\n",
		"internal/a/a.go":           "// Package a is low.\npackage a\nimport (\n\"m/internal/b\"\n\"unsafe\"\n)\nfunc Bare() {}\n",
		"internal/b/b.go":           "// Package b is lower.\npackage b\n",
		"internal/b/b_amd64.s":      "TEXT",
		"examples/e/main.go":        "// Generates.\npackage main\nimport (\n\"m/internal/a\"\n\"m/model\"\n)\n",
		"benchmarks/b_test.go":      "package benchmarks\nimport \"unsafe\"\nfunc init() {}\nfunc Bare() {}\n",
		"tensor/x_test.go":          "package tensor_test\nimport \"m/tensor/nn\"\n",
		"tensor/testdata/t.go":      "not Go",
		"tensor/.hidden/t.go":       "not Go",
		"internal/a/_asm/go.mod":    "module asm\n",
		"internal/a/other/go.mod":   "module other\n",
		"internal/a/other/other.go": "package other\nfunc init() {}\n",
	}, nil},
	{"upwards", map[string]string{
		"tensor/up.go":    "package tensor\nimport \"m/tensor/checkpoint\"\n",
		"attention/up.go": "package attention\nimport \"m/block\"\n",
	}, []string{
		"attention/up.go imports block: attention lies below block",
		"tensor/up.go imports tensor/checkpoint: tensor lies below tensor/checkpoint",
	}},
	{"internal looks up", map[string]string{
		"internal/a/a.go": "// Package a is low.\npackage a\nimport \"m/tensor\"\n",
	}, []string{"internal/a/a.go imports tensor: internal imports only internal"}},
	{"leaves", map[string]string{
		"sample/in.go":    "package sample\nimport \"m/internal/a\"\nimport \"m/tensor\"\n",
		"tokenizer/in.go": "package tokenizer\nimport \"m/sample\"\n",
		"moe/leaf.go":     "package moe\nimport \"m/sample\"\n",

		"tokenizer/internal/trie/up.go": "// Package trie looks up.\npackage trie\nimport \"m/tokenizer/internal/plan\"\n",
		"tokenizer/internal/plan/p.go":  "// Package plan may look down.\npackage plan\nfunc Bare() {}\n",
		"tokenizer/internal/new/new.go": "// Package new has no place.\npackage new\n",
	}, []string{
		"moe/leaf.go imports sample: only model and programs import sample",
		"sample/in.go imports tensor: sample imports only internal of ours",
		"tokenizer/in.go imports sample: tokenizer imports only internal of ours",
		"tokenizer/internal/new has no place among the layers: give it one in layers_test.go",
		"tokenizer/internal/trie/up.go imports tokenizer/internal/plan: tokenizer/internal/trie lies below tokenizer/internal/plan",
	}},
	{"roots and programs", map[string]string{
		"doc.go":             "// Package transformer has code.\npackage transformer\nimport \"m/model\"\nimport _ \"log\"\n",
		"model/root.go":      "package model\nimport \"m\"\n",
		"model/program.go":   "package model\nimport \"m/examples/e\"\n",
		"examples/e/main.go": "// Generates.\npackage main\n",
	}, []string{
		"model/program.go imports examples/e: programs are not imported",
		"model/root.go imports .: the root package is documentation alone",
		"doc.go imports model, which leads back to .",
		"model/root.go imports ., which leads back to model",
		"doc.go imports \"log\" for its side effects",
	}},
	{"unknown folder", map[string]string{
		"modelling/a.go": "// Package modelling is new.\npackage modelling\n",
	}, []string{"modelling has no place among the layers: give it one in layers_test.go"}},
	{"cycle through a test", map[string]string{
		"moe/down.go":       "package moe\nimport \"m/block\"\n",
		"block/b.go":        "package block\nimport \"m/tensor\"\n",
		"tensor/in_test.go": "package tensor\nimport \"m/moe\"\n",
	}, []string{"tensor/in_test.go imports moe, which leads back to tensor"}},
	{"unsafe, C and assembly", map[string]string{
		"tensor/u.go":       "package tensor\nimport \"unsafe\"\n",
		"tensor/u_amd64.s":  "TEXT",
		"internal/a/cgo.go": "// Package a calls C.\npackage a\nimport \"C\"\n",
	}, []string{
		"tensor/u_amd64.s is assembly outside internal",
		"internal/a/cgo.go imports \"C\"",
		"tensor/u.go imports \"unsafe\"",
	}},
	{"side effects", map[string]string{
		"sample/i.go": "package sample\nimport _ \"image/png\"\ntype t int\nfunc (t) init() {}\nfunc init() {}\n",
	}, []string{
		"sample/i.go imports \"image/png\" for its side effects",
		"sample/i.go:5:1: init function",
	}},
	{"readers of files", map[string]string{
		"tensor/r.go":            "package tensor\nimport \"io/fs\"\nvar _, _ = fs.ReadFile(nil, \"x\")\n",
		"tensor/r_test.go":       "package tensor\nimport \"os\"\nvar _, _ = os.ReadFile(\"x\")\n",
		"internal/gen/main.go":   "// Writes.\npackage main\nimport \"os\"\nvar _, _ = os.ReadFile(\"x\")\n",
		"internal/sidefile/r.go": "// Package sidefile reads.\npackage sidefile\nimport \"io\"\nvar _, _ = io.ReadAll(nil)\n",
		"examples/e/main.go":     "// Reads.\npackage main\nimport \"io\"\nvar _, _ = io.ReadAll(nil)\n",
	}, []string{"tensor/r.go:3:12: fs.ReadFile: internal/sidefile reads files"}},
	{"package comments", map[string]string{
		"internal/a/a.go":    "// A helper.\npackage a\n",
		"examples/e/main.go": "package main\n",
	}, []string{
		"examples/e: package main has no comment that begins with its name",
		"internal/a: package a has no comment that begins with its name",
	}},
	{"comments that are there", map[string]string{
		"sample/d.go": `package sample

// F does.
func F() {}

// Group of them.
const (
	A = 1
	B = 2
)

const (
	C = 3 // third
	// D is fourth.
	D = 4
)

// I acts.
type I interface {
	// M acts.
	M()
	N() // acts too
	hidden()
}

// Op acts on a thing.
type Op interface{ Act() }

type small struct{}

func (small) Loud() {}
func quiet()        {}
`}, nil},
	{"comments that are missing", map[string]string{
		"sample/d.go": `package sample

func F() {}

const (
	A, b = 1, 2
	// C is fine.
	C = 3
)

var V int

//nolint:all
type T[P any] struct{}

func (*T[P]) M() {}

// I acts.
type I interface {
	N()
	O() // acts
}
`}, []string{
		"sample/d.go:3:6: F has no doc comment",
		"sample/d.go:6:2: A has no doc comment",
		"sample/d.go:11:5: V has no doc comment",
		"sample/d.go:14:6: T has no doc comment",
		"sample/d.go:16:14: M has no doc comment",
		"sample/d.go:20:2: N has no doc comment",
	}},
}

// TestRules holds the rules against small trees, each a sound one with a few files changed.
func TestRules(t *testing.T) {
	for _, c := range ruleCases {
		t.Run(c.name, func(t *testing.T) {
			fsys := fstest.MapFS{"go.mod": {Data: []byte("module m\n\ngo 1.26\n")}}
			for _, folder := range slices.Concat(layers, leaves) {
				name := path.Base(folder)
				fsys[folder+"/doc.go"] = &fstest.MapFile{Data: fmt.Appendf(nil, "// Package %s is here.\npackage %[1]s\n", name)}
			}
			for name, src := range c.files {
				fsys[name] = &fstest.MapFile{Data: []byte(src)}
			}
			tr, err := readTree(fsys)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, rule := range rules {
				got = append(got, rule.check(tr)...)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

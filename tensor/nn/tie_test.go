package nn

import (
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// table is a stored matrix [5, 3].
func table(name string) stored { return stored{name, tensor.F32, []int{5, 3}} }

// copyOf is a matrix with the values of another.
func copyOf(s stored, name string) checkpoint.Entry {
	e := s.entry()
	e.Name = name
	return e
}

// Whichever of three tied tables is stored alone serves all, kept once. The first stored one in the order of the
// declaration serves those that are missing.
func TestTieOneName(t *testing.T) {
	names := []string{"shared", "enc.tokens", "head"}
	for _, present := range [][]string{{"shared"}, {"enc.tokens"}, {"head"}, {"enc.tokens", "head"}, {"shared", "head"}, names} {
		var tensors []stored
		for _, name := range present {
			tensors = append(tensors, table(name+".weight"))
		}
		l := NewLoader(file(t, tensors...), Options{})
		l.Tie(names...)
		e := l.At("enc").Embedding("tokens", 5, 3)
		h := l.Head(e, "head")
		if err := l.Err(true); err != nil {
			t.Errorf("stored %v: %v", present, err)
			continue
		}
		source := func(name string) stored {
			if slices.Contains(present, name) {
				return table(name + ".weight")
			}
			return tensors[0]
		}
		checkRows(t, "the embedding", e.Weight, 0, source("enc.tokens"), tensor.F32, false)
		checkRows(t, "the head", h.Weight, 0, source("head"), tensor.F32, false)
		if same := h.Weight == e.Weight; same != (len(present) == 1) {
			t.Errorf("stored %v: one table: %v", present, same)
		}
	}
}

// Equal tables are kept once, and all of the file counts as read.
func TestTieEqualTables(t *testing.T) {
	src, err := checkpoint.Memory(copyOf(table("x"), "words.weight"), copyOf(table("x"), "head.weight"))
	if err != nil {
		t.Fatal(err)
	}
	var done, total int64
	l := NewLoader(src, Options{Progress: func(d, all int64) { done, total = d, all }})
	l.Tie("words", "head")
	e := l.Table("words", 5, 3)
	h := l.Head(e, "head")
	if again := l.Head(e, "words"); again.Weight == nil {
		t.Error("no head")
	}
	if err := l.Err(true); err != nil || done != total {
		t.Errorf("%d of %d bytes, error %v", done, total, err)
	}
	checkRows(t, "the head", h.Weight, 0, table("x"), tensor.F32, false)
}

// A table that is missing and not tied is refused by its name; one that is missing with all that it is tied to names
// these, once.
func TestTieMissing(t *testing.T) {
	l := NewLoader(file(t, table("words.weight")), Options{})
	l.Head(l.Embedding("words", 5, 3), "head")
	if err := l.Err(true); err == nil || err.Error() != `nn: the checkpoint has no tensor "head.weight" of shape [5 3]` {
		t.Error(err)
	}
	l = NewLoader(file(t, stored{"x", tensor.F32, []int{1}}), Options{})
	l.Tie("words", "head")
	l.Head(l.Embedding("words", 5, 3), "head")
	err := l.Err(true)
	if err == nil || strings.Count(err.Error(), "\n") != 0 || !strings.Contains(err.Error(), `no tensor "words.weight" of shape [5 3], nor a table that is tied to it: head.weight`) {
		t.Error(err)
	}
}

// What the options skip does not keep a prefix from being that of all.
func TestSkipBesidePrefix(t *testing.T) {
	l := NewLoader(file(t, stored{"net.model.w", tensor.F32, []int{1}}, stored{"ema.w", tensor.F32, []int{1}}), Options{
		Skip: func(name string) bool { return name == "ema.w" },
	})
	l.Root("model", "w").Vector("w", 1)
	if err := l.Err(true); err != nil {
		t.Error(err)
	}
}

// Counters and the weights of a loss are left out and named, and so is what the options say; all else is an error.
func TestSkip(t *testing.T) {
	side := []string{"bert.embeddings.position_ids", "loss_fct.weight", "n.num_batches_tracked", "class_weights", "criterion.pos_weight", "bce_loss.w"}
	var tensors []stored
	for _, name := range append(side, "w", "teacher.w", "lossless.w", "reloss") {
		tensors = append(tensors, stored{name, tensor.F32, []int{1}})
	}
	var skipped []string
	l := NewLoader(file(t, tensors...), Options{
		Skip:    func(name string) bool { return strings.HasPrefix(name, "teacher.") },
		Skipped: func(name string) { skipped = append(skipped, name) },
	})
	l.Vector("w", 1)
	err := l.Err(true)
	if err == nil || strings.Count(err.Error(), "no place for") != 2 || !strings.Contains(err.Error(), `"lossless.w"`) || !strings.Contains(err.Error(), `"reloss"`) {
		t.Error(err)
	}
	want := append(side, "teacher.w")
	slices.Sort(want)
	if slices.Sort(skipped); !slices.Equal(skipped, want) {
		t.Errorf("skipped %q, want %q", skipped, want)
	}
}

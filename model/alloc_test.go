package model_test

import (
	"runtime"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/modeltest"
	"github.com/seed2010d43f/transformer/tensor"
)

// A token allocates nothing once the session has its memory.
func TestTokenAllocatesNothing(t *testing.T) {
	if tensortest.Race {
		t.Skip("the race detector allocates")
	}
	for _, g := range extend(t) {
		for _, cache := range []tensor.DType{tensor.F32, tensor.F16, tensor.Q8_0} {
			runtime.GC() // now rather than in the middle, where it would empty pools
			s := g.d.NewSession(model.SessionOptions{Cache: cache, Reserve: len(g.ids)})
			if g.d.LongFrom > 0 { // a text that stays on one side
				feed(t, s, g.ids[:g.d.LongFrom]...)
			}
			feed(t, s, g.ids[0])
			n := min(200, len(g.ids)-s.Len()-2)
			i := 0
			if got := testing.AllocsPerRun(n, func() {
				if err := s.Append(g.ids[i]); err != nil {
					t.Fatal(err)
				}
				i++
			}); got != 0 {
				t.Errorf("%s, %v cache: %v allocations for a token", g.Name, cache, got)
			}
		}
	}
}

// A session of a model that has only windows takes the same memory however long its text is.
func TestWindowsBoundMemory(t *testing.T) {
	const n = 3000
	for _, g := range goldens(t) {
		if g.Name != "mistral-window" && g.Name != "phi3-window" {
			continue
		}
		o := g.object(t)
		g.Config = encode(with(o, "max_position_embeddings", "100000"))
		d := g.decoder(t, model.Options{})
		s := d.NewSession(model.SessionOptions{Reserve: n})
		ids := modeltest.RandomIDs(1, n, d.Vocab)
		reserved := s.CacheBytes()
		for _, id := range ids[:1000] {
			feed(t, s, id)
		}
		for i := 1000; i < n; i += 100 {
			feed(t, s, ids[i:i+100]...)
			if got := s.CacheBytes(); got > reserved+reserved/3 { // a call's own tokens may need a page more
				t.Fatalf("%s: %d bytes after %d tokens, %d for a window", g.Name, got, s.Len(), reserved)
			}
		}
		// What the window has passed no longer counts, beyond layers · (window − 1) tokens back.
		fresh := d.NewSession(model.SessionOptions{})
		feed(t, fresh, ids...)
		same(t, g.Name, s.Logits(), fresh.Logits())
	}
}

package scene

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

// A digest over captions and pictures of 200 seeds, and of some large ones, as scene.py gives it: python scene.py prints it.
func TestPicturesAreThoseOfTheTraining(t *testing.T) {
	const want = "dcf29809c74a94c7fa10171e1047d24c660e50469a60bccd4fee113383323c00"
	h := sha256.New()
	draw := func(seed uint64) {
		s := New(seed)
		h.Write([]byte(s.Caption()))
		m := s.Draw()
		for i := 0; i < len(m.Pix); i += 4 {
			h.Write(m.Pix[i : i+3])
		}
	}
	for seed := range uint64(200) {
		draw(seed)
	}
	for i := range uint64(20) {
		draw(1<<64 - 1 - i*i)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		t.Errorf("the pictures have the digest %s, want %s", got, want)
	}
}

// A scene is drawn the same each time.
func TestDrawTwice(t *testing.T) {
	s := New(7)
	if a, b := s.Draw(), s.Draw(); string(a.Pix) != string(b.Pix) {
		t.Error("the second drawing differs from the first")
	}
}

func BenchmarkDraw(b *testing.B) {
	for i := range b.N {
		New(uint64(i)).Draw()
	}
}

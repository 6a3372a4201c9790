package plan

import (
	"math"
	"testing"
)

// TestScores reads scores as the reference's reader of tokenizer.json does, which is off in the last place for some, and
// exactly.
func TestScores(t *testing.T) {
	for text, want := range map[string][2]float64{
		"-2.25":               {-2.25, -2.25},
		"0":                   {0, 0},
		"-1e2":                {-100, -100},
		"1.5e-3":              {0.0015, 0.0015},
		"-11.165295600891113": {-math.Nextafter(11.165295600891113, 0), -11.165295600891113},
	} {
		for i, exact := range []bool{false, true} {
			if got, err := (&Plan{exactScores: exact}).score(text); err != nil || got != want[i] {
				t.Errorf("%s, exact %v: %v, %v, want %v", text, exact, got, err, want[i])
			}
		}
	}
}

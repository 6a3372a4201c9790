package pytext

import "testing"

// TestLower compares with str.lower of Python 3.11.
func TestLower(t *testing.T) {
	for _, c := range [][2]string{{"ΣΑΣ", "σας"}, {"ΌΣΟΣ. ΑΣ'Β", "όσος. ασ'β"}, {"Σ", "σ"}, {"αΣ", "ας"}, {"ΑΣ:", "ας:"}, {"ΑΣ\u0301 Σ", "ας\u0301 σ"},
		{"İSTANBUL ẞ", "i\u0307stanbul ß"}, {"1Σ", "1σ"}, {"Α.Σ", "α.ς"}, {"Plain CASE", "plain case"}, {"Σ\xff", "σ\ufffd"}} {
		if got := Lower(c[0]); got != c[1] {
			t.Errorf("%q becomes %q, want %q", c[0], got, c[1])
		}
	}
}

// TestSpace has the separators that unicode.IsSpace does not count.
func TestSpace(t *testing.T) {
	if got := Collapse("\x1ca\x1d \u00a0b\u2003\u200bc\u0085"); got != "a b \u200bc" {
		t.Errorf("got %q", got)
	}
	if got := WithoutPunct("a_b-«c»!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~é"); got != "ab«c»é" {
		t.Errorf("got %q", got)
	}
}

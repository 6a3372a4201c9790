package chars

// Run returns the end of the longest run from i of characters that have a property in want, or, with want 0, none of
// letter, number and space.
func Run(t *Map, b []byte, i int, want Class) int {
	if want == 0 {
		for i < len(b) {
			c, n := At(t, b, i)
			if c&(Letter|Number|Space) != 0 {
				break
			}
			i += n
		}
		return i
	}
	for i < len(b) {
		c, n := At(t, b, i)
		if c&want == 0 {
			break
		}
		i += n
	}
	return i
}

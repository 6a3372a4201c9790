package pictures

import "github.com/seed2010d43f/transformer/examples/internal/scene"

// Unseen is the number of pictures with which the tiny models are measured. Their seeds are 0, 1, 2, …, and none of them
// was trained on.
const Unseen = 500

// Scenes returns what the first n drawings show.
func Scenes(n int) []scene.Scene {
	out := make([]scene.Scene, n)
	for i := range out {
		out[i] = scene.New(uint64(i))
	}
	return out
}

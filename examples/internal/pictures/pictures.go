// Package pictures gives the examples pictures, photos or drawings, and shows which parts of them a model looked at.
package pictures

import (
	"fmt"
	"os"

	"github.com/seed2010d43f/transformer/examples/internal/scene"
	"github.com/seed2010d43f/transformer/vision"
)

// Picture is a picture with a name.
type Picture struct {
	Name  string
	Image *vision.Image
}

// Load reads pictures from files, turned upright. Without files it draws the scenes of n seeds, from seed on.
func Load(files []string, seed uint64, n int) ([]Picture, error) {
	var out []Picture
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		m, err := vision.Decode(f, vision.DecodeOptions{Orient: true})
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, Picture{name, m})
	}
	for i := range uint64(n) {
		if len(files) > 0 {
			break
		}
		m, err := vision.FromImage(scene.New(seed + i).Draw())
		if err != nil {
			return nil, err
		}
		out = append(out, Picture{fmt.Sprintf("drawing %d", seed+i), m})
	}
	return out, nil
}

// Images returns the pictures without their names.
func Images(pictures []Picture) []*vision.Image {
	out := make([]*vision.Image, len(pictures))
	for i, p := range pictures {
		out[i] = p.Image
	}
	return out
}

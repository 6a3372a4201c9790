package plot_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/seed2010d43f/transformer/examples/internal/plot"
)

// Two heads of a layer, side by side.
func ExampleHeatMap() {
	tokens := []string{"the", " cat", " sat"}
	m := plot.HeatMap{
		Title: "Attention",
		Rows:  tokens,
		Cols:  tokens,
		Panels: []plot.Panel{
			{Title: "head 0", Values: [][]float32{{1, 0, 0}, {0.9, 0.1, 0}, {0.2, 0.7, 0.1}}},
			{Title: "head 1", Values: [][]float32{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}},
		},
	}
	picture, err := m.Draw()
	if err != nil {
		log.Fatal(err)
	}
	_, _, blue, _ := plot.Colour(1).RGBA()
	fmt.Println("light yellow:", plot.Colour(1).R > 240, blue>>8 < 128)
	fmt.Println("wider than high:", picture.Bounds().Dx() > picture.Bounds().Dy())
	// Output:
	// light yellow: true true
	// wider than high: true
}

// A measurement beside what is expected.
func ExampleLogLog() {
	dir, err := os.MkdirTemp("", "plot")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	keys := []float64{1024, 2048, 4096}
	err = plot.LogLog{
		Title:  "Attention core",
		XLabel: "keys S",
		YLabel: "time",
		YUnit:  plot.Seconds,
		Series: []plot.Series{
			{Name: "measured", X: keys, Y: []float64{0.0011, 0.0042, 0.0171}},
			{Name: "O(S²)", X: keys, Y: []float64{0.001, 0.004, 0.016}, Dashed: true},
		},
	}.WritePNG(filepath.Join(dir, "time.png"))
	fmt.Println(err)
	// Output:
	// <nil>
}

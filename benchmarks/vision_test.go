package benchmarks

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"testing"

	"github.com/seed2010d43f/transformer/vision"
)

// photoSize is that of a camera: 12 megapixels.
const photoWidth, photoHeight = 4000, 3000

// photo returns a JPEG: the one that TRANSFORMER_PICTURE names, or a drawn one, with chroma at half the size.
func photo(b *testing.B) []byte {
	if name := os.Getenv("TRANSFORMER_PICTURE"); name != "" {
		data, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		return data
	}
	m := image.NewNRGBA(image.Rect(0, 0, photoWidth, photoHeight))
	for y := range photoHeight {
		for x := range photoWidth {
			grain := uint8(x*7919+y*104729) >> 5
			m.SetNRGBA(x, y, color.NRGBA{uint8(x/16+y/31) + grain, uint8(x*y>>14) + grain, uint8(y/12) + grain, 255})
		}
	}
	var file bytes.Buffer
	if err := jpeg.Encode(&file, m, &jpeg.Options{Quality: 90}); err != nil {
		b.Fatal(err)
	}
	return file.Bytes()
}

// BenchmarkVision takes a JPEG of 12 megapixels to the input of CLIP: decoding, resizing to the 299 × 224 pixels of which
// the crop keeps 224, resizing to all of them, the whole way, and eight pictures at once.
func BenchmarkVision(b *testing.B) {
	file := photo(b)
	m, err := vision.Decode(bytes.NewReader(file), vision.DecodeOptions{})
	if err != nil {
		b.Fatal(err)
	}
	clip := &vision.Processor{Fit: vision.Shortest, Size: vision.Size{Height: 224}, Filter: vision.Bicubic, Crop: vision.Size{Height: 224, Width: 224},
		Rescale: true, Scale: 1.0 / 255, Normalize: true, Mean: [3]float64{.48, .46, .41}, Std: [3]float64{.27, .26, .28}}
	pixels := make([]float32, 8*3*224*224)
	run := func(name string, work func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := work(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	run("decode", func() error {
		_, err := vision.Decode(bytes.NewReader(file), vision.DecodeOptions{})
		return err
	})
	run("resize", func() error {
		m.Resize(299, 224, vision.Bicubic)
		return nil
	})
	run("process", func() error {
		_, err := clip.Process(pixels, m)
		return err
	})
	run("all", func() error {
		m, err := vision.Decode(bytes.NewReader(file), vision.DecodeOptions{})
		if err == nil {
			_, err = clip.Process(pixels, m)
		}
		return err
	})
	eight := []*vision.Image{m, m, m, m, m, m, m, m}
	run("batch8", func() error {
		_, err := clip.ProcessBatch(pixels, eight)
		return err
	})
}

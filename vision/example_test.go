package vision_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"log"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/vision"
)

// file returns a PNG of one colour, as a stand-in for a photo.
func file(width, height int) *bytes.Buffer {
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.Set(x, y, color.NRGBA{200, 100, 50, 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		log.Fatal(err)
	}
	return &b
}

func ExampleProcessor() {
	m, err := vision.Decode(file(640, 480), vision.DecodeOptions{Orient: true})
	if err != nil {
		log.Fatal(err)
	}
	// A model's folder: os.DirFS("clip-vit-base-patch32").
	folder := fstest.MapFS{"preprocessor_config.json": {Data: []byte(`{"image_processor_type": "CLIPImageProcessor", "size": 224, "crop_size": 224}`)}}
	p, err := vision.OpenProcessor(folder)
	if err != nil {
		log.Fatal(err)
	}
	pixels, err := p.Process(nil, m)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(pixels.Channels, pixels.Height, pixels.Width)
	fmt.Printf("%.4f\n", pixels.Data[0])
	// Output:
	// 3 224 224
	// 1.1274
}

func ExampleImage_Resize() {
	m, err := vision.Decode(file(640, 480), vision.DecodeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	small := m.Resize(64, 48, vision.Lanczos)
	fmt.Println(small.Mode(), small.Width(), small.Height(), small.AppendBytes(nil)[:3])
	// Output: RGB 64 48 [200 100 50]
}

package model_test

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"log"
	"os"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/vision"
)

// house draws a red building with yellow windows by a road, as a stand-in for a photo.
func house() *vision.Image {
	m := image.NewRGBA(image.Rect(0, 0, 128, 128))
	fill := func(c color.RGBA, x0, y0, x1, y1 int) {
		draw.Draw(m, image.Rect(x0, y0, x1, y1), image.NewUniform(c), image.Point{}, draw.Src)
	}
	fill(color.RGBA{150, 190, 230, 255}, 0, 0, 128, 64) // sky
	fill(color.RGBA{90, 150, 80, 255}, 0, 64, 128, 128) // grass
	fill(color.RGBA{90, 90, 95, 255}, 0, 70, 128, 108)  // road
	fill(color.RGBA{205, 50, 45, 255}, 42, 12, 84, 71)  // wall
	for y := 18; y < 60; y += 14 {
		fill(color.RGBA{250, 235, 170, 255}, 48, y, 58, y+8)
		fill(color.RGBA{250, 235, 170, 255}, 68, y, 78, y+8)
	}
	photo, err := vision.FromImage(m)
	if err != nil {
		log.Fatal(err)
	}
	return photo
}

// pixels are what the model's processor makes of a picture.
func pixels(p *vision.Processor, photo *vision.Image) tensor.Tensor {
	px, err := p.Process(nil, photo)
	if err != nil {
		log.Fatal(err)
	}
	return model.Picture(px)
}

// The tower of pictures of a CLIP, alone: hidden states of the class token and of each patch, and the features.
func ExampleOpenImageEncoder() {
	e, err := model.OpenImageEncoder(os.DirFS("../examples/internal/tiny/clip"), model.Options{})
	if err != nil {
		log.Fatal(err)
	}
	picture := pixels(e.Processor, house())
	hidden, err := e.Hidden([]tensor.Tensor{picture})
	if err != nil {
		log.Fatal(err)
	}
	features, err := e.Pooled([]tensor.Tensor{picture})
	if err != nil {
		log.Fatal(err)
	}
	rows, columns := e.Patches.Grid(picture)
	fmt.Println("picture", picture.Shape, "hidden", hidden[0].Shape, "features", features.Shape)
	fmt.Println(e.Before(), "class token and", rows, "×", columns, "patches")
	// Output:
	// picture [3, 64, 64] hidden [65, 64] features [1, 64]
	// 1 class token and 8 × 8 patches
}

// A picture lies nearest to the text that says what it shows.
func ExampleOpenImageText() {
	m, err := model.OpenImageText(os.DirFS("../examples/internal/tiny/clip"), model.Options{})
	if err != nil {
		log.Fatal(err)
	}
	captions := []string{"a photo of a cat", "a photo of a dog", "a photo of a car", "a photo of a building"}
	texts, err := m.Sequences(captions)
	if err != nil {
		log.Fatal(err)
	}
	x, err := m.ImageFeatures([]tensor.Tensor{pixels(m.Processor, house())})
	if err != nil {
		log.Fatal(err)
	}
	y, err := m.TextFeatures(texts)
	if err != nil {
		log.Fatal(err)
	}
	arch.Normalize(x)
	arch.Normalize(y)
	logits, best := m.Logits(nil, x, y).Row(0), 0 // of the picture, one for each text
	for i, v := range logits {
		if v > logits[best] {
			best = i
		}
	}
	fmt.Println(captions[best])
	// Output: a photo of a building
}

// A BLIP looks at a picture once, and then writes about it.
func ExampleOpenImageToText() {
	m, err := model.OpenImageToText(os.DirFS("../examples/internal/tiny/blip"), model.Options{})
	if err != nil {
		log.Fatal(err)
	}
	seen, err := m.Look(pixels(m.Processor, house()))
	if err != nil {
		log.Fatal(err)
	}
	s, err := m.NewSession(seen[0], model.Question{}, model.SessionOptions{})
	if err != nil {
		log.Fatal(err)
	}
	for piece, err := range s.GenerateText(context.Background(), "", nil, model.GenerateOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(piece)
	}
	// Output: a red building by a road
}

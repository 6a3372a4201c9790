package pictures

import (
	"image"
	"image/color"
	"math"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/examples/internal/plot"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/vision"
)

// Watched is a picture that an encoder has read.
type Watched struct {
	// Picture is what the encoder saw of it: after resizing and cropping.
	Picture image.Image
	// Layers are the attention weights of the encoder's layers, [H, T, T], the first layer first.
	Layers []tensor.Tensor
	// Head are the weights of a pooling head that attends to all rows, [H, 1, T]; its Data is nil where there is none.
	Head tensor.Tensor

	pool            arch.ImagePooling
	before, columns int // rows before those of the patches; patches of a row
}

// Watch runs the encoder on a picture.
func Watch(e *arch.ImageEncoder, p *vision.Processor, m *vision.Image) (*Watched, error) {
	px, err := p.Process(nil, m)
	if err != nil {
		return nil, err
	}
	pixels := []tensor.Tensor{tensor.From(px.Data, px.Channels, px.Height, px.Width)}
	if _, err := e.Plan(); err != nil {
		return nil, err
	}
	if err := e.Check(pixels); err != nil {
		return nil, err
	}
	w := &Watched{Picture: seen(p, px), Layers: make([]tensor.Tensor, len(e.Blocks)), pool: e.Pool, before: e.Before(), columns: px.Width / e.Patches.Width}
	whole := p.Crop == (vision.Size{}) || p.Crop.Height >= p.Size.Height
	if whole && px.Width < m.Width() && px.Width*m.Height() == px.Height*m.Width() {
		w.Picture = m.ToImage() // nothing was cut off: the original is sharper
	}
	pass := attention.Pass{Observer: func(at attention.Point) func(tensor.Tensor) {
		to := &w.Head
		switch at.Stage {
		case attention.StageWeights:
			to = &w.Layers[at.Layer]
		case arch.StagePoolWeights:
		default:
			return nil
		}
		return func(x tensor.Tensor) {
			*to = tensor.From(append([]float32(nil), x.Data...), x.Shape[0], x.Shape[1], x.Shape[2])
		}
	}}
	e.ForwardPooled(&pass, pixels)
	return w, nil
}

// Tile shows how much each patch counts, given numbers for all rows of the encoder, those before the patches included.
func (w *Watched) Tile(title string, rows []float32) plot.Tile {
	var grid [][]float32
	for patches := rows[w.before:]; len(patches) > 0; patches = patches[w.columns:] {
		grid = append(grid, patches[:w.columns])
	}
	return plot.Tile{Title: title, Picture: w.Picture, Weights: grid}
}

// HasClass reports whether the picture's vector is made of the first row, a class token. Otherwise that row is a patch
// like any other.
func (w *Watched) HasClass() bool { return w.pool == arch.ClassToken }

// Class returns the attention of the first row, the class token, in a layer: the mean of its heads.
func (w *Watched) Class(layer int) []float32 { return Mean(w.Layers[layer], 0) }

// Output returns how much each of the encoder's last rows counts in the picture's vector: the class token alone, what
// the pooling head attends to, or all patches alike.
func (w *Watched) Output() []float32 {
	if w.pool == arch.ByAttention {
		return Mean(w.Head, 0)
	}
	output := make([]float32, w.Layers[0].Shape[1])
	if w.HasClass() {
		output[0] = 1
		return output
	}
	patches := output[w.before:]
	for i := range patches {
		patches[i] = 1 / float32(len(patches))
	}
	return output
}

// Rollout follows what the picture's vector is made of, [Watched.Output], back through all layers: see
// [attention.Rollout].
func (w *Watched) Rollout() []float32 { return attention.Rollout(w.Layers, w.Output()) }

// Mean returns the mean over the heads of the attention weights of a row; weights are [H, T, S].
func Mean(weights tensor.Tensor, row int) []float32 {
	heads, t := weights.Shape[0], weights.Shape[1]
	out := make([]float32, weights.Shape[2])
	for h := range heads {
		for i, v := range weights.Row(h*t + row) {
			out[i] += v / float32(heads)
		}
	}
	return out
}

// seen turns a model's pixels back into a picture.
func seen(p *vision.Processor, px vision.Pixels) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, px.Width, px.Height))
	value := func(c, at int) uint8 {
		v := float64(px.Data[c*px.Width*px.Height+at])
		if p.Normalize {
			v = v*p.Std[c] + p.Mean[c]
		}
		if p.Rescale && p.Scale != 0 {
			v /= p.Scale
		}
		return uint8(math.Round(min(max(v, 0), 255)))
	}
	for y := range px.Height {
		for x := range px.Width {
			at := y*px.Width + x
			m.SetRGBA(x, y, color.RGBA{value(0, at), value(1, at), value(2, at), 255})
		}
	}
	return m
}

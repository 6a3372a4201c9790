package vision

import (
	"errors"
	"fmt"
	"math"

	"github.com/seed2010d43f/transformer/internal/parallel"
)

// Fit is how a picture is brought to a size.
type Fit uint8

const (
	// Keep leaves the size as it is.
	Keep Fit = iota

	// Squash stretches the picture to the height and the width, whatever its shape.
	Squash

	// Shortest makes the shorter edge as long as Resize.Height says and keeps the shape. The longer edge is cut off to
	// a whole number.
	Shortest

	// Cover makes the picture as small as covers the height and the width, keeping its shape. Edges are rounded, halves
	// to even.
	Cover

	// Inside makes the picture as large as fits within the height and the width, keeping its shape. Edges are rounded,
	// halves to even.
	Inside
)

// Size is a height and a width in pixels.
type Size struct{ Height, Width int }

// Rounding is where a crop lies if what it leaves over is odd.
type Rounding uint8

const (
	// Down cuts off half a pixel of the offset, as transformers does.
	Down Rounding = iota

	// HalfEven takes the even of the two offsets, as torchvision does.
	HalfEven
)

// A Processor turns pictures into the numbers that a model was trained on. [OpenProcessor] makes one of a model's files;
// a program may also fill in the fields. It does these steps, each of which a zero value leaves out:
//
//	convert to RGB → resize → crop or extend to Crop → rescale → normalize → pad
//
// Any number of goroutines may use a Processor that none of them changes.
type Processor struct {
	Convert   Conversion // to RGB
	LateRGB   bool       // convert after the crop, as OpenCLIP does: Pillow then resizes palettes and alpha as they are
	Fit       Fit
	Size      Size // to resize to; Shortest reads Height alone
	Filter    Filter
	Resample  Arithmetic
	Crop      Size     // about the centre; zero is no crop
	Rounding  Rounding // of the crop's place
	Fill      byte     // of every channel of the border around a picture that is smaller than the crop
	Pad       Size     // zeros below and to the right of the normalized picture; zero is none
	Rescale   bool     // multiply bytes by Scale
	Scale     float64  // 1/255 in nearly all models
	Normalize bool     // subtract Mean and divide by Std
	Mean, Std [3]float64

	// MaxPixels bounds the picture that is computed; 0 stands for DefaultMaxPixels. What a crop removes is not
	// computed and does not count.
	MaxPixels int
}

// Pixels are pictures as a model takes them: Data holds [Channels, Height, Width] float32.
type Pixels struct {
	Data                    []float32
	Channels, Height, Width int
}

// CLIP's means and deviations, and those of the models that have ½.
var (
	clipMean, clipStd = [3]float64{0.48145466, 0.4578275, 0.40821073}, [3]float64{0.26862954, 0.26130258, 0.27577711}
	halfMean, halfStd = [3]float64{0.5, 0.5, 0.5}, [3]float64{0.5, 0.5, 0.5}
)

// ErrNotRGB is the error of a processor that converts nothing, for a picture that is not in mode RGB. Set Convert to
// have pictures converted.
var ErrNotRGB = errors.New("vision: the processor converts nothing and the picture is not RGB")

// WithSize returns a processor whose results have another size, for models that take several. With a crop, the picture is
// resized to more than the crop by the same share as before. It returns an error if p leaves the size to the picture.
func (p *Processor) WithSize(height, width int) (*Processor, error) {
	if height <= 0 || width <= 0 {
		return nil, fmt.Errorf("vision: a size of %d × %d", width, height)
	}
	q := *p
	switch {
	case p.Pad != (Size{}):
		return nil, errors.New("vision: WithSize of a processor that pads")
	case p.Crop == (Size{}) && p.Fit == Squash:
		q.Size = Size{height, width}
	case p.Crop == (Size{}):
		return nil, errors.New("vision: WithSize of a processor whose results have the size that their picture has")
	default:
		q.Crop = Size{height, width}
		larger := func(n int) int {
			return max(int(math.Ceil(float64(n*height)/float64(p.Crop.Height))), int(math.Ceil(float64(n*width)/float64(p.Crop.Width))))
		}
		switch p.Fit {
		case Shortest:
			q.Size = Size{larger(p.Size.Height), larger(p.Size.Height)}
		case Keep:
		default:
			q.Size = Size{(p.Size.Height*height + p.Crop.Height - 1) / p.Crop.Height, (p.Size.Width*width + p.Crop.Width - 1) / p.Crop.Width}
		}
	}
	return &q, nil
}

// Output returns the size of the result for a picture of a size, before padding is added and with it.
func (p *Processor) Output(width, height int) (Size, error) {
	l, err := p.layout(width, height)
	return l.out, err
}

// layout is what is computed of a picture.
type layout struct {
	across, down span // of the resized picture; what the crop keeps
	top, left    int  // of the kept part within the crop, if that is larger
	crop         Size // the picture after the crop
	out          Size // with padding
}

func (p *Processor) layout(width, height int) (l layout, err error) {
	size, err := p.resized(width, height)
	if err != nil {
		return l, err
	}
	l.crop = p.Crop
	if p.Crop == (Size{}) {
		l.crop = size
	}
	l.down, l.top = p.cut(height, size.Height, l.crop.Height)
	l.across, l.left = p.cut(width, size.Width, l.crop.Width)
	l.out = l.crop
	if p.Pad != (Size{}) {
		if p.Pad.Height < l.crop.Height || p.Pad.Width < l.crop.Width {
			return l, fmt.Errorf("vision: a picture of %d × %d cannot be padded to %d × %d", l.crop.Width, l.crop.Height, p.Pad.Width, p.Pad.Height)
		}
		l.out = p.Pad
	}
	if err := p.checkLayout(l); err != nil {
		return l, err
	}
	return l, nil
}

// checkLayout holds the sizes of a layout to the limit.
func (p *Processor) checkLayout(l layout) error {
	limit := p.MaxPixels
	if limit <= 0 {
		limit = DefaultMaxPixels
	}
	for _, s := range []Size{l.out, {l.down.len(), l.across.len()}} {
		if s.Height <= 0 || s.Width <= 0 || s.Height > limit/s.Width {
			return &problem{ErrTooLarge, fmt.Sprintf("a result of %d × %d pixels; Processor.MaxPixels allows %d", s.Width, s.Height, limit)}
		}
	}
	return nil
}

// resized returns the size of the whole resized picture.
func (p *Processor) resized(width, height int) (Size, error) {
	s := Size{height, width}
	w, h := float64(width), float64(height)
	var across, down float64
	switch p.Fit {
	case Keep:
		return s, nil
	case Squash:
		s = p.Size
	case Shortest:
		if width <= height {
			s = Size{int(float64(p.Size.Height*height) / w), p.Size.Height}
		} else {
			s = Size{p.Size.Height, int(float64(p.Size.Height*width) / h)}
		}
	default:
		down, across = h/float64(p.Size.Height), w/float64(p.Size.Width)
		ratio := min(down, across)
		if p.Fit == Inside {
			ratio = max(down, across)
		}
		s = Size{int(math.RoundToEven(h / ratio)), int(math.RoundToEven(w / ratio))}
	}
	const longest = 1 << 26
	if s.Height <= 0 || s.Width <= 0 || s.Height > longest || s.Width > longest {
		return s, &problem{ErrTooLarge, fmt.Sprintf("a picture of %d × %d pixels becomes %d × %d: its shape is too far from what the processor expects", width, height, s.Width, s.Height)}
	}
	return s, nil
}

// cut returns the part of an axis of size that a crop to n keeps, and where it lies in the crop.
func (p *Processor) cut(in, size, n int) (s span, at int) {
	s = span{in, size, 0, size}
	if d := size - n; d >= 0 {
		s.from = d / 2
		if p.Rounding == HalfEven {
			s.from = int(math.RoundToEven(float64(d) / 2))
		}
		s.to = s.from + n
		return s, 0
	}
	if p.Rounding == HalfEven || p.Resample == Torchvision {
		return s, (n - size) / 2
	}
	// With Pillow, transformers puts the larger half of the border before the picture.
	return s, (n - size + 1) / 2
}

// Process computes the pixels of a picture. It writes them into dst if that is large enough, and takes new memory if not:
// the result's Data begins where dst begins. Errors match [ErrNotRGB] or [ErrTooLarge], or name a field that is not set
// right.
func (p *Processor) Process(dst []float32, m *Image) (Pixels, error) {
	l, err := p.prepare(m)
	if err != nil {
		return Pixels{}, err
	}
	n := 3 * l.out.Height * l.out.Width
	if cap(dst) < n {
		dst = make([]float32, n)
	}
	px := Pixels{dst[:n], 3, l.out.Height, l.out.Width}
	p.write(px, m, l)
	return px, nil
}

// prepare checks the processor and the picture, and lays the work out.
func (p *Processor) prepare(m *Image) (layout, error) {
	if m == nil {
		return layout{}, errors.New("vision: the picture is nil")
	}
	if err := p.Validate(); err != nil {
		return layout{}, err
	}
	if p.Convert == OnlyRGB && m.mode != RGB {
		return layout{}, fmt.Errorf("%w but %v: set Processor.Convert to have it converted", ErrNotRGB, m.mode)
	}
	return p.layout(m.width, m.height)
}

// Validate returns an error that names the first field with a value that makes no sense.
func (p *Processor) Validate() error {
	bad := func(field string, v any) error { return fmt.Errorf("vision: Processor.%s is %v", field, v) }
	switch {
	case p.Convert > OnlyRGB:
		return bad("Convert", p.Convert)
	case p.Fit > Inside:
		return bad("Fit", p.Fit)
	case p.Fit != Keep && (p.Size.Height <= 0 || p.Fit != Shortest && p.Size.Width <= 0 || max(p.Size.Height, p.Size.Width) > 1<<20):
		return bad("Size", p.Size)
	case int(p.Filter) >= len(filters):
		return bad("Filter", p.Filter)
	case p.Resample > Torchvision:
		return bad("Resample", p.Resample)
	case p.Resample == Torchvision && p.Filter != Nearest && p.Filter != Bilinear && p.Filter != Bicubic:
		return fmt.Errorf("vision: Processor.Filter is %v, which torchvision does not have", p.Filter)
	case p.Crop != (Size{}) && (p.Crop.Height <= 0 || p.Crop.Width <= 0):
		return bad("Crop", p.Crop)
	case p.Pad != (Size{}) && (p.Pad.Height <= 0 || p.Pad.Width <= 0):
		return bad("Pad", p.Pad)
	case p.Rescale && !finite(p.Scale):
		return bad("Scale", p.Scale)
	}
	for c := range 3 {
		if p.Normalize && (!finite(p.Mean[c]) || !finite(p.Std[c]) || float32(p.Std[c]) == 0) {
			return fmt.Errorf("vision: Processor.Mean and Std are %v and %v", p.Mean, p.Std)
		}
	}
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// bytes returns the kept part of the resized picture in RGB.
func (p *Processor) bytes(w *scratch, m *Image, l layout) *Image {
	how := p.Convert
	if how == OnlyRGB {
		how = DropAlpha // of RGB: nothing
	}
	if !p.LateRGB {
		m = m.RGB(how)
	}
	return w.resize(m, l.across, l.down, p.Filter, p.Resample).RGB(how)
}

// scratches is the memory of pictures that were processed.
var scratches parallel.Free[scratch]

// write computes the pixels of a picture into px.
func (p *Processor) write(px Pixels, m *Image, l layout) {
	w := scratches.Get()
	defer func() { scratches.Put(w, w.bytes()) }()
	small := p.bytes(w, m, l)
	var value [3][256]float32
	for c := range value {
		for v := range value[c] {
			value[c][v] = p.value(c, v)
		}
	}
	plane, fill := px.Height*px.Width, p.fill(m)
	for c := range value {
		t, out := &value[c], px.Data[c*plane:][:plane]
		if l.crop != l.out || small.height != l.crop.Height || small.width != l.crop.Width {
			border(out, t[fill[c]], l, px.Width)
		}
		for y := range small.height {
			row := out[(l.top+y)*px.Width+l.left:][:small.width]
			src := small.pix[3*y*small.width:]
			for x := range row {
				row[x] = t[src[3*x+c]]
			}
		}
	}
}

// fill returns the colour of the border. If pictures are converted late, it is what Fill means in their mode.
func (p *Processor) fill(m *Image) [3]byte {
	if !p.LateRGB || p.Fill == 0 && m.mode != P && m.mode != CMYK {
		return [3]byte{p.Fill, p.Fill, p.Fill}
	}
	dot := m.like(1, 1)
	for i := range dot.pix {
		dot.pix[i] = p.Fill
	}
	switch {
	case m.mode == I16:
		dot.pix[1] = 0
	case m.mode == Bilevel && p.Fill != 0:
		dot.pix[0] = 255
	}
	return [3]byte(dot.RGB(DropAlpha).pix)
}

// border fills a plane: what the crop adds with one value, what padding adds with zeros.
func border(out []float32, fill float32, l layout, width int) {
	clear(out)
	for y := range l.crop.Height {
		row := out[y*width:][:l.crop.Width]
		for x := range row {
			row[x] = fill
		}
	}
}

// value returns what byte v of channel c becomes.
func (p *Processor) value(c, v int) float32 {
	mean, std := float32(p.Mean[c]), float32(p.Std[c])
	x := float32(v)
	if p.Resample == Torchvision && p.Rescale && p.Normalize && !p.LateRGB {
		// There both steps are one.
		mean, std = mean*float32(1/p.Scale), std*float32(1/p.Scale)
		return (x - mean) / std
	}
	if p.Rescale {
		x = float32(float64(v) * p.Scale)
	}
	if p.Normalize {
		x = (x - mean) / std
	}
	return x
}

// ProcessBatch processes pictures on all processors and returns their pixels one after another: [N, 3, Height, Width].
// All must come out in one size. The error names the first picture that fails by its index.
func (p *Processor) ProcessBatch(dst []float32, pictures []*Image) (Pixels, error) {
	var px Pixels
	layouts := make([]layout, len(pictures))
	for i, m := range pictures {
		l, err := p.prepare(m)
		if err != nil {
			return Pixels{}, fmt.Errorf("picture %d: %w", i, err)
		}
		if layouts[i] = l; l.out != layouts[0].out {
			return Pixels{}, fmt.Errorf("vision: picture %d becomes %v and picture 0 %v: a batch has one size", i, l.out, layouts[0].out)
		}
	}
	if len(pictures) == 0 {
		return px, nil
	}
	s := layouts[0].out
	n := 3 * s.Height * s.Width
	if n > math.MaxInt/len(pictures) {
		return px, &problem{ErrTooLarge, fmt.Sprintf("a batch of %d pictures of %d numbers", len(pictures), n)}
	}
	if cap(dst) < n*len(pictures) {
		dst = make([]float32, n*len(pictures))
	}
	px = Pixels{dst[:n*len(pictures)], 3, s.Height, s.Width}
	parallel.Each(len(pictures), func(i int) error {
		p.write(Pixels{px.Data[i*n : (i+1)*n], 3, s.Height, s.Width}, pictures[i], layouts[i])
		return nil
	})
	return px, nil
}

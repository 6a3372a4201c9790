package vision

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

func or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

func absent(raw json.RawMessage) bool { return raw == nil || string(raw) == "null" }

// processor builds the processor of a class.
func (c *hfConfig) processor(name string, k kind) (*Processor, error) {
	p := &Processor{Filter: k.filter, Mean: k.mean, Std: k.std, Scale: or(c.Factor, 1.0/255), Convert: OnlyRGB}
	if or(c.ConvertRGB, k.rgb) {
		p.Convert = OverWhite
	}
	p.Rescale, p.Normalize = or(c.Rescale, true), or(c.Normalize, true)
	if or(c.FlipChannel, false) {
		return nil, errors.New("do_flip_channel_order is not supported")
	}
	for _, step := range []func() error{
		func() error { return c.filter(p) },
		func() error { return numbers3(c.Mean, "image_mean", &p.Mean) },
		func() error { return numbers3(c.Std, "image_std", &p.Std) },
		func() error { return c.fit(p, name, k) },
		func() error { return c.crop(p, k) },
		func() error { return c.pad(p) },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// filter reads resample: Pillow's number, or a name.
func (c *hfConfig) filter(p *Processor) error {
	if absent(c.Resample) {
		return nil
	}
	numbered := []Filter{Nearest, Lanczos, Bilinear, Bicubic, Box, Hamming}
	var n int
	if json.Unmarshal(c.Resample, &n) == nil && n >= 0 && n < len(numbered) {
		p.Filter = numbered[n]
		return nil
	}
	var name string
	if json.Unmarshal(c.Resample, &name) == nil {
		for f, known := range filters {
			if strings.EqualFold(name, known.name) {
				p.Filter = Filter(f)
				return nil
			}
		}
	}
	return fmt.Errorf("resample %s is not known: 0 to 5, or the name of one of Pillow's filters", short(c.Resample))
}

// short returns a piece of JSON for an error's text.
func short(raw json.RawMessage) string {
	if len(raw) > 80 {
		return string(raw[:80]) + "…"
	}
	return string(raw)
}

// numbers3 reads a number for all channels, or one for each.
func numbers3(raw json.RawMessage, key string, out *[3]float64) error {
	if absent(raw) {
		return nil
	}
	var one float64
	if json.Unmarshal(raw, &one) == nil {
		*out = [3]float64{one, one, one}
		return nil
	}
	var list []float64
	if err := json.Unmarshal(raw, &list); err != nil || len(list) != 3 {
		return fmt.Errorf("%s is %s: it must be one number or three", key, short(raw))
	}
	copy(out[:], list)
	return nil
}

// readSizes reads a size in any spelling: a number, [height, width], or an object.
func readSizes(raw json.RawMessage, key string, square bool) (s sizes, err error) {
	var n int
	var list []int
	switch {
	case json.Unmarshal(raw, &n) == nil && square:
		s.Height, s.Width = &n, &n
	case json.Unmarshal(raw, &n) == nil:
		s.Shortest = &n
	case json.Unmarshal(raw, &list) == nil && len(list) == 2:
		s.Height, s.Width = &list[0], &list[1]
	default:
		var keys map[string]json.RawMessage
		if json.Unmarshal(raw, &keys) != nil {
			return s, fmt.Errorf("%s is %s: it must be a number, two, or an object", key, short(raw))
		}
		for name, v := range keys {
			switch name {
			case "height", "width", "shortest_edge", "longest_edge":
			default:
				if !absent(v) {
					return s, fmt.Errorf("%s has the key %q, which is not supported", key, name)
				}
			}
		}
		if err := json.Unmarshal(raw, &s); err != nil {
			return s, fmt.Errorf("%s: %w", key, err)
		}
	}
	return s, nil
}

// fit reads how the picture is resized.
func (c *hfConfig) fit(p *Processor, name string, k kind) error {
	if !or(c.Resize, true) {
		return nil
	}
	s := k.size
	if !absent(c.Size) {
		var err error
		if s, err = readSizes(c.Size, "size", or(c.Square, k.square)); err != nil {
			return err
		}
	}
	if name == "CLIP" && or(c.UseSquare, false) {
		s = square(*k.size.Shortest)
	}
	switch {
	case s.Longest != nil:
		return errors.New("size with longest_edge is not supported")
	case name == "ConvNext" && s.Shortest == nil:
		return errors.New("size has no shortest_edge, which ConvNextImageProcessor asks for")
	case name == "ConvNext":
		return c.convNext(p, *s.Shortest, or(c.CropPart, k.part))
	case s.Shortest != nil && s.Height == nil && s.Width == nil:
		p.Fit, p.Size = Shortest, Size{*s.Shortest, *s.Shortest}
	case s.Height != nil && s.Width != nil && s.Shortest == nil:
		p.Fit, p.Size = Squash, Size{*s.Height, *s.Width}
	default:
		return fmt.Errorf("size is %s: it must have height and width, or shortest_edge", short(c.Size))
	}
	return nil
}

// convNext: below 384, resize to more than asked for and crop; from there on, squash.
func (c *hfConfig) convNext(p *Processor, n int, part float64) error {
	if n >= 384 {
		p.Fit, p.Size = Squash, Size{n, n}
		return nil
	}
	if !(part > 0 && part <= 1) || n <= 0 {
		return fmt.Errorf("crop_pct is %v and shortest_edge %d", part, n)
	}
	if or(c.CenterCrop, false) {
		return errors.New("do_center_crop beside the crop of ConvNextImageProcessor is not supported")
	}
	long := int(float64(n) / part)
	p.Fit, p.Size, p.Crop = Shortest, Size{long, long}, Size{n, n}
	return nil
}

func (c *hfConfig) crop(p *Processor, k kind) error {
	if !or(c.CenterCrop, k.crop > 0) {
		return nil
	}
	s := square(k.crop)
	if !absent(c.CropSize) {
		var err error
		if s, err = readSizes(c.CropSize, "crop_size", true); err != nil {
			return err
		}
	} else if k.crop == 0 {
		return errors.New("do_center_crop is set and there is no crop_size")
	}
	if s.Height == nil || s.Width == nil || s.Shortest != nil || s.Longest != nil {
		return fmt.Errorf("crop_size is %s: it must have height and width", short(c.CropSize))
	}
	p.Crop = Size{*s.Height, *s.Width}
	return checkSides("crop_size", p.Crop)
}

func (c *hfConfig) pad(p *Processor) error {
	if !or(c.Pad, false) || absent(c.PadSize) {
		return nil // without a size, a batch is padded to its largest: pictures of one size are not
	}
	s, err := readSizes(c.PadSize, "pad_size", true)
	if err != nil {
		return err
	}
	if s.Height == nil || s.Width == nil || s.Shortest != nil || s.Longest != nil {
		return fmt.Errorf("pad_size is %s: it must have height and width", short(c.PadSize))
	}
	p.Pad = Size{*s.Height, *s.Width}
	return checkSides("pad_size", p.Pad)
}

// checkSides refuses sizes that would mean none.
func checkSides(key string, s Size) error {
	if s.Height <= 0 || s.Width <= 0 {
		return fmt.Errorf("%s is %d × %d", key, s.Height, s.Width)
	}
	return nil
}

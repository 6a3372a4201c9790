package vision

import (
	"encoding/json"
	"fmt"
	"io/fs"

	"github.com/seed2010d43f/transformer/internal/sidefile"
)

// clipConfig is open_clip_config.json, as far as pictures go.
type clipConfig struct {
	Preprocess struct {
		Size          json.RawMessage `json:"size"`
		Mode          *string         `json:"mode"`
		Mean          json.RawMessage `json:"mean"`
		Std           json.RawMessage `json:"std"`
		Interpolation *string         `json:"interpolation"`
		ResizeMode    *string         `json:"resize_mode"`
		Fill          *int            `json:"fill_color"`
	} `json:"preprocess_cfg"`
	Model struct {
		Vision struct {
			Size json.RawMessage `json:"image_size"`
		} `json:"vision_cfg"`
	} `json:"model_cfg"`
}

func openOpenCLIP(fsys fs.FS) (*Processor, error) {
	text, err := sidefile.Read(fsys, openCLIPFile, sidefile.MaxConfig)
	if err != nil {
		return nil, err
	}
	var c clipConfig
	if err := json.Unmarshal(sidefile.JSON(text), &c); err != nil {
		return nil, fmt.Errorf("%s: %w", openCLIPFile, err)
	}
	p, err := c.processor()
	if err == nil {
		err = p.Validate()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", openCLIPFile, err)
	}
	return p, nil
}

// processor builds what open_clip's image_transform builds for inference.
func (c *clipConfig) processor() (*Processor, error) {
	pre := &c.Preprocess
	p := &Processor{Convert: DropAlpha, LateRGB: true, Filter: Bicubic, Rounding: HalfEven, Rescale: true, Scale: 1.0 / 255, Normalize: true, Mean: clipMean, Std: clipStd}
	if or(pre.Mode, "RGB") != "RGB" {
		return nil, fmt.Errorf("preprocess_cfg has the mode %q: OpenCLIP knows RGB alone", *pre.Mode)
	}
	if err := numbers3(pre.Mean, "preprocess_cfg.mean", &p.Mean); err != nil {
		return nil, err
	}
	if err := numbers3(pre.Std, "preprocess_cfg.std", &p.Std); err != nil {
		return nil, err
	}
	switch name := or(pre.Interpolation, "bicubic"); name {
	case "bilinear":
		p.Filter = Bilinear
	case "bicubic", "random": // random is for training
	default:
		return nil, fmt.Errorf("preprocess_cfg has the interpolation %q, which is not known", name)
	}
	fill := or(pre.Fill, 0)
	if fill < 0 || fill > 255 {
		return nil, fmt.Errorf("preprocess_cfg has the fill_color %d", fill)
	}
	size, err := c.size()
	if err != nil {
		return nil, err
	}
	p.Size = size
	return p, p.openCLIPMode(or(pre.ResizeMode, "shortest"), byte(fill))
}

// size returns what the model takes: the tower's size goes before the processor's.
func (c *clipConfig) size() (Size, error) {
	raw := c.Model.Vision.Size
	if absent(raw) {
		raw = c.Preprocess.Size
	}
	if absent(raw) {
		return Size{224, 224}, nil
	}
	var list []int
	if json.Unmarshal(raw, &list) == nil && len(list) == 1 {
		raw = json.RawMessage(fmt.Sprint(list[0]))
	}
	s, err := readSizes(raw, "image_size", true)
	if err != nil {
		return Size{}, err
	}
	if s.Height == nil || s.Width == nil || *s.Height <= 0 || *s.Width <= 0 {
		return Size{}, fmt.Errorf("image_size is %s", short(raw))
	}
	return Size{*s.Height, *s.Width}, nil
}

// openCLIPMode sets what a resize_mode means.
func (p *Processor) openCLIPMode(mode string, fill byte) error {
	switch mode {
	case "shortest":
		p.Fit, p.Crop = Shortest, p.Size
		if p.Size.Height != p.Size.Width {
			p.Fit, p.Filter = Cover, Bicubic // whatever the interpolation says
		}
	case "longest":
		p.Fit, p.Crop, p.Fill = Inside, p.Size, fill
	case "squash":
		p.Fit = Squash
	default:
		return fmt.Errorf("preprocess_cfg has the resize_mode %q: shortest, longest and squash are known", mode)
	}
	return nil
}

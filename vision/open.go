package vision

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/seed2010d43f/transformer/internal/sidefile"
)

// The files that describe a processor.
const (
	processorFile    = "processor_config.json"
	preprocessorFile = "preprocessor_config.json"
	openCLIPFile     = "open_clip_config.json"
	modelFile        = "config.json"
)

// OpenProcessor reads how a model wants its pictures from the model's folder: from preprocessor_config.json or the
// image_processor of processor_config.json, as transformers does, and from open_clip_config.json if neither is there.
// Pictures come out as they do from transformers' processors with Pillow (backend="pil"); set Resample to [Torchvision]
// for those that it uses if torchvision is installed, and Convert to [DropAlpha] for what transformers 4 did to pictures
// with alpha.
//
// It returns an error that names the file and the key if a file says something that would change pixels and is not
// known.
func OpenProcessor(fsys fs.FS) (*Processor, error) {
	p, err := openTransformers(fsys)
	if errors.Is(err, fs.ErrNotExist) && sidefile.Exists(fsys, openCLIPFile) {
		p, err = openOpenCLIP(fsys)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("vision: the folder has none of %s, %s and %s: without one nobody knows how the model wants its pictures: %w", preprocessorFile, processorFile, openCLIPFile, err)
	}
	return p, err
}

// OpenCLIPProcessor reads open_clip_config.json alone, for weights of OpenCLIP in a folder that also has transformers'
// files.
func OpenCLIPProcessor(fsys fs.FS) (*Processor, error) { return openOpenCLIP(fsys) }

// openTransformers reads transformers' files.
func openTransformers(fsys fs.FS) (*Processor, error) {
	text, err := sidefile.Read(fsys, processorFile, sidefile.MaxConfig)
	if err == nil {
		var c struct {
			Image json.RawMessage `json:"image_processor"`
		}
		if err := json.Unmarshal(sidefile.JSON(text), &c); err != nil {
			return nil, fmt.Errorf("%s: %w", processorFile, err)
		}
		if c.Image != nil && string(c.Image) != "null" {
			return readTransformers(fsys, processorFile, c.Image)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if text, err = sidefile.Read(fsys, preprocessorFile, sidefile.MaxConfig); err != nil {
		return nil, err
	}
	return readTransformers(fsys, preprocessorFile, sidefile.JSON(text))
}

// hfConfig holds the keys that transformers' simple image processors read. A null counts as absent.
type hfConfig struct {
	Type        *string         `json:"image_processor_type"`
	OldType     *string         `json:"feature_extractor_type"`
	ConvertRGB  *bool           `json:"do_convert_rgb"`
	Resize      *bool           `json:"do_resize"`
	Size        json.RawMessage `json:"size"`
	Square      *bool           `json:"default_to_square"`
	UseSquare   *bool           `json:"use_square_size"`
	Resample    json.RawMessage `json:"resample"`
	CenterCrop  *bool           `json:"do_center_crop"`
	CropSize    json.RawMessage `json:"crop_size"`
	CropPart    *float64        `json:"crop_pct"`
	Rescale     *bool           `json:"do_rescale"`
	Factor      *float64        `json:"rescale_factor"`
	Normalize   *bool           `json:"do_normalize"`
	Mean        json.RawMessage `json:"image_mean"`
	Std         json.RawMessage `json:"image_std"`
	Pad         *bool           `json:"do_pad"`
	PadSize     json.RawMessage `json:"pad_size"`
	FlipChannel *bool           `json:"do_flip_channel_order"`
}

// sizes is a size as the files write it.
type sizes struct {
	Height   *int `json:"height"`
	Width    *int `json:"width"`
	Shortest *int `json:"shortest_edge"`
	Longest  *int `json:"longest_edge"`
}

// kind is a class of processors: what it does where the file is silent.
type kind struct {
	size   sizes
	crop   int // of a square; 0 is no crop
	square bool
	filter Filter
	mean   [3]float64
	std    [3]float64
	rgb    bool
	part   float64 // crop_pct
}

func edge(n int) sizes   { return sizes{Shortest: &n} }
func square(n int) sizes { return sizes{Height: &n, Width: &n} }

// kindOf returns a class by its name without "ImageProcessor".
func kindOf(name string) (kind, bool) {
	switch name {
	case "CLIP", "ChineseCLIP", "Bit":
		return kind{size: edge(224), crop: 224, filter: Bicubic, mean: clipMean, std: clipStd, rgb: true}, true
	case "ViT":
		return kind{size: square(224), square: true, filter: Bilinear, mean: halfMean, std: halfStd}, true
	case "DeiT":
		return kind{size: square(256), crop: 224, square: true, filter: Bicubic, mean: halfMean, std: halfStd}, true
	case "Siglip":
		return kind{size: square(224), filter: Bicubic, mean: halfMean, std: halfStd, rgb: true}, true
	case "Blip":
		return kind{size: square(384), square: true, filter: Bicubic, mean: clipMean, std: clipStd, rgb: true}, true
	case "ConvNext":
		return kind{size: edge(384), filter: Bicubic, mean: halfMean, std: halfStd, part: 224.0 / 256}, true
	}
	return kind{}, false
}

// kindOfModel names the class that a type of model has if its processor's file does not say.
func kindOfModel(model string) string {
	switch model {
	case "clip", "altclip", "metaclip_2", "mlcd", "git":
		return "CLIP"
	case "chinese_clip":
		return "ChineseCLIP"
	case "vit", "vit_mae", "vit_msn", "ijepa", "swin", "swinv2", "clipseg":
		return "ViT"
	case "deit":
		return "DeiT"
	case "dinov2", "dinov2_with_registers":
		return "Bit"
	case "siglip":
		return "Siglip"
	case "blip", "blip-2", "instructblip":
		return "Blip"
	case "convnext", "convnextv2":
		return "ConvNext"
	}
	return ""
}

func readTransformers(fsys fs.FS, file string, text []byte) (*Processor, error) {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%s: %w", file, fmt.Errorf(format, args...))
	}
	var c hfConfig
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, fail("%w", err)
	}
	name, err := c.class(fsys)
	if err != nil {
		return nil, fail("%w", err)
	}
	k, ok := kindOf(name)
	if !ok {
		return nil, fail("image processors of the class %sImageProcessor are not known: CLIP, ChineseCLIP, Bit, ViT, DeiT, Siglip, Blip and ConvNext are", name)
	}
	p, err := c.processor(name, k)
	if err != nil {
		return nil, fail("%w", err)
	}
	if err := p.Validate(); err != nil {
		return nil, fail("%w", err)
	}
	return p, nil
}

// class returns the class without "ImageProcessor". Older files name a feature extractor; some say nothing, and the
// model's type decides.
func (c *hfConfig) class(fsys fs.FS) (string, error) {
	name := ""
	switch {
	case c.Type != nil:
		name = strings.TrimSuffix(strings.TrimSuffix(*c.Type, "Fast"), "Pil")
		if !strings.HasSuffix(name, "ImageProcessor") && !strings.HasSuffix(name, "FeatureExtractor") {
			return "", fmt.Errorf("image_processor_type %q is no image processor that is known", *c.Type)
		}
	case c.OldType != nil:
		name = *c.OldType
	default:
		text, err := sidefile.Read(fsys, modelFile, sidefile.MaxConfig)
		if err != nil {
			return "", fmt.Errorf("there is no image_processor_type, and no model's type to tell it: %w", noFile(err))
		}
		var m struct {
			Type string `json:"model_type"`
		}
		if err := json.Unmarshal(sidefile.JSON(text), &m); err != nil {
			return "", fmt.Errorf("%s: %w", modelFile, err)
		}
		if name = kindOfModel(m.Type); name == "" {
			return "", fmt.Errorf("there is no image_processor_type, and the processor of model_type %q is not known", m.Type)
		}
	}
	return strings.TrimSuffix(strings.TrimSuffix(name, "ImageProcessor"), "FeatureExtractor"), nil
}

// noFile returns an error with the text of err that does not say that a file is missing: the one that was asked for is
// there.
func noFile(err error) error { return errors.New(err.Error()) }

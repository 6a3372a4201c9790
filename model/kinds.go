package model

import (
	"errors"
	"fmt"
	"strings"

	"github.com/seed2010d43f/transformer/model/family"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// openers are the functions that open each kind of model.
var openers = map[string]string{"decoder": "OpenDecoder", "encoder": "OpenEncoder", "encoder–decoder": "OpenEncoderDecoder",
	"image encoder": "OpenImageEncoder", "image–text model": "OpenImageText",
	"image-to-text model": "OpenImageToText"}

// naFlex begins the model_types of SigLIP 2 with pictures of any shape: siglip2, siglip2_vision_model and so on.
const naFlex = "siglip2"

// check returns an error unless the model can be opened as this kind.
func (f *folder) check(opt Options, kind string, ok bool, has func(family.Recipe) bool) error {
	c := f.config
	switch {
	case f.family == "":
		return f.noType()
	case !ok && len(f.recipe.Kinds()) > 0:
		return f.wrongKind()
	case !ok && strings.HasPrefix(f.family, naFlex):
		return fmt.Errorf("model: model_type %q is SigLIP 2 in its NaFlex form, which cuts pictures of any shape into a bounded number of patches: that is not supported; "+
			"SigLIP 2 with pictures of one size, whose model_type is \"siglip\", opens with OpenImageText", f.family)
	case !ok:
		return fmt.Errorf("model: model_type %q is not supported; these %ss are: %s; Options.Families takes recipes for others",
			f.family, kind, strings.Join(family.Types(family.Recipes(), has), " "))
	case f.isMLX():
		q := c.Object("quantization")
		return fmt.Errorf("model: %s: quantization: the weights are those of MLX, quantised to %d bits in groups of %d, with .scales and .biases beside each: "+
			"that is not supported; use the unquantised checkpoint that it was made from", c.Path(), q.Int("bits", 0, 0, 64), q.Int("group_size", 0, 0, hf.MaxWidth))
	}
	if err := c.CheckQuantization(); err != nil {
		return err
	}
	return c.CheckStored(f.src)
}

// wrongKind is the error for a model of another kind than it is opened as: it names the functions that open it.
func (f *folder) wrongKind() error {
	var are, open []string
	var why error
	for _, kind := range f.recipe.Kinds() {
		are = append(are, article(kind))
		if err := f.opensAs(kind); err != nil {
			why = errors.Join(why, err)
		} else {
			open = append(open, openers[kind])
		}
	}
	err := fmt.Errorf("model: model_type %q is %s", f.family, strings.Join(are, " or "))
	if len(open) == 0 {
		return fmt.Errorf("%w, and this checkpoint cannot be opened as such either: %w", err, why)
	}
	return fmt.Errorf("%w: open it with %s", err, strings.Join(open, " or "))
}

// noType is the error for a config that says nothing of a model.
func (f *folder) noType() error {
	what := ""
	if f.config.Has("pooling_mode_mean_tokens") || f.config.Has("pooling_mode") || f.config.Has("in_features") {
		what = "; this is the config of a module of sentence-transformers: open the folder that has modules.json, with task.OpenEmbedder"
	}
	return fmt.Errorf("model: %s has no model_type; it must name the architecture, such as \"llama\"%s", f.config.Path(), what)
}

// isMLX reports whether MLX has quantised the weights.
func (f *folder) isMLX() bool {
	if !f.config.Has("quantization") {
		return false
	}
	for name := range f.src.Names() {
		if module, ok := strings.CutSuffix(name, ".scales"); ok {
			if _, ok := f.src.Lookup(module + ".biases"); ok {
				return true
			}
		}
	}
	return false
}

// errDry ends the assembling of a model that is only tried.
var errDry = errors.New("model: no weights are read")

var errNoDecoder = errors.New("model: the weights have no decoder")

// opensAs returns an error if the checkpoint cannot be opened as a kind, as far as its config and the names of its
// weights tell.
func (f *folder) opensAs(kind string) error {
	c, err := hf.ParseConfig(f.config.Path(), f.text)
	if err != nil {
		return err
	}
	w := nn.NewLoader(f.src, nn.Options{Valid: func() error { return errors.Join(c.Err(), errDry) }})
	switch kind {
	case "decoder":
		f.recipe.Decoder(c, w)
	case "encoder":
		f.recipe.Encoder(c, w)
	case "image encoder":
		f.recipe.ImageEncoder(c, w)
	case "image–text model":
		f.recipe.ImageText(c, w)
	case "image-to-text model":
		f.recipe.ImageToText(c, w)
	default:
		f.recipe.EncoderDecoder(c, w)
		if _, any := f.src.(checkpoint.Maker); !any && !f.hasDecoder() {
			return errNoDecoder
		}
	}
	return c.Err()
}

// hasDecoder reports whether there are weights of a decoder.
func (f *folder) hasDecoder() bool {
	for name := range f.src.Names() {
		if strings.HasPrefix(name, "decoder.") || strings.Contains(name, ".decoder.") {
			return true
		}
	}
	return false
}

func article(kind string) string {
	if kind == "decoder" {
		return "a decoder"
	}
	return "an " + kind
}

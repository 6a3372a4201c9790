package model

import (
	"fmt"
	"io/fs"
	"slices"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/family"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/nn"
	"github.com/seed2010d43f/transformer/vision"
)

// ImageEncoder is a model that reads pictures. [OpenImageEncoder] makes one from a checkpoint; a program may also fill
// the fields itself. It may be used from several goroutines.
//
// A picture is a tensor [Channels, height, width], with values as the model's processor makes them. The pictures of a
// call may have different sizes, other than the size that the model was trained with, too: position rows are then
// interpolated. Pixels beyond the last whole patch do not count.
type ImageEncoder struct {
	*arch.ImageEncoder
	Family string // model_type: "vit"

	// Processor makes the model's pictures; nil where the checkpoint does not say how, or says what is not supported:
	// [OpenProcessor] has the error. [Picture] turns what it makes into what the model reads.
	Processor *vision.Processor
}

// Picture returns what a processor makes as the tensor that models read, [Channels, Height, Width], in the same memory.
func Picture(p vision.Pixels) tensor.Tensor {
	return tensor.From(p.Data, p.Channels, p.Height, p.Width)
}

// OpenProcessor reads how a model wants its pictures from the folder of its weights: from the files that belong to the
// form, transformers' or OpenCLIP's, in which a model with this model_type (Family of the opened model) was read. It
// returns the error where the model's field Processor is nil.
func OpenProcessor(fsys fs.FS, modelType string) (*vision.Processor, error) {
	if modelType == family.OpenCLIP {
		return vision.OpenCLIPProcessor(fsys)
	}
	return vision.OpenProcessor(fsys)
}

// openProcessor returns the folder's processor, or nil.
func (f *folder) openProcessor() *vision.Processor {
	p, err := OpenProcessor(f.fsys, f.family)
	if err != nil {
		return nil
	}
	return p
}

// ImageEncoders lists the model_types that [OpenImageEncoder] opens.
func ImageEncoders() []string {
	return family.Types(family.Recipes(), func(r family.Recipe) bool { return r.ImageEncoder != nil })
}

// OpenImageEncoder opens an encoder of pictures from a folder as Hugging Face publishes it, in the same way as
// [OpenDecoder]. The head is the one that [Options.Heads] asks for, as [OpenEncoder] says: arch.ImageClassification, or
// arch.Features.
func OpenImageEncoder(fsys fs.FS, opt Options) (*ImageEncoder, error) {
	f, err := openFolder(fsys, opt)
	if err != nil {
		return nil, err
	}
	defer f.close()
	e, err := newImageEncoder(f, opt)
	if err != nil {
		return nil, err
	}
	e.Processor = f.openProcessor()
	return e, nil
}

// NewImageEncoder assembles the encoder of pictures that a config.json describes, with weights from any source.
func NewImageEncoder(configJSON []byte, src checkpoint.Source, opt Options) (*ImageEncoder, error) {
	f, err := newFolder(configJSON, src, opt)
	if err != nil {
		return nil, err
	}
	if err := f.prepare(opt); err != nil {
		return nil, err
	}
	defer f.closeAdapters()
	return newImageEncoder(f, opt)
}

func newImageEncoder(f *folder, opt Options) (*ImageEncoder, error) {
	opt.Experts = nn.Packed
	if opt.Heads != nil {
		f.config = f.config.For(opt.Heads...)
	}
	e, err := assemble(f, opt, "image encoder", false, f.recipe.ImageEncoder, func(r family.Recipe) bool { return r.ImageEncoder != nil })
	if err != nil {
		return nil, err
	}
	if opt.Heads != nil && !slices.Contains(opt.Heads, e.Task) {
		return nil, fmt.Errorf("model: model_type %q is for %v; it has no head for %v", f.family, e.Task, opt.Heads[0])
	}
	return &ImageEncoder{ImageEncoder: e, Family: f.family}, nil
}

// Run computes the hidden states of any number of pictures, group by group. For each group it calls see with the index
// of the group's first picture and the packed hidden states x, [T, Dim], as [arch.ImageEncoder.Forward] describes
// them. see must not keep x; a is scratch memory for its own work. Run stops at the first error of see.
func (e *ImageEncoder) Run(pictures []tensor.Tensor, see func(first int, group []tensor.Tensor, x tensor.Tensor, a *tensor.Arena) error) error {
	return e.run(pictures, func(p *attention.Pass, first int, group []tensor.Tensor) error {
		return see(first, group, e.Forward(p, group), &p.Scratch)
	})
}

func (e *ImageEncoder) run(pictures []tensor.Tensor, compute func(p *attention.Pass, first int, group []tensor.Tensor) error) error {
	if _, err := e.Plan(); err != nil {
		return err
	}
	if err := e.Check(pictures); err != nil {
		return err
	}
	p := passes.Get()
	for first := 0; first < len(pictures); {
		last, rows := first, 0
		for last < len(pictures) && (last == first || rows+e.Rows(pictures[last]) <= runRows) {
			rows += e.Rows(pictures[last])
			last++
		}
		mark := p.Scratch.Mark()
		err := compute(p, first, pictures[first:last])
		p.Scratch.Release(mark)
		if err != nil {
			return err
		}
		first = last
	}
	putPass(p)
	return nil
}

// Hidden returns the hidden states of each picture, [T, Dim]: the rows of the class token and its like, then those of
// the patches, from left to right and from the top down. It may be called from several goroutines.
func (e *ImageEncoder) Hidden(pictures []tensor.Tensor) ([]tensor.Tensor, error) {
	out := make([]tensor.Tensor, len(pictures))
	err := e.Run(pictures, func(first int, group []tensor.Tensor, x tensor.Tensor, _ *tensor.Arena) error {
		row := 0
		for i, picture := range group {
			n := e.Rows(picture)
			out[first+i] = tensor.New(n, x.Shape.Last())
			copy(out[first+i].Data, x.Slice(row, row+n).Data)
			row += n
		}
		return nil
	})
	return out, err
}

// Pooled returns one row for each picture, [N, width]: the scores of the labels where the checkpoint is a classifier,
// otherwise what the model's own pooling makes of the hidden states. It may be called from several goroutines.
func (e *ImageEncoder) Pooled(pictures []tensor.Tensor) (tensor.Tensor, error) {
	var out tensor.Tensor
	err := e.run(pictures, func(p *attention.Pass, first int, group []tensor.Tensor) error {
		y := e.ForwardPooled(p, group)
		if out.Data == nil {
			out = tensor.New(len(pictures), y.Shape.Last())
		}
		copy(out.Slice(first, first+len(group)).Data, y.Data)
		return nil
	})
	return out, err
}

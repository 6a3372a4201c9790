package task

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/retrieval"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/vision"
)

// ZeroShotImages gives pictures labels that are chosen at the call: the one whose text lies nearest to the picture has
// the highest score. It follows the zero-shot-image-classification pipeline of transformers 5.24, and may be used from
// several goroutines once its fields are set.
type ZeroShotImages struct {
	*ImageEmbedder

	// Templates are the texts of a label, which stands for {}. Of several, the normalised vectors are averaged, as CLIP's
	// authors do. NewZeroShotImages sets "a photo of a {}".
	Templates []string
}

// OpenZeroShotImages opens a model of two towers, as [OpenImageEmbedder] does.
func OpenZeroShotImages(fsys fs.FS, opt model.Options) (*ZeroShotImages, error) {
	e, err := OpenImageEmbedder(fsys, opt)
	if err != nil {
		return nil, err
	}
	return NewZeroShotImages(e), nil
}

// NewZeroShotImages uses an embedder of pictures and texts.
func NewZeroShotImages(e *ImageEmbedder) *ZeroShotImages {
	return &ZeroShotImages{ImageEmbedder: e, Templates: []string{"a photo of a {}"}}
}

// Classify returns the labels of a picture, the highest score first; ID is the label's place among those given. Scores
// are probabilities: they add up to 1 with CLIP, and each stands alone with SigLIP, which was trained so. To classify more
// than once with the same labels, make [ZeroShotImages.Labels] of them.
func (z *ZeroShotImages) Classify(picture *vision.Image, labels ...string) ([]Label, error) {
	l, err := z.Labels(labels...)
	if err != nil {
		return nil, err
	}
	all, err := l.Classify(picture)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// ImageLabels are labels whose vectors are computed. They may be used from several goroutines.
type ImageLabels struct {
	Names   []string
	Vectors tensor.Tensor // [labels, Dim], normalised

	embedder *ImageEmbedder
}

// Labels computes the vectors of labels, once for any number of pictures. There may be any number of labels.
func (z *ZeroShotImages) Labels(labels ...string) (*ImageLabels, error) {
	if len(labels) == 0 {
		return nil, errors.New("task: no labels to choose from")
	}
	if len(z.Templates) == 0 {
		return nil, errors.New("task: there is no template, such as \"a photo of a {}\"")
	}
	l := &ImageLabels{Names: append([]string(nil), labels...), embedder: z.ImageEmbedder}
	texts := make([]string, len(labels))
	for _, template := range z.Templates {
		if !strings.Contains(template, "{}") {
			return nil, fmt.Errorf("task: the template %.200q has no {}, where the label goes", template)
		}
		for i, label := range labels {
			texts[i] = strings.ReplaceAll(template, "{}", label)
		}
		x, err := z.Texts(texts...)
		if err != nil {
			return nil, err
		}
		if l.Vectors.Data == nil {
			l.Vectors = x
		} else {
			vec.Add(l.Vectors.Data, l.Vectors.Data, x.Data)
		}
	}
	if len(z.Templates) > 1 {
		retrieval.Normalize(l.Vectors)
	}
	return l, nil
}

// Classify returns the labels of each picture, as [ZeroShotImages.Classify] does.
func (l *ImageLabels) Classify(pictures ...*vision.Image) ([][]Label, error) {
	x, err := l.embedder.Images(pictures...)
	if err != nil {
		return nil, err
	}
	return l.Choose(x), nil
}

// Choose is Classify for pictures whose vectors, [N, Dim], are computed and normalised.
func (l *ImageLabels) Choose(pictures tensor.Tensor) [][]Label {
	m := l.embedder.Model
	logits, scores := m.Logits(nil, pictures, l.Vectors), Softmax
	if m.Sigmoid {
		scores = Sigmoid
	}
	scores.Apply(logits)
	out := make([][]Label, pictures.Rows())
	for i := range out {
		row := logits.Row(i)
		for _, k := range largest(row, len(row)) {
			out[i] = append(out[i], Label{Name: l.Names[k], ID: k, Score: row[k]})
		}
	}
	return out
}

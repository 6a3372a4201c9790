package task

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/sample"
	"github.com/seed2010d43f/transformer/sample/beam"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/vision"
)

// Captioner writes about pictures: captions, and answers to questions. It follows generate of transformers 5.24, which
// is greedy unless Beams or Sampling say otherwise. It may be used from several goroutines once its fields are set.
type Captioner struct {
	Model     *model.ImageToText
	Processor *vision.Processor

	// Prompt stands before the caption, such as "a picture of" for BLIP; "" is none.
	Prompt string

	// Beams and Sampling are the checkpoint's until they are set. There is a beam search if NumBeams is more than 1;
	// otherwise a Temperature above 0 draws, picture i of a call with Seed + i.
	Beams    beam.Options
	Sampling sample.Config

	Options  model.GenerateOptions // lengths and processors
	Progress func(done, total int) // told of pictures written about
}

// OpenCaptioner opens a model that writes about pictures, such as BLIP, BLIP-2 or InstructBLIP, from a folder as Hugging
// Face publishes it.
func OpenCaptioner(fsys fs.FS, opt model.Options) (*Captioner, error) {
	m, p, err := openImageToText(fsys, opt)
	if err != nil {
		return nil, err
	}
	return NewCaptioner(m, p)
}

// NewCaptioner uses an open model and the processor of its pictures.
func NewCaptioner(m *model.ImageToText, p *vision.Processor) (*Captioner, error) {
	switch {
	case m.Writer == nil:
		return nil, errors.New("task: the checkpoint matches texts and pictures; a Captioner needs one that writes")
	case m.Tokenizer == nil:
		return nil, errNoTokenizer
	case p == nil:
		return nil, errors.New("task: a Captioner needs the processor of the model's pictures")
	}
	g := &m.Writer.Generation
	return &Captioner{Model: m, Processor: p, Beams: g.Beams, Sampling: g.Sampling}, nil
}

func openImageToText(fsys fs.FS, opt model.Options) (*model.ImageToText, *vision.Processor, error) {
	p, err := vision.OpenProcessor(fsys)
	if err != nil {
		return nil, nil, fmt.Errorf("task: %w", err)
	}
	m, err := model.OpenImageToText(fsys, opt)
	return m, p, err
}

// look processes pictures and runs the model's encoder on them.
func look(m *model.ImageToText, p *vision.Processor, pictures []*vision.Image) ([]*model.Seen, error) {
	pixels := make([]tensor.Tensor, len(pictures))
	i, err := parallel.Each(len(pictures), func(i int) error {
		px, err := p.Process(nil, pictures[i])
		if err == nil {
			pixels[i] = tensor.From(px.Data, px.Channels, px.Height, px.Width)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("task: picture %d: %w", i, err)
	}
	return m.Look(pixels...)
}

// Caption writes about a picture. It returns several texts, the best first, if Beams asks for them
// (NumReturnSequences). It returns the error of ctx when ctx is cancelled.
func (c *Captioner) Caption(ctx context.Context, picture *vision.Image) ([]Output, error) {
	return c.Answer(ctx, picture, c.Prompt)
}

// Answer answers a question about a picture. Models that follow a form want the question in it: BLIP-2 with OPT answers
// "Question: how many cats are there? Answer:".
func (c *Captioner) Answer(ctx context.Context, picture *vision.Image, question string) ([]Output, error) {
	all, err := c.write(ctx, []*vision.Image{picture}, question, 0)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// captionGroup is the number of pictures that are written about together.
const captionGroup = 16

// CaptionAll is [Captioner.Caption] for many pictures. Several at a time are computed together.
func (c *Captioner) CaptionAll(ctx context.Context, pictures []*vision.Image) ([][]Output, error) {
	var out [][]Output
	for first := 0; first < len(pictures); first += captionGroup {
		some, err := c.write(ctx, pictures[first:min(first+captionGroup, len(pictures))], c.Prompt, first)
		if err != nil {
			return nil, err
		}
		if out = append(out, some...); c.Progress != nil {
			c.Progress(len(out), len(pictures))
		}
	}
	return out, nil
}

// write writes about pictures, of which the first has a number of its own among those of the call.
func (c *Captioner) write(ctx context.Context, pictures []*vision.Image, prompt string, number int) ([][]Output, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var q model.Question
	if prompt != "" {
		var err error
		if q, err = c.Model.Question(prompt); err != nil {
			return nil, err
		}
	}
	seen, err := look(c.Model, c.Processor, pictures)
	if err != nil {
		return nil, err
	}
	out, err := c.writeAbout(ctx, seen, q, number)
	release(c.Model, seen)
	return out, err
}

// release gives the memory of what was seen to the next pictures. It is not deferred: after a panic nobody knows who
// still reads it.
func release(m *model.ImageToText, seen []*model.Seen) {
	for _, s := range seen {
		m.Release(s)
	}
}

// writeAbout writes about what was seen.
func (c *Captioner) writeAbout(ctx context.Context, seen []*model.Seen, q model.Question, number int) (_ [][]Output, err error) {
	batch := make([]model.Input, len(seen))
	for i, s := range seen {
		if batch[i].Session, err = c.Model.NewSession(s, q, model.SessionOptions{}); err != nil {
			return nil, err
		}
	}
	if c.Beams.NumBeams > 1 {
		return c.search(ctx, batch)
	}
	samplers := make([]*sample.Sampler, len(batch))
	for i := range samplers {
		sampling := c.Sampling
		sampling.Seed += uint64(number + i)
		if samplers[i], err = sample.New(sampling); err != nil {
			return nil, err
		}
	}
	written, err := c.Model.Writer.GenerateBatch(ctx, batch, samplers, c.Options)
	if err != nil && !errors.Is(err, model.ErrLength) { // a text as long as the model can write is what it is
		return nil, err
	}
	out := make([][]Output, len(batch))
	for i, ids := range written {
		if out[i], err = c.append(nil, ids, 0); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *Captioner) search(ctx context.Context, batch []model.Input) ([][]Output, error) {
	given := make([]int, len(batch)) // tokens before the text
	for i, in := range batch {
		given[i] = max(1, in.Session.Len())
	}
	found, err := c.Model.Writer.BeamSearchBatch(ctx, batch, c.Beams, c.Options)
	if err != nil {
		return nil, err
	}
	out := make([][]Output, len(batch))
	for i, texts := range found {
		for _, h := range texts {
			if out[i], err = c.append(out[i], h.IDs[given[i]:], h.Score); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// append adds a text. Models have ids beyond those of their tokenizers, which stand for nothing.
func (c *Captioner) append(out []Output, ids []int, score float64) ([]Output, error) {
	tok := c.Model.Tokenizer
	known := slices.DeleteFunc(slices.Clone(ids), func(id int) bool {
		_, ok := tok.Token(id)
		return !ok
	})
	text, err := tok.Decode(known, true)
	return append(out, Output{Text: text, IDs: ids, Score: score}), err
}

// ImageMatcher says how well texts fit pictures, with a model that reads both together, such as BLIP's for image–text
// matching. It may be used from several goroutines.
type ImageMatcher struct {
	Model     *model.ImageToText
	Processor *vision.Processor
}

// OpenImageMatcher opens a model that matches pictures and texts, from a folder as Hugging Face publishes it.
func OpenImageMatcher(fsys fs.FS, opt model.Options) (*ImageMatcher, error) {
	m, p, err := openImageToText(fsys, opt)
	switch {
	case err != nil:
		return nil, err
	case m.Match == nil:
		return nil, errors.New("task: the checkpoint writes; an ImageMatcher needs one that matches texts and pictures")
	case m.Tokenizer == nil:
		return nil, errNoTokenizer
	}
	return &ImageMatcher{m, p}, nil
}

// TextMatch says how well a text fits a picture.
type TextMatch struct {
	Probability float32 // that it fits, from the head that reads both together
	Cosine      float32 // of their embeddings, which is quicker and less sure
}

// Match compares a picture with texts.
func (m *ImageMatcher) Match(picture *vision.Image, texts ...string) ([]TextMatch, error) {
	ids := make([][]int, len(texts))
	for i, text := range texts {
		q, err := m.Model.Question(text)
		if err != nil {
			return nil, err
		}
		ids[i] = q.IDs
	}
	seen, err := look(m.Model, m.Processor, []*vision.Image{picture})
	if err != nil {
		return nil, err
	}
	out, err := m.match(seen[0], ids)
	release(m.Model, seen)
	return out, err
}

// match compares what was seen with texts.
func (m *ImageMatcher) match(seen *model.Seen, texts [][]int) ([]TextMatch, error) {
	scores, err := m.Model.Matches(seen, texts...)
	if err != nil {
		return nil, err
	}
	cosines, err := m.Model.Similarities(seen, texts...)
	if err != nil {
		return nil, err
	}
	out := make([]TextMatch, len(texts))
	for i := range out {
		row := scores.Row(i)
		vec.Softmax(row, row)
		out[i] = TextMatch{row[1], cosines[i]}
	}
	return out, nil
}

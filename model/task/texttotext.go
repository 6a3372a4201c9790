package task

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/sample"
)

// TextToText writes texts from texts with an encoder–decoder: translations, summaries, answers. It follows
// generate of transformers 5.24 with the settings of the checkpoint, [hf.Generation]: greedy, sampling or
// beam search. It may be used from several goroutines.
type TextToText struct {
	// Preprocessor reads the sources. A source that is too long is an error, unless Strict is set to false.
	Preprocessor

	Model   *model.EncoderDecoder
	Prefix  string                // put before each text, such as "summarize: " for T5
	Options model.GenerateOptions // override the checkpoint's; Stop is not used

	// BatchSize is the number of texts written at a time, fewer if they are long; 0 means 16.
	BatchSize int
}

// Output is a text that the model has written.
type Output struct {
	Text  string
	IDs   []int   // token ids, the end token included
	Score float64 // from beam search; 0 without it
}

// OpenTextToText opens a checkpoint as [model.OpenEncoderDecoder] does. Of one that has a classifier too, that is not
// read.
func OpenTextToText(fsys fs.FS, opt model.Options) (*TextToText, error) {
	opt.Heads = []arch.Task{arch.Features}
	m, err := model.OpenEncoderDecoder(fsys, opt)
	if err != nil {
		return nil, err
	}
	return NewTextToText(m)
}

// NewTextToText makes a TextToText from an open model. It returns an error if the model has no tokenizer.
func NewTextToText(m *model.EncoderDecoder) (*TextToText, error) {
	r, err := newPreprocessor(m.Encoder, "TextToText")
	if err != nil {
		return nil, err
	}
	r.Strict = true
	return &TextToText{Preprocessor: r, Model: m}, nil
}

// Task returns a TextToText for a task of the checkpoint, with its prefix and generation settings. task is
// the name in config.json, such as "translation_en_to_fr", or the prefix, such as "translate English to
// French", or the beginning of either: "summarize" finds "summarization". The error for an unknown or
// ambiguous task lists the tasks.
func (t *TextToText) Task(task string) (*TextToText, error) {
	var names, found []string
	var params hf.TaskParams
	for _, p := range t.Model.Tasks {
		names = append(names, fmt.Sprintf("%s (%q)", p.Name, p.Prefix))
		switch prefix := strings.TrimRight(p.Prefix, ": "); {
		case task == p.Name, task == prefix && task != "":
			return t.with(p), nil
		case task != "" && (strings.HasPrefix(prefix, task) || strings.HasPrefix(p.Name, strings.TrimSuffix(task, "e"))):
			params, found = p, append(found, fmt.Sprintf("%s (%q)", p.Name, p.Prefix))
		}
	}
	switch {
	case len(found) == 1:
		return t.with(params), nil
	case len(found) > 1:
		return nil, fmt.Errorf("task: %q may be any of %s", task, strings.Join(found, ", "))
	case len(names) == 0:
		return nil, fmt.Errorf("task: the checkpoint names no tasks, so %q is not known: put what the model expects before a text into Prefix, or nothing", task)
	}
	return nil, fmt.Errorf("task: the checkpoint has no task %q; it has %s", task, strings.Join(names, ", "))
}

func (t *TextToText) with(p hf.TaskParams) *TextToText {
	u := *t
	u.Prefix, u.Model = p.Prefix, t.Model.WithGeneration(p.Generation)
	return &u
}

// Translate returns a TextToText from one language into another. Use the codes of the model's own tokenizer:
// "en_XX" for mBART, "eng_Latn" for NLLB, "en" for M2M-100, "fra" for a Marian model with several targets. An
// empty source means the one named in the tokenizer's files; Marian has no source code. The error for an
// unknown code lists the codes.
func (t *TextToText) Translate(source, target string) (*TextToText, error) {
	tok, g := t.Model.Encoder.Tokenizer, t.Model.Decoder.Generation
	id, err := tok.Language(target)
	if err == nil && source != "" {
		tok, err = tok.WithSource(source)
	}
	if err == nil {
		tok, err = tok.WithTarget(target)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case t.Model.Family == "marian": // the source begins with the target's token
	case t.startsWithLanguage():
		g.Start = &id
	default:
		g.Processors.ForcedBOS = []int{id}
	}
	u := *t
	u.Model = t.Model.WithTokenizer(tok).WithGeneration(g)
	u.Encoder = u.Model.Encoder
	return &u, nil
}

// startsWithLanguage reports whether targets begin with their language's token, as mBART's do, and not
// with one that is the same for all, which that token follows.
func (t *TextToText) startsWithLanguage() bool {
	g := &t.Model.Decoder.Generation
	return t.Model.Family == "mbart" && (g.Start == nil || !slices.Contains(g.EOS, *g.Start))
}

// Generate writes from one text. It returns several outputs, the best first, if the checkpoint asks for them
// (num_return_sequences). It returns the error of ctx when ctx is cancelled.
func (t *TextToText) Generate(ctx context.Context, text string) ([]Output, error) {
	all, err := t.GenerateAll(ctx, []string{text})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// GenerateAll is [TextToText.Generate] for many texts. Several texts at a time are computed together.
func (t *TextToText) GenerateAll(ctx context.Context, texts []string) ([][]Output, error) {
	if err := t.checkLanguage(texts); err != nil {
		return nil, err
	}
	prefixed := make([]string, len(texts))
	for i, text := range texts {
		prefixed[i] = t.Prefix + text
	}
	sources, err := t.Read(prefixed...)
	if err != nil {
		return nil, err
	}
	order := make([]int, len(sources)) // texts of like length end at like times
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(sources[b].IDs), len(sources[a].IDs)) })
	out := make([][]Output, len(texts))
	for done := 0; done < len(order); {
		group := t.group(order[done:], sources)
		if err := t.write(ctx, group, sources, out); err != nil {
			return nil, err
		}
		if done += len(group); t.Progress != nil {
			t.Progress(done, len(texts))
		}
	}
	return out, nil
}

// together bounds the source tokens whose keys and values are in memory at a time.
const together = 4096

// group returns the first texts that are written at a time.
func (t *TextToText) group(order []int, sources []arch.Sequence) []int {
	n, tokens := 0, 0
	for most := cmp.Or(max(t.BatchSize, 0), 16); n < min(most, len(order)); n++ {
		if tokens += len(sources[order[n]].IDs); n > 0 && tokens > together {
			break
		}
	}
	return order[:n]
}

// checkLanguage returns an error if the model could write any of several languages and nobody has said
// which. A text for Marian may begin with the target's token by itself.
func (t *TextToText) checkLanguage(texts []string) error {
	tok, g := t.Model.Encoder.Tokenizer, &t.Model.Decoder.Generation
	codes := tok.Languages()
	if len(codes) == 0 || len(g.Processors.ForcedBOS) > 0 || t.Options.Processors != nil {
		return nil
	}
	if t.Model.Family == "marian" {
		_, target := tok.Direction()
		if target != "" || !slices.ContainsFunc(texts, func(text string) bool { return !strings.HasPrefix(text, ">>") }) {
			return nil
		}
	}
	for _, code := range codes {
		if id, err := tok.Language(code); err == nil && g.Start != nil && id == *g.Start {
			return nil
		}
	}
	return errors.New("task: the model writes several languages: say which with Translate; it has " + strings.Join(codes, " "))
}

// write writes the texts of a group.
func (t *TextToText) write(ctx context.Context, group []int, sources []arch.Sequence, out [][]Output) error {
	ids := make([][]int, len(group))
	for i, at := range group {
		ids[i] = sources[at].IDs
	}
	read, err := t.Model.Encode(ids...)
	if err != nil {
		return err
	}
	d := t.Model.Decoder
	b := d.Generation.Beams
	each := max(1, b.NumReturnSequences)
	if b.NumBeams > 1 {
		each = 1
	}
	var batch []model.Input
	for _, src := range read {
		for range each {
			batch = append(batch, model.Input{Session: t.Model.NewSession(src, model.SessionOptions{})})
		}
	}
	if b.NumBeams > 1 {
		found, err := d.BeamSearchBatch(ctx, batch, b, t.Options)
		for i, texts := range found {
			for _, h := range texts {
				if err == nil {
					err = t.append(&out[group[i]], h.IDs[1:], h.Score)
				}
			}
		}
		return err
	}
	samplers := make([]*sample.Sampler, len(batch))
	for i := range samplers {
		c := d.Generation.Sampling
		c.Seed += uint64(i % each)
		if samplers[i], err = sample.New(c); err != nil {
			return err
		}
	}
	generated, err := d.GenerateBatch(ctx, batch, samplers, t.Options)
	if errors.Is(err, model.ErrLength) {
		err = nil // a text as long as the model can write is what it is
	}
	for i, ids := range generated {
		if err == nil {
			err = t.append(&out[group[i/each]], ids, 0)
		}
	}
	return err
}

// append adds a text. Models have ids beyond those of their tokenizers, which stand for nothing.
func (t *TextToText) append(out *[]Output, ids []int, score float64) error {
	tok := t.Model.Decoder.Tokenizer
	known := slices.DeleteFunc(slices.Clone(ids), func(id int) bool {
		_, ok := tok.Token(id)
		return !ok
	})
	text, err := tok.Decode(known, true)
	*out = append(*out, Output{Text: text, IDs: ids, Score: score})
	return err
}

package model

import (
	"errors"
	"fmt"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// ImageToText is a model that writes texts about pictures (captions, answers), or says how well texts fit pictures.
// [OpenImageToText] makes one from a checkpoint; a program may also fill the fields itself. A picture is a tensor
// [3, height, width], as a processor of package vision makes it.
//
//	seen, err := m.Look(pixels)              // the image encoder
//	q, err := m.Question("what is this?")    // tokens; m.Caption() without a prompt
//	s, err := m.NewSession(seen[0], q, model.SessionOptions{})
//	for piece, err := range s.GenerateText(ctx, "", nil, model.GenerateOptions{}) { … }
//
// Computing does not change an ImageToText: any number of pictures and sessions may use it at once.
type ImageToText struct {
	*arch.ImageToText
	Family string // model_type: "blip"

	// Writer is the Decoder of the ImageToText with its tokenizer and generation settings; nil if the model only matches.
	Writer *Decoder

	// Tokenizer reads prompts for the language model, questions for BLIP, and texts to match. Queries reads prompts for
	// the Q-Former, in models that are Instructed.
	Tokenizer, Queries *tokenizer.Tokenizer
}

// Seen is what a model has seen of a picture. It does not change: any number of sessions may share it.
type Seen struct {
	Hidden tensor.Tensor // [P, Dim]: what the image encoder gives; see [arch.ImageEncoder.Forward]

	look *attention.Cache // for the Reader
	read *Encoded         // for a Writer that attends to the picture itself

	released bool
}

// Look runs the image encoder on pictures. It returns an error for a picture that the encoder cannot read. It may be
// called from several goroutines.
func (m *ImageToText) Look(pictures ...tensor.Tensor) ([]*Seen, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	if err := m.Image.Check(pictures); err != nil {
		return nil, err
	}
	out := make([]*Seen, len(pictures))
	p := passes.Get()
	for first := 0; first < len(pictures); {
		last, rows := first, 0
		for last < len(pictures) && (last == first || rows+m.Image.Rows(pictures[last]) <= runRows) {
			rows += m.Image.Rows(pictures[last])
			last++
		}
		mark := p.Scratch.Mark()
		x, row := m.Image.Forward(p, pictures[first:last]), 0
		for i := first; i < last; i++ {
			n := m.Image.Rows(pictures[i])
			h := tensor.New(n, m.Image.Dim)
			copy(h.Data, x.Slice(row, row+n).Data)
			out[i], row = &Seen{Hidden: h}, row+n
		}
		p.Scratch.Release(mark)
		first = last
	}
	for _, s := range out {
		if err := m.prepare(p, s); err != nil {
			return nil, err
		}
	}
	putPass(p)
	return out, nil
}

// NewSeen makes a Seen from what an image encoder gives, hidden [P, Dim], which is kept, not copied.
func (m *ImageToText) NewSeen(hidden tensor.Tensor) (*Seen, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	if hidden.Shape.Rank() != 2 || hidden.Rows() == 0 || hidden.Shape.Last() != m.Image.Dim {
		return nil, fmt.Errorf("model: what an image encoder gives is [P, %d] with at least one row, not %v", m.Image.Dim, hidden.Shape)
	}
	p, s := passes.Get(), &Seen{Hidden: hidden}
	if err := m.prepare(p, s); err != nil {
		return nil, err
	}
	putPass(p)
	return s, nil
}

// prepare computes the keys and values of a picture for the layers that attend to it.
func (m *ImageToText) prepare(p *attention.Pass, s *Seen) (err error) {
	if m.Reader != nil {
		s.look, err = m.Reader.Cross(p, s.Hidden)
		return err
	}
	plan, err := m.Writer.Plan()
	if err != nil {
		return err
	}
	s.read = &Encoded{Hidden: s.Hidden, cross: plan.NewCross(p, s.Hidden), prompted: true}
	return nil
}

// Release gives the memory of what was seen to the next picture, which is faster than new memory. The Seen and its
// sessions cannot be used any more: calls return errors. Nobody may be using them now. Whoever does not call it leaves the
// memory to the garbage collector.
func (m *ImageToText) Release(v *Seen) {
	if v.look != nil {
		if plan, err := m.Reader.Plan(); err == nil {
			plan.ReleaseCross(v.look)
		}
	}
	if v.read != nil && v.read.cross != nil {
		if plan, err := m.Writer.Plan(); err == nil {
			plan.ReleaseCross(v.read.cross)
		}
		v.read.cross = nil
	}
	v.look, v.released = nil, true
}

// errReleased is the error of a call with a picture that was released.
var errReleased = errors.New("model: the picture has been released: look again")

// Question is a prompt or a question beside a picture: tokens as the processor of the reference makes them. The zero
// Question is none: the model writes a caption.
type Question struct {
	// IDs are for the language model. Those of BLIP are [CLS], the words and [SEP]. Those of BLIP-2 and InstructBLIP may
	// begin with the tokens that stand for the queries, [arch.ImageToText.ImageToken]; without them, the queries stand
	// before the text.
	IDs []int

	Queries []int // for the Q-Former, in models that are Instructed
}

// Question returns the tokens of a prompt or a question. It returns an error if the checkpoint has no tokenizer.
func (m *ImageToText) Question(text string) (Question, error) {
	if m.Tokenizer == nil {
		return Question{}, errors.New("model: the checkpoint has no tokenizer")
	}
	ids, err := m.Tokenizer.Encode(text)
	if err != nil || !m.Instructed {
		return Question{IDs: ids}, err
	}
	if m.Queries == nil {
		return Question{}, errors.New("model: the checkpoint has no tokenizer for the Q-Former, which reads the prompt too: it is in the folder qformer_tokenizer")
	}
	queries, err := m.Queries.Encode(text)
	return Question{ids, queries}, err
}

// NewSession returns a session that writes about a picture, after the prompt q, or answers the question q. Call
// [Session.Generate], [Session.GenerateText] or [Session.BeamSearch] with an empty prompt. Texts that these return
// begin after the prompt; those of a beam search have it.
//
// It returns an error if q has an id that the model does not have, is too long, has another number of image tokens
// than the model has queries, or is missing where the model needs one.
func (m *ImageToText) NewSession(v *Seen, q Question, opt SessionOptions) (*Session, error) {
	switch {
	case v.released:
		return nil, errReleased
	case m.Writer == nil:
		return nil, errors.New("model: this checkpoint matches texts and pictures; it does not write")
	case m.Project != nil:
		return m.softSession(v, q, opt)
	case m.Reader != nil:
		return m.answerSession(v, q, opt)
	}
	s := m.Writer.NewSession(opt)
	s.encoded, s.counts = v.read, true
	if len(q.IDs) == 0 {
		return s, nil
	}
	start := m.Writer.Generation.Start
	if start == nil {
		return nil, errors.New("model: the config names no token with which a caption begins (bos_token_id)")
	}
	if len(q.IDs) < 2 {
		return nil, fmt.Errorf("model: a prompt of %d tokens: the first and the last are those that the tokenizer puts around a text", len(q.IDs))
	}
	// As in the reference, the start token stands in the place of the first, and the last is left out.
	prompt := append([]int{*start}, q.IDs[1:len(q.IDs)-1]...)
	return s, s.accept(prompt, tensor.Tensor{})
}

// answerSession is NewSession where a reader reads the question beside the picture, and the writer attends to what it
// gives.
func (m *ImageToText) answerSession(v *Seen, q Question, opt SessionOptions) (*Session, error) {
	if len(q.IDs) == 0 {
		return nil, errors.New("model: this checkpoint answers questions: there is none")
	}
	if err := m.Reader.Check(q.IDs, true); err != nil {
		return nil, err
	}
	plan, err := m.Writer.Plan()
	if err != nil {
		return nil, err
	}
	p := passes.Get()
	x := m.Reader.Forward(p, []arch.Reading{{Cross: v.look, IDs: q.IDs}})
	hidden := tensor.New(x.Rows(), x.Shape.Last())
	copy(hidden.Data, x.Data)
	s := m.Writer.NewSession(opt)
	s.encoded, s.counts = &Encoded{Hidden: hidden, cross: plan.NewCross(p, hidden), prompted: true}, true
	putPass(p)
	return s, nil
}

// softSession is NewSession where what the queries have found stands before the words.
func (m *ImageToText) softSession(v *Seen, q Question, opt SessionOptions) (*Session, error) {
	ids, err := m.placed(q)
	if err != nil {
		return nil, err
	}
	reader := q.Queries
	if !m.Instructed {
		reader = nil
	} else if len(reader) == 0 {
		return nil, errors.New("model: the Q-Former of this model reads the prompt, too: there is none")
	}
	if err := m.Reader.Check(reader, true); err != nil {
		return nil, err
	}
	p := passes.Get()
	x := m.Words(p, v.look, reader)
	words := tensor.New(x.Rows(), x.Shape.Last())
	copy(words.Data, x.Data)
	putPass(p)
	token := m.ImageToken
	if pad := m.Writer.Generation.PAD; token < 0 && pad != nil {
		token = *pad // which no text has, either
	}
	token = max(0, token)
	if m.Encoder == nil {
		s := m.Writer.NewSession(opt)
		s.counts, s.rowToken = true, token+1
		return s, s.accept(ids, words)
	}
	e := &EncoderDecoder{Encoder: &Encoder{Encoder: m.Encoder}, Decoder: m.Writer}
	hidden, err := e.Encoder.Hidden([]arch.Sequence{{IDs: ids, Rows: words}})
	if err != nil {
		return nil, err
	}
	for i, id := range ids {
		if id == arch.RowID {
			ids[i] = token
		}
	}
	read, err := e.NewEncoded(ids, hidden[0])
	if err != nil {
		return nil, err
	}
	return e.NewSession(read, opt), nil
}

// placed returns the tokens of a prompt with [arch.RowID] where the queries stand.
func (m *ImageToText) placed(q Question) ([]int, error) {
	n, found := m.Reader.Queries.Rows(), 0
	ids := append([]int(nil), q.IDs...)
	for i, id := range ids {
		if id == m.ImageToken {
			ids[i], found = arch.RowID, found+1
		}
	}
	switch {
	case found == n:
		return ids, nil
	case found > 0:
		return nil, fmt.Errorf("model: the prompt has %d image tokens (id %d); the model has %d queries, and wants as many or none", found, m.ImageToken, n)
	case len(ids) == 0:
		bos := m.Writer.Generation.BOS
		if bos == nil {
			return nil, errors.New("model: text_config has no bos_token_id, with which a text without a prompt begins: give a prompt")
		}
		ids = []int{*bos}
	}
	rows := make([]int, n, n+len(ids))
	for i := range rows {
		rows[i] = arch.RowID
	}
	return append(rows, ids...), nil
}

// Matches returns how well texts fit a picture, by the head that reads both together: for each text the two scores
// [does not fit, fits], [N, 2] for N texts. Their softmax are probabilities. The texts are tokens as
// [ImageToText.Question] makes them. It returns an error if the checkpoint has no such head.
func (m *ImageToText) Matches(v *Seen, texts ...[]int) (tensor.Tensor, error) {
	if v.released {
		return tensor.Tensor{}, errReleased
	}
	return m.eachText(texts, 2, func(p *attention.Pass, ids []int) tensor.Tensor { return m.Scores(p, v.look, ids) }, true)
}

// EmbedTexts returns normalised embeddings of texts, [N, width], for comparisons with those of pictures. It returns an
// error if the checkpoint makes none.
func (m *ImageToText) EmbedTexts(texts ...[]int) (tensor.Tensor, error) {
	width := 0
	if m.Match != nil {
		width = m.Match.Text.Out()
	}
	return m.eachText(texts, width, func(p *attention.Pass, ids []int) tensor.Tensor { return m.EmbedText(p, ids) }, false)
}

// eachText returns what compute makes of each text, a row of so many numbers.
func (m *ImageToText) eachText(texts [][]int, width int, compute func(p *attention.Pass, ids []int) tensor.Tensor, picture bool) (tensor.Tensor, error) {
	if m.Match == nil {
		return tensor.Tensor{}, errors.New("model: the checkpoint writes; it does not match texts and pictures")
	}
	if err := m.Validate(); err != nil {
		return tensor.Tensor{}, err
	}
	for i, ids := range texts {
		if err := m.Reader.Check(ids, picture); err != nil {
			return tensor.Tensor{}, fmt.Errorf("%w (text %d)", err, i)
		}
		if len(ids) == 0 {
			return tensor.Tensor{}, fmt.Errorf("model: text %d has no tokens", i)
		}
	}
	out, p := tensor.New(len(texts), width), passes.Get()
	for i, ids := range texts {
		mark := p.Scratch.Mark()
		copy(out.Row(i), compute(p, ids).Data)
		p.Scratch.Release(mark)
	}
	putPass(p)
	return out, nil
}

// EmbedSeen returns the normalised embeddings of a picture, [1, width], or one for each query, [Q, width]. It returns an
// error if the checkpoint makes none.
func (m *ImageToText) EmbedSeen(v *Seen) (tensor.Tensor, error) {
	if m.Match == nil {
		return tensor.Tensor{}, errors.New("model: the checkpoint writes; it does not match texts and pictures")
	}
	if v.released {
		return tensor.Tensor{}, errReleased
	}
	p := passes.Get()
	x := m.EmbedImage(p, v.Hidden, v.look)
	out := tensor.New(x.Rows(), x.Shape.Last())
	copy(out.Data, x.Data)
	putPass(p)
	return out, nil
}

// Similarities returns the cosine of the angle between the embedding of a picture and that of each text, the largest if
// the picture has several: from −1 to 1.
func (m *ImageToText) Similarities(v *Seen, texts ...[]int) ([]float32, error) {
	t, err := m.EmbedTexts(texts...)
	if err != nil {
		return nil, err
	}
	image, err := m.EmbedSeen(v)
	if err != nil {
		return nil, err
	}
	out := make([]float32, len(texts))
	for i := range out {
		for q := range image.Rows() {
			sum := float32(0)
			for j, x := range image.Row(q) {
				sum += x * t.Row(i)[j]
			}
			if q == 0 || sum > out[i] {
				out[i] = sum
			}
		}
	}
	return out, nil
}

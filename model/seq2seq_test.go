package model_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/model/modeltest"
	"github.com/seed2010d43f/transformer/sample"
	"github.com/seed2010d43f/transformer/sample/beam"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// shortSeq2Seq are the cases that short tests run: together they have each way of positions, norms and tables.
var shortSeq2Seq = []string{"bart-plain", "m2m_100-pads-inside", "marian-separate-untied", "mbart-50", "pegasus-plain", "t5-buckets", "t5-v1", "umt5-tied"}

// eachSeq2Seq runs a test on the golden encoder–decoders that write.
func eachSeq2Seq(t *testing.T, f func(t *testing.T, g *seq2seqGolden, m *model.EncoderDecoder)) {
	for _, g := range seq2seqGoldens(t) {
		if g.decoderOnly() || len(g.Outputs) > 0 || testing.Short() && !slices.Contains(shortSeq2Seq, g.Name) {
			continue
		}
		t.Run(g.Name, func(t *testing.T) { f(t, &g, g.open(t)) })
	}
}

// encode1 reads a source that the model has.
func encode1(t testing.TB, m *model.EncoderDecoder, ids []int) *model.Encoded {
	t.Helper()
	src, err := m.Encode(ids)
	if err != nil {
		t.Fatal(err)
	}
	return src[0]
}

// longTarget returns a text that crosses pages of the cache, if the model reads so much.
func longTarget(m *model.EncoderDecoder, seed uint64) []int {
	return modeltest.RandomIDs(seed, min(m.Decoder.MaxLen, 300), m.Decoder.Vocab)
}

// Sources give the same bits alone and together, and so do the decoder's tokens however they are split.
func TestSeq2SeqSplits(t *testing.T) {
	eachSeq2Seq(t, func(t *testing.T, g *seq2seqGolden, m *model.EncoderDecoder) { checkSeq2SeqSplits(t, m, g.Source) })
}

func checkSeq2SeqSplits(t *testing.T, m *model.EncoderDecoder, sources [][]int) {
	together, err := m.Encode(sources...)
	if err != nil {
		t.Fatal(err)
	}
	for i, ids := range sources {
		same(t, "source together", together[i].Hidden.Data, encode1(t, m, ids).Hidden.Data)
	}
	ids := longTarget(m, 1)
	whole := m.NewSession(together[0], model.SessionOptions{})
	feed(t, whole, ids...)
	want := slices.Clone(whole.Logits())
	for _, width := range []int{1, 3, 129} {
		s := m.NewSession(together[0], model.SessionOptions{})
		for part := range slices.Chunk(ids, width) {
			feed(t, s, part...)
		}
		same(t, "split target", s.Logits(), want)
	}
	observed := m.NewSession(together[0], model.SessionOptions{Observer: func(attention.Point) func(tensor.Tensor) { return func(tensor.Tensor) {} }})
	feed(t, observed, ids...)
	same(t, "observed", observed.Logits(), want)
	fork := whole.Fork()
	if err := fork.Rewind(len(ids) / 2); err != nil {
		t.Fatal(err)
	}
	feed(t, fork, ids[len(ids)/2:]...)
	same(t, "a fork that went back", fork.Logits(), want)

	var batch []model.Input
	for i := range 5 {
		batch = append(batch, model.Input{m.NewSession(together[i%len(together)], model.SessionOptions{}), ids[:len(ids)-i]})
	}
	if err := m.Decoder.AppendBatch(batch); err != nil {
		t.Fatal(err)
	}
	for i, in := range batch {
		s := m.NewSession(together[i%len(together)], model.SessionOptions{})
		feed(t, s, in.IDs...)
		same(t, "target in a batch", in.Session.Logits(), s.Logits())
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	s := m.NewSession(encode1(t, m, sources[0]), model.SessionOptions{})
	feed(t, s, ids...)
	same(t, "one processor", s.Logits(), want)
}

// What is generated for several sources together is what each gives alone, greedily and with beams, and
// in several goroutines too.
func TestSeq2SeqBatches(t *testing.T) {
	ctx := context.Background()
	opt := model.GenerateOptions{MaxTokens: 12}
	beams := beam.Options{NumBeams: 3, LengthPenalty: 1, NumReturnSequences: 2}
	eachSeq2Seq(t, func(t *testing.T, g *seq2seqGolden, m *model.EncoderDecoder) {
		sources, err := m.Encode(g.Source...)
		if err != nil {
			t.Fatal(err)
		}
		var greedy, search []model.Input
		var samplers []*sample.Sampler
		for _, src := range sources {
			greedy = append(greedy, model.Input{Session: m.NewSession(src, model.SessionOptions{})})
			search = append(search, model.Input{Session: m.NewSession(src, model.SessionOptions{})})
			samplers = append(samplers, sample.Greedy())
		}
		texts, err := m.Decoder.GenerateBatch(ctx, greedy, samplers, opt)
		if err != nil {
			t.Fatal(err)
		}
		found, err := m.Decoder.BeamSearchBatch(ctx, search, beams, opt)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i, src := range sources {
			wg.Go(func() {
				one, err := collect(m.NewSession(src, model.SessionOptions{}), nil, sample.Greedy(), opt)
				if err != nil || !slices.Equal(one, texts[i]) {
					t.Errorf("source %d alone: %v, in a batch %v (%v)", i, one, texts[i], err)
				}
				s := m.NewSession(src, model.SessionOptions{})
				h, err := s.BeamSearch(ctx, nil, beams, opt)
				if err != nil || !slices.EqualFunc(h, found[i], equalHypotheses) {
					t.Errorf("source %d alone: %v, in a batch %v (%v)", i, h, found[i], err)
				}
				if s.Len() != 1 || s.Logits() == nil {
					t.Errorf("after a search the session has %d tokens", s.Len())
				}
			})
		}
		wg.Wait()
	})
}

func equalHypotheses(a, b beam.Hypothesis) bool {
	return a.Score == b.Score && slices.Equal(a.IDs, b.IDs)
}

// A target's token allocates nothing once the session has its memory, and processors do not change that.
func TestSeq2SeqAllocatesNothing(t *testing.T) {
	if tensortest.Race {
		t.Skip("the race detector allocates")
	}
	eachSeq2Seq(t, func(t *testing.T, g *seq2seqGolden, m *model.EncoderDecoder) {
		ids := longTarget(m, 2)
		s := m.NewSession(encode1(t, m, g.Source[0]), model.SessionOptions{Reserve: len(ids)})
		m.Decoder.Generation.Processors = sample.LogitsProcessors{NoRepeatNGramSize: 3, RepetitionPenalty: 1.1, FrequencyPenalty: 0.1, SuppressTokens: []int{3}}
		sm := sample.Greedy()
		next, stop := iter.Pull2(s.Generate(t.Context(), nil, sm, model.GenerateOptions{EOS: []int{}, MaxTokens: len(ids)}))
		defer stop()
		step := func() {
			if _, err, ok := next(); err != nil || !ok {
				t.Fatal(err, ok)
			}
		}
		step()
		step()
		runtime.GC()
		if got := testing.AllocsPerRun(min(20, len(ids)-6), step); got != 0 {
			t.Errorf("%v allocations for a token", got)
		}
	})
}

// Inputs that make no sense give errors that say what would.
func TestSeq2SeqHostile(t *testing.T) {
	ctx := context.Background()
	eachSeq2Seq(t, func(t *testing.T, g *seq2seqGolden, m *model.EncoderDecoder) {
		wants := func(what string, err error, words string) {
			t.Helper()
			if err == nil || !strings.Contains(err.Error(), words) {
				t.Errorf("%s: error %v, want one that says %q", what, err, words)
			}
		}
		_, err := m.Encode(g.Source[0], nil)
		wants("an empty source", err, "sequence 1 has no tokens")
		for _, id := range []int{-1, m.Encoder.Vocab, math.MaxInt / 2} {
			_, err = m.Encode([]int{0, id})
			wants("a source's id", err, "the model's ids are 0 to")
		}
		if m.Encoder.MaxLen < hf.MaxLength {
			_, err = m.Encode(make([]int, m.Encoder.MaxLen+1))
			wants("a long source", err, "the model reads at most")
			s := m.NewSession(encode1(t, m, g.Source[0]), model.SessionOptions{})
			wants("a long target", s.Append(make([]int, m.Decoder.MaxLen+1)...), "the model reads at most")
		}
		_, err = m.NewEncoded(nil, tensor.New(3, m.Encoder.Dim+1))
		wants("an output of another width", err, "the encoder's output is")
		_, err = m.NewEncoded(nil, tensor.New(3))
		wants("an output without rows", err, "the encoder's output is")
		wants("a decoder alone", m.Decoder.NewSession(model.SessionOptions{}).Append(0), "EncoderDecoder.NewSession")

		src := encode1(t, m, g.Source[0])
		beams := beam.Options{NumBeams: 2, LengthPenalty: 1}
		_, err = m.NewSession(src, model.SessionOptions{}).BeamSearch(ctx, []int{m.Decoder.Vocab}, beams, model.GenerateOptions{MaxTokens: 3})
		wants("a prompt's id", err, "the model's ids are 0 to")
		_, err = m.NewSession(src, model.SessionOptions{}).BeamSearch(ctx, nil, beam.Options{}, model.GenerateOptions{MaxTokens: 3})
		wants("no beams", err, "NumBeams is 0")
		for _, n := range []int{m.Decoder.Vocab / 2, m.Decoder.Vocab + 1} { // more than there are words to begin with
			h, err := m.NewSession(src, model.SessionOptions{}).BeamSearch(ctx, nil, beam.Options{NumBeams: n, LengthPenalty: 1}, model.GenerateOptions{MaxTokens: 3})
			if err != nil || len(h) != 1 {
				t.Errorf("%d beams: %d texts, %v", n, len(h), err)
			}
		}
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		if _, err = m.NewSession(src, model.SessionOptions{}).BeamSearch(cancelled, nil, beams, model.GenerateOptions{MaxTokens: 3}); !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled search: %v", err)
		}
		m.Decoder.Generation.Start = nil
		_, err = m.NewSession(src, model.SessionOptions{}).BeamSearch(ctx, nil, beams, model.GenerateOptions{MaxTokens: 3})
		wants("no start token", err, "nothing to continue")
		s := m.NewSession(src, model.SessionOptions{})
		_, err = m.Decoder.BeamSearchBatch(ctx, []model.Input{{s, []int{1}}, {s, []int{1}}}, beams, model.GenerateOptions{MaxTokens: 3})
		wants("a session twice", err, "twice")
	})
}

// Ids beyond those of the tokenizer, which models have, stand for nothing in a text.
func TestSeq2SeqIDsBeyondTheTokenizer(t *testing.T) {
	tok, err := tokenizer.Open(os.DirFS("../tokenizer/testdata/seq2seq/t5_spiece"))
	if err != nil {
		t.Fatal(err)
	}
	n := tok.VocabSize()
	config := fmt.Sprintf(`{"model_type": "t5", "vocab_size": %d, "d_model": 8, "d_kv": 4, "d_ff": 8, "num_layers": 1, "num_heads": 2}`, n+9)
	m, err := model.NewEncoderDecoder([]byte(config), checkpoint.Random(1, tensor.F32), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m = m.WithTokenizer(tok)
	processors := &sample.LogitsProcessors{}
	for id := range n {
		processors.SuppressTokens = append(processors.SuppressTokens, id)
	}
	s := m.NewSession(encode1(t, m, []int{1}), model.SessionOptions{})
	for piece, err := range s.GenerateText(context.Background(), "", sample.Greedy(), model.GenerateOptions{MaxTokens: 5, Processors: processors}) {
		t.Errorf("%q, %v", piece, err)
	}
	if s.Len() != 6 {
		t.Errorf("%d tokens, want 6", s.Len())
	}
}

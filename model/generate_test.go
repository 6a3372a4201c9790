package model_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/sample"
	"github.com/seed2010d43f/transformer/sample/beam"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tokenizer"
)

func tinyDecoder(t *testing.T) *model.Decoder {
	t.Helper()
	d, err := model.OpenDecoder(os.DirFS("../examples/internal/tiny/decoder"), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// collect returns the tokens of a generation, and the error it ends with.
func collect(s *model.Session, prompt []int, sm *sample.Sampler, opt model.GenerateOptions) (ids []int, err error) {
	for id, err := range s.Generate(context.Background(), prompt, sm, opt) {
		if err != nil {
			return ids, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// text returns a generated text and its pieces.
func text(t *testing.T, d *model.Decoder, prompt string, sm *sample.Sampler, opt model.GenerateOptions) (all string, pieces []string) {
	t.Helper()
	for piece, err := range d.NewSession(model.SessionOptions{}).GenerateText(context.Background(), prompt, sm, opt) {
		if err != nil {
			t.Fatal(err)
		}
		if !utf8.ValidString(piece) || piece == "" {
			t.Errorf("piece %q", piece)
		}
		pieces = append(pieces, piece)
	}
	return strings.Join(pieces, ""), pieces
}

func TestGenerateEnds(t *testing.T) {
	d := tinyDecoder(t)
	prompt, err := d.Tokenizer.Encode("The cat sat on the")
	if err != nil {
		t.Fatal(err)
	}
	greedy := func(opt model.GenerateOptions) ([]int, error) {
		return collect(d.NewSession(model.SessionOptions{}), prompt, sample.Greedy(), opt)
	}
	whole, err := greedy(model.GenerateOptions{})
	if err != nil || whole[len(whole)-1] != d.Generation.EOS[0] {
		t.Fatalf("without limits: %v, %v; want an end at token %v", whole, err, d.Generation.EOS)
	}
	if got, err := greedy(model.GenerateOptions{MaxTokens: 7}); err != nil || !slices.Equal(got, whole[:7]) {
		t.Errorf("7 tokens: %v, %v", got, err)
	}
	at := slices.Index(whole, whole[3])
	if got, err := greedy(model.GenerateOptions{EOS: []int{whole[3]}}); err != nil || !slices.Equal(got, whole[:at+1]) {
		t.Errorf("with an end token: %v, %v", got, err)
	}
	got, err := greedy(model.GenerateOptions{EOS: []int{}})
	if !errors.Is(err, model.ErrLength) || len(prompt)+len(got) != d.MaxLen {
		t.Errorf("without end tokens: %d tokens, %v; want an error at %d", len(got), err, d.MaxLen)
	}
	if _, err := collect(d.NewSession(model.SessionOptions{}), nil, sample.Greedy(), model.GenerateOptions{}); err == nil {
		t.Error("no error for an empty prompt")
	}
	if _, err := collect(d.NewSession(model.SessionOptions{}), make([]int, d.MaxLen+1), sample.Greedy(), model.GenerateOptions{}); err == nil {
		t.Error("no error for a prompt that is too long")
	}
}

// What Generate yields belongs to the session: feeding it on gives what feeding the whole gives.
func TestGenerateThenFeed(t *testing.T) {
	d := tinyDecoder(t)
	prompt, err := d.Tokenizer.Encode("Once upon a time")
	if err != nil {
		t.Fatal(err)
	}
	s := d.NewSession(model.SessionOptions{})
	made, err := collect(s, prompt, sample.Greedy(), model.GenerateOptions{MaxTokens: 5})
	if err != nil {
		t.Fatal(err)
	}
	if s.Logits() != nil {
		t.Error("logits before the last token was computed")
	}
	fresh := d.NewSession(model.SessionOptions{})
	all := append(slices.Clone(prompt), made...)
	if err := fresh.Append(all...); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(); err != nil || !slices.Equal(s.Logits(), fresh.Logits()) || !slices.Equal(s.IDs(), all) {
		t.Errorf("the session has other logits than a fresh one with its tokens (%v)", err)
	}
}

func TestGenerateCancelled(t *testing.T) {
	d := tinyDecoder(t)
	prompt, err := d.Tokenizer.Encode("Once upon a time")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n, last := 0, error(nil)
	for _, err := range d.NewSession(model.SessionOptions{}).Generate(ctx, prompt, sample.Greedy(), model.GenerateOptions{}) {
		if n++; n == 3 {
			cancel()
		}
		last = err
	}
	if n != 4 || !errors.Is(last, context.Canceled) {
		t.Errorf("%d yields, the last with %v; want three tokens and the context's error", n, last)
	}
}

func TestStopStrings(t *testing.T) {
	d := tinyDecoder(t)
	const prompt = "The cat sat on the"
	whole, _ := text(t, d, prompt, sample.Greedy(), model.GenerateOptions{MaxTokens: 60})
	for _, stop := range []string{"soft", ". The", "t. Th", "ran", "?!", ""} {
		want := whole
		if i := strings.Index(whole, stop); stop != "" && i >= 0 {
			want = whole[:i]
		}
		got, _ := text(t, d, prompt, sample.Greedy(), model.GenerateOptions{MaxTokens: 60, Stop: []string{"never in it", stop}})
		if got != want {
			t.Errorf("up to %q: %q, want %q", stop, got, want)
		}
	}
	if _, pieces := text(t, d, prompt, sample.Greedy(), model.GenerateOptions{MaxTokens: 60, Stop: []string{"zebra"}}); len(pieces) < 20 {
		t.Errorf("%d pieces: text is held back that begins no stop string", len(pieces))
	}
}

// The checkpoint's stop strings end tokens too, alone and in a batch: with the token that completes one.
func TestStopStringsOfCheckpoint(t *testing.T) {
	d := tinyDecoder(t)
	prompt := "The cat sat on the"
	ids, err := d.Tokenizer.AppendEncode(nil, prompt, tokenizer.Options{AddSpecial: true})
	if err != nil {
		t.Fatal(err)
	}
	generate := func(opt model.GenerateOptions) ([]int, error) {
		var got []int
		for id, err := range d.NewSession(model.SessionOptions{}).Generate(context.Background(), ids, sample.Greedy(), opt) {
			if err != nil {
				return nil, err
			}
			got = append(got, id)
		}
		return got, nil
	}
	whole, err := generate(model.GenerateOptions{MaxTokens: 40})
	if err != nil {
		t.Fatal(err)
	}
	d.Generation.StopStrings = []string{"never in it", ". The"}
	got, err := generate(model.GenerateOptions{MaxTokens: 40})
	if err != nil || len(got) >= len(whole) || !slices.Equal(got, whole[:len(got)]) {
		t.Fatalf("%v, want the begin of %v; %v", got, whole, err)
	}
	before, _ := d.Tokenizer.Decode(got[:len(got)-1], false)
	after, _ := d.Tokenizer.Decode(got, false)
	if strings.Contains(before, ". The") || !strings.Contains(after, ". The") {
		t.Errorf("the text ends with %q", after)
	}
	if all, err := generate(model.GenerateOptions{MaxTokens: 40, Stop: []string{}}); err != nil || !slices.Equal(all, whole) {
		t.Errorf("without stop strings: %v, %v", all, err)
	}
	batch := []model.Input{{Session: d.NewSession(model.SessionOptions{}), IDs: ids}, {Session: d.NewSession(model.SessionOptions{}), IDs: ids}}
	if all, err := d.GenerateBatch(context.Background(), batch, nil, model.GenerateOptions{MaxTokens: 40}); err != nil || !slices.Equal(all[0], got) || !slices.Equal(all[1], got) {
		t.Errorf("a batch: %v, want %v; %v", all, got, err)
	}
	if piece, _ := text(t, d, prompt, sample.Greedy(), model.GenerateOptions{MaxTokens: 40}); piece+". The" != after {
		t.Errorf("text %q, want %q without the stop string", piece, after)
	}
	if _, err := d.NewSession(model.SessionOptions{}).BeamSearch(context.Background(), ids, beam.Options{NumBeams: 2}, model.GenerateOptions{MaxTokens: 5}); err == nil || !strings.Contains(err.Error(), "stop strings") {
		t.Errorf("beams: %v", err)
	}
	d.Tokenizer = nil
	if _, err := generate(model.GenerateOptions{MaxTokens: 5}); err == nil || !strings.Contains(err.Error(), "stop strings need a tokenizer") {
		t.Errorf("without a tokenizer: %v", err)
	}
}

// Random tokens are bytes in any order; pieces are whole characters, and together the decoded text.
func TestTextIsWholeCharacters(t *testing.T) {
	d := tinyDecoder(t)
	flat, err := sample.New(sample.Config{Temperature: 100, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	if all, _ := text(t, d, "x", flat, model.GenerateOptions{MaxTokens: 200, EOS: []int{}}); !strings.ContainsRune(all, utf8.RuneError) {
		t.Errorf("no broken character among random bytes: %q", all)
	}
	d.Tokenizer = nil
	for _, err := range d.NewSession(model.SessionOptions{}).GenerateText(context.Background(), "x", sample.Greedy(), model.GenerateOptions{}) {
		if err == nil || !strings.Contains(err.Error(), "no tokenizer") {
			t.Errorf("error %v", err)
		}
	}
}

// An observer of a prompt that is computed in pieces sees logits of its last token only, and changes
// nothing.
func TestObservedLogits(t *testing.T) {
	d, err := model.NewDecoder([]byte(`{"model_type": "llama", "vocab_size": 50, "hidden_size": 16, "intermediate_size": 16,
		"num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 2000}`), checkpoint.Random(1, tensor.F32), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]int, 1300)
	for i := range ids {
		ids[i] = i * 7 % 50
	}
	var rows []int
	observed := d.NewSession(model.SessionOptions{Observer: func(at attention.Point) func(tensor.Tensor) {
		if at.Stage != arch.StageLogits {
			return nil
		}
		return func(x tensor.Tensor) { rows = append(rows, x.Rows()) }
	}})
	plain := d.NewSession(model.SessionOptions{})
	if err := errors.Join(observed.Append(ids...), plain.Append(ids...)); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, n := range rows {
		total += n
	}
	if total != 1 {
		t.Errorf("logits of %v rows were computed", rows)
	}
	if !slices.Equal(observed.Logits(), plain.Logits()) {
		t.Error("an observer changes the logits")
	}
}

// Rows that stand for tokens are not part of the text that processors and beams see, so they do not change when it ends.
func TestRowsAndTheEnd(t *testing.T) {
	const maxLen, forced = 14, 7
	d, err := model.NewDecoder([]byte(`{"model_type": "llama", "vocab_size": 50, "hidden_size": 16, "intermediate_size": 16,
		"num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 14}`), checkpoint.Random(1, tensor.F32), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	prompt := []int{1, 2}
	begin := func(rows int) *model.Session {
		s := d.NewSession(model.SessionOptions{})
		if err := s.AppendRows(tensor.From(tensortest.Logits(16*rows, 1, 1), rows, 16)); err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, c := range []struct{ rows, most, want int }{{5, 3, 3}, {5, 0, maxLen - 5 - 2}, {3, 100, maxLen - 3 - 2}, {9, 3, 3}} {
		opt := model.GenerateOptions{EOS: []int{}, MaxTokens: c.most, Processors: &sample.LogitsProcessors{ForcedEOS: []int{forced}}}
		found, err := begin(c.rows).BeamSearch(t.Context(), prompt, beam.Options{NumBeams: 3, LengthPenalty: 1}, opt)
		if err != nil {
			t.Fatal(err)
		}
		if ids := found[0].IDs; len(ids) != 2+c.want || ids[len(ids)-1] != forced {
			t.Errorf("%+v: a search finds %v, want %d tokens after the prompt, the last of them %d", c, ids, c.want, forced)
		}
		ids, err := collect(begin(c.rows), prompt, nil, opt)
		if len(ids) != c.want || ids[len(ids)-1] != forced || (err == model.ErrLength) != (c.want != c.most) {
			t.Errorf("%+v: generation gives %v, %v; want %d tokens, the last of them %d", c, ids, err, c.want, forced)
		}
	}
}

// Without a sampler generation is greedy, and a session that has gone back goes on without a prompt: regenerating
// is the first thing that a chat does.
func TestRegenerate(t *testing.T) {
	g := goldens(t)[0]
	d := g.decoder(t, model.Options{})
	generate := func(s *model.Session, prompt []int, sm *sample.Sampler) []int {
		var ids []int
		for id, err := range s.Generate(t.Context(), prompt, sm, model.GenerateOptions{EOS: []int{}, MaxTokens: 9}) {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		return ids
	}
	s := d.NewSession(model.SessionOptions{})
	want := generate(s, g.Prompt, sample.Greedy())
	if got := generate(d.NewSession(model.SessionOptions{}), g.Prompt, nil); !slices.Equal(got, want) {
		t.Errorf("without a sampler %v, greedily %v", got, want)
	}
	for _, to := range []int{len(g.Prompt), len(g.Prompt) + 4} {
		if err := s.Rewind(to); err != nil {
			t.Fatal(err)
		}
		if got := generate(s, nil, nil); !slices.Equal(got[:5], slices.Concat(want, got)[to-len(g.Prompt):][:5]) {
			t.Errorf("after going back to %d: %v, want what %v has from there on", to, got, want)
		}
	}
	batch, err := d.GenerateBatch(t.Context(), []model.Input{{Session: d.NewSession(model.SessionOptions{}), IDs: g.Prompt}}, nil, model.GenerateOptions{EOS: []int{}, MaxTokens: 9})
	if err != nil || !slices.Equal(batch[0], want) {
		t.Errorf("a batch without samplers: %v, %v; want %v", batch, err, want)
	}
}

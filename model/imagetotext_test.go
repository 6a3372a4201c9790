package model_test

import (
	"context"
	"encoding/json"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/sample"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// picture returns a golden case of a model of pictures.
func picture(t testing.TB, name string) *pictureGolden {
	t.Helper()
	all := pictureGoldens(t)
	i := slices.IndexFunc(all, func(g pictureGolden) bool { return g.Name == name })
	if i < 0 {
		t.Fatalf("no golden case %s", name)
	}
	return &all[i]
}

// Folders without image_token_index, as they were published, write what the same weights with the token write.
func TestWithoutImageToken(t *testing.T) {
	for _, name := range []string{"blip-2-opt", "blip-2-flan-t5", "instructblip-vicuna"} {
		g := picture(t, name)
		var o object
		if err := json.Unmarshal(g.Config, &o); err != nil {
			t.Fatal(err)
		}
		old := *g
		old.Config = encode(with(o, "image_token_index", "missing"))
		for _, value := range []string{"missing", "null"} {
			old.Config = encode(with(o, "image_token_index", value))
			m := old.open(t)
			if m.ImageToken != -1 {
				t.Fatalf("%s: image token %d", name, m.ImageToken)
			}
			seen, err := m.Look(g.pictures(t)...)
			if err != nil {
				t.Fatal(err)
			}
			for i := range g.Outputs {
				x := g.Outputs[i]
				x.IDs = slices.DeleteFunc(slices.Clone(x.IDs), func(id int) bool { return id == imageToken(t, g) })
				old.checkWritten(t, m, seen[x.Picture], &x)
			}
		}
	}
}

func imageToken(t testing.TB, g *pictureGolden) int {
	t.Helper()
	var c struct {
		Token int `json:"image_token_index"`
	}
	if err := json.Unmarshal(g.Config, &c); err != nil {
		t.Fatal(err)
	}
	return c.Token
}

// What is seen and written does not depend, in a single bit, on the other pictures of a call or on the number of threads.
func TestPicturesAlone(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, name := range []string{"blip-caption", "blip-question", "blip-2-flan-t5", "instructblip-vicuna"} {
		g := picture(t, name)
		m := g.open(t)
		logits := func(v *model.Seen) []float32 {
			s, err := m.NewSession(v, g.Outputs[0].question(), model.SessionOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := collect(s, nil, nil, model.GenerateOptions{MaxTokens: 3, EOS: []int{}}); err != nil {
				t.Fatal(err)
			}
			if err := s.Append(); err != nil {
				t.Fatal(err)
			}
			return slices.Clone(s.Logits())
		}
		runtime.GOMAXPROCS(1)
		together, err := m.Look(g.pictures(t)...)
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range g.pictures(t) {
			want := logits(together[i])
			for _, threads := range []int{1, 2, 5} {
				runtime.GOMAXPROCS(threads)
				one, err := m.Look(x)
				if err != nil {
					t.Fatal(err)
				}
				same(t, name+": hidden states", one[0].Hidden.Data, together[i].Hidden.Data)
				same(t, name+": logits", logits(one[0]), want)
				m.Release(one[0]) // the next has its memory
			}
		}
	}
}

// A picture that was released gives errors, and so do sessions that attend to it.
func TestReleased(t *testing.T) {
	for _, name := range []string{"blip-caption", "blip-match", "blip-2-opt"} {
		g := picture(t, name)
		m := g.open(t)
		seen, err := m.Look(g.pictures(t)[0])
		if err != nil {
			t.Fatal(err)
		}
		v, o := seen[0], &g.Outputs[0]
		var s *model.Session
		if m.Writer != nil {
			if s, err = m.NewSession(v, o.question(), model.SessionOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		m.Release(v)
		m.Release(v)
		if m.Writer == nil {
			_, err = m.Matches(v, o.IDs)
			_, err2 := m.EmbedSeen(v)
			if err == nil || err2 == nil {
				t.Errorf("%s: %v and %v", name, err, err2)
			}
			continue
		}
		if _, err := m.NewSession(v, o.question(), model.SessionOptions{}); err == nil || !strings.Contains(err.Error(), "released") {
			t.Errorf("%s: a session of a released picture: %v", name, err)
		}
		if _, err := collect(s, nil, nil, model.GenerateOptions{}); m.Project == nil && (err == nil || !strings.Contains(err.Error(), "released")) {
			t.Errorf("%s: a session goes on: %v", name, err)
		}
	}
}

// Streamed text is that of the tokens; drawing with a seed gives the same twice, and other texts than the greedy one.
func TestWritesLikeOthers(t *testing.T) {
	for _, name := range []string{"blip-caption", "blip-2-opt", "instructblip-flan-t5"} {
		g := picture(t, name)
		m := g.open(t)
		seen, err := m.Look(g.pictures(t)...)
		if err != nil {
			t.Fatal(err)
		}
		o := &g.Outputs[0]
		session := func() *model.Session {
			s, err := m.NewSession(seen[o.Picture], o.question(), model.SessionOptions{})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		var streamed strings.Builder
		for piece, err := range session().GenerateText(context.Background(), "", nil, model.GenerateOptions{MaxTokens: 10}) {
			if err != nil {
				t.Fatal(err)
			}
			streamed.WriteString(piece)
		}
		i := slices.IndexFunc(o.Generations, func(x struct {
			Name   string
			IDs    [][]int
			Scores []float64
		}) bool {
			return x.Name == "greedy"
		})
		if got := strings.TrimSpace(streamed.String()); got != strings.TrimSpace(o.Written[i]) {
			t.Errorf("%s: streamed %q, want %q", name, got, o.Written[i])
		}
		draw := func(seed uint64) []int {
			sm, err := sample.New(sample.Config{Temperature: 2, Seed: seed})
			if err != nil {
				t.Fatal(err)
			}
			ids, err := collect(session(), nil, sm, model.GenerateOptions{MaxTokens: 10, EOS: []int{}})
			if err != nil {
				t.Fatal(err)
			}
			return ids
		}
		if one := draw(1); !slices.Equal(one, draw(1)) || slices.Equal(one, draw(2)) || slices.Equal(one, o.Generations[i].IDs[0]) {
			t.Errorf("%s: drawn %v", name, one)
		}
	}
}

// Errors name what is wrong with a question or a picture.
func TestImageToTextErrors(t *testing.T) {
	for _, c := range []struct {
		name, want string
		do         func(m *model.ImageToText, v *model.Seen) error
	}{
		{"blip-caption", "[3, height, width] is needed", func(m *model.ImageToText, _ *model.Seen) error {
			_, err := m.Look(tensor.New(1, 18, 18))
			return err
		}},
		{"blip-caption", "less than one patch of 6×6", func(m *model.ImageToText, _ *model.Seen) error {
			_, err := m.Look(tensor.New(3, 18, 18), tensor.New(3, 5, 18))
			return err
		}},
		{"blip-caption", "the model reads at most 40", ask(slices.Repeat([]int{7}, 43)...)},
		{"blip-caption", "the model's ids are 0 to", ask(2, 9999, 3)},
		{"blip-caption", "the first and the last are those that the tokenizer puts around a text", ask(2)},
		{"blip-caption", "does not match texts", func(m *model.ImageToText, v *model.Seen) error {
			_, err := m.Matches(v, []int{2, 3})
			return err
		}},
		{"blip-question", "answers questions: there is none", ask()},
		{"blip-question", "at most 40", ask(slices.Repeat([]int{7}, 41)...)},
		{"blip-question", "the model's ids are 0 to", ask(2, -1, 3)},
		{"blip-match", "it does not write", ask(2, 7, 3)},
		{"blip-match", "no text to read (text 1)", match([]int{2, 3}, nil)},
		{"blip-2-match", "text 0 has no tokens", match(nil)},
		{"blip-match", "id 9999", match([]int{2, 9999})},
		{"blip-2-match", "at most 32", match(slices.Repeat([]int{7}, 33))},
		{"blip-2-opt", "has 4 image tokens (id 280); the model has 5 queries", ask(280, 280, 280, 280, 2)},
		{"blip-2-opt", "has 6 image tokens", ask(280, 280, 280, 280, 280, 2, 280)},
		{"blip-2-opt", "the model reads at most 48", ask(slices.Repeat([]int{7}, 44)...)},
		{"instructblip-vicuna", "the Q-Former of this model reads the prompt, too: there is none", ask(1, 7)},
		{"instructblip-vicuna", "at most 32", func(m *model.ImageToText, v *model.Seen) error {
			_, err := m.NewSession(v, model.Question{IDs: []int{1, 7}, Queries: slices.Repeat([]int{7}, 33)}, model.SessionOptions{})
			return err
		}},
		{"blip-caption", "no tokenizer", func(m *model.ImageToText, _ *model.Seen) error {
			m.Tokenizer = nil
			_, err := m.Question("a")
			return err
		}},
		{"instructblip-vicuna", "qformer_tokenizer", func(m *model.ImageToText, _ *model.Seen) error {
			m.Queries = nil
			_, err := m.Question("a")
			return err
		}},
		{"blip-2-flan-t5", "no bos_token_id", func(m *model.ImageToText, v *model.Seen) error {
			m.Writer.Generation.BOS = nil
			return ask()(m, v)
		}},
	} {
		m := picture(t, c.name).open(t)
		seen, err := m.Look(tensor.New(3, 18, 18))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.do(m, seen[0]); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want one with %q", c.name, err, c.want)
		}
	}
}

func ask(ids ...int) func(m *model.ImageToText, v *model.Seen) error {
	return func(m *model.ImageToText, v *model.Seen) error {
		_, err := m.NewSession(v, model.Question{IDs: ids}, model.SessionOptions{})
		return err
	}
}

func match(texts ...[]int) func(m *model.ImageToText, v *model.Seen) error {
	return func(m *model.ImageToText, v *model.Seen) error {
		_, err := m.Matches(v, texts...)
		return err
	}
}

// A model assembled by hand is checked: each part that is missing or does not fit is named.
func TestImageToTextValidate(t *testing.T) {
	wide := func(in, out int) *nn.Linear {
		return &nn.Linear{Weight: tensor.WeightFrom(tensor.New(out, in))}
	}
	for _, c := range []struct {
		name, want string
		change     func(m *arch.ImageToText)
	}{
		{"blip-caption", "no Image", func(m *arch.ImageToText) { m.Image = nil }},
		{"blip-caption", "neither a Decoder nor a Match", func(m *arch.ImageToText) { m.Decoder = nil }},
		{"blip-2-opt", "no Reader with queries", func(m *arch.ImageToText) { m.Reader = nil }},
		{"blip-2-opt", "ImageToText.Project is [23, 20]: it must make words of 24 numbers of the queries' 20", func(m *arch.ImageToText) { m.Project = wide(20, 23) }},
		{"blip-2-opt", "no layer of ImageToText.Decoder attends", func(m *arch.ImageToText) { m.Project, m.Reader = nil, nil }},
		{"blip-2-flan-t5", "an Encoder, and no Project", func(m *arch.ImageToText) { m.Project = nil }},
		{"blip-match", "no Reader that reads texts", func(m *arch.ImageToText) { m.Reader = nil }},
		{"blip-match", "Match.Head is [3, 20], want [2, 20]", func(m *arch.ImageToText) { m.Match.Head = *wide(20, 3) }},
		{"blip-match", "Match.Image is [7, 25], want [7, 24]", func(m *arch.ImageToText) { m.Match.Image = *wide(25, 7) }},
	} {
		m := picture(t, c.name).open(t)
		c.change(m.ImageToText)
		if err := m.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want one with %q", c.name, err, c.want)
		}
		if _, err := m.Look(tensor.New(3, 18, 18)); err == nil {
			t.Errorf("%s: it looks all the same", c.name)
		}
	}
}

// Every key of the configs, replaced by values of every kind, gives an error or a model that works.
func TestHostilePictureConfigs(t *testing.T) {
	values := []string{"missing", "null", "0", "-1", "1", "3", "1e18", "1.5", `"x"`, "true", "false", "[]", "{}", `[7, 5]`, strings.Repeat("9", 400)}
	for i, g := range pictureGoldens(t) {
		if testing.Short() && i%3 != 0 {
			continue
		}
		var o object
		if err := json.Unmarshal(g.Config, &o); err != nil {
			t.Fatal(err)
		}
		src := g.weights(t, tensor.F32)
		for _, path := range paths(o) {
			for _, value := range values {
				config := encode(with(o, path, value))
				var m *model.ImageToText
				var err error
				bounded(t, 64<<20, func() { m, err = model.NewImageToText(config, src, model.Options{}) })
				if err == nil {
					err = g.works(m)
				}
				if err != nil && len(err.Error()) > 20_000 {
					t.Errorf("%s: %s = %s: an error of %d bytes", g.Name, path, value, len(err.Error()))
				}
			}
		}
	}
}

// paths returns the keys of an object, and those of the objects in it.
func paths(o object) []string {
	var all []string
	for key, raw := range o {
		all = append(all, key)
		var inner object
		if json.Unmarshal(raw, &inner) == nil {
			for k := range inner {
				all = append(all, key+"."+k)
			}
		}
	}
	slices.Sort(all)
	return all
}

// works looks at a picture, and writes or matches a little.
func (g *pictureGolden) works(m *model.ImageToText) error {
	seen, err := m.Look(tensor.New(3, 18, 18))
	if err != nil {
		return err
	}
	o := &g.Outputs[len(g.Outputs)-1]
	if m.Writer == nil {
		_, err := m.Matches(seen[0], o.IDs)
		return err
	}
	s, err := m.NewSession(seen[0], o.question(), model.SessionOptions{})
	if err != nil {
		return err
	}
	_, err = collect(s, nil, nil, model.GenerateOptions{MaxTokens: 3})
	return err
}

// A missing or misshapen weight is named; one of a wrapper's names is found.
func TestPictureWeights(t *testing.T) {
	for _, g := range pictureGoldens(t) {
		src := g.weights(t, tensor.F32)
		if renamed, err := checkpoint.Rename(src, func(name string) string { return "module.model." + name }); err != nil {
			t.Error(err)
		} else if _, err := model.NewImageToText(g.Config, renamed, model.Options{}); err != nil {
			t.Errorf("%s below module.model: %v", g.Name, err)
		}
		n := 0
		for name := range src.Names() {
			if n++; n%7 != 0 && testing.Short() {
				continue
			}
			_, err := model.NewImageToText(g.Config, without{src, name}, model.Options{})
			tied := strings.Contains(name, "cls.predictions.") || strings.Contains(name, "shared") || strings.Contains(name, "embed_tokens")
			if !tied && (err == nil || !strings.Contains(err.Error(), name)) {
				t.Errorf("%s without %s: %v", g.Name, name, err)
			}
		}
	}
}

// without is a checkpoint without a tensor.
type without struct {
	checkpoint.Source
	name string
}

func (w without) Lookup(name string) (checkpoint.Info, bool) {
	if name == w.name {
		return checkpoint.Info{}, false
	}
	return w.Source.Lookup(name)
}

// Where a caption's words looked is the mean of what its layers attend to: the golden case has the weights of one head.
// Behind queries or a question a row is what these attend to, in shares of the attention that they get.
func TestLookedAt(t *testing.T) {
	for _, name := range []string{"blip-caption", "blip-question", "blip-2-opt", "blip-2-flan-t5", "instructblip-vicuna"} {
		g := picture(t, name)
		m := g.open(t)
		seen, err := m.Look(g.pictures(t)...)
		if err != nil {
			t.Fatal(err)
		}
		o := &g.Outputs[len(g.Outputs)-1]
		v, ids := seen[o.Picture], o.Generations[0].IDs[0]
		got, err := m.LookedAt(v, o.question(), ids)
		if err != nil || got.Shape != tensor.Of(len(ids), v.Hidden.Rows()) {
			t.Fatalf("%s: %v (%v)", name, got.Shape, err)
		}
		for i := range ids {
			sum := float32(0)
			for _, w := range got.Row(i) {
				if sum += w; w < 0 {
					t.Errorf("%s, token %d: a weight of %v", name, i, w)
				}
			}
			if all := m.Project == nil; all && (sum < 0.9999 || sum > 1.0001) || !all && (sum < 0.01 || sum > 0.99) {
				t.Errorf("%s, token %d: weights sum to %v", name, i, sum)
			}
		}
		// The first token looked where it looks when it is the only one; the last saw the others.
		alone, err := m.LookedAt(v, o.question(), ids[:1])
		if err != nil {
			t.Fatal(err)
		}
		compareTensors(t, name+": the first token", alone, got.Slice(0, 1))
		if _, err := m.LookedAt(v, o.question(), nil); err == nil {
			t.Errorf("%s: no token, and no error", name)
		}
		if name != "blip-caption" {
			continue
		}
		want, heads := tensor.New(1, v.Hidden.Rows()), 0
		s, err := m.NewSession(v, o.question(), model.SessionOptions{Observer: func(at attention.Point) func(tensor.Tensor) {
			if at.Stage != attention.StageCrossWeights {
				return nil
			}
			return func(x tensor.Tensor) { // [H, T, P], T the prompt
				for h := range x.Shape[0] {
					heads++
					for j, w := range x.Row(h*x.Shape[1] + x.Shape[1] - 1) {
						want.Data[j] += w
					}
				}
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Append(); err != nil {
			t.Fatal(err)
		}
		for j := range want.Data {
			want.Data[j] /= float32(heads)
		}
		compareTensors(t, "the mean of heads", alone, want)
	}
}

// A picture's hidden states from elsewhere are as good as a look at it.
func TestNewSeen(t *testing.T) {
	m, err := model.OpenImageToText(os.DirFS("../examples/internal/tiny/blip"), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	pixels := tensor.New(3, 64, 64)
	for i := range pixels.Data {
		pixels.Data[i] = float32(i%97)/48 - 1
	}
	seen, err := m.Look(pixels)
	if err != nil {
		t.Fatal(err)
	}
	given, err := m.NewSeen(seen[0].Hidden)
	if err != nil {
		t.Fatal(err)
	}
	var texts [2]string
	for i, v := range []*model.Seen{seen[0], given} {
		q, err := m.Question("")
		if err != nil {
			t.Fatal(err)
		}
		s, err := m.NewSession(v, q, model.SessionOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for piece, err := range s.GenerateText(context.Background(), "", sample.Greedy(), model.GenerateOptions{MaxTokens: 12}) {
			if err != nil {
				t.Fatal(err)
			}
			texts[i] += piece
		}
	}
	if texts[0] == "" || texts[0] != texts[1] {
		t.Errorf("%q, looked at; %q from the hidden states", texts[0], texts[1])
	}
	if _, err := m.NewSeen(tensor.New(3, m.Image.Dim+1)); err == nil {
		t.Error("hidden states of another width are taken")
	}
}

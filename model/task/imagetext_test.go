package task

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/retrieval"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
	"github.com/seed2010d43f/transformer/vision"
)

// clipFolder is the tiny CLIP of the examples.
const clipFolder = "../../examples/internal/tiny/clip"

func openCLIP(t *testing.T) *ImageEmbedder {
	t.Helper()
	e, err := OpenImageEmbedder(os.DirFS(clipFolder), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// spotted returns a PNG file of a size and colours that depend on n.
func spotted(t *testing.T, n int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 40+n%7*9, 50+n%5*11))
	for y := range m.Rect.Dy() {
		for x := range m.Rect.Dx() {
			c := color.RGBA{uint8(40 * n), uint8(255 - 23*n), uint8(x * y % 97), 255}
			if (x-20)*(x-20)+(y-20)*(y-20) < 15*n {
				c = color.RGBA{uint8(200 - 9*n), uint8(17 * n), 90, 255}
			}
			m.SetRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func decoded(t *testing.T, n int) *vision.Image {
	t.Helper()
	m, err := vision.Decode(bytes.NewReader(spotted(t, n)), vision.DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A picture has the same bits alone, in a batch, and from a file; progress reaches the end.
func TestImageEmbedderBits(t *testing.T) {
	e := openCLIP(t)
	const n = 19
	fsys, names, pictures := fstest.MapFS{}, []string(nil), []*vision.Image(nil)
	for i := range n {
		names = append(names, fmt.Sprintf("%d.png", i))
		fsys[names[i]] = &fstest.MapFile{Data: spotted(t, i)}
		pictures = append(pictures, decoded(t, i))
	}
	last := 0
	e.Progress = func(done, total int) {
		if done <= last || total != n {
			t.Errorf("progress %d of %d after %d", done, total, last)
		}
		last = done
	}
	all, err := e.Images(pictures...)
	if err != nil || last != n {
		t.Fatalf("%d pictures done (%v)", last, err)
	}
	e.Progress = nil
	files, err := e.Files(context.Background(), fsys, names...)
	if err != nil || !slices.Equal(files.Data, all.Data) {
		t.Errorf("pictures from files differ (%v)", err)
	}
	for i, m := range pictures {
		one, err := e.Images(m)
		if err != nil || !slices.Equal(one.Data, all.Row(i)) {
			t.Errorf("picture %d alone differs (%v)", i, err)
		}
		if norm := retrieval.Cosine(one.Data, one.Data); math.Abs(float64(norm)-1) > 1e-6 {
			t.Errorf("picture %d: cosine %v with itself", i, norm)
		}
	}
	if _, err := e.Files(context.Background(), fsys, "0.png", "absent.png"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "absent.png") {
		t.Errorf("a file that is not there: %v", err)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := e.Files(cancelled, fsys, names...); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancelling: %v", err)
	}
}

// Scores are the softmax of scaled cosines, for any number of labels; of several templates the vectors are averaged.
func TestZeroShotImagesScores(t *testing.T) {
	z := NewZeroShotImages(openCLIP(t))
	z.Templates = []string{"a photo of a {}", "a drawing of {}, {}"}
	labels := make([]string, 300)
	for i := range labels {
		labels[i] = fmt.Sprintf("cat %d", i)
	}
	picture := decoded(t, 3)
	got, err := z.Classify(picture, labels...)
	if err != nil {
		t.Fatal(err)
	}
	image, err := z.Images(picture)
	if err != nil {
		t.Fatal(err)
	}
	logits, sum, total := make([]float64, len(labels)), 0.0, 0.0
	for i, label := range labels {
		x, err := z.Texts("a photo of a "+label, "a drawing of "+label+", "+label)
		if err != nil {
			t.Fatal(err)
		}
		mean := make([]float32, z.Dim())
		for k := range mean {
			mean[k] = x.Row(0)[k] + x.Row(1)[k]
		}
		logits[i] = float64(z.Model.Scale) * float64(retrieval.Cosine(image.Row(0), mean))
		sum += math.Exp(logits[i])
	}
	for k, l := range got {
		want := math.Exp(logits[l.ID]) / sum
		// logits of up to 100 in float32 move a score by 1e-5 of itself
		if math.Abs(float64(l.Score)-want) > 5e-5*want || l.Name != labels[l.ID] {
			t.Errorf("%q has %v, want %v", l.Name, l.Score, want)
		}
		if k > 0 && l.Score > got[k-1].Score {
			t.Errorf("place %d has %v, after %v", k, l.Score, got[k-1].Score)
		}
		total += float64(l.Score)
	}
	if len(got) != len(labels) || math.Abs(total-1) > 1e-5 {
		t.Errorf("%d scores add up to %v", len(got), total)
	}
}

// With sigmoid, as SigLIP has it, each label stands for itself.
func TestZeroShotImagesSigmoid(t *testing.T) {
	e := openCLIP(t)
	towers, m := *e.Model.ImageText, *e.Model
	towers.Sigmoid, towers.Bias = true, -3
	m.ImageText, e.Model = &towers, &m
	z := NewZeroShotImages(e)
	two, err := z.Classify(decoded(t, 4), "cat", "car")
	if err != nil {
		t.Fatal(err)
	}
	image, err := z.Images(decoded(t, 4))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range two {
		text, err := z.Texts("a photo of a " + l.Name)
		if err != nil {
			t.Fatal(err)
		}
		logit := float64(towers.Scale)*float64(retrieval.Cosine(image.Row(0), text.Row(0))) - 3
		if want := 1 / (1 + math.Exp(-logit)); math.Abs(float64(l.Score)-want) > 5e-5*want {
			t.Errorf("%q has %v, want %v", l.Name, l.Score, want)
		}
		one, err := z.Classify(decoded(t, 4), l.Name)
		if err != nil || one[0].Score != l.Score {
			t.Errorf("%q alone has %v, want %v (%v)", l.Name, one, l.Score, err)
		}
	}
}

func TestZeroShotImagesRefuses(t *testing.T) {
	z := NewZeroShotImages(openCLIP(t))
	for _, bad := range []struct {
		templates, labels []string
		says              string
	}{
		{z.Templates, nil, "no labels"},
		{nil, []string{"cat"}, "no template"},
		{[]string{"a photo of a {}", "a cat"}, []string{"cat"}, "no {}"},
	} {
		other := *z
		other.Templates = bad.templates
		if _, err := other.Classify(decoded(t, 1), bad.labels...); err == nil || !strings.Contains(err.Error(), bad.says) {
			t.Errorf("%q with %.40q: error %v, want one with %q", bad.templates, bad.labels, err, bad.says)
		}
	}
}

// A folder of sentence-transformers gives the vectors of the model within it.
func TestSentenceTransformersCLIP(t *testing.T) {
	fsys := fstest.MapFS{"modules.json": {Data: []byte(`[{"idx": 0, "name": "0", "path": "0_CLIPModel", "type": "sentence_transformers.models.CLIPModel"}]`)}}
	inner := os.DirFS(clipFolder)
	entries, err := fs.ReadDir(inner, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		data, err := fs.ReadFile(inner, entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		fsys["0_CLIPModel/"+entry.Name()] = &fstest.MapFile{Data: data}
	}
	e, err := OpenImageEmbedder(fsys, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	plain := openCLIP(t)
	got, err := e.Texts("a cat on a mat")
	want, wantErr := plain.Texts("a cat on a mat")
	if err != nil || wantErr != nil || !slices.Equal(got.Data, want.Data) || e.Fingerprint != plain.Fingerprint || e.Fingerprint == "" {
		t.Errorf("the vectors or fingerprints %q and %q differ (%v, %v)", e.Fingerprint, plain.Fingerprint, err, wantErr)
	}
	for _, modules := range []string{
		`[]`,
		`[{"idx": 0, "path": "0_CLIPModel", "type": "sentence_transformers.models.WordEmbeddings"}]`,
		`[{"idx": 0, "path": "0_CLIPModel", "type": "sentence_transformers.models.CLIPModel"}, {"idx": 1, "path": "1_Dense", "type": "sentence_transformers.models.Dense"}]`,
	} {
		fsys["modules.json"].Data = []byte(modules)
		if _, err := OpenImageEmbedder(fsys, model.Options{}); err == nil || !strings.Contains(err.Error(), "modules.json") {
			t.Errorf("%s: error %v", modules, err)
		}
	}
}

// Where a folder has files of OpenCLIP and of transformers, weights and processor are of one form.
func TestBothForms(t *testing.T) {
	var g struct {
		Config  json.RawMessage
		Tensors map[string]struct{ Shape []int }
	}
	if err := json.Unmarshal(tensortest.ReadFile(t, "../testdata/golden/openclip/plain.json.gz"), &g); err != nil {
		t.Fatal(err)
	}
	shapes := map[string]tensor.Shape{}
	for name, w := range g.Tensors {
		shapes[name] = tensor.Of(w.Shape...)
	}
	var weights bytes.Buffer
	if err := safetensors.Write(&weights, checkpoint.Formula(shapes, formula), nil); err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{
		"open_clip_config.json":       {Data: fmt.Appendf(nil, `{"model_cfg": %s, "preprocess_cfg": {"mean": [0.25, 0.5, 0.75]}}`, g.Config)},
		"open_clip_model.safetensors": {Data: weights.Bytes()},
	}
	inner := os.DirFS(clipFolder)
	for _, name := range []string{"processor_config.json", "tokenizer.json", "tokenizer_config.json", "config.json", "model.safetensors"} {
		data, err := fs.ReadFile(inner, name)
		if err != nil {
			t.Fatal(err)
		}
		if name == "config.json" { // until now no model of transformers was there
			e, err := OpenImageEmbedder(fsys, model.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if e.Model.Family != "open_clip" || e.Processor.Mean != [3]float64{0.25, 0.5, 0.75} || e.Processor.Crop.Height != 20 {
				t.Errorf("the weights are %s's, the processor %+v", e.Model.Family, e.Processor)
			}
			if _, err := e.Images(decoded(t, 1)); err != nil {
				t.Error(err)
			}
		}
		fsys[name] = &fstest.MapFile{Data: data}
	}
	e, err := OpenImageEmbedder(fsys, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if plain := openCLIP(t); e.Model.Family != "clip" || *e.Processor != *plain.Processor {
		t.Errorf("the weights are %s's, the processor %+v", e.Model.Family, e.Processor)
	}
	delete(fsys, "processor_config.json")
	fsys["open_clip_config.json"].Data = []byte("{")
	if _, err := OpenImageEmbedder(fsys, model.Options{}); err == nil || !strings.Contains(err.Error(), "open_clip_config.json") {
		t.Errorf("a processor that cannot be read: %v", err)
	}
}

// An index follows its folder, and finds what all comparisons find.
func TestImageIndex(t *testing.T) {
	e, ctx := openCLIP(t), context.Background()
	day := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	fsys := fstest.MapFS{
		"notes.txt":          {Data: []byte("no picture")},
		".hidden/0.png":      {Data: spotted(t, 0)},
		"broken.png":         {Data: []byte("\x89PNG\r\n\x1a\nno more")},
		"below/deeper/B.PNG": {Data: spotted(t, 20), ModTime: day},
	}
	for i := range 9 {
		fsys[fmt.Sprintf("%d.png", i)] = &fstest.MapFile{Data: spotted(t, i), ModTime: day}
	}
	x := e.NewIndex()
	update := func(want Update) {
		t.Helper()
		got, err := x.Update(ctx, fsys)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Failed) != 1 || !strings.Contains(got.Failed[0].Error(), "broken.png") {
			t.Errorf("failed: %v", got.Failed)
		}
		if got.Failed = nil; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("update %+v, want %+v", got, want)
		}
	}
	update(Update{Added: 10})
	update(Update{Kept: 10})
	fsys["3.png"] = &fstest.MapFile{Data: spotted(t, 30), ModTime: day.Add(time.Second)}
	delete(fsys, "4.png")
	fsys["new.png"] = &fstest.MapFile{Data: spotted(t, 31)} // has no time: its bytes count
	update(Update{Added: 1, Changed: 1, Kept: 8, Removed: 1})
	fsys["new.png"] = &fstest.MapFile{Data: spotted(t, 32)}
	update(Update{Changed: 1, Kept: 9})

	var file bytes.Buffer
	if _, err := x.WriteTo(&file); err != nil {
		t.Fatal(err)
	}
	stored := file.Bytes()
	x, err := e.ReadIndex(bytes.NewReader(stored))
	if err != nil {
		t.Fatal(err)
	}
	update(Update{Kept: 10})
	other := *e
	other.Fingerprint = "another"
	if _, err := other.ReadIndex(bytes.NewReader(stored)); err == nil || !strings.Contains(err.Error(), "make the index anew") {
		t.Errorf("an index of another model: %v", err)
	}

	text, err := e.Texts("a cat")
	if err != nil {
		t.Fatal(err)
	}
	found, err := x.Text("a cat", 100)
	if err != nil || len(found) != 10 {
		t.Fatalf("%d found (%v)", len(found), err)
	}
	for i, m := range found {
		v, err := e.Files(ctx, fsys, m.Name)
		if err != nil {
			t.Fatal(err)
		}
		if want := retrieval.Cosine(v.Row(0), text.Row(0)); math.Abs(float64(m.Score-want)) > 1e-6 || i > 0 && m.Score > found[i-1].Score {
			t.Errorf("place %d: %s has %v, want %v", i, m.Name, m.Score, want)
		}
	}
	if near, err := x.Image(decoded(t, 30), 1); err != nil || near[0].Name != "3.png" || math.Abs(float64(near[0].Score)-1) > 1e-6 {
		t.Errorf("a picture of the folder finds %v (%v)", near, err)
	}
	near, err := x.Like("3.png", 4)
	if err != nil || len(near) != 4 || slices.ContainsFunc(near, func(m retrieval.Match) bool { return m.Name == "3.png" }) {
		t.Errorf("like 3.png are %v (%v)", near, err)
	}
	if _, err := x.Like("4.png", 4); err == nil {
		t.Error("a picture that is gone is found")
	}
}

// An update that is cancelled returns the error, keeps what was there, and goes on at the next.
func TestImageIndexCancelled(t *testing.T) {
	e := openCLIP(t)
	fsys := fstest.MapFS{}
	for i := range 3 * updateFiles {
		fsys[fmt.Sprintf("%03d.png", i)] = &fstest.MapFile{Data: spotted(t, i%6)}
	}
	ctx, cancel := context.WithCancel(context.Background())
	e.Progress = func(done, total int) {
		if done >= updateFiles {
			cancel()
		}
	}
	x := e.NewIndex()
	if _, err := x.Update(ctx, fsys); !errors.Is(err, context.Canceled) || x.Catalogue.Len() != updateFiles {
		t.Fatalf("%d pictures, error %v", x.Catalogue.Len(), err)
	}
	e.Progress = nil
	u, err := x.Update(context.Background(), fsys)
	if err != nil || u.Kept != updateFiles || u.Added != 2*updateFiles {
		t.Errorf("then %+v (%v)", u, err)
	}
}

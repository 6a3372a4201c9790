package model_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// seeing is a config of a model that sees pictures, and its weights.
type seeing struct {
	name   string
	config []byte
	src    checkpoint.Source
}

// seeings returns the golden cases of such models.
func seeings(t testing.TB) (all []seeing) {
	for _, g := range towerGoldens(t) {
		all = append(all, seeing{g.Name, g.Config, g.weights(t, tensor.F32)})
	}
	for _, g := range openCLIPGoldens(t) {
		all = append(all, seeing{g.Name, g.Config, g.weights(t, tensor.F32)})
	}
	for _, g := range pictureGoldens(t) {
		all = append(all, seeing{g.Name, g.Config, g.weights(t, tensor.F32)})
	}
	return all
}

// FuzzPicturesConfig opens any config.json of a model that sees pictures, as FuzzConfig does, in each way, and lets the
// model see one.
func FuzzPicturesConfig(f *testing.F) {
	all := seeings(f)
	for i, g := range all {
		f.Add([]byte(g.config), uint8(i))
	}
	for _, families := range [][]string{model.ImageEncoders(), model.ImageTexts(), model.ImageToTexts()} {
		for _, family := range families {
			f.Add([]byte(`{"model_type": "`+family+`"}`), uint8(0))
			f.Add([]byte(`{"model_type": "`+family+`", "image_size": [1048576, 1], "patch_size": 1, "vision_config": {"image_size": 1048576, "patch_size": 1,
				"num_hidden_layers": 1}, "text_config": {"max_position_embeddings": 1073741824, "vocab_size": 1073741824}}`), uint8(1))
		}
	}
	f.Fuzz(func(t *testing.T, config []byte, i uint8) { checkSeeing(t, config, all[int(i)%len(all)].src) })
}

// Every key of the golden configs of models that see pictures, replaced by values of every kind, gives an error or a model
// that works.
func TestHostilePicturesValues(t *testing.T) {
	values := []string{"missing", "null", "0", "-1", "1", "2", "1e18", "1.5", "1e-310", `"x"`, `""`, "true", "false", "[]", "{}", `[1e18]`, `[[]]`, `[8, 1048576]`,
		`{"a": {}}`, strings.Repeat("9", 400)}
	for i, g := range seeings(t) {
		if testing.Short() && i%9 != 0 {
			continue
		}
		var base object
		if err := json.Unmarshal(g.config, &base); err != nil {
			t.Fatal(err)
		}
		for key, raw := range base {
			paths := []string{key}
			var inner object
			if json.Unmarshal(raw, &inner) == nil {
				for k := range inner {
					paths = append(paths, key+"."+k)
				}
			}
			for _, path := range paths {
				for _, value := range values {
					if config := encode(with(base, path, value)); !ignored(path) && !checkSeeing(t, config, g.src) {
						t.Errorf("%s: %s = %.40s", g.name, path, value)
					}
				}
			}
		}
	}
}

// checkSeeing opens a config in each way, within bounds of time and memory, lets the model see a picture, and reports
// whether all is well.
func checkSeeing(t *testing.T, config []byte, src checkpoint.Source) bool {
	var e *model.ImageEncoder
	var m *model.ImageText
	var w *model.ImageToText
	well := true
	bad := func(how string, err error) {
		if err != nil && (!knownPrefix(err) || len(err.Error()) > 5_000) {
			t.Errorf("%s: error %.300v", how, err)
			well = false
		}
	}
	for _, open := range []func() error{
		func() (err error) { e, err = model.NewImageEncoder(config, src, model.Options{}); return err },
		func() (err error) { m, err = model.NewImageText(config, src, model.Options{}); return err },
		func() (err error) { w, err = model.NewImageToText(config, src, model.Options{}); return err },
	} {
		var err error
		bounded(t, 64<<20+50*len(config), func() { err = open() })
		bad("opening", err)
	}
	if e != nil {
		_, err := e.Pooled(seenBy(e.ImageEncoder))
		bad("seeing", err)
		e.Arithmetic()
	}
	if m != nil {
		x, err := m.ImageFeatures(seenBy(m.Image))
		bad("the tower of pictures", err)
		y, err2 := m.TextFeatures([]arch.Sequence{m.Pad([]int{0, m.Text.Vocab - 1})})
		bad("the tower of texts", err2)
		if err == nil && err2 == nil {
			m.Logits(nil, x, y)
		}
		m.Arithmetic()
	}
	if w != nil {
		bad("writing", writes(w))
		w.Arithmetic()
	}
	return well
}

// seenBy is a picture that is as small as the encoder takes, if it takes one of this size at all.
func seenBy(e *arch.ImageEncoder) []tensor.Tensor {
	return []tensor.Tensor{tensor.New(e.Patches.Channels, min(2*e.Patches.Height, 64), min(3*e.Patches.Width, 64))}
}

// writes lets a model look, match and write.
func writes(m *model.ImageToText) error {
	seen, err := m.Look(seenBy(m.Image)...)
	if err != nil {
		return err
	}
	q := model.Question{IDs: []int{0, 1, 0}, Queries: []int{0}}
	if m.Match != nil {
		_, err := m.Matches(seen[0], q.IDs)
		return err
	}
	s, err := m.NewSession(seen[0], q, model.SessionOptions{})
	if err != nil {
		return err
	}
	return s.Append(0)
}

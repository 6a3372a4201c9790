package vision

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// golden is testdata/pixels.json.gz, which testdata/pixels.py writes.
type golden struct {
	Configs  []json.RawMessage
	Lossless []struct {
		Kind, Mode string
		Size       [2]int
		Results    []json.RawMessage
	}
	Lossy []struct {
		Name, Mode   string
		File, Pixels []byte
		Size         [2]int
		Orientation  int
		Results      []json.RawMessage
	}
	TorchvisionConfigs []json.RawMessage `json:"torchvision_configs"`
	Torchvision        []struct {
		Picture int
		Results []json.RawMessage
	}
}

func readGolden(t *testing.T) *golden {
	t.Helper()
	var g golden
	if err := unmarshalGolden(t, &g); err != nil {
		t.Fatal(err)
	}
	return &g
}

func unmarshalGolden(t testing.TB, g *golden) error {
	return json.Unmarshal(tensortest.ReadFile(t, "testdata/pixels.json.gz"), g)
}

// processorOf opens a processor of a config's text.
func processorOf(t *testing.T, config json.RawMessage) *Processor {
	t.Helper()
	name := preprocessorFile
	if bytes.Contains(config, []byte("preprocess_cfg")) {
		name = openCLIPFile
	}
	p, err := OpenProcessor(fstest.MapFS{name: {Data: config}})
	if err != nil {
		t.Fatalf("%s: %v", config, err)
	}
	return p
}

// outcome is what a processor makes of a picture: a hash or the bytes, the size, and two numbers of the tensor.
type outcome struct {
	hash   string
	size   [2]int
	values [2]float64
}

// readOutcome returns nil for a picture that the reference refuses.
func readOutcome(t *testing.T, raw json.RawMessage) *outcome {
	t.Helper()
	if string(raw) == "null" {
		return nil
	}
	var o outcome
	if err := json.Unmarshal(raw, &[]any{&o.hash, &o.size, &o.values}); err != nil {
		t.Fatal(err)
	}
	return &o
}

// processed returns the bytes and the numbers that a processor makes.
func processed(p *Processor, m *Image) (resized []byte, px Pixels, err error) {
	if px, err = p.Process(nil, m); err != nil {
		return nil, px, err
	}
	plain := *p
	plain.Rescale, plain.Normalize = false, false
	whole, err := plain.Process(nil, m)
	for _, v := range whole.Data {
		resized = append(resized, byte(v))
	}
	return resized, px, err
}

// checkValues compares numbers of the tensor: to 1e-6, which is two steps of a float32 of its largest magnitude.
func checkValues(t *testing.T, px Pixels, o *outcome) {
	t.Helper()
	n := len(px.Data)
	for i, at := range []int{n / 7, n/2 + n/5} {
		if got, want := float64(px.Data[at]), o.values[i]; math.Abs(got-want) > 1e-6*max(1, math.Abs(want)) {
			t.Errorf("number %d is %v, want %v", at, got, want)
		}
	}
}

func checkOutcome(t *testing.T, p *Processor, m *Image, raw json.RawMessage) {
	t.Helper()
	want := readOutcome(t, raw)
	resized, px, err := processed(p, m)
	if want == nil {
		if !errors.Is(err, ErrNotRGB) && !errors.Is(err, ErrTooLarge) {
			t.Errorf("the reference refuses a picture of mode %v; the error is %v", m.Mode(), err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if [2]int{px.Height, px.Width} != want.size {
		t.Fatalf("the size is %d × %d, want %v", px.Height, px.Width, want.size)
	}
	sum := sha256.Sum256(resized)
	if hex.EncodeToString(sum[:12]) != want.hash {
		t.Error("the resized bytes differ")
	}
	checkValues(t, px, want)
}

// TestLossless compares what processors make of files of all kinds with the reference's, to the byte.
func TestLossless(t *testing.T) {
	g := readGolden(t)
	step := 1
	if testing.Short() {
		step = 3
	}
	for i := 0; i < len(g.Lossless); i += step {
		c := g.Lossless[i]
		kind, file := picture(i)
		t.Run(kind, func(t *testing.T) {
			m, err := Decode(bytes.NewReader(file), DecodeOptions{Orient: true})
			if err != nil {
				t.Fatalf("picture %d: %v", i, err)
			}
			if kind != c.Kind || m.Mode().String() != c.Mode || [2]int{m.Width(), m.Height()} != c.Size {
				t.Fatalf("picture %d is %v of %d × %d, want %s of %v", i, m.Mode(), m.Width(), m.Height(), c.Mode, c.Size)
			}
			for j, config := range g.Configs {
				checkOutcome(t, processorOf(t, config), m, c.Results[j])
				if t.Failed() {
					t.Fatalf("picture %d, processor %s", i, config)
				}
			}
		})
	}
}

// TestLossy holds JPEG and WebP to the bound that decoders keep, 3 of 255, and resizing of the reference's pixels to its
// bytes.
func TestLossy(t *testing.T) {
	g := readGolden(t)
	for _, c := range g.Lossy {
		t.Run(c.Name, func(t *testing.T) {
			m, err := Decode(bytes.NewReader(c.File), DecodeOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if m.Mode().String() != c.Mode || m.Orientation() != c.Orientation || [2]int{m.Width(), m.Height()} != c.Size {
				t.Fatalf("%v of %d × %d, orientation %d; want %s of %v, %d", m.Mode(), m.Width(), m.Height(), m.Orientation(), c.Mode, c.Size, c.Orientation)
			}
			worst := 0
			for i, v := range m.AppendBytes(nil) {
				worst = max(worst, int(v)-int(c.Pixels[i]), int(c.Pixels[i])-int(v))
			}
			if worst > 3 {
				t.Errorf("a value is %d from the reference's", worst)
			}
			t.Logf("worst difference %d", worst)
			theirs, err := FromBytes(m.Mode(), m.Width(), m.Height(), c.Pixels)
			if err != nil {
				t.Fatal(err)
			}
			for j, config := range g.Configs {
				checkOutcome(t, processorOf(t, config), theirs, c.Results[j])
				if t.Failed() {
					t.Fatalf("processor %s", config)
				}
			}
		})
	}
}

// TestTorchvision compares with processors that use torchvision: no byte further than one step, 99 % equal.
func TestTorchvision(t *testing.T) {
	g := readGolden(t)
	equal, total := 0, 0
	for _, c := range g.Torchvision {
		_, file := picture(c.Picture)
		m, err := Decode(bytes.NewReader(file), DecodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		m = m.RGB(DropAlpha)
		for j, config := range g.TorchvisionConfigs {
			p := processorOf(t, config)
			p.Resample = Torchvision
			var want []byte
			o := &outcome{}
			if err := json.Unmarshal(c.Results[j], &[]any{&want, &o.size, &o.values}); err != nil {
				t.Fatal(err)
			}
			resized, px, err := processed(p, m)
			if err != nil {
				t.Fatal(err)
			}
			if [2]int{px.Height, px.Width} != o.size {
				t.Fatalf("picture %d, %s: %d × %d, want %v", c.Picture, config, px.Height, px.Width, o.size)
			}
			for i, v := range resized {
				switch int(v) - int(want[i]) {
				case 0:
					equal++
				case 1, -1:
				default:
					t.Fatalf("picture %d, %s: byte %d is %d, want %d", c.Picture, config, i, v, want[i])
				}
				total++
			}
			if bytes.Equal(resized, want) {
				checkValues(t, px, o)
			}
		}
	}
	t.Logf("%d of %d bytes equal", equal, total)
	if equal*100 < total*99 {
		t.Errorf("%d of %d bytes are equal, want 99 %%", equal, total)
	}
}

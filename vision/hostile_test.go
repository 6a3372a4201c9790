package vision

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// files returns a file of each kind.
func files(t testing.TB) map[string][]byte {
	all := map[string][]byte{}
	for i := range pictureKinds {
		kind, file := picture(i)
		all[kind] = file
	}
	var g golden
	if err := unmarshalGolden(t, &g); err != nil {
		t.Fatal(err)
	}
	for _, c := range g.Lossy {
		all[c.Name] = c.File
	}
	return all
}

// known reports whether an error is of a kind that files may give.
func known(err error) bool {
	return errors.Is(err, ErrFormat) || errors.Is(err, ErrUnsupported) || errors.Is(err, ErrTooLarge) || errors.Is(err, ErrMalformed)
}

// TestTruncated cuts files everywhere: each gives an error of a known kind, or the picture if only what follows it is
// missing.
func TestTruncated(t *testing.T) {
	for name, file := range files(t) {
		whole, err := Decode(bytes.NewReader(file), DecodeOptions{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		step := max(1, len(file)/60)
		for n := 0; n < len(file); n += step {
			m, err := Decode(bytes.NewReader(file[:n]), DecodeOptions{})
			if err != nil && !known(err) {
				t.Errorf("%s of %d bytes, cut at %d: %v", name, len(file), n, err)
			}
			if err == nil && !m.equal(whole) && !strings.HasPrefix(name, "png") {
				t.Errorf("%s of %d bytes, cut at %d, gives another picture", name, len(file), n)
			}
		}
	}
}

// claim returns a file whose header claims a size, of width and height in big-endian or little-endian order at a place.
func claim(file []byte, at int, order binary.ByteOrder, bytes, first, second int) []byte {
	file = append([]byte(nil), file...)
	for i, v := range []int{first, second} {
		if bytes == 2 {
			order.PutUint16(file[at+2*i:], uint16(v))
		} else {
			order.PutUint32(file[at+4*i:], uint32(v))
		}
	}
	return file
}

// TestClaims has small files claim many pixels or none: an error names the format, and little memory is taken.
func TestClaims(t *testing.T) {
	all := files(t)
	webp := all["WebP"]
	frame := bytes.Index(webp, []byte("\x9d\x01\x2a")) + 3
	jpeg := all["JPEG sampling 2"]
	sof := bytes.Index(jpeg, []byte{0xff, 0xc0}) + 5
	be, le := binary.BigEndian, binary.LittleEndian
	for _, c := range []struct {
		name    string
		file    []byte
		maximum error
	}{
		{"png 65535 × 65535", claim(all["png rgb 8"], 16, be, 4, 65535, 65535), ErrTooLarge},
		{"png 9000 × 9000", claim(all["png rgb 8"], 16, be, 4, 9000, 9000), ErrMalformed},
		{"png 0 × 5", claim(all["png rgb 8"], 16, be, 4, 0, 5), ErrMalformed},
		{"png 2³² − 1", claim(all["png rgb 8"], 16, be, 4, -1, -1), nil},
		{"jpeg 65535 × 65535", claim(jpeg, sof, be, 2, 65535, 65535), ErrTooLarge},
		{"jpeg 9000 × 9000", claim(jpeg, sof, be, 2, 9000, 9000), ErrMalformed},
		{"jpeg without a height", claim(jpeg, sof, be, 2, 0, 40), ErrMalformed},
		{"gif 65535 × 65535", claim(all["gif"], 6, le, 2, 65535, 65535), ErrTooLarge},
		{"gif 0 × 0", claim(all["gif"], 6, le, 2, 0, 0), ErrMalformed},
		{"webp 16383 × 16383", claim(webp, frame, le, 2, 16383, 16383), ErrTooLarge},
		{"webp 0 × 0", claim(webp, frame, le, 2, 0, 0), ErrMalformed},
		{"bmp 65535 × 65535", claim(all["bmp 24"], 18, le, 4, 65535, 65535), ErrTooLarge},
		{"bmp 9000 × 9000", claim(all["bmp 24"], 18, le, 4, 9000, 9000), ErrMalformed},
		{"bmp 0 × 0", claim(all["bmp 24"], 18, le, 4, 0, 0), ErrMalformed},
		{"bmp −2³¹", claim(all["bmp 24"], 18, le, 4, 5, -1<<31), nil},
	} {
		used := tensortest.Allocated(func() {
			_, err := Decode(bytes.NewReader(c.file), DecodeOptions{})
			if !known(err) || c.maximum != nil && !errors.Is(err, c.maximum) {
				t.Errorf("%s: the error is %v, want %v", c.name, err, c.maximum)
			}
		})
		if limit := uint64(4<<20 + 64*len(c.file)); used > limit {
			t.Errorf("%s: %d bytes were allocated for a file of %d", c.name, used, len(c.file))
		}
	}
}

// TestRefused names what is not read.
func TestRefused(t *testing.T) {
	all := files(t)
	rle := append([]byte(nil), all["bmp 8"]...)
	rle[30] = 1
	arithmetic := bytes.Replace(all["JPEG sampling 2"], []byte{0xff, 0xc0}, []byte{0xff, 0xc9}, 1)
	animated := "RIFF\x2a\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00ANIM\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00ANMF\x00\x00\x00\x00"
	for _, c := range []struct {
		want string
		kind error
		file []byte
	}{
		{"HEIC", ErrUnsupported, []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic")},
		{"AVIF", ErrUnsupported, []byte("\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1avif")},
		{"JPEG XL", ErrUnsupported, []byte("\xff\x0a\x00\x00")},
		{"animated WebP", ErrUnsupported, []byte(animated)},
		{"BMP with RLE", ErrUnsupported, rle},
		{"arithmetic", ErrUnsupported, arithmetic},
		{"CMYK", ErrUnsupported, tiffTag(all["tiff rgb"], tagPhotometric, 5)},
		{"JPEG compression", ErrUnsupported, tiffTag(all["tiff rgb"], tagCompression, 7)},
		{"9 samples", ErrUnsupported, tiffTag(all["tiff rgba"], tagSamples, 9)},
		{"not a PNG", ErrFormat, []byte("hello")},
		{"empty", ErrMalformed, nil},
	} {
		_, err := Decode(bytes.NewReader(c.file), DecodeOptions{})
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("the error is %v, want one that names %q", err, c.want)
		}
	}
}

// tiffTag returns a TIFF with another value of a tag.
func tiffTag(file []byte, tag, value uint16) []byte {
	file = append([]byte(nil), file...)
	le := binary.LittleEndian
	d, _ := openIFD(file)
	for i := range d.n {
		if e := file[d.at+12*i:]; le.Uint16(e) == tag {
			le.PutUint16(e[8:], value)
		}
	}
	return file
}

func TestLimits(t *testing.T) {
	_, file := picture(1)
	m, err := Decode(bytes.NewReader(file), DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	n := m.Width() * m.Height()
	if _, err := Decode(bytes.NewReader(file), DecodeOptions{MaxPixels: n, MaxBytes: int64(len(file))}); err != nil {
		t.Errorf("at the limits: %v", err)
	}
	for _, opts := range []DecodeOptions{{MaxPixels: n - 1}, {MaxBytes: int64(len(file) - 1)}} {
		if _, err := Decode(bytes.NewReader(file), opts); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%+v: the error is %v", opts, err)
		}
		if _, err := DecodeFile(fstest.MapFS{"a.png": {Data: file}}, "a.png", opts); !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "a.png") {
			t.Errorf("%+v: the error is %v", opts, err)
		}
	}
	if _, err := DecodeFile(fstest.MapFS{}, "b.png", DecodeOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestExtremeShapes processes pictures that a crop saves from growing beyond memory, and refuses those that none saves.
func TestExtremeShapes(t *testing.T) {
	line := blank(RGB, 100_000, 1)
	clip := &Processor{Fit: Shortest, Size: Size{Height: 224}, Filter: Bicubic, Crop: Size{224, 224}}
	used := tensortest.Allocated(func() {
		if px, err := clip.Process(nil, line); err != nil || px.Width != 224 || px.Height != 224 {
			t.Errorf("100000 × 1: %v", err)
		}
	})
	if used > 16<<20 {
		t.Errorf("100000 × 1: %d bytes were allocated", used)
	}
	whole := *clip
	whole.Crop = Size{}
	if _, err := whole.Process(nil, line); !errors.Is(err, ErrTooLarge) {
		t.Errorf("100000 × 1 without a crop: %v", err)
	}
	inside := &Processor{Fit: Inside, Size: Size{224, 224}, Filter: Bicubic}
	if _, err := inside.Process(nil, line); !errors.Is(err, ErrTooLarge) {
		t.Errorf("100000 × 1 inside: %v", err)
	}
}

// TestFixtures decodes a real picture in four formats: all show the same.
func TestFixtures(t *testing.T) {
	dir := os.Getenv("TRANSFORMER_FIXTURES")
	if dir == "" {
		t.Skip("TRANSFORMER_FIXTURES is not set")
	}
	want, err := DecodeFile(os.DirFS(filepath.Join(dir, "images")), "hopper.png", DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, limit := range map[string]float64{"hopper.jpg": 8, "hopper.webp": 8, "hopper.gif": 12} {
		m, err := DecodeFile(os.DirFS(filepath.Join(dir, "images")), name, DecodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		a, b := want.RGB(OverWhite).AppendBytes(nil), m.RGB(OverWhite).AppendBytes(nil)
		if len(a) != len(b) {
			t.Fatalf("%s: %d × %d", name, m.Width(), m.Height())
		}
		sum := 0.0
		for i := range a {
			sum += max(float64(a[i])-float64(b[i]), float64(b[i])-float64(a[i]))
		}
		if mean := sum / float64(len(a)); mean > limit { // what the packing loses
			t.Errorf("%s: the mean difference is %.1f", name, mean)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, file := range files(f) {
		if len(file) < 4000 {
			f.Add(file)
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		m, err := Decode(bytes.NewReader(file), DecodeOptions{MaxPixels: 1 << 16, Orient: true})
		if err != nil {
			if !known(err) {
				t.Fatal(err)
			}
			return
		}
		if len(m.pix) != m.width*m.height*m.mode.bytes() {
			t.Fatalf("%v of %d × %d has %d bytes", m.mode, m.width, m.height, len(m.pix))
		}
		clip := &Processor{Fit: Shortest, Size: Size{Height: 8}, Filter: Bicubic, Crop: Size{8, 8}, LateRGB: len(file)%2 == 0}
		if _, err := clip.Process(nil, m); err != nil && !known(err) {
			t.Fatal(err)
		}
	})
}

func FuzzOpenProcessor(f *testing.F) {
	g := golden{}
	if err := unmarshalGolden(f, &g); err != nil {
		f.Fatal(err)
	}
	for _, c := range g.Configs {
		f.Add([]byte(c), bytes.Contains(c, []byte("preprocess_cfg")))
	}
	small := blank(RGB, 5, 4)
	f.Fuzz(func(t *testing.T, text []byte, clip bool) {
		name := preprocessorFile
		if clip {
			name = openCLIPFile
		}
		p, err := OpenProcessor(fstest.MapFS{name: {Data: text}})
		if err != nil {
			return
		}
		p.MaxPixels = 1 << 16
		if _, err := p.Process(nil, small); err != nil && !known(err) {
			t.Fatal(err)
		}
	})
}

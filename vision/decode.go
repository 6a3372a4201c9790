package vision

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/seed2010d43f/transformer/internal/sidefile"
)

// The limits that zero values of [DecodeOptions] stand for.
const (
	// DefaultMaxPixels is the number of pixels above which Pillow warns.
	DefaultMaxPixels = 89_478_485

	// DefaultMaxBytes is the size of a file.
	DefaultMaxBytes = 256 << 20
)

// DecodeOptions are options of [Decode]. The zero value is what Pillow's Image.open does, with limits.
type DecodeOptions struct {
	// Orient turns the picture upright as the camera's EXIF data says. Use it for photos: cameras store most of them
	// lying. Pillow turns TIFF files alone, and so do transformers and OpenCLIP, which is the default.
	Orient bool

	// MaxPixels is the largest number of pixels of a picture; 0 stands for DefaultMaxPixels. Decoding takes at most
	// about 20 bytes for a pixel.
	MaxPixels int

	// MaxBytes is the largest size of a file; 0 stands for DefaultMaxBytes.
	MaxBytes int64
}

// Errors of [Decode] that a program may want to tell apart, with errors.Is.
var (
	// ErrFormat is for files that are not of a format that is read.
	ErrFormat = errors.New("not a PNG, JPEG, GIF, WebP, BMP or TIFF file")

	// ErrUnsupported is for files of a format, or with a feature of it, that is known and not read. Convert such a
	// file with another program.
	ErrUnsupported = errors.New("not supported")

	// ErrTooLarge is for files and pictures above a limit.
	ErrTooLarge = errors.New("too large")

	// ErrMalformed is for files that break the rules of their format or end too early.
	ErrMalformed = errors.New("malformed")
)

// problem is an error of a file. Its text names the format; kind is one of the errors above.
type problem struct {
	kind error
	text string
}

func (p *problem) Error() string { return "vision: " + p.text }
func (p *problem) Unwrap() error { return p.kind }

func unsupported(format string, args ...any) error {
	return &problem{ErrUnsupported, fmt.Sprintf(format, args...) + " is not supported; convert the picture to PNG or to an ordinary JPEG"}
}

func malformed(format string, args ...any) error {
	return &problem{ErrMalformed, fmt.Sprintf(format, args...)}
}

// Decode reads a picture: PNG, JPEG, GIF (the first frame), WebP (still), BMP or TIFF (the first page). What Pillow opens
// otherwise than the decoders behind it can is refused, not approximated. Colour profiles are ignored, as they are by
// Pillow.
//
// Lossless files give the bytes that Pillow gives. JPEG gives values within 3 of 255 of libjpeg-turbo's, and lossy WebP
// within 3 of libwebp's.
//
// Errors match [ErrFormat], [ErrUnsupported], [ErrTooLarge] or [ErrMalformed], or are those of r.
func Decode(r io.Reader, opts DecodeOptions) (*Image, error) {
	limit := opts.MaxBytes
	if limit <= 0 {
		limit = DefaultMaxBytes
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(io.LimitReader(r, limit+1)); err != nil {
		return nil, fmt.Errorf("vision: reading a picture: %w", err)
	}
	if int64(b.Len()) > limit {
		return nil, &problem{ErrTooLarge, fmt.Sprintf("the file has more than %d bytes; DecodeOptions.MaxBytes sets the limit", limit)}
	}
	return decode(b.Bytes(), opts)
}

// DecodeFile reads the picture in a file, as [Decode] does. Errors name the file.
func DecodeFile(fsys fs.FS, name string, opts DecodeOptions) (*Image, error) {
	f, size, err := sidefile.Open(fsys, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	limit := opts.MaxBytes
	if limit <= 0 {
		limit = DefaultMaxBytes
	}
	if size > limit {
		return nil, &fs.PathError{Op: "decode", Path: name, Err: &problem{ErrTooLarge, fmt.Sprintf("the file has %d bytes; DecodeOptions.MaxBytes allows %d", size, limit)}}
	}
	data, err := sidefile.ReadAll(f, name, size)
	if err != nil {
		return nil, err
	}
	if sidefile.IsPointer(data) {
		return nil, &fs.PathError{Op: "decode", Path: name, Err: errors.New(sidefile.NotFetched)}
	}
	m, err := decode(data, opts)
	if err != nil {
		return nil, &fs.PathError{Op: "decode", Path: name, Err: err}
	}
	return m, nil
}

// formats are told apart by how a file begins.
var formats = []struct {
	name   string
	is     func(b []byte) bool
	decode func(b []byte, limit int) (*Image, error)
}{
	{"png", prefix("\x89PNG\r\n\x1a\n"), decodePNG},
	{"jpeg", prefix("\xff\xd8\xff"), decodeJPEG},
	{"gif", func(b []byte) bool {
		return bytes.HasPrefix(b, []byte("GIF87a")) || bytes.HasPrefix(b, []byte("GIF89a"))
	}, decodeGIF},
	{"webp", func(b []byte) bool { return at(b, 0, "RIFF") && at(b, 8, "WEBP") }, decodeWebP},
	{"bmp", prefix("BM"), decodeBMP},
	{"tiff", func(b []byte) bool { return at(b, 0, "II*\x00") || at(b, 0, "MM\x00*") }, decodeTIFF},
}

func prefix(s string) func([]byte) bool {
	return func(b []byte) bool { return at(b, 0, s) }
}

func at(b []byte, i int, s string) bool { return len(b) >= i+len(s) && string(b[i:i+len(s)]) == s }

func decode(b []byte, opts DecodeOptions) (*Image, error) {
	limit := opts.MaxPixels
	if limit <= 0 {
		limit = DefaultMaxPixels
	}
	for _, f := range formats {
		if !f.is(b) {
			continue
		}
		m, err := f.decode(b, limit)
		if err != nil {
			return nil, err
		}
		m.format = f.name
		if opts.Orient {
			m = m.Upright()
		}
		return m, nil
	}
	return nil, stranger(b)
}

// stranger says what a file is that none of the formats fits.
func stranger(b []byte) error {
	if len(b) == 0 {
		return &problem{ErrMalformed, "the file is empty"}
	}
	if at(b, 4, "ftyp") && len(b) >= 12 {
		switch brand := string(b[8:12]); brand {
		case "avif", "avis":
			return unsupported("AVIF")
		case "heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1":
			return unsupported("HEIC")
		default:
			return unsupported("a file of the brand %q", brand)
		}
	}
	for _, known := range []struct{ name, magic string }{
		{"JPEG XL", "\xff\x0a"}, {"JPEG XL", "\x00\x00\x00\x0cJXL "}, {"JPEG 2000", "\x00\x00\x00\x0cjP  "}, {"JPEG 2000", "\xff\x4f\xff\x51"},
		{"BigTIFF", "II+\x00"}, {"BigTIFF", "MM\x00+"}, {"Photoshop's PSD", "8BPS"}, {"ICO", "\x00\x00\x01\x00"}, {"PDF", "%PDF"}, {"SVG", "<svg"},
		{"PPM", "P6"}, {"PGM", "P5"}, {"QOI", "qoif"}, {"DDS", "DDS "},
	} {
		if at(b, 0, known.magic) {
			return unsupported("%s", known.name)
		}
	}
	return &problem{ErrFormat, ErrFormat.Error()}
}

// checkSize returns an error if a picture claims no pixels, or more than are allowed.
func checkSize(format string, width, height, limit int) error {
	if width <= 0 || height <= 0 {
		return malformed("%s: the picture has %d × %d pixels", format, width, height)
	}
	if height > limit/width {
		return &problem{ErrTooLarge, fmt.Sprintf("%s: the picture claims %d × %d pixels; DecodeOptions.MaxPixels allows %d", format, width, height, limit)}
	}
	return nil
}

// checkRoom returns an error if a file is too short for its picture however well it is packed: ratio is the largest
// number of pixels that a byte of the format can stand for. So memory is not taken for pictures that cannot come.
func checkRoom(format string, width, height, size, ratio int) error {
	if width*height/ratio > size {
		return malformed("%s: a file of %d bytes cannot hold the %d × %d pixels that it claims", format, size, width, height)
	}
	return nil
}

// broken is an error of a decoder below.
func broken(format string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return malformed("%s: the file ends too early", format)
	}
	return malformed("%s: %v", format, err)
}

package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/internal/pytext"
	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/family"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// textRules say how an [ImageText] reads texts, beside what its tokenizer and its padding say.
type textRules struct {
	refused error               // why it cannot
	missing error               // why it has no tokenizer; nil: nothing to say
	clean   func(string) string // nil: texts are taken as they are
	literal bool                // special tokens that a text spells out are text
	without []int               // tokens that become 0
}

// Sequences returns texts as the text tower reads them: with the special tokens of the tokenizer, cut to the longest text
// that the tower reads (the end token stays), and padded where the model was trained on padding.
//
// Texts for OpenCLIP are cleaned as its tokenizers clean them, by the clean of tokenizer_kwargs, except that the library
// ftfy does not mend them first: curly quotes, ligatures, characters of full width and text that was decoded wrongly
// stay, and give other tokens than there. Special tokens that such a text spells out are text, unless its config names a
// Hugging Face tokenizer; several of them side by side give other tokens than there. All this comes from the folder, and
// stays when Tokenizer is replaced.
//
// The error says what is missing or not supported: the checkpoint has no tokenizer, or its config asks for a treatment
// of texts that is unknown here.
func (m *ImageText) Sequences(texts []string) ([]arch.Sequence, error) {
	t := m.Tokenizer
	switch {
	case m.texts.refused != nil:
		return nil, m.texts.refused
	case t == nil && m.texts.missing != nil:
		return nil, m.texts.missing
	case t == nil:
		return nil, errors.New("model: the checkpoint has no tokenizer")
	}
	out := make([]arch.Sequence, len(texts))
	for i, text := range texts {
		if m.texts.clean != nil {
			text = m.texts.clean(text)
		}
		windows, err := t.Windows(tokenizer.Options{AddSpecial: true, ParseSpecial: !m.texts.literal},
			tokenizer.Truncation{MaxTokens: m.Text.MaxLen, Side: t.TruncationSide()}, text)
		if err != nil {
			return nil, fmt.Errorf("model: text %d: %w", i, err)
		}
		out[i] = m.Pad(windows[0].IDs)
		for k, id := range out[i].IDs {
			if slices.Contains(m.texts.without, id) {
				out[i].IDs[k] = 0
			}
		}
	}
	return out, nil
}

// readTexts settles how the model of a folder reads texts.
func (m *ImageText) readTexts(f *folder) {
	if f.family == family.OpenCLIP {
		m.texts.refused = m.readOpenCLIPTexts(f)
		return
	}
	t := m.Tokenizer
	if t == nil || m.Length == 0 {
		return
	}
	if pad := t.Special().PAD; pad >= 0 {
		m.PadID = pad
	}
	m.PadLeft, m.Masked = t.PaddingSide() == tokenizer.Left, f.asksForMask()
	if err := m.Validate(); err != nil {
		m.texts.refused = fmt.Errorf("%w: tokenizer_config.json has, or its class implies, padding_side left with an attention_mask in model_input_names", err)
	}
}

// asksForMask reports whether the model is to be told which tokens are padding: tokenizer_config.json says so, or, as all
// classes do by default, says nothing.
func (f *folder) asksForMask() bool {
	var c struct {
		Names []string `json:"model_input_names"`
	}
	if data, err := sidefile.Read(f.fsys, "tokenizer_config.json", sidefile.MaxConfig); err == nil {
		_ = json.Unmarshal(sidefile.JSON(data), &c) // the tokenizer has read it
	}
	return c.Names == nil || slices.Contains(c.Names, "attention_mask")
}

// openCLIPTexts is what the text_cfg of a model_cfg says about texts (open_clip: get_tokenizer).
type openCLIPTexts struct {
	Name string                     `json:"hf_tokenizer_name"` // "": OpenCLIP's own tokenizer
	Mode string                     `json:"tokenizer_mode"`
	Args map[string]json.RawMessage `json:"tokenizer_kwargs"`
}

// readOpenCLIPTexts does what open_clip's SimpleTokenizer does, or where text_cfg names a tokenizer its HFTokenizer.
func (m *ImageText) readOpenCLIPTexts(f *folder) error {
	var config struct {
		Text openCLIPTexts `json:"text_cfg"`
	}
	if err := json.Unmarshal(f.text, &config); err != nil {
		return fmt.Errorf("model: %s: text_cfg: %w", openCLIPConfig, err)
	}
	c, t := &config.Text, m.Tokenizer
	if t == nil {
		m.texts.missing = c.missing()
	}
	strip, clean := false, "lower"
	switch m.texts.literal = c.Name == ""; {
	case c.Name == "":
		m.PadID = 0
	case c.Mode != "":
		return fmt.Errorf("model: %s: tokenizer_mode %.100q is not supported", openCLIPConfig, c.Mode)
	default:
		clean = "whitespace"
		m.padOpenCLIP(t)
	}
	for key, value := range c.Args {
		var err error
		switch {
		case key == "clean":
			err = json.Unmarshal(value, &clean)
		case key == "strip_sep_token" && c.Name != "":
			err = json.Unmarshal(value, &strip)
		case key == "reduction_mask" && c.Name == "" && string(value) == `""`:
		default:
			return fmt.Errorf("model: %s: tokenizer_kwargs: %.100q of %.100s is not supported", openCLIPConfig, key, value)
		}
		if err != nil {
			return fmt.Errorf("model: %s: tokenizer_kwargs: %s: %w", openCLIPConfig, key, err)
		}
	}
	if strip && t != nil && t.Special().SEP >= 0 {
		m.texts.without = []int{t.Special().SEP}
	}
	return m.texts.setClean(clean)
}

// padOpenCLIP pads with the token and on the side of a Hugging Face tokenizer.
func (m *ImageText) padOpenCLIP(t *tokenizer.Tokenizer) {
	if t == nil {
		return
	}
	if pad := t.Special().PAD; pad >= 0 {
		m.PadID = pad
	}
	if m.PadLeft = t.PaddingSide() == tokenizer.Left; m.PadLeft {
		m.Length = m.Text.MaxLen
	}
}

// missing is the error for a folder without a tokenizer.
func (c *openCLIPTexts) missing() error {
	const own = "CLIP's tokenizer, which OpenCLIP brings with the library: its tokenizer.json, or vocab.json and merges.txt with tokenizer_config.json"
	what := own
	if c.Name != "" {
		what = fmt.Sprintf("the files of the tokenizer that its config names, %.200q", c.Name)
	}
	return fmt.Errorf("model: the folder has no tokenizer, so it reads pictures only: put beside %s %s", openCLIPConfig, what)
}

// setClean settles the cleaning that open_clip calls by a name (open_clip: get_clean_fn).
func (r *textRules) setClean(name string) error {
	unescape := func(s string) string { return html.UnescapeString(html.UnescapeString(s)) }
	switch {
	case name == "lower":
		r.clean = func(s string) string { return pytext.Lower(pytext.Collapse(unescape(s))) }
	case name == "whitespace" && !r.literal:
		r.clean = func(s string) string { return pytext.Collapse(unescape(s)) }
	case name == "canonicalize":
		r.clean = func(s string) string {
			return pytext.Collapse(pytext.Lower(pytext.WithoutPunct(strings.ReplaceAll(unescape(s), "_", " "))))
		}
	default:
		return fmt.Errorf("model: %s: tokenizer_kwargs: clean %.100q is not supported", openCLIPConfig, name)
	}
	return nil
}

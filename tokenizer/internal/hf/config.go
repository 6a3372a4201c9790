package hf

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/tokenizer/internal/added"
	"github.com/seed2010d43f/transformer/tokenizer/internal/jsonscan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/plan"
)

// config is what tokenizer_config.json, special_tokens_map.json, added_tokens.json and config.json say about a
// tokenizer, put together as transformers 5.24 does.
type config struct {
	Class       string         `json:"tokenizer_class"`
	BOS         *specialConfig `json:"bos_token"`
	EOS         *specialConfig `json:"eos_token"`
	UNK         *specialConfig `json:"unk_token"`
	SEP         *specialConfig `json:"sep_token"`
	PAD         *specialConfig `json:"pad_token"`
	CLS         *specialConfig `json:"cls_token"`
	Mask        *specialConfig `json:"mask_token"`
	Additional  specialList    `json:"additional_special_tokens"`
	Extra       specialList    `json:"extra_special_tokens"`
	AddBOS      *bool          `json:"add_bos_token"`
	AddEOS      *bool          `json:"add_eos_token"`
	Cleanup     bool           `json:"clean_up_tokenization_spaces"`
	CleanupBPE  bool           `json:"clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output"`
	Legacy      *bool          `json:"legacy"`
	PrefixSpace *bool          `json:"add_prefix_space"`
	Lower       *bool          `json:"do_lower_case"`
	Chinese     *bool          `json:"tokenize_chinese_chars"`
	Accents     *bool          `json:"strip_accents"`

	KeepAccents  *bool `json:"keep_accents"`   // of an AlbertTokenizer
	SplitByPunct bool  `json:"split_by_punct"` // of a DebertaV2Tokenizer
	TrimOffsets  *bool `json:"trim_offsets"`
	UnkID        *int  `json:"unk_id"`               // likewise
	SplitSpecial bool  `json:"split_special_tokens"` // special tokens in a text are text

	TruncationSide string   `json:"truncation_side"`
	PaddingSide    string   `json:"padding_side"`
	InputNames     []string `json:"model_input_names"`

	Source        string         `json:"src_lang"`
	Target        string         `json:"tgt_lang"`
	LanguageCodes string         `json:"language_codes"`   // the set of an M2M100Tokenizer
	LanguageLast  bool           `json:"legacy_behaviour"` // of an NllbTokenizer: the language follows the text
	SeparateVocab bool           `json:"separate_vocabs"`  // of a MarianTokenizer
	ExtraIDs      *int           `json:"extra_ids"`        // sentinels of a T5Tokenizer
	Offset        *int           `json:"offset"`           // of a PegasusTokenizer
	MaskSentence  *specialConfig `json:"mask_token_sent"`

	Decoder map[string]plan.AddedTokenConfig `json:"added_tokens_decoder"`
	added   []added.Token                    // in order of their ids

	listed bool // tokenizer_config.json has a list of further special tokens, be it empty
	family string

	class, rawClass *class // of tokenizer.json, and of a vocabulary without it; nil: none
	older           bool   // as transformers 4 does
	mapped          bool   // the vocabulary file has a precompiled map
}

// specialConfig is a special token: a string, or an object with its flags.
type specialConfig struct {
	plan.AddedTokenConfig
	plain bool // a string
}

func (c *specialConfig) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		c.plain = true
		return json.Unmarshal(data, &c.Content)
	}
	return json.Unmarshal(data, &c.AddedTokenConfig)
}

// specialList is a list of special tokens, or an object whose values are.
type specialList []specialConfig

func (l *specialList) UnmarshalJSON(data []byte) error {
	if len(data) == 0 || data[0] != '{' {
		return json.Unmarshal(data, (*[]specialConfig)(l))
	}
	var named map[string]specialConfig
	if err := json.Unmarshal(data, &named); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(named)) {
		*l = append(*l, named[key])
	}
	return nil
}

// readJSON reads a file into v, and leaves v as it is where there is no such file.
func readJSON[T any](fsys fs.FS, name string, v *T) error {
	data, err := sidefile.Read(fsys, name, sidefile.MaxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(sidefile.JSON(data), v)
	}
	if err != nil {
		return fmt.Errorf("tokenizer: %s: %w", name, err)
	}
	return nil
}

func readConfig(fsys fs.FS) (*config, error) {
	c := new(config)
	if err := readJSON(fsys, "tokenizer_config.json", c); err != nil {
		return nil, err
	}
	var present map[string]json.RawMessage
	if err := readJSON(fsys, "tokenizer_config.json", &present); err != nil {
		return nil, err
	}
	c.listed = present["additional_special_tokens"] != nil || present["extra_special_tokens"] != nil
	var m struct {
		Type  string `json:"model_type"`
		Class string `json:"tokenizer_class"`
	}
	if err := readJSON(fsys, "config.json", &m); err != nil {
		return nil, err
	}
	if c.family = m.Type; c.Class == "" {
		c.Class = m.Class
	}
	if c.Decoder != nil {
		return c, c.readDecoder()
	}
	// The files before added_tokens_decoder count only without it.
	if err := readJSON(fsys, "special_tokens_map.json", c); err != nil {
		return nil, err
	}
	return c, c.readAdded(fsys)
}

func (c *config) readDecoder() error {
	for key, a := range c.Decoder {
		id, err := parseID(key)
		if err != nil {
			return fmt.Errorf("tokenizer: tokenizer_config.json: added_tokens_decoder: %w", err)
		}
		a.ID = id
		t := a.Token()
		c.added = append(c.added, t)
	}
	slices.SortFunc(c.added, func(a, b added.Token) int { return a.ID - b.ID })
	return nil
}

func parseID(s string) (int, error) {
	id := 0
	for _, r := range s {
		if r < '0' || r > '9' || id >= jsonscan.MaxID {
			id = jsonscan.MaxID
			break
		}
		id = id*10 + int(r-'0')
	}
	if s == "" || id >= jsonscan.MaxID {
		return 0, fmt.Errorf("%.200q is not an id below %d", s, jsonscan.MaxID)
	}
	return id, nil
}

// readAdded reads added_tokens.json.
func (c *config) readAdded(fsys fs.FS) error {
	var ids map[string]int
	if err := readJSON(fsys, "added_tokens.json", &ids); err != nil {
		return err
	}
	special := map[string]bool{}
	for _, s := range c.specials() {
		special[s.Content] = true
	}
	for content, id := range ids {
		if id < 0 || id >= jsonscan.MaxID {
			return fmt.Errorf("tokenizer: added_tokens.json: token %.200q has id %d; ids must be at least 0 and below %d", content, id, jsonscan.MaxID)
		}
		c.added = append(c.added, added.Token{ID: id, Content: content, Special: special[content], Normalized: !special[content]})
	}
	slices.SortFunc(c.added, func(a, b added.Token) int { return a.ID - b.ID })
	return nil
}

// named returns the special tokens that play a part of their own.
func (c *config) named() []*specialConfig {
	return []*specialConfig{c.BOS, c.EOS, c.UNK, c.SEP, c.PAD, c.CLS, c.Mask}
}

// specials returns all special tokens.
func (c *config) specials() []*specialConfig {
	var all []*specialConfig
	for _, s := range c.named() {
		if s != nil {
			all = append(all, s)
		}
	}
	for _, list := range []specialList{c.Additional, c.Extra} {
		for i := range list {
			all = append(all, &list[i])
		}
	}
	return all
}

// apply adds to p what the files beside the vocabulary say. A token that is there already keeps its place; one with
// the flags of tokenizer_config.json takes them over.
func (c *config) apply(p *plan.Plan) {
	at := make(map[string]int, len(p.Added))
	top := -1
	for i, a := range p.Added {
		at[a.Content] = i
		top = max(top, a.ID)
	}
	add := func(a added.Token, overwrite bool) {
		if a.Content == "" {
			return
		}
		if i, ok := at[a.Content]; ok {
			if overwrite {
				a.ID = p.Added[i].ID
				p.Added[i] = a
			}
			return
		}
		if id, ok := p.Find([]byte(a.Content)); ok {
			a.ID = int(id)
		} else {
			a.ID = p.NextID(top)
		}
		top = max(top, a.ID)
		at[a.Content] = len(p.Added)
		p.Added = append(p.Added, a)
	}
	named := map[string]bool{}
	for _, s := range c.named() {
		if s != nil {
			named[s.Content] = true
		}
	}
	for _, a := range c.added {
		a.Special = a.Special || named[a.Content]
		add(a, true)
	}
	for _, s := range c.specials() {
		t := s.Token()
		if t.Special = true; s.plain {
			t.Normalized = false
		}
		add(t, false)
	}
}

// fill sets the ids of the special tokens; those that the files leave out stay as they are.
func (c *config) fill(p *plan.Plan) {
	for _, r := range []struct {
		token *specialConfig
		id    *int
	}{{c.BOS, &p.Special.BOS}, {c.EOS, &p.Special.EOS}, {c.UNK, &p.Special.UNK}, {c.SEP, &p.Special.SEP},
		{c.PAD, &p.Special.PAD}, {c.CLS, &p.Special.CLS}, {c.Mask, &p.Special.Mask}} {
		if r.token == nil {
			continue
		}
		if id, ok := p.TokenID(r.token.Content); ok {
			*r.id = id
		}
	}
}

// setDefault names a special token that the files left out.
func setDefault(s **specialConfig, content string) {
	if *s == nil {
		*s = &specialConfig{AddedTokenConfig: plan.AddedTokenConfig{Content: content}, plain: true}
	}
}

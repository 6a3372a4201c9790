package lora

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/model/hf"
)

// settings are what adapter_config.json says.
type settings struct {
	Base     string
	Task     string // task_type
	Rank     int
	Alpha    float64
	RSLoRA   bool
	DoRA     bool
	FanInOut bool // W is stored [in, out]
	Bias     bool // biases of the base were trained along
	LoRABias bool // B has a bias

	Targets modules
	Exclude modules
	Save    []string // modules that are stored as a whole

	Layers        []int            // if not nil, only these
	LayerPatterns []*regexp.Regexp // which find a layer's number in a module's name

	Ranks  []override // of some modules
	Alphas []override

	work int64 // steps that all expressions take for a byte of a name
}

// modules are named by the ends of their names, or by an expression for whole names.
type modules struct {
	names      []string
	all        bool
	expression *regexp.Regexp
}

// override is a value for the modules whose names end in what the expression matches.
type override struct {
	key   string
	match *regexp.Regexp
	value float64
}

// inert are keys that say how the adapter was made, or how fast it runs, and change no weight.
var inert = []string{"auto_mapping", "corda_config", "eva_config", "inference_mode", "init_lora_weights", "layers_pattern",
	"layers_to_transform", "loftq_config", "lora_dropout", "lora_ga_config", "megatron_core", "peft_type", "peft_version",
	"qalora_group_size", "revision", "runtime_config", "task_type"}

// read are keys that parseSettings reads.
var read = []string{"alpha_pattern", "base_model_name_or_path", "bias", "exclude_modules", "fan_in_fan_out", "lora_alpha", "lora_bias",
	"modules_to_save", "r", "rank_pattern", "target_modules", "use_dora", "use_rslora"}

// Bounds: published adapters have ranks up to some hundred, and a dozen names.
const (
	maxRank     = 1 << 16
	maxModules  = 1 << 12
	maxPatterns = 1 << 12
	maxPattern  = 1 << 12 // bytes of an expression
	maxSteps    = 1 << 19
)

// parseSettings reads adapter_config.json.
func parseSettings(data []byte) (settings, error) {
	c, err := hf.ParseConfig(configFile, data)
	if err != nil {
		return settings{}, err
	}
	s := settings{Base: c.String("base_model_name_or_path", ""), Task: c.String("task_type", "")}
	if kind := c.String("peft_type", ""); kind != "LORA" {
		return s, fmt.Errorf("lora: %s: peft_type is %q: LORA alone can be merged; the adapter is for %.200q", configFile, kind, s.Base)
	}
	s.Rank, s.Alpha = c.Int("r", 8, 1, maxRank), c.Float("lora_alpha", 8)
	s.RSLoRA, s.DoRA = c.Bool("use_rslora", false), c.Bool("use_dora", false)
	s.FanInOut, s.LoRABias = c.Bool("fan_in_fan_out", false), c.Bool("lora_bias", false)
	switch bias := c.String("bias", "none"); bias {
	case "none":
	case "all", "lora_only":
		s.Bias = true
	default:
		c.Fail("bias is %q; none, all and lora_only are known", bias)
	}
	if s.LoRABias && s.DoRA {
		c.Fail("lora_bias and use_dora exclude each other")
	}
	s.Save = names(c, "modules_to_save")
	s.Targets, s.Exclude = s.parseModules(c, "target_modules", modules{all: true}), s.parseModules(c, "exclude_modules", modules{})
	s.Ranks, s.Alphas = s.overrides(c, "rank_pattern"), s.overrides(c, "alpha_pattern")
	for _, o := range s.Ranks {
		if o.value != float64(int(o.value)) || o.value < 1 || o.value > maxRank {
			c.Fail("rank_pattern: %q is %v; a whole number from 1 to %d is needed", o.key, o.value, maxRank)
		}
	}
	s.parseLayers(c)
	refuseInit(c)
	refuseUnknown(c)
	return s, c.Err()
}

// names returns a list of names of modules, or a single one as a list.
func names(c *hf.Config, key string) []string {
	var list []string
	if raw := bytes.TrimSpace(c.Raw(key)); len(raw) > 0 && raw[0] == '"' {
		list = append(list, c.String(key, ""))
	} else {
		list = c.List(key)
	}
	if len(list) > maxModules {
		c.Fail("%s has %d names; at most %d are read", key, len(list), maxModules)
		return nil
	}
	return list
}

// parseModules reads a list of names, or an expression. unread is what an expression that looks ahead or back counts as:
// the engine has no such constructs, and the tensors say which modules were chosen, for the reference stores no other.
func (s *settings) parseModules(c *hf.Config, key string, unread modules) modules {
	raw := bytes.TrimSpace(c.Raw(key))
	switch {
	case !c.Has(key):
		return modules{}
	case len(raw) == 0 || raw[0] != '"':
		return modules{names: names(c, key)}
	}
	text := c.String(key, "")
	if text == "all-linear" {
		return modules{all: true}
	}
	if lookaround(text) {
		return unread
	}
	re, err := s.compile(`^(?:` + text + `)$`)
	if err != nil {
		c.Fail("%s: %w", key, err)
	}
	return modules{expression: re}
}

// lookaround reports whether an expression looks ahead or back.
func lookaround(text string) bool {
	for _, mark := range []string{"(?=", "(?!", "(?<=", "(?<!"} {
		if strings.Contains(text, mark) {
			return true
		}
	}
	return false
}

// compile compiles an expression, and counts the work that it may make.
func (s *settings) compile(text string) (*regexp.Regexp, error) {
	if len(text) > maxPattern {
		return nil, fmt.Errorf("an expression of %d bytes; at most %d are read", len(text), maxPattern)
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("the expression is not supported: %w", err)
	}
	if s.work += steps(tree); s.work > maxSteps {
		return nil, fmt.Errorf("this and the other expressions are too long: %d steps for a letter; at most %d are taken", s.work, maxSteps)
	}
	return regexp.Compile(text)
}

// steps returns how many parts an expression has once its repetitions are written out.
func steps(tree *syntax.Regexp) int64 {
	n := int64(1 + len(tree.Rune))
	for _, sub := range tree.Sub {
		n += steps(sub)
	}
	if tree.Op == syntax.OpRepeat {
		n *= int64(max(tree.Min, tree.Max, 1))
	}
	return min(n, maxSteps+1)
}

// overrides reads an object from expressions to numbers. The first that matches counts, so the order is kept.
func (s *settings) overrides(c *hf.Config, key string) []override {
	if !c.Has(key) {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(c.Raw(key)))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		c.Fail("%s is no object", key)
		return nil
	}
	var list []override
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		o := override{key: name}
		if err == nil && ok {
			err = d.Decode(&o.value)
		}
		if err == nil {
			o.match, err = s.compile(`^(?:.*\.)?(?:` + name + `)$`)
		}
		if err != nil || len(list) == maxPatterns {
			c.Fail("%s: %.200q: %v; an object of up to %d numbers is needed", key, name, err, maxPatterns)
			return nil
		}
		// A key that is given twice keeps its place, with the later value.
		if i := slices.IndexFunc(list, func(other override) bool { return other.key == name }); i >= 0 {
			list[i] = o
			continue
		}
		list = append(list, o)
	}
	return list
}

// parseLayers reads layers_to_transform, a number or a list, and layers_pattern.
func (s *settings) parseLayers(c *hf.Config) {
	for _, p := range names(c, "layers_pattern") {
		if p == "" {
			continue
		}
		re, err := s.compile(`^(?:.*?\.)?(?:` + p + `)\.(?P<idx>\d+)\.`)
		if err != nil {
			c.Fail("layers_pattern: %w", err)
			continue
		}
		s.LayerPatterns = append(s.LayerPatterns, re)
	}
	if !c.Has("layers_to_transform") {
		return
	}
	var one struct {
		Layer int `json:"layers_to_transform" hf:"layers0"`
	}
	var list struct {
		Layers []int `json:"layers_to_transform"`
	}
	if raw := bytes.TrimSpace(c.Raw("layers_to_transform")); raw[0] == '[' {
		c.Read(&list)
		s.Layers = list.Layers
	} else {
		c.Read(&one)
		s.Layers = []int{one.Layer}
	}
	if s.Targets.expression != nil && len(s.Layers) > 0 {
		c.Fail("layers_to_transform has no meaning where target_modules is an expression")
	}
}

// refuseInit refuses ways to begin the training that take something out of the base's weights: the adapter that was
// trained so is none for the base.
func refuseInit(c *hf.Config) {
	raw := bytes.TrimSpace(c.Raw("init_lora_weights"))
	if len(raw) == 0 || raw[0] != '"' {
		return
	}
	init := strings.ToLower(c.String("init_lora_weights", ""))
	for _, changing := range []string{"pissa", "corda", "olora", "loftq", "lora_ga"} {
		if strings.HasPrefix(init, changing) {
			c.Fail("init_lora_weights is %q: the adapter is for weights from which its start was taken, not for the base; "+
				"save it again with save_pretrained(…, path_initial_model_for_weight_conversion=…) of peft", init)
		}
	}
}

// refuseUnknown refuses every other key that is set: it may change weights.
func refuseUnknown(c *hf.Config) {
	known := map[string]bool{}
	for _, key := range slices.Concat(inert, read) {
		known[key] = true
	}
	for _, key := range c.Names() {
		if value := string(bytes.TrimSpace(c.Raw(key))); !known[key] && !slices.Contains([]string{"null", "false", "[]", "{}", `""`}, value) {
			c.Fail("%.200s is set: what it does to the weights is not supported", key)
		}
	}
}

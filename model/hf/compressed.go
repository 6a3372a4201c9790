package hf

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// compressed reads a quantization_config of method compressed-tensors.
func (c *Config) compressed() quantizer {
	before := len(*c.errs)
	if status := c.String("quantization_status", "compressed"); status != "compressed" {
		c.Fail("quantization_status is %.200q: weights are read where it is compressed; save the model compressed", status)
	}
	c.compressedExtras()
	groups := c.compressedGroups()
	ignore := newPatterns(c.List("ignore")) // without what Go's expressions cannot say: the list is only checked
	if len(*c.errs) > before {
		return nil
	}
	return checkpoint.Compressed{KeepBits: c.keepBits, Scheme: func(module string) (checkpoint.Scheme, error) {
		if ignore.match(module) != noMatch {
			return checkpoint.Scheme{}, fmt.Errorf("model: %s: ignore: %.500q is on the list of what is not quantised, and is stored in few bits", c.Path(), module)
		}
		return schemeOf(c, groups, module)
	}}
}

// compressedExtras refuses what changes more than how weights are stored.
func (c *Config) compressedExtras() {
	if sparse := c.Object("sparsity_config"); sparse.String("format", "dense") != "dense" {
		c.Fail("sparsity_config: format %.200q: sparse weights are not supported; use a checkpoint without", sparse.String("format", ""))
	}
	if transforms := c.Object("transform_config").Object("config_groups"); transforms.Keys() > 0 {
		c.Fail("transform_config: transforms of weights and activations are not supported; use a checkpoint without")
	}
	c.Refuse("moe_sparsity_config")
	if c.Has("kv_cache_scheme") && !c.keepActivations {
		c.Fail("kv_cache_scheme: keys and values in few bits by the scales of the checkpoint are not supported; %s", floatActivations)
	}
}

// floatActivations says how to open a checkpoint in spite of scales that are not applied.
const floatActivations = "Options.FloatActivations opens it, and leaves them as they are; or use a checkpoint without"

// compressedGroup is an entry of config_groups.
type compressedGroup struct {
	name    string
	scheme  checkpoint.Scheme
	targets patterns
}

// compressedGroups reads config_groups.
func (c *Config) compressedGroups() []compressedGroup {
	all := c.Object("config_groups")
	if all.Keys() == 0 {
		c.Fail("config_groups is empty; it must say how weights are stored")
	}
	var groups []compressedGroup
	for _, name := range all.Names() {
		g := all.Object(name)
		if !g.Has("weights") { // only activations
			g.refuseActivations()
			continue
		}
		g.refuseActivations()
		targets := newPatterns(g.List("targets"))
		if targets.bad != nil {
			g.Fail("targets: %w", targets.bad)
		}
		format := g.String("format", c.String("format", ""))
		groups = append(groups, compressedGroup{g.Path(), g.Object("weights").scheme(format), targets})
	}
	return groups
}

// refuseActivations refuses scales of activations that belong to the checkpoint. Those that are dynamic do not.
func (c *Config) refuseActivations() {
	for _, key := range []string{"input_activations", "output_activations"} {
		if !c.Has(key) || c.keepActivations {
			continue
		}
		if dynamic := c.Object(key).Raw("dynamic"); string(dynamic) != "true" && string(dynamic) != `"local"` {
			c.Fail("%s: static scales of activations are not supported; %s", key, floatActivations)
		}
	}
}

// scheme reads how weights are stored, in a format.
func (c *Config) scheme(format string) (s checkpoint.Scheme) {
	kind := strings.ToLower(c.String("type", "int"))
	s = checkpoint.Scheme{Packed: format == "pack-quantized", Float: kind == "float", Symmetric: c.Bool("symmetric", true), Bits: c.Int("num_bits", 8, 0, 64)}
	types := map[string]string{"pack-quantized": "int", "int-quantized": "int", "float-quantized": "float", "naive-quantized": kind}
	switch want, ok := types[format]; {
	case !ok:
		c.Fail("the format is %.200q; %v are supported: use a checkpoint in one of these", format, slices.Sorted(maps.Keys(types)))
	case kind != want || kind != "int" && kind != "float":
		c.Fail("type %.200q in the format %s is not supported", kind, format)
	case s.Bits != 8 && (s.Bits != 4 || s.Float):
		c.Fail("num_bits is %d; integers of 4 and 8 bits and floats of 8 are supported", s.Bits)
	}
	if !s.Packed {
		s.Bits = 8 // so many are stored
	}
	c.strategy(&s)
	return s
}

// strategy reads what shares a scale.
func (c *Config) strategy(s *checkpoint.Scheme) {
	size := c.Int("group_size", 0, -1, MaxWidth)
	otherwise := "tensor"
	switch {
	case size > 0:
		otherwise = "group"
	case size < 0:
		otherwise = "channel"
	}
	switch strategy := strings.ToLower(c.String("strategy", otherwise)); {
	case strategy == "tensor":
	case strategy == "channel":
		s.Block = [2]int{1, 0}
	case strategy == "group" && size > 0:
		s.Block = [2]int{1, size}
	case strategy == "group":
		c.Fail("group_size is %d; groups need a positive number", size)
	case strategy == "block":
		c.blockStructure(&s.Block)
	default:
		c.Fail("strategy %.200q of weights is not supported; tensor, channel, group and block are", strategy)
	}
}

// blockStructure reads block_structure, [128, 128] or as once "128x128".
func (c *Config) blockStructure(block *[2]int) {
	raw := c.Raw("block_structure")
	var size []int
	var text string
	if json.Unmarshal(raw, &text) == nil {
		raw = json.RawMessage("[" + strings.Replace(text, "x", ",", 1) + "]")
	}
	if json.Unmarshal(raw, &size) != nil || len(size) != 2 || min(size[0], size[1]) < 1 || max(size[0], size[1]) > MaxWidth {
		c.Fail("block_structure is %s; two whole numbers from 1 to %d are needed", clip(c.Raw("block_structure")), MaxWidth)
		return
	}
	*block = [2]int(size)
}

// schemeOf returns the scheme of the group that targets a module: by its name, else by a pattern, else by the class of
// modules, of which the checkpoint says nothing.
func schemeOf(c *Config, groups []compressedGroup, module string) (s checkpoint.Scheme, err error) {
	best, by := noMatch, ""
	for _, g := range groups {
		switch m := g.targets.match(module); {
		case m == noMatch && !g.targets.classes:
		case max(m, byClass) > best:
			best, by, s, err = max(m, byClass), g.name, g.scheme, nil
		case max(m, byClass) == best && s != g.scheme:
			err = fmt.Errorf("model: %s and %s: both target %.500q, and say otherwise how it is stored", by, g.name, module)
		}
	}
	if best == noMatch {
		err = fmt.Errorf("model: %s: config_groups: no group targets %.500q, which is stored in few bits", c.Path(), module)
	}
	return s, err
}

// patterns are names of modules, expressions for them after "re:", and classes.
type patterns struct {
	names       map[string]bool
	expressions []*regexp.Regexp
	classes     bool  // there are names of classes, which begin with a capital letter
	bad         error // of the first expression that was left out
}

// How well a module is matched.
const (
	noMatch = iota
	byClass
	byExpression
	byName
)

// maxExpressions bounds the instructions of all expressions together: they are run for each module of a checkpoint.
const maxExpressions = 4000

func newPatterns(list []string) patterns {
	p := patterns{names: map[string]bool{}}
	size := 0
	for _, s := range list {
		expression, ok := strings.CutPrefix(s, "re:")
		if !ok {
			p.names[s] = true
			p.classes = p.classes || s != "" && s[0] >= 'A' && s[0] <= 'Z'
			continue
		}
		// Python's match begins at the start, and may end anywhere.
		re, n, err := compile("^(?:" + expression + ")")
		if size += n; err == nil && size > maxExpressions {
			err = fmt.Errorf("the expressions are too long")
		}
		if err != nil {
			p.bad = fmt.Errorf("%.200q: %w", s, err)
			continue
		}
		p.expressions = append(p.expressions, re)
	}
	return p
}

// compile compiles an expression, and counts its instructions.
func compile(expression string) (*regexp.Regexp, int, error) {
	if len(expression) > maxExpressions {
		return nil, 0, fmt.Errorf("the expression is too long")
	}
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return nil, 0, err
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, 0, err
	}
	if len(program.Inst) > maxExpressions {
		return nil, len(program.Inst), fmt.Errorf("the expression is too long")
	}
	re, err := regexp.Compile(expression)
	return re, len(program.Inst), err
}

func (p *patterns) match(module string) int {
	if p.names[module] {
		return byName
	}
	if slices.ContainsFunc(p.expressions, func(re *regexp.Regexp) bool { return re.MatchString(module) }) {
		return byExpression
	}
	return noMatch
}

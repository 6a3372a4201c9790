package lora

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// targets reports whether the adapter is for the module, and if not why.
func (s *settings) targets(module string) (ok bool, why string) {
	switch {
	case s.Exclude.has(module):
		return false, "exclude_modules names the module"
	case s.saves(module):
		return false, "modules_to_save names the module"
	case !s.Targets.has(module):
		return false, "target_modules does not name the module"
	case len(s.Layers) > 0 && !slices.Contains(s.Targets.names, module) && !s.layer(module):
		return false, "layers_to_transform leaves the module out"
	}
	return true, ""
}

// has reports whether a module is named.
func (m *modules) has(module string) bool {
	if m.all {
		return true
	}
	if m.expression != nil {
		return m.expression.MatchString(module)
	}
	for _, name := range m.names {
		if module == name || strings.HasSuffix(module, "."+name) {
			return true
		}
	}
	return false
}

// saves reports whether modules_to_save names a module or one around it: then no adapter is for it.
func (s *settings) saves(module string) bool {
	for _, name := range s.Save {
		if strings.Contains("."+module+".", "."+name+".") {
			return true
		}
	}
	return false
}

// keeps reports whether a module, or one around it, is stored as a whole. What modules_to_save names may be the end of
// a part of a name.
func (s *settings) keeps(module string) bool {
	for _, name := range s.Save {
		if strings.HasSuffix(module, name) || strings.Contains(module, name+".") {
			return true
		}
	}
	return false
}

// firstNumber finds a layer's number in a module's name: the first part of digits that has two parts before it.
var firstNumber = regexp.MustCompile(`^.*?\.[^.]*\.(?P<idx>\d+)\.`)

// layer reports whether the module is in one of the layers that are transformed.
func (s *settings) layer(module string) bool {
	expressions := s.LayerPatterns
	if len(expressions) == 0 {
		expressions = []*regexp.Regexp{firstNumber}
	}
	for _, re := range expressions {
		if m := re.FindStringSubmatch(module); m != nil {
			n, err := strconv.Atoi(m[re.SubexpIndex("idx")])
			return err == nil && slices.Contains(s.Layers, n)
		}
	}
	return false
}

// rank returns the r of a module.
func (s *settings) rank(module string) int {
	return int(value(s.Ranks, module, float64(s.Rank)))
}

// scale returns the factor of B·A for a module.
func (s *settings) scale(module string) float32 {
	alpha, r := value(s.Alphas, module, s.Alpha), float64(s.rank(module))
	if s.RSLoRA {
		r = math.Sqrt(r)
	}
	return float32(alpha / r)
}

// value returns the value of the first override for a module.
func value(overrides []override, module string, otherwise float64) float64 {
	for _, o := range overrides {
		if o.match.MatchString(module) {
			return o.value
		}
	}
	return otherwise
}

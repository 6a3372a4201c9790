package cost

import (
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/seed2010d43f/transformer/model"
)

// presets are configs of published models, one file each, with what their publishers say of them.
//
//go:embed presets/*.json
var presets embed.FS

// Published is a model with a config that this package has, and what its publisher says of its size.
type Published struct {
	Name   string          `json:"-"`      // of the preset: "mixtral-8x7b"
	Title  string          `json:"title"`  // "Mixtral 8x7B"
	Source string          `json:"source"` // the repository on Hugging Face, and the file in it
	Config json.RawMessage `json:"config"` // contents of a config.json

	Figures struct {
		Total  *Figure `json:"total"`
		Active *Figure `json:"active"` // nil for models whose tokens use all parameters
	} `json:"published"`
}

// Figure is a number of parameters as a publisher states it, often a rounded name.
type Figure struct {
	Text       string `json:"figure"` // "46.7B"
	Parameters int64  `json:"parameters"`
	Counts     string `json:"counts"` // what it counts: "all", or "without input table"
	Tower      int64  `json:"tower"`  // parameters of a vision tower that it counts and a [Model] does not have
	Where      string `json:"where"`  // where it is stated; "" is the model's card, or its name
}

// Of returns the number that m has of what the figure counts, in all or, with active, for one token.
func (f *Figure) Of(m *Model, active bool) int64 {
	n := m.Parameters
	if active {
		n = m.Active
	}
	if f.Counts == "without input table" {
		n -= m.Input
	}
	return n + f.Tower
}

// Presets returns the names of the published models that this package has configs of, in order.
func Presets() []string {
	files, err := presets.ReadDir("presets")
	if err != nil {
		panic(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(f.Name(), ".json"))
	}
	return names
}

// Preset returns the preset with a name from [Presets].
func Preset(name string) (*Published, error) {
	data, err := presets.ReadFile(path.Join("presets", name+".json"))
	if err != nil {
		return nil, fmt.Errorf("cost: no preset %q; there are %s", name, strings.Join(Presets(), " "))
	}
	p := &Published{Name: name}
	if err := json.Unmarshal(data, p); err != nil {
		return nil, fmt.Errorf("cost: preset %s: %w", name, err)
	}
	return p, nil
}

// Model returns the preset's model.
func (p *Published) Model() (*Model, error) { return New(p.Config, model.Options{}) }

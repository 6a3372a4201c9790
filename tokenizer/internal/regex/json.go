package regex

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/seed2010d43f/transformer/tokenizer/internal/jsonscan"
)

// Check adds up the regular expressions of a file's stages.
func Check(stages ...[]byte) error {
	n := 0
	for _, data := range stages {
		r := jsonscan.Reader{Data: data}
		if len(data) > 0 {
			if err := countPatterns(&r, &n); err != nil {
				return err
			}
		}
	}
	if n > maxPattern {
		return fmt.Errorf("its patterns have %d bytes; at most %d are supported", n, maxPattern)
	}
	return nil
}

// countPatterns reads a value, and adds the lengths of the regular expressions in it to n.
func countPatterns(r *jsonscan.Reader, n *int) error {
	switch r.Peek() {
	case '{':
		return r.Object(func(key []byte) error {
			if strings.EqualFold(string(key), "Regex") && r.Peek() == '"' {
				s, err := r.Str()
				*n += len(s)
				return err
			}
			return countPatterns(r, n)
		})
	case '[':
		return r.Array(func() error { return countPatterns(r, n) })
	}
	_, err := r.Skip()
	return err
}

// Config is a string or a regular expression.
type Config struct {
	String *string `json:"String"`
	Regex  *string `json:"Regex"`
}

// UnmarshalJSON also takes a bare string, as old files have.
func (c *Config) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &c.String)
	}
	type plain Config
	return json.Unmarshal(data, (*plain)(c))
}

const maxLiteral = 1 << 10 // bytes of a String

func (c *Config) Compile() (*Pattern, error) {
	switch {
	case c.String != nil && c.Regex != nil:
		return nil, fmt.Errorf("the pattern is both a String and a Regex")
	case c.String != nil && *c.String == "":
		return new(Pattern), nil // between all characters
	case c.String != nil && len(*c.String) > maxLiteral:
		return nil, fmt.Errorf("a pattern of %d bytes; at most %d are supported", len(*c.String), maxLiteral)
	case c.String != nil:
		return Literal(*c.String), nil
	case c.Regex != nil:
		return Compile(*c.Regex, Oniguruma)
	}
	return nil, fmt.Errorf("the pattern is neither a String nor a Regex")
}

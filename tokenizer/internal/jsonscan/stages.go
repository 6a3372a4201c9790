package jsonscan

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

const (
	maxNesting = 8   // of sequences within sequences
	maxStages  = 256 // of a kind; a text passes through all of them
)

// StageCount counts the stages of a kind, sequences too.
type StageCount int

// Enter counts a stage that lies in so many sequences.
func (n *StageCount) Enter(depth int) error {
	if *n++; *n > maxStages {
		return fmt.Errorf("more than %d stages are not supported", maxStages)
	}
	if depth > maxNesting {
		return fmt.Errorf("sequences nest deeper than %d", maxNesting)
	}
	return nil
}

// SequenceOf calls parse with each stage of a sequence, which the file lists under key.
func SequenceOf(list []json.RawMessage, key string, parse func(stage []byte) error) error {
	if list == nil {
		return fmt.Errorf("a Sequence lacks %q", key)
	}
	for _, stage := range list {
		if err := parse(stage); err != nil {
			return err
		}
	}
	return nil
}

// OneCharacter checks a value that must be a single character.
func OneCharacter(what, s string) error {
	if utf8.RuneCountInString(s) != 1 {
		return fmt.Errorf("%s %q must be one character", what, s)
	}
	return nil
}

func OrTrue(b *bool) bool { return b == nil || *b }

func Or(s *string, unset string) string {
	if s == nil {
		return unset
	}
	return *s
}

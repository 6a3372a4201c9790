package plan

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/seed2010d43f/transformer/tokenizer/internal/models"
)

// ReadMergeLines reads merges.txt; a first line that starts with #version is passed over.
func (p *Plan) ReadMergeLines(m *models.BPE, data []byte) error {
	m.Merges = models.NewMergeTable(min(bytes.Count(data, []byte("\n")), len(data)/len("a b\n")) + 1)
	rank := uint32(0)
	for line := range bytes.Lines(data) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 || bytes.HasPrefix(line, []byte("#version")) {
			continue
		}
		left, right, ok := bytes.Cut(line, []byte(" "))
		if !ok || bytes.IndexByte(right, ' ') >= 0 {
			return fmt.Errorf("merge %d, %.200q, is not two tokens with a space between", rank, line)
		}
		if err := p.addMerge(m, left, right, rank); err != nil {
			return err
		}
		rank++
	}
	return nil
}

// AddMerges adds pairs as GGUF files write them: a space is between the two parts, which may themselves begin with one.
func (p *Plan) AddMerges(m *models.BPE, pairs []string) error {
	m.Merges = models.NewMergeTable(len(pairs) + 1)
	var left, right []byte
	for rank, pair := range pairs {
		cut := -1
		if len(pair) > 0 {
			cut = strings.IndexByte(pair[1:], ' ') + 1
		}
		if cut <= 0 {
			return fmt.Errorf("merge %d, %.200q, is not two tokens with a space between", rank, pair)
		}
		left, right = append(left[:0], pair[:cut]...), append(right[:0], pair[cut+1:]...)
		if err := p.addMerge(m, left, right, uint32(rank)); err != nil {
			return err
		}
	}
	return nil
}

package plan

import (
	"bytes"
	"fmt"

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

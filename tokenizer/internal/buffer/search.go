package buffer

// The searches of one call may take searchSteps together, and stepsPerByte for each byte of text.
const (
	searchSteps  = 1 << 24
	stepsPerByte = 1 << 8
)

// Search adds up what the searches of one call have taken. Steps, not time: the answer is that of every machine.
type Search struct {
	Steps int // taken
	Bytes int // of the texts that were searched
}

// Left returns how many steps are left.
func (s *Search) Left() int { return searchSteps + stepsPerByte*s.Bytes - s.Steps }

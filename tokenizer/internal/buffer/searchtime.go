package buffer

import "time"

// The searches of one call may take MatchTime together, plus MatchTime for each matchUnit bytes of text.
const (
	MatchTime = 2 * time.Second
	matchUnit = 1 << 20
)

// SearchTime adds up the time that the searches of one call take.
type SearchTime struct {
	Spent time.Duration
	Bytes int
}

// Limit returns the longest time that the searches may take together.
func (s *SearchTime) Limit() time.Duration { return MatchTime * time.Duration(1+s.Bytes/matchUnit) }

package buffer

import "time"

// The searches of one call may take matchTime together, plus matchTime for each matchUnit bytes of text.
const (
	MatchTime = 2 * time.Second
	matchUnit = 1 << 20
)

// SearchTime adds up what the searches of one call have taken.
type SearchTime struct {
	Spent time.Duration
	Bytes int
}

func (s *SearchTime) Limit() time.Duration { return MatchTime * time.Duration(1+s.Bytes/matchUnit) }

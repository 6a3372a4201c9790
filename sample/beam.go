package sample

import (
	"fmt"
	"math"
	"slices"
)

// BeamConfig says how a beam search goes. The defaults of the reference are
// Groups 1, LengthPenalty 1 and Return 1.
type BeamConfig struct {
	// Beams is how many texts run side by side (num_beams), from 1 to 1024.
	Beams int

	// Groups divides the beams into groups of equal size that avoid each other's
	// tokens (num_beam_groups; Vijayakumar et al. 2016, arXiv:1610.02424).
	// 0 and 1 are one group.
	Groups int

	// DiversityPenalty is taken from the log-probability of a token for each
	// beam of an earlier group that chose it in the same step
	// (diversity_penalty). Finite, 0 or more; more than 0 needs Groups.
	DiversityPenalty float64

	// LengthPenalty p makes the score of a text its summed log-probability
	// divided by nᵖ, n being how many tokens were generated, the end token
	// included (length_penalty). 1 compares means, 0 sums; the larger, the longer
	// the texts. MaxLength to this power must stay within 1e30 and 1e-30.
	LengthPenalty float64

	// EarlyStopping says when the search ends before MaxLength (early_stopping).
	EarlyStopping EarlyStopping

	// Return is how many texts Best returns (num_return_sequences), from 1 to
	// Beams; 0 is 1.
	Return int

	// Pad is the token that a group goes on choosing after its end, which
	// DiversityPenalty counts for later groups, as in the reference
	// (pad_token_id; where a model has none, the reference takes the first of
	// EOS). It is never part of a text.
	Pad int

	// Sampling draws continuations, without replacement, in place of taking the
	// best (do_sample with num_beams). Temperature must be above 0; TopK, TopP,
	// MinP and TypicalP filter the tokens of each beam, where at least one more
	// stays than there are tokens in EOS; the random numbers come from Seed. The
	// other fields must be zero: Rules has them. Not with Groups.
	Sampling *Config

	// Rules apply to the log-probabilities of each beam. Rules.EOS ends a text,
	// and Rules.MaxLength, which must be set, is where the search ends. What they
	// point to must not change during the search.
	Rules Rules
}

// EarlyStopping says when a beam search ends before MaxLength. It needs as many
// finished texts as there are beams (of a group) in every case.
type EarlyStopping int

const (
	// StopHeuristic ends it when the best running text, at its present length,
	// scores no better than the worst finished one: early_stopping=False.
	StopHeuristic EarlyStopping = iota
	// StopAtOnce ends it then and there: early_stopping=True.
	StopAtOnce
	// StopNever ends it when no running text could still score better, however
	// long: early_stopping="never".
	StopNever
)

// A Successor is a running text after a step: the text that was at Parent among
// the running texts before, continued with token ID.
type Successor struct{ Parent, ID int }

// A Hypothesis is a text that a beam search found: prompt, generated tokens and
// end token, if it has one. Score is the summed log-probability of what is
// generated over its length to the LengthPenalty.
type Hypothesis struct {
	IDs   []int
	Score float64
}

// Beams is a beam search for the most probable continuation of one prompt. It
// knows no model: [Beams.Step] is given the logits of the running texts and says
// how they go on.
//
// It follows generate of transformers 5.24 (generation/utils.py, _beam_search),
// and with Groups that of 4.55 (_group_beam_search, BeamSearchScorer), down to
// float32 arithmetic; only what the machine's exponential and order of summation
// make of the last bit may differ. The first step has one text that counts and
// others with score −1e9 that stand in where the vocabulary offers too few
// continuations, as they do in the reference. Of equal scores the lower beam
// goes first, then the lower token.
//
// Beams are not safe for use by several goroutines at once.
type Beams struct {
	config BeamConfig
	size   int // beams in a group
	prompt int
	source []int
	vocab  int // V, 0 before the first step
	done   bool

	texts  [][]int   // [running]
	scores []float32 // [running] summed log-probabilities
	pool   []ended   // [size] what the search has found
	groups []group   // [Groups], nil if there is one; then pool is nil

	// Scratch, kept from step to step.
	nextTexts  [][]int
	nextScores []float32
	successors []Successor
	found      []candidate // continuations, best first, group by group
	taken      []int       // tokens chosen by the groups before
	nextPool   []ended
	freeIDs    [][]int
	order      []rank
	top        topScores
	row        scoredRow
	random     *drawer // nil without Sampling
}

// Bounds of what a configuration can have allocated.
const maxBeams, maxEnds = 1024, 256

// unlikely is what the reference adds to scores that are not to be chosen.
const unlikely = float32(-1e9)

// NewBeams returns a search for continuations of text.IDs, all of which are the
// prompt: text.Prompt must be their number. There must be at least one token,
// and less than Rules.MaxLength. The text is copied, text.Source is not.
//
// The error names the field that is out of range, its value and the range.
func NewBeams(c BeamConfig, text Text) (*Beams, error) {
	if err := c.validate(len(text.IDs)); err != nil {
		return nil, err
	}
	if text.Prompt != len(text.IDs) {
		return nil, fmt.Errorf("sample: Text.Prompt is %d with %d token ids; a search begins with the prompt alone, so both must be equal", text.Prompt, len(text.IDs))
	}
	if id := negative(text.IDs); id < 0 {
		return nil, fmt.Errorf("sample: token id %d in the prompt; ids start at 0", id)
	}
	c.Groups = max(c.Groups, 1)
	c.Return = max(c.Return, 1)
	b := &Beams{config: c, size: c.Beams / c.Groups, prompt: text.Prompt, source: text.Source}
	if c.Sampling != nil {
		var err error
		if b.random, err = newDrawer(*c.Sampling, len(c.Rules.EOS)); err != nil {
			return nil, err
		}
	}
	for i := range c.Beams {
		b.texts = append(b.texts, slices.Clone(text.IDs))
		score := unlikely
		if i%b.size == 0 {
			score = 0
		}
		b.scores = append(b.scores, score)
	}
	if c.Groups > 1 {
		b.groups = make([]group, c.Groups)
		for i := range b.groups {
			b.groups[i].worst = 1e9
		}
		return b, nil
	}
	b.pool = make([]ended, b.size)
	for i := range b.pool {
		b.pool[i].score = unlikely
	}
	return b, nil
}

func (c *BeamConfig) validate(prompt int) error {
	switch {
	case c.Beams < 1 || c.Beams > maxBeams:
		return fmt.Errorf("sample: BeamConfig.Beams is %d; it must be from 1 to %d", c.Beams, maxBeams)
	case c.Groups < 0 || c.Groups > c.Beams || c.Groups > 0 && c.Beams%c.Groups != 0:
		return fmt.Errorf("sample: BeamConfig.Groups is %d with %d beams; it must divide them", c.Groups, c.Beams)
	case !finite(c.DiversityPenalty) || c.DiversityPenalty < 0:
		return fmt.Errorf("sample: BeamConfig.DiversityPenalty is %v; it must be finite and 0 (off) or more", c.DiversityPenalty)
	case c.DiversityPenalty > 0 && c.Groups < 2:
		return fmt.Errorf("sample: BeamConfig.DiversityPenalty is %v with one group; it needs Groups of 2 or more", c.DiversityPenalty)
	case c.EarlyStopping < StopHeuristic || c.EarlyStopping > StopNever:
		return fmt.Errorf("sample: BeamConfig.EarlyStopping is %d; it must be StopHeuristic, StopAtOnce or StopNever", c.EarlyStopping)
	case c.Return < 0 || c.Return > c.Beams:
		return fmt.Errorf("sample: BeamConfig.Return is %d with %d beams; it must be from 1 to their number (0 is 1)", c.Return, c.Beams)
	case c.Pad < 0:
		return fmt.Errorf("sample: BeamConfig.Pad is %d; ids start at 0", c.Pad)
	case c.Sampling != nil && c.Groups > 1:
		return fmt.Errorf("sample: BeamConfig.Sampling is set with %d groups; it needs one", c.Groups)
	}
	if err := c.Rules.Validate(); err != nil {
		return err
	}
	if n := len(c.Rules.EOS); n > maxEnds {
		return fmt.Errorf("sample: Rules.EOS has %d tokens; in a beam search it may have %d", n, maxEnds)
	}
	most := c.Rules.MaxLength
	if prompt < 1 || most <= prompt {
		return fmt.Errorf("sample: Rules.MaxLength is %d with a prompt of %d tokens; there must be one or more, and room for another", most, prompt)
	}
	if p := math.Pow(float64(most), c.LengthPenalty); !(p >= 1e-30 && p <= 1e30) {
		return fmt.Errorf("sample: BeamConfig.LengthPenalty is %v; MaxLength, %d, to this power is %v and must be from 1e-30 to 1e30", c.LengthPenalty, most, p)
	}
	return nil
}

// Step continues the search by a token. There is one row of logits [V] for each
// running text, in their order; in the first step, when all of them are the
// prompt, one row may serve all. It returns what the running texts are now: as
// many as there are beams, those of groups that have ended left out, or none
// once the search is over. The slice is overwritten by the next step; the logits
// are not changed.
//
// It is an error if the number of rows is wrong, if they differ in length, among
// themselves or from earlier steps, if one has a NaN or +Inf or nothing above
// −Inf, if V is too small to choose from (less than 2, or 1 more than there are
// tokens in EOS), or if the rules leave no token while nothing has been found.
// Then the search stays as it was.
func (b *Beams) Step(logits [][]float32) ([]Successor, error) {
	if b.done {
		return nil, nil
	}
	if err := b.admit(logits); err != nil {
		return nil, err
	}
	b.found, b.taken = b.found[:0], b.taken[:0]
	b.successors, b.nextScores = b.successors[:0], b.nextScores[:0]
	if b.groups != nil {
		return b.stepGroups(logits)
	}
	if err := b.continuations(logits, 0); err != nil {
		return nil, err
	}
	if b.found[0].score == negInf { // the rules leave nothing to go on with
		if !slices.ContainsFunc(b.pool, func(e ended) bool { return e.finished }) {
			return nil, errNoToken(len(b.texts[0]))
		}
		b.done = true
		return nil, nil
	}
	b.keepEnded()
	b.next()
	b.swap()
	b.done = b.over()
	return b.result(logits), nil
}

func errNoToken(length int) error {
	return fmt.Errorf("sample: no token can follow the running texts of %d tokens: the rules leave none", length)
}

// result returns the successors.
func (b *Beams) result(logits [][]float32) []Successor {
	b.vocab = len(logits[0])
	if b.done {
		return nil
	}
	if len(logits) == 1 {
		for i := range b.successors {
			b.successors[i].Parent = 0
		}
	}
	return b.successors
}

// admit checks the shape of logits.
func (b *Beams) admit(logits [][]float32) error {
	first := len(b.texts[0]) == b.prompt
	if len(logits) != len(b.texts) && !(first && len(logits) == 1) {
		return fmt.Errorf("sample: %d rows of logits for %d running texts", len(logits), len(b.texts))
	}
	vocab := b.vocab
	if vocab == 0 {
		vocab = len(logits[0])
	}
	for i, row := range logits {
		if len(row) != vocab {
			return fmt.Errorf("sample: row %d has %d logits, others %d; there must be one for each token of the vocabulary", i, len(row), vocab)
		}
	}
	if need := b.fanOut(); vocab < need {
		return fmt.Errorf("sample: %d logits; a beam search with %d end tokens needs %d or more", vocab, len(b.config.Rules.EOS), need)
	}
	if most := math.MaxInt32 / len(b.texts); vocab > most {
		return fmt.Errorf("sample: %d logits; with %d running texts there may be %d", vocab, len(b.texts), most)
	}
	return nil
}

// fanOut is how many continuations the search looks at for each beam: enough
// for one to go on if all end tokens are among them.
func (b *Beams) fanOut() int { return max(2, 1+len(b.config.Rules.EOS)) }

// width is how many continuations the search looks at for a group.
func (b *Beams) width() int { return b.fanOut() * b.size }

// next lets those continuations go on that do not end
// (_get_running_beams_for_next_iteration).
func (b *Beams) next() {
	b.order = b.order[:0]
	for i, c := range b.found {
		score := c.score
		if c.ends {
			score += unlikely
		}
		b.order = append(b.order, rankOf(i, score))
	}
	slices.Sort(b.order)
	for _, r := range b.order[:b.size] {
		b.follow(b.found[r.id()], r.logit())
	}
}

// follow appends a running text.
func (b *Beams) follow(c candidate, score float32) {
	i := len(b.successors)
	if i == len(b.nextTexts) {
		b.nextTexts = append(b.nextTexts, nil)
	}
	b.nextTexts[i] = append(append(b.nextTexts[i][:0], b.texts[c.parent]...), c.id)
	b.nextScores = append(b.nextScores, score)
	b.successors = append(b.successors, Successor{c.parent, c.id})
}

// swap makes the texts that follow the running ones.
func (b *Beams) swap() {
	n := len(b.successors)
	b.texts, b.nextTexts = b.nextTexts[:n], b.texts[:cap(b.texts)]
	b.scores, b.nextScores = b.nextScores, b.scores[:0]
}

// Done reports whether the search is over.
func (b *Beams) Done() bool { return b.done }

// Texts returns the running texts, prompt included, in the order in which
// [Beams.Step] takes their logits; none once the search is over. They are
// overwritten by the next step and must not be changed.
func (b *Beams) Texts() [][]int {
	if b.done {
		return nil
	}
	return b.texts
}

// Best returns the best texts found, the best first, as many as Return says; the
// caller owns them. Before the search is over the running texts count as they
// are, in competition with the finished ones.
//
// There are fewer only if a search ends with fewer: where the rules leave no
// token, or before the first step. Where a vocabulary is so small that even
// texts the search did not mean to follow are returned, their scores are around
// −1e9, as in the reference.
func (b *Beams) Best() []Hypothesis {
	if b.groups != nil {
		return b.bestOfGroups()
	}
	var best []Hypothesis
	for _, e := range b.pool {
		if e.finished && e.score > negInf {
			best = append(best, Hypothesis{slices.Clone(e.ids), float64(e.score)})
		}
	}
	if !b.done {
		norm := b.norm(len(b.texts[0]))
		for i, s := range b.scores {
			if s > unlikely/2 {
				best = append(best, Hypothesis{slices.Clone(b.texts[i]), float64(s / norm)})
			}
		}
		slices.SortStableFunc(best, func(x, y Hypothesis) int { return compareDown(x.Score, y.Score) })
	}
	return best[:min(b.config.Return, len(best))]
}

func compareDown(x, y float64) int {
	switch {
	case x > y:
		return -1
	case x < y:
		return 1
	}
	return 0
}

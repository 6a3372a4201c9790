package beam

import (
	"fmt"
	"math"
	"slices"

	"github.com/seed2010d43f/transformer/internal/topk"
	"github.com/seed2010d43f/transformer/sample"
)

// A Successor is a running text after a step: the text at index Parent among the running texts before, followed by
// token ID.
type Successor struct{ Parent, ID int }

// A Hypothesis is a text that a search has found: the prompt, the generated tokens, and the end token if it has one.
// Score is the summed log-probability of the generated tokens, divided by their number to the power LengthPenalty.
type Hypothesis struct {
	IDs   []int
	Score float64
}

// Search is a beam search for the most probable continuation of one prompt. It knows no model and keeps no
// running text: the caller keeps the texts and passes them to [Search.Step] with their logits. Step returns
// how they continue.
//
// It follows generate of transformers 5.24 (generation/utils.py, _beam_search). With several groups it
// follows transformers 4.55 (_group_beam_search, BeamSearchScorer). It computes in the same precision; only
// the last bit may differ, because of the exponential function and the order of sums. In the first step only
// one text counts: the other beams begin with score −1e9 and fill in where the vocabulary has too few
// continuations, as in transformers. Of equal scores the lower beam goes first, then the lower token.
//
// One goroutine at a time may use a Search.
type Search struct {
	options    Options
	processors sample.LogitsProcessors
	text       sample.Text // of the running texts, without IDs
	size       int         // beams in a group
	length     int         // tokens of each running text
	vocab      int         // V, 0 before the first step
	done       bool

	scores   []float32  // [running] summed log-probabilities
	finished []finished // [size] the best finished texts; nil with several groups
	groups   []group    // [NumBeamGroups]; nil with one group

	// Scratch, kept from step to step.
	nextScores   []float32
	successors   []Successor
	candidates   []candidate // the best of this step, best first, group by group
	taken        []int       // tokens that the groups before have chosen in this step
	nextFinished []finished
	freeIDs      [][]int // memory of finished texts that are no longer among the best
	order        []topk.Rank
	top          topScores
	row          scoredRow
	drawer       *drawer // nil without Sampling
}

// unlikely is what the reference adds to scores that are not to be chosen.
const unlikely = float32(-1e9)

var negInf = float32(math.Inf(-1))

// New returns a search for continuations of a prompt. prompt.IDs are one or more tokens, prompt.PromptLen is their
// number, and prompt.MaxLength, where the search ends, is larger. prompt.EOS are the tokens that end a text. processors
// change the log-probabilities of each beam before they are compared; nil changes nothing. What o, processors and
// prompt.EOS and prompt.EncoderIDs point to must not change during the search. prompt.IDs are not kept.
//
// The error names the field that is out of range, its value and its range.
func New(o Options, processors *sample.LogitsProcessors, prompt sample.Text) (*Search, error) {
	if err := o.Validate(prompt); err != nil {
		return nil, err
	}
	if prompt.PromptLen != len(prompt.IDs) {
		return nil, fmt.Errorf("beam: Text.PromptLen is %d with %d token ids; a search begins with the prompt alone, so both must be equal", prompt.PromptLen, len(prompt.IDs))
	}
	for i, id := range prompt.IDs {
		if id < 0 {
			return nil, fmt.Errorf("beam: Text.IDs has token id %d at %d; ids start at 0", id, i)
		}
	}
	if processors == nil {
		processors = new(sample.LogitsProcessors)
	}
	if err := processors.Validate(prompt); err != nil {
		return nil, err
	}
	o.NumBeamGroups = max(o.NumBeamGroups, 1)
	o.NumReturnSequences = max(o.NumReturnSequences, 1)
	s := &Search{options: o, processors: *processors, text: prompt, size: o.NumBeams / o.NumBeamGroups, length: len(prompt.IDs)}
	s.text.IDs = nil
	if o.Sampling != nil {
		s.drawer = newDrawer(*o.Sampling, s.fanOut())
	}
	for i := range o.NumBeams {
		score := unlikely
		if i%s.size == 0 {
			score = 0
		}
		s.scores = append(s.scores, score)
	}
	if o.NumBeamGroups > 1 {
		s.groups = newGroups(o.NumBeamGroups)
	} else {
		s.finished = newFinished(s.size)
	}
	return s, nil
}

// input are the arguments of a step: a text and its logits for each running text, or one of each for all of them.
type input struct {
	texts  [][]int
	logits [][]float32
}

func (in input) text(i int) []int { return in.texts[in.row(i)] }

// row is where the logits of running text i are.
func (in input) row(i int) int { return min(i, len(in.logits)-1) }

// Step continues the search by one token. texts are the running texts, prompt included; logits has one row
// [V] for each. In the first step all running texts are the prompt; one text with one row is enough then.
//
// Step returns the new running texts, as many as there are beams, without those of groups that have ended,
// and none once the search is over. The texts of the next step must be in this order; [Continue] makes them.
// The next step overwrites the returned slice, which must not be changed. Step does not change or keep texts
// and logits.
//
// Step returns an error, and leaves the search as it was, if
//
//   - the number of texts or rows is wrong, or texts are not those that the last step returned (lengths and
//     last tokens are compared);
//   - rows differ in length from each other or from earlier steps;
//   - a row has a NaN, a +Inf, or nothing above −Inf;
//   - V is less than 2, or less than the number of end tokens plus 1;
//   - the processors leave no token while no text has been found.
func (s *Search) Step(texts [][]int, logits [][]float32) ([]Successor, error) {
	if s.done {
		return nil, nil
	}
	in := input{texts, logits}
	if err := s.check(in); err != nil {
		return nil, err
	}
	s.candidates, s.taken = s.candidates[:0], s.taken[:0]
	var err error
	if s.groups != nil {
		err = s.stepGroups(in)
	} else {
		err = s.step(in)
	}
	if err != nil {
		return nil, err
	}
	s.vocab = len(logits[0])
	if s.done {
		return nil, nil
	}
	if len(logits) == 1 {
		for i := range s.successors {
			s.successors[i].Parent = 0
		}
	}
	return s.successors, nil
}

// Continue returns the texts after a step, in new memory: for each successor, a copy of its parent in texts
// with the new token. Programs that keep nothing but tokens can use it to follow a search.
func Continue(texts [][]int, successors []Successor) [][]int {
	next := make([][]int, len(successors))
	for i, c := range successors {
		next[i] = append(slices.Clip(texts[c.Parent]), c.ID)
	}
	return next
}

// check checks the arguments of a step.
func (s *Search) check(in input) error {
	running := len(s.scores)
	if n := len(in.logits); n != running && !(s.first() && n == 1) {
		return fmt.Errorf("beam: logits has %d rows for %d running texts", n, running)
	}
	if err := s.checkTexts(in.texts, len(in.logits)); err != nil {
		return err
	}
	vocab := s.vocab
	if vocab == 0 {
		vocab = len(in.logits[0])
	}
	for i, row := range in.logits {
		if len(row) != vocab {
			return fmt.Errorf("beam: logits[%d] has %d logits, others %d; there must be one for each token of the vocabulary", i, len(row), vocab)
		}
	}
	if need := s.fanOut(); vocab < need {
		return fmt.Errorf("beam: %d logits; a beam search with %d end tokens needs %d or more", vocab, len(s.text.EOS), need)
	}
	if most := math.MaxInt32 / running; vocab > most {
		return fmt.Errorf("beam: %d logits; with %d running texts at most %d are supported", vocab, running, most)
	}
	return nil
}

// first reports whether no step has been taken.
func (s *Search) first() bool { return s.length == s.text.PromptLen }

// checkTexts compares texts with the last step.
func (s *Search) checkTexts(texts [][]int, want int) error {
	if len(texts) != want {
		return fmt.Errorf("beam: texts has %d texts for %d rows of logits", len(texts), want)
	}
	for i, text := range texts {
		if len(text) != s.length {
			return fmt.Errorf("beam: texts[%d] has %d tokens; the running texts have %d", i, len(text), s.length)
		}
		if last := text[s.length-1]; !s.first() && last != s.successors[i].ID {
			return fmt.Errorf("beam: texts[%d] ends with token %d; the last step continued it with token %d", i, last, s.successors[i].ID)
		}
	}
	return nil
}

// fanOut is how many continuations the search looks at for each beam: enough that one of them goes on if all end
// tokens are among them.
func (s *Search) fanOut() int { return max(2, 1+len(s.text.EOS)) }

// width is how many continuations the search looks at for a group.
func (s *Search) width() int { return s.fanOut() * s.size }

// step is a step of a search with one group.
func (s *Search) step(in input) error {
	if err := s.findCandidates(in, 0); err != nil {
		return err
	}
	if s.candidates[0].score == negInf { // the processors leave nothing to go on with
		if !slices.ContainsFunc(s.finished, func(f finished) bool { return f.ended }) {
			return errNoToken(s.length)
		}
		s.done = true
		return nil
	}
	s.keepFinished(in)
	s.clearNext()
	s.chooseRunning()
	s.advance()
	s.done = s.over()
	return nil
}

func errNoToken(length int) error {
	return fmt.Errorf("beam: no token can follow the running texts of %d tokens: the processors leave none", length)
}

// clearNext begins the running texts of the next step.
func (s *Search) clearNext() { s.successors, s.nextScores = s.successors[:0], s.nextScores[:0] }

// follow adds a running text to those of the next step.
func (s *Search) follow(c candidate, score float32) {
	s.nextScores = append(s.nextScores, score)
	s.successors = append(s.successors, Successor{c.parent, c.id})
}

// chooseRunning lets those candidates go on that do not end (_get_running_beams_for_next_iteration).
func (s *Search) chooseRunning() {
	s.order = s.order[:0]
	for i, c := range s.candidates {
		score := c.score
		if c.ends {
			score += unlikely
		}
		s.order = append(s.order, topk.Of(i, score))
	}
	slices.Sort(s.order)
	for _, r := range s.order[:s.size] {
		s.follow(s.candidates[r.ID()], r.Score())
	}
}

// advance makes the texts of the next step the running ones.
func (s *Search) advance() {
	s.scores, s.nextScores = s.nextScores, s.scores
	s.length++
}

// Done reports whether the search is over.
func (s *Search) Done() bool { return s.done }

// Best returns the best texts found, the best first: NumReturnSequences of them. The caller owns them.
//
// Before the search is over, running texts count too, with their present scores. Pass them as texts, as for
// the next [Search.Step]; nil leaves them out. Once the search is over, texts is ignored. Best panics if the
// number of texts or their length is wrong.
//
// There are fewer texts if the search has found fewer: before the first step, or where the processors leave
// no token. With a very small vocabulary, texts with scores around −1e9 may be among them, as in
// transformers.
func (s *Search) Best(texts [][]int) []Hypothesis {
	if s.done {
		texts = nil
	}
	if n := len(texts); texts != nil && n != len(s.scores) && !(s.first() && n == 1) {
		panic(fmt.Sprintf("beam: Best: texts has %d texts, %d are running", n, len(s.scores)))
	}
	for i, text := range texts {
		if len(text) != s.length {
			panic(fmt.Sprintf("beam: Best: texts[%d] has %d tokens, the running texts have %d", i, len(text), s.length))
		}
	}
	var best []Hypothesis
	if s.groups != nil {
		best = s.bestOfGroups(texts)
	} else {
		best = s.bestFinished(texts)
	}
	slices.SortStableFunc(best, func(x, y Hypothesis) int { return compareDown(x.Score, y.Score) })
	best = best[:min(s.options.NumReturnSequences, len(best))]
	for i := range best {
		best[i].IDs = slices.Clone(best[i].IDs)
	}
	return best
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

// power is what a summed log-probability is divided by for a text with this many generated tokens, 1 for the prompt.
func (s *Search) power(generated int) float64 {
	return math.Pow(float64(max(generated, 1)), s.options.LengthPenalty)
}

package beam

import (
	"fmt"
	"math"

	"github.com/seed2010d43f/transformer/sample"
)

// Options configure a search. Fields have the names of GenerationConfig in transformers. The defaults of
// transformers are NumBeamGroups 1, LengthPenalty 1 and NumReturnSequences 1.
type Options struct {
	// NumBeams is the number of beams, the texts that run side by side (num_beams). From 1 to 1024.
	NumBeams int

	// NumBeamGroups divides the beams into groups of equal size that avoid each other's tokens: diverse beam search
	// (num_beam_groups; Vijayakumar et al. 2016, arXiv:1610.02424). 0 and 1 are one group.
	NumBeamGroups int

	// DiversityPenalty is subtracted from the log-probability of a token for each beam of an earlier group that
	// chose the token in the same step (diversity_penalty). Finite, 0 or more. More than 0 needs NumBeamGroups of 2
	// or more.
	DiversityPenalty float64

	// LengthPenalty p makes the score of a text its summed log-probability divided by nᵖ (length_penalty). n is the
	// number of generated tokens, the end token included. 1 compares means and 0 compares sums; a larger p prefers
	// longer texts. Text.MaxLength to the power p must be from 1e-30 to 1e30.
	LengthPenalty float64

	// EarlyStopping says when the search ends before Text.MaxLength (early_stopping).
	EarlyStopping EarlyStopping

	// NumReturnSequences is the number of texts that Best returns (num_return_sequences). From 1 to NumBeams; 0 is 1.
	NumReturnSequences int

	// PAD is the token that a group which has ended contributes to DiversityPenalty for the groups after it, as in
	// transformers (pad_token_id). A checkpoint without one uses the first of its EOS. PAD is never part of a text.
	PAD int

	// Sampling, if not nil, draws continuations without replacement instead of taking the best: stochastic beam
	// search (do_sample with num_beams; Kool et al. 2019, arXiv:1903.06059). Temperature must be above 0. The filters
	// from TopH to EtaCutoff see the tokens of each beam; they leave at least 2 tokens, and at least one more than
	// Text.EOS has. Random numbers come from Seed. It needs one group.
	Sampling *sample.Config
}

// EarlyStopping says when a search ends before Text.MaxLength. In every case it first needs as many finished texts as
// there are beams, or beams in a group.
type EarlyStopping int

const (
	// StopHeuristic ends the search when the best running text, at its present length, scores no better than the
	// worst finished text: early_stopping=False.
	StopHeuristic EarlyStopping = iota
	// StopAtOnce ends the search as soon as there are enough finished texts: early_stopping=True.
	StopAtOnce
	// StopNever ends the search when no running text can still score better, however long it becomes:
	// early_stopping="never".
	StopNever
)

// Bounds of what options can make a search allocate.
const maxBeams, maxEnds = 1024, 256

// Validate returns an error for the first field that is out of range, with its value and its range, or that
// does not fit the prompt: Text.MaxLength must be longer than the prompt. [New] calls it.
func (o *Options) Validate(prompt sample.Text) error {
	switch {
	case o.NumBeams < 1 || o.NumBeams > maxBeams:
		return fmt.Errorf("beam: Options.NumBeams is %d; it must be from 1 to %d", o.NumBeams, maxBeams)
	case o.NumBeamGroups < 0 || o.NumBeamGroups > o.NumBeams || o.NumBeamGroups > 0 && o.NumBeams%o.NumBeamGroups != 0:
		return fmt.Errorf("beam: Options.NumBeamGroups is %d with %d beams; it must divide them", o.NumBeamGroups, o.NumBeams)
	case !(o.DiversityPenalty >= 0 && o.DiversityPenalty <= math.MaxFloat64):
		return fmt.Errorf("beam: Options.DiversityPenalty is %v; it must be finite and 0 (off) or more", o.DiversityPenalty)
	case o.DiversityPenalty > 0 && o.NumBeamGroups < 2:
		return fmt.Errorf("beam: Options.DiversityPenalty is %v with one group; it needs NumBeamGroups of 2 or more", o.DiversityPenalty)
	case o.EarlyStopping < StopHeuristic || o.EarlyStopping > StopNever:
		return fmt.Errorf("beam: Options.EarlyStopping is %d; it must be StopHeuristic, StopAtOnce or StopNever", o.EarlyStopping)
	case o.NumReturnSequences < 0 || o.NumReturnSequences > o.NumBeams:
		return fmt.Errorf("beam: Options.NumReturnSequences is %d with %d beams; it must be from 1 to their number (0 is 1)", o.NumReturnSequences, o.NumBeams)
	case o.PAD < 0:
		return fmt.Errorf("beam: Options.PAD is %d; ids start at 0", o.PAD)
	}
	if err := o.validateSampling(); err != nil {
		return err
	}
	if n := len(prompt.EOS); n > maxEnds {
		return fmt.Errorf("beam: Text.EOS has %d tokens; a beam search supports at most %d", n, maxEnds)
	}
	most := prompt.MaxLength
	if n := len(prompt.IDs); n < 1 || most <= n {
		return fmt.Errorf("beam: Text.MaxLength is %d with a prompt of %d tokens; there must be one or more, and room for another", most, n)
	}
	if p := math.Pow(float64(most), o.LengthPenalty); !(p >= 1e-30 && p <= 1e30) {
		return fmt.Errorf("beam: Options.LengthPenalty is %v; MaxLength, %d, to this power is %v and must be from 1e-30 to 1e30", o.LengthPenalty, most, p)
	}
	return nil
}

func (o *Options) validateSampling() error {
	if o.Sampling == nil {
		return nil
	}
	if o.NumBeamGroups > 1 {
		return fmt.Errorf("beam: Options.Sampling is set with %d groups; it needs one", o.NumBeamGroups)
	}
	if err := o.Sampling.Validate(); err != nil {
		return fmt.Errorf("beam: Options.Sampling: %w", err)
	}
	if o.Sampling.Temperature == 0 {
		return fmt.Errorf("beam: Options.Sampling.Temperature is 0; it must be above 0")
	}
	return nil
}

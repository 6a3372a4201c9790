// Package beam is beam search: it follows several texts side by side, to find the continuation of a prompt that is most
// probable as a whole.
//
// A [Search] knows no model and keeps no running text. The caller keeps the texts, and the model's caches of them.
// Each [Search.Step] takes the texts and one row of logits for each. It returns, for each new running text, which text
// it continues and with which token:
//
//	prompt := sample.Text{IDs: ids, PromptLen: len(ids), EOS: []int{2}, MaxLength: 64}
//	s, err := beam.New(beam.Options{NumBeams: 4, LengthPenalty: 1}, processors, prompt)
//	texts := [][]int{ids}
//	for !s.Done() {
//		logits := …                           // [len(texts)][V], from the model
//		next, err := s.Step(texts, logits)    // the cache of text next[i].Parent goes on as that of text i
//		texts = beam.Continue(texts, next)
//	}
//	best := s.Best(nil)[0]
//
// Session.BeamSearch of package model is such a loop over forks of a session.
//
// # Kinds of search
//
//   - Plain: with [Options].NumBeams alone, the best continuations of all texts go on.
//   - Diverse: with NumBeamGroups and DiversityPenalty, groups of beams avoid the tokens that other groups choose.
//   - Stochastic: with Sampling, continuations are drawn without replacement instead of taking the best.
//
// A text is finished when it ends with a token of [sample.Text].EOS. The plain and the stochastic search also finish
// texts that reach MaxLength. LengthPenalty compares finished texts of different lengths, and [EarlyStopping] says when
// there are enough of them.
//
// # Order of a step
//
//  1. Logits become log-probabilities by log-softmax.
//  2. [sample.LogitsProcessors] change them: SequenceBias first, then DiversityPenalty, then the others in their order.
//  3. With RenormalizeLogits they become log-probabilities again.
//  4. With Sampling they are divided by the temperature, and filters remove tokens.
//  5. The score of each text is added. The best sums are the candidates, or with Sampling those drawn.
//
// # Numbers
//
// A search computes in float32, as transformers does. The exponential function and its sum are those of the machine's
// vector units, which differ by rounding from those of another instruction set. Stochastic search draws with the
// numbers of package sample.
//
// # Cost
//
// A step reads each row of logits about twice. It sorts only the few best candidates. After the first steps it
// allocates nothing, except for finished texts in a diverse search.
package beam

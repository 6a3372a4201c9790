// Package logits computes on the scores of a vocabulary: one float32 for each token, its logit or log-probability.
//
// A [Filter] turns scores into the [Distribution] that a token is drawn from. [Largest] finds the best token. [EachID],
// [EachCount], [Set] and [KeepOnly] are what processors of logits are made of: they take token ids in any order, with
// repetitions, and pass over ids beyond the vocabulary. None of them allocates once a Filter has its memory.
package logits

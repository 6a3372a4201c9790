// Package logits computes on the scores of a vocabulary: one float32 for each token, its logit or
// log-probability.
//
// A [Filter] turns scores into the [Distribution] that a token is drawn from. [Largest] finds the best token.
// [EachID], [EachCount], [Set] and [KeepOnly] are building blocks for processors of logits. They take token
// ids in any order, with repetitions, and skip ids beyond the vocabulary. None of them allocates after the
// first use of a Filter.
package logits

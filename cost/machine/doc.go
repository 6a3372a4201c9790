// Package machine measures what this machine can do, and predicts from it how long a model takes.
//
//	m, err := cost.New(config, model.Options{})
//	limits := machine.Measure(m)      // some seconds
//	limits.Prompt(m, 512).Total()     // time to read 512 tokens
//	limits.Token(m, 512).Total()      // time to write one more
//
// Limits are curves and not one peak, because the speed of a product depends on its number of rows: a single
// row is bound by the bandwidth of memory, hundreds of rows by the arithmetic. Four things are timed, with the
// same functions that models call, on as many threads as GOMAXPROCS allows:
//
//   - products with weights that come from memory, by number of rows, for each type of weights that the model
//     has;
//   - products of groups of rows by experts, by rows of an expert;
//   - attention of 512 queries by number of keys, and of one query;
//   - norms and sums, and activation functions.
//
// A prediction adds up the times of a model's parts, which [cost.Model.Work] lists. It knows nothing of other
// programs that use the processor at the time: measure and compare on a quiet machine.
package machine

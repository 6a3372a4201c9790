// Package sample turns the logits of a model into the next token: one float32 for each token of the vocabulary goes in,
// one token id comes out. It knows no model and imports nothing of this module but internal packages.
//
// Two types share the work:
//
//   - [LogitsProcessors] change logits as functions of the text so far: biases, penalties for repetition, n-grams and
//     words that may not occur, tokens that a text must begin or end with, minimum lengths, grammars.
//   - A [Sampler] draws a token from logits: temperature, top-k, top-p, min-p, typical-p, or the largest logit.
//
// A loop uses both, and either alone:
//
//	p := sample.LogitsProcessors{RepetitionPenalty: 1.1}
//	s, err := sample.New(sample.Config{Temperature: 0.7, TopP: 0.9, Seed: 1})
//	text := sample.Text{IDs: ids, PromptLen: len(ids)}
//	for {
//		logits := …                 // [V], from the model
//		p.Apply(logits, text)       // in place
//		id, err := s.Next(logits)
//		text.IDs = append(text.IDs, id)
//	}
//
// Session.Generate of package model is such a loop. Package [github.com/seed2010d43f/transformer/sample/beam] follows
// several texts at once; it takes the same processors.
//
// # Order
//
// The order is that of generate in Hugging Face transformers (generation/utils.py, _get_logits_processor). Each step
// sees what the step before it leaves:
//
//  1. The fields of LogitsProcessors, from the first to the last. PresencePenalty and FrequencyPenalty, which
//     transformers does not have, come after RepetitionPenalty, because that depends on the sign of the logit, which a
//     subtraction can change. OpenAI defines them on logits, so they come before the temperature.
//  2. Temperature divides. At temperature 0 the largest logit is taken, and the steps that follow do not matter.
//  3. TopH, TopK, TopP, MinP, TypicalP, EpsilonCutoff and EtaCutoff remove tokens, in this order. Each looks at the
//     probabilities of the tokens that are left.
//  4. One token is drawn from the rest, with one random number.
//
// Tokens with equal logits rank by id, the lowest first. So TopK keeps exactly k tokens. Transformers also keeps those
// that tie with the last.
//
// # Numbers
//
// LogitsProcessors compute in float32, as transformers does. A Sampler uses exponentials with a relative error of
// 2e-11, and adds them in float64 in an order that depends only on the number of logits. The exponential function is
// the package's own, and no product is fused with a sum. So the same configuration, seed and logits give the same
// tokens on every platform and with every version of Go.
//
// A logit of −Inf rules a token out. Tokens with +Inf share the whole probability evenly, which is the limit for logits
// that grow. A NaN is an error, and so are logits that leave no token to choose.
//
// # Cost
//
// A Sampler reads the logits a few times and sorts only the few candidates at a border. A processor takes time that
// grows with the text if it looks at all tokens. After the first call neither allocates anything.
package sample

// Package sample turns a model's logits into the next token: one float32 per
// vocabulary entry goes in, one token id comes out, or with [Beams] several.
//
// A [Config] says how; [New] checks it and makes a [Sampler], which holds the
// state of one sequence:
//
//	s, err := sample.New(sample.Config{Temperature: 0.7, TopP: 0.9, Seed: 1})
//	err = s.Prompt(prompt...)           // only penalties look at it
//	for {
//		logits := …                 // [V], from the model
//		id, err := s.Next(logits)
//		err = s.Accept(id)          // the token is now part of the text
//	}
//
// [Rules] come before that: constraints on the next token as functions of the
// text so far, such as words it must not have, n-grams it must not repeat, a
// least length, or tokens it must begin or end with. [Rules.Apply] changes logits
// in place, which [Sampler.Next] then takes.
//
// [Beams] follow several texts at once, for the continuation of a prompt that is
// most probable as a whole: one row of logits for each running text goes in, and
// for each new running text comes out which one it continues, and with what
// token.
//
//	b, err := sample.NewBeams(sample.BeamConfig{Beams: 4, LengthPenalty: 1, Rules: rules}, prompt)
//	for !b.Done() {
//		logits := …                 // [len(b.Texts())][V]
//		next, err := b.Step(logits) // the caches of next[i].Parent go with text i
//	}
//	best := b.Best()[0]
//
// # Order
//
// The steps of a Sampler follow each other as in generate of Hugging Face
// transformers (generation/utils.py, _get_logits_processor), and each sees what
// the step before it left:
//
//  1. Bias is added.
//  2. RepetitionPenalty divides positive and multiplies negative logits of the
//     tokens in the prompt and in the text generated so far.
//  3. FrequencyPenalty and PresencePenalty are subtracted for the tokens
//     generated so far. The reference has neither. OpenAI, who defined them,
//     take them from the logits, so they come before the temperature; they
//     come after the repetition penalty since that one depends on the sign of
//     the logit, which a subtraction could turn.
//  4. Temperature divides; 0 takes the largest logit, and what follows is moot.
//  5. TopK, TopP, MinP and TypicalP remove tokens, in that order. The
//     probabilities a filter looks at are those of the tokens still there.
//  6. One token is drawn from what remains, with one random number.
//
// Tokens with equal logits rank by id, the lowest first. So TopK keeps k
// tokens and not more, where the reference keeps all that tie with the last.
//
// # Numbers
//
// A Sampler's weights are exponentials accurate to 2e-11, accumulated in float64
// in an order that depends on nothing but the number of logits. The exponential
// is the package's own and no product is fused with a sum, so the same
// configuration, seed and logits give the same tokens on every platform and with
// every version of Go.
//
// Beams count in float32 as the reference does. Their exponential and its sum
// are those of the machine's vector units, which differ by rounding.
//
// A logit of −Inf rules a token out. Tokens with +Inf, if any, share the whole
// probability evenly, which is the limit for ever larger logits. A NaN is an
// error, and so are logits that leave no token to choose.
//
// # Cost
//
// Every call reads the logits a few times and sorts nothing but the few
// candidates at a border. After the first call nothing is allocated, but for the
// texts that Beams keep. The logits are never modified, except by Rules.Apply.
package sample

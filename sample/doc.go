// Package sample turns a model's logits into the next token: one float32 per
// vocabulary entry goes in, one token id comes out.
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
// # Order
//
// The steps follow each other as in generate of Hugging Face transformers
// (generation/utils.py, _get_logits_processor), and each sees what the step
// before it left:
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
// Weights are exponentials accurate to 2e-11, accumulated in float64 in an order
// that depends on nothing but the number of logits. The exponential is the
// package's own and no product is fused with a sum, so the same configuration,
// seed and logits give the same tokens on every platform and with every
// version of Go.
//
// A logit of −Inf rules a token out. Tokens with +Inf, if any, share the whole
// probability evenly, which is the limit for ever larger logits. A NaN is an
// error, and so are logits that leave no token to choose.
//
// # Cost
//
// Every call reads the logits a few times and sorts nothing but the few
// candidates at a border. After the first call nothing is allocated.
// The logits are never modified.
package sample

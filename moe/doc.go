// Package moe builds mixtures of experts: feed-forward networks of which each token uses a few (Shazeer et
// al., "Outrageously Large Neural Networks", 2017). A model then holds the weights of all experts, but computes
// with those of the chosen ones.
//
// A [Router] scores the experts for each token and chooses some. [TopK] is the router of nearly all models.
// They differ in the order of five steps, and each difference changes every answer:
//
//	logits  = Gate(x)                       // [T, Experts]
//	scores  = Score(logits)                 // softmax, sigmoid or the logits themselves
//	chosen  = the Active best of scores + Bias, among the best Groups
//	weights = Weight(scores of the chosen)  // as they are, or their softmax or sigmoid
//	weights = weights / Σ weights · Scale   // if Renormalise
//
//	             Score     Bias  Groups  Weight    Renormalise  Scale
//	Mixtral      Softmax   –     –       Identity  yes          1
//	Qwen 3       Softmax   –     –       Identity  yes          1
//	OLMoE        Softmax   –     –       Identity  no           1
//	Granite      Identity  –     –       Softmax   no           1
//	gpt-oss      Identity  –     –       Softmax   no           1
//	DeepSeek V2  Softmax   –     best    Identity  no           16
//	DeepSeek V3  Sigmoid   yes   top 2   Identity  yes          2.5
//	LLaMA 4      Identity  –     –       Sigmoid   no           1
//
// [SparseMixer] is the router of Phi-3.5-MoE. Anything with the methods of Router is one, too.
//
// A [Layer] is an [attention.Op]: it stands in a block where a dense model has its MLP. It sorts the rows by
// expert, multiplies each expert's rows together, and adds the results of each token in the order of choice. The
// bits of a token do not depend on the other tokens.
//
// [Record] keeps what the routers of a model choose. [Load], [Entropy], [BalanceLoss] and [ZLoss] measure it.
package moe

// Package cost says what a model costs from its config alone: parameters, operations, memory. It reads no
// weights, so a model of any size takes milliseconds.
//
//	m, err := cost.Open(os.DirFS("Mixtral-8x7B-v0.1"), model.Options{}) // a folder with config.json
//	m.Parameters                 // 46,702,792,704 are stored
//	m.Active                     // 12,879,925,248 of them work for each token
//	m.Prompt(4096).Total()       // floating-point operations to read 4096 tokens
//	m.Token(4096).Total()        // and to write one more
//	m.Weights(cost.BF16)         // bytes of a checkpoint
//	m.Memory()                   // bytes once it is loaded here
//	m.Cache(4096, cost.F16)      // bytes of keys and values
//
// [Preset] has configs of well-known models, with what their publishers say of them. Package machine, below this
// one, measures the machine and predicts times.
//
// # How it counts
//
// The recipe of the model's family, the one that opens its checkpoints, runs on a [checkpoint.Shapes]: tensors
// with names and shapes and no data. The tensors that it asks for are the parameters; the Ops that it connects
// say in [attention.Traits] what they compute. So there is one reader of configs, and families and Ops from
// outside of the library count, too.
//
// # What is counted
//
//   - Parameters are those of the reference (transformers) for the same config, to the last one, and the buffers
//     that it stores. Tied tables count once. Layers that only predict further tokens do not count.
//   - Active parameters are all but those of experts that a token does not go through. [Model.Active] has the
//     whole input table, of which a token reads one row, and [Model.ActiveWithoutInput] has none of it. Publishers
//     differ: Mixtral's 12.9B is the first, DeepSeek V3's 36.6B and gpt-oss's 3.6B are the second.
//   - A multiply-add is two operations. A token at position n looks at n+1 keys, or at those in its window or
//     chunk. Products by weights grow with the length of a text, attention with its square.
//   - Latent attention (MLA) has two forms, as here: short spans attend to latents, and prompts to keys and
//     values that are made from them.
//   - Keys and values count once where layers share them; windows and chunks keep what they see; latent attention
//     keeps one row a token for all heads.
package cost

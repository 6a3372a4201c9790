// Package llamacpp reads models in GGUF files as llama.cpp writes them. [Open] gives what a Hugging Face folder has: a
// config.json, the special tokens and settings of generation, the chat template, and the weights under the names that
// the recipes of package family ask for.
//
// What llama.cpp's converter changed is undone, and blocks of few bits stay what they are:
//
//   - Rows of queries and keys that it put in another order for its rotation are put back (LLaMA, Mistral, Mixtral,
//     Granite, SmolLM3). Whole rows move, as they are stored.
//   - Stacked experts are shown one by one, and fused queries, keys and values apart, without a copy.
//   - GPT-2's matrices lie the other way round than in Hugging Face's files: as NAME.weight.T, which Conv1D of nn.Loader reads.
//   - DeepSeek's kv_b_proj stays apart, as k_b_proj, transposed for each head, and v_b_proj, which StackedHeads reads.
//   - 1 is taken from the norms of Gemma, in float32.
//   - Tensors with a scale beside them (NVFP4) are multiplied by it, in float32.
//   - Factors of rotation, which are tensors of the file, become numbers of the config.
//
// A file does not say everything that Hugging Face's config says. Where llama.cpp knows the rest by the architecture's
// name, so does this package; what llama.cpp cannot say is taken from the published models. GPT-NeoX's rotation has base
// 10000, Mistral has no window and StarCoder 2 has one of 4096, gpt-oss does not round YaRN's bounds, activations are the
// family's. Positions of RoBERTa count from 0, since the rows before are not stored; nor are BERT's pooler and the heads over
// the vocabulary of encoders. A model that was trained with something else cannot be told from its file.
//
// An architecture, a scaling of the rotation, or a key of another type that this package does not know is an error that
// names it, and so is a key that changes the numbers and that the architecture does not read.
package llamacpp

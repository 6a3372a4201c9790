// Package benchmarks measures the library beside the limits of the machine. Everything is in its tests; there
// is nothing to import.
//
//	go test ./benchmarks -run '^$' -bench . -cpu 1,2 -timeout 2h
//
// -cpu sets the number of threads (GOMAXPROCS). -short skips what needs gigabytes.
//
// # What is measured
//
//   - BenchmarkMatMul: products of activations and weights, from one row to 1024.
//   - BenchmarkScaledDotProduct: attention alone. Its time grows as the square of the length. B/op is the
//     memory that it needs beside its arguments.
//   - BenchmarkCachedAttention and BenchmarkCachedPrompt: caches of keys and values in 32, 16 and 8 bits, beside those in
//     32, by turns.
//   - BenchmarkLatentDecode: one token's attention to latents, and to the keys and values of as many heads.
//     BenchmarkLatentForms: the two forms of latent attention, against the number of new tokens.
//   - BenchmarkDecode: one token at a time. BenchmarkPrompt: 512 tokens at once. The models have the shape of
//     LLaMA 3.2 1B, with random weights, wide and in few bits, and of SmolLM2 135M, with its real weights if they are
//     there.
//   - BenchmarkMoE: one layer of experts of the shapes of Mixtral, Qwen3-30B-A3B and DeepSeek V3 (64 of its 256
//     experts), for one token and for prompts.
//   - BenchmarkMoEModel: small whole models of the widths of Mixtral and Qwen3-30B-A3B. rival_moe.py times
//     llama.cpp on the same.
//   - BenchmarkEmbed: encoders of the shapes of MiniLM-L6 and BERT base, for batches of equal and of mixed
//     lengths, without padding.
//   - BenchmarkEncoderDecoder: reads a source of 512 tokens and writes a target of 64, greedily and with four
//     beams. The models have the shapes of T5-small and BART-base, with random weights.
//   - BenchmarkCaption: a caption of 20 tokens of a picture of 384×384 pixels by a BLIP base, its tower and its decoding
//     apart, with random weights. rivals.py captions is the same.
//   - BenchmarkTokenize and BenchmarkTokenizeLines: a megabyte of English, as a whole and line by line.
//   - BenchmarkVision: a JPEG of 12 megapixels decoded, resized, and processed for CLIP. rival_vision.py times Pillow.
//   - BenchmarkSample: choosing a token from 128256 logits.
//   - BenchmarkCost: the time of prompts and tokens as package cost/machine predicts it from limits that it has just
//     measured, beside the time that they take. The ratio is the median of five turns; with -v each turn is shown.
//   - BenchmarkOpen: from a file to a model that can compute.
//
// TestPeakMemory and TestDecodeAllocatesNothing check what does not vary: opening a checkpoint takes little
// more memory than its weights, and a token allocates nothing.
//
// Program bigmoe, in a folder of its own, writes a mixture of experts that is larger than memory and runs it with its
// experts mapped:
//
//	go run ./benchmarks/bigmoe -write DIR
//	go run ./benchmarks/bigmoe -run DIR
//
// # Files
//
// TRANSFORMER_REAL names a folder with GGUF files, each of which is timed, and the Hugging Face checkpoints
// smollm2-135m-instruct and gemma-3-270m, each a folder with config.json, model.safetensors and tokenizer.json. TRANSFORMER_FIXTURES names a folder
// with text/tinyshakespeare.txt and tokenizers/gpt2, which has vocab.json and merges.txt. Without these
// folders, random weights replace real ones where that makes no difference, and the name ends in -random; the
// other benchmarks are skipped.
//
// # How to read the figures
//
// Seconds depend on the machine as much as on the program. So the limits of the machine are measured in the
// same process, just before and after each fifth of a second of work, on as many threads. Results are shares
// of these limits:
//
//   - %peak: floating-point operations per second, as a share of what multiply-adds in registers reach with
//     the same vector instructions. A multiply-add counts as two operations; causal attention counts as half
//     of full attention.
//   - %bandwidth: bytes of weights (in attention, of keys and values) per second, each read once, as a share
//     of what reading a buffer larger than all caches reaches. A tied head counts once; the row of the
//     embedding does not count.
//   - %gemm, for prompts: the time of the model's matrix products alone, with the same weights and rows, as a
//     share of the whole time. In BenchmarkLatentDecode it is the speed, as a share of that of a float32
//     product with 128 rows.
//   - %dense, for prompts of experts: the time of dense networks of an expert's size with the rows of each
//     expert, one after the other, as a share of the whole time. Their weights come from memory, too.
//   - %experts: the time of the experts alone, without routing, sorting and adding, as a share of the whole time.
//
// Shares are medians. On a busy machine they are steadier than ns/op, but other programs that come and go
// within a fifth of a second can push a share above 100 or far below its usual value. GFLOP/s, GB/s and tok/s
// (tokens per second) express ns/op in other units. Tokenizing, sampling and opening have no such limit and
// report their speed only.
//
// # Other systems
//
// rivals.py measures the same work, under the same names, with PyTorch, ONNX Runtime, CTranslate2, tiktoken
// and Hugging Face tokenizers. Its head lists versions and how to install them. ONNX Runtime runs encoders in
// float32 and in 8 bits; rivals.py same-hidden first checks that they compute what the encoders of
// transformers compute. Run the systems in turns, so that all see the same machine.
//
//	go test -c -o bench ./benchmarks
//	for i in 1 2 3 4 5 6; do
//		./bench -test.run '^$' -test.bench 'MatMul|ScaledDot|Embed' -test.cpu 1,2 >> ours.txt
//		python benchmarks/rivals.py torch --threads 1,2 >> torch.txt
//		python benchmarks/rivals.py onnxruntime --threads 1,2 >> onnxruntime.txt
//	done
//	benchstat ours.txt torch.txt onnxruntime.txt
//
// For llama.cpp, use its llama-bench, built for the machine (cmake with GGML_NATIVE on, target llama-bench).
// It reads GGUF files; convert_hf_to_gguf.py, which comes with llama.cpp, makes them from a checkpoint, with
// --outtype f32, f16 or bf16. These flags measure the same as BenchmarkPrompt and BenchmarkDecode:
//
//	llama-bench -m model-bf16.gguf -t 1,2 -p 512 -n 128 -r 5 -ngl 0
//
// -t is the threads, -p the tokens of a prompt, -n the tokens generated one at a time from an empty cache,
// and -r the number of runs. Compare its rows pp512 and tg128, in tokens per second, with our tok/s for the
// same weights: both generate at positions 0 to 127. Its caches are f16 unless -ctk f32 -ctv f32 asks for
// f32, as here; at these lengths that matters little.
package benchmarks

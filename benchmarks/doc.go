// Package benchmarks measures the library beside the limits of the machine it runs on. It has no code of
// its own to import; everything is in its tests.
//
//	go test ./benchmarks -run '^$' -bench . -cpu 1,2 -timeout 2h
//
// Threads are GOMAXPROCS, which -cpu sets. -short leaves out what needs gigabytes.
//
// # What is measured
//
//   - BenchmarkMatMul: products of activations and weights, from one row to 1024.
//   - BenchmarkScaledDotProduct: the core of attention, whose time grows as the square of the length;
//     what memory it needs beside its arguments shows as B/op.
//   - BenchmarkDecode: one token at a time. BenchmarkPrompt: 512 tokens at once. The models are of the
//     shape of LLaMA 3.2 1B, with random weights, and SmolLM2 135M, the real one if it is at hand.
//   - BenchmarkEmbed: encoders of the shapes of MiniLM-L6 and BERT base, for batches of equal and of mixed
//     lengths, without padding.
//   - BenchmarkEncoderDecoder: a source of 512 tokens read, and a target of 64 written, greedily and with
//     four beams. The models are of the shapes of T5-small and BART-base, with random weights.
//   - BenchmarkTokenize and BenchmarkTokenizeLines: a megabyte of English, as a whole and line by line.
//   - BenchmarkSample: choosing a token from 128256 logits.
//   - BenchmarkOpen: from a file to a model that can compute.
//
// TestPeakMemory and TestDecodeAllocatesNothing hold what does not depend on the day: opening a
// checkpoint takes little more memory than its weights, and a token allocates nothing.
//
// # Files
//
// TRANSFORMER_REAL names a folder with the Hugging Face checkpoints smollm2-135m-instruct and
// gemma-3-270m, each a folder with config.json, model.safetensors and tokenizer.json.
// TRANSFORMER_FIXTURES names one with text/tinyshakespeare.txt and tokenizers/gpt2, which has vocab.json
// and merges.txt. What needs them is skipped without them; where random weights serve as well they take
// the place of real ones, and the name ends in -random.
//
// # How to read the figures
//
// Seconds say as much of the machine as of the program. So the machine's limits are measured in the same
// process, just before and after each fifth of a second of work, on as many threads, and results are
// shares of them:
//
//   - %peak: floating-point operations, of those that multiply-adds of registers reach in the same
//     vector instructions. A multiply-add counts as two, causal attention as half of full attention.
//   - %bandwidth: bytes of weights (of keys and values in attention), each read once, of those that reading
//     a buffer that no cache holds reaches. A tied head counts once, the row of the embedding not.
//   - %gemm, of a prompt: the time of the model's matrix products alone, with the same weights and
//     rows, of the time of everything.
//
// They are medians, and hold on a busy machine what ns/op does not; but other programs that come and go
// within a fifth of a second can take a share beyond 100, or well below what a quiet machine shows.
// GFLOP/s, GB/s and tok/s (tokens a second) are what ns/op says, in other words. Tokenizing, sampling
// and opening have no such limit, and give their speed only.
//
// # Other systems
//
// rivals.py prints figures of PyTorch, ONNX Runtime, CTranslate2, tiktoken and Hugging Face tokenizers for the same
// work under the same names. Its top says which versions, and how to install them. ONNX Runtime runs encoders in float32
// and in 8 bits; rivals.py same-hidden checks first that they are the encoders of transformers. Run systems by turns:
// then all see the same machine.
//
//	go test -c -o bench ./benchmarks
//	for i in 1 2 3 4 5 6; do
//		./bench -test.run '^$' -test.bench 'MatMul|ScaledDot|Embed' -test.cpu 1,2 >> ours.txt
//		python benchmarks/rivals.py torch --threads 1,2 >> torch.txt
//		python benchmarks/rivals.py onnxruntime --threads 1,2 >> onnxruntime.txt
//	done
//	benchstat ours.txt torch.txt onnxruntime.txt
//
// For llama.cpp, take its llama-bench, built for the machine (cmake with GGML_NATIVE on; the target is
// llama-bench). It wants GGUF files: convert_hf_to_gguf.py, which comes with it, makes them of a
// checkpoint, with --outtype f32, f16 or bf16. The flags that measure what BenchmarkPrompt and
// BenchmarkDecode do are
//
//	llama-bench -m model-bf16.gguf -t 1,2 -p 512 -n 128 -r 5 -ngl 0
//
// where -t is the threads, -p the tokens of a prompt, -n those decoded one at a time from an empty cache,
// and -r how often. Its rows pp512 and tg128 are tokens a second, to be compared with our tok/s of
// the same weights: both decode at positions 0 to 127. Caches are f16 there unless -ctk f32 -ctv f32
// asks for f32, as ours are here; it matters little at these lengths.
package benchmarks

"""The figures of llama.cpp for the small models with experts of BenchmarkMoEModel, in the form that `go test -bench`
prints and benchstat reads.

    pip download --no-deps --no-binary :all: llama-cpp-python==0.3.36     # llama.cpp is in its vendor/llama.cpp
    cmake -B build -DGGML_NATIVE=ON -DLLAMA_CURL=OFF && cmake --build build --target llama-bench
    pip install gguf==0.19.0 numpy==2.4.6
    python rival_moe.py --bench build/bin/llama-bench --models models --threads 1,2 --times 5

The models have the widths of the published ones and few layers, and random weights in BF16. Their files take 3 to 8 GB
each and are made when they are first needed. They have no vocabulary: llama-bench needs none.
"""

import argparse
import json
import pathlib
import subprocess

import gguf
import numpy

BF16 = gguf.GGMLQuantizationType.BF16

# name: architecture, layers, dim, heads, key/value heads, head, hidden, experts, active, vocabulary, base of the rotation
SHAPES = {
    "mixtral": ("llama", 1, 4096, 32, 8, 128, 14336, 8, 2, 4096, 1e6),
    "qwen3-30b": ("qwen3moe", 4, 2048, 32, 4, 128, 768, 128, 8, 4096, 1e6),
}


class Weights:
    """Random weights: pieces of one long row, so that files are made quickly."""

    def __init__(self, seed: int):
        values = numpy.random.default_rng(seed).standard_normal(1 << 24, dtype=numpy.float32) * 0.02
        self.row = (values.view(numpy.uint32) >> 16).astype(numpy.uint16)

    def bf16(self, *shape: int) -> numpy.ndarray:
        n = int(numpy.prod(shape))
        return numpy.resize(self.row, n).reshape(shape).view(numpy.uint8)


def write(path: pathlib.Path, name: str):
    arch, layers, dim, heads, kv_heads, head, hidden, experts, active, vocab, base = SHAPES[name]
    w, f = Weights(1), gguf.GGUFWriter(path, arch)
    f.add_block_count(layers)
    f.add_context_length(8192)
    f.add_embedding_length(dim)
    f.add_feed_forward_length(hidden)
    f.add_expert_feed_forward_length(hidden)
    f.add_head_count(heads)
    f.add_head_count_kv(kv_heads)
    f.add_key_length(head)
    f.add_value_length(head)
    f.add_rope_dimension_count(head)
    f.add_rope_freq_base(base)
    f.add_layer_norm_rms_eps(1e-6)
    f.add_expert_count(experts)
    f.add_expert_used_count(active)
    f.add_vocab_size(vocab)
    f.add_tokenizer_model("none")
    f.add_file_type(gguf.LlamaFileType.MOSTLY_BF16)

    def matrix(tensor: str, *shape: int):
        f.add_tensor(tensor + ".weight", w.bf16(*shape), raw_dtype=BF16)

    def ones(tensor: str, n: int):
        f.add_tensor(tensor + ".weight", numpy.ones(n, dtype=numpy.float32))

    matrix("token_embd", vocab, dim)
    matrix("output", vocab, dim)
    ones("output_norm", dim)
    for i in range(layers):
        b = f"blk.{i}."
        ones(b + "attn_norm", dim)
        ones(b + "ffn_norm", dim)
        matrix(b + "attn_q", heads * head, dim)
        matrix(b + "attn_k", kv_heads * head, dim)
        matrix(b + "attn_v", kv_heads * head, dim)
        matrix(b + "attn_output", dim, heads * head)
        if arch == "qwen3moe":
            ones(b + "attn_q_norm", head)
            ones(b + "attn_k_norm", head)
        gate = numpy.random.default_rng(i).standard_normal((experts, dim), dtype=numpy.float32)
        f.add_tensor(b + "ffn_gate_inp.weight", gate)
        matrix(b + "ffn_gate_exps", experts, hidden, dim)
        matrix(b + "ffn_up_exps", experts, hidden, dim)
        matrix(b + "ffn_down_exps", experts, dim, hidden)
    f.write_header_to_file()
    f.write_kv_data_to_file()
    f.write_tensors_to_file()
    f.close()


def main():
    parser = argparse.ArgumentParser(description="Times llama.cpp on small models with experts.")
    parser.add_argument("--bench", required=True, help="the program llama-bench")
    parser.add_argument("--models", required=True, type=pathlib.Path, help="folder for the models' files")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--times", default="5")
    parser.add_argument("shapes", nargs="*", default=list(SHAPES))
    arguments = parser.parse_args()
    arguments.models.mkdir(parents=True, exist_ok=True)
    for name in arguments.shapes:
        path = arguments.models / f"{name}.gguf"
        if not path.exists():
            write(path.with_suffix(".part"), name)
            path.with_suffix(".part").rename(path)
        out = subprocess.run([arguments.bench, "-m", path, "-t", arguments.threads, "-p", "512", "-n", "32", "-r", arguments.times,
                              "-o", "json"], check=True, stdout=subprocess.PIPE, text=True).stdout
        for result in json.loads(out):
            work = "prompt" if result["n_prompt"] else "token"
            rates = sorted(result["samples_ts"])
            each = 1e9 / rates[len(rates) // 2] * max(result["n_prompt"], 1)
            print(f"BenchmarkMoEModel/llama.cpp/{name}/{work}-{result['n_threads']} {len(rates)} {each:.0f} ns/op "
                  f"{rates[len(rates) // 2]:.4g} tok/s", flush=True)


if __name__ == "__main__":
    main()

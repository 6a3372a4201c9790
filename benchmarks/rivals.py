"""The figures of other systems for the work of this package's benchmarks, in the form that `go test -bench`
prints and benchstat reads.

    python3 -m venv ~/rivals
    ~/rivals/bin/pip install torch==2.15.0 onnxruntime==1.32.0 tiktoken==0.14.0 tokenizers==0.23.3 numpy==2.4.6
    ~/rivals/bin/python rivals.py torch --threads 1,2

Systems are torch (linear layers and scaled_dot_product_attention), onnxruntime (MatMul by constant weights,
which it packs in advance, as this library does), tiktoken (GPT-2) and tokenizers (GPT-2, SmolLM2, Gemma 3). One
at a time: the threads of one would spin beside the next. Text and vocabularies come from the folders that
TRANSFORMER_FIXTURES and TRANSFORMER_REAL name; without the second, only GPT-2 is encoded.
"""

import argparse
import os
import platform
import re
import time


class Bench:
    """Runs functions by turns and prints a line for each."""

    def __init__(self, pattern, seconds, threads):
        self.pattern, self.seconds, self.threads = re.compile(pattern), seconds, threads

    def wants(self, name):
        return self.pattern.search(name) is not None

    def __call__(self, name, run, work, unit):
        """work is what one call of run does, in units of 1e9 for GFLOP/s and 1e6 for MB/s."""
        run()
        run()  # what is done once is done
        n, start = 0, time.perf_counter()
        while (took := time.perf_counter() - start) < self.seconds or n == 0:
            run()
            n += 1
        suffix = f"-{self.threads}" if self.threads > 1 else ""
        print(f"Benchmark{name}{suffix}\t{n}\t{took / n * 1e9:.0f} ns/op\t{work * n / took:.4g} {unit}", flush=True)


def matmul_cases():
    for m in (1, 8, 16, 32, 128, 1024):
        yield m, 1024, 1024, 1
    for m in (1, 8, 32, 512):
        yield m, 8192, 2048, 4  # copies: 256 MB of float32, so that weights come from memory


def torch_system(bench):
    import torch
    import torch.nn.functional as F

    print(f"# torch {torch.__version__}")
    torch.set_num_threads(bench.threads)
    torch.set_grad_enabled(False)
    for dtype, short in ((torch.float32, "f32"), (torch.bfloat16, "bf16")):
        for m, n, k, copies in matmul_cases():
            name = f"MatMul/{short}/M={m}/N={n}/K={k}"
            if not bench.wants(name):
                continue
            copies = copies * 4 // dtype.itemsize if copies > 1 else 1
            x = torch.randn(m, k).to(dtype)
            weights = [torch.randn(n, k).to(dtype) for _ in range(copies)]

            def run(x=x, weights=weights, i=[0]):
                i[0] += 1
                return F.linear(x, weights[i[0] % len(weights)])

            bench(name, run, 2 * m * n * k / 1e9, "GFLOP/s")
    for s in (1024, 1536, 2048, 4096, 8192):
        for d in (64, 128):
            for causal in (False, True):
                name = f"ScaledDotProduct/S={s}/D={d}/{'causal' if causal else 'full'}"
                if not bench.wants(name):
                    continue
                q, k, v = (torch.randn(1, 8, s, d) for _ in range(3))
                flops = 4 * s * s * d * 8 / (2 if causal else 1)
                bench(name, lambda: F.scaled_dot_product_attention(q, k, v, is_causal=causal), flops / 1e9, "GFLOP/s")


def onnxruntime_system(bench):
    import numpy as np
    import onnxruntime as ort

    print(f"# onnxruntime {ort.__version__}")
    options = ort.SessionOptions()
    options.intra_op_num_threads = bench.threads
    rng = np.random.default_rng(1)
    for m, n, k, copies in matmul_cases():
        name = f"MatMul/f32/M={m}/N={n}/K={k}"
        if not bench.wants(name):
            continue
        x = rng.standard_normal((m, k), dtype=np.float32)
        sessions = [
            ort.InferenceSession(onnx_matmul(rng.standard_normal((k, n), dtype=np.float32), m), options,
                                 providers=["CPUExecutionProvider"])
            for _ in range(copies)
        ]

        def run(i=[0]):
            i[0] += 1
            return sessions[i[0] % copies].run(None, {"x": x})

        bench(name, run, 2 * m * n * k / 1e9, "GFLOP/s")


def onnx_matmul(w, rows):
    """An ONNX model y = x·w, its protocol buffers (onnx.proto) written out by hand."""

    def varint(v):
        out = b""
        while v > 127:
            out, v = out + bytes([v & 127 | 128]), v >> 7
        return out + bytes([v])

    def field(number, value):
        if isinstance(value, int):
            return varint(number << 3) + varint(value)
        value = value.encode() if isinstance(value, str) else value
        return varint(number << 3 | 2) + varint(len(value)) + value

    def tensor_info(name, *dims):
        shape = b"".join(field(1, field(1, d)) for d in dims)
        return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))

    k, n = w.shape
    node = field(1, "x") + field(1, "w") + field(2, "y") + field(4, "MatMul")
    weight = field(1, k) + field(1, n) + field(2, 1) + field(8, "w") + field(9, w.tobytes())
    graph = (field(1, node) + field(2, "matmul") + field(5, weight)
             + field(11, tensor_info("x", rows, k)) + field(12, tensor_info("y", rows, n)))
    return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 17))


def fixtures(*path):
    root = os.environ.get("TRANSFORMER_FIXTURES")
    if not root:
        raise SystemExit("TRANSFORMER_FIXTURES is not set: it names the folder with texts and vocabularies")
    return os.path.join(root, *path)


def english():
    with open(fixtures("text", "tinyshakespeare.txt"), encoding="utf-8", newline="") as f:
        return f.read()


def bench_tokenizer(bench, name, encode):
    text = english()
    megabytes = len(text.encode()) / 1e6
    if bench.wants(f"Tokenize/{name}"):
        bench(f"Tokenize/{name}", lambda: encode(text), megabytes, "MB/s")
    if bench.wants(f"TokenizeLines/{name}"):
        lines = text.splitlines(keepends=True)
        bench(f"TokenizeLines/{name}", lambda: [encode(line) for line in lines], megabytes, "MB/s")


def tiktoken_system(bench):
    import tiktoken
    from tiktoken.load import data_gym_to_mergeable_bpe_ranks

    print(f"# tiktoken {tiktoken.__version__}")
    folder = fixtures("tokenizers", "gpt2")
    ranks = data_gym_to_mergeable_bpe_ranks(os.path.join(folder, "merges.txt"), os.path.join(folder, "vocab.json"))
    pattern = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"""
    encoding = tiktoken.Encoding("gpt2", pat_str=pattern, mergeable_ranks=ranks, special_tokens={"<|endoftext|>": 50256})
    bench_tokenizer(bench, "gpt2", encoding.encode_ordinary)


def tokenizers_system(bench):
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    import tokenizers

    print(f"# tokenizers {tokenizers.__version__}")
    gpt2 = fixtures("tokenizers", "gpt2")
    t = tokenizers.ByteLevelBPETokenizer(os.path.join(gpt2, "vocab.json"), os.path.join(gpt2, "merges.txt"))
    bench_tokenizer(bench, "gpt2", lambda text: t.encode(text, add_special_tokens=False).ids)
    for name, folder in (("smollm2", "smollm2-135m-instruct"), ("gemma3", "gemma-3-270m")):
        path = os.path.join(os.environ.get("TRANSFORMER_REAL", ""), folder, "tokenizer.json")
        if os.path.exists(path):
            t = tokenizers.Tokenizer.from_file(path)
            bench_tokenizer(bench, name, lambda text, t=t: t.encode(text, add_special_tokens=False).ids)


def header():
    """The lines by which benchstat knows that two files are of the same machine."""
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "")
    arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    print(f"goos: {platform.system().lower()}\ngoarch: {arch}")
    print(f"pkg: github.com/seed2010d43f/transformer/benchmarks\ncpu: {cpu}")


def main():
    systems = {"torch": torch_system, "onnxruntime": onnxruntime_system, "tiktoken": tiktoken_system, "tokenizers": tokenizers_system}
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("system", choices=systems)
    p.add_argument("--threads", default="1", help="numbers of threads, as -cpu has them: 1,2")
    p.add_argument("--bench", default=".", help="regular expression: which benchmarks")
    p.add_argument("--benchtime", type=float, default=1, help="seconds")
    a = p.parse_args()
    header()
    for n in map(int, a.threads.split(",")):
        systems[a.system](Bench(a.bench, a.benchtime, n))


if __name__ == "__main__":
    main()

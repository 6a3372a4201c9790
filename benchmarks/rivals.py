"""The figures of other systems for the work of this package's benchmarks, in the form that `go test -bench`
prints and benchstat reads.

    python3 -m venv ~/rivals
    ~/rivals/bin/pip install torch==2.15.0 onnxruntime==1.32.0 onnx==1.23.2 tiktoken==0.14.0 tokenizers==0.23.3 \\
        numpy==2.4.6 transformers==5.24.0 ctranslate2==4.8.5
    ~/rivals/bin/python rivals.py torch --threads 1,2

Systems are torch (linear layers and scaled_dot_product_attention), onnxruntime (MatMul by constant weights,
which it packs in advance, as this library does, and encoders in float32 and in 8 bits: see rival_encoders.py),
tiktoken (GPT-2), tokenizers (GPT-2, SmolLM2, Gemma 3), and for encoder-decoders transformers, which is PyTorch, and
ctranslate2. captions is transformers, too. Run one at a time: the threads of one would spin beside the next. Text and vocabularies come from the
folders that TRANSFORMER_FIXTURES and TRANSFORMER_REAL name; without the second, only GPT-2 is encoded.

Encoders and encoder-decoders have random weights. They are made in the folder that --models names when they are first
needed. rivals.py same-hidden tells how far the encoders of ONNX Runtime are from transformers, and fails if that is more
than rounding explains; rivals.py same-ids tells whether the two systems of encoder-decoders generate the same.
"""

import argparse
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time

import rival_captions
import rival_encoders


class Bench:
    """Runs functions by turns and prints a line for each."""

    def __init__(self, pattern, seconds, threads, models):
        self.pattern, self.seconds, self.threads, self.models = re.compile(pattern), seconds, threads, models

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
        self.line(name, n, took / n, f"{work * n / took:.4g} {unit}")

    def generation(self, name, generate):
        """generate(n) reads the source and generates n tokens. Generations of one token and of all are timed by
        turns. tok/s counts the tokens after the first, so that neither the encoder is in it nor the keys and values
        of its output; these are ms-source. All are medians."""
        if not self.wants(name):
            return
        generate(4)  # what is done once is done
        firsts, wholes, start = [], [], time.perf_counter()
        while len(wholes) < 3 or time.perf_counter() - start < self.seconds:
            firsts.append(seconds(generate, 1))
            wholes.append(seconds(generate, GENERATED))
        step = statistics.median(w - f for f, w in zip(firsts, wholes)) / (GENERATED - 1)
        before = statistics.median(firsts) - step
        self.line(name, len(wholes), statistics.median(wholes), f"{before * 1e3:.4g} ms-source\t{1 / step:.4g} tok/s")

    def line(self, name, n, took, metrics):
        suffix = f"-{self.threads}" if self.threads > 1 else ""
        print(f"Benchmark{name}{suffix}\t{n}\t{took * 1e9:.0f} ns/op\t{metrics}", flush=True)


def seconds(run, *args):
    start = time.perf_counter()
    run(*args)
    return time.perf_counter() - start


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
    for name in rival_encoders.SHAPES:
        onnxruntime_encoder(bench, name)


def onnxruntime_encoder(bench, name):
    wanted = [(form, batch) for form in ("f32", "int8") for batch in rival_encoders.BATCHES
              if bench.wants(f"Embed/{name}/{form}/{batch}")]
    if not wanted:
        return
    paths, encoders = rival_encoders.files(bench.models, name), {}
    for form, batch in wanted:
        lengths = rival_encoders.BATCHES[batch]
        key = form, len(set(lengths)) > 1
        if key not in encoders:
            encoders[key] = rival_encoders.Encoder(paths[key], key[1], bench.threads)
        bench(f"Embed/{name}/{form}/{batch}", encoders[key](lengths), len(lengths), "sentences/s")


def same_hidden_system(bench):
    for name in rival_encoders.SHAPES:
        if not bench.wants(name):
            continue
        for case, difference, largest in rival_encoders.differences(bench.models, name, bench.threads):
            print(f"# {name}/{case}: the largest difference is {difference:.2g}, of values up to {largest:.3g}")
            bound = 2e-5 if case.endswith("f32") else 0.1  # float32 in another order, and 8 bits
            if not difference <= bound * largest:
                raise SystemExit(f"{name}/{case} is not the model of transformers")


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


# Encoder-decoders read a source of SOURCE tokens and generate GENERATED, none of which may end the text.
SOURCE, GENERATED, BEAMS = 512, 64, 4

SHAPES = {
    "T5-small": dict(model_type="t5", d_model=512, d_kv=64, d_ff=2048, num_layers=6, num_decoder_layers=6, num_heads=8,
                     vocab_size=32128, feed_forward_proj="relu", tie_word_embeddings=True,
                     pad_token_id=0, eos_token_id=1, decoder_start_token_id=0),
    "BART-base": dict(model_type="bart", d_model=768, encoder_layers=6, decoder_layers=6, encoder_attention_heads=12,
                      decoder_attention_heads=12, encoder_ffn_dim=3072, decoder_ffn_dim=3072, vocab_size=50265,
                      activation_function="gelu", normalize_before=False, max_position_embeddings=1024,
                      tie_word_embeddings=True, bos_token_id=0, pad_token_id=1, eos_token_id=2, decoder_start_token_id=2,
                      forced_eos_token_id=None),
}

KINDS = {"greedy": 1, f"beams={BEAMS}": BEAMS}


def source(vocab):
    """The ids of the Go benchmark's source."""
    return [(1 + i * 7919) % vocab for i in range(SOURCE)]


def words(shape):
    """The vocabulary, which is text nowhere: "t5" is token 5."""
    vocab = [f"t{i}" for i in range(shape["vocab_size"])]
    for key, word in (("bos_token_id", "<s>"), ("pad_token_id", "<pad>"), ("eos_token_id", "</s>")):
        if key in shape:
            vocab[shape[key]] = word
    return vocab


def seq2seq_folder(models, name):
    """A folder with a checkpoint of random weights, made if it is not there."""
    folder = os.path.join(models, name)
    if not os.path.exists(os.path.join(folder, "tokenizer.json")):  # which is written last
        subprocess.run([sys.executable, __file__, "make", "--models", models, "--bench", f"^{name}$"], check=True)
    return folder


def make_system(bench):
    import tokenizers
    import torch
    import transformers

    for name, shape in SHAPES.items():
        if not bench.wants(name):
            continue
        torch.manual_seed(1)
        config = transformers.AutoConfig.for_model(**shape)
        model = transformers.AutoModelForSeq2SeqLM.from_config(config, dtype=torch.float32).eval()
        for key, p in model.named_parameters():
            p.requires_grad_(False)
            if p.dim() > 1:
                scale = 4 if "embed_positions" in key else 1  # else all tokens would be the same
                if key.endswith(".q.weight"):
                    scale = config.d_kv ** -0.5  # which T5 does not divide scores by
                p.normal_(std=scale * p.shape[1] ** -0.5)
            else:
                p.uniform_(-0.1, 0.1).add_(0 if key.endswith("bias") else 1)
        folder = os.path.join(bench.models, name)
        model.save_pretrained(folder)
        vocab = {word: i for i, word in enumerate(words(shape))}
        tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocab, unk_token="t3"))
        transformers.PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, unk_token="t3", pad_token="<pad>", eos_token="</s>",
            bos_token="<s>" if "<s>" in vocab else None).save_pretrained(folder)


def load_transformers(bench, name):
    """Returns what encodes and what generates n tokens with some beams and returns their ids."""
    import torch
    import transformers

    torch.set_num_threads(bench.threads)
    torch.set_grad_enabled(False)
    transformers.utils.logging.set_verbosity_error()
    folder = seq2seq_folder(bench.models, name)
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids = torch.tensor([source(model.config.vocab_size)])
    mask = torch.ones_like(ids)

    def generate(n, beams):
        out = model.generate(ids, attention_mask=mask, num_beams=beams, do_sample=False, use_cache=True,
                             min_new_tokens=n, max_new_tokens=n)
        return out[0, 1:].tolist()

    return lambda: model.get_encoder()(ids, attention_mask=mask), generate


def transformers_system(bench):
    import transformers

    print(f"# transformers {transformers.__version__}")
    for name in SHAPES:
        prefix = f"EncoderDecoder/{name}"
        if not any(bench.wants(f"{prefix}/{kind}") for kind in ("encode", *KINDS)):
            continue
        encode, generate = load_transformers(bench, name)
        if bench.wants(f"{prefix}/encode"):
            bench(f"{prefix}/encode", encode, SOURCE, "tok/s")
        for kind, beams in KINDS.items():
            bench.generation(f"{prefix}/{kind}", lambda n: generate(n, beams))


def load_ctranslate2(bench, name, compute="float32"):
    """Returns what generates n tokens with some beams and returns their ids."""
    import ctranslate2

    folder = seq2seq_folder(bench.models, name)
    converted = folder + "-ctranslate2"
    if not os.path.exists(os.path.join(converted, "model.bin")):
        converter = os.path.join(os.path.dirname(sys.executable), "ct2-transformers-converter")
        subprocess.run([converter, "--model", folder, "--output_dir", converted, "--force"], check=True)
    translator = ctranslate2.Translator(converted, compute_type=compute, inter_threads=1, intra_threads=bench.threads)
    vocab = words(SHAPES[name])
    ids = {word: i for i, word in enumerate(vocab)}
    text = [vocab[i] for i in source(len(vocab))]

    def generate(n, beams):
        out = translator.translate_batch([text], beam_size=beams, min_decoding_length=n, max_decoding_length=n)
        return [ids[word] for word in out[0].hypotheses[0]]

    return generate


def ctranslate2_system(bench):
    import ctranslate2

    print(f"# ctranslate2 {ctranslate2.__version__}")
    for name in SHAPES:
        for compute, form in (("float32", ""), ("int8", "/int8")):
            prefix = f"EncoderDecoder/{name}{form}"
            if not any(bench.wants(f"{prefix}/{kind}") for kind in KINDS):
                continue
            generate = load_ctranslate2(bench, name, compute)
            for kind, beams in KINDS.items():
                bench.generation(f"{prefix}/{kind}", lambda n: generate(n, beams))


def same_ids_system(bench):
    for name in SHAPES:
        systems = [load_transformers(bench, name)[1], load_ctranslate2(bench, name)]
        for kind, beams in KINDS.items():
            ours, theirs = (generate(GENERATED, beams) for generate in systems)
            same = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), len(ours))
            print(f"# {name}/{kind}: {same} of {len(ours)} ids are the same, {len(set(ours))} different: {ours}")


def header():
    """The lines by which benchstat knows that two files are of the same machine."""
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "")
    arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    print(f"goos: {platform.system().lower()}\ngoarch: {arch}")
    print(f"pkg: github.com/seed2010d43f/transformer/benchmarks\ncpu: {cpu}")


def main():
    systems = {
        "torch": torch_system, "onnxruntime": onnxruntime_system,
        "tiktoken": tiktoken_system, "tokenizers": tokenizers_system,
        "transformers": transformers_system, "captions": rival_captions.system, "ctranslate2": ctranslate2_system,
        "same-hidden": same_hidden_system, "same-ids": same_ids_system, "make": make_system,
    }
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("system", choices=systems)
    p.add_argument("--threads", default="1", help="numbers of threads, as -cpu has them: 1,2")
    p.add_argument("--bench", default=".", help="regular expression: which benchmarks")
    p.add_argument("--benchtime", type=float, default=1, help="seconds")
    p.add_argument("--models", default=os.path.join(tempfile.gettempdir(), "rival-models"),
                   help="folder of random weights, 1.5 GB")
    a = p.parse_args()
    header()
    for n in map(int, a.threads.split(",")):
        systems[a.system](Bench(a.bench, a.benchtime, n, a.models))


if __name__ == "__main__":
    main()

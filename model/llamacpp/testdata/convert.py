"""Records what llama.cpp's own convert_hf_to_gguf.py makes of the small checkpoints in model/testdata/golden.

    LLAMA_CPP=.../llama.cpp python3 convert.py                  # all files of converted/ again, but for those below it
    LLAMA_CPP=.../llama.cpp python3 convert.py 'llama-*'        # those of some golden checkpoints

LLAMA_CPP is the source of llama.cpp that llama-cpp-python 0.3.36 holds (vendor/llama.cpp); the environment has what
model/testdata/golden/requirements.txt names. Each golden checkpoint is written as a folder with the weights of its
formula, converted in float32, and the file is read again. For each tensor of the file this script finds the rows, or
columns, of the checkpoint's tensors that it consists of, bit for bit, and fails if there is a value of another origin.
converted/NAME.json.gz then holds

    metadata   [[key, type, value]]: as in the file. Of the vocabulary, which is made up, only what special tokens say
    tensors    [[name, shape, runs]]: shape as Hugging Face writes it. A run [source, kind, first, step, n] stands for
               rows number first, first + step, … of the checkpoint's tensor, as a matrix of its last dimension ("row"), of
               its last two dimensions exchanged ("column"), or of single elements ("element"). "column/A/B" exchanges
               the first B rows of every A, and "+1" after a kind says that 1 was added in float32. The rows of a vector
               are its elements. A list of numbers in the place of runs is what the conversion itself computed.

A test makes the file again from that and from the formula. Those in folders/ are of checkpoints that have weights of their
own, in examples/family.

The converter is changed in these points: every model gets a made-up vocabulary, since the checkpoints have no
tokenizer; GPT-2's n_ctx, GPT-NeoX's and Cohere 2's rotary_pct, which transformers 5 no longer keeps, are put back, and
the masks of old GPT-2 files are passed over; Phi-3.5-MoE's class is found under the name that transformers gives it; StableLM's norms
of single heads, which its generator returns instead of yielding them, are not lost.
"""

import contextlib
import fnmatch
import gzip
import io
import json
import logging
import math
import os
import pathlib
import sys
import tempfile

import numpy as np
import safetensors.torch
import torch

HERE = pathlib.Path(__file__).parent
GOLDEN = HERE.parent.parent / "testdata" / "golden"
LLAMA_CPP = pathlib.Path(os.environ["LLAMA_CPP"])
sys.path[:0] = [str(LLAMA_CPP), str(LLAMA_CPP / "gguf-py"), str(GOLDEN)]

import gguf  # noqa: E402
import conversion  # noqa: E402
from conversion import base  # noqa: E402
from kinds import reference  # noqa: E402


def made_up_vocabulary(self):
    """Tokens without a meaning, and the special ones of config.json."""
    n = self.hparams["vocab_size"]
    self.gguf_writer.add_tokenizer_model("gpt2")
    self.gguf_writer.add_tokenizer_pre("gpt-2")
    self.gguf_writer.add_token_list([f"<{i}>" for i in range(n)])
    self.gguf_writer.add_token_types([gguf.TokenType.NORMAL] * n)
    gguf.SpecialVocab(self.dir_model, load_merges=False, n_vocab=n).add_to_gguf(self.gguf_writer)


def write_folder(golden: dict, folder: pathlib.Path) -> dict:
    """The checkpoint as a folder; returns its tensors."""
    config = dict(golden["config"])
    weights = reference.make_weights(golden["seed"], golden["tensors"])
    (folder / "config.json").write_text(json.dumps(config))
    safetensors.torch.save_file(weights, folder / "model.safetensors", {"format": "pt"})
    tokens = {"vocab": {f"<{i}>": i for i in range((config.get("text_config") or config).get("vocab_size", 262208))}}
    (folder / "tokenizer.json").write_text(json.dumps({"model": tokens, "added_tokens": []}))
    return {k: v.numpy() for k, v in weights.items()}


OTHERS = sorted((HERE.parents[2] / "examples" / "family" / "testdata").glob("*/"))  # checkpoints with their weights

HELPED = {  # keys that the converter needs and transformers no longer keeps
    "gpt2": lambda c: {"n_ctx": c.get("n_positions", 1024)},
    "gpt_neox": lambda c: {"rotary_pct": (c.get("rope_parameters") or c).get(
        "partial_rotary_factor", c.get("rotary_pct", 0.25))},
    "cohere2": lambda c: {"rotary_pct": 1.0},
}


def whole(generator):
    """A generator that gives what one returns too."""
    def both(*arguments):
        returned = yield from generator(*arguments)
        yield from returned or ()
    return both


def convert(folder: pathlib.Path, out: pathlib.Path):
    hparams = base.ModelBase.load_hparams(folder, False)
    architecture = base.get_model_architecture(hparams, base.ModelType.TEXT)
    cls = conversion.get_model_class({"PhimoeForCausalLM": "PhiMoEForCausalLM"}.get(architecture, architecture))
    for c in cls.__mro__:
        if "set_vocab" in c.__dict__:
            c.set_vocab = made_up_vocabulary
    if hasattr(cls, "_stack_qk_norm"):
        cls.modify_tensors = whole(cls.modify_tensors)
    config = json.loads((folder / "config.json").read_text())
    with torch.inference_mode():
        model = cls(folder, gguf.LlamaFileType.ALL_F32, out)
        model.hparams.update(HELPED.get(config["model_type"], lambda c: {})(config))
        model.model_tensors = {k: v for k, v in model.model_tensors.items()  # masks of old GPT-2
                               if not k.endswith((".attn.bias", ".attn.masked_bias"))}
        model.write()


# ---- where the values of a tensor come from -------------------------------------------------------------------------

class Origins:
    """Finds rows among those of the checkpoint's tensors."""

    def __init__(self, tensors: dict, config: dict):
        self.at = {}
        for name, x in tensors.items():
            latent = name.endswith("kv_b_proj.weight")
            for kind, rows in views(x, latent and config["num_attention_heads"], latent and config["qk_nope_head_dim"]):
                for i, row in enumerate(rows):
                    self.at.setdefault((rows.shape[1], row.tobytes()), []).append((name, kind, i))

    def runs(self, x: np.ndarray, rows: np.ndarray) -> list | None:
        """The runs that x consists of, taken as rows, or None."""
        found = [self.at.get((rows.shape[1], row.tobytes())) for row in rows]
        if None in found:
            return None
        runs = []
        for i, places in enumerate(found):
            if runs:
                name, kind, first, step, n = runs[-1]
                if n == 1:
                    next_ = next((p for p in places if p[:2] == (name, kind) and p[2] != first), None)
                    if next_ and next_[2] > first:
                        runs[-1] = [name, kind, first, next_[2] - first, 2]
                        continue
                elif (name, kind, first + n * step) in places:
                    runs[-1][4] += 1
                    continue
            p = places[0]
            if runs:  # rather the same tensor than another with the same values
                p = next((q for q in places if q[:2] == tuple(runs[-1][:2])), p)
            runs.append([*p, 1, 1])
        return runs


def matrix(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x.reshape(-1, 1) if x.ndim < 2 else x.reshape(-1, x.shape[-1]))


def views(x: np.ndarray, heads: int, nope: int):
    rows = matrix(x)
    yield "row", rows
    if x.ndim > 1:
        columns = np.swapaxes(x, -1, -2)
        yield "column", matrix(columns)
        yield "element", x.reshape(-1, 1)
    yield "row+1", rows + np.float32(1)
    if x.ndim == 2 and heads:  # kv_b_proj: of each head the first rows, transposed
        of, n = x.shape[0] // heads, nope
        columns = x.reshape(heads, of, -1)[:, :n].swapaxes(1, 2)
        yield f"column/{of}/{n}", matrix(columns)


# ---- what is recorded -----------------------------------------------------------------------------------------------

def defaults(folder: pathlib.Path) -> dict:
    return base.ModelBase.load_hparams(folder, False)


def value(field):
    v = field.contents()
    return v if not isinstance(v, float) or math.isfinite(v) else repr(v)


def type_name(field) -> str:
    names = [t.name.lower() for t in field.types]
    return "array of " + names[1] if names[0] == "array" else names[0]


def record(golden: dict) -> dict:
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        tensors = write_folder(golden, folder)
        return record_folder(folder, tensors, golden["config"])


def record_folder(folder: pathlib.Path, tensors: dict, config: dict) -> dict:
    with tempfile.TemporaryDirectory() as temporary:
        out = pathlib.Path(temporary, "out.gguf")
        convert(folder, out)
        reader = gguf.GGUFReader(out)
        origins = Origins(tensors, {**defaults(folder), **config})
        metadata = [[f.name, type_name(f), value(f)] for f in reader.fields.values()
                    if not f.name.startswith("GGUF.") and f.name not in
                    ("tokenizer.ggml.tokens", "tokenizer.ggml.token_type", "general.name", "general.size_label")]
        made = []
        for t in reader.tensors:
            x = np.array(t.data)
            assert x.dtype == np.float32, (t.name, x.dtype)
            runs = origins.runs(x, matrix(x)) or origins.runs(x, x.reshape(-1, 1))
            if runs is None:
                if x.size > 4096:
                    raise ValueError(f"{t.name}: not from the checkpoint's rows")
                runs = [float(v) for v in x.reshape(-1)]
            made.append([t.name, list(x.shape), runs])
        return {"metadata": metadata, "tensors": made}


def write(name: str, made: dict) -> int:
    text = json.dumps(made, separators=(",", ":"))
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=9, mtime=0, filename="") as f:
        f.write(text.encode())
    path = HERE / "converted" / f"{name}.json.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(buffer.getvalue())
    return len(buffer.getvalue())


def main():
    logging.disable(logging.CRITICAL)
    torch.set_num_threads(1)
    np.seterr(over="ignore")
    patterns = sys.argv[1:] or [p.name.removesuffix(".json.gz") for p in (HERE / "converted").glob("*.json.gz")]
    failed = 0
    for path in sorted(GOLDEN.glob("*.json.gz")):
        name = path.name.removesuffix(".json.gz")
        if not any(fnmatch.fnmatch(name, p) for p in patterns):
            continue
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                made = record(json.loads(gzip.decompress(path.read_bytes())))
        except Exception as error:  # noqa: BLE001: a case that cannot be converted
            print(f"{name}: {type(error).__name__}: {str(error)[:200]}", flush=True)
            failed += 1
            continue
        computed = [t[0] for t in made["tensors"] if t[2] and not isinstance(t[2][0], list)]
        print(f"{name}: {len(made['tensors'])} tensors, {write(name, made)} bytes", *computed, flush=True)
    for folder in OTHERS:
        if sys.argv[1:] and not any(fnmatch.fnmatch(folder.name, p) for p in patterns):
            continue
        tensors = {k: v.numpy() for k, v in safetensors.torch.load_file(folder / "model.safetensors").items()}
        made = record_folder(folder, tensors, json.loads((folder / "config.json").read_text()))
        print(f"folders/{folder.name}: {write('folders/' + folder.name, made)} bytes", flush=True)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()

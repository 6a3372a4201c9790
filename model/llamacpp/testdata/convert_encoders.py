"""Records what llama.cpp's converter makes of small encoders and encoder–decoders, as convert.py does of decoders:

    LLAMA_CPP=.../llama.cpp python3 convert_encoders.py                  # all files below converted/ again
    LLAMA_CPP=.../llama.cpp python3 convert_encoders.py 'encoders/bert*' # those of some golden checkpoints

Further changes: ModernBERT's norm_eps has the name that the converter reads, and its masked head is left out, which the
converter does not know.
"""

import contextlib
import fnmatch
import gzip
import io
import json
import logging
import sys

import numpy as np
import torch

import convert
from convert import GOLDEN, HERE


def helped(golden: dict) -> dict:
    c = dict(golden["config"])
    if c["model_type"] == "modernbert":
        c["layer_norm_eps"] = c.get("norm_eps", 1e-5)
        c.setdefault("local_attention", 128)
        c.setdefault("global_attn_every_n_layers", 3)
        c.setdefault("vocab_size", 50368)
    golden["config"] = c
    masked = ("decoder.",) if c["model_type"] == "modernbert" else ("lm_head.",) if "bert" in c["model_type"] else ()
    golden["tensors"] = {k: v for k, v in golden["tensors"].items() if not (masked and k.startswith(masked))}
    return golden


def main():
    logging.disable(logging.CRITICAL)
    torch.set_num_threads(1)
    np.seterr(over="ignore")
    made = HERE / "converted"
    patterns = sys.argv[1:] or [str(p.relative_to(made)).removesuffix(".json.gz") for p in made.glob("*/*.json.gz")]
    failed = 0
    for path in sorted(GOLDEN.glob("encoders/*.json.gz")) + sorted(GOLDEN.glob("seq2seq/*.json.gz")):
        name = str(path.relative_to(GOLDEN)).removesuffix(".json.gz")
        if not any(fnmatch.fnmatch(name, p) for p in patterns):
            continue
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                record = convert.record(helped(json.loads(gzip.decompress(path.read_bytes()))))
        except Exception as error:  # noqa: BLE001: a case that cannot be converted
            print(f"{name}: {type(error).__name__}: {str(error)[:200]}", flush=True)
            failed += 1
            continue
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        computed = [t[0] for t in record["tensors"] if t[2] and not isinstance(t[2][0], list)]
        print(f"{name}: {len(record['tensors'])} tensors, {convert.write(name, record)} bytes", *computed, flush=True)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()

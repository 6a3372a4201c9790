"""Writes blocks.json.gz: what ggml itself makes of bytes, and of values.

    python make.py LLAMA_CPP

LLAMA_CPP is the source of llama.cpp (here that in llama_cpp_python 0.3.36). Its ggml-quants.c is compiled without fused
multiply-adds. Needs numpy and a C compiler.
"""
import base64
import ctypes
import gzip
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

# name: elements, bytes, where float16 numbers are that have to be finite
FORMATS = {
    "Q4_0": (32, 18, [0]), "Q4_1": (32, 20, [0, 2]), "Q5_0": (32, 22, [0]), "Q5_1": (32, 24, [0, 2]), "Q8_0": (32, 34, [0]),
    "Q2_K": (256, 84, [80, 82]), "Q3_K": (256, 110, [108]), "Q4_K": (256, 144, [0, 2]), "Q5_K": (256, 176, [0, 2]), "Q6_K": (256, 210, [208]),
    "IQ4_NL": (32, 18, [0]), "IQ4_XS": (256, 136, [0]), "IQ1_S": (256, 50, [0]), "IQ1_M": (256, 56, []), "IQ2_XXS": (256, 66, [0]),
    "IQ2_XS": (256, 74, [0]), "IQ2_S": (256, 82, [0]), "IQ3_XXS": (256, 98, [0]), "IQ3_S": (256, 110, [0]), "TQ1_0": (256, 54, [52]),
    "TQ2_0": (256, 66, [64]), "MXFP4": (32, 17, []), "NVFP4": (64, 36, []), "Q1_0": (128, 18, [0]), "Q2_0": (64, 18, [0]),
}
# The function that encodes without an importance matrix: rows as a whole, or row by row.
ENCODED = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K", "MXFP4"]
ENCODED_ROWS = ["IQ4_NL", "IQ4_XS"]


def build(source, folder):
    ggml, library = os.path.join(source, "ggml"), os.path.join(folder, "quants.so")
    subprocess.run(["cc", "-O2", "-ffp-contract=off", "-mf16c", "-shared", "-fPIC", "-o", library, "-I" + ggml + "/include", "-I" + ggml + "/src",
                    "-I" + ggml + "/src/ggml-cpu", ggml + "/src/ggml-quants.c", "-lm"], check=True)
    return ctypes.CDLL(library, mode=os.RTLD_LAZY)


def name(kind):
    return kind.lower().replace("_k", "_K")


def pointer(a):
    return a.ctypes.data_as(ctypes.c_void_p)


def b64(a):
    return base64.b64encode(a.tobytes()).decode()


def random_blocks(rng, elements, size, halves):
    """A row of 256 elements: every byte random, but float16 numbers finite and some of them negative or subnormal."""
    count = 256 // elements
    b = rng.integers(0, 256, (count, size), dtype=np.uint8)
    for at in halves:
        b[:, at:at + 2] = (rng.standard_normal(count) * 0.02).astype(np.float16).reshape(-1, 1).view(np.uint8)
    return b


def decode(lib, kind, rng):
    elements, size, halves = FORMATS[kind]
    b = random_blocks(rng, elements, size, halves)
    if kind == "IQ1_M":
        b[:, 55] = 0x20 | b[:, 55] & 15  # the upper four bits of its float16
    if kind == "MXFP4":
        b[:, 0] = 118 + b[:, 0] % 16
    values = np.zeros(256, np.float32)
    getattr(lib, "dequantize_row_" + name(kind))(pointer(b), pointer(values), ctypes.c_int64(256))
    assert np.isfinite(values).all(), kind
    return {"blocks": b64(b), "values": b64(values)}


def inputs(rng):
    """Rows of 256 elements that take every path of the encoders."""
    x = rng.standard_normal((8, 256)).astype(np.float32)
    x[1] *= 1e-3
    x[2] = np.abs(x[2])
    x[3, 17] = 40.0
    x[4, :64] = 0.0
    x[4, 96:128] = 0.25
    x[4, 128:160] = -0.25
    x[5] = 0.0
    x[6] = np.round(x[6] * 4) / 4  # ties
    x[7, ::3] *= 1e-12
    return x


def main(source):
    rng = np.random.default_rng(12)
    x = inputs(rng)
    with tempfile.TemporaryDirectory() as folder:
        lib = build(source, folder)
        out = {"input": b64(x), "decode": {k: decode(lib, k, rng) for k in FORMATS}, "encode": {}}
        for kind in ENCODED + ENCODED_ROWS:
            elements, size, _ = FORMATS[kind]
            b = np.zeros(x.size // elements * size, np.uint8)
            if kind in ENCODED:
                getattr(lib, f"quantize_row_{name(kind)}_ref")(pointer(x), pointer(b), ctypes.c_int64(x.size))
            else:
                getattr(lib, "quantize_" + name(kind))(pointer(x), pointer(b), ctypes.c_int64(8), ctypes.c_int64(256), None)
            out["encode"][kind] = b64(b)
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "blocks.json.gz"), "wb") as f:
        f.write(gzip.compress(json.dumps(out, indent=1).encode(), mtime=0))


main(sys.argv[1])

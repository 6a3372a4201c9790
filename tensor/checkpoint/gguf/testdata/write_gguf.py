"""Writes GGUF files as gguf's own writer does (gguf of llama.cpp of October 2026, numpy), and as its conversion of byte order does.

Usage: PYTHONPATH=llama.cpp/gguf-py python write_gguf.py

values.gguf has metadata of every type, arrays of them, and tensors of plain types; values-big.gguf has the same, big-endian.
blocks.gguf has tensors of the block types that gguf_convert_endian can convert, from a formula, and blocks-big.gguf is what it
makes of that file. parts-0000N-of-00003.gguf are a model in three files.
"""

import argparse
import builtins
import pathlib

import gguf
import numpy as np
from gguf import GGMLQuantizationType as G
from gguf import GGUFValueType as T
from gguf.scripts import gguf_convert_endian

here = pathlib.Path(__file__).parent


def metadata(w):
    w.add_uint8("u8", 200)
    w.add_int8("i8", -100)
    w.add_uint16("u16", 60000)
    w.add_int16("i16", -30000)
    w.add_uint32("u32", 4000000000)
    w.add_int32("i32", -2000000000)
    w.add_uint64("u64", 18000000000000000000)
    w.add_int64("i64", -9000000000000000000)
    w.add_float32("f32", 0.1)
    w.add_float64("f64", 0.1)
    w.add_bool("yes", True)
    w.add_bool("no", False)
    w.add_string("text", "naïve ☕")
    arrays = {
        T.UINT8: [0, 255], T.INT8: [-128, 127], T.UINT16: [0, 65535], T.INT16: [-32768, 32767], T.UINT32: [0, 2**32 - 1],
        T.INT32: [-(2**31), 2**31 - 1], T.UINT64: [0, 2**64 - 1], T.INT64: [-(2**63), 2**63 - 1], T.FLOAT32: [-0.5, 1e-40],
        T.FLOAT64: [-0.1, 1e300], T.BOOL: [True, False, True], T.STRING: ["a", "", "ü"],
    }
    for t, values in arrays.items():
        w.add_key_value("array." + t.name, values, T.ARRAY, sub_type=t)


def write(name, w):
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def values(name, order):
    w = gguf.GGUFWriter(here / name, "test", endianess=order)
    w.add_custom_alignment(64)
    metadata(w)
    w.add_tensor("matrix", np.arange(6, dtype=np.float32).reshape(2, 3))
    w.add_tensor("half", np.arange(4, dtype=np.float16).reshape(1, 2, 2))
    w.add_tensor("i8", np.arange(-2, 3, dtype=np.int8))
    w.add_tensor("i16", np.arange(-2, 3, dtype=np.int16))
    w.add_tensor("i32", np.arange(-2, 3, dtype=np.int32))
    w.add_tensor("i64", np.arange(-2, 3, dtype=np.int64))
    w.add_tensor("f64", np.arange(-2, 3, dtype=np.float64))
    write(name, w)


def blocks(name):
    w = gguf.GGUFWriter(here / name, "test")
    for i, t in enumerate([G.Q1_0, G.Q4_0, G.Q8_0, G.Q4_K, G.Q6_K, G.TQ2_0, G.MXFP4, G.NVFP4, G.BF16]):
        size = gguf.GGML_QUANT_SIZES[t][1] * 2 * 3
        data = (np.arange(size) * 7 + i).astype(np.uint8).reshape(3, -1)
        w.add_tensor(t.name, data, raw_dtype=t)
    write(name, w)


def big(name, to):
    (here / to).write_bytes((here / name).read_bytes())
    builtins.input = lambda prompt: "YES"
    r = gguf.GGUFReader(here / to, "r+")
    gguf_convert_endian.convert_byteorder(r, argparse.Namespace(order="big", dry_run=False))
    r.data.flush()


def parts():
    w = gguf.GGUFWriter(here / "parts.gguf", "test", split_max_tensors=2)
    for i in range(5):
        w.add_tensor(f"t{i}", np.full(3, i, dtype=np.float32))
    write("parts.gguf", w)


values("values.gguf", gguf.GGUFEndian.LITTLE)
values("values-big.gguf", gguf.GGUFEndian.BIG)
blocks("blocks.gguf")
big("blocks.gguf", "blocks-big.gguf")
parts()

"""Writes packed.safetensors: weights in 4 and 8 bits as GPTQ, AWQ and compressed-tensors store them, and their values.

Usage: python packed.py [--check] [--gptqmodel FOLDER] [--autoawq FOLDER]

The tensors of a case are "case.x.…", and its values, F32, "want.case.x.weight". Those of compressed-tensors are compressed
and decompressed by compressed-tensors 0.20.1 with torch 2.15.0. This has lost weight_g_idx; that case is a formula, which
the version 0.15.0 checks: with it the script does nothing else. Those of GPTQ and AWQ are packed and read by the functions
below; with the unpacked source packages of gptqmodel 7.7.0 and autoawq 0.2.9 these are compared with the packers and readers
there. --check compares with the file instead of writing it.
"""

import argparse
import ast
import math
import pathlib
import types

import compressed_tensors
import numpy
import torch
from compressed_tensors.compressors import BaseCompressor
from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
from safetensors.torch import load_file, save_file

ORDER = [0, 2, 4, 6, 1, 3, 5, 7]  # of AWQ's fields, from the lowest bits on


def pack_fields(codes: torch.Tensor, bits: int) -> torch.Tensor:
    """Puts neighbours of the last dimension into int32 words, the first in the lowest bits; missing ones are 0."""
    fields = 32 // bits
    codes = torch.nn.functional.pad(codes.long(), (0, -codes.shape[-1] % fields)).unflatten(-1, (-1, fields))
    words = (codes << torch.arange(0, 32, bits)).sum(-1)
    return torch.where(words >= 1 << 31, words - (1 << 32), words).int()


def gptq(codes, zeros, scales, bits, group, g_idx=None, version=1) -> dict:
    """codes [out, in], zeros and scales [groups, out]."""
    words = pack_fields(zeros, bits)
    if version == 1:  # 1 is taken from every field, as one subtraction from the word
        ones = 0x11111111 if bits == 4 else 0x01010101
        words = (words.long() - ones + (1 << 31)) % (1 << 32) - (1 << 31)
    tensors = {"qweight": pack_fields(codes, bits).T.contiguous(), "qzeros": words.int(), "scales": scales}
    if g_idx is not None:
        tensors["g_idx"] = g_idx.int()
    return tensors


def affine(codes, zeros, scales, g_idx) -> torch.Tensor:
    """(code - zero) * scale in float32, [out, in]."""
    g = g_idx.long()
    return ((codes - zeros[g].T).float() * scales.float()[g].T).contiguous()


def awq(codes, zeros, scales) -> dict:
    """codes [out, in], zeros and scales [groups, out]."""
    def words(x):
        return pack_fields(x.unflatten(-1, (-1, 8))[..., ORDER].flatten(-2), 4)
    return {"qweight": words(codes.T.contiguous()), "qzeros": words(zeros), "scales": scales}


def numbers(generator, out, inputs, groups, bits, symmetric):
    codes = torch.randint(0, 1 << bits, (out, inputs), generator=generator)
    zeros = torch.full((groups, out), 1 << (bits - 1))
    if not symmetric:
        zeros = torch.randint(0, 1 << bits, (groups, out), generator=generator)
        zeros[0, :2] = torch.tensor([0, (1 << bits) - 1])
    scales = (torch.rand(groups, out, generator=generator) + 0.01).half()
    return codes, zeros, scales


GPTQ = {  # out, in, bits, group, symmetric, act-order, version, with g_idx
    "sym4": (16, 32, 4, 16, True, False, 1, True), "asym4": (24, 32, 4, 8, False, False, 1, True),
    "v2": (16, 32, 4, 16, False, False, 2, True), "bits8": (12, 32, 8, 16, False, False, 1, True),
    "v2bits8": (12, 32, 8, 16, True, False, 2, True),
    "actorder": (16, 48, 4, 16, False, True, 1, True), "whole": (16, 24, 4, -1, True, False, 1, True),
    "raggedgroup": (16, 40, 4, 16, False, False, 1, True), "raggedword": (11, 21, 4, 7, False, True, 1, True),
    "raggedword8": (7, 10, 8, -1, False, False, 1, True), "noindex": (16, 40, 4, 16, False, False, 1, False),
}
AWQ = {"groups": (32, 32, 16), "whole": (32, 20, -1)}  # out, in, group; the packer wants 32 outputs

COMPRESSED = {  # format, out, in, type of the scales, arguments
    "group": ("pack-quantized", 8, 32, torch.float16, dict(num_bits=4, strategy="group", group_size=16)),
    "groupasym": ("pack-quantized", 12, 32, torch.bfloat16, dict(num_bits=4, strategy="group", group_size=8, symmetric=False)),
    "channel": ("pack-quantized", 8, 21, torch.float32, dict(num_bits=4, strategy="channel")),
    "channelasym": ("pack-quantized", 11, 21, torch.float16, dict(num_bits=4, strategy="channel", symmetric=False)),
    "tensorasym": ("pack-quantized", 5, 12, torch.float16, dict(num_bits=4, strategy="tensor", symmetric=False)),
    "bits8": ("pack-quantized", 7, 24, torch.float16, dict(num_bits=8, strategy="group", group_size=8, symmetric=False)),
    "intchannel": ("int-quantized", 6, 20, torch.bfloat16, dict(num_bits=8, strategy="channel")),
    "inttensor": ("int-quantized", 6, 20, torch.float32, dict(num_bits=8, strategy="tensor", symmetric=False)),
    "intgroup": ("int-quantized", 6, 32, torch.float16, dict(num_bits=8, strategy="group", group_size=16, symmetric=False)),
    "int4": ("int-quantized", 6, 32, torch.float16, dict(num_bits=4, strategy="group", group_size=16)),
    "naive": ("naive-quantized", 6, 20, torch.float16, dict(num_bits=8, strategy="channel")),
    "floattensor": ("float-quantized", 6, 20, torch.float32, dict(num_bits=8, type="float", strategy="tensor")),
    "floatchannel": ("float-quantized", 6, 20, torch.bfloat16, dict(num_bits=8, type="float", strategy="channel")),
    "floatgroup": ("float-quantized", 6, 32, torch.float32, dict(num_bits=8, type="float", strategy="group", group_size=16)),
    "floatblock": ("naive-quantized", 6, 20, torch.float32, dict(num_bits=8, type="float", strategy="block", block_structure=[4, 8])),
    "intblock": ("naive-quantized", 6, 20, torch.float32, dict(num_bits=8, strategy="block", block_structure=[4, 8])),
}


def compressed(generator, kind, out, inputs, scale_type, arguments):
    """What the library stores, and makes of it with the scales in float32."""
    args = QuantizationArgs(**arguments)
    scheme = QuantizationScheme(targets=["Linear"], weights=args)
    compressor = BaseCompressor.get_value_from_registry(kind)
    rows, columns = {"tensor": (0, 0), "channel": (out, 1), "group": (out, inputs // (args.group_size or 1)),
                     "block": (math.ceil(out / 4), math.ceil(inputs / 8))}[args.strategy]
    shape = (rows, columns) if rows else (1,)
    scale = (torch.rand(shape, generator=generator) * 0.05 + 0.02).to(scale_type)
    zero = torch.zeros(shape, dtype=torch.int8)
    if not args.symmetric:
        zero = torch.randint(-(1 << args.num_bits - 1), 1 << args.num_bits - 1, shape, generator=generator).to(torch.int8)
    if args.type == "float":
        zero = zero.to(torch.float8_e4m3fn)
    weight = torch.randn(out, inputs, generator=generator) * (0.3 if args.num_bits == 4 else 2)
    state = {"weight": weight, "weight_scale": scale, "weight_zero_point": zero}
    stored = compressor.compress(dict(state), scheme)
    wide = stored | {"weight_scale": stored["weight_scale"].float()}
    want = compressor.decompress(wide, scheme)["weight"]
    assert want.dtype == torch.float32 and want.shape == weight.shape
    return {name: t.contiguous() for name, t in stored.items()}, want.contiguous()


def act_order(generator):
    """A case with weight_g_idx: the group of each input."""
    from compressed_tensors.compressors.pack_quantized import pack_to_int32
    out, inputs, size = 8, 48, 16
    codes = torch.randint(-8, 8, (out, inputs), generator=generator).to(torch.int8)
    scale = (torch.rand(out, inputs // size, generator=generator) + 0.01).half()
    g_idx = torch.randperm(inputs, generator=generator).int() // size
    stored = {"weight_packed": pack_to_int32(codes, 4), "weight_scale": scale, "weight_shape": torch.tensor(codes.shape), "weight_g_idx": g_idx}
    return stored, (codes.float() * scale.float()[:, g_idx.long()]).contiguous()


def check_act_order(generator):
    """An old version of the library reads the case so, too."""
    stored, want = act_order(generator)
    reader = BaseCompressor.get_value_from_registry("pack-quantized")
    scheme = QuantizationScheme(targets=["Linear"], weights=QuantizationArgs(num_bits=4, strategy="group", group_size=16, actorder="group"))
    got = reader.decompress(stored | {"weight_scale": stored["weight_scale"].float()}, scheme)["weight"]
    assert torch.equal(got, want)
    print("weight_g_idx is read so by", compressed_tensors.__version__)


def functions(path: pathlib.Path, names: set, **scope) -> dict:
    """Functions of a file, or of classes in it, without what the file imports."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name in names and node.name not in scope:
            node.decorator_list, node.returns = [], None
            for a in node.args.args:
                a.annotation = None
            exec(compile(ast.Module([node], []), str(path), "exec"), scope)  # noqa: S102
    return scope


def check_gptqmodel(folder: pathlib.Path, case: dict, codes, zeros, g_idx, bits, version, want):
    """The packer of GPTQModel stores the same, from the values; its reader gives the same values."""
    from contextlib import nullcontext
    qlinear = functions(folder / "gptqmodel/nn_modules/qlinear/__init__.py", {"pack_original", "dequantize_weight", "_dequantize_from_codes"},
                        t=torch, np=numpy, math=math, nn=torch.nn, _ConvNd=torch.nn.modules.conv._ConvNd, transformers=__import__("transformers"),
                        THREADPOOLCTL=types.SimpleNamespace(threadpool_limits=lambda n: nullcontext()), _torch_right_shift=lambda x, n: x >> n)
    convert = functions(folder / "gptqmodel/utils/model.py", {"convert_gptq_v1_to_v2_format_module", "convert_gptq_v2_to_v1_format_module"},
                        torch=torch, BaseQuantLinear=object, log=types.SimpleNamespace(info=types.SimpleNamespace(once=lambda *_: None)))
    out, inputs = codes.shape
    module = types.SimpleNamespace(bits=bits, maxq=2**bits - 1, pack_factor=32 // bits, pack_dtype=torch.int32, pack_dtype_bits=32, planar=False,
                                   pack_np_math_dtype=numpy.uint32, pack_np_dtype=numpy.int32, in_features=inputs, g_idx=g_idx.int(),
                                   dequant_dtype=torch.int16 if bits == 8 else torch.int8, _init_wf_unsqueeze_buffers=lambda: None,
                                   qzero_format=lambda format: None)
    shifts = torch.arange(0, 32, bits, dtype=torch.int32)
    module.wf_unsqueeze_zero, module.wf_unsqueeze_neg_one = shifts.reshape(1, 1, -1), shifts.reshape(1, -1, 1)
    module.register_buffer = lambda name, x: setattr(module, name, x)
    module._dequantize_from_codes = lambda *args, **kw: qlinear["_dequantize_from_codes"](module, *args, **kw)
    linear = torch.nn.Linear(inputs, out, bias=False)
    linear.weight.data = want
    qlinear["pack_original"](module, linear, case["scales"].float().T, zeros.float().T, g_idx)
    if version == 1:
        convert["convert_gptq_v2_to_v1_format_module"](module, types.SimpleNamespace(bits=bits, pack_dtype=torch.int32))
    for name in ("qweight", "qzeros", "scales"):
        assert torch.equal(getattr(module, name), case[name]), name
    if version == 1:
        convert["convert_gptq_v1_to_v2_format_module"](module, bits, torch.int32)
    module.scales = module.scales.float()
    assert torch.equal(qlinear["dequantize_weight"](module).T, want)


def check_autoawq(folder: pathlib.Path, case: dict, codes, zeros, group, want):
    """The packer of AutoAWQ stores the same, from the values; its reader gives the same values."""
    gemm = functions(folder / "awq/modules/linear/gemm.py", {"from_linear"}, torch=torch, get_best_device=lambda: "cpu")
    out, inputs = codes.shape

    def module(*_):
        return types.SimpleNamespace(w_bit=4, in_features=inputs, out_features=out, group_size=group)
    linear = torch.nn.Linear(inputs, out, bias=False)
    linear.weight.data = want
    packed = gemm["from_linear"](module, linear, 4, group, scales=case["scales"], zeros=zeros)
    for name in ("qweight", "qzeros", "scales"):
        assert torch.equal(getattr(packed, name), case[name]), name
    scope = {}
    exec((folder / "awq/utils/packing_utils.py").read_text(), scope)  # noqa: S102
    got = scope["dequantize_gemm"](case["qweight"], case["qzeros"], case["scales"].float(), 4, group)
    assert torch.equal(got.T, want)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--gptqmodel", type=pathlib.Path)
    parser.add_argument("--autoawq", type=pathlib.Path)
    options = parser.parse_args()
    generator = torch.Generator().manual_seed(7)
    tensors = {}
    if compressed_tensors.__version__ == "0.15.0":
        return check_act_order(generator)

    def add(case, stored, want):
        tensors.update({f"{case}.x.{name}": t for name, t in stored.items()})
        tensors[f"want.{case}.x.weight"] = want

    for name, (out, inputs, bits, group, symmetric, order, version, indexed) in GPTQ.items():
        size = inputs if group == -1 else group
        codes, zeros, scales = numbers(generator, out, inputs, math.ceil(inputs / size), bits, symmetric)
        g_idx = torch.arange(inputs) // size
        if order:
            g_idx = g_idx[torch.randperm(inputs, generator=generator)]
        stored, want = gptq(codes, zeros, scales, bits, group, g_idx if indexed else None, version), affine(codes, zeros, scales, g_idx)
        if options.gptqmodel:
            check_gptqmodel(options.gptqmodel, stored, codes, zeros, g_idx, bits, version, want)
        add("gptq." + name, stored, want)
    for name, (out, inputs, group) in AWQ.items():
        size = inputs if group == -1 else group
        codes, zeros, scales = numbers(generator, out, inputs, inputs // size, 4, False)
        stored, want = awq(codes, zeros, scales), affine(codes, zeros, scales, torch.arange(inputs) // size)
        if options.autoawq:
            check_autoawq(options.autoawq, stored, codes, zeros, size, want)
        add("awq." + name, stored, want)
    for name, (kind, out, inputs, scale_type, arguments) in COMPRESSED.items():
        add("ct." + name, *compressed(generator, kind, out, inputs, scale_type, arguments))
    add("ct.actorder", *act_order(torch.Generator().manual_seed(7)))

    path = pathlib.Path(__file__).with_suffix(".safetensors")
    if options.check:
        old = load_file(path)
        assert old.keys() == tensors.keys(), sorted(old.keys() ^ tensors.keys())
        for name, t in tensors.items():
            assert old[name].dtype == t.dtype and torch.equal(old[name].reshape(-1).view(torch.uint8), t.reshape(-1).view(torch.uint8)), name
        return
    save_file(tensors, path)


if __name__ == "__main__":
    main()

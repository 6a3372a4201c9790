"""Writes quantised.safetensors: quantised weights, and what transformers 5.24.0 (torch 2.15.0) makes of them.

Usage: python quantised.py [--check]

"q.weight" and "q.weight_scale_inv" become "want.q.weight", whole blocks of 4 by 8; "m_blocks" and "m_scales" become
"want.m". --check compares with the file instead of writing it.
"""

import pathlib
import sys

import torch
from safetensors.torch import load_file, save_file
from transformers.integrations.finegrained_fp8 import Fp8Dequantize
from transformers.integrations.mxfp4 import convert_moe_packed_tensors


def main():
    torch.manual_seed(5)
    tensors = {}
    codes = torch.arange(256, dtype=torch.uint8).reshape(8, 32)
    codes[codes & 127 == 127] = 0x7E  # NaN cannot be compared
    q = torch.cat([codes, codes.flip(0), codes.flip(1)]).view(torch.float8_e4m3fn)
    for name, scales in {
        "float": torch.rand(6, 4) * 3 + 1e-3,
        "bf16": (torch.rand(6, 4) * 3 + 1e-3).bfloat16(),
        "f16": (torch.rand(6, 4) * 3 + 1e-3).half(),
        "ue8m0": torch.randint(100, 150, (6, 4), dtype=torch.uint8).view(torch.float8_e8m0fnu),
        "bytes": torch.randint(0, 254, (6, 4), dtype=torch.uint8),
        "single": torch.tensor(0.37),
    }.items():
        want = Fp8Dequantize(None)._dequantize_one(q, scales, torch.float32)
        tensors |= {f"{name}.weight": q.clone(), f"{name}.weight_scale_inv": scales, f"want.{name}.weight": want}

    blocks = torch.randint(0, 256, (3, 5, 2, 16), dtype=torch.uint8)
    scales = torch.randint(0, 254, (3, 5, 2), dtype=torch.uint8)
    blocks[0, 0, 0] = torch.arange(0, 256, 17, dtype=torch.uint8)
    want = convert_moe_packed_tensors(blocks, scales, dtype=torch.bfloat16)  # transposed, as gpt-oss stores it
    tensors |= {"m_blocks": blocks, "m_scales": scales, "want.m": want.transpose(1, 2).contiguous()}

    path = pathlib.Path(__file__).with_suffix(".safetensors")
    if "--check" in sys.argv:
        old = load_file(path)
        assert old.keys() == tensors.keys(), sorted(old.keys() ^ tensors.keys())
        for name, t in tensors.items():
            assert old[name].dtype == t.dtype and torch.equal(old[name].flatten().view(torch.uint8), t.flatten().view(torch.uint8)), name
        return
    save_file(tensors, path)


if __name__ == "__main__":
    main()

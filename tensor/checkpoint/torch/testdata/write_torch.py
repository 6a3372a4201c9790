"""Writes *.pt, as torch.save does, and what is in them: expected.json.

Written by torch 2.15.0.
"""

import base64
import json
import pathlib

import torch

HERE = pathlib.Path(__file__).parent


def numbers(*shape, dtype=torch.float32):
    n = torch.Size(shape).numel()
    return (torch.arange(n) - n // 2).to(dtype).reshape(shape) * (1 if dtype in (torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8, torch.bool) else 0.5)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.shared = torch.nn.Embedding(5, 4)
        self.embed_tokens = torch.nn.Embedding(5, 4)
        self.embed_tokens.weight = self.shared.weight
        self.lm_head = torch.nn.Linear(4, 5)
        self.lm_head.weight = self.shared.weight
        self.norm = torch.nn.LayerNorm(4)
        self.register_buffer("position_ids", torch.arange(6).expand(1, -1))


def dtypes():
    types = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "F64": torch.float64, "C64": torch.complex64,
             "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool}
    state = {name: numbers(2, 3, dtype=t).to(t) for name, t in types.items()}
    return state | {"scalar": torch.tensor(2.5), "empty": torch.zeros(0, 3), "five dimensions": numbers(1, 2, 1, 2, 1)}


def views():
    base = numbers(4, 6)
    cube = numbers(2, 3, 4, dtype=torch.float16)
    return {
        "base": base, "tied": base, "rows": base[1:3], "row": base[3], "column": base[:, 2], "element": base[2, 3],
        "transposed": base.t(), "even": base[:, ::2], "corner": base[2:, 4:], "unsqueezed": base[:1, None, :2],
        "expanded": base[0].expand(3, -1), "one": torch.tensor([7.0]).expand(5), "permuted": cube.permute(2, 0, 1), "swapped": cube.transpose(0, 1),
        "flat": cube.view(-1)[5:19], "none": base[4:],
    }


def main():
    torch.manual_seed(1)
    net = Net().half()
    saved = {"dtypes": dtypes(), "views": views(), "module": net.state_dict(), "parameters": dict(net.named_parameters())}
    expected = {}
    for name, state in saved.items():
        torch.save(state, HERE / f"{name}.pt")
        if name in ("views", "module"):
            torch.save(state, HERE / f"{name}-old.pt", _use_new_zipfile_serialization=False)
        expected[name] = {
            key: {"dtype": str(t.dtype), "shape": list(t.shape),
                  "data": base64.b64encode(t.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()).decode()}
            for key, t in state.items()
        }
    refused = {
        "nested": {"state_dict": {"w": torch.ones(1)}}, "epoch": {"w": torch.ones(1), "epoch": 3},
        "whole": torch.nn.Linear(1, 1), "float8": {"w": torch.ones(1).to(torch.float8_e4m3fn)},
        "sparse": {"w": torch.ones(1, 1).to_sparse()}, "list": [torch.ones(1)],
    }
    for name, thing in refused.items():
        torch.save(thing, HERE / f"refused-{name}.pt")
    torch.save({"w": torch.ones(1)}, HERE / "refused-protocol.pt", pickle_protocol=4)
    (HERE / "expected.json").write_text(json.dumps(expected, indent=0) + "\n")


if __name__ == "__main__":
    main()

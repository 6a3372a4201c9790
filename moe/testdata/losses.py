"""Writes losses.json: the auxiliary losses of transformers for a few router logits.

Made with transformers 5.24.0 and torch 2.15.0 on the CPU, in float32: Mixtral's load_balancing_loss_func and Switch
Transformers' router_z_loss_func. logits are those of each layer, a list per token; keep is the attention mask.
"""
import json
import pathlib
import random
import sys

import torch
import transformers
from transformers.models.mixtral.modeling_mixtral import load_balancing_loss_func
from transformers.models.switch_transformers.modeling_switch_transformers import router_z_loss_func

VERSIONS = {"transformers": transformers.__version__, "torch": torch.__version__.split("+")[0]}
if VERSIONS != {"transformers": "5.24.0", "torch": "2.15.0"}:
    sys.exit(f"losses.py: made with other versions: {VERSIONS}")
torch.set_num_threads(1)

# name, layers, tokens, experts, active, largest logit, share of padding
CASES = [
    ("one layer", 1, 12, 4, 1, 2, 0),
    ("several layers", 3, 10, 8, 2, 2, 0),
    ("padding", 2, 14, 8, 3, 2, 0.4),
    ("all experts", 2, 5, 3, 3, 2, 0),
    ("few tokens kept", 1, 6, 5, 2, 2, 0.9),
    ("large logits", 1, 8, 8, 2, 60, 0.3),
]


def logits(random, experts: int, largest: float) -> list:
    """Numbers that float32 and JSON hold alike, no two of a token equal."""
    steps = random.sample(range(-64, 65), experts)
    return [step / 64 * largest for step in steps]


def make(number: int, name: str, layers: int, tokens: int, experts: int, active: int, largest: float, padding: float):
    r = random.Random(number)
    x = [[logits(r, experts, largest) for _ in range(tokens)] for _ in range(layers)]
    keep = [1 if t == 2 or r.random() >= padding else 0 for t in range(tokens)] if padding else None
    mask = torch.tensor(keep) if padding else None
    balance = load_balancing_loss_func(tuple(torch.tensor(layer) for layer in x), experts, active, mask)
    return {"name": name, "experts": experts, "active": active, "keep": keep, "balance": balance.item(),
            "z": [router_z_loss_func(torch.tensor([layer])).item() for layer in x], "logits": x}


out = pathlib.Path(__file__).with_suffix(".json")
cases = [make(number, *case) for number, case in enumerate(CASES)]
out.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")

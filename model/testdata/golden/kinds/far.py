"""Decoders far from the start of a text, and tables of LLaMA 4's rotations and temperatures there. golden.py says what
a file of tables holds."""

import torch
import transformers
from transformers.cache_utils import DynamicCache
from transformers.models.llama4 import modeling_llama4 as llama4

from kinds.reference import pack


class Far(DynamicCache):
    """A cache that says that it has dropped the tokens before the first: the reference reads positions from it."""

    def __init__(self, config, start: int):
        super().__init__(config=config)
        self.start = start

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return super().get_seq_length(layer_idx) + self.start

    def get_mask_sizes(self, query_length: int, layer_idx: int) -> tuple[int, int]:
        length, offset = super().get_mask_sizes(query_length, layer_idx)
        return length, offset + self.start


def arguments(model, start: int) -> dict:
    """Of a forward pass whose first token stands at start."""
    return {"cache": Far(model.config, start)} if start else {"use_cache": False}


def rotation(config: dict, positions: list) -> dict:
    """The frequencies of a config, and cosines and sines at some positions."""
    table = llama4.Llama4TextRotaryEmbedding(transformers.Llama4TextConfig(**config))
    turns = table(torch.zeros(1), torch.tensor([positions]))[0]
    return {"config": config, "inv_freq": pack(table.inv_freq), "cos": pack(turns.real.contiguous()),
            "sin": pack(turns.imag.contiguous())}


def temperature(scales: dict, positions: list) -> dict:
    """By how much a layer without rotation multiplies the queries at some positions."""
    config = transformers.Llama4TextConfig(hidden_size=2, num_attention_heads=1, num_key_value_heads=1, head_dim=2,
                                           no_rope_layers=[0], num_hidden_layers=1, attention_bias=True, **scales)
    config._attn_implementation = "seen"
    attention, seen = llama4.Llama4TextAttention(config, 0), []

    def see(_, query, *rest, **more):
        seen.append(query[0, 0, 0, 0].clone())
        return query.transpose(1, 2), None

    transformers.AttentionInterface.register("seen", see)
    attention.q_proj.weight.zero_()
    attention.q_proj.bias.fill_(1.0)  # queries of 1 show what multiplies them
    for position in positions:
        attention(torch.zeros(1, 1, 2), None, None, cache=Far(config, position))
    return {"config": scales, "scale": pack(torch.stack(seen))}


def make(case) -> dict:
    return {"name": case.name, "family": case.family, "note": case.note, "positions": case.positions,
            "rotations": [rotation(rope, case.positions) for rope in case.ropes],
            "temperatures": [temperature(scales, case.positions) for scales in case.scales]}


def remake(case, _) -> dict:
    return make(case)

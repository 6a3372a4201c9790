"""The layer that predicts one token more, run by the reference's own code for generate(use_mtp=True)."""

import re

import torch
from transformers.cache_utils import MtpCache
from transformers.modeling_layers import MtpModel


def load(case, model) -> MtpModel:
    """The layer beside a model that has just been loaded. The reference knows its names only for the published
    number of layers."""
    model._keys_to_ignore_on_load_unexpected = [re.escape(case.prediction)]
    return MtpModel.from_pretrained(model).eval()


def run(layer: MtpModel, model, ids: list) -> torch.Tensor:
    """The layer's hidden states after its norm. Row i is made of the final norm's output at token i and of token i + 1,
    at position i + 1; the last of ids has no row."""
    tokens = torch.tensor([ids])
    states = model(tokens[:, :-1], use_cache=False, output_hidden_states=True).hidden_states[-1]
    return layer.forward_layer(0, states, torch.arange(1, len(ids))[None], MtpCache(config=layer.config),
                               input_ids=tokens[:, 1:])

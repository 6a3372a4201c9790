"""Decoders: hidden states, routing, logits and 64 greedy tokens. golden.py says what a file holds."""

import math
import re
import tempfile

import torch
import transformers
from transformers.models.llama4.modeling_llama4 import Llama4Router, Llama4TextExperts

from kinds import far, prediction
from kinds.reference import (Unfit, check_contrasts, check_weights, first_fit, layout, load, make_weights,
                             pack, random_ids, relative, tensor_rules, with_noise)

GREEDY, POSITIONS = 64, [0, 7, 22]  # and the prompt's last
NOISE, DRAWS, MIN_MARGIN, MIN_DISTINCT = 1e-4, 6, 1e-3, 10
SEEDS = 60
SAME_WEIGHT = 0.01  # of an expert, with noise and without


def kept_positions(prompt: list) -> list:
    return [*POSITIONS, len(prompt) - 1]


def next_logits(case, model, ids: list) -> torch.Tensor:
    return model(torch.tensor([ids]), **far.arguments(model, case.start)).logits[0]


def margin(row: torch.Tensor) -> float:
    first, second = row.topk(2).values.tolist()
    return (first - second) / row.abs().max().item()


def greedy(case, model, prompt: list, least: float = 0) -> tuple[list, float]:
    """The tokens that follow, and the smallest margin, which is not to be below least."""
    ids, smallest = list(prompt), math.inf
    for _ in range(GREEDY):
        row = next_logits(case, model, ids)[-1]
        smallest = min(smallest, margin(row))
        if smallest < least:
            raise Unfit(f"margin {smallest:.2g}")
        ids.append(row.argmax().item())
    return ids[len(prompt):], smallest


def greedy_cached(model, prompt: list) -> list:
    model.generation_config = transformers.GenerationConfig(do_sample=False, max_new_tokens=GREEDY, pad_token_id=0)
    ids = torch.tensor([prompt])
    return model.generate(ids, attention_mask=torch.ones_like(ids))[0, len(prompt):].tolist()


LAYER = re.compile(r"layers\.(\d+)\.")


def layer_of(name: str) -> int:
    return int(LAYER.search(name)[1])


def routing(model, run) -> dict:
    """Of a run, by sparse layer: the experts of each token and their weights, both [tokens, active], in the order of
    choice."""
    found, hooks = {}, []

    def note(name, module):
        def experts(_, arguments):
            found[layer_of(name)] = arguments[1:]

        def router(_, arguments, output):  # LLaMA 4's experts get rows that are multiplied by their weights already
            found[layer_of(name)] = output[0].topk(module.top_k)[::-1]

        if isinstance(module, Llama4Router):
            hooks.append(module.register_forward_hook(router))
        elif name.endswith(".experts") and not isinstance(module, Llama4TextExperts):
            hooks.append(module.register_forward_pre_hook(experts))

    for name, module in model.named_modules():
        note(name, module)
    run()
    for hook in hooks:
        hook.remove()
    return dict(sorted(found.items()))


def routings(case, model, ids: list) -> list:
    """(model, routing) of a model that has just been loaded, and of the layer that predicts one token more."""
    found = [(model, routing(model, lambda: next_logits(case, model, ids)))]
    if case.prediction:
        layer = prediction.load(case, model)
        found.append((layer, routing(layer, lambda: prediction.run(layer, model, ids))))
    return found


def check_routing(case, found: list):
    """A prompt must use every expert of every layer, with weights that differ."""
    for model, routed in found:
        experts = {layer_of(name): len(p) for name, p in model.named_parameters() if ".experts." in name}
        for layer, n in experts.items():
            chosen, weights = routed[layer]
            if len(chosen.unique()) < n:
                raise Unfit(f"layer {layer} uses {len(chosen.unique())} of {n} experts")
            uneven = (weights.max(-1).values / weights.min(-1).values).mean()
            if weights.shape[-1] > 1 and uneven < case.uneven:
                raise Unfit(f"layer {layer} weighs experts too evenly: {uneven:.2g}")


def same_routing(x: list, y: list, kept: list) -> bool:
    """Whether tokens have the same experts, and those that are kept in the same order."""
    return all(torch.equal(a[layer][0].sort().values, b[layer][0].sort().values)
               and torch.equal(a[layer][0][kept], b[layer][0][kept])
               and torch.allclose(a[layer][1][kept], b[layer][1][kept], atol=SAME_WEIGHT)
               for (_, a), (_, b) in zip(x, y, strict=True) for layer in a)


def each_weight(model):
    """The parameters by name, those of experts one expert after the other, and the biases of routers."""
    for name, p in model.named_parameters():
        if ".experts." in name:
            yield from ((f"{name}.{i}", expert) for i, expert in enumerate(p))
        else:
            yield name, p
    yield from ((name, bias) for name, bias in model.named_buffers() if name.endswith("_bias"))


def survives_noise(case, folder, config, weights, tensors, prompt, want: list, cached: list) -> bool:
    kept = kept_positions(prompt)
    routed = routings(case, load(case, folder, config, weights), prompt + want)
    for draw in range(DRAWS):
        noisy = with_noise(weights, tensors, draw, NOISE)
        model = load(case, folder, config, noisy)
        if case.rope_state:  # the frequencies depend on the length, so each length needs its own run
            got = greedy(case, model, prompt)[0]
            if greedy_cached(load(case, folder, config, noisy), prompt) != cached:
                return False
        else:
            got = next_logits(case, model, prompt + want)[len(prompt) - 1:-1].argmax(-1).tolist()
        if got != want or not same_routing(routed, routings(case, model, prompt + want), kept):
            return False
    return True


def make_prompt(case, seed: int) -> list:
    prompt = random_ids(f"{seed}:prompt", case.prompt, case.text_config["vocab_size"]).tolist()
    for at in case.pads_at:
        prompt[at] = case.text_config["pad_token_id"]
    return prompt


def check_shown(case, folder, config, weights, prompt):
    """Contrasts and tensors must show in the logits."""
    ids = prompt + prompt[::-1][:40]  # some changes show only after a length
    model = load(case, folder, config, weights)
    logits = next_logits(case, model, ids)
    check_contrasts(case, config, lambda other: relative(
        logits, next_logits(case, load(case, folder, other, weights, strict=False), ids)))
    check_weights(case, each_weight(model), case.faintest, lambda: relative(logits, next_logits(case, model, ids)))


def route(layer: int, chosen: torch.Tensor, weights: torch.Tensor, positions: list) -> dict:
    return {"layer": layer, "experts": chosen[positions].tolist(), **pack(weights[positions])}


def predict(case, model, ids: list, positions: list) -> dict:
    """What the layer that predicts one token more gives for ids, the last of which is not in the prompt."""
    layer = prediction.load(case, model)
    states = prediction.run(layer, model, ids)
    check_weights(case, ((n, w) for n, w in each_weight(layer) if n.startswith("layers.")), case.faintest,
                  lambda: relative(states, prediction.run(layer, model, ids)))
    routed = routing(layer, lambda: prediction.run(layer, model, ids))
    return {"hidden": pack(states[0, positions]), "logits": pack(layer._project_to_logits(states[0, positions])),
            "routing": [route(model.config.num_hidden_layers, *routed[0], positions)]}


def attempt(case, seed: int, config: dict, shapes: dict) -> dict:
    tensors = tensor_rules(case, shapes)
    weights = make_weights(seed, tensors)
    prompt = make_prompt(case, seed)
    positions = kept_positions(prompt)
    with tempfile.TemporaryDirectory() as folder:
        model = load(case, folder, config, weights)
        output = model(torch.tensor([prompt]), output_hidden_states=True, **far.arguments(model, case.start))
        found = routings(case, model, prompt)
        check_routing(case, found)
        routed = found[0][1]
        tokens, smallest = greedy(case, load(case, folder, config, weights), prompt, MIN_MARGIN)
        if len(set(tokens)) < MIN_DISTINCT:
            raise Unfit(f"{len(set(tokens))} different tokens")
        cached = tokens if case.start else greedy_cached(load(case, folder, config, weights), prompt)
        if cached != tokens and not case.rope_state:
            raise ValueError(f"{case.name}: the cache changes the greedy run")
        if not survives_noise(case, folder, config, weights, tensors, prompt, tokens, cached):
            raise Unfit("noise changes the greedy run or the routing")
        check_shown(case, folder, config, weights, prompt)
        predicted = {}
        if case.prediction:
            model = load(case, folder, config, weights)
            predicted = {"prediction": predict(case, model, prompt + tokens[:1], positions)}

    hidden = output.hidden_states
    labels = ["embedding", *(f"layer {i}" for i in range(len(hidden) - 2)), case.last]
    return {
        "name": case.name, "family": case.family, "note": case.note, "config": config,
        **({} if case.attention == "eager" else {"attention": case.attention}), "seed": seed,
        "tensors": tensors, **({"start": case.start} if case.start else {}), "prompt": prompt, "positions": positions,
        "hidden": [{"at": at, **pack(h[0, positions])} for at, h in zip(labels, hidden, strict=True)],
        **({"routing": [route(layer, *r, positions) for layer, r in routed.items()]} if routed else {}),
        "logits": pack(output.logits[0, positions]),
        **predicted,
        "greedy": tokens,
        **({"greedy_cached": cached} if cached != tokens else {}),
        "min_margin": float(f"{smallest:.4g}"),
    }


def make(case) -> dict:
    config, shapes = layout(case, case.config)
    return first_fit(case, (lambda seed=seed: attempt(case, seed, config, shapes) for seed in range(1, SEEDS)))


def remake(case, stored: dict) -> dict:
    return attempt(case, stored["seed"], *layout(case, case.config))

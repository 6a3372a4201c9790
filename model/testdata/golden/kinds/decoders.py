"""Decoders: hidden states, routing, logits and 64 greedy tokens. golden.py says what a file holds."""

import math
import re
import tempfile

import torch
import transformers

from kinds.reference import (Unfit, check_contrasts, check_weights, first_fit, layout, load, make_weights,
                             pack, random_ids, relative, tensor_rules, with_noise)

GREEDY, POSITIONS = 64, [0, 7, 22]  # and the prompt's last
NOISE, DRAWS, MIN_MARGIN, MIN_DISTINCT = 1e-4, 6, 1e-3, 10
SEEDS = 60
UNEVEN = 1.5  # mean of the largest by the smallest weight of a token's experts


def next_logits(model, ids: list) -> torch.Tensor:
    return model(torch.tensor([ids]), use_cache=False).logits[0]


def margin(row: torch.Tensor) -> float:
    first, second = row.topk(2).values.tolist()
    return (first - second) / row.abs().max().item()


def greedy(model, prompt: list, least: float = 0) -> tuple[list, float]:
    """The tokens that follow, and the smallest margin, which is not to be below least."""
    ids, smallest = list(prompt), math.inf
    for _ in range(GREEDY):
        row = next_logits(model, ids)[-1]
        smallest = min(smallest, margin(row))
        if smallest < least:
            raise Unfit(f"margin {smallest:.2g}")
        ids.append(row.argmax().item())
    return ids[len(prompt):], smallest


def greedy_cached(model, prompt: list) -> list:
    model.generation_config = transformers.GenerationConfig(do_sample=False, max_new_tokens=GREEDY, pad_token_id=0)
    ids = torch.tensor([prompt])
    return model.generate(ids, attention_mask=torch.ones_like(ids))[0, len(prompt):].tolist()


def routing(model, ids: list) -> dict:
    """By sparse layer: the experts of each token and their weights, both [tokens, active], in the order of choice."""
    found = {}

    def note(name):
        def hook(_, arguments):
            found[int(re.search(r"layers\.(\d+)\.", name)[1])] = arguments[1:]
        return hook

    hooks = [module.register_forward_pre_hook(note(name))
             for name, module in model.named_modules() if name.endswith(".experts")]
    next_logits(model, ids)
    for hook in hooks:
        hook.remove()
    return found


def check_routing(model, prompt: list):
    """The prompt must use every expert of every layer, with weights that differ."""
    experts = {name.rsplit(".", 1)[0]: len(p) for name, p in model.named_parameters() if ".experts." in name}
    for n, (layer, (chosen, weights)) in zip(experts.values(), sorted(routing(model, prompt).items()), strict=True):
        if len(chosen.unique()) < n:
            raise Unfit(f"layer {layer} uses {len(chosen.unique())} of {n} experts")
        uneven = (weights.max(-1).values / weights.min(-1).values).mean()
        if weights.shape[-1] > 1 and uneven < UNEVEN:
            raise Unfit(f"layer {layer} weighs experts too evenly: {uneven:.2g}")


def same_routing(x: dict, y: dict) -> bool:
    return all(torch.equal(x[layer][0], y[layer][0]) for layer in x)


def each_weight(model):
    """The parameters by name; those of experts one expert after the other."""
    for name, p in model.named_parameters():
        if ".experts." in name:
            yield from ((f"{name}.{i}", expert) for i, expert in enumerate(p))
        else:
            yield name, p


def survives_noise(case, folder, config, weights, tensors, prompt, want: list, cached: list) -> bool:
    routed = routing(load(case, folder, config, weights), prompt + want)
    for draw in range(DRAWS):
        noisy = with_noise(weights, tensors, draw, NOISE)
        model = load(case, folder, config, noisy)
        if case.rope_state:  # the frequencies depend on the length, so each length needs its own run
            got = greedy(model, prompt)[0]
            if greedy_cached(load(case, folder, config, noisy), prompt) != cached:
                return False
        else:
            got = next_logits(model, prompt + want)[len(prompt) - 1:-1].argmax(-1).tolist()
        if got != want or not same_routing(routed, routing(model, prompt + want)):
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
    logits = next_logits(model, ids)
    check_contrasts(case, config, lambda other: relative(
        logits, next_logits(load(case, folder, other, weights, strict=False), ids)))
    check_weights(case, each_weight(model), case.faintest, lambda: relative(logits, next_logits(model, ids)))


def attempt(case, seed: int, config: dict, shapes: dict) -> dict:
    tensors = tensor_rules(case, shapes)
    weights = make_weights(seed, tensors)
    prompt = make_prompt(case, seed)
    positions = [*POSITIONS, len(prompt) - 1]
    with tempfile.TemporaryDirectory() as folder:
        model = load(case, folder, config, weights)
        output = model(torch.tensor([prompt]), use_cache=False, output_hidden_states=True)
        check_routing(model, prompt)
        routed = sorted(routing(model, prompt).items())
        tokens, smallest = greedy(load(case, folder, config, weights), prompt, MIN_MARGIN)
        if len(set(tokens)) < MIN_DISTINCT:
            raise Unfit(f"{len(set(tokens))} different tokens")
        cached = greedy_cached(load(case, folder, config, weights), prompt)
        if cached != tokens and not case.rope_state:
            raise ValueError(f"{case.name}: the cache changes the greedy run")
        if not survives_noise(case, folder, config, weights, tensors, prompt, tokens, cached):
            raise Unfit("noise changes the greedy run or the routing")
        check_shown(case, folder, config, weights, prompt)

    hidden = output.hidden_states
    labels = ["embedding", *(f"layer {i}" for i in range(len(hidden) - 2)), case.last]
    return {
        "name": case.name, "family": case.family, "note": case.note, "config": config,
        **({} if case.attention == "eager" else {"attention": case.attention}), "seed": seed,
        "tensors": tensors, "prompt": prompt, "positions": positions,
        "hidden": [{"at": at, **pack(h[0, positions])} for at, h in zip(labels, hidden, strict=True)],
        **({"routing": [{"layer": layer, "experts": chosen[positions].tolist(), **pack(w[positions])}
                        for layer, (chosen, w) in routed]} if routed else {}),
        "logits": pack(output.logits[0, positions]),
        "greedy": tokens,
        **({"greedy_cached": cached} if cached != tokens else {}),
        "min_margin": float(f"{smallest:.4g}"),
    }


def make(case) -> dict:
    config, shapes = layout(case, case.config)
    return first_fit(case, (lambda seed=seed: attempt(case, seed, config, shapes) for seed in range(1, SEEDS)))


def remake(case, stored: dict) -> dict:
    return attempt(case, stored["seed"], *layout(case, case.config))

"""Decoders: hidden states, logits and 64 greedy tokens. golden.py says what a file holds."""

import math
import tempfile

import torch
import transformers

from kinds.reference import (Unfit, check_contrasts, check_weights, first_fit, layout, load, make_weights,
                             pack, random_ids, relative, tensor_rules, with_noise)

GREEDY, POSITIONS = 64, [0, 7, 22]  # and the prompt's last
NOISE, DRAWS, MIN_MARGIN, MIN_DISTINCT = 1e-4, 6, 1e-3, 10
SEEDS = 60


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


def survives_noise(case, folder, config, weights, tensors, prompt, want: list, cached: list) -> bool:
    for draw in range(DRAWS):
        noisy = with_noise(weights, tensors, draw, NOISE)
        model = load(case, folder, config, noisy)
        if case.rope_state:  # the frequencies depend on the length, so each length needs its own run
            got = greedy(model, prompt)[0]
            if greedy_cached(load(case, folder, config, noisy), prompt) != cached:
                return False
        else:
            got = next_logits(model, prompt + want)[len(prompt) - 1:-1].argmax(-1).tolist()
        if got != want:
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
    check_weights(case, model.named_parameters(), case.faintest, lambda: relative(logits, next_logits(model, ids)))


def attempt(case, seed: int, config: dict, shapes: dict) -> dict:
    tensors = tensor_rules(case, shapes)
    weights = make_weights(seed, tensors)
    prompt = make_prompt(case, seed)
    positions = [*POSITIONS, len(prompt) - 1]
    with tempfile.TemporaryDirectory() as folder:
        model = load(case, folder, config, weights)
        output = model(torch.tensor([prompt]), use_cache=False, output_hidden_states=True)
        tokens, smallest = greedy(load(case, folder, config, weights), prompt, MIN_MARGIN)
        if len(set(tokens)) < MIN_DISTINCT:
            raise Unfit(f"{len(set(tokens))} different tokens")
        cached = greedy_cached(load(case, folder, config, weights), prompt)
        if cached != tokens and not case.rope_state:
            raise ValueError(f"{case.name}: the cache changes the greedy run")
        if not survives_noise(case, folder, config, weights, tensors, prompt, tokens, cached):
            raise Unfit("noise changes the greedy run")
        check_shown(case, folder, config, weights, prompt)

    hidden = output.hidden_states
    labels = ["embedding", *(f"layer {i}" for i in range(len(hidden) - 2)), case.last]
    return {
        "name": case.name, "family": case.family, "note": case.note, "config": config,
        **({} if case.attention == "eager" else {"attention": case.attention}), "seed": seed,
        "tensors": tensors, "prompt": prompt, "positions": positions,
        "hidden": [{"at": at, **pack(h[0, positions])} for at, h in zip(labels, hidden, strict=True)],
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

"""Encoders: hidden states, and the outputs of heads. golden.py says what a file holds."""

import tempfile

import numpy as np
import torch

from kinds.reference import (Unfit, check_contrasts, check_weights, first_fit, layout, load, make_weights, pack,
                             random_ids, relative, tensor_rules, with_noise)

POSITIONS = [[0, -1], [0, 7, -1], [0, 22, -1]]  # of the rows kept; -1 is the last
NOISE, DRAWS, SHAKY = 1e-4, 4, 2e-3
PADDED = 2e-5  # for the padded batch against each sequence alone, of an array's largest magnitude
SEEDS = 100
PER_SEQUENCE = {"pooler_output", "seq_relationship_logits", "sop_logits"}  # and others by their shape
HIDDEN = ("embedding", "layer", "final norm")
DECISIVE = {"prediction_logits", "logits", "start_logits", "end_logits"}


def make_inputs(case, seed: int, config: dict) -> list:
    """Ids without the padding id, except where the case wants it; a pair is split in the middle."""
    pad, inputs = case.pad_id, []
    for i, (length, positions) in enumerate(zip(case.lengths, POSITIONS, strict=True)):
        ids = random_ids(f"{seed}:input {i}", length, config["vocab_size"])
        ids = np.where(ids == pad, (pad + 3) % config["vocab_size"], ids).tolist()
        for at in case.pads_at:
            if at < length:
                ids[at] = pad
        item = {"ids": ids}
        if case.segments > 1:
            cut = length // 2 + 1 if i else length
            item["types"] = [0] * cut + [1 + (j % (case.segments - 1)) for j in range(length - cut)]
        inputs.append({**item, "positions": [p % length for p in positions]})
    return inputs


def batch(case, items: list) -> dict:
    """The reference's arguments for the items, padded to the longest."""
    longest = max(len(x["ids"]) for x in items)

    def padded(key, fill):
        return torch.tensor([x[key] + [fill] * (longest - len(x[key])) for x in items])

    mask = torch.tensor([[1] * len(x["ids"]) + [0] * (longest - len(x["ids"])) for x in items])
    arguments = {"input_ids": padded("ids", case.pad_id), "attention_mask": mask, **case.arguments}
    if "types" in items[0]:
        arguments["token_type_ids"] = padded("types", 0)
    if case.choice:
        arguments = {k: v[None] for k, v in arguments.items()}
    return arguments


def answers(case, model, items: list) -> list:
    """(label, rows, array) of what the file keeps, from one run over the items: hidden states, then the head's."""
    output = model(**batch(case, items), output_hidden_states=True)
    longest = max(len(x["ids"]) for x in items)

    def kept(x, rows):
        at = [i["positions"] if rows == "position" else list(range(len(i["ids"]))) for i in items]
        return torch.cat([row[some] for row, some in zip(x, at, strict=True)])

    last = len(output.hidden_states) - 1
    end = "final norm" if case.final_norm else f"layer {last - 1}"
    labels = ["embedding", *(f"layer {i}" for i in range(last - 1)), end]
    if not torch.equal(output.hidden_states[-1], getattr(output, "last_hidden_state", output.hidden_states[-1])):
        raise ValueError(f"{case.name}: the last hidden state is not the last layer's")
    found = [(at, "position", kept(h, "position")) for at, h in zip(labels, output.hidden_states, strict=True)]
    for name, value in output.items():
        if name in ("hidden_states", "last_hidden_state"):
            continue
        if case.choice:
            found.append((name, "sequence", value[0]))
        elif name in PER_SEQUENCE or value.shape[1] != longest:
            found.append((name, "sequence", value))
        else:
            rows = "position" if value.shape[-1] == case.config["vocab_size"] else "token"
            found.append((name, rows, kept(value, rows)))
    return found


def alone(case, model, inputs: list) -> list:
    """The answers of each sequence on its own, joined."""
    runs = [answers(case, model, [item]) for item in inputs]
    return [(label, rows, torch.cat([run[i][2] for run in runs])) for i, (label, rows, _) in enumerate(runs[0])]


def distance(a: list, b: list) -> float:
    """The largest difference by the largest magnitude of its array."""
    return max(relative(x, y) for (_, _, x), (_, _, y) in zip(a, b, strict=True))


def decisions(found: list) -> list:
    """What a user would read off: the largest of each row, the likeliest ends, the likeliest choice."""
    return [x.argmax(-1).tolist() for name, _, x in found if name in DECISIVE]


def check(case, folder, config, weights, tensors, inputs) -> list:
    """The answers, if the padded batch agrees, contrasts and tensors show, and noise does not matter."""
    model = load(case, folder, config, weights)
    found = alone(case, model, inputs)
    worst = distance(found, answers(case, model, inputs))
    if worst > PADDED:
        raise ValueError(f"{case.name}: the padded batch differs by {worst:.2g}")
    check_weights(case, model.named_parameters(), case.faintest, lambda: distance(found, alone(case, model, inputs)))
    check_contrasts(case, config, lambda other: distance(
        found[-1:], alone(case, load(case, folder, other, weights, strict=False), inputs)[-1:]))
    for draw in range(DRAWS):
        shaken = alone(case, load(case, folder, config, with_noise(weights, tensors, draw, NOISE)), inputs)
        if distance(found, shaken) > SHAKY or decisions(found) != decisions(shaken):
            raise Unfit("noise changes the answers")
    return found


def attempt(case, seed: int, config: dict, shapes: dict) -> dict:
    tensors = tensor_rules(case, shapes)
    inputs = make_inputs(case, seed, config)
    with tempfile.TemporaryDirectory() as folder:
        found = check(case, folder, config, make_weights(seed, tensors), tensors, inputs)
    layers = len([label for label, *_ in found if label.startswith(HIDDEN)])
    return {
        "name": case.name, "family": case.family, "note": case.note, "config": config, "seed": seed,
        "tensors": tensors, "inputs": inputs,
        "hidden": [{"at": label, **pack(x)} for label, _, x in found[:layers]],
        "outputs": [{"name": label, "rows": rows, **pack(x)} for label, rows, x in found[layers:]],
    }


def make(case) -> dict:
    config, shapes = layout(case, case.config)
    return first_fit(case, (lambda seed=seed: attempt(case, seed, config, shapes) for seed in range(1, SEEDS)))


def remake(case, stored: dict) -> dict:
    return attempt(case, stored["seed"], *layout(case, case.config))

"""Towers: pictures, or pictures and texts in one space. golden.py says what a file holds."""

import inspect
import tempfile

import torch

from kinds.reference import (Unfit, check_contrasts, check_weights, first_fit, formula, layout, load, make_weights,
                             pack, random_ids, relative, tensor_rules, with_noise)

NOISE, DRAWS, SHAKY = 1e-4, 3, 2e-3
SEEDS = 40
SPREAD = 1.5  # of the pixels


def pictures(case, seed: int) -> list:
    channels = case.image_config.get("num_channels", 3)
    return [formula(seed, f"picture {i}", [1, channels, *size], 0, SPREAD) for i, size in enumerate(case.sizes)]


def texts(case, seed: int) -> list:
    """Ids with an end, as the case's tokenizer would pad them: {"ids", "keys" where later ones are masked}."""
    found, config = [], case.config.get("text_config", case.config)
    for i, length in enumerate(case.lengths):
        ids = (3 + random_ids(f"{seed}:text {i}", length, config["vocab_size"] - 4)).tolist()
        ids = case.ends(ids, config)
        found.append({"ids": ids} | ({"keys": length} if case.masked else {}))
    return found


def states(side: str, output, rows: list) -> list:
    """(label, array) of the hidden states of a tower, and what its norm makes of the last."""
    hidden = list(output.hidden_states)
    found = [(f"{side} embedding" if i == 0 else f"{side} layer {i - 1}", x[0, rows]) for i, x in enumerate(hidden)]
    last = output.last_hidden_state
    if last.shape == hidden[-1].shape and not torch.equal(last, hidden[-1]):
        found.append((f"{side} final norm", last[0, rows]))
    return found


def interpolates(case, picture) -> bool:
    size = case.image_config["image_size"]
    return list(picture.shape[2:]) != (size if isinstance(size, list) else [size, size])


def kept(n: int) -> list:
    return sorted({0, 1, n // 2, n - 1})


def inputs(case, model, picture=None, text=None) -> dict:
    more = {}
    if picture is not None:
        more["pixel_values"] = picture
        if interpolates(case, picture) and "interpolate_pos_encoding" in inspect.signature(model.forward).parameters:
            more["interpolate_pos_encoding"] = True
    if text is not None:
        more["input_ids"] = torch.tensor([text["ids"]])
        if "keys" in text:
            more["attention_mask"] = torch.tensor([[int(i < text["keys"]) for i in range(len(text["ids"]))]])
    return more


def run(case, model, picture=None, text=None):
    return model(**inputs(case, model, picture, text), output_hidden_states=True)


def add(found: dict, label: str, x):
    found.setdefault(label, []).append(x)


def answers(case, model, images: list, items: list) -> list:
    """(label, array): hidden states of each input on its own, then what is made of them, joined."""
    found, outputs = {}, {}
    both = bool(images and items)
    for i, x in enumerate(images):
        out = run(case, model, x, items[0] if both else None)
        tower = out.vision_model_output if both else out
        for label, h in tower_states(case, "image", tower):
            add(found, label, h)
        gather(outputs, "image", out, model.get_image_features(**inputs(case, model, x)) if both else None)
    for i, item in enumerate(items):
        out = run(case, model, images[0] if both else None, item)
        tower = out.text_model_output if both else out
        for label, h in tower_states(case, "text", tower):
            add(found, label, h)
        gather(outputs, "text", out, model.get_text_features(**inputs(case, model, None, item)) if both else None)
    if both:
        pairs = [torch.cat([run(case, model, x, item).logits_per_image for item in items], 1) for x in images]
        outputs["logits"] = pairs
        if len({x.shape for x in images}) == 1 and len(images) == len(items):
            outputs["loss"] = [loss(case, model, images, items)]
    return [(k, torch.cat(v)) for k, v in found.items()], [(k, torch.cat(v)) for k, v in outputs.items()]


def loss(case, model, images, items):
    """That of the batch; texts are padded to one length, as their ends allow."""
    longest = max(len(x["ids"]) for x in items)
    pad = case.pad(case.config["text_config"])
    ids = torch.tensor([x["ids"] + [pad] * (longest - len(x["ids"])) for x in items])
    more = {}
    if case.masked or any(len(x["ids"]) < longest for x in items):
        seen = [x.get("keys", len(x["ids"])) for x in items]
        more["attention_mask"] = torch.tensor([[int(i < n) for i in range(longest)] for n in seen])
    return model(input_ids=ids, pixel_values=torch.cat(images), return_loss=True, **more).loss[None]


def tower_states(case, side, tower):
    return states(side, tower, kept(tower.last_hidden_state.shape[1])) if "last_hidden_state" in tower else states(
        side, Inner(tower), kept(tower.hidden_states[0].shape[1]))


class Inner:
    """The output of a classifier, which does not say what its norm gives."""

    def __init__(self, output):
        self.hidden_states, self.last_hidden_state = output.hidden_states, output.hidden_states[-1]


def gather(outputs: dict, side: str, out, features):
    if features is not None:
        return add(outputs, f"{side} features", features.pooler_output)
    for name in ("logits", "image_embeds", "text_embeds", "pooler_output"):
        if out.get(name) is not None:
            return add(outputs, f"{side} {'features' if name.endswith('embeds') else name}", out[name])


def distance(a: tuple, b: tuple) -> float:
    return max(relative(x, y) for one, other in zip(a, b, strict=True) for (_, x), (_, y) in zip(one, other, strict=True))


def check(case, folder, config, weights, tensors, images, items) -> tuple:
    model = load(case, folder, config, weights)
    found = answers(case, model, images, items)
    check_weights(case, model.named_parameters(), case.faintest,
                  lambda: distance(found, answers(case, model, images, items)))
    check_contrasts(case, config, lambda other: distance(
        ([], found[1]), ([], answers(case, load(case, folder, other, weights, strict=False), images, items)[1])))
    for draw in range(DRAWS):
        shaken = answers(case, load(case, folder, config, with_noise(weights, tensors, draw, NOISE)), images, items)
        if distance(found, shaken) > SHAKY:
            raise Unfit("noise changes the answers")
    return found


def attempt(case, seed: int, config: dict, shapes: dict) -> dict:
    tensors = tensor_rules(case, shapes)
    images = pictures(case, seed) if case.sizes else []
    items = texts(case, seed)
    with tempfile.TemporaryDirectory() as folder:
        hidden, outputs = check(case, folder, config, make_weights(seed, tensors), tensors, images, items)
    golden = {"name": case.name, "family": case.family, "note": case.note, "config": config, "seed": seed,
              "tensors": tensors}
    if images:
        golden |= {"pictures": [list(x.shape[1:]) for x in images], "spread": SPREAD}
    if items:
        golden |= {"inputs": items}
    return golden | {"hidden": [{"at": label, **pack(x)} for label, x in hidden],
                     "outputs": [{"name": label, **pack(x)} for label, x in outputs]}


def make(case) -> dict:
    config, shapes = layout(case, case.config)
    return first_fit(case, (lambda seed=seed: attempt(case, seed, config, shapes) for seed in range(1, SEEDS)))


def remake(case, stored: dict) -> dict:
    return attempt(case, stored["seed"], *layout(case, case.config))

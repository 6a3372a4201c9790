"""Writes encoders/*.json: what Hugging Face transformers answers on small random encoder checkpoints, head by head.

    env/bin/python generate_encoders.py            # write every case
    env/bin/python generate_encoders.py bert-plain # only the named ones
    env/bin/python generate_encoders.py --check    # write nothing; compare with the files

The weights are generate.py's formula. The file of a case holds

    name, family, note  what it is and what it exercises
    config              the contents of the checkpoint's config.json
    seed, tensors       the formula's seed; per tensor, as named in the checkpoint, shape, offset and scale
    inputs              three sequences, each run alone without padding: ids, types (segment ids, where there are
                        segments), positions (the rows kept)
    hidden              the kept rows of all sequences, one sequence after the other: what enters the first layer, then
                        each layer's output; the last only after the final norm, where the family has one
    outputs             of the head, by the reference's names; rows says what a row belongs to: a kept position, a
                        token, or a sequence. Logits of multiple choice are one per choice; the sequences are the
                        choices.

In the script the three sequences are also run as one padded batch, and must give the same. Seeds are searched until the
answers survive a relative noise of 1e-4 on every weight: no number moves by more than SHAKY of its array's largest
magnitude, and the largest of each row of logits stays the largest. Each case names contrasts, changes of its config
that must show in the kept numbers, and so must every tensor.
"""

import json
import math
import pathlib
import sys
import tempfile

import numpy as np
import safetensors.torch
import torch
import transformers

import encoder_cases
from cases import without_absent
from generate import check_versions, formula, pack, text, uniform, unpack

HERE = pathlib.Path(__file__).parent / "encoders"
POSITIONS = [[0, -1], [0, 7, -1], [0, 22, -1]]  # of the rows kept; -1 is the last
NOISE, DRAWS, SHAKY = 1e-4, 4, 2e-3
CONTRAST, FAINT = 2e-3, 2e-4  # of the largest magnitude of the array in which it shows most
PADDED = 2e-5  # the same, for the padded batch against each sequence alone
PER_SEQUENCE = {"pooler_output", "seq_relationship_logits", "sop_logits"}  # and others by their shape
KEY_BIASES = ("key.bias", "k_lin.bias", ".k.bias", "key_proj.bias", "pos_key_proj.bias")
HIDDEN = ("embedding", "layer", "final norm")
DECISIVE = {"prediction_logits", "logits", "start_logits", "end_logits"}


def model_class(config: dict):
    """The class that architectures names, or the bare model."""
    return getattr(transformers, config.get("architectures", ["AutoModel"])[0])


def layout(case) -> tuple[dict, dict]:
    """The config as published, and name -> shape of the tensors as published."""
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "config.json").write_text(json.dumps(case.config))
        kind = transformers.AutoConfig.from_pretrained(folder)
        cls = model_class(case.config)
        model = cls.from_config(kind) if cls is transformers.AutoModel else cls(kind)
        model.save_pretrained(folder)
        config = case.config
        if case.saved_config:
            config = json.loads(pathlib.Path(folder, "config.json").read_text())
        tensors = safetensors.torch.load_file(pathlib.Path(folder, "model.safetensors"))
    shapes = {case.published(k): list(v.shape) for k, v in sorted(tensors.items())}
    return config, {k: v for k, v in shapes.items() if not k.endswith(tuple(case.without_tensors) or "\0")}


def load(folder: str, case, config: dict, weights: dict, strict: bool = True):
    """The reference model, loaded as a user would load it."""
    pathlib.Path(folder, "config.json").write_text(json.dumps(config))
    safetensors.torch.save_file(weights, pathlib.Path(folder, "model.safetensors"), {"format": "pt"})
    model, info = model_class(config).from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    unread = set(info["unexpected_keys"]) - {name for name, *_ in case.extra_tensors}
    missing = [k for k in info["missing_keys"] if not k.endswith(tuple(case.without_tensors) or "\0")]
    if strict and (missing or unread or info["mismatched_keys"]):
        raise ValueError(f"checkpoint does not fit the model: {info}")
    return model.eval()


def rule(case, name: str, shape: list) -> tuple[float, float]:
    """Offset and scale: norms keep activations around 1, attention is peaked, every summand shows."""
    module, leaf = name.rsplit(".", 2)[-2:]
    if len(shape) == 1:
        return case.offsets.get(module, 1.0 if leaf in ("weight", "gamma") else 0.0), 0.3
    gain = case.gains.get(module, encoder_cases.GAINS.get(module, 1.2))
    fan_in = 1 if module.endswith("embeddings") or module in encoder_cases.TABLES else math.prod(shape[1:])
    return 0.0, float(f"{gain * math.sqrt(3 / fan_in):.5g}")


def make_inputs(case, seed: int, config: dict) -> list:
    """Ids without the padding id, except where the case wants it; a pair is split in the middle."""
    pad, inputs = case.pad_id, []
    for i, (length, positions) in enumerate(zip(case.lengths, POSITIONS, strict=True)):
        ids = ((uniform(f"{seed}:input {i}", length) + 1) / 2 * config["vocab_size"]).astype(int)
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
    arguments = {"input_ids": padded("ids", case.pad_id), "attention_mask": mask}
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
    end = "final norm" if case.family == "modernbert" else f"layer {last - 1}"
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


def distance(a: list, b: list) -> list:
    """Per array, the largest difference by the largest magnitude."""
    return [((x - y).abs().max() / x.abs().max()).item() for (_, _, x), (_, _, y) in zip(a, b, strict=True)]


def decisions(found: list) -> list:
    """What a user would read off: the largest of each row, the likeliest ends, the likeliest choice."""
    return [x.argmax(-1).tolist() for name, _, x in found if name in DECISIVE]


def check_contrast(case, folder, config, weights, inputs, found):
    for change, least in [(c, CONTRAST) for c in case.contrasts] + [(c, FAINT) for c in case.faint]:
        other = without_absent({**config, **change})
        changed = alone(case, load(folder, case, other, weights, strict=False), inputs)
        difference = max(distance(found[-1:], changed[-1:]))
        if not difference > least:
            raise ValueError(f"{case.name}: {change} changes the answers only by {difference:.2g}")


def check_weights(case, model, inputs, found):
    """Every tensor must show, but for the bias of keys, which softmax takes away."""
    for name, weight in model.named_parameters():
        kept = weight.clone()
        weight.zero_()
        difference = max(distance(found, alone(case, model, inputs)))
        weight.copy_(kept)
        if difference < FAINT and not name.endswith((*KEY_BIASES, *case.idle)):
            raise ValueError(f"{case.name}: {name} changes the answers only by {difference:.2g}")


def attempt(case, seed: int, config: dict, shapes: dict) -> dict | None:
    tensors = {}
    for name, shape, value in [*((n, s, None) for n, s in shapes.items()), *case.extra_tensors]:
        offset, scale = rule(case, name, shape) if value is None else (value, 0.0)
        tensors[name] = {"shape": shape, "offset": offset, "scale": scale}
    weights = {name: formula(seed, name, **t) for name, t in tensors.items()}
    inputs = make_inputs(case, seed, config)

    with tempfile.TemporaryDirectory() as folder:
        model = load(folder, case, config, weights)
        found = alone(case, model, inputs)
        worst = max(distance(found, answers(case, model, inputs)))
        if worst > PADDED:
            raise ValueError(f"{case.name}: the padded batch differs by {worst:.2g}")
        check_weights(case, model, inputs, found)
        check_contrast(case, folder, config, weights, inputs, found)
        for draw in range(DRAWS):
            noisy = {k: v * (1 + NOISE * formula(draw, "noise " + k, list(v.shape), 0, 1)) for k, v in weights.items()}
            shaken = alone(case, load(folder, case, config, noisy), inputs)
            if max(distance(found, shaken)) > SHAKY or decisions(found) != decisions(shaken):
                return None

    layers = len([label for label, *_ in found if label.startswith(HIDDEN)])
    return {
        "name": case.name, "family": case.family, "note": case.note, "config": config, "seed": seed,
        "tensors": tensors, "inputs": inputs,
        "hidden": [{"at": label, **pack(x)} for label, _, x in found[:layers]],
        "outputs": [{"name": label, "rows": rows, **pack(x)} for label, rows, x in found[layers:]],
    }


def make(case) -> dict:
    config, shapes = layout(case)
    for seed in range(1, 100):
        golden = attempt(case, seed, config, shapes)
        if golden:
            return golden
    raise ValueError(f"{case.name}: no seed below 100 gives robust answers")


def compare(want: dict, got: dict) -> list:
    """The keys that differ: floats by more than 2e-5 of the largest magnitude, anything else at all."""
    different = [k for k in want | got if k not in ("hidden", "outputs") and want.get(k) != got.get(k)]
    for a, b in zip(want["hidden"] + want["outputs"], got["hidden"] + got["outputs"], strict=True):
        x, y = unpack(a), unpack(b)
        if x.shape != y.shape or np.abs(x - y).max() > 2e-5 * np.abs(x).max():
            different.append(a.get("at") or a["name"])
    return different


def main(arguments: list):
    check_versions()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.set_grad_enabled(False)
    np.seterr(over="ignore")

    checking = "--check" in arguments
    names = [a for a in arguments if not a.startswith("-")]
    unknown = set(names) - {c.name for c in encoder_cases.ALL}
    if unknown:
        sys.exit(f"generate_encoders.py: no case is called {', '.join(sorted(unknown))}")
    HERE.mkdir(exist_ok=True)
    failed = False
    for case in encoder_cases.ALL:
        if names and case.name not in names:
            continue
        golden = make(case)
        path = HERE / (case.name + ".json")
        if checking:
            different = compare(json.loads(path.read_text()), golden)
            print(case.name, "differs in " + ", ".join(different) if different else "agrees", flush=True)
            failed |= bool(different)
            continue
        path.write_text(text(golden))
        print(f"{case.name}: seed {golden['seed']}, {path.stat().st_size} bytes", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main(sys.argv[1:])

"""Encoder–decoders: hidden states, logits, texts and their scores; classifiers. golden.py says what a file holds."""

import collections
import json
import pathlib
import tempfile

import numpy as np
import torch
import transformers

from cases.base import EOS
from kinds.generations import (DRAWS, Context, Generator, Groups, check_old_version, find_settings, run)
from kinds.reference import (Unfit, check_contrasts, check_weights, first_fit, layout, load, make_weights, pack,
                             random_ids, relative, tensor_rules, with_noise)

NOISE, SHAKY = 1e-4, 2e-3
PADDED = 2e-5  # for the padded batch against each sequence alone, of an array's largest magnitude
LEAST_ENDED, LEAST_CUT = 0.15, 0.05  # of a case's texts: those that end by the end token before the maximum, and not
ESSENTIAL = ("greedy", "beams", "as published")  # settings that a case is not without; of the others, a fifth may lack
SEEDS = 60


# ---- checkpoints ----------------------------------------------------------------------------------------------------

def with_eos(config: dict, eos: int) -> dict:
    return {k: eos if v == EOS else v for k, v in config.items()}


def open_model(case, folder: str, config: dict, weights: dict, eos: int, strict: bool = True):
    if case.generation_config is not None:
        text = json.dumps(with_eos(case.generation_config, eos))
        pathlib.Path(folder, "generation_config.json").write_text(text)
    return load(case, folder, config, weights, strict)


# ---- the forward pass -----------------------------------------------------------------------------------------------

def ids_without(key: str, length: int, vocabulary: int, *avoid: int) -> list:
    ids = random_ids(key, length, vocabulary)
    for token in avoid:
        ids = np.where(ids == token, (token + 3) % vocabulary, ids)
    return ids.tolist()


def start_of(case, config: dict, eos: int) -> int:
    settings = config if case.generation_config is None else with_eos(case.generation_config, eos)
    start = settings.get("decoder_start_token_id")
    return settings["bos_token_id"] if start is None else start


def make_inputs(case, seed: int, config: dict, eos: int) -> dict:
    pad = config["pad_token_id"]
    source = [ids_without(f"{seed}:source {i}", n, config["vocab_size"], pad) for i, n in enumerate(case.lengths)]
    for ids in source:
        for at in case.pads_at:
            if at < len(ids):
                ids[at] = pad
    if case.decoder_only:
        return {"source": source}
    vocabulary = config.get("decoder_vocab_size", config["vocab_size"])
    target = [[start_of(case, config, eos), *ids_without(f"{seed}:target {i}", n - 1, vocabulary, pad)]
              for i, n in enumerate(case.targets)]
    return {"source": source, "target": target, "positions": kept_rows(source, target)}


def kept_rows(source: list, target: list) -> list:
    return [{"source": [0, len(s) // 2, len(s) - 1], "target": [0, len(t) // 2, len(t) - 1]}
            for s, t in zip(source, target, strict=True)]


def padded(rows: list, fill: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows filled up to the longest, and which places are not filling."""
    longest = max(map(len, rows))
    return (torch.tensor([r + [fill] * (longest - len(r)) for r in rows]),
            torch.tensor([[1] * len(r) + [0] * (longest - len(r)) for r in rows]))


def stacks(model):
    """(name, layers, final norm or None) of encoder and decoder."""
    inner = getattr(model, "model", model)
    for name in ("encoder", "decoder"):
        stack = getattr(inner, name)
        layers = stack.block if hasattr(stack, "block") else stack.layers
        yield name, layers, getattr(stack, "final_layer_norm", None) or getattr(stack, "layer_norm", None)


def run_forward(model, arguments: dict):
    """The output, and per stack what enters the first layer, what each layer and what the final norm gives."""
    states, hooks = {}, []

    def keep(key):
        def hook(module, inputs, output):
            states[key] = output[0] if isinstance(output, tuple) else output
        return hook

    for name, layers, norm in stacks(model):
        hooks.append(layers[0].register_forward_pre_hook(
            lambda module, inputs, name=name: states.__setitem__((name, "embedding"), inputs[0])))
        hooks += [layer.register_forward_hook(keep((name, f"layer {i}"))) for i, layer in enumerate(layers)]
        if norm is not None:
            hooks.append(norm.register_forward_hook(keep((name, "final norm"))))
    output = model(**arguments, use_cache=False, output_attentions=True)
    for hook in hooks:
        hook.remove()
    return output, states


def answers(case, model, inputs: dict, some: list, pad: int) -> list:
    """(stack, label, array) of what the file keeps, for some of the sequences run as one padded batch."""
    ids, mask = padded([inputs["source"][i] for i in some], pad)
    targets, _ = padded([inputs["target"][i] for i in some], pad)
    given = {} if case.classifier else {"decoder_input_ids": targets}  # which a classifier makes of its source
    output, states = run_forward(model, {"input_ids": ids, "attention_mask": mask, **given})

    def kept(x, side):
        return torch.cat([row[inputs["positions"][i][side]] for row, i in zip(x, some, strict=True)])

    found = [(stack, label, kept(x, "source" if stack == "encoder" else "target"))
             for (stack, label), x in states.items()]
    logits = output.logits if case.classifier else kept(output.logits, "target")
    return sorted(found, key=lambda x: x[0] == "decoder") + [("logits", "", logits)]


def alone(case, model, inputs: dict, pad: int) -> list:
    runs = [answers(case, model, inputs, [i], pad) for i in range(len(inputs["source"]))]
    return [(*runs[0][j][:2], torch.cat([run[j][2] for run in runs])) for j in range(len(runs[0]))]


def distance(a: list, b: list) -> float:
    """The largest difference by the largest magnitude of its array."""
    return max(relative(x, y) for (*_, x), (*_, y) in zip(a, b, strict=True))


def cross_attention(model, inputs: dict) -> dict:
    """The weights of the last layer's second head for the second source."""
    at = {"layer": len(list(stacks(model))[1][1]) - 1, "head": 1, "source": 1}
    output, _ = run_forward(model, {"input_ids": torch.tensor([inputs["source"][1]]),
                                    "decoder_input_ids": torch.tensor([inputs["target"][1]])})
    return {**at, **pack(output.cross_attentions[at["layer"]][0, at["head"]])}


def check_forward(case, model, folder, config, eos, weights, inputs, found):
    """The padded batch must agree; contrasts and tensors must show."""
    pad = config["pad_token_id"]
    worst = distance(found, answers(case, model, inputs, list(range(len(inputs["source"]))), pad))
    if worst > PADDED:
        raise ValueError(f"{case.name}: the padded batch differs by {worst:.2g}")
    check_weights(case, [*model.named_parameters(), *model.named_buffers()], case.faintest,
                  lambda: distance(found, alone(case, model, inputs, pad)))
    check_contrasts(case, config, lambda other: distance(found[-1:], alone(
        case, open_model(case, folder, other, weights, eos, strict=False), inputs, pad)[-1:]), Unfit)


# ---- the end token --------------------------------------------------------------------------------------------------

def endings(case, config: dict, generations: list, eos: int) -> tuple[float, float]:
    """Of the texts, how many end with the end token early, and how many are cut at the maximum."""
    early, lengths = [], []
    for g in generations:
        settings = {**config, **(case.generation_config or {}), **g["settings"]}
        for output in g["outputs"]:
            start = case.lengths[output["source"]] if case.decoder_only else 1
            longest = settings.get("max_new_tokens") or settings.get("max_length", 20 + start) - start
            for text in output["ids"]:
                lengths.append(len(text) == longest)
                early.append(text[-1] == eos and len(text) < longest)
    return sum(early) / len(early), sum(lengths) / len(lengths)


def candidates(case, seed: int):
    """End tokens with which some texts end and some do not."""
    config, shapes = layout(case, with_eos(case.config, 5))
    sources = make_inputs(case, seed, config, 5)["source"]
    start_ends = case.config.get("decoder_start_token_id") == EOS  # the end token starts the decoder
    with tempfile.TemporaryDirectory() as folder:
        model = open_model(case, folder, config, make_weights(seed, tensor_rules(case, shapes)), 5)
        model.generation_config.forced_eos_token_id = None
        model.generation_config.forced_bos_token_id = None
        if start_ends:
            tokens = range(4, 64, 3)
        else:
            texts = [run(model, s, {"num_beams": 1, "max_new_tokens": 12, "eos_token_id": 10**6}, case.use_cache)
                     for s in sources]
            late = collections.Counter(t for x in texts for t in set(x["ids"][0][2:]) - set(x["ids"][0][:2]))
            late.pop(config["pad_token_id"], None)
            tokens = [token for token, _ in late.most_common()]
        for eos in tokens:
            start = {"decoder_start_token_id": eos} if start_ends else {}
            if some_end(case, model, sources, {"eos_token_id": eos, **start}):
                yield eos


def some_end(case, model, sources: list, ends: dict) -> bool:
    for settings in ({"num_beams": 1, "num_return_sequences": 1}, {"num_beams": 4, "num_return_sequences": 2}):
        settings = {**settings, **ends, "max_length": 13 + (len(sources[-1]) if case.decoder_only else 0)}
        texts = [t for s in sources for t in run(model, s, settings, case.use_cache)["ids"]]
        early = [len(t) for t in texts if t[-1] == ends["eos_token_id"] and len(t) < 12]
        if not early or max(early) < 3 or len(set(map(str, texts))) < 2 or max(len(set(t)) for t in texts) < 4:
            return False
    return len(early) < len(texts)


def run_without_end(model, source: list, case) -> list:
    kept = model.generation_config
    model.generation_config = transformers.GenerationConfig(
        decoder_start_token_id=kept.decoder_start_token_id, bos_token_id=kept.bos_token_id, pad_token_id=0)
    ids = torch.tensor([source])
    rows = model.generate(ids, attention_mask=torch.ones_like(ids), num_beams=4, num_return_sequences=4,
                          max_new_tokens=10, do_sample=False, use_cache=case.use_cache)
    model.generation_config = kept
    return rows[:, 1 if model.config.is_encoder_decoder else len(source):].tolist()


# ---- cases ----------------------------------------------------------------------------------------------------------

def attempt(case, seed: int, eos: int, groups) -> dict:
    config, shapes = layout(case, with_eos(case.config, eos))
    tensors = tensor_rules(case, shapes)
    weights = make_weights(seed, tensors)
    inputs = make_inputs(case, seed, config, eos)
    with tempfile.TemporaryDirectory() as root:
        folders = [str(pathlib.Path(root, str(i))) for i in range(DRAWS + 2)]
        for folder in folders:
            pathlib.Path(folder).mkdir()
        noisy = [with_noise(weights, tensors, draw, NOISE) for draw in range(DRAWS)]
        models = [open_model(case, f, config, w, eos) for f, w in zip(folders, [weights, *noisy])]
        golden = heading(case, config, eos, seed, tensors, inputs)
        if not case.decoder_only:
            found = steady_answers(case, models, inputs, config["pad_token_id"])
            golden |= kept_answers(models[0], inputs, found)
        generator = Generator(case, folders[0], models, folders, inputs["source"], groups)
        done = find_generations(case, generator, config, eos)
        ended, cut = endings(case, config, done, eos)
        if ended < LEAST_ENDED or cut < LEAST_CUT:
            raise Unfit(f"{ended:.0%} of the texts end, {cut:.0%} are cut")
        if not case.decoder_only:
            check_forward(case, models[0], folders[-1], config, eos, weights, inputs, found)
    return {**golden, "generations": done}


def heading(case, config: dict, eos: int, seed: int, tensors: dict, inputs: dict) -> dict:
    return {"name": case.name, "family": case.family, "note": case.note, "config": config,
            **({} if case.generation_config is None else
               {"generation_config": with_eos(case.generation_config, eos)}),
            "seed": seed, "tensors": tensors, **inputs}


def steady_answers(case, models: list, inputs: dict, pad: int) -> list:
    """The answers of the first model, from which those of its noisy copies must not be far."""
    found = alone(case, models[0], inputs, pad)
    for model in models[1:]:
        if distance(found, alone(case, model, inputs, pad)) > SHAKY:
            raise Unfit("noise changes the answers")
    return found


def kept_answers(model, inputs: dict, found: list) -> dict:
    return {**kept_states(found), "logits": pack(found[-1][2]), "cross_attention": cross_attention(model, inputs)}


def kept_states(found: list) -> dict:
    return {side: [{"at": at, **pack(x)} for stack, at, x in found if stack == side] for side in ("encoder", "decoder")}


def find_generations(case, generator, config: dict, eos: int) -> list:
    """The case's settings and what they give."""
    probe = [row for s in generator.sources for row in run_without_end(generator.models[0], s, case)]
    context = Context({**config, **(case.generation_config or {})}, eos, probe, config["pad_token_id"], case.prompt)
    done, left_out = [], 0
    for name in case.generations:
        try:
            done.append(find_settings(name, generator, context, done))
        except Unfit as reason:
            left_out += 1
            if name in ESSENTIAL or left_out > len(case.generations) // 5:
                raise
            print(f"    left out {reason}", flush=True)
            continue
        context.add(done[-1]["outputs"])
        check_old_version(case, generator, generator.folders[0], done[-1])
    return done


def make(case) -> dict:
    if case.classifier:
        return first_fit(case, (lambda seed=seed: classify(case, seed) for seed in range(1, SEEDS)))
    with Groups() as groups:
        return first_fit(case, (lambda seed=seed, eos=eos: attempt(case, seed, eos, groups)
                                for seed in range(1, SEEDS) for eos in candidates(case, seed)))


def remake(case, stored: dict) -> dict:
    """The answers again, with the seed, the end token and the settings of the file."""
    if case.classifier:
        return classify(case, stored["seed"])
    eos, seed = stored["config"]["eos_token_id"], stored["seed"]
    config, shapes = layout(case, with_eos(case.config, eos))
    tensors = tensor_rules(case, shapes)
    inputs = make_inputs(case, seed, config, eos)
    with tempfile.TemporaryDirectory() as folder, Groups() as groups:
        weights = make_weights(seed, tensors)
        model = open_model(case, folder, config, weights, eos)
        golden = heading(case, config, eos, seed, tensors, inputs)
        generator = Generator(case, folder, [model], [folder], inputs["source"], groups)
        done = [{**g, "outputs": [
            {"source": o["source"], **generator.one(0, inputs["source"][o["source"]], g["settings"])}
            for o in g["outputs"]]} for g in stored["generations"]]
        if not case.decoder_only:
            found = alone(case, model, inputs, config["pad_token_id"])
            golden |= kept_answers(model, inputs, found)
            check_forward(case, model, folder, config, eos, weights, inputs, found)
    return {**golden, "generations": done}


# ---- classifiers ----------------------------------------------------------------------------------------------------

def classifier_inputs(case, seed: int, config: dict) -> dict:
    """Sources that end with the end token, and have it inside too if the case wants several."""
    pad, eos = config["pad_token_id"], config["eos_token_id"]
    source = [ids_without(f"{seed}:source {i}", n, config["vocab_size"], pad, eos) for i, n in enumerate(case.lengths)]
    for ids in source:
        for i in range(case.ends):
            ids[len(ids) - 1 - i * (len(ids) // case.ends)] = eos
    target = [[config["decoder_start_token_id"], *ids[:-1]] for ids in source]
    return {"source": source, "target": target, "positions": kept_rows(source, target)}


def classify(case, seed: int) -> dict:
    config, shapes = layout(case, case.config)
    tensors = tensor_rules(case, shapes)
    weights = make_weights(seed, tensors)
    inputs = classifier_inputs(case, seed, config)
    eos, pad = config["eos_token_id"], config["pad_token_id"]
    with tempfile.TemporaryDirectory() as folder:
        noisy = [with_noise(weights, tensors, draw, NOISE) for draw in range(DRAWS)]
        models = [open_model(case, folder, config, w, eos) for w in (weights, *noisy)]
        found = steady_answers(case, models, inputs, pad)
        check_forward(case, models[0], folder, config, eos, weights, inputs, found)
    return {**heading(case, config, eos, seed, tensors, inputs), **kept_states(found),
            "outputs": [{"name": "logits", "rows": "sequence", **pack(found[-1][2])}]}

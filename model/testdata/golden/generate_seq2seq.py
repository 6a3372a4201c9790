"""Writes seq2seq/*.json: what Hugging Face transformers answers and generates on small random encoder–decoders.

    env/bin/python generate_seq2seq.py          # write every case
    env/bin/python generate_seq2seq.py t5-v1    # only the named ones
    env/bin/python generate_seq2seq.py --check  # write nothing; make the answers of the files again and compare

Diverse beam groups have left transformers 5; the settings named "groups…" are run by transformers 4.53.3 in an
environment of its own (pip install transformers==4.53.3 numpy==2.4.6 safetensors==0.8.0 torch==2.15.0), whose
interpreter the variable GROUPS_PYTHON names. Where it is used, it also runs the other
settings with beams, and what differs is told.

The weights are generate.py's formula. The file of a case holds

    name, family, note  what it is and what it exercises
    config              the contents of the checkpoint's config.json
    generation_config   of generation_config.json, where the checkpoint has one
    seed, tensors       the formula's seed; per tensor, as named in the checkpoint, shape, offset and scale; "like"
                        names a tensor whose values it repeats
    source              token ids for the encoder, three sequences, each run alone without padding; of models that
                        are decoders alone, three prompts
    target              the decoder's input ids, from the start token on, one per source
    positions           the rows kept of each source and of each target
    encoder, decoder    [{at, shape, data}]: the kept rows of all sequences, one sequence after the other: what enters
                        the first layer, what each layer gives, what the final norm gives, where there is one
    logits              of the kept rows of the targets
    cross_attention     {layer, head, source, shape, data}: attention weights, a row per target token, a column per
                        source token
    generations         [{name, settings, outputs}]: settings are keyword arguments of generate(), over those of the
                        checkpoint; outputs [{source, ids, scores}]: number of the source, the texts without start
                        token or prompt, up to and with the end token, and their scores where there are beams

Decoders alone have neither target nor what follows it up to generations.

In the script the sources are also run as one padded batch, and must give the same. Seeds are searched until the answers
survive a relative noise of 1e-4 on every weight. The end token is chosen among all so that texts end. Of each kind of
settings several variants are tried, and the sources kept whose texts survive the noise, two at least. Each setting
taken away must change a text or a score.
"""

import collections
import json
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import safetensors.torch
import torch
import transformers

import generate
import seq2seq_cases
from cases import without_absent
from generate import formula, pack, uniform, unpack
from seq2seq_cases import EOS, GENERATIONS, TABLES

HERE = pathlib.Path(__file__).parent / "seq2seq"
VARIANTS = 8  # of settings, tried at most
NOISE, DRAWS, SHAKY = 1e-4, 3, 2e-3
PADDED, CONTRAST, FAINT = 2e-5, 2e-3, 1e-4  # of an array's largest magnitude
LEAST_ENDED, LEAST_CUT = 0.15, 0.05  # of a case's texts: those that end by the end token before the maximum, and not
LAST_NORM = re.compile(r"decoder\.(layers\.\d+\.)?(final_layer_norm|layer_norm)\.weight$"
                       r"|^model\.norm\.weight$|ln_f\.weight$")
LOOKS_AT_PROMPT = ("max_length", "no_repeat_ngram_size", "repetition_penalty", "sequence_bias")
ESSENTIAL = ("greedy", "beams", "as published")  # settings that a case is not without; of the others, a fifth may lack
KEY_BIASES = ("k_proj.bias", "c_attn.bias")
FREE = ("max_new_tokens", "max_length", "num_beams", "num_return_sequences", "num_beam_groups")  # not taken away


class Unfit(Exception):
    """The seed, the end token or the variant of settings does not serve; the next is tried."""


# ---- checkpoints ----------------------------------------------------------------------------------------------------

def with_eos(config: dict, eos: int) -> dict:
    return {k: eos if v == EOS else v for k, v in config.items()}


def model_class(case):
    return transformers.AutoModelForCausalLM if case.decoder_only else transformers.AutoModelForSeq2SeqLM


def read_config(folder: str, config: dict):
    pathlib.Path(folder, "config.json").write_text(json.dumps(config))
    return transformers.AutoConfig.from_pretrained(folder)


def final_config(case, eos: int) -> dict:
    """The contents of config.json."""
    config = with_eos(case.config, eos)
    if case.saved_config:
        with tempfile.TemporaryDirectory() as folder:
            read_config(folder, config).save_pretrained(folder)
            config = json.loads(pathlib.Path(folder, "config.json").read_text())
    return config


def layout(case) -> dict:
    """Name -> shape of the tensors as published."""
    with tempfile.TemporaryDirectory() as folder:
        model = model_class(case).from_config(read_config(folder, with_eos(case.config, 5)))
        model.save_pretrained(folder)
        tensors = safetensors.torch.load_file(pathlib.Path(folder, "model.safetensors"))
    shapes = {case.published(k): list(v.shape) for k, v in sorted(tensors.items())}
    return {k: v for k, v in shapes.items() if not k.endswith(tuple(case.without_tensors) or "\0")}


def rule(case, name: str, shape: list) -> tuple[float, float]:
    """Offset and scale: attention is peaked, the layers outweigh the embedding, every summand shows.

    The last norm's weights have both signs, or a head tied to the embeddings would repeat the last token for ever.
    """
    if LAST_NORM.search(name):
        return -1.0 if case.family == "gemma2" else 0.0, 1.7
    if case.decoder_only:
        return generate.rule(case, name, shape)
    if name == "final_logits_bias":
        return 0.0, 0.6
    module, leaf = name.rsplit(".", 2)[-2:]
    if len(shape) == 1:
        return case.offsets.get(module, 1.0 if leaf == "weight" else 0.0), 0.3
    gains = {**seq2seq_cases.GAINS, **case.gains}
    gain = gains.get(".".join(name.split(".")[-3:-1]), gains.get(module, 1.2))
    fan_in = 1 if module in TABLES else shape[-1]
    return 0.0, float(f"{gain * math.sqrt(3 / fan_in):.5g}")


def tensor_rules(case, shapes: dict) -> dict:
    tensors = {}
    for name, shape, value in [*((n, s, None) for n, s in shapes.items()), *case.extra_tensors]:
        offset, scale = rule(case, name, shape) if value is None else (value, 0.0)
        tensors[name] = {"shape": shape, "offset": offset, "scale": scale}
    for name, other in case.like.items():
        tensors[name] = {**tensors[other], "like": other}
    return tensors


def make_weights(seed: int, tensors: dict) -> dict:
    return {name: formula(seed, t.get("like", name), t["shape"], t["offset"], t["scale"])
            for name, t in tensors.items()}


def shaken(weights: dict, tensors: dict, draw: int) -> dict:
    return {k: v * (1 + NOISE * formula(draw, "noise " + tensors[k].get("like", k), list(v.shape), 0, 1))
            for k, v in weights.items()}


def write(folder: str, case, config: dict, weights: dict, eos: int):
    pathlib.Path(folder, "config.json").write_text(json.dumps(config))
    if case.generation_config is not None:
        text = json.dumps(with_eos(case.generation_config, eos))
        pathlib.Path(folder, "generation_config.json").write_text(text)
    safetensors.torch.save_file(weights, pathlib.Path(folder, "model.safetensors"), {"format": "pt"})


def load(folder: str, case, config: dict, weights: dict, eos: int, strict: bool = True):
    """The reference model, loaded as a user would load it."""
    write(folder, case, config, weights, eos)
    model, info = model_class(case).from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    unread = set(info["unexpected_keys"]) - {name for name, *_ in case.extra_tensors}
    missing = [k for k in info["missing_keys"] if not k.endswith(tuple(case.without_tensors) or "\0")]
    if strict and (missing or unread or info["mismatched_keys"]):
        raise ValueError(f"checkpoint does not fit the model: {info}")
    return model.eval()


# ---- the forward pass -----------------------------------------------------------------------------------------------

def random_ids(key: str, length: int, vocabulary: int, avoid: int) -> list:
    ids = ((uniform(key, length) + 1) / 2 * vocabulary).astype(int)
    return np.where(ids == avoid, (avoid + 3) % vocabulary, ids).tolist()


def start_of(case, config: dict, eos: int) -> int:
    settings = config if case.generation_config is None else with_eos(case.generation_config, eos)
    start = settings.get("decoder_start_token_id")
    return settings["bos_token_id"] if start is None else start


def make_inputs(case, seed: int, config: dict, eos: int) -> dict:
    pad = config["pad_token_id"]
    source = [random_ids(f"{seed}:source {i}", n, config["vocab_size"], pad) for i, n in enumerate(case.lengths)]
    for ids in source:
        for at in case.pads_at:
            if at < len(ids):
                ids[at] = pad
    if case.decoder_only:
        return {"source": source}
    vocabulary = config.get("decoder_vocab_size", config["vocab_size"])
    target = [[start_of(case, config, eos), *random_ids(f"{seed}:target {i}", n - 1, vocabulary, pad)]
              for i, n in enumerate(case.targets)]
    rows = [{"source": [0, len(s) // 2, len(s) - 1], "target": [0, len(t) // 2, len(t) - 1]}
            for s, t in zip(source, target, strict=True)]
    return {"source": source, "target": target, "positions": rows}


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


def answers(model, inputs: dict, some: list, pad: int) -> list:
    """(stack, label, array) of what the file keeps, for some of the sequences run as one padded batch."""
    ids, mask = padded([inputs["source"][i] for i in some], pad)
    targets, _ = padded([inputs["target"][i] for i in some], pad)
    output, states = run_forward(model, {"input_ids": ids, "attention_mask": mask, "decoder_input_ids": targets})

    def kept(x, side):
        return torch.cat([row[inputs["positions"][i][side]] for row, i in zip(x, some, strict=True)])

    found = [(stack, label, kept(x, "source" if stack == "encoder" else "target"))
             for (stack, label), x in states.items()]
    return sorted(found, key=lambda x: x[0] == "decoder") + [("logits", "", kept(output.logits, "target"))]


def alone(model, inputs: dict, pad: int) -> list:
    runs = [answers(model, inputs, [i], pad) for i in range(len(inputs["source"]))]
    return [(*runs[0][j][:2], torch.cat([run[j][2] for run in runs])) for j in range(len(runs[0]))]


def distance(a: list, b: list) -> float:
    """The largest difference by the largest magnitude of its array."""
    return max(((x - y).abs().max() / x.abs().max()).item() for (*_, x), (*_, y) in zip(a, b, strict=True))


def cross_attention(model, inputs: dict) -> dict:
    """The weights of the last layer's second head for the second source."""
    at = {"layer": len(list(stacks(model))[1][1]) - 1, "head": 1, "source": 1}
    output, _ = run_forward(model, {"input_ids": torch.tensor([inputs["source"][1]]),
                                    "decoder_input_ids": torch.tensor([inputs["target"][1]])})
    return {**at, **pack(output.cross_attentions[at["layer"]][0, at["head"]])}


def check_forward(case, model, folder, config, eos, weights, inputs, found):
    pad = config["pad_token_id"]
    worst = distance(found, answers(model, inputs, list(range(len(inputs["source"]))), pad))
    if worst > PADDED:
        raise ValueError(f"{case.name}: the padded batch differs by {worst:.2g}")
    for name, weight in [*model.named_parameters(), *model.named_buffers()]:
        if name.endswith("embed_positions.weights"):
            continue
        before = weight.clone()
        weight.zero_()
        difference = distance(found, alone(model, inputs, pad))
        weight.copy_(before)
        if difference < FAINT and not name.endswith((*KEY_BIASES, *case.idle)):
            raise ValueError(f"{case.name}: {name} changes the answers only by {difference:.2g}")
    for change, least in [(c, CONTRAST) for c in case.contrasts] + [(c, FAINT) for c in case.faint]:
        other = without_absent({**config, **change})
        changed = alone(load(folder, case, other, weights, eos, strict=False), inputs, pad)
        difference = distance(found[-1:], changed[-1:])
        if not difference > least:
            raise Unfit(f"{change} changes the logits only by {difference:.2g}")


# ---- generation -----------------------------------------------------------------------------------------------------

def run(model, source: list, settings: dict, use_cache: bool = True) -> dict:
    """Texts without start token or prompt, up to and with the end token, and their scores."""
    settings = dict(settings)
    if not use_cache:
        settings["use_cache"] = False
    ids = torch.tensor([source])
    output = model.generate(ids, attention_mask=torch.ones_like(ids), return_dict_in_generate=True,
                            output_scores=True, **settings)
    skip = 1 if model.config.is_encoder_decoder else len(source)
    texts = cut(model, output.sequences[:, skip:].tolist(), settings)
    scores = getattr(output, "sequences_scores", None)
    if scores is not None and max(map(len, texts)) < output.sequences.shape[1] - skip:
        raise ValueError("a text ends before the end token")
    return {"ids": texts, **({} if scores is None else {"scores": [float(f"{s:.8g}") for s in scores.tolist()]})}


def run_batch(model, sources: list, settings: dict, case) -> list:
    """The texts of sources padded to the longest, on the right, or on the left of prompts."""
    longest, pad = max(map(len, sources)), model.config.pad_token_id
    fill = [[pad] * (longest - len(s)) for s in sources]
    holes = [[0] * len(f) for f in fill]
    ones = [[1] * len(s) for s in sources]
    if case.decoder_only:
        ids, mask = [f + s for f, s in zip(fill, sources)], [h + o for h, o in zip(holes, ones)]
    else:
        ids, mask = [s + f for f, s in zip(fill, sources)], [o + h for h, o in zip(holes, ones)]
    rows = model.generate(torch.tensor(ids), attention_mask=torch.tensor(mask), **settings,
                          **({} if case.use_cache else {"use_cache": False}))
    texts = cut(model, rows[:, longest if case.decoder_only else 1:].tolist(), settings)
    n = len(rows) // len(sources)
    return [texts[i * n:(i + 1) * n] for i in range(len(sources))]


def cut(model, rows: list, settings: dict) -> list:
    """Rows up to and with the first end token."""
    ends = settings.get("eos_token_id", model.generation_config.eos_token_id)
    ends = ends if isinstance(ends, list) else [ends]
    return [row[:next((i for i, token in enumerate(row) if token in ends), len(row) - 1) + 1] for row in rows]


class Groups:
    """transformers 4 in a process of its own; for diverse groups, and to compare the rest with."""

    def __init__(self):
        python = os.environ.get("GROUPS_PYTHON")
        if not python:
            sys.exit("generate_seq2seq.py: set GROUPS_PYTHON to a Python that has transformers 4.53.3")
        self.process = subprocess.Popen([python, __file__, "--groups"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)

    def __call__(self, folder: str, case, source: list, settings: dict) -> dict:
        job = {"folder": folder, "decoder_only": case.decoder_only, "source": source, "settings": settings}
        print(json.dumps(job), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())


def serve_groups():
    """Reads a job a line, answers a line; the process that Groups starts."""
    quiet()
    cache = {}
    for line in sys.stdin:
        job = json.loads(line)
        key = (job["folder"], pathlib.Path(job["folder"], "model.safetensors").stat().st_mtime_ns)
        if key not in cache:
            kind = transformers.AutoModelForCausalLM if job["decoder_only"] else transformers.AutoModelForSeq2SeqLM
            if len(cache) > 2 * DRAWS:
                cache.clear()
            cache[key] = kind.from_pretrained(job["folder"], torch_dtype=torch.float32,
                                              attn_implementation="eager").eval()
        print(json.dumps(run(cache[key], job["source"], job["settings"])), flush=True)


class Context:
    """What the makers of settings may ask about the texts found so far."""

    def __init__(self, config: dict, eos: int, probe: list, pad: int, prompt: int):
        self.eos, self.config, self.pad, self.prompt = eos, config, pad, prompt
        self.vocabulary = config.get("decoder_vocab_size", config["vocab_size"])
        self.texts = [list(t) for t in probe]

    @property
    def one_beam(self) -> dict:
        return {"num_beams": 1} if "num_beams" in self.config else {}

    def add(self, outputs: list):
        self.texts += [t for output in outputs for t in output["ids"]]

    def ranked(self) -> list:
        count = collections.Counter(t for text in self.texts for t in text if t not in (self.eos, self.pad))
        return [t for t, _ in count.most_common()]

    def common(self, n: int) -> int:
        ranked = self.ranked()
        return ranked[n % len(ranked)]

    def pair(self, n: int) -> list:
        count = collections.Counter(p for text in self.texts for p in zip(text, text[1:]) if self.eos not in p)
        pairs = [list(p) for p, _ in count.most_common()]
        return pairs[n % len(pairs)]

    def new_pair(self, n: int) -> list:
        """A pair of which the first is common and the second has not followed it."""
        seen = {p for text in self.texts for p in zip(text, text[1:])}
        fresh = [[a, b] for a in self.ranked()[:3] for b in self.ranked()[::-1] if (a, b) not in seen]
        return fresh[n % len(fresh)]

    @property
    def rare(self) -> int:
        used = set(self.ranked()) | {self.eos, self.pad}
        return next(t for t in range(3, self.vocabulary) if t not in used)

    @property
    def first(self) -> list:
        return sorted({t[0] for t in self.texts} - {self.eos})[:3]

    @property
    def forced(self) -> int:
        return self.rare + 1 if "forced_eos_token_id" in self.config else self.eos


class Generator:
    """Runs settings on the case's model, its noisy copies, and transformers 4 where it must."""

    def __init__(self, case, folder, models: list, folders: list, sources: list, groups):
        self.case, self.folders, self.models, self.sources, self.groups = case, folders, models, sources, groups

    def one(self, which: int, source: list, settings: dict) -> dict:
        if "num_beam_groups" in settings:
            return self.groups(self.folders[which], self.case, source, settings)
        return run(self.models[which], source, settings, self.case.use_cache)

    def steady(self, settings: dict) -> list:
        """The outputs of the sources whose texts survive the noise."""
        outputs = [{"source": i, **self.one(0, source, settings)} for i, source in enumerate(self.sources)]
        for draw in range(1, DRAWS + 1):
            noisy = self.every(draw, settings)
            outputs = [o for o in outputs if o["ids"] == noisy[o["source"]]]
            if len(outputs) < 2:
                break
        return outputs

    def every(self, which: int, settings: dict) -> list:
        """The texts of every source, run as one batch where the settings do not look at the sources."""
        prompt = self.case.decoder_only and any(key in LOOKS_AT_PROMPT for key in settings)
        if prompt or "num_beam_groups" in settings or any(key.startswith("encoder_") for key in settings):
            return [self.one(which, source, settings)["ids"] for source in self.sources]
        return run_batch(self.models[which], self.sources, settings, self.case)

    def idle_keys(self, settings: dict, outputs: list) -> list:
        """The settings that change no text when taken away, nor a score noticeably."""
        idle = []
        for key in settings:
            if key in FREE:
                continue
            rest = {k: v for k, v in settings.items() if k != key}
            if key == "diversity_penalty":
                rest[key] = 1e-9  # without it there are no groups
            others = self.every(0, rest) if key not in ("length_penalty", "renormalize_logits") else None
            if not any(self.changed(o, rest, key, others) for o in outputs):
                idle.append(key)
        return idle

    def changed(self, output: dict, rest: dict, key: str, others: list | None) -> bool:
        if others:
            return output["ids"] != others[output["source"]]
        other = self.one(0, self.sources[output["source"]], rest)
        return output["ids"] != other["ids"] or any(
            abs(x - y) > 1e-3 * abs(x) for x, y in zip(output["scores"], other["scores"], strict=True))


def differ(outputs: list, others: list) -> bool:
    by_source = {o["source"]: o["ids"] for o in others}
    return any(o["source"] in by_source and o["ids"] != by_source[o["source"]] for o in outputs)


def find_settings(name: str, generator, context, done: list) -> dict:
    """The first variant that serves; one whose early_stopping is idle if there is no better."""
    spare, reasons, tried = None, collections.Counter(), []
    for settings in GENERATIONS[name](context):
        if settings in tried or len(tried) == VARIANTS:
            continue
        tried.append(settings)
        outputs = generator.steady(settings)
        if len(outputs) < 2:
            reasons["shaky"] += 1
            continue
        if len(set(map(str, (o["ids"] for o in outputs)))) == 1:
            reasons["all sources alike"] += 1
            continue
        if name == "beams" and not differ(outputs, done[0]["outputs"]):
            reasons["like greedy"] += 1
            continue
        idle = generator.idle_keys(settings, outputs)
        if settings.get("length_penalty", 1) < 0:  # "never" differs from False for positive ones only
            idle = [key for key in idle if key != "early_stopping"]
        found = {"name": name, "settings": settings, "outputs": outputs}
        if not idle:
            return found
        reasons[f"idle {idle}"] += 1
        if idle == ["early_stopping"]:
            spare = spare or found
    if spare:
        print(f"    {name}: early_stopping changes nothing", flush=True)
        return spare
    raise Unfit(f"{name}: {dict(reasons)}")


def check_old_version(case, generator, folder, found: dict):
    """Beams are compared with transformers 4, which has the same search."""
    if "groups" not in case.generations or "scores" not in found["outputs"][0] or found["name"].startswith("groups"):
        return
    for output in found["outputs"]:
        old = generator.groups(folder, case, generator.sources[output["source"]], found["settings"])
        if old["ids"] != output["ids"]:
            print(f"    {found['name']}: transformers 4 gives {old} instead of {output}", flush=True)


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


def candidates(case, seed: int, shapes: dict):
    """End tokens with which some texts end and some do not."""
    config = final_config(case, 5)
    sources = make_inputs(case, seed, config, 5)["source"]
    start_ends = case.config.get("decoder_start_token_id") == EOS  # the end token starts the decoder
    with tempfile.TemporaryDirectory() as folder:
        model = load(folder, case, config, make_weights(seed, tensor_rules(case, shapes)), 5)
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

def attempt(case, seed: int, eos: int, shapes: dict, groups) -> dict:
    config = final_config(case, eos)
    tensors = tensor_rules(case, shapes)
    weights = make_weights(seed, tensors)
    inputs = make_inputs(case, seed, config, eos)
    pad = config["pad_token_id"]
    with tempfile.TemporaryDirectory() as root:
        folders = [str(pathlib.Path(root, str(i))) for i in range(DRAWS + 2)]
        for folder in folders:
            pathlib.Path(folder).mkdir()
        noisy = [shaken(weights, tensors, draw) for draw in range(DRAWS)]
        models = [load(f, case, config, w, eos) for f, w in zip(folders, [weights, *noisy])]
        golden = {"name": case.name, "family": case.family, "note": case.note, "config": config,
                  **({} if case.generation_config is None else
                     {"generation_config": with_eos(case.generation_config, eos)}),
                  "seed": seed, "tensors": tensors, **inputs}
        if not case.decoder_only:
            found = alone(models[0], inputs, pad)
            for model in models[1:]:
                if distance(found, alone(model, inputs, pad)) > SHAKY:
                    raise Unfit("the answers are shaky")
            golden |= kept_answers(models[0], inputs, found)
        generator = Generator(case, folders[0], models, folders, inputs["source"], groups)
        probe = [row for s in inputs["source"] for row in run_without_end(models[0], s, case)]
        context = Context({**config, **(case.generation_config or {})}, eos, probe, pad, case.prompt)
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
            check_old_version(case, generator, folders[0], done[-1])
        ended, cut = endings(case, config, done, eos)
        if ended < LEAST_ENDED or cut < LEAST_CUT:
            raise Unfit(f"{ended:.0%} of the texts end, {cut:.0%} are cut")
        if not case.decoder_only:
            check_forward(case, models[0], folders[-1], config, eos, weights, inputs, found)
    return {**golden, "generations": done}


def kept_answers(model, inputs: dict, found: list) -> dict:
    return {"encoder": [{"at": at, **pack(x)} for stack, at, x in found if stack == "encoder"],
            "decoder": [{"at": at, **pack(x)} for stack, at, x in found if stack == "decoder"],
            "logits": pack(found[-1][2]), "cross_attention": cross_attention(model, inputs)}


def make(case, groups) -> dict:
    shapes = layout(case)
    for seed in range(1, 60):
        for eos in candidates(case, seed, shapes):
            try:
                return attempt(case, seed, eos, shapes, groups)
            except Unfit as reason:
                print(f"  {case.name}: seed {seed}, end {eos}: {reason}", flush=True)
    raise ValueError(f"{case.name}: no seed below 60 serves")


def text(golden: dict) -> str:
    """JSON with a line per key, tensor, hidden state, sequence and settings."""
    lines = []
    for key, value in golden.items():
        if key == "tensors":
            body = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items())
            lines.append(f'"tensors": {{\n{body}\n}}')
        elif key in ("source", "target", "positions", "encoder", "decoder", "generations"):
            lines.append(f'"{key}": [\n' + ",\n".join("  " + json.dumps(h) for h in value) + "\n]")
        else:
            lines.append(f"{json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def close(a: dict, b: dict) -> bool:
    x, y = unpack(a), unpack(b)
    return x.shape == y.shape and np.abs(x - y).max() <= 2e-5 * np.abs(x).max()


def compare(case, golden: dict, groups) -> list:
    """What differs when the file's answers are made again: floats by more than 2e-5 of the largest magnitude."""
    eos = golden["config"]["eos_token_id"]
    with tempfile.TemporaryDirectory() as folder:
        model = load(folder, case, golden["config"], make_weights(golden["seed"], golden["tensors"]), eos)
        different = []
        if not case.decoder_only:
            again = kept_answers(model, golden, alone(model, golden, golden["config"]["pad_token_id"]))
            for stack in ("encoder", "decoder"):
                different += [f"{stack} {a['at']}" for a, b in zip(golden[stack], again[stack], strict=True)
                              if not close(a, b)]
            different += [k for k in ("logits", "cross_attention") if not close(golden[k], again[k])]
        generator = Generator(case, folder, [model], [folder], golden["source"], groups)
        for g in golden["generations"]:
            for output in g["outputs"]:
                again = generator.one(0, golden["source"][output["source"]], g["settings"])
                scores = np.array(output.get("scores", [0])) - np.array(again.get("scores", [0]))
                if again["ids"] != output["ids"] or np.abs(scores).max() > 1e-4:
                    different.append(f"{g['name']}, source {output['source']}")
    return different


def quiet():
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.set_grad_enabled(False)
    np.seterr(over="ignore")
    warnings.simplefilter("ignore")


def main(arguments: list):
    if arguments == ["--groups"]:
        return serve_groups()
    generate.check_versions()
    quiet()
    names = [a for a in arguments if not a.startswith("-")]
    unknown = set(names) - {c.name for c in seq2seq_cases.ALL}
    if unknown:
        sys.exit(f"generate_seq2seq.py: no case is called {', '.join(sorted(unknown))}")
    HERE.mkdir(exist_ok=True)
    groups, failed = Groups(), False
    for case in seq2seq_cases.ALL:
        if names and case.name not in names:
            continue
        path = HERE / (case.name + ".json")
        if "--check" in arguments:
            different = compare(case, json.loads(path.read_text()), groups)
            print(case.name, "differs in " + "; ".join(different) if different else "agrees", flush=True)
            failed |= bool(different)
            continue
        golden = make(case, groups)
        path.write_text(text(golden))
        print(f"{case.name}: seed {golden['seed']}, end {golden['config']['eos_token_id']}, "
              f"{path.stat().st_size} bytes", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main(sys.argv[1:])

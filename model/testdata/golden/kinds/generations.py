"""The texts that a model generates: which settings serve, and the runs.

Of each kind of settings several variants are tried, and the sources kept whose texts survive the noise, two at least.
Each setting taken away must change a text or a score.
"""

import collections
import json
import os
import pathlib
import subprocess
import sys

import torch
import transformers

from cases.settings import GENERATIONS
from kinds.reference import Unfit, check_versions, quiet

HERE = pathlib.Path(__file__).parent.parent

DRAWS = 3  # of noise on the weights
VARIANTS = 8  # of settings, tried at most
LOOKS_AT_PROMPT = ("max_length", "no_repeat_ngram_size", "repetition_penalty", "sequence_bias")
FREE = ("max_new_tokens", "max_length", "num_beams", "num_return_sequences", "num_beam_groups")  # not taken away

# ---- runs -----------------------------------------------------------------------------------------------------------

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
        self.process = None

    def start(self):
        python = os.environ.get("GROUPS_PYTHON")
        if not python:
            raise ValueError("set GROUPS_PYTHON to a Python with what requirements-groups.txt says")
        return subprocess.Popen([python, "-m", "kinds.generations"], cwd=HERE, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True)

    def __call__(self, folder: str, case, source: list, settings: dict) -> dict:
        self.process = self.process or self.start()
        job = {"folder": folder, "decoder_only": case.decoder_only, "source": source, "settings": settings}
        print(json.dumps(job), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.process:
            self.process.stdin.close()
            self.process.wait()


def serve_groups():
    """Reads a job a line, answers a line; the process that Groups starts."""
    check_versions(HERE / "requirements-groups.txt")
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


if __name__ == "__main__":
    serve_groups()

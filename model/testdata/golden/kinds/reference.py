"""What the kinds share: weights by formula, checkpoints, the reference's models, packed arrays, comparison."""

import base64
import json
import math
import pathlib
import sys
import tempfile
import warnings

import numpy as np
import safetensors.torch
import torch
import transformers

CONTRAST = 2e-3  # how much a contrast must show, of the largest magnitude
SAME = 2e-5  # what counts as the same float32 array, of its largest magnitude


class Unfit(Exception):
    """The seed does not serve; the next is tried."""


def check_versions(requirements: pathlib.Path):
    for line in requirements.read_text().split():
        package, want = line.split("==")
        have = sys.modules[package].__version__.split("+")[0]
        if have != want:
            sys.exit(f"golden.py: {package} is {have}, but the golden files are made with {want}")


def quiet():
    """One thread, no randomness, no gradients, no chatter."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.set_grad_enabled(False)
    np.seterr(over="ignore")
    warnings.simplefilter("ignore")
    # Some routers ask for the best k in any order; the files have the order of choice.
    best = torch.topk
    torch.topk = lambda x, k, **rest: best(x, k, **{**rest, "sorted": True})


# ---- weights --------------------------------------------------------------------------------------------------------

def uniform(key: str, n: int) -> np.ndarray:
    """n float64 in [-1, 1): element i is the splitmix64 finaliser of FNV-1a(key) + (i+1) * golden ratio."""
    h = 0xCBF29CE484222325
    for b in key.encode():
        h = (h ^ b) * 0x100000001B3 % 2**64
    z = np.uint64(h) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return (z >> np.uint64(40)).astype(np.float64) / 2**23 - 1


def formula(seed: int, name: str, shape: list, offset: float, scale: float) -> torch.Tensor:
    values = offset + scale * uniform(f"{seed}:{name}", math.prod(shape))
    return torch.from_numpy(values.astype(np.float32)).reshape(shape)


def random_ids(key: str, length: int, vocabulary: int) -> np.ndarray:
    return ((uniform(key, length) + 1) / 2 * vocabulary).astype(int)


def tensor_rules(case, shapes: dict) -> dict:
    """The tensors of the case's checkpoint: by name, shape, offset and scale, and "like" where one repeats another."""
    tensors = {}
    for name, shape, value in [*((n, s, None) for n, s in shapes.items()), *case.extra_tensors]:
        offset, scale = case.rule(name, shape) if value is None else (value, 0.0)
        tensors[name] = {"shape": shape, "offset": offset, "scale": scale}
    for name, other in case.like.items():
        tensors[name] = {**tensors[other], "like": other}
    return tensors


def make_weights(seed: int, tensors: dict) -> dict:
    return {name: formula(seed, t.get("like", name), t["shape"], t["offset"], t["scale"])
            for name, t in tensors.items()}


def with_noise(weights: dict, tensors: dict, draw: int, noise: float) -> dict:
    return {k: v * (1 + noise * formula(draw, "noise " + tensors[k].get("like", k), list(v.shape), 0, 1))
            for k, v in weights.items()}


# ---- checkpoints ----------------------------------------------------------------------------------------------------

def write_config(case, config: dict, folder: str):
    if case.reads_as:
        config = {**config, "model_type": case.reads_as}
    pathlib.Path(folder, "config.json").write_text(json.dumps(config))


def new_model(case, config: dict, folder: str):
    """The reference's model with weights of its own choice."""
    write_config(case, config, folder)
    kind = transformers.AutoConfig.from_pretrained(folder)
    cls = case.model_class
    return cls(kind) if issubclass(cls, transformers.PreTrainedModel) else cls.from_config(kind)


def layout(case, config: dict) -> tuple[dict, dict]:
    """The config as published, and name -> shape of the tensors as published."""
    with tempfile.TemporaryDirectory() as folder:
        new_model(case, config, folder).save_pretrained(folder)
        if case.saved_config:
            config = json.loads(pathlib.Path(folder, "config.json").read_text())
        tensors = safetensors.torch.load_file(pathlib.Path(folder, "model.safetensors"))
    shapes = {case.published(k): list(v.shape) for k, v in sorted(tensors.items())}
    return config, {k: v for k, v in shapes.items() if not k.endswith(tuple(case.without_tensors) or "\0")}


def load(case, folder: str, config: dict, weights: dict, strict: bool = True):
    """The reference's model, loaded as a user would load it; strict refuses tensors that do not fit."""
    write_config(case, config, folder)
    safetensors.torch.save_file(weights, pathlib.Path(folder, "model.safetensors"), {"format": "pt"})
    model, info = case.model_class.from_pretrained(
        folder, dtype=torch.float32, attn_implementation=case.attention, experts_implementation="eager",
        output_loading_info=True)
    unread = {name for name in info["unexpected_keys"] if not name.startswith(case.prediction or "\0")}
    unread -= {name for name, *_ in case.extra_tensors}
    missing = [k for k in info["missing_keys"] if not k.endswith(tuple(case.without_tensors) or "\0")]
    if strict and (missing or unread or info["mismatched_keys"]):
        raise ValueError(f"{case.name}: the checkpoint does not fit the model: {info}")
    return case.runs(model.eval())


# ---- requirements of a case -----------------------------------------------------------------------------------------

def check_contrasts(case, config: dict, difference, error=ValueError):
    """Each contrast, a change of the config, must show; difference(config) tells how much, by the largest magnitude."""
    for change, least in [(c, CONTRAST) for c in case.contrasts] + [(c, case.faintest) for c in case.faint]:
        shown = difference(case.changed(config, change))
        if not shown > least:
            raise error(f"{case.name}: {change} changes the answers only by {shown:.2g}")


def check_weights(case, named, least: float, difference):
    """Every (name, tensor) must show when it is zero; difference() tells how much, by the largest magnitude."""
    for name, weight in named:
        if name.endswith((*case.idle, *case.always_idle)) or any(part in name for part in case.unread):
            continue
        kept = weight.clone()
        weight.zero_()
        shown = difference()
        weight.copy_(kept)
        if not shown > least:
            raise ValueError(f"{case.name}: {name} changes the answers only by {shown:.2g}")


def relative(x: torch.Tensor, y: torch.Tensor) -> float:
    """The largest difference by the largest magnitude of x."""
    return ((x - y).abs().max() / x.abs().max()).item()


def first_fit(case, attempts):
    """The first of the attempts, functions without arguments, that does not raise Unfit."""
    last = None
    for attempt in attempts:
        try:
            return attempt()
        except Unfit as reason:
            last = reason
    raise ValueError(f"{case.name}: nothing serves, at last since {last}")


# ---- files ----------------------------------------------------------------------------------------------------------

def pack(x: torch.Tensor) -> dict:
    data = base64.b64encode(x.detach().numpy().astype("<f4").tobytes()).decode()
    return {"shape": list(x.shape), "data": "f32:" + data}


def unpack(x: dict) -> np.ndarray:
    return np.frombuffer(base64.b64decode(x["data"].removeprefix("f32:")), "<f4").reshape(x["shape"])


# Keys whose value has a line per element.
LISTED = ("hidden", "routing", "inputs", "outputs", "source", "target", "encoder", "decoder", "generations")


def text(golden: dict, ascii_only: bool = True) -> str:
    """JSON with a line per key, tensor, hidden state, sequence, output and settings."""
    lines = []
    for key, value in golden.items():
        if key == "tensors":
            body = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items())
            lines.append(f'"tensors": {{\n{body}\n}}')
        elif key in LISTED or key == "positions" and isinstance(value[0], dict):
            lines.append(f'"{key}": [\n' + ",\n".join("  " + json.dumps(h) for h in value) + "\n]")
        else:
            lines.append(f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=ascii_only)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


ROUNDED = ("score", "scores", "spans", "null")  # keys of numbers computed by the reference and not packed
UNCOMPARED = ("min_margin",)


def differences(want, got, at: str = "") -> list:
    """Where got differs from want: packed arrays by more than SAME, scores by more than 1e-4, all else at all."""
    if isinstance(want, dict) and isinstance(got, dict):
        if "data" in want and "data" in got:
            x, y = unpack(want), unpack(got)
            same = x.shape == y.shape and np.abs(x - y).max() <= SAME * np.abs(x).max()
            return ([] if same else [at]) + differences(without_array(want), without_array(got), at)
        keys = [k for k in want | got if k not in UNCOMPARED]
        return [d for k in keys for d in differences(want.get(k), got.get(k), f"{at}.{k}".lstrip("."))]
    if isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        return [d for i, (a, b) in enumerate(zip(want, got)) for d in differences(a, b, f"{at}[{i}]")]
    if isinstance(want, float) and isinstance(got, float) and any(k in at.split(".")[-1] for k in ROUNDED):
        return [] if abs(want - got) <= 1e-4 * max(1, abs(want)) else [at]
    return [] if want == got and type(want) is type(got) else [at]


def without_array(x: dict) -> dict:
    return {k: v for k, v in x.items() if k not in ("data", "shape")}

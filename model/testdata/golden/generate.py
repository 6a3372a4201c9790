"""Writes the golden files: what Hugging Face transformers answers on small random checkpoints.

    python3 -m venv env && env/bin/pip install -r requirements.txt
    env/bin/python generate.py            # write every case beside this file
    env/bin/python generate.py llama-gqa  # only the named ones
    env/bin/python generate.py --check    # write nothing; compare with the files

A case is a config and its answers. The weights are a formula of case seed, tensor name and element index
(formula below), so that no checkpoint need be stored. The file of a case holds

    name, family, note  what it is and what it exercises
    config              the contents of the checkpoint's config.json
    seed, tensors       the formula's seed; per tensor, as named in the checkpoint, shape, offset and scale
    prompt              token ids
    positions           rows of the prompt for which hidden states and logits are kept
    hidden              the embedding's output, then each layer's; the last layer's only after the final norm
    logits              before any sampling, after the model's own soft-cap
    greedy              the 64 tokens that follow, each the argmax of a run over the whole text so far, without a cache
    greedy_cached       the same from generate() with a cache, only where it differs from greedy
    min_margin          the smallest (first - second logit) / max |logit| in the greedy run

Float arrays are {"shape": [...], "data": "f32:" + base64 of little-endian float32}.

Seeds are searched until the greedy run is varied and survives a relative noise of 1e-4 on every weight. Each case names
contrasts, changes of its config that must show in the logits, so that no case passes without its subject.
"""

import base64
import json
import math
import pathlib
import sys
import tempfile

import numpy as np
import safetensors
import safetensors.torch
import torch
import transformers

import cases

HERE = pathlib.Path(__file__).parent
PROMPT, GREEDY, POSITIONS = 40, 64, [0, 7, 22, 39]
NOISE, DRAWS, MIN_MARGIN, MIN_DISTINCT = 1e-4, 6, 1e-3, 10
CONTRAST, FAINT = 2e-3, 2e-4  # of the largest magnitude of the logits


def check_versions():
    for line in (HERE / "requirements.txt").read_text().split():
        package, want = line.split("==")
        have = sys.modules[package].__version__.split("+")[0]
        if have != want:
            sys.exit(f"generate.py: {package} is {have}, but the golden files are made with {want}")


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


def rule(case, name: str, shape: list) -> tuple[float, float]:
    """Offset and scale: activations and every layer's contribution to the residual stream come out around 1."""
    module, leaf = name.rsplit(".", 2)[-2:]
    plus_one = case.family.startswith("gemma")  # these norms multiply by 1 + weight
    if len(shape) == 1:
        norm = leaf == "weight"
        return case.offsets.get(module, 1.0 if norm and not plus_one else 0.0), 0.3
    gain = case.gains.get(module, cases.GAINS.get(module, 1.2))
    if module in ("embed_tokens", "wte", "wpe") and not plus_one:
        fan_in = 1
    elif case.family == "gpt2" and module.startswith("c_"):  # Conv1D is [in, out]
        fan_in = shape[0]
    else:
        fan_in = shape[-1]
    return 0.0, float(f"{gain * math.sqrt(3 / fan_in):.5g}")


def load(folder: str, config: dict, weights: dict, strict: bool = True):
    """The reference model, loaded as a user would load it."""
    pathlib.Path(folder, "config.json").write_text(json.dumps(config))
    safetensors.torch.save_file(weights, pathlib.Path(folder, "model.safetensors"), {"format": "pt"})
    model, info = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    unread = [k for k in info["unexpected_keys"] if not k.endswith("rotary_emb.inv_freq")]
    if strict and (info["missing_keys"] or unread or info["mismatched_keys"]):
        raise ValueError(f"checkpoint does not fit the model: {info}")
    return model.eval()


def layout(case) -> tuple[dict, dict]:
    """The config as published, and name -> shape of the tensors as published."""
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "config.json").write_text(json.dumps(case.config))
        model = transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.from_pretrained(folder))
        model.save_pretrained(folder)
        config = case.config
        if case.saved_config:
            config = json.loads(pathlib.Path(folder, "config.json").read_text())
        tensors = safetensors.torch.load_file(pathlib.Path(folder, "model.safetensors"))
    shapes = {k.removeprefix(case.drop_prefix): list(v.shape) for k, v in sorted(tensors.items())}
    return config, shapes


def next_logits(model, ids: list) -> torch.Tensor:
    return model(torch.tensor([ids]), use_cache=False).logits[0]


def margin(row: torch.Tensor) -> float:
    first, second = row.topk(2).values.tolist()
    return (first - second) / row.abs().max().item()


def greedy(model, prompt: list) -> tuple[list, float]:
    ids, margins = list(prompt), []
    for _ in range(GREEDY):
        row = next_logits(model, ids)[-1]
        margins.append(margin(row))
        ids.append(row.argmax().item())
    return ids[len(prompt):], min(margins)


def greedy_cached(model, prompt: list) -> list:
    model.generation_config = transformers.GenerationConfig(do_sample=False, max_new_tokens=GREEDY, pad_token_id=0)
    ids = torch.tensor([prompt])
    return model.generate(ids, attention_mask=torch.ones_like(ids))[0, len(prompt):].tolist()


def survives_noise(case, folder, config, weights, prompt, want: list, cached: list) -> bool:
    for draw in range(DRAWS):
        noisy = {k: v * (1 + NOISE * formula(draw, "noise " + k, list(v.shape), 0, 1)) for k, v in weights.items()}
        model = load(folder, config, noisy)
        if case.rope_state:  # the frequencies depend on the length, so each length needs its own run
            got = greedy(model, prompt)[0]
            if greedy_cached(load(folder, config, noisy), prompt) != cached:
                return False
        else:
            got = next_logits(model, prompt + want)[len(prompt) - 1:-1].argmax(-1).tolist()
        if got != want:
            return False
    return True


def pack(x: torch.Tensor) -> dict:
    data = base64.b64encode(x.detach().numpy().astype("<f4").tobytes()).decode()
    return {"shape": list(x.shape), "data": "f32:" + data}


def unpack(x: dict) -> np.ndarray:
    return np.frombuffer(base64.b64decode(x["data"].removeprefix("f32:")), "<f4").reshape(x["shape"])


def check_contrast(case, folder, config, weights, prompt):
    ids = prompt + prompt[::-1]  # some changes show only after a length
    logits = next_logits(load(folder, config, weights), ids)
    for change, least in [(c, CONTRAST) for c in case.contrasts] + [(c, FAINT) for c in case.faint]:
        other = cases.without_absent({**config, **change})
        changed = next_logits(load(folder, other, weights, strict=False), ids)
        difference = ((changed - logits).abs().max() / logits.abs().max()).item()
        if not difference > least:
            raise ValueError(f"{case.name}: {change} changes the logits only by {difference:.2g}")


def attempt(case, seed: int, config: dict, shapes: dict) -> dict | None:
    tensors = {}
    for name, shape in shapes.items():
        offset, scale = rule(case, name, shape)
        tensors[name] = {"shape": shape, "offset": offset, "scale": scale}
    for name, shape, value in case.extra_tensors:
        offset, scale = rule(case, name, shape) if value is None else (value, 0.0)
        tensors[name] = {"shape": shape, "offset": offset, "scale": scale}
    weights = {name: formula(seed, name, **t) for name, t in tensors.items()}
    ids = (uniform(f"{seed}:prompt", PROMPT) + 1) / 2 * config["vocab_size"]
    prompt = ids.astype(int).tolist()

    with tempfile.TemporaryDirectory() as folder:
        output = load(folder, config, weights)(torch.tensor([prompt]), use_cache=False, output_hidden_states=True)
        check_contrast(case, folder, config, weights, prompt)
        tokens, smallest = greedy(load(folder, config, weights), prompt)
        if smallest < MIN_MARGIN or len(set(tokens)) < MIN_DISTINCT:
            return None
        cached = greedy_cached(load(folder, config, weights), prompt)
        if cached != tokens and not case.rope_state:
            raise ValueError(f"{case.name}: the cache changes the greedy run")
        if not survives_noise(case, folder, config, weights, prompt, tokens, cached):
            return None

    hidden = output.hidden_states
    labels = ["embedding", *(f"layer {i}" for i in range(len(hidden) - 2)), "final norm"]
    return {
        "name": case.name, "family": case.family, "note": case.note, "config": config, "seed": seed,
        "tensors": tensors, "prompt": prompt, "positions": POSITIONS,
        "hidden": [{"at": at, **pack(h[0, POSITIONS])} for at, h in zip(labels, hidden, strict=True)],
        "logits": pack(output.logits[0, POSITIONS]),
        "greedy": tokens,
        **({"greedy_cached": cached} if cached != tokens else {}),
        "min_margin": float(f"{smallest:.4g}"),
    }


def make(case) -> dict:
    config, shapes = layout(case)
    for seed in range(1, 400):
        golden = attempt(case, seed, config, shapes)
        if golden:
            return golden
    raise ValueError(f"{case.name}: no seed below 400 gives a robust greedy run")


def text(golden: dict) -> str:
    """JSON with a line per key, tensor, hidden state, input and output."""
    lines = []
    for key, value in golden.items():
        if key == "tensors":
            body = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items())
            lines.append(f'"tensors": {{\n{body}\n}}')
        elif key in ("hidden", "inputs", "outputs"):
            lines.append(f'"{key}": [\n' + ",\n".join("  " + json.dumps(h) for h in value) + "\n]")
        else:
            lines.append(f"{json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def compare(want: dict, got: dict) -> list:
    """The keys that differ: floats by more than 2e-5 of the largest magnitude, anything else at all."""
    def close(a, b):
        a, b = unpack(a), unpack(b)
        return a.shape == b.shape and np.abs(a - b).max() <= 2e-5 * np.abs(a).max()

    different = [k for k in want | got if k not in ("hidden", "logits", "min_margin") and want.get(k) != got.get(k)]
    if not close(want["logits"], got["logits"]):
        different.append("logits")
    return different + [a["at"] for a, b in zip(want["hidden"], got["hidden"], strict=True) if not close(a, b)]


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
    unknown = set(names) - {c.name for c in cases.ALL}
    if unknown:
        sys.exit(f"generate.py: no case is called {', '.join(sorted(unknown))}")
    failed = False
    for case in cases.ALL:
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
        cached = ", cached run differs" if "greedy_cached" in golden else ""
        print(f"{case.name}: seed {golden['seed']}, margin {golden['min_margin']}{cached}", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main(sys.argv[1:])

"""Counts the parameters and stored buffers of the reference's models, built without memory.

    python3 -m venv env && env/bin/pip install -r ../../model/testdata/golden/requirements.txt
    env/bin/python counts.py | gzip -9n > counts.json.gz

The models are those of the presets in ../presets and of the golden files of package model. A model is built from its
config on torch's meta device; a tensor that several modules share counts once. Of a model with pictures it is the text
model, and tower is what the whole model has beside it. Layers that only predict further tokens are not part of the reference's model. What a config says about
quantisation is left out, because it changes no parameter.
"""

import gzip
import json
import pathlib
import re
import sys

import torch
import transformers
from transformers import AutoConfig

HERE = pathlib.Path(__file__).parent
PRESETS = HERE.parent / "presets"
GOLDEN = HERE.parent.parent / "model" / "testdata" / "golden"


def config_of(values: dict):
    """The reference's config, of the text model alone."""
    values = {key: v for key, v in values.items() if key != "quantization_config"}
    kind = values.pop("model_type")
    if kind == "kimi_k2":  # transformers has the model under this name
        kind, values["architectures"] = "deepseek_v3", ["DeepseekV3ForCausalLM"]
    config = AutoConfig.for_model(kind, **values)
    if hasattr(config, "text_config") and config.text_config is not config:
        return config.get_text_config(), None, config
    return config, (values.get("architectures") or [None])[0], None


def class_of(config, name):
    if name is not None and hasattr(transformers, name):
        return getattr(transformers, name)
    for auto in (transformers.AutoModelForCausalLM, transformers.AutoModelForSeq2SeqLM, transformers.AutoModel):
        if type(config) in auto._model_mapping.keys():
            return auto._model_mapping[type(config)]
    raise ValueError(f"no class for {type(config)}")


def size(model) -> int:
    return sum(p.numel() for p in model.parameters())


def count(values: dict) -> dict:
    config, name, whole = config_of(values)
    with torch.device("meta"):
        model = class_of(config, name)(config)
        tower = size(class_of(whole, values["architectures"][0])(whole)) - size(model) if whole else 0
    stored = set(model.state_dict())
    buffers = {name: b.numel() for name, b in model.named_buffers() if name in stored}
    kinds = {}
    for name, n in buffers.items():
        kind = re.sub(r"\.\d+\.", ".N.", name)
        kinds[kind] = kinds.get(kind, 0) + n
    entry = {"class": type(model).__name__, "parameters": size(model)}
    if tower:
        entry["tower"] = tower
    frozen = {}  # tables that are computed, not trained
    for name, p in model.named_parameters():
        if not p.requires_grad:
            frozen[re.sub(r"\.\d+\.", ".N.", name)] = p.numel()
    return entry | ({"buffers": kinds} if kinds else {}) | ({"computed": frozen} if frozen else {})


def main():
    transformers.utils.logging.set_verbosity_error()
    torch.set_num_threads(1)
    counts = {}
    files = [("presets/", PRESETS, p) for p in sorted(PRESETS.glob("*.json"))]
    files += [("golden/", GOLDEN, p) for p in sorted(GOLDEN.rglob("*.json.gz")) if "pipelines" not in p.parts]
    for prefix, root, path in files:
        data = path.read_bytes()
        golden = json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
        if "config" not in golden:
            continue
        name = prefix + path.relative_to(root).as_posix().removesuffix(".gz").removesuffix(".json")
        try:
            counts[name] = count(golden["config"])
        except Exception as error:  # one that cannot be built is told, and left out
            print(name, type(error).__name__, error, file=sys.stderr)
    lines = [f"{json.dumps(name)}: {json.dumps(counts[name])}" for name in counts]
    print("{\n" + ",\n".join(lines) + "\n}")


if __name__ == "__main__":
    main()

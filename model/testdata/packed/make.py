"""Makes small checkpoints of GPTQ, AWQ and compressed-tensors, and what transformers 5.24.0 answers on their values.

    env/bin/python make.py          # writes gptq/, awq/ and compressed/: configs, model.safetensors and golden.json
    env/bin/python make.py check    # makes the answers again from the checkpoints, and compares

The environment is that of ../golden, whose golden.py says what golden.json holds, with compressed-tensors 0.20.1; the file
has no tensors, since the stored weights are no formula. Matrices are packed and read by packed.py of
tensor/checkpoint/testdata, which compares itself with the packers: (code - zero) * scale in float32. The reference gets
these values as an ordinary checkpoint.
"""

import gzip
import json
import pathlib
import sys
import tempfile
import types

import safetensors.torch
import torch
import transformers

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "golden"), str(HERE.parents[2] / "tensor/checkpoint/testdata")]
import packed  # noqa: E402
from compressed_tensors.compressors import BaseCompressor  # noqa: E402
from compressed_tensors.quantization import QuantizationConfig  # noqa: E402
from kinds.decoders import greedy, next_logits, routing  # noqa: E402
from kinds.reference import Unfit, differences, pack, quiet, random_ids, text, uniform  # noqa: E402

SHARED = {"vocab_size": 89, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-5,
          "max_position_embeddings": 256, "hidden_act": "silu", "tie_word_embeddings": False, "eos_token_id": 88,
          "pad_token_id": 87, "bos_token_id": 86, "attention_bias": False, "torch_dtype": "float16"}
GROUPS = {
    "group_0": {"targets": ["Linear"], "format": "pack-quantized", "input_activations": None, "output_activations": None,
                "weights": {"num_bits": 4, "type": "int", "symmetric": False, "strategy": "group", "group_size": 8, "dynamic": False}},
    "group_1": {"targets": ["re:.*self_attn.*"], "format": "float-quantized", "output_activations": None,
                "input_activations": {"num_bits": 8, "type": "float", "strategy": "token", "dynamic": True},
                "weights": {"num_bits": 8, "type": "float", "strategy": "channel", "dynamic": False}},
}
CONFIGS = {
    "gptq": SHARED | {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 32, "intermediate_size": 40},
    "awq": SHARED | {"architectures": ["MixtralForCausalLM"], "model_type": "mixtral", "hidden_size": 32, "intermediate_size": 32,
                     "num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": None,
                     "quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 16, "version": "gemm", "zero_point": True,
                                             "modules_to_not_convert": ["gate"]}},
    "compressed": SHARED | {"architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "hidden_size": 32, "head_dim": 8,
                            "intermediate_size": 48, "moe_intermediate_size": 16, "num_experts": 4, "num_experts_per_tok": 2,
                            "norm_topk_prob": True, "decoder_sparse_step": 1, "mlp_only_layers": [0],
                            "quantization_config": {"quant_method": "compressed-tensors", "format": "mixed-precision",
                                                    "quantization_status": "compressed", "kv_cache_scheme": None,
                                                    "ignore": ["lm_head", "re:.*mlp\\.gate$"], "config_groups": GROUPS}},
}
GPTQ = {"bits": 4, "group_size": 16, "damp_percent": 0.01, "desc_act": True, "static_groups": False, "sym": False, "true_sequential": True,
        "model_name_or_path": None, "model_file_base_name": "model"}
PLAIN = types.SimpleNamespace(start=0)
POSITIONS, MARGIN = [0, 7, 22, 39], 1e-3


def quantised(name: str) -> bool:
    """Whether a matrix is stored in few bits."""
    return "layers." in name and name.endswith(("_proj.weight", ".w1.weight", ".w2.weight", ".w3.weight"))


def store(kind: str, name: str, weight: torch.Tensor, seed: int) -> tuple[dict, torch.Tensor]:
    """What is stored of a matrix, and its values."""
    generator = torch.Generator().manual_seed(seed * 1000 + sum(name.encode()))
    out, inputs = weight.shape
    if kind == "compressed":
        group = GROUPS["group_1" if "self_attn" in name else "group_0"]
        scheme = QuantizationConfig(config_groups={"g": group}).config_groups["g"]
        compressor = BaseCompressor.get_value_from_registry(group["format"])
        size = scheme.weights.group_size or inputs
        low, high = weight.unflatten(1, (-1, size)).aminmax(dim=-1)
        state = {"weight": weight, "weight_scale": (weight.abs().amax(1, keepdim=True) / 300).bfloat16()}
        if scheme.weights.num_bits == 4:
            scale = ((high - low) / 15).bfloat16()
            state |= {"weight_scale": scale, "weight_zero_point": (-8 - low / scale.float()).round().clamp(-8, 7).to(torch.int8)}
        stored = compressor.compress(state, scheme)
        return stored, compressor.decompress(stored | {"weight_scale": stored["weight_scale"].float()}, scheme)["weight"]
    groups = packed.math.ceil(inputs / 16)
    g_idx = torch.arange(inputs) // 16
    if kind == "gptq":
        g_idx = g_idx[torch.randperm(inputs, generator=generator)]
    scales = (weight.abs().max() / 6 * (0.5 + torch.rand(groups, out, generator=generator))).half()
    zeros = torch.randint(5, 11, (groups, out), generator=generator)
    codes = (weight / scales.float()[g_idx].T + zeros[g_idx].T).round().clamp(0, 15).long()
    want = packed.affine(codes, zeros, scales, g_idx)
    if kind == "gptq":
        return packed.gptq(codes, zeros, scales, 4, 16, g_idx), want
    return packed.awq(codes, zeros, scales), want


def published(name: str, shape: list, seed: int) -> torch.Tensor:
    offset, scale = (1, 0.3) if "norm" in name else (0, 1.5 if "embed" in name else 0.5)
    n = torch.Size(shape).numel()
    return (offset + scale * torch.from_numpy(uniform(f"{seed}:{name}", n)).float().reshape(shape)).half().float()


def checkpoint(kind: str, seed: int) -> tuple[dict, dict]:
    """The tensors that are stored, and the values of a checkpoint that is not quantised."""
    config = {k: v for k, v in CONFIGS[kind].items() if k != "quantization_config"}
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "config.json").write_text(json.dumps(config))
        model = transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.from_pretrained(folder))
        model.save_pretrained(folder)
        shapes = {k: list(v.shape) for k, v in safetensors.torch.load_file(pathlib.Path(folder, "model.safetensors")).items()}
    tensors, values = {}, {}
    for name, shape in sorted(shapes.items()):
        values[name] = published(name, shape, seed)
        if not quantised(name):
            tensors[name] = values[name].half()
            continue
        stored, values[name] = store(kind, name, values[name], seed)
        module = name.removesuffix("weight")
        tensors |= {module + part: t.contiguous() for part, t in stored.items()}
        if kind == "gptq":  # as AutoGPTQ once did for every layer
            tensors[module + "bias"] = torch.zeros(shape[0]).half()
    return tensors, values


def load(kind: str, values: dict):
    config = {k: v for k, v in CONFIGS[kind].items() if k != "quantization_config"}
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "config.json").write_text(json.dumps(config))
        safetensors.torch.save_file({k: v.contiguous() for k, v in values.items()}, pathlib.Path(folder, "model.safetensors"), {"format": "pt"})
        model, info = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager", experts_implementation="eager", output_loading_info=True)
    if info["missing_keys"] or info["unexpected_keys"] or info["mismatched_keys"]:
        raise ValueError(info)
    return model.eval()


def answers(kind: str, seed: int, values: dict) -> dict:
    model = load(kind, values)
    prompt = random_ids(f"{seed}:prompt", 40, SHARED["vocab_size"]).tolist()
    output = model(torch.tensor([prompt]), use_cache=False, output_hidden_states=True)
    routed = sorted(routing(model, lambda: next_logits(PLAIN, model, prompt)).items())
    if any(len(chosen.unique()) < 4 for _, (chosen, _) in routed):
        raise Unfit("not every expert is used")
    tokens, smallest = greedy(PLAIN, model, prompt, MARGIN)
    if len(set(tokens)) < 8:
        raise Unfit("the text repeats itself")
    labels = ["embedding", "layer 0", "final norm"]
    return {
        "name": kind, "family": CONFIGS[kind]["model_type"], "note": "the reference computes in float32 with the values of the stored weights",
        "config": CONFIGS[kind], "seed": seed, "prompt": prompt, "positions": POSITIONS,
        "hidden": [{"at": at, **pack(h[0, POSITIONS])} for at, h in zip(labels, output.hidden_states, strict=True)],
        "routing": [{"layer": layer, "experts": chosen[POSITIONS].tolist(), **pack(w[POSITIONS])}
                    for layer, (chosen, w) in routed],
        "logits": pack(output.logits[0, POSITIONS]), "greedy": tokens, "min_margin": float(f"{smallest:.4g}"),
    }


def make(kind: str):
    folder = HERE / kind
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIGS[kind], indent=1) + "\n")
    if kind == "gptq":
        (folder / "quantize_config.json").write_text(json.dumps(GPTQ, indent=1) + "\n")
    for seed in range(1, 200):
        tensors, values = checkpoint(kind, seed)
        try:
            golden = answers(kind, seed, values)
        except Unfit as reason:
            print(kind, seed, reason, flush=True)
            continue
        safetensors.torch.save_file(tensors, folder / "model.safetensors", {"format": "pt"})
        (folder / "golden.json.gz").write_bytes(gzip.compress(text(golden).encode(), mtime=0))
        return
    sys.exit(f"{kind}: no seed serves")


def check(kind: str) -> list:
    stored = json.loads(gzip.decompress((HERE / kind / "golden.json.gz").read_bytes()))
    tensors, values = checkpoint(kind, stored["seed"])
    old = safetensors.torch.load_file(HERE / kind / "model.safetensors")
    found = [k for k in old | tensors if not torch.equal(old[k].reshape(-1).view(torch.uint8), tensors[k].reshape(-1).view(torch.uint8))]
    return found + differences(stored, answers(kind, stored["seed"], values))


def main():
    quiet()
    if sys.argv[1:] == ["check"]:
        sys.exit("; ".join(d for kind in CONFIGS for d in check(kind)))
    for kind in CONFIGS:
        make(kind)


if __name__ == "__main__":
    main()

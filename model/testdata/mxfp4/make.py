"""Makes a small gpt-oss checkpoint in MXFP4 and what transformers 5.24.0 answers on it, dequantised.

    env/bin/python make.py          # writes config.json, model.safetensors and golden.json
    env/bin/python make.py check    # makes the answers again from the checkpoint, and compares

The environment is that of ../golden, whose golden.py says what golden.json holds; it has no tensors, since blocks and
scales of 4-bit weights are no formula. Other weights are BF16, as published.
"""

import json
import pathlib
import sys
import types

import safetensors.torch
import torch
import transformers

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "golden"))
from kinds.decoders import greedy, next_logits, routing  # noqa: E402
from kinds.reference import Unfit, differences, pack, quiet, random_ids, text, uniform  # noqa: E402

CONFIG = {"architectures": ["GptOssForCausalLM"], "model_type": "gpt_oss", "vocab_size": 89, "hidden_size": 64,
          "intermediate_size": 32, "num_hidden_layers": 3, "num_attention_heads": 6, "num_key_value_heads": 2,
          "head_dim": 12, "num_local_experts": 5, "num_experts_per_tok": 2, "sliding_window": 9,
          "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "rope_theta": 150000, "swiglu_limit": 1.5,
          "attention_bias": True, "tie_word_embeddings": False, "hidden_act": "silu", "initial_context_length": 32,
          "rope_scaling": {"rope_type": "yarn", "factor": 8.0, "beta_fast": 32.0, "beta_slow": 1.0, "truncate": False,
                           "original_max_position_embeddings": 32},
          "eos_token_id": 88, "pad_token_id": 87, "experts_per_token": 2, "torch_dtype": "bfloat16",
          "quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": [
              "model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"]}}
POSITIONS, NOISE, DRAWS, MARGIN = [0, 7, 22, 39], 1e-4, 6, 1e-3
PLAIN = types.SimpleNamespace(start=0)


def codes(key: str, *shape: int) -> torch.Tensor:
    """Random bytes."""
    n = torch.Size(shape).numel()
    return torch.from_numpy(((uniform(key, n) + 1) * 128).astype("u1")).reshape(shape)


def checkpoint(seed: int) -> dict:
    layers, dim, inner, n = (CONFIG[k] for k in ("num_hidden_layers", "hidden_size", "intermediate_size",
                                                 "num_local_experts"))
    heads, kv, width = (CONFIG[k] for k in ("num_attention_heads", "num_key_value_heads", "head_dim"))

    def some(name, *shape, scale, offset=0.0):
        x = torch.from_numpy(uniform(f"{seed}:{name}", torch.Size(shape).numel())).reshape(shape)
        return (offset + scale * x).bfloat16()

    tensors = {}

    def add(name, *shape, **rule):
        tensors[name] = some(name, *shape, **rule)

    add("model.embed_tokens.weight", CONFIG["vocab_size"], dim, scale=1.7)
    add("lm_head.weight", CONFIG["vocab_size"], dim, scale=0.22)
    add("model.norm.weight", dim, scale=0.3, offset=1)
    for i in range(layers):
        at = f"model.layers.{i}."
        for norm in ("input_layernorm", "post_attention_layernorm"):
            add(f"{at}{norm}.weight", dim, scale=0.3, offset=1)
        for name, out in (("q", heads), ("k", kv), ("v", kv)):
            add(f"{at}self_attn.{name}_proj.weight", out * width, dim, scale=0.32)
            add(f"{at}self_attn.{name}_proj.bias", out * width, scale=0.3)
        add(f"{at}self_attn.o_proj.weight", dim, heads * width, scale=0.3)
        add(f"{at}self_attn.o_proj.bias", dim, scale=0.3)
        add(f"{at}self_attn.sinks", heads, scale=2.0, offset=1)
        add(f"{at}mlp.router.weight", n, dim, scale=0.4)
        add(f"{at}mlp.router.bias", n, scale=0.3)
        for name, out, width_in in (("gate_up_proj", 2 * inner, dim), ("down_proj", dim, inner)):
            where = f"{at}mlp.experts.{name}"
            tensors[where + "_blocks"] = codes(f"{seed}:{where}_blocks", n, out, width_in // 32, 16)
            tensors[where + "_scales"] = 122 + codes(f"{seed}:{where}_scales", n, out, width_in // 32) % 4
            add(where + "_bias", n, out, scale=0.3)
    return tensors


def load(folder: pathlib.Path):
    """The reference's model as a user loads it."""
    model, info = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", experts_implementation="eager",
        quantization_config=transformers.Mxfp4Config(dequantize=True), output_loading_info=True)
    if info["missing_keys"] or info["unexpected_keys"] or info["mismatched_keys"]:
        raise ValueError(info)
    return model.float().eval()


def check_survives(model, ids: list, prompt: list):
    """Choices of experts and tokens must not depend on noise."""
    routed, logits = routing(model, lambda: next_logits(PLAIN, model, ids)), next_logits(PLAIN, model, ids)
    kept = {name: p.clone() for name, p in model.named_parameters()}
    for draw in range(DRAWS):
        for name, p in model.named_parameters():
            noise = torch.from_numpy(uniform(f"{draw}:noise {name}", p.numel()).astype("f4")).reshape(p.shape)
            p.copy_(kept[name] * (1 + NOISE * noise))
        other = routing(model, lambda: next_logits(PLAIN, model, ids))
        if any(not torch.equal(routed[i][0], other[i][0]) for i in routed):
            raise Unfit("noise changes the routing")
        rows = slice(len(prompt) - 1, -1)
        if not torch.equal(logits[rows].argmax(-1), next_logits(PLAIN, model, ids)[rows].argmax(-1)):
            raise Unfit("noise changes the greedy run")
    for name, p in model.named_parameters():
        p.copy_(kept[name])


def answers(model, seed: int) -> dict:
    prompt = random_ids(f"{seed}:prompt", 40, CONFIG["vocab_size"]).tolist()
    output = model(torch.tensor([prompt]), use_cache=False, output_hidden_states=True)
    routed = sorted(routing(model, lambda: next_logits(PLAIN, model, prompt)).items())
    if any(len(chosen.unique()) < CONFIG["num_local_experts"] for _, (chosen, _) in routed):
        raise Unfit("not every expert is used")
    tokens, smallest = greedy(PLAIN, model, prompt, MARGIN)
    check_survives(model, prompt + tokens, prompt)
    labels = ["embedding", *(f"layer {i}" for i in range(CONFIG["num_hidden_layers"] - 1)), "final norm"]
    return {
        "name": "mxfp4", "family": "gpt_oss", "note": "experts in 4 bits; the reference computes in float32",
        "config": CONFIG, "seed": seed, "prompt": prompt, "positions": POSITIONS,
        "hidden": [{"at": at, **pack(h[0, POSITIONS])} for at, h in zip(labels, output.hidden_states, strict=True)],
        "routing": [{"layer": layer, "experts": chosen[POSITIONS].tolist(), **pack(w[POSITIONS])}
                    for layer, (chosen, w) in routed],
        "logits": pack(output.logits[0, POSITIONS]), "greedy": tokens, "min_margin": float(f"{smallest:.4g}"),
    }


def main():
    quiet()
    if sys.argv[1:] == ["check"]:
        stored = json.loads((HERE / "golden.json").read_text())
        found = differences(stored, answers(load(HERE), stored["seed"]))
        sys.exit("; ".join(found))
    (HERE / "config.json").write_text(json.dumps(CONFIG, indent=1) + "\n")
    for seed in range(1, 200):
        safetensors.torch.save_file(checkpoint(seed), HERE / "model.safetensors", {"format": "pt"})
        try:
            golden = answers(load(HERE), seed)
        except Unfit as reason:
            print(seed, reason, flush=True)
            continue
        (HERE / "golden.json").write_text(text(golden))
        return
    sys.exit("no seed serves")


if __name__ == "__main__":
    main()

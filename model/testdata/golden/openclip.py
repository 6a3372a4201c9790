"""Makes the golden files in openclip/: what the library open_clip answers on small random models.

    env/bin/pip install open_clip_torch==3.3.0     # beside those of requirements.txt
    env/bin/python openclip.py

A file holds what those of towers/ hold (see golden.py); config is the model_cfg of open_clip_config.json. The texts are
padded to the context length, as open_clip's tokenizers pad them; hidden states are kept of the tokens alone.
"""

import gzip
import importlib.metadata
import pathlib
import sys

import open_clip
import torch
from timm.models import register_model
from timm.models.vision_transformer import VisionTransformer

from kinds.reference import formula, pack, quiet, random_ids, text

HERE, SPREAD = pathlib.Path(__file__).parent / "openclip", 1.5
VISION = {"image_size": 20, "layers": 3, "width": 24, "head_width": 8, "patch_size": 5, "mlp_ratio": 2.0}
TEXT = {"context_length": 12, "vocab_size": 50, "width": 20, "heads": 2, "layers": 3, "mlp_ratio": 2.0}
CLIP = {"embed_dim": 16, "vision_cfg": VISION, "text_cfg": TEXT}
SIGLIP = {"embed_dim": 64, "init_logit_bias": -10, "custom_text": True,
          "vision_cfg": {"image_size": 16, "timm_model_name": "vit_tiny_patch8_siglip_16", "timm_model_pretrained": False,
                         "timm_pool": "map", "timm_proj": "none"},
          "text_cfg": {"context_length": 10, "vocab_size": 50, "hf_tokenizer_name": "timm/ViT-B-16-SigLIP",
                       "tokenizer_kwargs": {"clean": "canonicalize"}, "width": 24, "heads": 3, "layers": 2,
                       "mlp_ratio": 2.0, "no_causal_mask": True, "proj_bias": True, "pool_type": "last",
                       "norm_kwargs": {"eps": 1e-6}}}
CASES = [  # name, note, config, the image_size of the stored weights
    ("plain", "open_clip's own towers: GELU, the class token, the largest id", CLIP, None),
    ("options", "quick_gelu, layer scale, the mean of the patches, a norm after it, no norm before, a biased projection, "
     "the end token, eps, towers with a prefix", {
         **CLIP, "quick_gelu": True, "custom_text": True,
         "vision_cfg": {**VISION, "ls_init_value": 0.1, "pool_type": "avg", "final_ln_after_pool": True,
                        "no_ln_pre": True, "layers": 2, "norm_kwargs": {"eps": 1e-3}},
         "text_cfg": {**TEXT, "ls_init_value": 0.1, "proj_bias": True, "pool_type": "eos", "eos_id": 49, "layers": 2}},
     None),
    ("resized", "weights for pictures of another size: antialiased positions", {
        **CLIP, "vision_cfg": {**VISION, "layers": 1, "image_size": 35}, "text_cfg": {**TEXT, "layers": 1}}, 20),
    ("siglip", "SigLIP: timm's tower, and texts in both directions with padding", SIGLIP, None),
    ("siglip-tanh", "SigLIP 2: GELU by tanh in the texts", {**SIGLIP, "text_cfg": {
        **SIGLIP["text_cfg"], "layers": 1, "act_kwargs": {"approximate": "tanh"}}}, None),
]


@register_model
def vit_tiny_patch8_siglip_16(pretrained=False, **more):
    more.pop("pretrained_cfg", None), more.pop("pretrained_cfg_overlay", None), more.pop("cache_dir", None)
    return VisionTransformer(img_size=16, patch_size=8, embed_dim=64, depth=1, num_heads=1, mlp_ratio=1.5,
                             class_token=False, **more)


def build(config: dict):
    config = {k: v for k, v in config.items() if k != "custom_text"}
    cls = open_clip.CustomTextCLIP if "siglip" in str(config) or config.get("quick_gelu") else open_clip.CLIP
    return cls(**config).eval()


def rule(name: str, shape: list) -> tuple[float, float]:
    leaf = name.split(".")[-1]
    if name == "logit_scale":
        return 1.5, 0.0
    if name == "logit_bias":
        return -2.0, 0.0
    if leaf == "gamma":
        return 0.8, 0.3
    if "embedding" in leaf or "embedding" in name or leaf in ("pos_embed", "latent"):
        return 0.0, 1.2
    if len(shape) == 1:
        return (1.0 if leaf == "weight" else 0.0), 0.3
    fan_in = shape[0] if leaf in ("proj", "text_projection") else torch.Size(shape[1:]).numel()
    return 0.0, float(f"{1.4 * (3 / fan_in) ** 0.5:.5g}")


def hooks(model, found: dict, rows):
    """Collects the input of the first block and the output of each, of both towers."""
    siglip = hasattr(model.visual, "trunk")
    towers = {"image": model.visual.trunk.blocks if siglip else model.visual.transformer.resblocks,
              "text": (model.text if hasattr(model, "text") else model).transformer.resblocks}

    def keep(side, label, x):
        found.setdefault(f"{side} {label}", []).append(x[0, rows(side, x.shape[1])])

    for side, blocks in towers.items():
        blocks[0].register_forward_pre_hook(lambda _, args, side=side: keep(side, "embedding", args[0]))
        for i, b in enumerate(blocks):
            b.register_forward_hook(lambda _, args, y, i=i, side=side: keep(side, f"layer {i}", y))


def make(name: str, note: str, config: dict, stored: int | None):
    seed = 1
    model = build(config)
    shapes = {k: list(v.shape) for k, v in model.state_dict().items()}
    if stored:
        grid = stored // config["vision_cfg"]["patch_size"]
        shapes["visual.positional_embedding"][0] = 1 + grid * grid
    tensors = {k: dict(zip(("shape", "offset", "scale"), (s, *rule(k, s)))) for k, s in shapes.items()}
    weights = {k: formula(seed, k, t["shape"], t["offset"], t["scale"]) for k, t in tensors.items()}
    state = {k: v.clone() for k, v in weights.items()}
    open_clip.model.resize_pos_embed(state, model)
    model.load_state_dict(state)
    side = config["vision_cfg"]["image_size"]
    length, pad = config["text_cfg"]["context_length"], 1 if "siglip" in name else 0
    pictures = [formula(seed, f"picture {i}", [1, 3, side, side], 0, SPREAD) for i in range(2)]
    texts = [(2 + random_ids(f"{seed}:text {i}", n, 46)).tolist() + [49] for i, n in enumerate((4, length - 1))]
    found, lengths = {}, []

    def rows(tower, n):
        n = lengths[-1] if tower == "text" and "siglip" not in name else n
        return sorted({0, 1, n // 2, n - 1})

    hooks(model, found, rows)
    images = torch.cat([model.encode_image(x) for x in pictures])
    features = []
    for ids in texts:
        lengths.append(len(ids))
        features.append(model.encode_text(torch.tensor([ids + [pad] * (length - len(ids))])))
    features = torch.cat(features)
    x, y = (torch.nn.functional.normalize(f, dim=-1) for f in (images, features))
    logits = model.logit_scale.exp() * x @ y.T + (model.logit_bias if model.logit_bias is not None else 0)
    order = sorted(found, key=lambda k: k.startswith("text"))
    if "siglip" in name:
        texts = [ids + [pad] * (length - len(ids)) for ids in texts]
    golden = {"name": f"openclip-{name}", "family": "open_clip", "note": note, "config": {"model_type": "open_clip", **config},
              "seed": seed, "tensors": tensors, "pictures": [list(p.shape[1:]) for p in pictures], "spread": SPREAD,
              "inputs": [{"ids": ids} for ids in texts],
              "hidden": [{"at": k, **pack(torch.cat(found[k]))} for k in order],
              "outputs": [{"name": "image features", **pack(images)}, {"name": "text features", **pack(features)},
                          {"name": "logits", **pack(logits)}]}
    HERE.mkdir(exist_ok=True)
    path = HERE / f"{name}.json.gz"
    path.write_bytes(gzip.compress(text(golden).encode(), mtime=0))
    print(name, path.stat().st_size, logits.flatten().tolist())


if __name__ == "__main__":
    if importlib.metadata.version("open_clip_torch") != "3.3.0":
        sys.exit("openclip.py: open_clip_torch is not 3.3.0")
    quiet()
    for case in CASES:
        make(*case)

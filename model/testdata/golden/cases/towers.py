"""Towers of pictures: ViT and what comes from it."""

from cases.base import TowerCase, labels

SMALL = {"hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 3, "intermediate_size": 40,
         "image_size": 20, "patch_size": 5, "num_channels": 3}
RELU, WIDE = {"hidden_act": "relu"}, {"layer_norm_eps": 0.1}


def images(prefix: str, base: dict, **shared):
    """Makes cases of one family; head is the architecture."""
    def make(name, head, note, contrasts, more=None, **rest):
        config = {"architectures": [head], **base, **(more or {})}
        return TowerCase(f"{prefix}-{name}", base["model_type"], note, config, contrasts, **{**shared, **rest})
    return make


VIT = {"model_type": "vit", "hidden_act": "gelu", "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
       "initializer_range": 0.02, "layer_norm_eps": 1e-12, "qkv_bias": True, "encoder_stride": 16, **SMALL}
vit, deit = images("vit", VIT), images("deit", {**VIT, "model_type": "deit"})

VIT_CASES = [
    vit("plain", "ViTModel", "the bare model with its pooler; positions interpolated for other and non-square sizes, "
        "also where patches do not fill a picture", [RELU, WIDE], sizes=[(20, 20), (25, 35), (13, 19), (47, 8)]),
    vit("classify", "ViTForImageClassification", "a label per picture by the class token; pixels that are more than "
        "the patches", [RELU, WIDE], labels(5), sizes=[(20, 20), (42, 33)]),
    vit("no-bias", "ViTModel", "no qkv_bias; pooler_output_size and pooler_act; config as transformers 5 saves it",
        [RELU, {"pooler_act": "sigmoid"}], {"qkv_bias": False, "pooler_output_size": 10, "pooler_act": "relu",
                                         "num_hidden_layers": 2}, sizes=[(20, 20), (30, 10)], saved_config=True),
    vit("oblong", "ViTModel", "a non-square picture in non-square patches, two channels", [RELU],
        {"image_size": [20, 12], "patch_size": [5, 3], "num_channels": 2, "num_hidden_layers": 2}, sizes=[(20, 12)]),
]
DEIT_CASES = [
    deit("plain", "DeiTModel", "class and distillation token", [RELU, WIDE], sizes=[(20, 20), (25, 35)]),
    deit("classify", "DeiTForImageClassification", "the class token's classifier", [RELU],
         {**labels(3), "num_hidden_layers": 2}, sizes=[(20, 20), (33, 15)]),
    deit("teacher", "DeiTForImageClassificationWithTeacher", "the mean of two classifiers", [RELU],
         {**labels(4), "num_hidden_layers": 2}, sizes=[(20, 20), (33, 15)]),
]

DINO = {k: v for k, v in VIT.items() if k not in ("intermediate_size", "encoder_stride")}
DINO |= {"model_type": "dinov2", "layer_norm_eps": 1e-6, "mlp_ratio": 2, "layerscale_value": 1.0,
         "drop_path_rate": 0.0, "use_swiglu_ffn": False}
dinov2 = images("dinov2", DINO)
registers = images("dinov2_with_registers", {**DINO, "model_type": "dinov2_with_registers", "num_register_tokens": 3})

DINOV2_CASES = [
    dinov2("plain", "Dinov2Model", "layer scale; positions interpolated", [RELU, WIDE],
           sizes=[(20, 20), (25, 35), (11, 6)]),
    dinov2("swiglu", "Dinov2Model", "SwiGLU with fused weights; a width rounded up to a multiple of 8", [WIDE],
           {"use_swiglu_ffn": True, "mlp_ratio": 3, "num_hidden_layers": 2}, sizes=[(20, 20), (15, 30)]),
    dinov2("classify", "Dinov2ForImageClassification", "class token beside the mean of the patches; config as "
           "transformers 5 saves it", [RELU], {**labels(3), "num_hidden_layers": 2}, sizes=[(20, 20), (15, 30)],
           saved_config=True),
    registers("plain", "Dinov2WithRegistersModel", "registers; antialiased positions, larger and smaller", [RELU, WIDE],
              sizes=[(20, 20), (25, 35), (10, 13)]),
    registers("classify", "Dinov2WithRegistersForImageClassification", "the mean of the patches without registers",
              [RELU], {**labels(3), "num_hidden_layers": 2}, sizes=[(20, 20), (30, 15)]),
]

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

CLIP_IMAGE = {**SMALL, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5, "model_type": "clip_vision_model"}
CLIP_TEXT = {"model_type": "clip_text_model", "hidden_size": 20, "num_hidden_layers": 3, "num_attention_heads": 2,
             "intermediate_size": 30, "vocab_size": 50, "max_position_embeddings": 16, "hidden_act": "quick_gelu",
             "layer_norm_eps": 1e-5, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1, "projection_dim": 12}
CLIP = {"model_type": "clip", "projection_dim": 12, "text_config": CLIP_TEXT, "vision_config": CLIP_IMAGE}
clip, metaclip = images("clip", CLIP), images("metaclip_2", {**CLIP, "model_type": "metaclip_2"})


def end(n):
    """Texts end with this id."""
    return lambda ids, config: ids[:-1] + [n]


def old(key, more):
    return {f"{key}_dict": {**CLIP[key], **more}, key: {**CLIP[key], "hidden_act": "relu", "num_attention_heads": 1}}


SHORT = {"num_hidden_layers": 2}
CLIP_CASES = [
    clip("plain", "CLIPModel", "both towers; the end token pools, the second of two does not count; the loss",
         [{"text_config": {**CLIP_TEXT, "hidden_act": "gelu"}}], sizes=[(20, 20)] * 3, lengths=[4, 9, 16],
         ends=lambda ids, config: ids[:-2] + [1, 1]),
    clip("sizes", "CLIPModel", "pictures of other sizes; config as transformers 5 saves it", [], {
         "text_config": {**CLIP_TEXT, **SHORT}, "vision_config": {**CLIP_IMAGE, **SHORT}}, sizes=[(20, 20), (35, 15)],
         lengths=[5], ends=end(1), saved_config=True),
    clip("old", "CLIPModel", "text_config_dict and vision_config_dict count; eos_token_id 2: the largest id pools", [],
         {**old("text_config", {"eos_token_id": 2, "hidden_act": "gelu", **SHORT}),
          **old("vision_config", {"hidden_act": "gelu", **SHORT})}, sizes=[(20, 20)], lengths=[7, 3], ends=end(49)),
    clip("classify", "CLIPForImageClassification", "a label by the mean of the patches, which no norm has seen", [],
         {**labels(3), "vision_config": {**CLIP_IMAGE, **SHORT}}, sizes=[(20, 20)],
         idle=["post_layernorm.weight", "post_layernorm.bias", "post_layernorm"]),
    images("clip_text_model", CLIP_TEXT)("plain", "CLIPTextModel", "the tower of texts alone", [], SHORT,
                                         lengths=[4, 13], ends=end(1)),
    images("clip_text_model", CLIP_TEXT)("projection", "CLIPTextModelWithProjection", "with its projection", [], SHORT,
                                         lengths=[4, 13], ends=end(1)),
    images("clip_vision_model", CLIP_IMAGE)("plain", "CLIPVisionModel", "the tower of pictures alone", [], SHORT,
                                            sizes=[(20, 20), (15, 26)]),
    images("clip_vision_model", CLIP_IMAGE)("projection", "CLIPVisionModelWithProjection", "with its projection", [],
                                            {**SHORT, "projection_dim": 7}, sizes=[(20, 20), (15, 26)]),
    metaclip("plain", "MetaClip2Model", "eos_token_id 2 is the end token", [], {
        "text_config": {**CLIP_TEXT, **SHORT, "model_type": "metaclip_2_text_model", "eos_token_id": 2},
        "vision_config": {**CLIP_IMAGE, **SHORT, "model_type": "metaclip_2_vision_model"}}, sizes=[(20, 20)],
        lengths=[6, 11], ends=lambda ids, config: ids[:-3] + [2, 40, 49]),
]

SIGLIP_IMAGE = {**SMALL, "hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 1e-6,
                "model_type": "siglip_vision_model"}
SIGLIP_TEXT = {**CLIP_TEXT, "model_type": "siglip_text_model", "hidden_act": "gelu_pytorch_tanh",
               "layer_norm_eps": 1e-6, "hidden_size": 24, "num_attention_heads": 3, "max_position_embeddings": 12}
SIGLIP_TEXT = {k: v for k, v in SIGLIP_TEXT.items() if k != "projection_dim"}
SIGLIP = {"model_type": "siglip", "text_config": SIGLIP_TEXT, "vision_config": SIGLIP_IMAGE}
siglip = images("siglip", SIGLIP)


def padded(ids, config):
    return ids + [config["pad_token_id"]] * (config["max_position_embeddings"] - len(ids))


RELU_TEXT = [{"text_config": {**SIGLIP_TEXT, "hidden_act": "relu"}},
             {"vision_config": {**SIGLIP_IMAGE, "hidden_act": "relu"}}]
SIGLIP_CASES = [
    siglip("plain", "SiglipModel", "texts padded to the longest, the padding seen; attention pools; sigmoid with "
           "bias; the loss", RELU_TEXT, sizes=[(20, 20)] * 2, lengths=[4, 12], ends=padded),
    siglip("masked", "SiglipModel", "padding that an attention mask hides; pictures of other sizes; projection_size; "
           "config as transformers 5 saves it", [], {
               "text_config": {**SIGLIP_TEXT, **SHORT, "hidden_size": 16, "num_attention_heads": 2, "projection_size": 24},
               "vision_config": {**SIGLIP_IMAGE, **SHORT}}, sizes=[(20, 20), (27, 15)], lengths=[5, 9], ends=padded,
           masked=True, saved_config=True),
    siglip("classify", "SiglipForImageClassification", "a label by the mean of the patches", [],
           {**labels(3), "vision_config": {**SIGLIP_IMAGE, **SHORT}}, sizes=[(20, 20), (10, 30)],
           unread=["vision_model.head."]),
    images("siglip_vision_model", SIGLIP_IMAGE)("plain", "SiglipVisionModel", "the tower of pictures alone", [], SHORT,
                                                sizes=[(20, 20), (15, 26)]),
    images("siglip_text_model", SIGLIP_TEXT)("plain", "SiglipTextModel", "the tower of texts alone", [], SHORT,
                                             lengths=[4, 12], ends=padded),
]

BERT_TEXT = {"vocab_size": 50, "hidden_size": 20, "num_hidden_layers": 2, "num_attention_heads": 2,
             "intermediate_size": 30, "max_position_embeddings": 24, "hidden_act": "gelu", "layer_norm_eps": 1e-5,
             "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
VISION = {**CLIP_IMAGE, **SHORT}
BERT_CLIP_CASES = [
    images("chinese_clip", {**CLIP, "model_type": "chinese_clip"})(
        "plain", "ChineseCLIPModel", "a BERT for texts: its class token pools", [],
        {"text_config": {**BERT_TEXT, "model_type": "chinese_clip_text_model", "type_vocab_size": 2, "pad_token_id": 0},
         "vision_config": {**VISION, "model_type": "chinese_clip_vision_model"}},
        sizes=[(20, 20)] * 2, lengths=[6, 14], idle=["token_type_embeddings.weight"]),
    images("altclip", {**CLIP, "model_type": "altclip"})(
        "plain", "AltCLIPModel", "XLM-RoBERTa for texts, a norm and a projection before the common one", [],
        {"text_config": {**BERT_TEXT, "model_type": "altclip_text_model", "type_vocab_size": 1, "pad_token_id": 1,
                         "project_dim": 14},
         "vision_config": {**VISION, "model_type": "altclip_vision_model"}}, sizes=[(20, 20)] * 2, lengths=[6, 14],
        rename={"vision_model.encoder.layer.": "vision_model.encoder.layers."}, idle=["token_type_embeddings.weight"]),
]

CLIP_CASES += [
    images("metaclip_2_text_model", {**CLIP_TEXT, "model_type": "metaclip_2_text_model"})(
        "plain", "MetaClip2TextModelWithProjection", "MetaCLIP 2's tower of texts alone", [],
        {**SHORT, "eos_token_id": 2}, lengths=[7], ends=lambda ids, config: ids[:-3] + [2, 40, 49]),
    images("metaclip_2_vision_model", {**CLIP_IMAGE, "model_type": "metaclip_2_vision_model"})(
        "plain", "MetaClip2VisionModel", "MetaCLIP 2's tower of pictures alone", [], SHORT, sizes=[(20, 20)]),
]

"""Gemma 1, 2 and 3."""

from cases.base import ABSENT, decoder, encoders

GEMMA = {"architectures": ["GemmaForCausalLM"], "model_type": "gemma", "vocab_size": 113, "hidden_size": 42,
         "intermediate_size": 70, "num_hidden_layers": 3, "num_attention_heads": 3, "num_key_value_heads": 1,
         "head_dim": 16, "hidden_act": "gelu", "hidden_activation": None, "max_position_embeddings": 128,
         "rms_norm_eps": 1e-6, "attention_bias": False, "bos_token_id": 2, "eos_token_id": 1, "pad_token_id": 0,
         "rope_theta": 10000.0, "torch_dtype": "bfloat16"}
SMALL_EMBEDDING = {"embed_tokens": 0.3}

GEMMA_CASES = [
    decoder(GEMMA, "gemma-legacy-gelu", "hidden_act gelu means the tanh form; embeddings times the root of the "
            "hidden size; norms by 1 + weight; head tied by default", [{"hidden_act": "silu"}],
            faint=[{"hidden_act": "gelu_python"}], gains=SMALL_EMBEDDING),
    decoder(GEMMA, "gemma-exact-gelu", "hidden_act gelu_python is the exact GELU; hidden_activation is not read",
            [{"hidden_act": "relu"}], {"hidden_act": "gelu_python", "hidden_activation": "relu"},
            faint=[{"hidden_act": "gelu"}], gains=SMALL_EMBEDDING),
    decoder(GEMMA, "gemma-bias", "attention_bias; 6 query heads on 2; config as transformers 5 saves it",
            [{"attention_bias": False}], {"attention_bias": True, "num_attention_heads": 6, "num_key_value_heads": 2,
            "head_dim": 10, "hidden_act": "gelu_pytorch_tanh"}, gains=SMALL_EMBEDDING, saved_config=True),
]

GEMMA2 = {"architectures": ["Gemma2ForCausalLM"], "model_type": "gemma2", "vocab_size": 97, "hidden_size": 48,
          "intermediate_size": 70, "num_hidden_layers": 4, "num_attention_heads": 6, "num_key_value_heads": 2,
          "head_dim": 14, "hidden_act": "gelu_pytorch_tanh", "hidden_activation": "gelu_pytorch_tanh",
          "max_position_embeddings": 128, "rms_norm_eps": 1e-6, "attention_bias": False,
          "query_pre_attn_scalar": 20, "sliding_window": 9, "attn_logit_softcapping": 3.0,
          "final_logit_softcapping": 0.6, "cache_implementation": "hybrid", "bos_token_id": 2, "eos_token_id": 1,
          "pad_token_id": 0, "rope_theta": 10000.0, "torch_dtype": "float32"}

GEMMA2_CASES = [
    decoder(GEMMA2, "gemma2-softcaps", "soft-caps on scores and logits; scores scaled by query_pre_attn_scalar; "
            "even layers have the window; norms before and after each sublayer",
            [{"attn_logit_softcapping": None}, {"final_logit_softcapping": None}, {"query_pre_attn_scalar": 14},
             {"sliding_window": 10}, {"layer_types": ["full_attention", "sliding_attention"] * 2}],
            gains=SMALL_EMBEDDING),
    decoder(GEMMA2, "gemma2-no-softcaps", "soft-caps null; exact GELU by hidden_activation, hidden_act is not read",
            [{"attn_logit_softcapping": 3.0}, {"final_logit_softcapping": 0.6}],
            {"attn_logit_softcapping": None, "final_logit_softcapping": None, "hidden_activation": "gelu",
             "num_hidden_layers": 3}, faint=[{"hidden_activation": "gelu_pytorch_tanh"}], gains=SMALL_EMBEDDING),
    decoder(GEMMA2, "gemma2-layer-types", "windows by layer_types; attention_bias; config as transformers 5 saves it",
            [{"layer_types": ["sliding_attention", "full_attention"] * 2}, {"attention_bias": False}],
            {"layer_types": ["full_attention", "sliding_attention", "sliding_attention", "full_attention"],
             "attention_bias": True}, gains=SMALL_EMBEDDING, saved_config=True),
]

GEMMA3 = {"architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text", "vocab_size": 113, "hidden_size": 48,
          "intermediate_size": 70, "num_hidden_layers": 4, "num_attention_heads": 6, "num_key_value_heads": 2,
          "head_dim": 14, "hidden_activation": "gelu_pytorch_tanh", "max_position_embeddings": 128,
          "rms_norm_eps": 1e-6, "attention_bias": False, "query_pre_attn_scalar": 20, "sliding_window": 9,
          "attn_logit_softcapping": None, "final_logit_softcapping": None, "bos_token_id": 2, "eos_token_id": 1,
          "pad_token_id": 0, "torch_dtype": "bfloat16"}
GEMMA3_SHARED = {"offsets": {"q_norm": 0.6, "k_norm": 0.6}, "gains": SMALL_EMBEDDING}

GEMMA3_CASES = [
    decoder(GEMMA3, "gemma3-old-config", "every third layer is global; linear scaling on the global layers only; "
            "bases of its own for local and global layers; old form of config",
            [{"rope_scaling": None}, {"rope_theta": 100.0}, {"rope_local_base_freq": 1000.0},
             {"sliding_window_pattern": 2}, {"query_pre_attn_scalar": 14}, {"sliding_window": 10}],
            {"rope_theta": 1000.0, "rope_local_base_freq": 100.0, "sliding_window_pattern": 3,
             "rope_scaling": {"factor": 8.0, "rope_type": "linear"}}, **GEMMA3_SHARED),
    decoder(GEMMA3, "gemma3-new-config", "the same arithmetic from rope_parameters per layer type and layer_types; "
            "soft-cap on the logits; config as transformers 5 saves it",
            [{"final_logit_softcapping": None}, {"layer_types": ["sliding_attention"] * 4}],
            {"rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 4.0, "rope_theta": 2000.0},
                                 "sliding_attention": {"rope_type": "default", "rope_theta": 50.0}},
             "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"],
             "final_logit_softcapping": 0.6}, saved_config=True, **GEMMA3_SHARED),
    decoder(GEMMA3, "gemma3-defaults", "rope keys and pattern left out: bases 1000000 and 10000, every sixth layer "
            "is global; use_bidirectional_attention false",
            [{"rope_theta": 100.0}, {"rope_local_base_freq": 100.0}, {"sliding_window_pattern": 5}],
            {"num_hidden_layers": 7, "hidden_size": 36, "num_attention_heads": 3, "num_key_value_heads": 1,
             "use_bidirectional_attention": False}, **GEMMA3_SHARED),
]

VISION = {"model_type": "siglip_vision_model", "hidden_size": 8, "intermediate_size": 10, "num_hidden_layers": 1,
          "num_attention_heads": 2, "image_size": 16, "patch_size": 4, "vision_use_head": False}
PICTURES = {"architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3", "boi_token_index": 108,
            "eoi_token_index": 109, "image_token_index": 112, "eos_token_id": [1, 106], "initializer_range": 0.02,
            "mm_tokens_per_image": 4, "torch_dtype": "bfloat16", "vision_config": VISION}
TEXT = {"model_type": "gemma3_text", "vocab_size": 113, "hidden_size": 48, "intermediate_size": 70,
        "num_hidden_layers": 3, "num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 14,
        "max_position_embeddings": 128, "query_pre_attn_scalar": 20, "sliding_window": 9}
PICTURES_SHARED = {**GEMMA3_SHARED, "unread": ["vision_tower", "multi_modal_projector"]}
LAYERS = ["sliding_attention", "full_attention", "sliding_attention"]


def with_pictures(name, note, contrasts, text, more=None, **rest):
    """A checkpoint for pictures, too; contrasts are changes of text_config."""
    return decoder({**PICTURES, "text_config": {**TEXT, **text}}, "gemma3-pictures-" + name, note,
                   [{"text_config": c} for c in contrasts], more, **{**PICTURES_SHARED, **rest})


GEMMA3_PICTURES_CASES = [
    with_pictures("published", "a checkpoint for pictures and text, run on text: text_config says only what is not a "
                  "default; names language_model.model.…, vision_tower.vision_model.…, multi_modal_projector.…; tied",
                  [{"rope_scaling": ABSENT}, {"sliding_window": 10}, {"sliding_window_pattern": 2},
                   {"query_pre_attn_scalar": 14}],
                  {"rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "num_hidden_layers": 7, "hidden_size": 36,
                   "num_attention_heads": 3, "num_key_value_heads": 1},
                  rename={"vision_tower.": "vision_tower.vision_model."}),
    with_pictures("saved", "config and names as transformers 5 saves them: vision_tower.… without vision_model",
                  [{"layer_types": ["full_attention"] * 3}, {"sliding_window": 8}],
                  {"layer_types": LAYERS, "attention_bias": True}, saved_config=True),
    with_pictures("inner-names", "names as the reference's modules have them: model.language_model.…, "
                  "model.vision_tower.…, model.multi_modal_projector.…, and a head that repeats the embeddings",
                  [{"layer_types": ["full_attention"] * 3}], {"layer_types": LAYERS}, add_prefix="model.",
                  rename={"language_model.model.": "language_model."},
                  like={"lm_head.weight": "model.language_model.embed_tokens.weight"}),
]

BOTH_WAYS = {**{k: v for k, v in GEMMA3.items() if k not in ("architectures", "torch_dtype")},
             "sliding_window": 9, "use_bidirectional_attention": True, "torch_dtype": "float32"}
embedding_gemma = encoders("gemma3", BOTH_WAYS, final_norm=True, arguments={"use_cache": False},
                           offsets={"q_norm": 0.6, "k_norm": 0.6})
EACH_WAY = [{"use_bidirectional_attention": False}]

GEMMA3_ENCODER_CASES = [
    embedding_gemma("embedding", "Gemma3TextModel", "use_bidirectional_attention, as EmbeddingGemma has it: a token "
                    "sees all in full layers, and less than sliding_window // 2 + 1 positions either way in the "
                    "others; no prefix; every third layer is "
                    "full", [*EACH_WAY, {"sliding_window": 10}, {"sliding_window": 7},
                    {"rope_local_base_freq": 1000.0}, {"rope_theta": 100.0}], {"sliding_window_pattern": 3,
                    "rope_theta": 1000.0, "rope_local_base_freq": 100.0}),
    embedding_gemma("embedding-new-config", "Gemma3TextModel", "layer_types and rope_parameters; attention_bias; "
                    "config as transformers 5 saves it, which makes sliding_window "
                    "even", [*EACH_WAY, {"sliding_window": 14}],
                    {"layer_types": LAYERS, "num_hidden_layers": 3, "attention_bias": True, "sliding_window": 13,
                     "rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 2000.0},
                                         "sliding_attention": {"rope_type": "default", "rope_theta": 50.0}}},
                    saved_config=True),
    embedding_gemma("one-way", "Gemma3TextModel", "use_bidirectional_attention left out: the causal model's hidden "
                    "states, as embeddings of it use "
                    "them", [{"use_bidirectional_attention": True}, {"sliding_window": 10}],
                    {"use_bidirectional_attention": ABSENT, "num_hidden_layers": 2, "sliding_window_pattern": 2}),
]

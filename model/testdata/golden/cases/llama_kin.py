"""Farther kin of LLaMA: OLMo 2 and 3, SmolLM3, StarCoder 2, Granite, Cohere and Cohere 2."""

from cases.base import ABSENT, decoders

FULL, LOCAL = "full_attention", "sliding_attention"
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 48}
SMALL = {"embed_tokens": 0.3}


def default_rope(theta: float, **more) -> dict:
    """As transformers 5 saves it."""
    return {"rope_parameters": {"rope_type": "default", "rope_theta": theta, **more}}


OLMO2 = {"architectures": ["Olmo2ForCausalLM"], "model_type": "olmo2", "vocab_size": 97, "hidden_size": 42,
         "intermediate_size": 70, "num_hidden_layers": 3, "num_attention_heads": 3, "num_key_value_heads": 3,
         "hidden_act": "silu", "max_position_embeddings": 128, "initializer_range": 0.02, "rms_norm_eps": 1e-6,
         "rope_theta": 500000, "rope_scaling": None, "attention_bias": False, "attention_dropout": 0.0,
         "tie_word_embeddings": False, "pad_token_id": 95, "eos_token_id": 96, "use_cache": False,
         "torch_dtype": "float32"}
olmo2 = decoders("olmo2", OLMO2, offsets={"q_norm": 1.5, "k_norm": 1.5})

OLMO2_CASES = [
    olmo2("plain", "no norm before a sublayer, one after it, before the residual; one norm of all query heads "
          "together, one of all key heads, before the rotation; rms_norm_eps 1e-2 on small queries and keys",
          [{"rms_norm_eps": 1e-6}, {"rope_theta": 1000.0}], {"rms_norm_eps": 1e-2},
          gains={"q_proj": 0.1, "k_proj": 0.1}),
    olmo2("gqa", "6 query heads on 2: the norms have unequal widths; attention_bias; config as transformers 5 saves it",
          [{"attention_bias": False}, default_rope(1000.0)], {"hidden_size": 60, "num_attention_heads": 6,
          "num_key_value_heads": 2, "attention_bias": True}, saved_config=True),
    olmo2("head-dim", "head_dim 16 that is not hidden_size / num_attention_heads; num_key_value_heads left out; exact "
          "GELU", [{"rope_theta": 1000.0}, {"hidden_act": "relu"}], {"head_dim": 16, "num_key_value_heads": ABSENT,
          "hidden_act": "gelu"}),
    olmo2("tied-yarn", "tied head; YaRN; rope_theta left out is 10000", [{"rope_scaling": ABSENT},
          {"rope_theta": 1000.0}], {"tie_word_embeddings": True, "rope_scaling": YARN, "rope_theta": ABSENT,
          "num_key_value_heads": 1}, gains=SMALL),
]

OLMO3 = {**OLMO2, "architectures": ["Olmo3ForCausalLM"], "model_type": "olmo3", "num_hidden_layers": 5,
         "hidden_size": 60, "num_attention_heads": 6, "num_key_value_heads": 6, "sliding_window": 9,
         "layer_types": [LOCAL, LOCAL, LOCAL, FULL, LOCAL]}
olmo3 = decoders("olmo3", OLMO3, offsets={"q_norm": 1.5, "k_norm": 1.5})
WINDOWS = [{"sliding_window": 10}, {"sliding_window": 8}]

OLMO3_CASES = [
    olmo3("yarn", "three layers with a window, one without, in turn; YaRN on the layers without only",
          [*WINDOWS, {"rope_scaling": None}, {"layer_types": [LOCAL, LOCAL, FULL, LOCAL, LOCAL]},
           {"rope_scaling": {**YARN, "attention_factor": 1.0}}],
          {"rope_scaling": {**YARN, "beta_fast": 32, "beta_slow": 1, "attention_factor": 1.2}}),
    olmo3("default-layers", "layer_types left out: every fourth layer is full; rms_norm_eps 1e-2; gqa; tied",
          [*WINDOWS, {"layer_types": [FULL] * 4}, {"rms_norm_eps": 1e-5}], {"layer_types": ABSENT,
          "num_hidden_layers": 4, "rms_norm_eps": 1e-2, "num_key_value_heads": 2, "tie_word_embeddings": True},
          gains={**SMALL, "q_proj": 0.1, "k_proj": 0.1}),
    olmo3("old-theta", "rope_theta 1000 of the old form is that of full layers only; the others keep 500000",
          [{"rope_theta": 500000}, {"rope_theta": ABSENT, "rope_parameters": {
              FULL: {"rope_type": "default", "rope_theta": 1000.0},
              LOCAL: {"rope_type": "default", "rope_theta": 1000.0}}}],
          {"rope_theta": 1000.0, "num_hidden_layers": 3, "layer_types": [FULL, LOCAL, FULL]}),
    olmo3("new-config", "rope_parameters per layer type, layer_types; attention_bias; head_dim 14; config as "
          "transformers 5 saves it", [*WINDOWS, {"attention_bias": False}, {"layer_types": [FULL, LOCAL, FULL]}],
          {"rope_parameters": {FULL: {"rope_type": "linear", "factor": 4.0, "rope_theta": 2000.0},
                               LOCAL: {"rope_type": "default", "rope_theta": 50.0}}, "rope_theta": ABSENT,
           "rope_scaling": ABSENT, "num_hidden_layers": 3, "layer_types": [LOCAL, FULL, LOCAL],
           "attention_bias": True, "head_dim": 14}, saved_config=True),
]

SMOLLM3 = {"architectures": ["SmolLM3ForCausalLM"], "model_type": "smollm3", "vocab_size": 97, "hidden_size": 60,
           "intermediate_size": 70, "num_hidden_layers": 4, "num_attention_heads": 6, "num_key_value_heads": 2,
           "hidden_act": "silu", "max_position_embeddings": 128, "max_window_layers": 28, "initializer_range": 0.02,
           "rms_norm_eps": 1e-6, "rope_theta": 5000.0, "rope_scaling": None, "no_rope_layer_interval": 4,
           "no_rope_layers": [1, 1, 1, 0], "layer_types": [FULL] * 4, "use_sliding_window": False,
           "sliding_window": None, "attention_bias": False, "mlp_bias": False, "attention_dropout": 0.0,
           "pretraining_tp": 2, "bos_token_id": None, "eos_token_id": 95, "pad_token_id": 96, "use_cache": False,
           "torch_dtype": "bfloat16"}
smollm3 = decoders("smollm3", SMOLLM3, gains=SMALL)
UNTIED = {"tie_word_embeddings": False}

SMOLLM3_CASES = [
    smollm3("plain", "no_rope_layers: 1 is a layer with rotation, 0 one without; tied by default",
            [{"no_rope_layers": [1, 1, 1, 1]}, {"no_rope_layers": [1, 1, 0, 0]}, {"rope_theta": 100.0},
             {"rms_norm_eps": 0.1}]),
    smollm3("interval", "no_rope_layer_interval 2 without no_rope_layers; biases of attention and feed-forward; untied",
            [{"no_rope_layer_interval": 3}, {"attention_bias": False}, {"mlp_bias": False}],
            {"no_rope_layers": ABSENT, "layer_types": ABSENT, "no_rope_layer_interval": 2, "attention_bias": True,
             "mlp_bias": True, "num_hidden_layers": 3, **UNTIED}, gains={}, idle=["layers.1.self_attn.k_proj.bias"]),
    smollm3("defaults", "keys with defaults left out: every fourth layer is without rotation; rope_theta 2000000; YaRN",
            [{"no_rope_layer_interval": 2}, {"rope_theta": 10000.0}, {"rope_scaling": ABSENT}],
            {"no_rope_layers": ABSENT, "no_rope_layer_interval": ABSENT, "layer_types": ABSENT, "rope_theta": ABSENT,
             "num_key_value_heads": 6, "num_hidden_layers": 5, "rope_scaling": {**YARN, "attention_factor": 1.3}}),
    smollm3("window", "use_sliding_window: a window on the layers without rotation; exact GELU; config as "
            "transformers 5 saves it", [{"sliding_window": 10}, {"sliding_window": 8}, {"layer_types": [FULL] * 4},
            {"hidden_act": "relu"}], {"use_sliding_window": True, "sliding_window": 9, "no_rope_layers": [1, 0, 1, 0],
            "layer_types": ABSENT, "hidden_act": "gelu"}, saved_config=True),
    smollm3("layer-types", "layer_types set the windows whatever use_sliding_window says; here on layers with rotation",
            [{"sliding_window": 10}, {"layer_types": [FULL, FULL, LOCAL, FULL]}],
            {"use_sliding_window": False, "sliding_window": 9, "layer_types": [LOCAL, FULL, LOCAL, FULL]}),
]

STARCODER2 = {"architectures": ["Starcoder2ForCausalLM"], "model_type": "starcoder2", "vocab_size": 97,
              "hidden_size": 60, "intermediate_size": 70, "num_hidden_layers": 3, "num_attention_heads": 6,
              "num_key_value_heads": 2, "hidden_act": "gelu_pytorch_tanh", "max_position_embeddings": 128,
              "initializer_range": 0.02, "norm_epsilon": 1e-5, "norm_type": "layer_norm", "mlp_type": "default",
              "rope_theta": 100000, "sliding_window": 9, "use_bias": True, "attention_dropout": 0.1,
              "residual_dropout": 0.1, "embedding_dropout": 0.1, "attention_softmax_in_fp32": True,
              "scale_attention_softmax_in_fp32": True, "scale_attn_weights": True, "bos_token_id": 0,
              "eos_token_id": 0, "use_cache": True}
starcoder2 = decoders("starcoder2", STARCODER2, gains=SMALL)

STARCODER2_CASES = [
    starcoder2("window", "LayerNorms with biases, biases everywhere; a feed-forward of two matrices, c_fc and c_proj, "
               "with the tanh GELU; a window of 9 on every layer; tied by default", [{"sliding_window": 10},
               {"sliding_window": 8}, {"sliding_window": None}, {"rope_theta": 100.0}, {"hidden_act": "relu"}],
               faint=[{"hidden_act": "gelu"}], gains={**SMALL, "c_fc": 2.0, "c_proj": 5.0}),
    starcoder2("no-bias", "use_bias false, sliding_window left out, untied; exact GELU; config as transformers 5 "
               "saves it",
               [{"sliding_window": 9}, default_rope(100.0)], {"use_bias": False, "sliding_window": ABSENT, **UNTIED,
               "hidden_act": "gelu"}, gains={"c_fc": 2.0, "c_proj": 3.0}, faint=[{"hidden_act": "gelu_pytorch_tanh"}],
               saved_config=True),
    starcoder2("epsilon", "norm_epsilon 1e-2; layer_norm_epsilon, norm_type and mlp_type are not read; "
               "head_dim 14", [{"norm_epsilon": 1e-5}, {"use_bias": False}], {"norm_epsilon": 1e-2,
               "layer_norm_epsilon": 1e-5, "norm_type": "rms_norm", "mlp_type": "gated", "head_dim": 14,
               "sliding_window": None}),
    starcoder2("yarn", "YaRN; keys with defaults left out", [{"rope_scaling": ABSENT}], {
               **{k: ABSENT for k in ("norm_epsilon", "hidden_act", "use_bias", "rope_theta", "sliding_window")},
               "rope_scaling": YARN}),
]

GRANITE = {"architectures": ["GraniteForCausalLM"], "model_type": "granite", "vocab_size": 97, "hidden_size": 60,
           "intermediate_size": 70, "num_hidden_layers": 3, "num_attention_heads": 6, "num_key_value_heads": 2,
           "hidden_act": "silu", "max_position_embeddings": 128, "initializer_range": 0.02, "rms_norm_eps": 1e-5,
           "rope_theta": 10000.0, "rope_scaling": None, "attention_bias": False, "mlp_bias": False,
           "attention_dropout": 0.1, "attention_multiplier": 0.25, "embedding_multiplier": 3.0, "logits_scaling": 8.0,
           "residual_multiplier": 0.7, "tie_word_embeddings": True, "bos_token_id": 0, "eos_token_id": 0,
           "pad_token_id": 0, "use_cache": True, "torch_dtype": "bfloat16"}
granite = decoders("granite", GRANITE, gains={"embed_tokens": 0.1})

GRANITE_CASES = [
    granite("multipliers", "embeddings times embedding_multiplier, scores times attention_multiplier, each sublayer's "
            "output times residual_multiplier, logits divided by logits_scaling; tied",
            [{"attention_multiplier": 0.316}, {"embedding_multiplier": 1.0}, {"logits_scaling": 1.0},
             {"residual_multiplier": 1.0}, {"rope_theta": 100.0}, {"rms_norm_eps": 0.1}]),
    granite("defaults", "multipliers left out are 1, and so scores are not divided by the root of the head dim; "
            "untied by default; as many key/value as query "
            "heads", [{"attention_multiplier": 0.316}, {"embedding_multiplier": 2}],
            {k: ABSENT for k in ("attention_multiplier", "embedding_multiplier", "logits_scaling", "rms_norm_eps",
                                 "residual_multiplier", "tie_word_embeddings", "num_key_value_heads", "rope_theta")},
            gains={"q_proj": 0.7, "k_proj": 0.7}),
    granite("biases", "attention_bias and mlp_bias; head_dim 14; integer multipliers; linear rope scaling",
            [{"attention_bias": False}, {"mlp_bias": False}, {"rope_scaling": ABSENT}], {"attention_bias": True,
            "mlp_bias": True, "head_dim": 14, "embedding_multiplier": 12, "logits_scaling": 2, "rope_theta": 1000.0,
            "rope_scaling": {"type": "linear", "factor": 2.5}, "hidden_act": "gelu"}, gains={"embed_tokens": 0.03}),
    granite("saved", "untied; config as transformers 5 saves it", [{"residual_multiplier": 1.0}, default_rope(100.0)],
            UNTIED, saved_config=True, gains={"embed_tokens": 0.3}),
]

COHERE = {"architectures": ["CohereForCausalLM"], "model_type": "cohere", "vocab_size": 97, "hidden_size": 42,
          "intermediate_size": 70, "num_hidden_layers": 3, "num_attention_heads": 3, "num_key_value_heads": 3,
          "hidden_act": "silu", "max_position_embeddings": 128, "model_max_length": 128, "initializer_range": 0.02,
          "layer_norm_eps": 1e-5, "logit_scale": 0.3, "rope_theta": 8000000.0, "attention_bias": False,
          "attention_dropout": 0.0, "use_qk_norm": False, "bos_token_id": 5, "eos_token_id": 96, "pad_token_id": 0,
          "use_cache": True, "torch_dtype": "float16"}
cohere = decoders("cohere", COHERE, gains=SMALL, matrix_norms=["q_norm", "k_norm"])

COHERE_CASES = [
    cohere("plain", "attention and feed-forward beside each other after one LayerNorm without bias; the rotation takes "
           "neighbouring pairs; logits times logit_scale; tied by default", [{"logit_scale": 0.0625},
           {"rope_theta": 100.0}, {"layer_norm_eps": 0.1}]),
    cohere("qk-norm", "use_qk_norm: a LayerNorm of each head with weights of its own, before the rotation; 6 query "
           "heads on 2; layer_norm_eps 1e-2", [{"use_qk_norm": False}, {"layer_norm_eps": 1e-5}], {"use_qk_norm": True,
           "hidden_size": 60, "num_attention_heads": 6, "num_key_value_heads": 2, "layer_norm_eps": 1e-2},
           gains={**SMALL, "q_proj": 0.2, "k_proj": 0.2}),
    cohere("bias", "attention_bias; untied; head_dim 16 that is not hidden_size / num_attention_heads; config as "
           "transformers 5 saves it", [{"attention_bias": False}, {"logit_scale": 1.0}], {"attention_bias": True,
           "head_dim": 16, **UNTIED}, gains={}, saved_config=True),
    cohere("defaults", "keys with defaults left out: rope_theta 500000, logit_scale 0.0625; exact GELU; linear rope "
           "scaling", [{"rope_theta": 100.0}, {"logit_scale": 1.0}, {"rope_scaling": ABSENT}, {"hidden_act": "relu"}],
           {**{k: ABSENT for k in ("rope_theta", "logit_scale", "layer_norm_eps", "use_qk_norm",
                                   "num_key_value_heads")}, "hidden_act": "gelu", "num_hidden_layers": 4,
            "rope_scaling": {"type": "linear", "factor": 8.0}}),
]

COHERE2 = {**{k: v for k, v in COHERE.items() if k not in ("use_qk_norm", "model_max_length")},
           "architectures": ["Cohere2ForCausalLM"], "model_type": "cohere2", "hidden_size": 60, "head_dim": 10,
           "num_attention_heads": 6, "num_key_value_heads": 2, "num_hidden_layers": 5, "rope_theta": 50000,
           "cache_implementation": "hybrid", "layer_switch": 4, "order_of_interleaved_layers": "local_attn_first",
           "position_embedding_type": "rope_gptj", "rotary_pct": 1.0, "rope_scaling": None, "sliding_window": 9,
           "sliding_window_pattern": 4, "use_embedding_sharing": True, "use_gated_activation": True,
           "use_parallel_block": True, "use_parallel_embedding": False, "torch_dtype": "bfloat16"}
cohere2 = decoders("cohere2", COHERE2, gains=SMALL)

COHERE2_CASES = [
    cohere2("plain", "every fourth layer sees all and does not rotate, the others have a window of 9 and rotate "
            "neighbouring pairs; keys that are not read, as published", [{"sliding_window": 10}, {"sliding_window": 8},
            {"sliding_window_pattern": 3}, {"rope_theta": 100.0}, {"logit_scale": 1.0}]),
    cohere2("layer-types", "layer_types; attention_bias; untied; config as transformers 5 saves it",
            [{"layer_types": [LOCAL, FULL, LOCAL]}, {"attention_bias": False}, default_rope(100.0)],
            {"layer_types": [FULL, LOCAL, LOCAL], "num_hidden_layers": 3, "attention_bias": True, **UNTIED}, gains={},
            idle=["layers.0.self_attn.k_proj.bias"], saved_config=True),
    cohere2("defaults", "sliding_window_pattern left out is 4; rope_theta left out is 10000; head_dim of the "
            "config; layer_norm_eps 1e-2", [{"sliding_window_pattern": 2},
            {"rope_theta": 500000.0}, {"layer_norm_eps": 1e-5}],
            {"sliding_window_pattern": ABSENT, "rope_theta": ABSENT, "head_dim": 16, "num_hidden_layers": 4,
             "layer_norm_eps": 1e-2}, gains={"embed_tokens": 0.1, "o_proj": 0.3, "down_proj": 0.3}),
]

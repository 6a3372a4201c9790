"""LLaMA and its kin."""

from cases.base import ABSENT, decoder, decoders

LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 97, "hidden_size": 60,
         "intermediate_size": 70, "num_hidden_layers": 3, "num_attention_heads": 6, "num_key_value_heads": 2,
         "hidden_act": "silu", "max_position_embeddings": 128, "rms_norm_eps": 1e-5, "tie_word_embeddings": False,
         "bos_token_id": 1, "eos_token_id": 2, "rope_theta": 10000.0, "torch_dtype": "float32"}


llama = decoders("llama", LLAMA)


def scaled(name, note, scaling, contrasts=(), more=None, **rest):
    """A llama with rope_scaling, in contrast to none."""
    changes = [{"rope_scaling": ABSENT}, *({"rope_scaling": {**scaling, **c}} for c in contrasts)]
    config = {"head_dim": 16, "rope_theta": 1000.0, "rope_scaling": scaling, **(more or {})}
    return llama("rope-" + name, note, changes, config, **rest)


YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 48}

LLAMA_CASES = [
    llama("mha", "one key/value head per query head (num_key_value_heads left out); old form of config, and the rotary "
          "tables that old checkpoints store", [{"rope_theta": 1000.0}],
          {"hidden_size": 42, "num_attention_heads": 3, "num_key_value_heads": ABSENT, "num_hidden_layers": 4,
           "pretraining_tp": 1, "rope_scaling": None},
          extra_tensors=[(f"model.layers.{i}.self_attn.rotary_emb.inv_freq", [7], 0.5) for i in range(4)]),
    llama("gqa", "6 query heads on 2 key/value heads; config as transformers 5 saves it (rope_parameters, dtype)",
          [{"rope_parameters": {"rope_type": "default", "rope_theta": 1000.0}}], {"rope_theta": 500.0},
          saved_config=True),
    llama("mqa", "3 query heads on 1 key/value head; new form of config by hand; rope_theta left out is 10000",
          [{"rope_parameters": {"rope_type": "default", "rope_theta": 1000.0}}],
          {"hidden_size": 36, "num_attention_heads": 3, "num_key_value_heads": 1, "rope_theta": ABSENT,
           "rope_parameters": {"rope_type": "default"}, "torch_dtype": ABSENT, "dtype": "float32"}),
    llama("biases", "attention_bias and mlp_bias: biases on all seven projections", [{"attention_bias": False},
          {"mlp_bias": False}], {"attention_bias": True, "mlp_bias": True}),
    llama("tied", "tied head: no lm_head.weight", [{"rms_norm_eps": 0.1}], {"tie_word_embeddings": True,
          "num_hidden_layers": 4}, gains={"embed_tokens": 0.3}),
    llama("tied-with-head", "tie_word_embeddings true, but the checkpoint has another lm_head.weight, which is used",
          [{"rms_norm_eps": 0.1}], {"tie_word_embeddings": True},
          extra_tensors=[("lm_head.weight", [97, 60], None)]),
    llama("head-dim", "head_dim 14 that is not hidden_size / num_attention_heads", [{"rope_theta": 1000.0}],
          {"head_dim": 14, "hidden_size": 48}),
    llama("gelu-eps", "exact GELU in the gated feed-forward; rms_norm_eps 1e-3 on a small stream",
          [{"hidden_act": "silu"}, {"rms_norm_eps": 1e-5}], {"hidden_act": "gelu", "rms_norm_eps": 1e-3},
          faint=[{"hidden_act": "gelu_pytorch_tanh"}],
          gains={"embed_tokens": 0.03, "o_proj": 0.03, "down_proj": 0.03, "gate_proj": 3.0}),
    scaled("linear", "linear scaling, under the key type of old configs", {"type": "linear", "factor": 2.5}),
    scaled("dynamic", "dynamic NTK, longer than max_position_embeddings from the prompt on",
           {"type": "dynamic", "factor": 2.0}, more={"max_position_embeddings": 32}, rope_state=True),
    scaled("dynamic-crossing", "dynamic NTK, longer than max_position_embeddings in mid-generation",
           {"rope_type": "dynamic", "factor": 3.0}, more={"max_position_embeddings": 56}, rope_state=True),
    scaled("llama3", "LLaMA 3.1 scaling with kept, interpolated and divided frequencies",
           {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64}, [{"low_freq_factor": 2.0}]),
    scaled("yarn", "YaRN: attention factor 0.1 ln(factor) + 1, beta 32 and 1", YARN, [{"attention_factor": 1.0}]),
    scaled("yarn-attention-factor", "YaRN with attention_factor given", {**YARN, "attention_factor": 0.8},
           [{"attention_factor": None}]),
    scaled("yarn-mscale", "YaRN with mscale and mscale_all_dim: attention factor is their quotient",
           {**YARN, "mscale": 1.4, "mscale_all_dim": 0.5}, [{"mscale": None}]),
    scaled("yarn-betas", "YaRN with beta_fast and beta_slow, no truncation of the ramp's ends",
           {**YARN, "beta_fast": 6, "beta_slow": 0.6, "truncate": False},
           [{"truncate": True}, {"beta_fast": 32}, {"beta_slow": 1}]),
]

MISTRAL = {"architectures": ["MistralForCausalLM"], "model_type": "mistral", "vocab_size": 113, "hidden_size": 48,
           "intermediate_size": 70, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
           "hidden_act": "silu", "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "tie_word_embeddings": False,
           "bos_token_id": 1, "eos_token_id": 2, "rope_theta": 10000.0, "sliding_window": 9,
           "torch_dtype": "bfloat16"}

MISTRAL_CASES = [
    decoder(MISTRAL, "mistral-window", "sliding window of 9 keys, the query's own included, on every layer",
            [{"sliding_window": 10}, {"sliding_window": 8}, {"sliding_window": None}]),
    decoder(MISTRAL, "mistral-no-window", "sliding_window null; config as transformers 5 saves it",
            [{"sliding_window": 9}], {"sliding_window": None, "rope_theta": 1000000.0}, saved_config=True),
    decoder(MISTRAL, "mistral-head-dim", "head_dim 14 that is not hidden_size / num_attention_heads, nor is this "
            "whole; 6 query heads on 2", [{"sliding_window": 11}],
            {"head_dim": 14, "hidden_size": 46, "num_attention_heads": 6, "sliding_window": 12}),
]

QWEN2 = {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 97, "hidden_size": 48,
         "intermediate_size": 70, "num_hidden_layers": 4, "num_attention_heads": 6, "num_key_value_heads": 2,
         "hidden_act": "silu", "max_position_embeddings": 128, "max_window_layers": 2, "rms_norm_eps": 1e-6,
         "tie_word_embeddings": False, "bos_token_id": 95, "eos_token_id": 96, "rope_theta": 1000000.0,
         "sliding_window": 9, "use_sliding_window": False, "torch_dtype": "bfloat16"}
WINDOWED = {"use_sliding_window": True}

QWEN2_CASES = [
    decoder(QWEN2, "qwen2-plain", "biases on query, key and value; tied head; use_sliding_window false, so that "
            "sliding_window means nothing", [WINDOWED], {"tie_word_embeddings": True, "num_hidden_layers": 3},
            gains={"embed_tokens": 0.3}),
    decoder(QWEN2, "qwen2-window", "use_sliding_window: the layers from max_window_layers on have the window",
            [{"use_sliding_window": False}, {"max_window_layers": 1}, {"max_window_layers": 3}], WINDOWED),
    decoder(QWEN2, "qwen2-layer-types", "windows by layer_types; config as transformers 5 saves it",
            [{"layer_types": ["full_attention"] * 4}, {"sliding_window": 10}],
            {**WINDOWED, "layer_types": ["sliding_attention", "full_attention"] * 2}, saved_config=True),
    decoder(QWEN2, "qwen2-yarn", "YaRN under the key type", [{"rope_scaling": None}],
            {"rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32},
             "rope_theta": 1000.0}),
]

QWEN3 = {**QWEN2, "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "head_dim": 14,
         "num_hidden_layers": 3, "attention_bias": False, "rope_theta": 5000.0}
PEAKED = {"q_norm": 1.5, "k_norm": 1.5}

QWEN3_CASES = [
    decoder(QWEN3, "qwen3-plain", "norm of each query and key head before the rotation; rms_norm_eps 1e-3 on small "
            "queries and keys", [{"rms_norm_eps": 1e-5}, {"rope_theta": 1000.0}], {"rms_norm_eps": 1e-3},
            gains={"q_proj": 0.03, "k_proj": 0.03}, offsets=PEAKED),
    decoder(QWEN3, "qwen3-default-head-dim", "head_dim left out is 128 whatever the hidden size; tied head",
            [{"rope_theta": 1000.0}], {"head_dim": ABSENT, "hidden_size": 36, "num_attention_heads": 3,
            "num_key_value_heads": 1, "tie_word_embeddings": True}, gains={"embed_tokens": 0.3}, offsets=PEAKED),
    decoder(QWEN3, "qwen3-bias", "attention_bias: biases on query, key, value and output",
            [{"attention_bias": False}], {"attention_bias": True}, offsets=PEAKED),
    decoder(QWEN3, "qwen3-window", "use_sliding_window with max_window_layers 1; config as transformers 5 saves it",
            [{"layer_types": ["full_attention"] * 3}, {"sliding_window": 10}], {**WINDOWED, "max_window_layers": 1},
            offsets=PEAKED, saved_config=True),
]

PHI3 = {"architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "vocab_size": 97, "hidden_size": 48,
        "intermediate_size": 70, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
        "hidden_act": "silu", "max_position_embeddings": 128, "original_max_position_embeddings": 128,
        "rms_norm_eps": 1e-5, "tie_word_embeddings": False, "attention_bias": False, "bos_token_id": 1,
        "eos_token_id": 96, "pad_token_id": 96, "rope_theta": 10000.0, "rope_scaling": None, "sliding_window": None,
        "torch_dtype": "bfloat16"}
LONGROPE = {"type": "longrope", "short_factor": [1.0, 1.1, 1.3, 1.6, 2.0, 2.5], "long_factor": [1.2, 2, 3.5, 5, 7, 9.5]}

PHI3_CASES = [
    decoder(PHI3, "phi3-plain", "query, key and value in one matrix, gate and up in one",
            [{"rope_theta": 1000.0}], {"num_attention_heads": 6, "num_key_value_heads": ABSENT}),
    decoder(PHI3, "phi3-window", "sliding window; config as transformers 5 saves it",
            [{"sliding_window": 8}, {"sliding_window": None}], {"sliding_window": 9}, saved_config=True),
    decoder(PHI3, "phi3-partial-rotary", "half of each head rotates; tied head",
            [{"partial_rotary_factor": 1.0}], {"partial_rotary_factor": 0.5, "tie_word_embeddings": True},
            gains={"embed_tokens": 0.3}),
    decoder(PHI3, "phi3-longrope-long", "longer than the original length from the prompt on: long factors; cosine "
            "and sine are scaled by the root of 1 + ln(128/32)/ln(32)", [{"rope_scaling": None},
            {"rope_scaling": {**LONGROPE, "long_factor": LONGROPE["short_factor"]}}],
            {"rope_scaling": LONGROPE, "original_max_position_embeddings": 32}, rope_state=True),
    decoder(PHI3, "phi3-longrope-crossing", "short factors until the text is longer than the original length in "
            "mid-generation", [{"rope_scaling": None}, {"rope_scaling": {**LONGROPE, "long_factor":
            LONGROPE["short_factor"]}}], {"rope_scaling": LONGROPE, "original_max_position_embeddings": 56},
            rope_state=True),
    decoder(PHI3, "phi3-longrope-short", "always below the original length: short factors; the older name su; part "
            "of each head rotates", [{"rope_scaling": None}],
            {"rope_scaling": {"type": "su", "short_factor": [1.0, 1.2, 1.6, 2.4], "long_factor": [1.5, 3, 6, 12],
             "original_max_position_embeddings": 64},
             "max_position_embeddings": 512, "partial_rotary_factor": 0.7}, rope_state=True),
]

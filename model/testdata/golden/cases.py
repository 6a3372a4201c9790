"""The cases of the golden files: one config per variant that changes the arithmetic."""

import dataclasses

ABSENT = "absent"  # as the value of a key: the key is left out of the config

# Spread of a weight matrix's output for input of spread 1, by the last part of its name but one; 1.2 for the others.
GAINS = {"embed_tokens": 1.0, "wte": 0.3, "wpe": 0.3, "lm_head": 1.0, "q_proj": 1.5, "k_proj": 1.5, "qkv_proj": 1.5,
         "c_attn": 1.5, "o_proj": 1.5, "c_proj": 1.5, "down_proj": 1.5}


@dataclasses.dataclass
class Case:
    name: str
    family: str
    note: str
    config: dict
    contrasts: list = dataclasses.field(default_factory=list)  # changes of the config that must show
    faint: list = dataclasses.field(default_factory=list)  # the same, for changes that show less
    gains: dict = dataclasses.field(default_factory=dict)  # overrides of GAINS
    offsets: dict = dataclasses.field(default_factory=dict)  # of vectors, by the same part of the name
    drop_prefix: str = ""  # taken off the names of the tensors
    extra_tensors: list = dataclasses.field(default_factory=list)  # (name, shape, constant value or None)
    saved_config: bool = False  # the config is what save_pretrained writes, not what is written here
    rope_state: bool = False  # frequencies depend on the length, so a cached run may differ

    def __post_init__(self):
        self.config = without_absent(self.config)


def without_absent(config):
    return {k: v for k, v in config.items() if v != ABSENT}


def variant(base, name, note, contrasts, more=None, **rest):
    return Case(name, base["model_type"], note, {**base, **(more or {})}, contrasts, **rest)


GPT2 = {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": 97, "n_positions": 128, "n_embd": 36,
        "n_layer": 3, "n_head": 3, "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5,
        "resid_pdrop": 0.1, "embd_pdrop": 0.1, "attn_pdrop": 0.1, "bos_token_id": 96, "eos_token_id": 96,
        "torch_dtype": "float32"}


def gpt2(name, note, contrasts, more=None, **rest):
    return variant(GPT2, "gpt2-" + name, note, contrasts, more, **rest)


GPT2_CASES = [
    gpt2("plain", "tied head, names with the transformer. prefix", [{"n_head": 6}],
         faint=[{"activation_function": "gelu"}]),
    gpt2("published-names", "names without prefix and the causal masks that the published gpt2 stores; n_ctx and the "
         "old default keys", [{"layer_norm_epsilon": 0.1}],
         {"n_ctx": 128, "n_embd": 42, "n_layer": 4, "summary_type": "cls_index", "initializer_range": 0.02},
         drop_prefix="transformer.",
         extra_tensors=[(f"h.{i}.attn.bias", [1, 1, 128, 128], 1.0) for i in range(4)]),
    gpt2("n-inner", "feed-forward width from n_inner; keys with defaults left out",
         [{"activation_function": "relu"}],
         {"n_inner": 70, "n_embd": 44, "n_head": 4, "activation_function": ABSENT, "layer_norm_epsilon": ABSENT}),
    gpt2("inverse-layer-scale", "scale_attn_by_inverse_layer_idx: layer i's scores are also divided by i + 1; "
         "reorder_and_upcast_attn changes nothing in float32",
         [{"scale_attn_by_inverse_layer_idx": False}],
         {"scale_attn_by_inverse_layer_idx": True, "reorder_and_upcast_attn": True, "n_layer": 4}),
    gpt2("unscaled", "scale_attn_weights false: scores are not divided by the root of the head dim",
         [{"scale_attn_weights": True}], {"scale_attn_weights": False, "n_embd": 40, "n_head": 5},
         gains={"c_attn": 0.8}),
    gpt2("gelu", "the exact GELU", [], {"activation_function": "gelu"}, faint=[{"activation_function": "gelu_new"}]),
    gpt2("relu", "another activation; layer_norm_epsilon 1e-2", [{"activation_function": "gelu"},
         {"layer_norm_epsilon": 1e-5}], {"activation_function": "relu", "layer_norm_epsilon": 1e-2},
         gains={"wte": 0.3, "wpe": 0.2}),
    gpt2("untied", "tie_word_embeddings false: lm_head.weight of its own; config as transformers 5 saves it",
         [{"n_head": 6}], {"tie_word_embeddings": False, "vocab_size": 113}, saved_config=True),
]

LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 97, "hidden_size": 60,
         "intermediate_size": 70, "num_hidden_layers": 3, "num_attention_heads": 6, "num_key_value_heads": 2,
         "hidden_act": "silu", "max_position_embeddings": 128, "rms_norm_eps": 1e-5, "tie_word_embeddings": False,
         "bos_token_id": 1, "eos_token_id": 2, "rope_theta": 10000.0, "torch_dtype": "float32"}


def llama(name, note, contrasts, more=None, **rest):
    return variant(LLAMA, "llama-" + name, note, contrasts, more, **rest)


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
    variant(MISTRAL, "mistral-window", "sliding window of 9 keys, the query's own included, on every layer",
            [{"sliding_window": 10}, {"sliding_window": 8}, {"sliding_window": None}]),
    variant(MISTRAL, "mistral-no-window", "sliding_window null; config as transformers 5 saves it",
            [{"sliding_window": 9}], {"sliding_window": None, "rope_theta": 1000000.0}, saved_config=True),
    variant(MISTRAL, "mistral-head-dim", "head_dim 14 that is not hidden_size / num_attention_heads, nor is this "
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
    variant(QWEN2, "qwen2-plain", "biases on query, key and value; tied head; use_sliding_window false, so that "
            "sliding_window means nothing", [WINDOWED], {"tie_word_embeddings": True, "num_hidden_layers": 3},
            gains={"embed_tokens": 0.3}),
    variant(QWEN2, "qwen2-window", "use_sliding_window: the layers from max_window_layers on have the window",
            [{"use_sliding_window": False}, {"max_window_layers": 1}, {"max_window_layers": 3}], WINDOWED),
    variant(QWEN2, "qwen2-layer-types", "windows by layer_types; config as transformers 5 saves it",
            [{"layer_types": ["full_attention"] * 4}, {"sliding_window": 10}],
            {**WINDOWED, "layer_types": ["sliding_attention", "full_attention"] * 2}, saved_config=True),
    variant(QWEN2, "qwen2-yarn", "YaRN under the key type", [{"rope_scaling": None}],
            {"rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32},
             "rope_theta": 1000.0}),
]

QWEN3 = {**QWEN2, "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "head_dim": 14,
         "num_hidden_layers": 3, "attention_bias": False, "rope_theta": 5000.0}
PEAKED = {"q_norm": 1.5, "k_norm": 1.5}

QWEN3_CASES = [
    variant(QWEN3, "qwen3-plain", "norm of each query and key head before the rotation; rms_norm_eps 1e-3 on small "
            "queries and keys", [{"rms_norm_eps": 1e-5}, {"rope_theta": 1000.0}], {"rms_norm_eps": 1e-3},
            gains={"q_proj": 0.03, "k_proj": 0.03}, offsets=PEAKED),
    variant(QWEN3, "qwen3-default-head-dim", "head_dim left out is 128 whatever the hidden size; tied head",
            [{"rope_theta": 1000.0}], {"head_dim": ABSENT, "hidden_size": 36, "num_attention_heads": 3,
            "num_key_value_heads": 1, "tie_word_embeddings": True}, gains={"embed_tokens": 0.3}, offsets=PEAKED),
    variant(QWEN3, "qwen3-bias", "attention_bias: biases on query, key, value and output",
            [{"attention_bias": False}], {"attention_bias": True}, offsets=PEAKED),
    variant(QWEN3, "qwen3-window", "use_sliding_window with max_window_layers 1; config as transformers 5 saves it",
            [{"layer_types": ["full_attention"] * 3}, {"sliding_window": 10}], {**WINDOWED, "max_window_layers": 1},
            offsets=PEAKED, saved_config=True),
]

GEMMA = {"architectures": ["GemmaForCausalLM"], "model_type": "gemma", "vocab_size": 113, "hidden_size": 42,
         "intermediate_size": 70, "num_hidden_layers": 3, "num_attention_heads": 3, "num_key_value_heads": 1,
         "head_dim": 16, "hidden_act": "gelu", "hidden_activation": None, "max_position_embeddings": 128,
         "rms_norm_eps": 1e-6, "attention_bias": False, "bos_token_id": 2, "eos_token_id": 1, "pad_token_id": 0,
         "rope_theta": 10000.0, "torch_dtype": "bfloat16"}
SMALL_EMBEDDING = {"embed_tokens": 0.3}

GEMMA_CASES = [
    variant(GEMMA, "gemma-legacy-gelu", "hidden_act gelu means the tanh form; embeddings times the root of the "
            "hidden size; norms by 1 + weight; head tied by default", [{"hidden_act": "silu"}],
            faint=[{"hidden_act": "gelu_python"}], gains=SMALL_EMBEDDING),
    variant(GEMMA, "gemma-exact-gelu", "hidden_act gelu_python is the exact GELU; hidden_activation is not read",
            [{"hidden_act": "relu"}], {"hidden_act": "gelu_python", "hidden_activation": "relu"},
            faint=[{"hidden_act": "gelu"}], gains=SMALL_EMBEDDING),
    variant(GEMMA, "gemma-bias", "attention_bias; 6 query heads on 2; config as transformers 5 saves it",
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
    variant(GEMMA2, "gemma2-softcaps", "soft-caps on scores and logits; scores scaled by query_pre_attn_scalar; "
            "even layers have the window; norms before and after each sublayer",
            [{"attn_logit_softcapping": None}, {"final_logit_softcapping": None}, {"query_pre_attn_scalar": 14},
             {"sliding_window": 10}, {"layer_types": ["full_attention", "sliding_attention"] * 2}],
            gains=SMALL_EMBEDDING),
    variant(GEMMA2, "gemma2-no-softcaps", "soft-caps null; exact GELU by hidden_activation, hidden_act is not read",
            [{"attn_logit_softcapping": 3.0}, {"final_logit_softcapping": 0.6}],
            {"attn_logit_softcapping": None, "final_logit_softcapping": None, "hidden_activation": "gelu",
             "num_hidden_layers": 3}, faint=[{"hidden_activation": "gelu_pytorch_tanh"}], gains=SMALL_EMBEDDING),
    variant(GEMMA2, "gemma2-layer-types", "windows by layer_types; attention_bias; config as transformers 5 saves it",
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
    variant(GEMMA3, "gemma3-old-config", "every third layer is global; linear scaling on the global layers only; "
            "bases of its own for local and global layers; old form of config",
            [{"rope_scaling": None}, {"rope_theta": 100.0}, {"rope_local_base_freq": 1000.0},
             {"sliding_window_pattern": 2}, {"query_pre_attn_scalar": 14}, {"sliding_window": 10}],
            {"rope_theta": 1000.0, "rope_local_base_freq": 100.0, "sliding_window_pattern": 3,
             "rope_scaling": {"factor": 8.0, "rope_type": "linear"}}, **GEMMA3_SHARED),
    variant(GEMMA3, "gemma3-new-config", "the same arithmetic from rope_parameters per layer type and layer_types; "
            "soft-cap on the logits; config as transformers 5 saves it",
            [{"final_logit_softcapping": None}, {"layer_types": ["sliding_attention"] * 4}],
            {"rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 4.0, "rope_theta": 2000.0},
                                 "sliding_attention": {"rope_type": "default", "rope_theta": 50.0}},
             "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"],
             "final_logit_softcapping": 0.6}, saved_config=True, **GEMMA3_SHARED),
    variant(GEMMA3, "gemma3-defaults", "rope keys and pattern left out: bases 1000000 and 10000, every sixth layer "
            "is global; use_bidirectional_attention false",
            [{"rope_theta": 100.0}, {"rope_local_base_freq": 100.0}, {"sliding_window_pattern": 5}],
            {"num_hidden_layers": 7, "hidden_size": 36, "num_attention_heads": 3, "num_key_value_heads": 1,
             "use_bidirectional_attention": False}, **GEMMA3_SHARED),
]

PHI3 = {"architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "vocab_size": 97, "hidden_size": 48,
        "intermediate_size": 70, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
        "hidden_act": "silu", "max_position_embeddings": 128, "original_max_position_embeddings": 128,
        "rms_norm_eps": 1e-5, "tie_word_embeddings": False, "attention_bias": False, "bos_token_id": 1,
        "eos_token_id": 96, "pad_token_id": 96, "rope_theta": 10000.0, "rope_scaling": None, "sliding_window": None,
        "torch_dtype": "bfloat16"}
LONGROPE = {"type": "longrope", "short_factor": [1.0, 1.1, 1.3, 1.6, 2.0, 2.5], "long_factor": [1.2, 2, 3.5, 5, 7, 9.5]}

PHI3_CASES = [
    variant(PHI3, "phi3-plain", "query, key and value in one matrix, gate and up in one",
            [{"rope_theta": 1000.0}], {"num_attention_heads": 6, "num_key_value_heads": ABSENT}),
    variant(PHI3, "phi3-window", "sliding window; config as transformers 5 saves it",
            [{"sliding_window": 8}, {"sliding_window": None}], {"sliding_window": 9}, saved_config=True),
    variant(PHI3, "phi3-partial-rotary", "half of each head rotates; tied head",
            [{"partial_rotary_factor": 1.0}], {"partial_rotary_factor": 0.5, "tie_word_embeddings": True},
            gains=SMALL_EMBEDDING),
    variant(PHI3, "phi3-longrope-long", "longer than the original length from the prompt on: long factors; cosine "
            "and sine are scaled by the root of 1 + ln(128/32)/ln(32)", [{"rope_scaling": None},
            {"rope_scaling": {**LONGROPE, "long_factor": LONGROPE["short_factor"]}}],
            {"rope_scaling": LONGROPE, "original_max_position_embeddings": 32}, rope_state=True),
    variant(PHI3, "phi3-longrope-crossing", "short factors until the text is longer than the original length in "
            "mid-generation", [{"rope_scaling": None}, {"rope_scaling": {**LONGROPE, "long_factor":
            LONGROPE["short_factor"]}}], {"rope_scaling": LONGROPE, "original_max_position_embeddings": 56},
            rope_state=True),
    variant(PHI3, "phi3-longrope-short", "always below the original length: short factors; the older name su; part "
            "of each head rotates", [{"rope_scaling": None}],
            {"rope_scaling": {"type": "su", "short_factor": [1.0, 1.2, 1.6, 2.4], "long_factor": [1.5, 3, 6, 12],
             "original_max_position_embeddings": 64},
             "max_position_embeddings": 512, "partial_rotary_factor": 0.7}, rope_state=True),
]

ALL = [*GPT2_CASES, *LLAMA_CASES, *MISTRAL_CASES, *QWEN2_CASES, *QWEN3_CASES, *GEMMA_CASES, *GEMMA2_CASES,
       *GEMMA3_CASES, *PHI3_CASES]

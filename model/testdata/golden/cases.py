"""The cases of the golden files: one config per variant that changes the arithmetic."""

import dataclasses

PROMPT = 40
ABSENT = "absent"  # as a contrast's value: the key is left out of the config

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
    prompt: int = PROMPT
    drop_prefix: str = ""  # taken off the names of the tensors
    extra_tensors: list = dataclasses.field(default_factory=list)  # (name, shape, value): to be ignored by a reader
    saved_config: bool = False  # the config is what save_pretrained writes, not what is written here
    rope_state: bool = False  # frequencies depend on the length, so a cached run may differ


GPT2 = {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": 97, "n_positions": 128, "n_embd": 36,
        "n_layer": 3, "n_head": 3, "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5,
        "resid_pdrop": 0.1, "embd_pdrop": 0.1, "attn_pdrop": 0.1, "bos_token_id": 96, "eos_token_id": 96,
        "torch_dtype": "float32"}


def gpt2(name, note, contrasts, more=None, **rest):
    return Case("gpt2-" + name, "gpt2", note, {**GPT2, **(more or {})}, contrasts, **rest)


GPT2_CASES = [
    gpt2("plain", "tied head, names with the transformer. prefix", [{"n_head": 6}],
         faint=[{"activation_function": "gelu"}]),
    gpt2("published-names", "names without prefix and the causal masks that the published gpt2 stores; n_ctx and the old "
         "default keys", [{"layer_norm_epsilon": 0.1}],
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
    return Case("llama-" + name, "llama", note, {**LLAMA, **(more or {})}, contrasts, **rest)


def scaled(name, note, scaling, contrasts=(), more=None, **rest):
    """A llama with rope_scaling, in contrast to none."""
    return llama("rope-" + name, note, [{"rope_scaling": ABSENT}, *({"rope_scaling": {**scaling, **c}} for c in contrasts)],
                 {"head_dim": 16, "rope_theta": 1000.0, "rope_scaling": scaling, **(more or {})}, **rest)


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

ALL = [*GPT2_CASES, *LLAMA_CASES]
for _case in ALL:
    _case.config = {k: v for k, v in _case.config.items() if v is not ABSENT}

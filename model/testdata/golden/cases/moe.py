"""Decoders with a mixture of experts whose router is a softmax."""

from cases.base import ABSENT, MoeCase, decoders

SMALL = {"embed_tokens": 0.3}  # for a tied head, or the last token repeats itself for ever

MIXTRAL = {"architectures": ["MixtralForCausalLM"], "model_type": "mixtral", "vocab_size": 61, "hidden_size": 40,
           "intermediate_size": 26, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
           "hidden_act": "silu", "max_position_embeddings": 256, "initializer_range": 0.02, "rms_norm_eps": 1e-5,
           "rope_theta": 1000000.0, "sliding_window": None, "attention_dropout": 0.0, "num_experts_per_tok": 2,
           "num_local_experts": 8, "output_router_logits": False, "router_aux_loss_coef": 0.02,
           "tie_word_embeddings": False, "bos_token_id": 1, "eos_token_id": 2, "use_cache": True,
           "torch_dtype": "bfloat16"}
mixtral = decoders("mixtral", MIXTRAL, MoeCase)

MIXTRAL_CASES = [
    mixtral("plain", "2 of 8 experts, their weights renormalised; sliding_window null, as published",
            [{"num_experts_per_tok": 1}, {"num_experts_per_tok": 3}, {"sliding_window": 9}, {"rope_theta": 100.0}]),
    mixtral("window", "3 of 5 experts; a window of 9 on every layer; tied head; config as "
            "transformers 5 saves it", [{"sliding_window": 10}, {"sliding_window": 8},
            {"sliding_window": None}, {"num_experts_per_tok": 2}, {"rms_norm_eps": 0.1}],
            {"num_experts_per_tok": 3, "num_local_experts": 5, "sliding_window": 9, "tie_word_embeddings": True},
            gains=SMALL, saved_config=True),
    mixtral("defaults", "keys with defaults left out: 2 of 8 experts, 8 key/value heads, rope_theta 1000000",
            [{"num_experts_per_tok": 3}, {"rope_theta": 10000.0}],
            {**{k: ABSENT for k in ("num_experts_per_tok", "num_local_experts", "num_key_value_heads", "rope_theta",
                                    "rms_norm_eps", "hidden_act", "sliding_window", "tie_word_embeddings")},
             "num_attention_heads": 8, "hidden_size": 48, "num_hidden_layers": 2}),
    mixtral("one", "1 of 4 experts, whose weight is 1; num_experts, the other name of num_local_experts; head_dim 14; "
            "exact GELU", [{"num_experts_per_tok": 2}, {"hidden_act": "silu"}], {"num_experts_per_tok": 1,
            "num_local_experts": ABSENT, "num_experts": 4, "head_dim": 14, "hidden_act": "gelu"}),
    mixtral("all", "3 of 3 experts", [{"num_experts_per_tok": 2}], {"num_experts_per_tok": 3, "num_local_experts": 3}),
]

QWEN2_MOE = {"architectures": ["Qwen2MoeForCausalLM"], "model_type": "qwen2_moe", "vocab_size": 61, "hidden_size": 40,
             "intermediate_size": 50, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
             "hidden_act": "silu", "max_position_embeddings": 256, "max_window_layers": 2, "initializer_range": 0.02,
             "rms_norm_eps": 1e-6, "rope_theta": 1000000.0, "sliding_window": 9, "use_sliding_window": False,
             "attention_dropout": 0.0, "decoder_sparse_step": 1, "moe_intermediate_size": 18,
             "shared_expert_intermediate_size": 30, "num_experts_per_tok": 3, "num_experts": 7, "norm_topk_prob": False,
             "output_router_logits": False, "router_aux_loss_coef": 0.001, "tie_word_embeddings": False,
             "bos_token_id": 59, "eos_token_id": 60, "use_cache": True, "torch_dtype": "bfloat16"}
qwen2_moe = decoders("qwen2_moe", QWEN2_MOE, MoeCase)
WINDOWED, NORMED = {"use_sliding_window": True}, {"norm_topk_prob": True}
FULL, LOCAL = "full_attention", "sliding_attention"

QWEN2_MOE_CASES = [
    qwen2_moe("plain", "3 of 7 experts, weights not renormalised, and a shared expert times the sigmoid of a gate of "
              "its own; biases on query, key and value; use_sliding_window false, so that sliding_window means nothing",
              [{"num_experts_per_tok": 2}, NORMED, {"qkv_bias": False}, WINDOWED]),
    qwen2_moe("norm-step", "norm_topk_prob; decoder_sparse_step 2: the second and the fourth layer are sparse; tied "
              "head; config as transformers 5 saves it", [{"norm_topk_prob": False}, {"num_experts_per_tok": 2}],
              {**NORMED, "decoder_sparse_step": 2, "num_hidden_layers": 4, "tie_word_embeddings": True}, gains=SMALL,
              saved_config=True),
    qwen2_moe("mlp-only", "mlp_only_layers [1]: this layer is dense, the others sparse; use_sliding_window: every "
              "other layer from the first on has the window, up to max_window_layers",
              [{"use_sliding_window": False}, {"sliding_window": 10}, {"max_window_layers": 2},
               {"layer_types": [LOCAL] * 3}], {**WINDOWED, "mlp_only_layers": [1], "max_window_layers": 3}),
    qwen2_moe("layer-types", "windows by layer_types; qkv_bias false; decoder_sparse_step 2 with mlp_only_layers [3]; "
              "a shared expert wider than the dense layers; exact GELU",
              [{"layer_types": [FULL] * 4}, {"sliding_window": 8}, {"hidden_act": "silu"}],
              {**WINDOWED, "layer_types": [FULL, LOCAL, LOCAL, FULL], "qkv_bias": False, "decoder_sparse_step": 2,
               "mlp_only_layers": [3], "num_hidden_layers": 4, "shared_expert_intermediate_size": 62,
               "hidden_act": "gelu"}),
    qwen2_moe("defaults", "keys with defaults left out: 4 experts, norm_topk_prob false, every layer sparse, biases on "
              "query, key and value, 16 key/value heads, rope_theta 10000; num_local_experts is not read",
              [{"num_experts_per_tok": 3}, NORMED, {"rope_theta": 100.0}, {"qkv_bias": False}],
              {**{k: ABSENT for k in ("num_experts_per_tok", "norm_topk_prob", "decoder_sparse_step", "hidden_act",
                                      "num_key_value_heads", "rope_theta", "rms_norm_eps", "sliding_window",
                                      "use_sliding_window", "max_window_layers", "tie_word_embeddings")},
               "num_local_experts": 5, "num_attention_heads": 16, "hidden_size": 64, "num_hidden_layers": 2}),
]

QWEN3_MOE = {**{k: v for k, v in QWEN2_MOE.items() if k != "shared_expert_intermediate_size"},
             "architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "head_dim": 14,
             "attention_bias": False, "mlp_only_layers": [], "norm_topk_prob": True, "num_experts": 8,
             "sliding_window": None, "rope_theta": 5000.0}
PEAKED = {"q_norm": 1.5, "k_norm": 1.5}
qwen3_moe = decoders("qwen3_moe", QWEN3_MOE, MoeCase, offsets=PEAKED)

QWEN3_MOE_CASES = [
    qwen3_moe("plain", "3 of 8 experts, weights renormalised; a norm of each query and key head before the rotation; "
              "head_dim 14 that is not hidden_size / num_attention_heads", [{"norm_topk_prob": False},
              {"num_experts_per_tok": 2}, {"rope_theta": 100.0}]),
    qwen3_moe("saved", "norm_topk_prob false; a window of 9 on every layer; config as transformers 5 saves it, with "
              "num_local_experts", [NORMED, {"sliding_window": 10}, {"sliding_window": 8}, {"use_sliding_window": False}],
              {"norm_topk_prob": False, **WINDOWED, "sliding_window": 9, "num_hidden_layers": 2}, saved_config=True),
    qwen3_moe("mlp-only", "decoder_sparse_step 2 with mlp_only_layers [1]: only the fourth layer is sparse; "
              "attention_bias; tied head", [{"attention_bias": False}, {"norm_topk_prob": False}],
              {"decoder_sparse_step": 2, "mlp_only_layers": [1], "num_hidden_layers": 4, "attention_bias": True,
               "tie_word_embeddings": True}, gains=SMALL),
    qwen3_moe("defaults", "keys with defaults left out: 8 experts, norm_topk_prob false, every layer sparse, 4 "
              "key/value heads, head_dim hidden_size / num_attention_heads, rope_theta 10000",
              [{"num_experts_per_tok": 7}, NORMED, {"rope_theta": 100.0}],
              {**{k: ABSENT for k in ("num_experts_per_tok", "norm_topk_prob", "decoder_sparse_step", "hidden_act",
                                      "num_key_value_heads", "rope_theta", "rms_norm_eps", "sliding_window",
                                      "head_dim", "use_sliding_window", "max_window_layers", "mlp_only_layers",
                                      "tie_word_embeddings", "attention_bias")},
               "num_experts": 11, "num_hidden_layers": 2}),
]

OLMOE = {"architectures": ["OlmoeForCausalLM"], "model_type": "olmoe", "vocab_size": 61, "hidden_size": 40,
         "intermediate_size": 18, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 4,
         "hidden_act": "silu", "max_position_embeddings": 128, "initializer_range": 0.02, "rms_norm_eps": 1e-5,
         "rope_theta": 10000.0, "rope_scaling": None, "attention_bias": False, "attention_dropout": 0.0,
         "clip_qkv": None, "norm_topk_prob": False, "num_experts": 8, "num_experts_per_tok": 3,
         "output_router_logits": False, "router_aux_loss_coef": 0.01, "tie_word_embeddings": False, "pad_token_id": 1,
         "eos_token_id": 60, "use_cache": True, "torch_dtype": "bfloat16"}
olmoe = decoders("olmoe", OLMOE, MoeCase, offsets=PEAKED)

OLMOE_CASES = [
    olmoe("plain", "3 of 8 experts, weights not renormalised; one norm of all query heads together, one of all key "
          "heads, before the rotation; rms_norm_eps 1e-2 on small queries and keys", [{"num_experts_per_tok": 2},
          NORMED, {"rope_theta": 100.0}, {"rms_norm_eps": 1e-5}], {"rms_norm_eps": 1e-2},
          gains={"q_proj": 0.1, "k_proj": 0.1}),
    olmoe("clip", "clip_qkv 1.1, after the norms, which bounds queries, keys and values; norm_topk_prob; 4 query heads "
          "on 2", [{"clip_qkv": None}, {"clip_qkv": 1.0}, {"norm_topk_prob": False}], {**NORMED, "clip_qkv": 1.1,
          "num_key_value_heads": 2}),
    olmoe("bias", "attention_bias; clip_qkv 0.9; linear rope scaling; tied head; config as transformers 5 saves it",
          [{"attention_bias": False}, {"clip_qkv": None}, {"rope_parameters": {"rope_type": "default",
          "rope_theta": 10000.0}}], {"attention_bias": True, "clip_qkv": 0.9, "tie_word_embeddings": True,
          "rope_scaling": {"type": "linear", "factor": 8.0}}, gains=SMALL, saved_config=True),
    olmoe("defaults", "keys with defaults left out: 8 experts, norm_topk_prob false, rope_theta 10000, as many "
          "key/value as query heads; num_local_experts, the other name of num_experts",
          [{"num_experts_per_tok": 7}, NORMED, {"rope_theta": 100.0}, {"clip_qkv": 1.0}],
          {**{k: ABSENT for k in ("num_experts_per_tok", "norm_topk_prob", "hidden_act", "num_key_value_heads",
                                  "rope_theta", "rms_norm_eps", "clip_qkv", "tie_word_embeddings", "attention_bias",
                                  "num_experts")}, "num_local_experts": 11, "num_hidden_layers": 2}),
]

GRANITE_MOE = {"architectures": ["GraniteMoeForCausalLM"], "model_type": "granitemoe", "vocab_size": 61,
               "hidden_size": 40, "intermediate_size": 18, "num_hidden_layers": 3, "num_attention_heads": 4,
               "num_key_value_heads": 2, "hidden_act": "silu", "max_position_embeddings": 128,
               "initializer_range": 0.02, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "rope_scaling": None,
               "attention_bias": False, "attention_dropout": 0.1, "attention_multiplier": 0.25,
               "embedding_multiplier": 3.0, "logits_scaling": 8.0, "residual_multiplier": 0.7,
               "num_local_experts": 8, "num_experts_per_tok": 3, "output_router_logits": False,
               "router_aux_loss_coef": 0.001, "tie_word_embeddings": True, "bos_token_id": 0, "eos_token_id": 0,
               "pad_token_id": 0, "use_cache": True, "torch_dtype": "bfloat16"}
granite_moe = decoders("granitemoe", GRANITE_MOE, MoeCase, gains={"embed_tokens": 0.1})
MULTIPLIERS = ("attention_multiplier", "embedding_multiplier", "logits_scaling", "residual_multiplier")

GRANITE_MOE_CASES = [
    granite_moe("multipliers", "the softmax of the 3 largest of 8 logits; experts in two tensors, gate before up; "
                "embeddings times embedding_multiplier, scores times attention_multiplier, each sublayer's output "
                "times residual_multiplier, logits divided by logits_scaling; tied head",
                [{"attention_multiplier": 0.316}, {"embedding_multiplier": 1.0}, {"logits_scaling": 1.0},
                 {"residual_multiplier": 1.0}, {"num_experts_per_tok": 2}, {"rope_theta": 100.0},
                 {"rms_norm_eps": 0.1}]),
    granite_moe("defaults", "keys with defaults left out: 2 of 8 experts, multipliers 1, and so scores are not divided "
                "by the root of the head dim; untied; as many key/value as query heads; rope_theta 10000",
                [{"num_experts_per_tok": 3}, {"attention_multiplier": 0.316}, {"embedding_multiplier": 2},
                 {"rope_theta": 100.0}],
                {k: ABSENT for k in (*MULTIPLIERS, "num_experts_per_tok", "num_local_experts", "rms_norm_eps",
                                     "tie_word_embeddings", "num_key_value_heads", "rope_theta", "hidden_act")},
                gains={"q_proj": 0.7, "k_proj": 0.7}),
    granite_moe("bias", "attention_bias; 1 of 5 experts; integer multipliers; linear rope scaling; exact GELU",
                [{"attention_bias": False}, {"rope_scaling": ABSENT}, {"num_experts_per_tok": 2},
                 {"hidden_act": "silu"}],
                {"attention_bias": True, "num_experts_per_tok": 1, "num_local_experts": 5, "embedding_multiplier": 12,
                 "logits_scaling": 2, "rope_theta": 1000.0, "rope_scaling": {"type": "linear", "factor": 2.5},
                 "hidden_act": "gelu"}, gains={"embed_tokens": 0.03}),
    granite_moe("saved", "untied; config as transformers 5 saves it", [{"residual_multiplier": 1.0},
                {"rope_parameters": {"rope_type": "default", "rope_theta": 100.0}}],
                {"tie_word_embeddings": False, "num_hidden_layers": 2}, gains={"embed_tokens": 0.3},
                saved_config=True),
]

GRANITE_MOE_SHARED = {**GRANITE_MOE, "architectures": ["GraniteMoeSharedForCausalLM"],
                      "model_type": "granitemoeshared", "shared_intermediate_size": 26}
granite_moe_shared = decoders("granitemoeshared", GRANITE_MOE_SHARED, MoeCase, gains={"embed_tokens": 0.1})

GRANITE_MOE_SHARED_CASES = [
    granite_moe_shared("plain", "a shared expert without gate beside the others, gate and up in one matrix",
                       [{"residual_multiplier": 1.0}, {"num_experts_per_tok": 2}]),
    granite_moe_shared("none", "shared_intermediate_size left out is 0: no shared expert", [{"num_experts_per_tok": 2}],
                       {"shared_intermediate_size": ABSENT, "num_hidden_layers": 2}),
]

PHIMOE = {"architectures": ["PhiMoEForCausalLM"], "model_type": "phimoe", "vocab_size": 61, "hidden_size": 40,
          "intermediate_size": 22, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
          "hidden_act": "silu", "max_position_embeddings": 256, "original_max_position_embeddings": 128,
          "initializer_range": 0.02, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "attention_bias": True,
          "lm_head_bias": True, "attention_dropout": 0.0, "hidden_dropout": 0.0, "input_jitter_noise": 0.01,
          "router_jitter_noise": 0.01, "num_experts_per_tok": 2, "num_local_experts": 8, "output_router_logits": False,
          "router_aux_loss_coef": 0.0, "sliding_window": 256, "tie_word_embeddings": False, "bos_token_id": 1,
          "eos_token_id": 2, "use_cache": True, "torch_dtype": "bfloat16",
          "rope_scaling": {"type": "longrope", "short_factor": [1.0, 1.1, 1.3, 1.6, 2.0],
                           "long_factor": [1.2, 2, 3.5, 5, 7], "short_mscale": 1.243, "long_mscale": 1.4,
                           "original_max_position_embeddings": 128}}
phimoe = decoders("phimoe", PHIMOE, MoeCase, uneven=1.0)


def scaled(more: dict) -> dict:
    """Phi's rope_scaling, changed."""
    return {"rope_scaling": {**PHIMOE["rope_scaling"], **more}}


NO_SCALING = {"rope_scaling": ABSENT}
ONE_FACTOR = {"long_factor": PHIMOE["rope_scaling"]["short_factor"]}  # the reference never takes the long one
MORE_JITTER = {"router_jitter_noise": 0.3}

PHIMOE_CASES = [
    phimoe("plain", "the sparse mixer: 2 of 8 experts, the weight of each from a softmax over the logits within a "
           "relative 2 router_jitter_noise of its own; LayerNorms with bias; attention_bias, lm_head_bias; short "
           "factors, cosine and sine times short_mscale",
           [MORE_JITTER, {"attention_bias": False}, {"lm_head_bias": False}, {"sliding_window": 9}, NO_SCALING,
            scaled({"short_mscale": 1.0}), scaled({"short_factor": [1.0] * 5})]),
    phimoe("jitter", "router_jitter_noise 0.3; a window of 9 on every layer; no biases, tied head; rms_norm_eps 1e-2; "
           "config as transformers 5 saves it",
           [{"router_jitter_noise": 0.2}, {"router_jitter_noise": 0.01}, {"sliding_window": 10}, {"sliding_window": 8},
            {"rms_norm_eps": 1e-5}], {**MORE_JITTER, **NO_SCALING, "sliding_window": 9, "attention_bias": False,
            "lm_head_bias": False, "tie_word_embeddings": True, "rms_norm_eps": 1e-2}, gains=SMALL, saved_config=True),
    phimoe("defaults", "keys with defaults left out: router_jitter_noise 0.01, 16 experts, 8 key/value heads, "
           "rope_theta 1000000, no biases; two experts whatever num_experts_per_tok says",
           [MORE_JITTER, {"rope_theta": 10000.0}],
           {**{k: ABSENT for k in ("router_jitter_noise", "input_jitter_noise", "num_local_experts", "rms_norm_eps",
                                   "num_key_value_heads", "rope_theta", "attention_bias", "lm_head_bias", "hidden_act",
                                   "sliding_window", "tie_word_embeddings", "original_max_position_embeddings")},
            **NO_SCALING, "num_experts_per_tok": 3, "num_attention_heads": 8, "hidden_size": 48,
            "num_hidden_layers": 2}),
    phimoe("longrope-long", "longer than the original length from the prompt on: cosine and sine times long_mscale",
           [scaled({**ONE_FACTOR, "long_mscale": 1.0}), MORE_JITTER],
           {**scaled({**ONE_FACTOR, "original_max_position_embeddings": 32}),
            "original_max_position_embeddings": 32, "num_hidden_layers": 2}, rope_state=True),
    phimoe("longrope-crossing", "short_mscale until the text is longer than the original length in mid-generation; "
           "exact GELU", [NO_SCALING, {"hidden_act": "silu"}],
           {**scaled({**ONE_FACTOR, "original_max_position_embeddings": 56}), "num_hidden_layers": 2,
            "original_max_position_embeddings": 56, "hidden_act": "gelu"}, rope_state=True),
]

GPT_OSS = {"architectures": ["GptOssForCausalLM"], "model_type": "gpt_oss", "vocab_size": 61, "hidden_size": 40,
           "intermediate_size": 22, "num_hidden_layers": 3, "num_attention_heads": 6, "num_key_value_heads": 2,
           "head_dim": 12, "hidden_act": "silu", "initial_context_length": 48, "max_position_embeddings": 1536,
           "initializer_range": 0.02, "rms_norm_eps": 1e-5, "rope_theta": 150000, "attention_bias": True,
           "attention_dropout": 0.0, "experts_per_token": 3, "num_experts_per_tok": 3, "num_local_experts": 8,
           "layer_types": [LOCAL, FULL, LOCAL], "sliding_window": 9, "swiglu_limit": 7.0,
           "output_router_logits": False, "router_aux_loss_coef": 0.9, "tie_word_embeddings": False,
           "eos_token_id": 59, "pad_token_id": 60, "use_cache": True,
           "rope_scaling": {"rope_type": "yarn", "factor": 32.0, "beta_fast": 32.0, "beta_slow": 1.0,
                            "original_max_position_embeddings": 48, "truncate": False}}
gpt_oss = decoders("gpt_oss", GPT_OSS, MoeCase, transposed=True, offsets={"self_attn": 1.0},
                   gains={"gate_up_proj": 4.0, "down_proj": 0.2})


def yarn(more: dict) -> dict:
    """gpt-oss's rope_scaling, changed."""
    return {"rope_scaling": {**GPT_OSS["rope_scaling"], **more}}


GPT_OSS_CASES = [
    gpt_oss("plain", "the softmax of the 3 largest of 8 logits with bias; experts in two transposed tensors, gate and "
            "up in turn, with biases; the gate up to 7, up within 7; a sink of each head; windows on every other "
            "layer; YaRN without truncation",
            [{"num_experts_per_tok": 2}, {"swiglu_limit": 6.5}, {"swiglu_limit": 7.5}, {"swiglu_alpha": 1.0},
             {"sliding_window": 10}, {"sliding_window": 8}, {"layer_types": [FULL, LOCAL, FULL]},
             {"attention_bias": False}, yarn({"truncate": True}), yarn({"beta_slow": 2.0})]),
    gpt_oss("saved", "swiglu_limit 3, swiglu_alpha 1.2; no attention_bias; tied head; config as transformers 5 saves it",
            [{"swiglu_limit": 3.5}, {"swiglu_alpha": 1.702}, {"layer_types": [LOCAL] * 2}],
            {"swiglu_limit": 3.0, "swiglu_alpha": 1.2, "attention_bias": False, "tie_word_embeddings": True,
             "layer_types": [FULL, LOCAL], "num_hidden_layers": 2, "experts_per_token": ABSENT},
            gains={**SMALL, "gate_up_proj": 2.0, "down_proj": 0.5}, saved_config=True),
    gpt_oss("defaults", "keys with defaults left out: 4 experts, windows of 128 on every other layer from the first "
            "on, head_dim 64, 8 key/value heads, swiglu_limit 7, YaRN 32 from 4096 on theta 150000; a prompt beyond "
            "the window; num_experts, the other name of num_local_experts",
            [{"num_experts_per_tok": 3}, {"swiglu_limit": 6.0}, {"sliding_window": 127}, {"layer_types": [LOCAL] * 2},
             {"rope_parameters": {"rope_type": "default", "rope_theta": 150000.0}}, {"attention_bias": False}],
            {**{k: ABSENT for k in ("num_experts_per_tok", "experts_per_token", "layer_types", "sliding_window",
                                    "head_dim", "num_key_value_heads", "swiglu_limit", "rope_scaling", "rope_theta",
                                    "rms_norm_eps", "attention_bias", "initial_context_length", "num_local_experts",
                                    "max_position_embeddings", "tie_word_embeddings", "hidden_act")},
             "num_experts": 7, "num_attention_heads": 8, "num_hidden_layers": 2}, prompt=140),
]

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

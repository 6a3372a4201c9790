"""GPT-2 and its kin."""

from cases.base import ABSENT, decoders

GPT2 = {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": 97, "n_positions": 128, "n_embd": 36,
        "n_layer": 3, "n_head": 3, "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5,
        "resid_pdrop": 0.1, "embd_pdrop": 0.1, "attn_pdrop": 0.1, "bos_token_id": 96, "eos_token_id": 96,
        "torch_dtype": "float32"}


gpt2 = decoders("gpt2", GPT2)

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

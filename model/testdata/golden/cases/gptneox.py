"""GPT-NeoX, OPT, Falcon and Phi-2."""

from cases.base import ABSENT, decoders

GPT_NEOX = {"architectures": ["GPTNeoXForCausalLM"], "model_type": "gpt_neox", "vocab_size": 97, "hidden_size": 42,
            "intermediate_size": 70, "num_hidden_layers": 3, "num_attention_heads": 3, "hidden_act": "gelu",
            "max_position_embeddings": 128, "initializer_range": 0.02, "layer_norm_eps": 1e-5, "rotary_pct": 0.3,
            "rotary_emb_base": 10000, "use_parallel_residual": True, "tie_word_embeddings": False, "bos_token_id": 0,
            "eos_token_id": 0, "use_cache": True, "torch_dtype": "float16"}
gpt_neox = decoders("gpt_neox", GPT_NEOX)
STEEP = {"dense_h_to_4h": 2.4, "fc1": 2.0, "fc2": 3.0}  # so that one GELU is told from another
MASKS = [(f"gpt_neox.layers.{i}.attention.{name}", shape, value) for i in range(3) for name, shape, value in (
    ("bias", [1, 1, 128, 128], 1.0), ("masked_bias", [], -1e9), ("rotary_emb.inv_freq", [2], 0.5))]


def neox_scaled(name, note, scaling, more=None, **rest):
    """With rope_scaling, in contrast to none."""
    config = {"rotary_pct": 0.6, "rotary_emb_base": 1000, "rope_scaling": scaling, **(more or {})}
    return gpt_neox("rope-" + name, note, [{"rope_scaling": ABSENT}], config, **rest)


GPT_NEOX_CASES = [
    gpt_neox("pythia", "attention and feed-forward beside each other, each with a norm of its own; query, key and "
             "value in one matrix, head after head; rotary_pct 0.25 of head dim 16; the head is embed_out; causal "
             "masks and rotary tables as the published files store "
             "them", [{"rotary_pct": 0.5}, {"rotary_emb_base": 100},
             {"use_parallel_residual": False}, {"layer_norm_eps": 0.1}], {"hidden_size": 48, "rotary_pct": 0.25},
             faint=[{"hidden_act": "gelu_new"}], gains=STEEP, extra_tensors=MASKS),
    gpt_neox("sequential", "use_parallel_residual false; rotary_pct 1.0; hidden_act gelu_fast; layer_norm_eps 1e-2",
             [{"use_parallel_residual": True}, {"rotary_pct": 0.3}, {"hidden_act": "relu"}, {"layer_norm_eps": 1e-5}],
             {"use_parallel_residual": False, "rotary_pct": 1.0, "hidden_act": "gelu_fast", "layer_norm_eps": 1e-2,
              "num_hidden_layers": 4}),
    gpt_neox("odd-rotary", "rotary_pct 0.25 of head dim 14 is 3.5: 4 dims rotate, with the frequencies of 3",
             [{"rotary_pct": 0.3}, {"rotary_pct": 0.15}], {"rotary_pct": 0.25}),
    gpt_neox("no-bias", "attention_bias false: no bias on query_key_value and dense; relu; keys with defaults left "
             "out; config as transformers 5 saves it", [{"hidden_act": "gelu"},
             {"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}}],
             {"attention_bias": False, "hidden_act": "relu", "hidden_size": 48, "use_parallel_residual": ABSENT,
              "layer_norm_eps": ABSENT, "rotary_pct": ABSENT, "rotary_emb_base": ABSENT}, saved_config=True),
    gpt_neox("tied", "tied head; attention_bias false; hidden_act silu", [{"hidden_act": "gelu"}, {"rotary_pct": 0.6}],
             {"tie_word_embeddings": True, "attention_bias": False, "hidden_act": "silu"}, gains={"embed_in": 0.3}),
    neox_scaled("linear", "linear scaling, under the key type of old configs", {"type": "linear", "factor": 2.5}),
    neox_scaled("dynamic", "dynamic NTK of a part of each head, longer than max_position_embeddings in mid-generation",
                {"type": "dynamic", "factor": 3.0}, {"max_position_embeddings": 56}, rope_state=True),
    neox_scaled("yarn", "YaRN of a part of each head; use_parallel_residual false", {"rope_type": "yarn", "factor": 4.0,
                "original_max_position_embeddings": 48}, {"use_parallel_residual": False}),
]

OPT = {"architectures": ["OPTForCausalLM"], "model_type": "opt", "vocab_size": 97, "hidden_size": 42, "ffn_dim": 70,
       "num_hidden_layers": 3, "num_attention_heads": 3, "activation_function": "relu", "max_position_embeddings": 128,
       "do_layer_norm_before": True, "word_embed_proj_dim": 42, "dropout": 0.1, "attention_dropout": 0.0,
       "activation_dropout": 0.0, "layerdrop": 0.0, "init_std": 0.02, "_remove_final_layer_norm": False,
       "pad_token_id": 1, "bos_token_id": 2, "eos_token_id": 2, "prefix": "</s>", "use_cache": True,
       "torch_dtype": "float16"}
opt = decoders("opt", OPT, gains={"embed_tokens": 0.3}, idle=["k_proj.bias"])
AFTER = {"do_layer_norm_before": False}

OPT_CASES = [
    opt("plain", "norms before attention and feed-forward, a final norm; learned positions from row 2 of the table on; "
        "the padding id is a token like others, and the last row of the table is used", [AFTER, {"num_attention_heads":
        6}, {"activation_function": "gelu"}, {"enable_bias": False}, {"layer_norm_elementwise_affine": False}],
        {"max_position_embeddings": 104, "num_hidden_layers": 4}, pads_at=[2, 3, 22, 39]),
    opt("350m", "do_layer_norm_before false: norms after the residuals, no final norm; word_embed_proj_dim 20: "
        "project_in before the positions are added, project_out before the head, both without "
        "bias", [{"do_layer_norm_before":
        True}, {"num_attention_heads": 6}], {**AFTER, "word_embed_proj_dim": 20}, last="project_out",
        gains={"embed_tokens": 1.0, "embed_positions": 1.0, "q_proj": 2.5, "k_proj": 2.5}),
    opt("projected", "word_embed_proj_dim 54 with norms before: the final norm, then project_out",
        [{"_remove_final_layer_norm": True}], {"word_embed_proj_dim": 54}, last="project_out"),
    opt("after", "norms after the residuals without projections: the last layer feeds the head; untied", [{
        "do_layer_norm_before": True}], {**AFTER, "word_embed_proj_dim": ABSENT, "tie_word_embeddings": False},
        last="layer 2", gains={"embed_positions": 1.0, "q_proj": 2.5, "k_proj": 2.5}),
    opt("no-final-norm", "_remove_final_layer_norm", [{"_remove_final_layer_norm": False}],
        {"_remove_final_layer_norm": True}, last="layer 2"),
    opt("no-bias", "enable_bias false: no biases in attention and feed-forward; exact GELU; the names of the base "
        "model",
        [{"activation_function": "relu"}], {"enable_bias": False, "activation_function": "gelu"}, drop_prefix="model.",
        faint=[{"activation_function": "gelu_new"}], gains={**STEEP, "embed_tokens": 0.3}),
    opt("no-affine", "layer_norm_elementwise_affine false: norms without weights; config as transformers 5 saves it",
        [{"num_attention_heads": 6}], {"layer_norm_elementwise_affine": False}, saved_config=True),
    opt("untied", "tie_word_embeddings false; keys with defaults left out", [{"do_layer_norm_before": False}],
        {k: ABSENT for k in ("_remove_final_layer_norm", "activation_function", "do_layer_norm_before",
                             "word_embed_proj_dim")} | {"tie_word_embeddings": False}),
]

FALCON = {"architectures": ["FalconForCausalLM"], "model_type": "falcon", "vocab_size": 97, "hidden_size": 42,
          "num_hidden_layers": 3, "num_attention_heads": 3, "layer_norm_epsilon": 1e-5, "alibi": False, "bias": False,
          "apply_residual_connection_post_layernorm": False, "attention_dropout": 0.0, "hidden_dropout": 0.0,
          "initializer_range": 0.02, "multi_query": True, "new_decoder_architecture": False, "parallel_attn": True,
          "bos_token_id": 11, "eos_token_id": 11, "use_cache": True, "torch_dtype": "bfloat16"}
falcon = decoders("falcon", FALCON, gains={"word_embeddings": 0.3})
NEW = {"new_decoder_architecture": True, "num_attention_heads": 6, "hidden_size": 60, "ffn_hidden_size": 70}
RW = {"alibi": True, "bias": True, "multi_query": False, "parallel_attn": False, "hidden_size": 40,
      "num_attention_heads": 10, "ffn_hidden_size": 70}

FALCON_CASES = [
    falcon("7b", "one key/value head for all, last in query_key_value; attention and feed-forward beside each other "
           "after one norm; ffn_hidden_size left out is 4 × hidden_size; the tied head is stored, too",
           [{"layer_norm_epsilon": 0.1}, {"rope_theta": 100.0}, {"activation": "relu"}],
           faint=[{"activation": "gelu_new"}], gains={**STEEP, "word_embeddings": 0.3},
           like={"lm_head.weight": "transformer.word_embeddings.weight"}),
    falcon("40b", "new_decoder_architecture: 6 query heads on 2, query_key_value group after group; "
           "num_ln_in_parallel_attn left out is 2: ln_attn and ln_mlp; multi_query and parallel_attn are not read",
           [{"rope_theta": 100.0}], {**NEW, "num_kv_heads": 2}),
    falcon("11b", "new_decoder_architecture with num_ln_in_parallel_attn 1: one norm for both; untied; rope_theta "
           "5000; activation relu; config as transformers 5 saves it", [{"rope_parameters": {"rope_type": "default",
           "rope_theta": 10000.0}}, {"activation": "gelu"}], {**NEW, "num_kv_heads": 3, "num_ln_in_parallel_attn": 1,
           "tie_word_embeddings": False, "rope_theta": 5000.0, "activation": "relu"}, saved_config=True,
           gains={"word_embeddings": 1.0}),
    falcon("sequential", "parallel_attn false with one key/value head: post_attention_layernorm, attention then "
           "feed-forward; biases", [{"rope_theta": 100.0}], {"parallel_attn": False, "bias": True,
           "ffn_hidden_size": 70, "num_kv_heads": 3}),
    falcon("multi-head", "multi_query false: query, key and value of head after head; beside each other; biases; "
           "linear rope scaling", [{"rope_scaling": ABSENT}], {"multi_query": False, "bias": True,
           "ffn_hidden_size": 70, "rope_theta": 1000.0, "rope_scaling": {"type": "linear", "factor": 2.5}}),
    falcon("rw", "ALiBi instead of rotation, slopes of 10 heads; biases; sequential. The biases are rounded to "
           "bfloat16. By the reference's sdpa attention: its eager attention adds ALiBi twice", [{"alibi": False}], RW,
           attention="sdpa"),
    falcon("alibi-parallel", "ALiBi of 3 heads with parallel_attn and one key/value head", [{"alibi": False}],
           {"alibi": True, "ffn_hidden_size": 70}, attention="sdpa"),
    falcon("alibi-far", "ALiBi past position 256, where bfloat16 no longer holds every position", [{"alibi": False}],
           {**RW, "num_hidden_layers": 2}, attention="sdpa", prompt=300),
]

PHI = {"architectures": ["PhiForCausalLM"], "model_type": "phi", "vocab_size": 97, "hidden_size": 60,
       "intermediate_size": 70, "num_hidden_layers": 3, "num_attention_heads": 6, "num_key_value_heads": 6,
       "hidden_act": "gelu_new", "max_position_embeddings": 128, "layer_norm_eps": 1e-5, "partial_rotary_factor": 0.4,
       "qk_layernorm": False, "rope_theta": 10000.0, "rope_scaling": None, "resid_pdrop": 0.1, "embd_pdrop": 0.0,
       "attention_dropout": 0.0, "initializer_range": 0.02, "tie_word_embeddings": False, "bos_token_id": 96,
       "eos_token_id": 96, "use_cache": True, "torch_dtype": "float16"}
phi = decoders("phi", PHI)

PHI_CASES = [
    phi("plain", "attention and feed-forward beside each other after one norm; partial_rotary_factor 0.4 of head dim "
        "10; biases everywhere, on the head, too", [{"partial_rotary_factor": 0.8}, {"rope_theta": 100.0},
        {"layer_norm_eps": 0.1}, {"hidden_act": "relu"}], faint=[{"hidden_act": "gelu"}], gains={"fc1": 3.0}),
    phi("qk-layernorm", "qk_layernorm: one LayerNorm with bias for all query heads, one for all key heads, before the "
        "rotation; 6 query heads on 2", [{"qk_layernorm": False}, {"layer_norm_eps": 1e-5}],
        {"qk_layernorm": True, "num_key_value_heads": 2, "layer_norm_eps": 1e-2}, gains={"q_proj": 0.2, "k_proj": 0.2}),
    phi("defaults", "keys with defaults left out: half of each head rotates, as many key/value as query heads; exact "
        "GELU",
        [{"partial_rotary_factor": 1.0}], {"hidden_size": 36, "num_attention_heads": 3, "hidden_act": "gelu",
        **{k: ABSENT for k in ("partial_rotary_factor", "num_key_value_heads", "rope_theta", "qk_layernorm",
                               "layer_norm_eps")}}, faint=[{"hidden_act": "gelu_new"}], gains=STEEP),
    phi("tied", "tied head, which keeps its bias; linear rope scaling; config as transformers 5 saves it",
        [{"rope_parameters": {"rope_type": "default", "rope_theta": 1000.0, "partial_rotary_factor": 0.4}}],
        {"tie_word_embeddings": True, "rope_theta": 1000.0, "rope_scaling": {"type": "linear", "factor": 2.5}},
        gains={"embed_tokens": 0.3}, saved_config=True),
]

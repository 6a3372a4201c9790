"""Sigmoid and grouped routers: DeepSeek V2 and V3, Kimi K2, GLM-4.5, GLM-4.7-Flash, MiniMax M2."""

import dataclasses

from cases.base import ABSENT, MoeCase, decoders


@dataclasses.dataclass
class SigmoidCase(MoeCase):
    """Scores between 0 and 1, which a bias of 0.3 would decide alone; the best of them are nearly equal."""

    uneven: float = 1.15

    def rule(self, name: str, shape: list) -> tuple[float, float]:
        return (0.0, 0.15) if name.endswith("e_score_correction_bias") else super().rule(name, shape)



# The last layer's output is the sum of a few large terms, so embeddings are small.
SMALL = {"embed_tokens": 0.3, "gate": 2.0, "kv_a_proj_with_mqa": 1.5, "kv_b_proj": 1.5, "q_a_proj": 1.5,
         "q_b_proj": 1.5}
LATENT_NORMS = {"q_a_layernorm": 1.3, "kv_a_layernorm": 1.2}


def with_prediction(config: dict, attention: dict) -> dict:
    """A layer that predicts one token more, as published, its embeddings and head copies; attention has the shapes of
    its attention's tensors."""
    width, inner, experts = config["hidden_size"], config["moe_intermediate_size"], config["n_routed_experts"]
    shapes = {"enorm.weight": [width], "hnorm.weight": [width], "eh_proj.weight": [width, 2 * width],
              "shared_head.norm.weight": [width], "input_layernorm.weight": [width],
              "post_attention_layernorm.weight": [width], "mlp.gate.weight": [experts, width],
              "mlp.gate.e_score_correction_bias": [experts]}
    shapes |= {f"self_attn.{name}": shape for name, shape in attention.items()}
    for part in ["shared_experts", *(f"experts.{i}" for i in range(experts))]:
        shapes |= {f"mlp.{part}.gate_proj.weight": [inner, width], f"mlp.{part}.up_proj.weight": [inner, width],
                   f"mlp.{part}.down_proj.weight": [width, inner]}
    layer = f"model.layers.{config['num_hidden_layers']}."
    return {"prediction": layer, "extra_tensors": [(layer + name, shape, None) for name, shape in shapes.items()],
            "like": {layer + "embed_tokens.weight": "model.embed_tokens.weight",
                     layer + "shared_head.head.weight": "lm_head.weight"}}


YARN = {"beta_fast": 32, "beta_slow": 1, "factor": 4, "mscale": 1.0, "mscale_all_dim": 1.0,
        "original_max_position_embeddings": 16, "type": "yarn"}
DEEPSEEK_V3 = {"architectures": ["DeepseekV3ForCausalLM"], "attention_bias": False, "attention_dropout": 0.0,
               "bos_token_id": 0, "eos_token_id": 1, "ep_size": 1, "first_k_dense_replace": 1, "hidden_act": "silu",
               "hidden_size": 45, "initializer_range": 0.02, "intermediate_size": 50, "kv_lora_rank": 19,
               "max_position_embeddings": 128, "model_type": "deepseek_v3", "moe_intermediate_size": 14,
               "moe_layer_freq": 1, "n_group": 4, "n_routed_experts": 12, "n_shared_experts": 1,
               "norm_topk_prob": True, "num_attention_heads": 3, "num_experts_per_tok": 3, "num_hidden_layers": 3,
               "num_key_value_heads": 3, "num_nextn_predict_layers": 1, "q_lora_rank": 21, "qk_nope_head_dim": 10,
               "qk_rope_head_dim": 6, "rms_norm_eps": 1e-06, "rope_scaling": YARN, "rope_theta": 10000,
               "routed_scaling_factor": 2.5, "scoring_func": "sigmoid", "tie_word_embeddings": False,
               "topk_group": 2, "topk_method": "noaux_tc", "torch_dtype": "bfloat16", "use_cache": True,
               "v_head_dim": 9, "vocab_size": 97}
deepseek_v3 = decoders("deepseek_v3", DEEPSEEK_V3, SigmoidCase, gains=SMALL, offsets=LATENT_NORMS)
GROUPS = [{"n_group": 1, "topk_group": 1}, {"topk_group": 3}]
LATENT = {"q_a_proj.weight": [21, 45], "q_a_layernorm.weight": [21], "q_b_proj.weight": [48, 21],
          "kv_a_proj_with_mqa.weight": [25, 45], "kv_a_layernorm.weight": [19], "kv_b_proj.weight": [57, 19],
          "o_proj.weight": [45, 27]}

DEEPSEEK_V3_CASES = [
    deepseek_v3("published", "sigmoid scores; 2 of 4 groups by the sum of their best two biased scores, 3 of 12 "
                "experts; weights are the scores without bias, normalised, times 2.5; the first layer dense; YaRN "
                "whose two corrections cancel on cos and sin and remain on the scores; pairs interleaved; with a "
                "layer that predicts one token more",
                [*GROUPS, {"norm_topk_prob": False}, {"routed_scaling_factor": 1.0}, {"rope_interleave": False},
                 {"num_experts_per_tok": 2}, {"rope_scaling": None}, {"rope_theta": 100},
                 {"rope_scaling": {**YARN, "mscale": 0, "mscale_all_dim": 0}}],
                **with_prediction(DEEPSEEK_V3, LATENT)),
    deepseek_v3("uneven-yarn", "mscale is not mscale_all_dim: cos and sin are scaled, too; weights not normalised; two "
                "shared experts, stored as one; rms_norm_eps 1e-2 that the two norms within attention do not read",
                [*GROUPS, {"norm_topk_prob": True}, {"rms_norm_eps": 1e-6},
                 {"rope_scaling": {**YARN, "mscale": 0.6, "mscale_all_dim": 0.6}},
                 {"rope_scaling": {**YARN, "mscale": 1.4, "mscale_all_dim": 1.4}}],
                {"norm_topk_prob": False, "routed_scaling_factor": 1.7, "n_shared_experts": 2, "rms_norm_eps": 1e-2,
                 "rope_scaling": {**YARN, "mscale": 0.6, "mscale_all_dim": 1.4}},
                gains={**SMALL, "q_a_proj": 0.1, "kv_a_proj_with_mqa": 0.2}),
    deepseek_v3("halves", "rope_interleave false: the rotated dimensions are two halves; queries without a latent, "
                "q_lora_rank null; attention_bias is one of kv_a_proj and o_proj; no groups; every layer of experts; "
                "config as transformers 5 saves it",
                [{"rope_interleave": True}, {"attention_bias": False}, {"first_k_dense_replace": 1},
                 {"norm_topk_prob": False}], {"rope_interleave": False, "q_lora_rank": None, "attention_bias": True,
                 "n_group": 1, "topk_group": 1, "first_k_dense_replace": 0, "num_hidden_layers": 2,
                 "rope_scaling": None}, saved_config=True),
    deepseek_v3("defaults", "keys with defaults left out: 4 of 8 groups, so that 8 experts are what two groups and "
                "two more have; the first three layers dense; scale 2.5; normalised; interleaved; theta 10000; "
                "attention_bias of q_a_proj, kv_a_proj and o_proj",
                [{"n_group": 1, "topk_group": 1}, {"topk_group": 2, "num_experts_per_tok": 4},
                 {"rope_theta": 100.0}, {"attention_bias": False}, {"rope_interleave": False}],
                {**{k: ABSENT for k in ("n_group", "topk_group", "num_experts_per_tok", "first_k_dense_replace",
                    "norm_topk_prob", "routed_scaling_factor", "n_shared_experts", "rope_theta", "rope_scaling",
                    "hidden_act", "rms_norm_eps", "tie_word_embeddings", "num_nextn_predict_layers")},
                 "n_routed_experts": 24, "num_hidden_layers": 4, "attention_bias": True, "moe_intermediate_size": 9}),
]

# 384 experts, and Kimi K2's own model_type; the reference reads it as DeepSeek V3.
KIMI_YARN = {**YARN, "factor": 8.0, "original_max_position_embeddings": 512}
KIMI_K2 = {**DEEPSEEK_V3, "model_type": "kimi_k2", "bos_token_id": 95, "eos_token_id": 96, "n_group": 1,
           "topk_group": 1, "n_routed_experts": 18, "num_attention_heads": 5, "num_key_value_heads": 5,
           "num_hidden_layers": 2, "num_experts_per_tok": 4, "num_nextn_predict_layers": 0, "rope_theta": 50000.0,
           "rope_scaling": {**KIMI_YARN, "beta_fast": 1.0}, "routed_scaling_factor": 2.827,
           "moe_intermediate_size": 9, "hidden_size": 50, "max_position_embeddings": 128}
kimi = decoders("kimi_k2", KIMI_K2, SigmoidCase, gains=SMALL, offsets=LATENT_NORMS, reads_as="deepseek_v3")

KIMI_K2_CASES = [
    kimi("published", "DeepSeek V3 with more experts, without groups; beta_fast and beta_slow are both 1",
         [{"rope_scaling": KIMI_YARN}, {"routed_scaling_factor": 1.0}, {"rope_theta": 100.0},
          {"norm_topk_prob": False}]),
]

DEEPSEEK_V2 = {"architectures": ["DeepseekV2ForCausalLM"], "attention_bias": False, "attention_dropout": 0.0,
               "aux_loss_alpha": 0.001, "bos_token_id": 95, "eos_token_id": 96, "first_k_dense_replace": 1,
               "hidden_act": "silu", "hidden_size": 48, "initializer_range": 0.02, "intermediate_size": 50,
               "kv_lora_rank": 18, "max_position_embeddings": 128, "model_type": "deepseek_v2",
               "moe_intermediate_size": 14, "moe_layer_freq": 1, "n_group": 1, "n_routed_experts": 10,
               "n_shared_experts": 2, "norm_topk_prob": False, "num_attention_heads": 3, "num_experts_per_tok": 3,
               "num_hidden_layers": 3, "num_key_value_heads": 3, "pretraining_tp": 1, "q_lora_rank": None,
               "qk_nope_head_dim": 10, "qk_rope_head_dim": 6, "rms_norm_eps": 1e-06,
               "rope_scaling": {**YARN, "factor": 8, "mscale": 0.707, "mscale_all_dim": 0.707}, "rope_theta": 10000,
               "routed_scaling_factor": 1.0, "scoring_func": "softmax", "seq_aux": True, "tie_word_embeddings": False,
               "topk_group": 1, "topk_method": "greedy", "torch_dtype": "bfloat16", "use_cache": True,
               "v_head_dim": 9, "vocab_size": 97}
deepseek_v2 = decoders("deepseek_v2", DEEPSEEK_V2, MoeCase, gains=SMALL, offsets=LATENT_NORMS)
BY_GROUP = {"topk_method": "group_limited_greedy", "n_group": 4, "topk_group": 2, "n_routed_experts": 12}

DEEPSEEK_V2_CASES = [
    deepseek_v2("lite", "V2-Lite: queries without a latent; softmax over all, best 3 of 10, weights as they are; two "
                "shared experts, stored as one; the first layer dense; YaRN whose two corrections cancel on cos and "
                "sin and remain on the scores; pairs interleaved",
                [{"num_experts_per_tok": 2}, {"rope_scaling": None}, {"rope_theta": 100}, {"rms_norm_eps": 1e-2},
                 {"rope_scaling": {**YARN, "factor": 8, "mscale": 0, "mscale_all_dim": 0}},
                 {"routed_scaling_factor": 2.0}]),
    deepseek_v2("groups", "V2: 2 of 4 groups by their best expert, 3 of 12 experts, weights times 4; queries with a "
                "latent; mscale is not mscale_all_dim", [{"topk_method": "greedy"}, {"topk_group": 3},
                {"routed_scaling_factor": 1.0}, {"rope_scaling": {**YARN, "mscale": 0.6, "mscale_all_dim": 0.6}},
                {"rope_scaling": {**YARN, "mscale": 1.4, "mscale_all_dim": 1.4}}],
                {**BY_GROUP, "routed_scaling_factor": 4.0, "q_lora_rank": 21,
                 "rope_scaling": {**YARN, "mscale": 0.6, "mscale_all_dim": 1.4}}),
    deepseek_v2("biases", "attention_bias of q_a_proj, kv_a_proj and o_proj; mlp_bias of the dense layer and of the "
                "shared experts, not of experts; config as transformers 5 saves it",
                [{"attention_bias": False}, {"mlp_bias": False}, {"topk_method": "greedy"}],
                {**BY_GROUP, "q_lora_rank": 21, "attention_bias": True, "mlp_bias": True, "num_hidden_layers": 2,
                 "n_shared_experts": 1}, saved_config=True, gains={**SMALL, "embed_tokens": 1.0}),
    deepseek_v2("defaults", "keys with defaults left out: greedy, every layer of experts, two shared experts, scale 1, "
                "theta 10000; norm_topk_prob is not read",
                [{"rope_theta": 100.0}, {"first_k_dense_replace": 1}, {"routed_scaling_factor": 2.0}],
                {**{k: ABSENT for k in ("topk_method", "first_k_dense_replace", "n_shared_experts", "n_group",
                    "topk_group", "routed_scaling_factor", "rope_theta", "rope_scaling", "num_key_value_heads",
                    "hidden_act", "rms_norm_eps", "tie_word_embeddings")},
                 "norm_topk_prob": True, "num_hidden_layers": 2}),
]

GQA_SMALL = {"embed_tokens": 0.3, "gate": 2.0}
GLM4_MOE = {"architectures": ["Glm4MoeForCausalLM"], "attention_bias": True, "attention_dropout": 0.0,
            "pad_token_id": 94, "eos_token_id": [94, 95, 96], "head_dim": 12, "hidden_act": "silu", "hidden_size": 44,
            "partial_rotary_factor": 0.5, "initializer_range": 0.02, "intermediate_size": 50,
            "max_position_embeddings": 128, "model_type": "glm4_moe", "moe_intermediate_size": 14,
            "norm_topk_prob": True, "num_attention_heads": 6, "n_group": 1, "topk_group": 1, "n_routed_experts": 10,
            "n_shared_experts": 1, "routed_scaling_factor": 1.0, "num_experts_per_tok": 3,
            "first_k_dense_replace": 1, "num_hidden_layers": 3, "num_key_value_heads": 2,
            "num_nextn_predict_layers": 1, "rms_norm_eps": 1e-05, "rope_scaling": None, "rope_theta": 1000,
            "tie_word_embeddings": False, "torch_dtype": "bfloat16", "use_cache": True, "use_qk_norm": False,
            "vocab_size": 97}
glm4_moe = decoders("glm4_moe", GLM4_MOE, SigmoidCase, gains=GQA_SMALL, offsets={"q_norm": 1.5, "k_norm": 1.5})
GROUPED_QUERIES = {"q_proj.weight": [72, 44], "q_proj.bias": [72], "k_proj.weight": [24, 44], "k_proj.bias": [24],
                   "v_proj.weight": [24, 44], "v_proj.bias": [24], "o_proj.weight": [44, 72]}

GLM4_MOE_CASES = [
    glm4_moe("air", "GLM-4.5-Air: DeepSeek V3's router on grouped-query attention; attention_bias of q, k and v alone; "
             "half of each head is rotated; no norms of queries and keys; the first layer dense; with a layer that "
             "predicts one token more",
             [{"attention_bias": False}, {"partial_rotary_factor": 1.0}, {"rope_theta": 100}, {"norm_topk_prob": False},
              {"routed_scaling_factor": 2.0}, {"rms_norm_eps": 0.1}, {"num_experts_per_tok": 2}],
             **with_prediction(GLM4_MOE, GROUPED_QUERIES)),
    glm4_moe("qk-norm", "GLM-4.5: use_qk_norm, per head, with weights, before the rotation; scale 2.5; two dense "
             "layers; two shared experts, stored as one; rms_norm_eps 1e-2 on small queries and keys",
             [{"use_qk_norm": False}, {"rms_norm_eps": 1e-5}, {"routed_scaling_factor": 1.0}],
             {"use_qk_norm": True, "routed_scaling_factor": 2.5, "first_k_dense_replace": 2, "n_shared_experts": 2,
              "rms_norm_eps": 1e-2}, gains={**GQA_SMALL, "q_proj": 0.1, "k_proj": 0.1}),
    glm4_moe("groups", "2 of 4 groups; weights not normalised; a quarter of each head is rotated; YaRN; tied; config "
             "as transformers 5 saves it", [{"n_group": 1, "topk_group": 1}, {"topk_group": 3},
             {"norm_topk_prob": True}],
             {"n_group": 4, "topk_group": 2, "n_routed_experts": 12, "norm_topk_prob": False, "head_dim": 16,
              "partial_rotary_factor": 0.25, "rope_scaling": {"type": "yarn", "factor": 4.0,
              "original_max_position_embeddings": 48}, "tie_word_embeddings": True, "num_hidden_layers": 2},
             saved_config=True),
    glm4_moe("defaults", "keys with defaults left out: half of each head is rotated; head_dim is hidden_size by heads; "
             "no biases; theta 10000; scale 1; normalised; one dense layer",
             [{"partial_rotary_factor": 1.0}, {"rope_theta": 100.0}, {"norm_topk_prob": False},
              {"rms_norm_eps": 0.1}],
             {**{k: ABSENT for k in ("partial_rotary_factor", "head_dim", "attention_bias", "rope_theta", "n_group",
                 "topk_group", "routed_scaling_factor", "norm_topk_prob", "first_k_dense_replace", "n_shared_experts",
                 "use_qk_norm", "rms_norm_eps", "hidden_act", "num_nextn_predict_layers", "rope_scaling")},
              "hidden_size": 48, "num_hidden_layers": 2}),
]

GLM4_MOE_LITE = {**DEEPSEEK_V3, "architectures": ["Glm4MoeLiteForCausalLM"], "model_type": "glm4_moe_lite",
                 "pad_token_id": 94, "eos_token_id": [94, 95, 96], "hidden_size": 50, "num_attention_heads": 5,
                 "num_key_value_heads": 5, "num_hidden_layers": 2, "n_group": 1, "topk_group": 1, "kv_lora_rank": 23,
                 "n_routed_experts": 10, "num_experts_per_tok": 4, "q_lora_rank": 19, "qk_nope_head_dim": 8,
                 "v_head_dim": 11, "rms_norm_eps": 1e-5, "rope_scaling": None, "rope_theta": 1000000,
                 "partial_rotary_factor": 1.0, "routed_scaling_factor": 1.8}
for key in ("bos_token_id", "ep_size", "moe_layer_freq", "scoring_func"):
    del GLM4_MOE_LITE[key]
glm4_moe_lite = decoders("glm4_moe_lite", GLM4_MOE_LITE, SigmoidCase, gains=SMALL, offsets=LATENT_NORMS)
DENSE, SPARSE = "dense", "sparse"

GLM4_MOE_LITE_CASES = [
    glm4_moe_lite("flash", "GLM-4.7-Flash: DeepSeek V3 without groups and YaRN; the first layer dense",
                  [{"norm_topk_prob": False}, {"rope_interleave": False}, {"routed_scaling_factor": 1.0},
                   {"rope_theta": 100.0}], {"rope_theta": 10000}),
    glm4_moe_lite("layer-types", "mlp_layer_types says which layers are dense, whatever first_k_dense_replace says; "
                  "groups; attention_bias; keys with defaults left out: scale 1.8, normalised, theta 10000; config as "
                  "transformers 5 saves it", [{"n_group": 1, "topk_group": 1}, {"attention_bias": False},
                  {"routed_scaling_factor": 1.0}, {"norm_topk_prob": False}, {"rope_parameters": {
                      "rope_type": "default", "rope_theta": 100.0}}],
                  {**{k: ABSENT for k in ("routed_scaling_factor", "norm_topk_prob", "rope_theta", "rope_scaling",
                      "partial_rotary_factor", "first_k_dense_replace")},
                   "mlp_layer_types": [SPARSE, DENSE, SPARSE], "num_hidden_layers": 3, "n_group": 3, "topk_group": 2,
                   "n_routed_experts": 12, "num_experts_per_tok": 3, "attention_bias": True}, saved_config=True),
]

MINIMAX_M2 = {"architectures": ["MiniMaxM2ForCausalLM"], "attn_type_list": [1, 1], "bos_token_id": None,
              "eos_token_id": None, "head_dim": 14, "hidden_act": "silu", "hidden_size": 45, "initializer_range": 0.02,
              "intermediate_size": 19, "max_position_embeddings": 128, "model_type": "minimax_m2",
              "mtp_transformer_layers": 1, "num_attention_heads": 6, "num_experts_per_tok": 3, "num_hidden_layers": 2,
              "num_key_value_heads": 2, "num_local_experts": 10, "num_mtp_modules": 3, "qk_norm_type": "per_layer",
              "rms_norm_eps": 1e-06, "rope_theta": 5000000, "rotary_dim": 8, "scoring_func": "sigmoid",
              "shared_intermediate_size": 0, "tie_word_embeddings": False, "use_cache": True, "use_mtp": True,
              "use_qk_norm": True, "use_routing_bias": True, "vocab_size": 97}
minimax_m2 = decoders("minimax_m2", MINIMAX_M2, SigmoidCase, gains={**GQA_SMALL, "w2": 4.0},
                      offsets={"q_norm": 1.5, "k_norm": 1.5})

MINIMAX_M2_CASES = [
    minimax_m2("published", "Mixtral's names; sigmoid scores, a bias for the choice beside the experts, always "
               "normalised; one norm of all query heads together, one of all key heads, before the rotation; the "
               "first 8 of 14 dimensions of each head are rotated",
               [{"rotary_dim": 14}, {"rope_theta": 100}, {"num_experts_per_tok": 2}, {"rms_norm_eps": 0.1}],
               {"rope_theta": 1000}),
    minimax_m2("defaults", "rotary_dim left out: whole heads are rotated; theta 5000000; as many key/value as query "
               "heads; rms_norm_eps 1e-2 on small queries and keys; tied",
               [{"rotary_dim": 8}, {"rope_theta": 10000.0}, {"rms_norm_eps": 1e-6}],
               {**{k: ABSENT for k in ("rotary_dim", "rope_theta", "hidden_act", "attn_type_list", "scoring_func",
                   "use_qk_norm", "use_routing_bias", "qk_norm_type")}, "num_key_value_heads": 6,
                "rms_norm_eps": 1e-2, "tie_word_embeddings": True},
               gains={**GQA_SMALL, "w2": 4.0, "q_proj": 0.1, "k_proj": 0.1}),
    minimax_m2("new-config", "partial_rotary_factor within rope_parameters; config as transformers 5 saves it",
               [{"rope_parameters": {"rope_type": "default", "rope_theta": 1000.0, "partial_rotary_factor": 1.0}},
                {"rope_parameters": {"rope_type": "default", "rope_theta": 100.0, "partial_rotary_factor": 8 / 14}}],
               {"rope_theta": 1000.0}, saved_config=True),
]

"""LLaMA 4: its text model alone, and within a checkpoint for pictures."""

import dataclasses
import math

import transformers

from cases.base import ABSENT, MoeCase, decoders

FULL, CHUNKED = "full_attention", "chunked_attention"


@dataclasses.dataclass
class Llama4Case(MoeCase):
    """Experts are [experts, in, out]."""

    transposed: bool = True
    uneven: float = 1.05

    GAINS = {**MoeCase.GAINS, "embed_tokens": 0.3, "router": 2.0}

    def rule(self, name: str, shape: list) -> tuple[float, float]:
        if name.endswith("experts.down_proj"):  # the weights of the rows that go in make what comes out smaller
            return 0.0, 3 * float(f"{1.2 * math.sqrt(3 / shape[1]):.5g}")
        return super().rule(name, shape)


class PicturesCase(Llama4Case):
    """The reference reads the whole checkpoint, and its text model runs: the whole fails without pictures."""

    model_class = transformers.Llama4ForConditionalGeneration

    def runs(self, model):
        return model.language_model


SCOUT_ROPE = {"factor": 16.0, "high_freq_factor": 1.0, "low_freq_factor": 1.0,
              "original_max_position_embeddings": 24, "rope_type": "llama3"}
LLAMA4 = {"architectures": ["Llama4ForCausalLM"], "attention_bias": False, "attention_chunk_size": 9,
          "attention_dropout": 0.0, "attn_scale": 0.5, "attn_temperature_tuning": True, "bos_token_id": 95,
          "eos_token_id": [94, 95, 96], "floor_scale": 7, "for_llm_compressor": False, "head_dim": 12,
          "hidden_act": "silu", "hidden_size": 42, "initializer_range": 0.02, "interleave_moe_layer_step": 1,
          "intermediate_size": 26, "intermediate_size_mlp": 50, "max_position_embeddings": 256,
          "model_type": "llama4_text", "no_rope_layers": [], "num_attention_heads": 4, "num_experts_per_tok": 1,
          "num_hidden_layers": 4, "num_key_value_heads": 2, "num_local_experts": 5, "output_router_logits": False,
          "pad_token_id": 93, "rms_norm_eps": 1e-05, "rope_scaling": SCOUT_ROPE, "rope_theta": 500000.0,
          "router_aux_loss_coef": 0.001, "router_jitter_noise": 0.0, "tie_word_embeddings": False,
          "torch_dtype": "bfloat16", "use_cache": True, "use_qk_norm": True, "vocab_size": 97}
llama4 = decoders("llama4_text", LLAMA4, Llama4Case)
CHUNKS = [{"attention_chunk_size": 10}, {"attention_chunk_size": 8}]
TEMPERATURE = [{"attn_scale": 0.4}, {"floor_scale": 8}, {"attn_temperature_tuning": False}]

LLAMA4_TEXT_CASES = [
    llama4("scout", "every layer of experts: the best one of 5, the sigmoid of its score times the expert's input, "
           "beside a shared expert; experts fused and [in, out]; three layers rotate interleaved pairs and attend "
           "within chunks of 9, the fourth neither, and its queries grow with the position; norms without weights "
           "after the rotation; low_freq_factor is high_freq_factor; no_rope_layers is empty",
           [*CHUNKS, *TEMPERATURE, {"use_qk_norm": False}, {"rope_scaling": None}, {"no_rope_layer_interval": 3},
            {"rms_norm_eps": 0.1}, {"rope_theta": 100.0}, {"num_experts_per_tok": 2}]),
    llama4("maverick", "every second layer of experts, the others dense with intermediate_size_mlp; no norms of "
           "queries and keys; every third layer without rotation",
           [*CHUNKS, *TEMPERATURE, {"use_qk_norm": True}, {"no_rope_layer_interval": 4}, {"rope_theta": 100.0}],
           {"interleave_moe_layer_step": 2, "use_qk_norm": False, "no_rope_layer_interval": 3,
            "num_local_experts": 7, "rope_scaling": None, "rope_theta": 5000.0}),
    llama4("two-experts", "two experts a token; moe_layers and no_rope_layers say which layers, whatever the "
           "intervals say; no temperature; attention_bias; rms_norm_eps 1e-2 on small queries and keys; config as "
           "transformers 5 saves it",
           [*CHUNKS, {"num_experts_per_tok": 1}, {"attention_bias": False}, {"no_rope_layers": [1, 1, 0]},
            {"rms_norm_eps": 1e-5}, {"attn_temperature_tuning": True}],
           {"num_experts_per_tok": 2, "moe_layers": [0, 2], "no_rope_layers": [1, 0, 1], "num_hidden_layers": 3,
            "attn_temperature_tuning": False, "attention_bias": True, "rms_norm_eps": 1e-2}, saved_config=True,
           gains={"q_proj": 0.1, "k_proj": 0.1}, idle=["layers.1.self_attn.k_proj.bias"]),
    llama4("unchunked", "attention_chunk_size null; layer_types left out are full_attention; theta left out is 500000; "
           "no_rope_layer_interval left out is 4; tied; as many key/value as query heads; exact GELU",
           [{"attention_chunk_size": 9}, {"rope_theta": 100.0}, {"no_rope_layer_interval": 3},
            {"hidden_act": "relu"}],
           {**{k: ABSENT for k in ("no_rope_layers", "rope_theta", "rope_scaling", "interleave_moe_layer_step",
               "num_experts_per_tok", "use_qk_norm", "rms_norm_eps", "attn_temperature_tuning")},
            "attention_chunk_size": None, "tie_word_embeddings": True, "num_key_value_heads": 4,
            "hidden_act": "gelu"}, gains={"embed_tokens": 0.1}),
    llama4("layer-types", "layer_types set the chunks whatever no_rope_layers says: a layer without rotation in "
           "chunks, one with it over all", [*CHUNKS, {"layer_types": [FULL, FULL, CHUNKED]}, *TEMPERATURE],
           {"layer_types": [FULL, CHUNKED, CHUNKED], "no_rope_layers": [1, 0, 1], "num_hidden_layers": 3,
            "rope_scaling": None, "rope_theta": 1000.0}),
]

# The first token stands at the start of a chunk, and the queries' factor grows from position 9,999,999 on.
LLAMA4_FAR_CASES = [
    llama4("far", "a prompt from position 9,999,981 on, whose cache says that the tokens before are gone: angles "
           "rounded to float32, borders of chunks of 9 positions, and a temperature that grows within the prompt",
           [*CHUNKS, {"floor_scale": 5000001}, {"attn_scale": 0.4}, {"use_qk_norm": False}, {"rope_scaling": None}],
           {"floor_scale": 5000000, "max_position_embeddings": 10485760, "no_rope_layers": [1, 0, 1],
            "num_hidden_layers": 3}, start=9999981, faint=[{"rope_theta": 500000.1}]),
]


@dataclasses.dataclass
class TablesCase:
    name: str
    family: str
    note: str
    positions: list
    ropes: list  # configs
    scales: list  # configs


HEADS = {"head_dim": 128, "max_position_embeddings": 10485760}
LLAMA4_TABLES_CASES = [
    TablesCase("llama4_text-tables", "llama4_text", "rotations and temperatures of the published configs, Scout and "
               "Maverick", [0, 1, 8190, 8191, 8192, 131071, 1048576, 9994238, 9994239, 9999990, 9999999, 10485759],
               [{**HEADS, "rope_parameters": {**SCOUT_ROPE, "original_max_position_embeddings": 8192,
                                              "rope_theta": 500000.0}},
                {**HEADS, "rope_parameters": {"rope_type": "default", "rope_theta": 500000.0}}],
               [{"floor_scale": 8192, "attn_scale": 0.1}]),
]

VISION = {"model_type": "llama4_vision_model", "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1,
          "num_attention_heads": 2, "image_size": 16, "patch_size": 4, "num_channels": 3, "projector_input_dim": 6,
          "projector_output_dim": 6, "vision_output_dim": 6, "rope_theta": 10000}
PICTURES = {"architectures": ["Llama4ForConditionalGeneration"], "model_type": "llama4", "boi_token_index": 80,
            "eoi_token_index": 81, "image_token_index": 92, "tie_word_embeddings": False, "torch_dtype": "bfloat16",
            "vision_config": VISION}


def with_pictures(name: str, note: str, contrasts: list, text: dict, **rest):
    """A checkpoint for pictures, too; contrasts are changes of text_config."""
    text_config = {k: v for k, v in {**LLAMA4, **text}.items() if k != "architectures"}
    return PicturesCase("llama4-" + name, "llama4", note, {**PICTURES, "text_config": text_config},
                        [{"text_config": c} for c in contrasts], **rest)


LLAMA4_CASES = [
    with_pictures("published", "a checkpoint for pictures and text, run on text: text_config, language_model.…, "
                  "vision_model.…, multi_modal_projector.…", [*CHUNKS, *TEMPERATURE, {"use_qk_norm": False},
                  {"rope_scaling": None}], {"num_hidden_layers": 4, "interleave_moe_layer_step": 2}),
    with_pictures("saved", "config and names as transformers 5 saves them", [*CHUNKS, {"no_rope_layers": [1, 1, 1]}],
                  {"num_hidden_layers": 3, "no_rope_layers": [1, 0, 1], "use_qk_norm": False}, saved_config=True),
]

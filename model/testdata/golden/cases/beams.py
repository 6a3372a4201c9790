"""Decoders alone, for their beams."""

from cases.base import EOS, BeamCase, encoder_decoders
from cases.settings import DECODER_ONLY, GROUPS

GPT2 = {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": 67, "n_positions": 64, "n_embd": 32,
        "n_layer": 2, "n_head": 4, "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5, "bos_token_id": 66,
        "eos_token_id": EOS, "pad_token_id": 66, "torch_dtype": "float32"}
LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 67, "hidden_size": 32,
         "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
         "max_position_embeddings": 128, "rope_theta": 10000.0, "rms_norm_eps": 1e-5, "hidden_act": "silu",
         "tie_word_embeddings": False, "bos_token_id": 0, "eos_token_id": EOS, "pad_token_id": 1,
         "torch_dtype": "float32"}
GEMMA2 = {"architectures": ["Gemma2ForCausalLM"], "model_type": "gemma2", "vocab_size": 67, "hidden_size": 32,
          "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
          "head_dim": 8, "max_position_embeddings": 128, "rope_theta": 10000.0, "rms_norm_eps": 1e-6,
          "hidden_activation": "gelu_pytorch_tanh", "query_pre_attn_scalar": 8, "sliding_window": 6,
          "attn_logit_softcapping": 20.0, "final_logit_softcapping": 10.0, "bos_token_id": 2, "eos_token_id": EOS,
          "pad_token_id": 0, "torch_dtype": "float32"}

gpt2, llama, gemma2 = (encoder_decoders(base["model_type"], base, BeamCase) for base in (GPT2, LLAMA, GEMMA2))

BEAM_CASES = [
    gpt2("beams", "beam search from prompts", [{"n_head": 2}], generations=DECODER_ONLY + GROUPS),
    llama("beams", "beam search from prompts", [{"rope_theta": 100.0}], generations=DECODER_ONLY),
    gemma2("beams", "beam search from prompts longer than the window of 6", [{"sliding_window": 32}],
           generations=DECODER_ONLY),
]

"""T5, mT5 and UMT5."""

from cases.base import ABSENT, EOS, encoder_decoders, encoders
from cases.settings import FULL, GROUPS

T5 = {"architectures": ["T5ForConditionalGeneration"], "model_type": "t5", "vocab_size": 67, "d_model": 32, "d_kv": 8,
      "d_ff": 48, "num_layers": 2, "num_heads": 4, "relative_attention_num_buckets": 32, "dropout_rate": 0.1,
      "layer_norm_epsilon": 1e-6, "initializer_factor": 1.0, "feed_forward_proj": "relu", "is_encoder_decoder": True,
      "use_cache": True, "pad_token_id": 0, "eos_token_id": EOS, "decoder_start_token_id": 0, "n_positions": 512,
      "output_past": True, "torch_dtype": "float32"}
GATED = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False, "relative_attention_max_distance": 128}
HEAD = [("lm_head.weight", [67, 32], None)]
t5 = encoder_decoders("t5", T5)

T5_CASES = [
    t5("v1", "relu, tied, scaled by 1/√d before the head; no relative_attention_max_distance in the config",
       [{"feed_forward_proj": "gelu"}, {"tie_word_embeddings": False}], generations=FULL + GROUPS),
    t5("flan", "gated-gelu, untied, unscaled; the stored embeddings of both stacks repeat the shared ones; heads × "
       "d_kv is not d_model; dense_act_fn and is_gated_act as published",
       [{"dense_act_fn": "silu"}, {"tie_word_embeddings": True}],
       {**GATED, "num_heads": 3, "num_decoder_layers": 2, "dense_act_fn": "gelu_new", "is_gated_act": True},
       faint=[{"dense_act_fn": "gelu"}], extra_tensors=HEAD, like={"encoder.embed_tokens.weight": "shared.weight",
       "decoder.embed_tokens.weight": "shared.weight"}),
    t5("gated-silu", "gated-silu; the encoder is deeper than the decoder; config as transformers 5 saves it",
       [{"dense_act_fn": "relu"}, {"scale_decoder_outputs": True}], {**GATED, "feed_forward_proj": "gated-silu",
       "num_layers": 3, "num_decoder_layers": 1, "d_kv": 12, "num_heads": 2}, extra_tensors=HEAD, saved_config=True),
    t5("buckets", "12 buckets up to distance 20, texts longer than that; layer_norm_epsilon 0.01",
       [{"relative_attention_max_distance": 128}, {"relative_attention_max_distance": 14}],
       {"vocab_size": 23, "relative_attention_num_buckets": 12, "relative_attention_max_distance": 20,
        "layer_norm_epsilon": 1e-2}, faint=[{"layer_norm_epsilon": 1e-6}], lengths=[5, 24, 45], targets=[9, 30, 40],
       generations=["greedy", "beams", "beams several", "greedy unlike source", "beams unlike source"]),
    t5("deeper-decoder", "the decoder is deeper than the encoder", [{"feed_forward_proj": "gelu"}],
       {"num_layers": 1, "num_decoder_layers": 3, "d_kv": 16, "num_heads": 2}, use_cache=False),
    t5("separate", "tied in the config, but the checkpoint has another head and another embedding for the decoder, "
       "which are used; and the bias table of the cross-attention that old files have, which is not",
       [{"tie_word_embeddings": False}], extra_tensors=[*HEAD, ("decoder.embed_tokens.weight", [67, 32], None),
       ("decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight", [32, 4], None)],
       generations=["greedy", "beams"]),
    t5("encoder-name", "the embeddings are stored as the encoder's; keys with defaults left out",
       [{"feed_forward_proj": "gelu"}], {"relative_attention_num_buckets": ABSENT, "feed_forward_proj": ABSENT,
       "layer_norm_epsilon": ABSENT}, rename={"shared.": "encoder.embed_tokens."},
       generations=["greedy", "beams"]),
]

MT5 = {**T5, **GATED, "architectures": ["MT5ForConditionalGeneration"], "model_type": "mt5", "num_heads": 3,
       "tokenizer_class": "T5Tokenizer"}
UMT5 = {**MT5, "architectures": ["UMT5ForConditionalGeneration"], "model_type": "umt5", "scalable_attention": True}
mt5, umt5 = encoder_decoders("mt5", MT5), encoder_decoders("umt5", UMT5)

MT5_CASES = [
    mt5("plain", "gated-gelu, untied", [{"feed_forward_proj": "gated-silu"}], faint=[{"dense_act_fn": "gelu"}],
        extra_tensors=HEAD, generations=FULL),
    mt5("tied", "tied, but not scaled; gated-relu; keys with defaults left out",
        [{"feed_forward_proj": "gated-gelu"}], {"tie_word_embeddings": True, "feed_forward_proj": "gated-relu",
        "relative_attention_max_distance": ABSENT, "relative_attention_num_buckets": ABSENT, "d_kv": 8,
        "layer_norm_epsilon": ABSENT}, gains={"shared": 0.5}),
    umt5("plain", "a bias table in every layer; untied, unscaled", [{"tie_word_embeddings": True},
         {"feed_forward_proj": "gated-silu"}], extra_tensors=HEAD, generations=FULL),
    umt5("tied", "tied and scaled; 3 encoder layers, 2 decoder layers; 10 buckets up to distance 40",
         [{"tie_word_embeddings": False}, {"relative_attention_max_distance": 12}],
         {"tie_word_embeddings": True, "num_layers": 3, "num_decoder_layers": 2,
          "relative_attention_num_buckets": 10, "relative_attention_max_distance": 40}, lengths=[5, 16, 30],
         targets=[9, 14, 24]),
]

# ---- encoders alone -------------------------------------------------------------------------------------------------

ENCODER = {k: v for k, v in T5.items() if k not in ("architectures", "eos_token_id", "output_past")}
ENCODER = {**ENCODER, "vocab_size": 61, "d_model": 30, "num_heads": 3, "num_layers": 3, "eos_token_id": 1}
SPREADS = {"shared": 1.5, "embed_tokens": 1.5, "relative_attention_bias": 2.0, "q": 0.8, "k": 0.8, "o": 1.5, "wo": 4.0}
t5_encoder = encoders("t5", ENCODER, final_norm=True, gains=SPREADS)
mt5_encoder = encoders("mt5", {**ENCODER, **GATED, "model_type": "mt5"}, final_norm=True, gains=SPREADS)
umt5_encoder = encoders("umt5", {**ENCODER, **GATED, "model_type": "umt5", "scalable_attention": True},
                        final_norm=True, gains=SPREADS)
FEW = [{"relative_attention_max_distance": 14}]

T5_ENCODER_CASES = [
    t5_encoder("plain", "T5EncoderModel", "the encoder alone, as sentence embeddings have it: relu, one table of "
               "biases by relative position for all layers, a final norm; heads × d_kv is not d_model",
               [*FEW, {"feed_forward_proj": "gelu"}]),
    t5_encoder("v1.1", "T5EncoderModel", "gated-gelu; the embeddings are stored twice; config as transformers 5 saves "
               "it",
               [{"dense_act_fn": "silu", "feed_forward_proj": "gated-silu"}], GATED, faint=[{"dense_act_fn": "gelu"}],
               like={"encoder.embed_tokens.weight": "shared.weight"}, saved_config=True),
    t5_encoder("whole", "T5EncoderModel", "the checkpoint of a whole T5: decoder and head, which are not read; "
               "layer_norm_epsilon 1e-2", [{"layer_norm_epsilon": 1e-6}], {"layer_norm_epsilon": 1e-2, "num_layers": 2,
               "num_decoder_layers": 1}, extra_tensors=[("lm_head.weight", [61, 30], None),
               ("decoder.embed_tokens.weight", [61, 30], None), ("decoder.final_layer_norm.weight", [30], None),
               ("decoder.block.0.layer.0.SelfAttention.q.weight", [24, 30], None)]),
    t5_encoder("buckets", "T5EncoderModel", "12 buckets up to distance 20, a text of 150; gated-silu; the embeddings "
               "are stored as the encoder's", [*FEW, {"relative_attention_max_distance": 128}], {**GATED,
               "feed_forward_proj": "gated-silu", "relative_attention_num_buckets": 12,
               "relative_attention_max_distance": 20}, rename={"shared.": "encoder.embed_tokens."},
               lengths=[5, 17, 150]),
    mt5_encoder("plain", "MT5EncoderModel", "gated-gelu; keys with defaults left out", [{"feed_forward_proj":
                "gated-silu"}], {"relative_attention_max_distance": ABSENT, "relative_attention_num_buckets": ABSENT,
                "layer_norm_epsilon": ABSENT}, faint=[{"dense_act_fn": "gelu"}]),
    umt5_encoder("plain", "UMT5EncoderModel", "a table of biases in every layer; gated-gelu", [*FEW],
                 faint=[{"dense_act_fn": "gelu"}]),
    umt5_encoder("saved", "UMT5EncoderModel", "10 buckets up to distance 24; gated-relu; config as transformers 5 "
                 "saves it",
                 [*FEW, {"dense_act_fn": "gelu_new"}], {"relative_attention_num_buckets": 10, "num_layers": 2,
                 "relative_attention_max_distance": 24, "feed_forward_proj": "gated-relu"}, saved_config=True),
]

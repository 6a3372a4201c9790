"""ModernBERT."""

from cases.base import ABSENT, encoders, labels

MODERNBERT = {"model_type": "modernbert", "vocab_size": 61, "hidden_size": 30, "intermediate_size": 44,
              "num_hidden_layers": 4, "num_attention_heads": 3, "hidden_activation": "gelu",
              "max_position_embeddings": 96, "initializer_range": 0.02, "initializer_cutoff_factor": 2.0,
              "norm_eps": 1e-5, "norm_bias": False, "layer_norm_eps": 1e-5, "pad_token_id": 59, "bos_token_id": 57,
              "eos_token_id": 58, "cls_token_id": 57, "sep_token_id": 58, "attention_bias": False,
              "attention_dropout": 0.0, "global_attn_every_n_layers": 3, "global_rope_theta": 160000.0,
              "local_attention": 8, "local_rope_theta": 10000.0, "embedding_dropout": 0.0, "mlp_bias": False,
              "mlp_dropout": 0.0, "decoder_bias": True, "classifier_pooling": "mean", "classifier_dropout": 0.0,
              "classifier_bias": False, "classifier_activation": "gelu", "deterministic_flash_attn": False,
              "reference_compile": False, "sparse_prediction": False, "sparse_pred_ignore_index": -100,
              "position_embedding_type": "absolute", "torch_dtype": "float32"}
FULL, LOCAL = "full_attention", "sliding_attention"
WINDOW = [{"local_attention": 10}]
FEW = {"num_hidden_layers": 2}
modernbert = encoders("modernbert", MODERNBERT, pad_id=59, final_norm=True)

MODERNBERT_CASES = [
    modernbert("plain", "ModernBertModel", "the bare model without prefix: layers 0 and 3 global, 1 and 2 see the 4 "
               "positions on either side; layer 0 has no attention norm; GeGLU", [*WINDOW,
               {"num_attention_heads": 5}, {"local_attention": 6}, {"global_attn_every_n_layers": 2},
               {"global_rope_theta": 1000.0}, {"local_rope_theta": 100.0}]),
    modernbert("odd-window", "ModernBertModel", "local_attention 7 is 3 on either side; every second layer global; "
               "rope bases 300 and 20", [{"local_attention": 8}, {"global_rope_theta": 160000.0},
               {"local_rope_theta": 10000.0}], {"local_attention": 7, "global_attn_every_n_layers": 2,
               "global_rope_theta": 300.0, "local_rope_theta": 20.0}),
    modernbert("new-config", "ModernBertModel", "layer_types and rope_parameters; config as transformers 5 saves it",
               [*WINDOW, {"layer_types": [FULL, LOCAL, LOCAL, FULL]}], {"layer_types": [LOCAL, FULL, FULL, LOCAL],
               "rope_parameters": {FULL: {"rope_type": "default", "rope_theta": 500.0},
                                   LOCAL: {"rope_type": "default", "rope_theta": 30.0}},
               "global_attn_every_n_layers": ABSENT, "global_rope_theta": ABSENT, "local_rope_theta": ABSENT},
               saved_config=True),
    modernbert("defaults", "ModernBertModel", "keys with defaults left out: every third layer global, bases 160000 and "
               "10000, no biases", [{"global_rope_theta": 1000.0}, {"local_rope_theta": 100.0},
               {"global_attn_every_n_layers": 2}], {k: ABSENT for k in ("global_attn_every_n_layers",
               "global_rope_theta", "local_rope_theta", "hidden_activation", "norm_eps", "norm_bias",
               "attention_bias", "mlp_bias", "decoder_bias")}),
    modernbert("rope-scaling", "ModernBertModel", "rope_scaling of the old form, linear, for both kinds of layers",
               [{"rope_scaling": ABSENT}], {"rope_scaling": {"rope_type": "linear", "factor": 4.0}}),
    modernbert("biases", "ModernBertForMaskedLM", "attention_bias, mlp_bias, norm_bias and classifier_bias",
               [{"attention_bias": False}, {"mlp_bias": False}, {"norm_bias": False}, {"classifier_bias": False}],
               {"attention_bias": True, "mlp_bias": True, "norm_bias": True, "classifier_bias": True,
                "num_hidden_layers": 3}),
    modernbert("masked-lm", "ModernBertForMaskedLM", "head of dense, exact GELU and norm, then the tied decoder with "
               "its bias", [*WINDOW, {"classifier_activation": "relu"}, {"decoder_bias": False}],
               {"num_hidden_layers": 3}, faint=[{"hidden_activation": "gelu_new"}]),
    modernbert("activations", "ModernBertForMaskedLM", "hidden_activation silu, classifier_activation relu, no "
               "decoder_bias; norm_eps 1e-2", [{"hidden_activation": "gelu"}, {"classifier_activation": "gelu"},
               {"norm_eps": 1e-5}], {"hidden_activation": "silu", "classifier_activation": "relu",
               "decoder_bias": False, "norm_eps": 1e-2, "num_hidden_layers": 3}),
    modernbert("untied", "ModernBertForMaskedLM", "tie_word_embeddings false", WINDOW,
               {"tie_word_embeddings": False, **FEW}),
    modernbert("classify-cls", "ModernBertForSequenceClassification", "classifier_pooling cls: the first token, then "
               "head and classifier", [{"classifier_pooling": "mean"}], {"classifier_pooling": "cls", **FEW,
               **labels(3)}),
    modernbert("classify-mean", "ModernBertForSequenceClassification", "classifier_pooling mean: the tokens' mean, "
               "then head and classifier", [{"classifier_pooling": "cls"}], {**FEW, **labels(3)}),
    modernbert("tokens", "ModernBertForTokenClassification", "head and classifier on each token", WINDOW,
               {**FEW, **labels(5)}),
    modernbert("answers", "ModernBertForQuestionAnswering", "head, then classifier for start and end", WINDOW, FEW),
    modernbert("choice", "ModernBertForMultipleChoice", "the three sequences are the choices of one question; "
               "classifier_pooling mean", [{"classifier_pooling": "cls"}], FEW),
]

"""DeBERTa, version 1, and versions 2 and 3."""

from cases.base import ABSENT, encoders, labels

HEADS = [{"num_attention_heads": 6}]

DEBERTA = {"model_type": "deberta", "vocab_size": 61, "hidden_size": 30, "intermediate_size": 50,
           "num_hidden_layers": 2, "num_attention_heads": 3, "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
           "attention_probs_dropout_prob": 0.1, "max_position_embeddings": 48, "relative_attention": True,
           "pos_att_type": "c2p|p2c", "max_relative_positions": -1, "position_biased_input": False,
           "type_vocab_size": 0, "initializer_range": 0.02, "layer_norm_eps": 1e-7, "padding_idx": 0,
           "pad_token_id": 0, "pooler_dropout": 0, "pooler_hidden_act": "gelu"}
MASK_DECODER = [("lm_predictions.lm_head.bias", [61], None), ("mask_predictions.dense.weight", [30, 30], None)]
NO_RELATIVE = [{"relative_attention": False}]
deberta = encoders("deberta", DEBERTA)

DEBERTA_CASES = [
    deberta("plain", "DebertaModel", "the bare model without prefix: queries, keys and values in one matrix, head "
            "after head; content to position and position to content; no pooler", [*HEADS, *NO_RELATIVE],
            {"num_hidden_layers": 3}),
    deberta("c2p", "DebertaModel", "pos_att_type as a list with c2p only: scores are divided by the root of twice the "
            "head dim", [*NO_RELATIVE, {"pos_att_type": []}], {"pos_att_type": ["c2p"]}),
    deberta("p2c", "DebertaModel", "pos_att_type p2c only; its projection alone has a bias",
            [*NO_RELATIVE, {"pos_att_type": []}], {"pos_att_type": ["p2c"]}),
    deberta("p2p", "DebertaModel", "pos_att_type in capitals and with p2p, which adds nothing, yet counts in the scale",
            [{"pos_att_type": "c2p|p2c"}], {"pos_att_type": "C2P | P2C | P2P"}),
    deberta("short-span", "DebertaModel", "max_relative_positions 7: farther positions share the outermost rows",
            NO_RELATIVE, {"max_relative_positions": 7}),
    deberta("absolute", "DebertaModel", "relative_attention false with position_biased_input and segment ids: plain "
            "attention, but the scale counts pos_att_type", [{"pos_att_type": None}],
            {"relative_attention": False, "position_biased_input": True, "type_vocab_size": 2}, segments=2),
    deberta("both-positions", "DebertaModel", "position_biased_input and relative attention; layer_norm_eps 1e-2; "
            "config as transformers 5 saves it", [*NO_RELATIVE, {"layer_norm_eps": 1e-7}],
            {"position_biased_input": True, "layer_norm_eps": 1e-2}, saved_config=True),
    deberta("embedding-size", "DebertaForMaskedLM", "embedding_size 20: embed_proj without bias before the norm, "
            "and the head goes down to it", NO_RELATIVE, {"embedding_size": 20}),
    deberta("masked-lm", "DebertaForMaskedLM", "legacy left out is true: cls.predictions, tied", NO_RELATIVE),
    deberta("masked-lm-new", "DebertaForMaskedLM", "legacy false: lm_predictions.lm_head over the word embeddings; "
            "position_embeddings that are not read", NO_RELATIVE, {"legacy": False},
            extra_tensors=[("deberta.embeddings.position_embeddings.weight", [48, 30], None)]),
    deberta("classify", "DebertaForSequenceClassification", "context pooler with pooler_hidden_act gelu, classifier",
            [*NO_RELATIVE, {"pooler_hidden_act": "relu"}], labels(3)),
    deberta("tokens", "DebertaForTokenClassification", "a label per token", NO_RELATIVE, labels(5)),
    deberta("answers", "DebertaForQuestionAnswering", "start and end of an answer", NO_RELATIVE),
]

DEBERTA_V2 = {**DEBERTA, "model_type": "deberta-v2", "position_buckets": 8, "norm_rel_ebd": "layer_norm",
              "share_att_key": True, "pos_att_type": "p2c|c2p", "max_relative_positions": 30}
BUCKETS = [{"max_relative_positions": 20}]
SEPARATE = {"share_att_key": False}
deberta_v2 = encoders("deberta-v2", DEBERTA_V2)

DEBERTA_V2_CASES = [
    deberta_v2("v3", "DebertaV2Model", "the bare model as version 3 has it: log buckets, shared projections, normed "
               "relative embeddings", [*BUCKETS, *HEADS, {"norm_rel_ebd": "none"}], {"num_hidden_layers": 3}),
    deberta_v2("v3-unnamed", "AutoModel", "a checkpoint without architectures: the bare model, deberta. prefix, and "
               "the pretraining's heads and position embeddings, which are not read; max_relative_positions -1 is "
               "max_position_embeddings", BUCKETS, {"architectures": ABSENT, "max_relative_positions": -1},
               add_prefix="deberta.", extra_tensors=[*MASK_DECODER,
               ("deberta.embeddings.position_embeddings.weight", [48, 30], None)]),
    deberta_v2("v2-conv", "DebertaV2Model", "version 2: convolution beside the first layer, conv_kernel_size 3, "
               "conv_act gelu", [{"conv_act": "tanh"}], {"conv_kernel_size": 3, "conv_act": "gelu"}),
    deberta_v2("conv-groups", "DebertaV2Model", "conv_kernel_size 5 in 3 groups, conv_act left out is tanh; config "
               "as transformers 5 saves it", [{"conv_act": "gelu"}, {"conv_kernel_size": 0}],
               {"conv_kernel_size": 5, "conv_groups": 3}, saved_config=True),
    deberta_v2("separate", "DebertaV2Model", "share_att_key false: pos_key_proj and pos_query_proj; norm_rel_ebd "
               "none", BUCKETS, {**SEPARATE, "norm_rel_ebd": "none"}),
    deberta_v2("c2p", "DebertaV2Model", "c2p only, separate projections; norm_rel_ebd left out is none",
               [*BUCKETS, {"pos_att_type": []}], {**SEPARATE, "pos_att_type": ["c2p"], "norm_rel_ebd": ABSENT}),
    deberta_v2("p2c", "DebertaV2Model", "p2c only, separate projections; keys with defaults left out",
               [*BUCKETS, {"pos_att_type": []}], {"pos_att_type": ["p2c"], "share_att_key": ABSENT,
               "norm_rel_ebd": ABSENT, "pooler_dropout": ABSENT, "padding_idx": ABSENT}),
    deberta_v2("p2c-shared", "DebertaV2Model", "p2c only with shared projections", [*BUCKETS, {"pos_att_type": "c2p"}],
               {"pos_att_type": "p2c"}),
    deberta_v2("no-buckets", "DebertaV2Model", "position_buckets left out: a row per distance up to "
               "max_relative_positions 7", [{"relative_attention": False}], {"position_buckets": ABSENT,
               "max_relative_positions": 7}),
    deberta_v2("absolute", "DebertaV2Model", "relative_attention false with position_biased_input and segment ids; the "
               "scale counts c2p and p2c", [{"pos_att_type": None}], {"relative_attention": False,
               "position_biased_input": True, "type_vocab_size": 2, "norm_rel_ebd": ABSENT}, segments=2),
    deberta_v2("embedding-size", "DebertaV2ForMaskedLM", "embedding_size 20 with embed_proj", BUCKETS,
               {"embedding_size": 20}),
    deberta_v2("far", "DebertaV2Model", "buckets 32 for 100 positions, in a text of 150",
               [{"max_relative_positions": 90}], {"position_buckets": 32, "max_relative_positions": 100,
               "max_position_embeddings": 160}, lengths=[5, 17, 150]),
    deberta_v2("masked-lm", "DebertaV2ForMaskedLM", "legacy left out is true: cls.predictions, tied", BUCKETS),
    deberta_v2("masked-lm-new", "DebertaV2ForMaskedLM", "legacy false: lm_predictions.lm_head over the word "
               "embeddings; mask_predictions are not read", BUCKETS, {"legacy": False},
               extra_tensors=MASK_DECODER[1:]),
    deberta_v2("classify", "DebertaV2ForSequenceClassification", "context pooler with pooler_hidden_act tanh; "
               "config as transformers 5 saves it", [*BUCKETS, {"pooler_hidden_act": "gelu"}],
               {**labels(3), "pooler_hidden_act": "tanh", "cls_dropout": 0.15}, saved_config=True),
    deberta_v2("reranker", "DebertaV2ForSequenceClassification", "a cross-encoder: one label", BUCKETS, labels(1)),
    deberta_v2("tokens", "DebertaV2ForTokenClassification", "a label per token", BUCKETS, labels(5)),
    deberta_v2("answers", "DebertaV2ForQuestionAnswering", "start and end of an answer", BUCKETS),
    deberta_v2("choice", "DebertaV2ForMultipleChoice", "the three sequences are the choices of one question, by the "
               "context pooler", BUCKETS),
]

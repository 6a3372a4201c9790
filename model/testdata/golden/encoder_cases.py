"""The cases of the encoders' golden files: one config per head and per variant that changes the arithmetic."""

import dataclasses

from cases import ABSENT, Case

# Spread of a weight matrix's output for input of spread 1, by the last part of its name but one; 1.2 for the others.
GAINS = {"position_embeddings": 0.7, "token_type_embeddings": 0.7, "query": 1.7, "key": 1.7, "q_lin": 1.7, "k_lin": 1.7,
         "q": 1.7, "k": 1.7, "query_proj": 1.7, "key_proj": 1.7, "in_proj": 1.7, "pos_proj": 1.7, "pos_q_proj": 1.7,
         "pos_key_proj": 1.7, "pos_query_proj": 1.7, "Wqkv": 1.7}

TABLES = ("relative_attention_bias",)  # modules whose rows are looked up, besides those named …embeddings


@dataclasses.dataclass
class EncoderCase(Case):
    lengths: list = dataclasses.field(default_factory=lambda: [5, 17, 40])  # of the three sequences
    segments: int = 0  # segment ids in use; 0 and 1: none are given
    pad_id: int = 0
    pads_at: list = dataclasses.field(default_factory=list)  # places that hold the padding id, though no padding
    rename: dict = dataclasses.field(default_factory=dict)  # parts of tensor names, as published
    add_prefix: str = ""  # put before the names of the tensors
    idle: list = dataclasses.field(default_factory=list)  # endings of names of tensors that change nothing
    without_tensors: list = dataclasses.field(default_factory=list)  # endings of names that the checkpoint lacks

    @property
    def choice(self) -> bool:
        return self.config.get("architectures", [""])[0].endswith("ForMultipleChoice")

    def published(self, name: str) -> str:
        for old, new in self.rename.items():
            name = name.replace(old, new)
        return self.add_prefix + name.removeprefix(self.drop_prefix)


def labels(n: int) -> dict:
    """The config's keys for n labels; num_labels is not a key of the file."""
    return {"id2label": {str(i): f"LABEL_{i}" for i in range(n)}, "label2id": {f"LABEL_{i}": i for i in range(n)}}


def maker(prefix: str, base: dict, **shared):
    """Makes cases of one family; head is the architecture."""
    def make(name, head, note, contrasts, more=None, **rest):
        config = {"architectures": [head], **base, **(more or {})}
        return EncoderCase(f"{prefix}-{name}", base["model_type"], note, config, contrasts, **{**shared, **rest})
    return make


BERT = {"model_type": "bert", "vocab_size": 61, "hidden_size": 30, "intermediate_size": 50, "num_hidden_layers": 2,
        "num_attention_heads": 3, "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1, "max_position_embeddings": 48, "type_vocab_size": 2,
        "initializer_range": 0.02, "layer_norm_eps": 1e-12, "pad_token_id": 0, "position_embedding_type": "absolute",
        "use_cache": True, "classifier_dropout": None, "torch_dtype": "float32"}
HEADS = [{"num_attention_heads": 6}]
bert = maker("bert", BERT, segments=2)

BERT_CASES = [
    bert("plain", "BertModel", "the bare model, tensors without prefix, with its pooler; head dim 10, three layers",
         [*HEADS, {"hidden_act": "relu"}], {"num_hidden_layers": 3}),
    bert("prefixed-base", "BertModel", "the bare model from a checkpoint that has the bert. prefix, the position ids "
         "that old files store, and the masked LM head, which is not read; single sequences, whose segment ids are "
         "all 0", HEADS, segments=0, add_prefix="bert.", extra_tensors=[("bert.embeddings.position_ids", [1, 48], 0.0),
         ("cls.predictions.bias", [61], None), ("cls.predictions.transform.dense.weight", [30, 30], None)]),
    bert("masked-lm", "BertForMaskedLM", "tied decoder with a bias of its own, exact GELU in the head too",
         [*HEADS, {"hidden_act": "relu"}], faint=[{"hidden_act": "gelu_new"}]),
    bert("gelu-new", "BertForMaskedLM", "hidden_act gelu_new, the tanh form; config as transformers 5 saves it",
         [{"hidden_act": "relu"}], {"hidden_act": "gelu_new"}, faint=[{"hidden_act": "gelu"}], saved_config=True),
    bert("relu-eps", "BertForMaskedLM", "hidden_act relu; layer_norm_eps 1e-2; keys with defaults left out",
         [{"hidden_act": "gelu"}, {"layer_norm_eps": 1e-12}], {"hidden_act": "relu", "layer_norm_eps": 1e-2,
         "pad_token_id": ABSENT, "position_embedding_type": ABSENT, "type_vocab_size": ABSENT}),
    bert("gamma-beta", "BertForPreTraining", "norms named gamma and beta, as in the first published files; both "
         "heads of the pretraining", HEADS, rename={"LayerNorm.weight": "LayerNorm.gamma",
         "LayerNorm.bias": "LayerNorm.beta"}),
    bert("untied", "BertForMaskedLM", "tie_word_embeddings false: decoder.weight and decoder.bias are used, "
         "predictions.bias is not", HEADS, {"tie_word_embeddings": False}, idle=["cls.predictions.bias"]),
    bert("tied-with-decoder", "BertForMaskedLM", "tie_word_embeddings true, but the checkpoint has another "
         "decoder.weight and decoder.bias, which are used", HEADS,
         extra_tensors=[("cls.predictions.decoder.weight", [61, 30], None),
                        ("cls.predictions.decoder.bias", [61], None)], idle=["cls.predictions.bias"]),
    bert("types", "BertModel", "type_vocab_size 4; silu", [{"hidden_act": "gelu"}],
         {"type_vocab_size": 4, "hidden_act": "silu"}, segments=4),
    bert("classify", "BertForSequenceClassification", "single label: pooler, then classifier", HEADS, labels(4)),
    bert("classify-multi", "BertForSequenceClassification", "problem_type multi_label_classification",
         [{"hidden_act": "relu"}], {**labels(3), "problem_type": "multi_label_classification"}),
    bert("regression", "BertForSequenceClassification", "problem_type regression with one label", HEADS,
         {**labels(1), "problem_type": "regression"}),
    bert("reranker", "BertForSequenceClassification", "a cross-encoder: one label, no problem_type; config as "
         "transformers 5 saves it", HEADS, labels(1), saved_config=True),
    bert("tokens", "BertForTokenClassification", "a label per token", HEADS, labels(5)),
    bert("answers", "BertForQuestionAnswering", "start and end of an answer", HEADS),
    bert("next-sentence", "BertForNextSentencePrediction", "is the second segment the first's continuation?", HEADS),
    bert("choice", "BertForMultipleChoice", "the three sequences are the choices of one question", HEADS),
]

ROBERTA = {"model_type": "roberta", "vocab_size": 61, "hidden_size": 30, "intermediate_size": 50,
           "num_hidden_layers": 2, "num_attention_heads": 3, "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
           "attention_probs_dropout_prob": 0.1, "max_position_embeddings": 50, "type_vocab_size": 1,
           "initializer_range": 0.02, "layer_norm_eps": 1e-5, "bos_token_id": 0, "eos_token_id": 2,
           "pad_token_id": 1, "torch_dtype": "float32"}
PADS = [{"pad_token_id": 0}]
roberta = maker("roberta", ROBERTA, pad_id=1)

ROBERTA_CASES = [
    roberta("plain", "RobertaModel", "the bare model without prefix, with its pooler; positions count from "
            "pad_token_id + 1", [*HEADS, *PADS], {"num_hidden_layers": 3}),
    roberta("masked-lm", "RobertaForMaskedLM", "tied head with exact GELU", [*HEADS, *PADS],
            faint=[{"layer_norm_eps": 1e-3}]),
    roberta("head-gelu", "RobertaForMaskedLM", "hidden_act relu, yet the head has the exact GELU; config as "
            "transformers 5 saves it", [{"hidden_act": "gelu"}], {"hidden_act": "relu"}, saved_config=True),
    roberta("pads-inside", "RobertaForMaskedLM", "padding ids among the tokens: they have position pad_token_id, and "
            "the count goes on after them", PADS, pads_at=[2, 3, 9, 30]),
    roberta("pad-5", "RobertaForMaskedLM", "pad_token_id 5; segment ids with type_vocab_size 2",
            [{"pad_token_id": 1}], {"pad_token_id": 5, "type_vocab_size": 2}, pad_id=5, segments=2),
    roberta("classify", "RobertaForSequenceClassification", "dense, tanh, out_proj on the first token; no pooler",
            HEADS, labels(3)),
    roberta("tokens", "RobertaForTokenClassification", "a label per token", HEADS, labels(5)),
    roberta("answers", "RobertaForQuestionAnswering", "start and end of an answer", HEADS),
    roberta("choice", "RobertaForMultipleChoice", "the three sequences are the choices of one question, by the "
            "pooler", HEADS),
]

DISTILBERT = {"model_type": "distilbert", "activation": "gelu", "attention_dropout": 0.1, "dim": 30, "dropout": 0.1,
              "hidden_dim": 50, "initializer_range": 0.02, "max_position_embeddings": 48, "n_heads": 3, "n_layers": 2,
              "pad_token_id": 0, "qa_dropout": 0.1, "seq_classif_dropout": 0.2, "sinusoidal_pos_embds": False,
              "tie_weights_": True, "vocab_size": 61, "torch_dtype": "float32"}
N_HEADS = [{"n_heads": 6}]
distilbert = maker("distilbert", DISTILBERT)

DISTILBERT_CASES = [
    distilbert("plain", "DistilBertModel", "the bare model without prefix; no segments, no pooler", N_HEADS,
               {"n_layers": 3}),
    distilbert("masked-lm", "DistilBertForMaskedLM", "tied projector with a bias of its own",
               [*N_HEADS, {"activation": "relu"}]),
    distilbert("relu", "DistilBertForMaskedLM", "activation relu, in the head too; config as transformers 5 saves it",
               [{"activation": "gelu"}], {"activation": "relu"}, saved_config=True),
    distilbert("sinusoidal", "DistilBertForMaskedLM", "sinusoidal_pos_embds, and no table in the checkpoint: sines "
               "in even, cosines in odd columns", N_HEADS, {"sinusoidal_pos_embds": True},
               without_tensors=["position_embeddings.weight"]),
    distilbert("sinusoidal-stored", "DistilBertForMaskedLM", "sinusoidal_pos_embds with a table in the checkpoint, "
               "which is used", N_HEADS, {"sinusoidal_pos_embds": True}),
    distilbert("classify", "DistilBertForSequenceClassification", "pre_classifier, ReLU, classifier on the first "
               "token", N_HEADS, labels(3)),
    distilbert("tokens", "DistilBertForTokenClassification", "a label per token", N_HEADS, labels(5)),
    distilbert("answers", "DistilBertForQuestionAnswering", "start and end of an answer", N_HEADS),
    distilbert("choice", "DistilBertForMultipleChoice", "the three sequences are the choices of one question",
               N_HEADS),
]

CAMEMBERT = {**ROBERTA, "model_type": "camembert", "bos_token_id": 5, "eos_token_id": 6}
camembert = maker("camembert", CAMEMBERT, pad_id=1)

XLM_ROBERTA = {**ROBERTA, "model_type": "xlm-roberta", "output_past": True, "position_embedding_type": "absolute"}
xlm_roberta = maker("xlm-roberta", XLM_ROBERTA, pad_id=1)

XLM_ROBERTA_CASES = [
    camembert("masked-lm", "CamembertForMaskedLM", "RoBERTa under the name camembert; tensors have the roberta. "
              "prefix; config as transformers 5 saves it", [*HEADS, *PADS], saved_config=True),
    xlm_roberta("plain", "XLMRobertaModel", "the bare model without prefix, as embedding models publish it",
                [*HEADS, *PADS], {"num_hidden_layers": 3}),
    xlm_roberta("masked-lm", "XLMRobertaForMaskedLM", "tied head; tensors have the roberta. prefix",
                [*HEADS, *PADS]),
    xlm_roberta("reranker", "XLMRobertaForSequenceClassification", "a cross-encoder: one label; config as "
                "transformers 5 saves it", HEADS, labels(1), saved_config=True),
]

ELECTRA = {"model_type": "electra", "vocab_size": 61, "embedding_size": 20, "hidden_size": 30,
           "intermediate_size": 50, "num_hidden_layers": 2, "num_attention_heads": 3, "hidden_act": "gelu",
           "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1, "max_position_embeddings": 48,
           "type_vocab_size": 2, "initializer_range": 0.02, "layer_norm_eps": 1e-12, "pad_token_id": 0,
           "summary_type": "first", "summary_use_proj": True, "summary_activation": "gelu",
           "summary_last_dropout": 0.1, "torch_dtype": "float32"}
RELU = {"hidden_act": "relu"}
electra = maker("electra", ELECTRA, segments=2)

ELECTRA_CASES = [
    electra("plain", "ElectraModel", "the bare model without prefix: embeddings_project from embedding_size to "
            "hidden_size after the norm; no pooler", HEADS, {"num_hidden_layers": 3}),
    electra("square", "ElectraModel", "embedding_size equal to hidden_size: no embeddings_project", HEADS,
            {"embedding_size": 30}),
    electra("generator", "ElectraForMaskedLM", "down to embedding_size, exact GELU whatever hidden_act says, norm, "
            "tied generator_lm_head with its bias", [{"hidden_act": "gelu"}], RELU),
    electra("discriminator", "ElectraForPreTraining", "was the token replaced? one logit per token; hidden_act in "
            "the head", [{"hidden_act": "gelu"}], RELU),
    electra("classify", "ElectraForSequenceClassification", "dense, exact GELU whatever hidden_act says, out_proj; "
            "config as transformers 5 saves it", [{"hidden_act": "gelu"}], {**RELU, **labels(3)}, saved_config=True),
    electra("tokens", "ElectraForTokenClassification", "a label per token", HEADS, labels(5)),
    electra("answers", "ElectraForQuestionAnswering", "start and end of an answer", HEADS),
    electra("choice", "ElectraForMultipleChoice", "the three sequences are the choices of one question: first token, "
            "sequence_summary.summary, GELU, classifier", [*HEADS, {"summary_activation": "tanh"}]),
]

ALBERT = {"model_type": "albert", "vocab_size": 61, "embedding_size": 20, "hidden_size": 30, "num_hidden_layers": 3,
          "num_hidden_groups": 1, "inner_group_num": 1, "num_attention_heads": 3, "intermediate_size": 50,
          "hidden_act": "gelu_new", "hidden_dropout_prob": 0, "attention_probs_dropout_prob": 0,
          "classifier_dropout_prob": 0.1, "max_position_embeddings": 48, "type_vocab_size": 2,
          "initializer_range": 0.02, "layer_norm_eps": 1e-12, "pad_token_id": 0, "bos_token_id": 2,
          "eos_token_id": 3, "down_scale_factor": 1, "gap_size": 0, "net_structure_type": 0, "num_memory_blocks": 0}
albert = maker("albert", ALBERT, segments=2)

ALBERT_CASES = [
    albert("plain", "AlbertModel", "the bare model without prefix, with its pooler: one layer used three times",
           [*HEADS, {"num_hidden_layers": 4}, {"hidden_act": "relu"}]),
    albert("masked-lm", "AlbertForMaskedLM", "down to embedding_size, hidden_act, norm, tied decoder",
           [*HEADS, {"hidden_act": "relu"}], {"num_hidden_layers": 2}, faint=[{"hidden_act": "gelu"}]),
    albert("groups", "AlbertModel", "5 layers in 2 groups: layers 0 to 2 are group 0, 3 and 4 group 1; exact GELU",
           [{"num_hidden_layers": 4}], {"num_hidden_layers": 5, "num_hidden_groups": 2, "hidden_act": "gelu"}),
    albert("inner-group", "AlbertModel", "inner_group_num 2: each of the 2 layers is two layers in turn, and hidden "
           "has the output of each; 2 groups; config as transformers 5 saves it", HEADS,
           {"inner_group_num": 2, "num_hidden_groups": 2, "num_hidden_layers": 2}, saved_config=True),
    albert("pretraining", "AlbertForPreTraining", "masked LM and sentence order by the pooler", HEADS),
    albert("classify", "AlbertForSequenceClassification", "pooler, then classifier; relu", [{"hidden_act": "gelu"}],
           {**labels(3), **RELU, "num_hidden_layers": 2}),
    albert("tokens", "AlbertForTokenClassification", "a label per token", HEADS, {**labels(5),
           "num_hidden_layers": 2}),
    albert("answers", "AlbertForQuestionAnswering", "start and end of an answer", HEADS, {"num_hidden_layers": 2}),
    albert("choice", "AlbertForMultipleChoice", "the three sequences are the choices of one question", HEADS,
           {"num_hidden_layers": 2}),
]

MPNET = {"model_type": "mpnet", "vocab_size": 61, "hidden_size": 30, "intermediate_size": 50, "num_hidden_layers": 2,
         "num_attention_heads": 3, "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
         "attention_probs_dropout_prob": 0.1, "max_position_embeddings": 50, "initializer_range": 0.02,
         "layer_norm_eps": 1e-5, "relative_attention_num_buckets": 32, "pad_token_id": 1, "bos_token_id": 0,
         "eos_token_id": 2, "torch_dtype": "float32"}
mpnet = maker("mpnet", MPNET, pad_id=1)

MPNET_CASES = [
    mpnet("plain", "MPNetModel", "the bare model without prefix, with its pooler; one table of biases by relative "
          "position for all layers", [{"hidden_act": "relu"}], {"num_hidden_layers": 3}),
    mpnet("far", "MPNetModel", "longer than the distance 128 from which all positions share a bucket",
          [{"hidden_act": "relu"}], {"max_position_embeddings": 160}, lengths=[5, 17, 150]),
    mpnet("buckets", "MPNetModel", "relative_attention_num_buckets 40: a table of 40 rows, of which 32 are used; "
          "pad_token_id 0, yet positions count from 2, and id 1 has position 1", [{"hidden_act": "relu"}],
          {"relative_attention_num_buckets": 40, "pad_token_id": 0}, pads_at=[2, 9]),
    mpnet("masked-lm", "MPNetForMaskedLM", "tied head with exact GELU whatever hidden_act says; config as "
          "transformers 5 saves it", [{"hidden_act": "gelu"}], RELU, saved_config=True),
    mpnet("classify", "MPNetForSequenceClassification", "dense, tanh, out_proj on the first token",
          [{"hidden_act": "relu"}], labels(3)),
    mpnet("tokens", "MPNetForTokenClassification", "a label per token", [{"hidden_act": "relu"}], labels(5)),
    mpnet("answers", "MPNetForQuestionAnswering", "start and end of an answer", [{"hidden_act": "relu"}]),
    mpnet("choice", "MPNetForMultipleChoice", "the three sequences are the choices of one question, by the pooler",
          [{"hidden_act": "relu"}]),
]

DEBERTA = {"model_type": "deberta", "vocab_size": 61, "hidden_size": 30, "intermediate_size": 50,
           "num_hidden_layers": 2, "num_attention_heads": 3, "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
           "attention_probs_dropout_prob": 0.1, "max_position_embeddings": 48, "relative_attention": True,
           "pos_att_type": "c2p|p2c", "max_relative_positions": -1, "position_biased_input": False,
           "type_vocab_size": 0, "initializer_range": 0.02, "layer_norm_eps": 1e-7, "padding_idx": 0,
           "pad_token_id": 0, "pooler_dropout": 0, "pooler_hidden_act": "gelu"}
MASK_DECODER = [("lm_predictions.lm_head.bias", [61], None), ("mask_predictions.dense.weight", [30, 30], None)]
NO_RELATIVE = [{"relative_attention": False}]
deberta = maker("deberta", DEBERTA)

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
deberta_v2 = maker("deberta-v2", DEBERTA_V2)

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
modernbert = maker("modernbert", MODERNBERT, pad_id=59)

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

ALL = [*BERT_CASES, *ROBERTA_CASES, *DISTILBERT_CASES, *XLM_ROBERTA_CASES, *ELECTRA_CASES, *ALBERT_CASES,
       *MPNET_CASES, *DEBERTA_CASES, *DEBERTA_V2_CASES, *MODERNBERT_CASES]

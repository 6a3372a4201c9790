"""The cases of the encoders' golden files: one config per head and per variant that changes the arithmetic."""

import dataclasses

from cases import ABSENT, Case

# Spread of a weight matrix's output for input of spread 1, by the last part of its name but one; 1.2 for the others.
GAINS = {"position_embeddings": 0.7, "token_type_embeddings": 0.7, "query": 1.7, "key": 1.7, "q_lin": 1.7, "k_lin": 1.7}

TABLES = ()  # modules whose matrix is looked up by row, besides those whose names end in embeddings


@dataclasses.dataclass
class EncoderCase(Case):
    segments: int = 0  # segment ids in use; 0 and 1: none are given
    pad_id: int = 0
    pads_at: list = dataclasses.field(default_factory=list)  # places that hold the padding id, though no padding
    rename: dict = dataclasses.field(default_factory=dict)  # parts of tensor names, as published
    add_prefix: str = ""  # put before the names of the tensors
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


BERT = {"model_type": "bert", "vocab_size": 61, "hidden_size": 36, "intermediate_size": 50, "num_hidden_layers": 2,
        "num_attention_heads": 3, "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1, "max_position_embeddings": 48, "type_vocab_size": 2,
        "initializer_range": 0.02, "layer_norm_eps": 1e-12, "pad_token_id": 0, "position_embedding_type": "absolute",
        "use_cache": True, "classifier_dropout": None, "torch_dtype": "float32"}
HEADS = [{"num_attention_heads": 6}]
bert = maker("bert", BERT, segments=2)

BERT_CASES = [
    bert("plain", "BertModel", "the bare model, tensors without prefix, with its pooler; head dim 12, three layers",
         [*HEADS, {"hidden_act": "relu"}], {"num_hidden_layers": 3}),
    bert("prefixed-base", "BertModel", "the bare model from a checkpoint that has the bert. prefix, the position ids "
         "that old files store, and the masked LM head, which is not read; single sequences, whose segment ids are "
         "all 0", HEADS, segments=0, add_prefix="bert.", extra_tensors=[("bert.embeddings.position_ids", [1, 48], 0.0),
         ("cls.predictions.bias", [61], None), ("cls.predictions.transform.dense.weight", [36, 36], None)]),
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
         "predictions.bias is not", HEADS, {"tie_word_embeddings": False}),
    bert("tied-with-decoder", "BertForMaskedLM", "tie_word_embeddings true, but the checkpoint has another "
         "decoder.weight and decoder.bias, which are used", HEADS,
         extra_tensors=[("cls.predictions.decoder.weight", [61, 36], None),
                        ("cls.predictions.decoder.bias", [61], None)]),
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

ROBERTA = {"model_type": "roberta", "vocab_size": 61, "hidden_size": 36, "intermediate_size": 50,
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

DISTILBERT = {"model_type": "distilbert", "activation": "gelu", "attention_dropout": 0.1, "dim": 36, "dropout": 0.1,
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

ALL = [*BERT_CASES, *ROBERTA_CASES, *DISTILBERT_CASES]

"""BERT and its kin."""

from cases.base import ABSENT, encoders, labels

BERT = {"model_type": "bert", "vocab_size": 61, "hidden_size": 30, "intermediate_size": 50, "num_hidden_layers": 2,
        "num_attention_heads": 3, "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1, "max_position_embeddings": 48, "type_vocab_size": 2,
        "initializer_range": 0.02, "layer_norm_eps": 1e-12, "pad_token_id": 0, "position_embedding_type": "absolute",
        "use_cache": True, "classifier_dropout": None, "torch_dtype": "float32"}
HEADS = [{"num_attention_heads": 6}]
bert = encoders("bert", BERT, segments=2)

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
roberta = encoders("roberta", ROBERTA, pad_id=1)

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
distilbert = encoders("distilbert", DISTILBERT)

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
camembert = encoders("camembert", CAMEMBERT, pad_id=1)

XLM_ROBERTA = {**ROBERTA, "model_type": "xlm-roberta", "output_past": True, "position_embedding_type": "absolute"}
xlm_roberta = encoders("xlm-roberta", XLM_ROBERTA, pad_id=1)

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
electra = encoders("electra", ELECTRA, segments=2)

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
albert = encoders("albert", ALBERT, segments=2)

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
mpnet = encoders("mpnet", MPNET, pad_id=1)

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

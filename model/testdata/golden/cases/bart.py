"""BART, mBART, Marian, Pegasus and M2M-100."""

from cases.base import ABSENT, EOS, ClassifierCase, encoder_decoders, labels
from cases.settings import FULL, GROUPS

BART = {"architectures": ["BartForConditionalGeneration"], "model_type": "bart", "vocab_size": 67, "d_model": 32,
        "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4, "decoder_attention_heads": 4,
        "encoder_ffn_dim": 48, "decoder_ffn_dim": 48, "activation_function": "gelu", "max_position_embeddings": 48,
        "scale_embedding": False, "dropout": 0.1, "attention_dropout": 0.0, "activation_dropout": 0.0,
        "encoder_layerdrop": 0.0, "decoder_layerdrop": 0.0, "init_std": 0.02, "is_encoder_decoder": True,
        "use_cache": True, "num_hidden_layers": 2, "bos_token_id": 0, "pad_token_id": 1, "eos_token_id": EOS,
        "decoder_start_token_id": EOS, "forced_eos_token_id": EOS, "torch_dtype": "float32"}
UNEVEN = {"encoder_layers": 1, "num_hidden_layers": 1, "decoder_layers": 3, "encoder_attention_heads": 2,
          "decoder_attention_heads": 4, "encoder_ffn_dim": 40, "decoder_ffn_dim": 56}
SMALL = {"shared": 0.28, "embed_tokens": 0.28, "embed_positions": 0.35, "out_proj": 0.6, "encoder_attn.out_proj": 0.9,
         "fc1": 3.0, "fc2": 4.0}
ALL_NAMES = {"model.encoder.embed_tokens.weight": "model.shared.weight",
             "model.decoder.embed_tokens.weight": "model.shared.weight", "lm_head.weight": "model.shared.weight"}
HISTORY = {"add_bias_logits": False, "add_final_layer_norm": False, "normalize_before": False,
           "normalize_embedding": True, "static_position_embeddings": False, "gradient_checkpointing": False,
           "classif_dropout": 0.0, "extra_pos_embeddings": 2, "prefix": " "}
bart = encoder_decoders("bart", BART, gains=SMALL)

BART_CASES = [
    bart("plain", "learned positions from row 2 on, norms after the residuals, a bias on the logits; the end token "
         "starts the decoder and is forced at the maximum length", [{"encoder_attention_heads": 2},
         {"decoder_attention_heads": 2}, {"scale_embedding": True}], faint=[{"activation_function": "gelu_new"}],
         generations=FULL + GROUPS),
    bart("scaled-uneven", "embeddings scaled by √d, relu; the decoder is deeper and has other heads and widths than "
         "the encoder", [{"scale_embedding": False}, {"activation_function": "gelu"}, {"encoder_attention_heads": 4}],
         {**UNEVEN, "scale_embedding": True, "activation_function": "relu"},
         generations=["greedy", "beams", "beams several", "beams long"], gains={**SMALL, "embed_positions": 1.2}),
    bart("published", "the settings of generation are in config.json and there is no generation_config.json; the "
         "first token is forced by force_bos_token_to_be_generated; every embedding is stored, and the version "
         "numbers of old files; the wiring keys of old configs, which change nothing", [{"scale_embedding": True}],
         {**HISTORY, "num_beams": 4, "length_penalty": 2.0, "early_stopping": True, "no_repeat_ngram_size": 3,
          "min_length": 6, "max_length": 12, "force_bos_token_to_be_generated": True,
          "task_specific_params": {"summarization": {"num_beams": 2, "max_length": 7}}}, like=ALL_NAMES,
         extra_tensors=[("model.encoder.version", [1], 3.0), ("model.decoder.version", [1], 3.0)],
         generations=["as published"]),
    bart("no-prefix", "names without the model. prefix, no head and no bias on the logits; a generation_config.json, "
         "beside which the settings in config.json do not count", [{"scale_embedding": True}],
         {"num_beams": 3, "max_length": 6, "no_repeat_ngram_size": 1}, drop_prefix="model.",
         without_tensors=["final_logits_bias"], idle=["final_logits_bias"],
         generation_config={"bos_token_id": 0, "decoder_start_token_id": EOS, "eos_token_id": EOS,
                            "pad_token_id": 1, "num_beams": 2, "max_length": 11},
         generations=["as published", "greedy"]),
    bart("untied", "tie_word_embeddings false: the head and the embeddings of both stacks are tensors of their own, "
         "the shared one is not used", [{"encoder_attention_heads": 2}], {"tie_word_embeddings": False},
         idle=["model.shared.weight"], gains={**SMALL, "embed_tokens": 0.7, "lm_head": 1.8}),
]

MBART = {**BART, "architectures": ["MBartForConditionalGeneration"], "model_type": "mbart", "scale_embedding": True,
         "decoder_start_token_id": 61}
WIDE = {"shared": 0.3, "embed_tokens": 0.3, "embed_positions": 1.0}
mbart = encoder_decoders("mbart", MBART, gains=WIDE)

MBART_CASES = [
    mbart("cc25", "norms before the attentions and networks, final norms and embedding norms; scaled embeddings; a "
          "language code starts the decoder", [{"scale_embedding": False}, {"decoder_attention_heads": 2}],
          faint=[{"activation_function": "gelu_new"}], generations=FULL),
    mbart("50", "relu; the end token starts the decoder and a language code is forced after it; uneven depths, heads "
          "and widths; beams are the default of generation_config.json",
          [{"activation_function": "gelu"}, {"scale_embedding": False}],
          {**UNEVEN, "activation_function": "relu", "decoder_start_token_id": EOS},
          generation_config={"bos_token_id": 0, "decoder_start_token_id": EOS, "early_stopping": True,
                             "eos_token_id": EOS, "forced_eos_token_id": EOS, "max_length": 13, "num_beams": 5,
                             "pad_token_id": 1},
          generations=["as published", "language", "greedy", "beams several"]),
    mbart("bos-start", "no decoder_start_token_id: the decoder starts with bos_token_id; untied, unscaled",
          [{"scale_embedding": True}], {"decoder_start_token_id": ABSENT, "scale_embedding": False,
          "tie_word_embeddings": False}, idle=["model.shared.weight"], gains={**WIDE, "embed_tokens": 1.5},
          generations=["greedy", "beams"]),
]

POSITIONS = ["embed_positions.weight"]
MARIAN = {**BART, "architectures": ["MarianMTModel"], "model_type": "marian", "activation_function": "swish",
          "scale_embedding": True, "decoder_vocab_size": 67, "pad_token_id": 66, "decoder_start_token_id": 66,
          "share_encoder_decoder_embeddings": True, "bos_token_id": ABSENT, "static_position_embeddings": True,
          "bad_words_ids": [[66]]}
MARIAN_GENERATION = {"bad_words_ids": [[66]], "decoder_start_token_id": 66, "eos_token_id": EOS,
                     "forced_eos_token_id": EOS, "max_length": 14, "num_beams": 4, "pad_token_id": 66,
                     "renormalize_logits": True}
marian = encoder_decoders("marian", MARIAN, gains=SMALL)

MARIAN_CASES = [
    marian("shared", "sinusoidal positions, sines in the first half; swish; norms after the residuals, none after the "
           "embedding; the padding id starts the decoder and is a bad word, the scores are renormalized",
           [{"scale_embedding": False}, {"activation_function": "relu"}], generation_config=MARIAN_GENERATION,
           generations=["as published", *FULL]),
    marian("separate", "vocabularies of their own for encoder and decoder, the head tied to the decoder's",
           [{"activation_function": "relu"}, {"encoder_attention_heads": 4}],
           {**UNEVEN, "share_encoder_decoder_embeddings": False, "decoder_vocab_size": 53, "pad_token_id": 52,
            "decoder_start_token_id": 52, "bad_words_ids": [[52]]},
           generations=["greedy", "beams", "beams several", "beams words"]),
    marian("separate-untied", "the same with a head of its own; d_model 30", [{"scale_embedding": False}],
           {"share_encoder_decoder_embeddings": False, "decoder_vocab_size": 53, "pad_token_id": 52,
            "decoder_start_token_id": 52, "bad_words_ids": [[52]], "tie_word_embeddings": False, "d_model": 30,
            "encoder_attention_heads": 3, "decoder_attention_heads": 5}, generations=["greedy", "beams"]),
    marian("stored-positions", "the checkpoint has position tables, which are used; every embedding is stored",
           [{"scale_embedding": False}], like=ALL_NAMES, generations=["greedy", "beams"],
           extra_tensors=[("model.encoder.embed_positions.weight", [48, 32], None),
                          ("model.decoder.embed_positions.weight", [48, 32], None)]),
]

PEGASUS = {**BART, "architectures": ["PegasusForConditionalGeneration"], "model_type": "pegasus",
           "activation_function": "relu", "scale_embedding": True, "pad_token_id": 0, "bos_token_id": ABSENT,
           "decoder_start_token_id": 0, "add_final_layer_norm": True, "normalize_before": True,
           "static_position_embeddings": True, "normalize_embedding": False}
pegasus = encoder_decoders("pegasus", PEGASUS, gains=WIDE, without_tensors=POSITIONS)

PEGASUS_CASES = [
    pegasus("plain", "sinusoidal positions, norms before the attentions and networks, final norms; relu; the padding "
            "id starts the decoder", [{"scale_embedding": False}, {"activation_function": "gelu"}], generations=FULL),
    pegasus("stored-positions", "the checkpoint has position tables, which are used; gelu; uneven depths",
            [{"scale_embedding": False}, {"encoder_attention_heads": 4}], {**UNEVEN, "activation_function": "gelu"},
            without_tensors=[], generations=["greedy", "beams", "beams long"]),
    pegasus("unscaled", "embeddings unscaled, untied", [{"scale_embedding": True}], {"scale_embedding": False,
            "tie_word_embeddings": False}, idle=["model.shared.weight"], gains={**WIDE, "embed_tokens": 1.5},
            generations=["greedy", "beams"]),
]

M2M = {**BART, "architectures": ["M2M100ForConditionalGeneration"], "model_type": "m2m_100",
       "activation_function": "relu", "scale_embedding": True, "encoder_layerdrop": 0.05, "decoder_layerdrop": 0.05,
       "forced_eos_token_id": ABSENT}
m2m = encoder_decoders("m2m_100", M2M, gains=WIDE)
SINES = [("model.encoder.embed_positions.weights", [50, 32], None),
         ("model.decoder.embed_positions.weights", [50, 32], None)]

M2M_CASES = [
    m2m("plain", "sinusoidal positions that count from padding id + 1, in float32; norms before the attentions and "
        "networks, final norms, no bias on the logits", [{"scale_embedding": False}, {"activation_function": "gelu"},
        {"encoder_attention_heads": 2}], generations=[*FULL, "language"]),
    m2m("pads-inside", "the padding id inside the sources has position padding id, whose row is zero, and is not "
        "counted; d_model 30", [{"pad_token_id": 0}], {"d_model": 30, "encoder_attention_heads": 3,
        "decoder_attention_heads": 5}, pads_at=[2, 5, 6, 13], generations=["greedy", "beams"]),
    m2m("nllb", "the names of NLLB's files: every embedding is stored, and tables of positions, which are not read; "
        "generation_config.json holds a maximum length only; padding id 3", [{"scale_embedding": False},
        {"pad_token_id": 1}], {**UNEVEN, "pad_token_id": 3, "tokenizer_class": "NllbTokenizer", "max_length": 200},
        like=ALL_NAMES, extra_tensors=SINES, generation_config={"bos_token_id": 0, "decoder_start_token_id": EOS,
        "eos_token_id": EOS, "max_length": 10, "pad_token_id": 3},
        generations=["as published", "language", "beams several"]),
    m2m("beyond-table", "texts longer than max_position_embeddings; untied, unscaled", [{"scale_embedding": True}],
        {"max_position_embeddings": 8, "scale_embedding": False, "tie_word_embeddings": False},
        idle=["model.shared.weight"], gains={**WIDE, "embed_tokens": 1.5}, lengths=[5, 12, 20],
        generations=["greedy", "beams"]),
]

# ---- classifiers ----------------------------------------------------------------------------------------------------

CLASSIFIER = {**{k: v for k, v in BART.items() if k != "forced_eos_token_id"}, **HISTORY, **labels(3),
              "architectures": ["BartForSequenceClassification"], "eos_token_id": 2, "decoder_start_token_id": 2,
              "classifier_dropout": 0.0}
classifier = encoder_decoders("bart", CLASSIFIER, ClassifierCase, gains=SMALL, generations=[])

BART_CLASSIFIER_CASES = [
    classifier("classify", "the decoder reads the source behind decoder_start_token_id; its state at the source's end "
               "token goes through dense, tanh and out_proj of classification_head; three labels",
               [{"encoder_attention_heads": 2}, {"decoder_attention_heads": 2}, {"scale_embedding": True},
                {"decoder_start_token_id": 0}]),
    classifier("classify-pair", "three end tokens in each source, as a pair has: the state at the last one counts; "
               "names without the model. prefix, every embedding is stored; relu", [{"activation_function": "gelu"}],
               {**UNEVEN, "activation_function": "relu"}, ends=3, lengths=[9, 14, 20],
               like={"encoder.embed_tokens.weight": "shared.weight", "decoder.embed_tokens.weight": "shared.weight"},
               drop_prefix="model."),
    classifier("classify-one", "one label; untied embeddings; config as transformers 5 saves it",
               [{"scale_embedding": False}], {**labels(1), "tie_word_embeddings": False, "scale_embedding": True},
               idle=["model.shared.weight"], gains={**SMALL, "embed_tokens": 0.3}, saved_config=True),
]

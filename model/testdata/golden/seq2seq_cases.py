"""The cases of the encoder–decoders' golden files, and the settings their texts are generated with."""

import dataclasses

from cases import ABSENT, Case

# Spread of a weight matrix's output for input of spread 1, by the last part of its name but one; 1.2 for the others.
GAINS = {"shared": 1.5, "embed_tokens": 1.5, "lm_head": 1.8, "relative_attention_bias": 2.0, "embed_positions": 0.7,
         "q": 0.8, "k": 0.8, "o": 1.5, "EncDecAttention.o": 2.0, "wo": 4.0, "q_proj": 1.4, "k_proj": 1.4,
         "out_proj": 1.5, "encoder_attn.out_proj": 2.5, "fc1": 1.6, "fc2": 3.5}
TABLES = ("shared", "embed_tokens", "embed_positions", "relative_attention_bias")  # whose rows are looked up

EOS, START = "eos", "start"  # in a config: the id of the end, chosen so that texts really end, and the first id


@dataclasses.dataclass
class Seq2SeqCase(Case):
    generations: list = dataclasses.field(default_factory=lambda: ["greedy", "beams", "beams several"])
    lengths: list = dataclasses.field(default_factory=lambda: [4, 9, 14])  # of the sources
    targets: list = dataclasses.field(default_factory=lambda: [11, 9, 13])  # lengths of the decoder's inputs
    pads_at: list = dataclasses.field(default_factory=list)  # places of the sources that hold the padding id
    generation_config: dict | None = None  # the contents of the checkpoint's generation_config.json
    rename: dict = dataclasses.field(default_factory=dict)  # parts of tensor names, as published
    like: dict = dataclasses.field(default_factory=dict)  # a further tensor, and the one whose values it repeats
    idle: list = dataclasses.field(default_factory=list)  # endings of names of tensors that change nothing
    without_tensors: list = dataclasses.field(default_factory=list)  # endings of names that the checkpoint lacks
    use_cache: bool = True  # False where the reference fails with a cache

    def __post_init__(self):
        super().__post_init__()
        for name in self.generations:
            if name not in GENERATIONS:
                raise ValueError(f"{self.name}: there are no settings called {name}")

    @property
    def decoder_only(self) -> bool:
        return self.family in ("gpt2", "llama", "gemma2")

    @property
    def prompt(self) -> int:
        return max(self.lengths) - 1 if self.decoder_only else 0

    def published(self, name: str) -> str:
        for old, new in self.rename.items():
            name = name.replace(old, new)
        return name.removeprefix(self.drop_prefix)


# ---- settings -------------------------------------------------------------------------------------------------------
# Each makes the variants to try, the first that serves is kept. c knows the texts found so far: c.common(n) is the nth
# most frequent token of the beams' texts, c.pair(n) the nth most frequent pair, c.rare a token outside of them, c.prompt
# the length of the longest prompt, less one, 0 for encoder–decoders, c.one_beam what makes the checkpoint greedy.

GENERATIONS = {
    "greedy": lambda c: [{**c.one_beam, "max_new_tokens": n} for n in (14, 18, 10)],
    "greedy rules": lambda c: [
        {**c.one_beam, "max_length": c.prompt + n, "repetition_penalty": p, "no_repeat_ngram_size": g}
        for p in (1.2, 1.5) for g in (2, 3) for n in (15, 12)],
    "greedy least": lambda c: [
        {**c.one_beam, "max_length": c.prompt + n, "min_length": c.prompt + m} for m in (8, 6, 10) for n in (15, 12)],
    "greedy source": lambda c: [
        {**c.one_beam, "max_new_tokens": 12, "encoder_repetition_penalty": p} for p in (1.5, 2.5)],
    "greedy unlike source": lambda c: [
        {**c.one_beam, "max_new_tokens": 12, "encoder_no_repeat_ngram_size": n} for n in (3, 2, 1)],
    "beams": lambda c: [{"num_beams": 4, "max_new_tokens": n} for n in (14, 18, 10)],
    "beams long": lambda c: [
        {"num_beams": b, "max_length": c.prompt + n, "length_penalty": p, "early_stopping": True}
        for p in (2.0,) for n in (16, 12, 9) for b in (4, 3, 5)],
    "beams never": lambda c: [
        {"num_beams": b, "max_new_tokens": n, "length_penalty": p, "early_stopping": "never"}
        for p in (0.6, 1.5) for n, b in ((12, 4), (16, 3), (20, 4), (20, 5))],
    "beams short": lambda c: [
        {"num_beams": b, "max_new_tokens": n, "length_penalty": p, "early_stopping": "never"}
        for p in (-0.8, -2.0) for n in (10, 14) for b in (3, 4, 2)],
    "beams several": lambda c: [
        {"num_beams": b, "num_return_sequences": 3, "max_new_tokens": n} for n in (11, 9, 13, 15) for b in (5, 4)],
    "beams words": lambda c: [
        {"num_beams": 4, "max_new_tokens": n, "no_repeat_ngram_size": g, "bad_words_ids": [[c.common(w)], c.pair(v)]}
        for g in (2, 3) for w, v in ((1, 1), (2, 0), (0, 1), (3, 2)) for n in (12,)],
    "beams forced": lambda c: [
        {"num_beams": b, "max_length": n, "forced_bos_token_id": c.rare, "forced_eos_token_id": c.forced}
        for n in (8, 6, 5, 7) for b in (4, 3)],
    "beams least": lambda c: [
        {"num_beams": b, "min_new_tokens": m, "max_new_tokens": n, "repetition_penalty": p}
        for p in (1.05, 1.2) for m, n in ((7, 12), (10, 14), (5, 9)) for b in (4,)],
    "beams suppress": lambda c: [
        {"num_beams": 3, "max_new_tokens": n, "suppress_tokens": sorted({c.common(w), c.common(w + 2)}),
         "begin_suppress_tokens": c.first}
        for w in (0, 1) for n in (12, 9)],
    "beams bias": lambda c: [
        {"num_beams": 3, "max_new_tokens": n, "sequence_bias": [[[c.common(w)], -1.5], [c.new_pair(v), x]],
         "repetition_penalty": 1.3}
        for w in (0, 1) for v in (0, 2) for x in (3.0, 6.0) for n in (11,)],
    "beams decay": lambda c: [
        {"num_beams": b, "max_new_tokens": n, "exponential_decay_length_penalty": [s, f]}
        for s in (3, 5) for f in (1.4, 1.15) for b in (4, 3) for n in (15, 18)],
    "beams source": lambda c: [
        {"num_beams": b, "max_new_tokens": n, "encoder_repetition_penalty": p}
        for p in (1.4, 2.0) for b in (4, 3) for n in (11, 14)],
    "beams unlike source": lambda c: [
        {"num_beams": b, "max_new_tokens": 12, "encoder_no_repeat_ngram_size": n} for n in (2, 1) for b in (3, 4)],
    "beams renormalized": lambda c: [
        {"num_beams": b, "max_new_tokens": n, "repetition_penalty": 1.5, "suppress_tokens": [c.common(w)],
         "renormalize_logits": True}
        for w in (0, 1) for b in (4, 3) for n in (11, 14)],
    "beams two ends": lambda c: [
        {"num_beams": b, "max_new_tokens": n, "eos_token_id": [c.eos, c.common(w)]}
        for w in (2, 1, 3, 0, 4) for b in (3, 4) for n in (12, 15)],
    "groups": lambda c: [
        {"num_beams": 6, "num_beam_groups": 3, "diversity_penalty": p, "num_return_sequences": 3, "max_new_tokens": n}
        for p in (0.8, 1.5) for n in (10, 12)],
    "groups long": lambda c: [
        {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.5, "length_penalty": p, "early_stopping": True,
         "num_return_sequences": 2, "max_new_tokens": n} for p in (2.0, 1.5) for n in (12, 14, 9)],
    "groups rules": lambda c: [
        {"num_beams": 4, "num_beam_groups": 4, "diversity_penalty": p, "num_return_sequences": 4, "max_new_tokens": n,
         "no_repeat_ngram_size": 2} for p in (1.0, 2.0) for n in (10, 13)],
    "language": lambda c: [
        {"num_beams": b, "max_new_tokens": n, "forced_bos_token_id": c.rare} for b in (4, 5, 3) for n in (10, 14)],
    "as published": lambda c: [{}],
}
FULL = ["greedy", "greedy rules", "greedy least", "greedy source", "greedy unlike source", "beams", "beams long",
        "beams never", "beams short", "beams several", "beams words", "beams forced", "beams least", "beams suppress",
        "beams bias", "beams decay", "beams source", "beams unlike source", "beams renormalized", "beams two ends"]
GROUPS = ["groups", "groups long", "groups rules"]
DECODER_ONLY = ["greedy", "greedy rules", "greedy least", "beams", "beams long", "beams never", "beams short",
                "beams several", "beams least", "beams suppress", "beams bias", "beams decay", "beams renormalized",
                "beams two ends"]


def maker(prefix: str, base: dict, **shared):
    """Makes cases of one family."""
    def make(name, note, contrasts, more=None, **rest):
        return Seq2SeqCase(f"{prefix}-{name}", base["model_type"], note, {**base, **(more or {})}, contrasts,
                           **{**shared, **rest})
    return make


# ---- T5 -------------------------------------------------------------------------------------------------------------

T5 = {"architectures": ["T5ForConditionalGeneration"], "model_type": "t5", "vocab_size": 67, "d_model": 32, "d_kv": 8,
      "d_ff": 48, "num_layers": 2, "num_heads": 4, "relative_attention_num_buckets": 32, "dropout_rate": 0.1,
      "layer_norm_epsilon": 1e-6, "initializer_factor": 1.0, "feed_forward_proj": "relu", "is_encoder_decoder": True,
      "use_cache": True, "pad_token_id": 0, "eos_token_id": EOS, "decoder_start_token_id": 0, "n_positions": 512,
      "output_past": True, "torch_dtype": "float32"}
GATED = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False, "relative_attention_max_distance": 128}
HEAD = [("lm_head.weight", [67, 32], None)]
t5 = maker("t5", T5)

T5_CASES = [
    t5("v1", "relu, tied, scaled by 1/√d before the head; no relative_attention_max_distance in the config",
       [{"feed_forward_proj": "gelu"}, {"tie_word_embeddings": False}], generations=FULL + GROUPS),
    t5("flan", "gated-gelu, untied, unscaled; the stored embeddings of both stacks repeat the shared ones; heads × d_kv "
       "is not d_model; dense_act_fn and is_gated_act as published",
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
mt5, umt5 = maker("mt5", MT5), maker("umt5", UMT5)

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

# ---- BART and its kin -----------------------------------------------------------------------------------------------

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
bart = maker("bart", BART, gains=SMALL)

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
mbart = maker("mbart", MBART, gains=WIDE)

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
marian = maker("marian", MARIAN, gains=SMALL)

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
pegasus = maker("pegasus", PEGASUS, gains=WIDE, without_tensors=POSITIONS)

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
m2m = maker("m2m_100", M2M, gains=WIDE)
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

# ---- decoders alone -------------------------------------------------------------------------------------------------

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

DECODER_CASES = [
    maker("gpt2", GPT2)("beams", "beam search from prompts", [{"n_head": 2}], generations=DECODER_ONLY + GROUPS),
    maker("llama", LLAMA)("beams", "beam search from prompts", [{"rope_theta": 100.0}], generations=DECODER_ONLY),
    maker("gemma2", GEMMA2)("beams", "beam search from prompts longer than the window of 6", [{"sliding_window": 32}],
                            generations=DECODER_ONLY),
]

ALL = (T5_CASES + BART_CASES + MT5_CASES + MBART_CASES + MARIAN_CASES + PEGASUS_CASES + M2M_CASES + DECODER_CASES)

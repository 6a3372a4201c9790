"""Models that write texts about pictures: BLIP, BLIP-2, InstructBLIP."""

import dataclasses

import transformers

from cases.base import Case

WORDS = "a an the of on in cat dog mat car house road sits sitting stands big small red blue what is this how many are".split()
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
BERT_WORDS = SPECIAL + WORDS + list("abcdefgho?") + ["##" + c for c in "aeiost"] + ["##ing", "[DEC]", "[ENC]"]


@dataclasses.dataclass
class PictureCase(Case):
    """A model, and what is asked of it: texts (None: no text), and settings of generate()."""

    texts: list = dataclasses.field(default_factory=list)
    settings: list = dataclasses.field(default_factory=list)
    tokenizer: str = "bert"  # of the language model
    end: str = "eos_token_id"  # the key of text_config with the end token
    task: str = "caption"  # or "question", "match"

    GAINS = {"word_embeddings": 1.0, "position_embeddings": 1.0, "embed_tokens": 0.5, "shared": 0.5, "lm_head": 2.0,
             "embed_positions": 0.8, "relative_attention_bias": 1.5, "decoder": 2.0, "language_projection": 1.0,
             "output.dense": 0.5, "self.query": 3.0, "q": 0.8, "o": 3.0, "wo": 3.0, "o_proj": 2.5, "out_proj": 2.5,
             "down_proj": 2.5, "fc2": 2.0, "v": 1.5}
    always_idle = ("key.bias", "k_proj.bias")
    TABLES = ("word_embeddings", "position_embeddings", "embed_tokens", "shared", "embed_positions",
              "relative_attention_bias")

    def rule(self, name: str, shape: list) -> tuple[float, float]:
        if name.endswith(("position_embedding", "class_embedding", "query_tokens")):
            return 0.0, 1.0
        return super().rule(name, shape)


VISION = {"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 3,
          "image_size": 18, "patch_size": 6}
TEXT = {"vocab_size": len(BERT_WORDS), "hidden_size": 20, "intermediate_size": 36, "num_hidden_layers": 3,
        "num_attention_heads": 4, "max_position_embeddings": 40, "bos_token_id": len(BERT_WORDS) - 2,
        "sep_token_id": 3, "pad_token_id": 0, "eos_token_id": 2}
GREEDY = ("greedy", {"max_new_tokens": 10})
BEAMS = ("beams", {"num_beams": 3, "num_return_sequences": 2, "max_new_tokens": 8, "length_penalty": 1.7})
PENALTIES = ("penalties", {"repetition_penalty": 1.6, "no_repeat_ngram_size": 2, "min_length": 9, "max_length": 16})
SOFT = ("penalties", {"repetition_penalty": 1.6, "no_repeat_ngram_size": 2, "min_length": 22, "max_length": 44})
PLAIN = ("as published", {})


def blip(name, note, model_class, task, texts, text=None, vision=None, more=None, settings=None, **rest):
    config = {"model_type": "blip", "architectures": [model_class.__name__], **(more or {}),
              "text_config": {"model_type": "blip_text_model", **TEXT, **(text or {})},
              "vision_config": {"model_type": "blip_vision_model", **VISION, **(vision or {})}}
    case = PictureCase(f"blip-{name}", "blip", note, config, texts=texts, task=task, end="sep_token_id",
                       settings=[PLAIN, GREEDY, BEAMS, PENALTIES] if settings is None else settings, **rest)
    case.model_class = model_class
    return case


BLIP_CASES = [
    blip("caption", "Captions with and without prompt; a picture of another size.",
         transformers.BlipForConditionalGeneration, "caption", [None, "a big cat", "the red"]),
    blip("caption-options", "Another activation and epsilon in each part; a projection to the vocabulary of its own.",
         transformers.BlipForConditionalGeneration, "caption", [None, "what is"],
         {"hidden_act": "quick_gelu", "layer_norm_eps": 0.1, "tie_word_embeddings": False},
         {"hidden_act": "relu", "layer_norm_eps": 0.05}, {"tie_word_embeddings": False}, idle=["cls.predictions.bias"]),
    blip("question", "Answers: a text encoder reads the question and the picture, a decoder what that gives.",
         transformers.BlipForQuestionAnswering, "question", ["what is this?", "how many cat are on the mat?", "red?"],
         {"hidden_size": 24}),
    blip("match", "Image-text matching, and embeddings of both sides.", transformers.BlipForImageTextRetrieval, "match",
         ["a cat on the mat", "dog", "a big red house in the road"], more={"image_text_hidden_size": 7}, settings=[]),
]

QFORMER = {"vocab_size": len(BERT_WORDS), "hidden_size": 20, "intermediate_size": 28, "num_hidden_layers": 4,
           "num_attention_heads": 4, "max_position_embeddings": 32, "pad_token_id": 0}
OPT = {"model_type": "opt", "vocab_size": 288, "hidden_size": 24, "ffn_dim": 40, "num_hidden_layers": 2,
       "num_attention_heads": 3, "max_position_embeddings": 48, "word_embed_proj_dim": 24, "bos_token_id": 2,
       "eos_token_id": 2, "pad_token_id": 1}
T5 = {"model_type": "t5", "vocab_size": 60, "d_model": 24, "d_kv": 8, "d_ff": 36, "num_layers": 2,
      "num_decoder_layers": 2, "num_heads": 3, "relative_attention_num_buckets": 8,
      "relative_attention_max_distance": 12, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False,
      "is_encoder_decoder": True, "bos_token_id": 1, "eos_token_id": 1, "pad_token_id": 0, "decoder_start_token_id": 0}
LLAMA = {"model_type": "llama", "vocab_size": 280, "hidden_size": 24, "intermediate_size": 44, "num_hidden_layers": 2,
         "num_attention_heads": 3, "num_key_value_heads": 3, "max_position_embeddings": 64, "bos_token_id": 1,
         "eos_token_id": 2, "pad_token_id": 0, "tie_word_embeddings": False}
IMAGE_TOKEN = {"opt": 280, "t5": 51, "llama": 276}  # which the tokenizer gets after its own

QUESTIONS = ["Question: what is this? Answer:", "a big"]


def queried(family, name, note, model_class, text_config, texts, task="caption", qformer=None, vision=None, more=None,
            **rest):
    kind = {"blip-2": "blip_2", "instructblip": "instructblip"}[family]
    language = text_config["model_type"]
    config = {"model_type": family, "architectures": [model_class.__name__], "num_query_tokens": 5,
              "text_config": text_config, "image_token_index": IMAGE_TOKEN[language], **(more or {}),
              "qformer_config": {"model_type": f"{kind}_qformer", **QFORMER, **(qformer or {})},
              "vision_config": {"model_type": f"{kind}_vision_model", **VISION, **(vision or {})}}
    settings = [] if task == "match" else [PLAIN, GREEDY, BEAMS, PENALTIES if language == "t5" else SOFT]
    case = PictureCase(f"{family}-{name}", family, note, config, texts=texts, task=task, settings=settings,
                       tokenizer="bert" if task == "match" else language, **rest)
    case.model_class = model_class
    return case


BLIP2_CASES = [
    queried("blip-2", "opt", "Soft tokens into OPT.", transformers.Blip2ForConditionalGeneration, OPT,
            [None, *QUESTIONS]),
    queried("blip-2", "options", "Other activations, epsilons and frequency of cross-attention; no biases of queries.",
            transformers.Blip2ForConditionalGeneration, OPT, [None, "a red"], qformer={
                "hidden_act": "relu", "layer_norm_eps": 0.1, "cross_attention_frequency": 3},
            vision={"hidden_act": "quick_gelu", "layer_norm_eps": 0.05, "qkv_bias": False}),
    queried("blip-2", "flan-t5", "Soft tokens into the encoder of a T5.", transformers.Blip2ForConditionalGeneration, T5,
            [None, *QUESTIONS]),
    queried("blip-2", "match", "Image-text matching, and embeddings of both sides.",
            transformers.Blip2ForImageTextRetrieval, OPT, ["a cat on the mat", "dog", "a big red house in the road"],
            "match", {"use_qformer_text_input": True}, more={"image_text_hidden_size": 7, "image_token_index": None}),
]
LAST_TEXT = ["encoder.layer.3.intermediate.", "encoder.layer.3.output."]  # of texts, which nothing reads
INSTRUCTBLIP_CASES = [
    queried("instructblip", "vicuna", "The Q-Former reads the instruction; soft tokens into LLaMA.",
            transformers.InstructBlipForConditionalGeneration, LLAMA, ["what is this?", "the big cat"], unread=LAST_TEXT),
    queried("instructblip", "flan-t5", "The same with a T5.", transformers.InstructBlipForConditionalGeneration, T5,
            ["what is this?", "the big cat"], unread=LAST_TEXT,
            qformer={"cross_attention_frequency": 1, "hidden_act": "gelu_new"}),
]

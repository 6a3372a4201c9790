"""Decoders that read: embedders, and classifiers with the layer score."""

from cases.base import DecoderCase, encoders, labels
from cases.gemma import GEMMA3
from cases.gpt import GPT2
from cases.llama import LLAMA, MISTRAL, PEAKED, QWEN2, QWEN3


def causal(prefix: str, base: dict, **shared):
    """Makes cases of a family of decoders. The padding id is not the end's, and in use within sequences."""
    base = {k: v for k, v in base.items() if k not in ("architectures", "torch_dtype")} | {"torch_dtype": "float32"}
    return encoders(prefix, base, final_norm=True, arguments={"use_cache": False}, gains=DecoderCase.GAINS, **shared)


PADDED = {"pad_token_id": 3}
QWEN3_EMBEDDING = {**QWEN3, "tie_word_embeddings": True}

CAUSAL_CASES = [
    causal("qwen3", QWEN3_EMBEDDING, offsets=PEAKED)(
        "embedding", "Qwen3Model", "the bare model, as Qwen3-Embedding has it: no prefix and no head",
        [{"rope_theta": 1000.0}]),
    causal("qwen3", QWEN3, offsets=PEAKED)(
        "classify", "Qwen3ForSequenceClassification", "score at the last token that is no padding; one sequence ends in "
        "the padding id", [{"pad_token_id": 5}], {**PADDED, **labels(3)}, pad_id=3, pads_at=[4, 11]),
    causal("qwen2", QWEN2)(
        "classify", "Qwen2ForSequenceClassification", "score of two labels, sliding windows",
        [{"sliding_window": 5}], {**PADDED, **labels(2), "use_sliding_window": True}, pad_id=3),
    causal("llama", LLAMA)(
        "reranker", "LlamaForSequenceClassification", "score of one label", [{"rope_theta": 100.0}],
        {**PADDED, **labels(1)}, pad_id=3, pads_at=[4]),
    causal("llama", LLAMA)(
        "tokens", "LlamaForTokenClassification", "score of each token, with a bias", [{"rope_theta": 100.0}],
        labels(4)),
    causal("mistral", MISTRAL)(
        "classify", "MistralForSequenceClassification", "score behind windows", [{"sliding_window": 5}],
        {**PADDED, **labels(3)}, pad_id=3),
    causal("gpt2", GPT2)(
        "classify", "GPT2ForSequenceClassification", "score of a model with learned positions", [{"n_head": 6}],
        {**PADDED, **labels(3)}, pad_id=3, pads_at=[4]),
    causal("gemma3", GEMMA3, offsets={"q_norm": 0.6, "k_norm": 0.6})(
        "classify", "Gemma3TextForSequenceClassification", "score of the text model", [{"sliding_window": 5}],
        {**PADDED, **labels(3)}, pad_id=3),
]

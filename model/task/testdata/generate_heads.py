"""Writes heads.json.gz: what the reference answers on folders as people publish them.

    env/bin/python generate_heads.py       # with requirements.txt

Each case is a folder, as expected.json.gz has them, and questions with the answers of sentence-transformers 6.2 or of the
pipelines of transformers 5.24. The weights are a formula, see checkpoints.py; tensors that several names share are those
of the checkpoint.
"""

import gzip
import json
import pathlib
import tempfile

import numpy as np
import torch
import transformers
from sentence_transformers import CrossEncoder, SentenceTransformer
from sentence_transformers.quantization import quantize_embeddings
from transformers import AutoTokenizer, pipeline

from checkpoints import BERT, LONG, NER, ROBERTA, bytes_at, files, labels, roberta_files, write
from generate import TEXTS, legacy, modules, rounded

HERE = pathlib.Path(__file__).parent
PAIRS = [["The cat sat on the mat.", "It was a red mat."], ["where does he live", LONG], ["", "yes"]]
NLI = ["contradiction", "neutral", "entailment"]
LLAMA_KEYS = {"vocab_size": 340, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
              "intermediate_size": 48, "max_position_embeddings": 128, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2,
              "head_dim": 8}
QWEN3 = {"model_type": "qwen3", "tie_word_embeddings": True, **LLAMA_KEYS}
GEMMA = {"model_type": "gemma3_text", "use_bidirectional_attention": True, "sliding_window": 8, "query_pre_attn_scalar": 8, **LLAMA_KEYS}
T5 = {"model_type": "t5", "vocab_size": 340, "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4,
      "feed_forward_proj": "relu", "pad_token_id": 1, "eos_token_id": 2}
BART = {"model_type": "bart", "vocab_size": 340, "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 48,
        "decoder_ffn_dim": 48, "encoder_attention_heads": 4, "decoder_attention_heads": 4, "max_position_embeddings": 64,
        "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2, "forced_eos_token_id": 2}


def tokenizer_json(end: bool) -> dict:
    """A byte-level BPE that puts nothing around a text, or its end token after it, as Qwen3-Embedding's does."""
    slow = roberta_files()
    with tempfile.TemporaryDirectory() as folder:
        for name in ("vocab.json", "merges.txt"):
            pathlib.Path(folder, name).write_text(slow[name])
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
        t = Tokenizer(models.BPE.from_file(f"{folder}/vocab.json", f"{folder}/merges.txt"))
    t.pre_tokenizer, t.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    t.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    if end:
        t.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A $B </s>", special_tokens=[("</s>", 2)])
    names = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    return {"tokenizer.json": t.to_str(), "tokenizer_config.json": json.dumps(
        {"tokenizer_class": "PreTrainedTokenizerFast", "padding_side": "left", "model_max_length": 100, **names})}


def cut(text: str) -> str:
    """A tokenizer.json that cuts texts."""
    truncation = {"direction": "Left", "max_length": 9, "strategy": "LongestFirst", "stride": 0}
    return json.dumps(json.loads(text) | {"truncation": truncation}, ensure_ascii=False)


def checkpoint(cls: str, config: dict, texts: dict, class_named: str | None = "", drop: tuple = (), **more) -> dict:
    """A folder of a class. class_named is what the config says instead, None for nothing."""
    config = dict(config, architectures=[cls], **more)
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "config.json").write_text(json.dumps(config))
        model = getattr(transformers, cls)(transformers.AutoConfig.from_pretrained(folder))
        tied = set(model.all_tied_weights_keys)
        state = model.state_dict()
    shapes = {n: list(t.shape) for n, t in state.items() if t.is_floating_point() and n not in tied and not n.startswith(drop)}
    if class_named is None:
        del config["architectures"]
    elif class_named:
        config["architectures"] = [class_named]
    return {"files": texts | {"config.json": json.dumps(config)}, "weights": {"model.safetensors": shapes}}


def beside(c: dict, texts: dict, weights: dict | None = None) -> dict:
    return {"files": c["files"] | texts, "weights": c["weights"] | (weights or {})}


def folder_of(c: dict) -> str:
    folder = pathlib.Path(tempfile.mkdtemp())
    write(folder, c)
    return str(folder)


def vocabulary(config: dict) -> dict:
    return {k: v for k, v in files(config).items() if k != "config.json"}


# questions


def embed(c: dict, **arguments) -> dict:
    if "modules.json" not in c["files"]:  # the library normalises what a plain encoder gives
        arguments["normalize_embeddings"] = True
    model = SentenceTransformer(folder_of(c), device="cpu")
    texts = [*TEXTS, "İSTANBUL ΣΑΣ [MASK] Paris"]
    return {"op": "embed", "texts": texts, "rows": [model.encode(t, **arguments).tolist() for t in texts], "dim": arguments.get("truncate_dim", 0)}


def embed_query(c: dict) -> dict:
    model = SentenceTransformer(folder_of(c), device="cpu")
    return {"op": "query", "texts": TEXTS, "rows": [model.encode_query(t).tolist() for t in TEXTS]}


def similarity(c: dict) -> dict:
    model = SentenceTransformer(folder_of(c), device="cpu")
    x = model.encode(TEXTS)
    return {"op": "similarity", "texts": TEXTS, "rows": model.similarity(x, x).tolist()}


def rerank(c: dict) -> dict:
    model = CrossEncoder(folder_of(c), device="cpu")
    return {"op": "rerank", "pairs": PAIRS, "scores": [float(model.predict([tuple(p)])[0]) for p in PAIRS]}


def classify(c: dict) -> dict:
    p = pipeline("text-classification", model=folder_of(c), device="cpu")
    return {"op": "classify", "texts": TEXTS, "labels": [p([t], top_k=None, truncation=True)[0] for t in TEXTS]}


def fill(c: dict) -> dict:
    p = pipeline("fill-mask", model=folder_of(c), device="cpu")
    text = f"The {p.tokenizer.mask_token} sat on the mat."
    return {"op": "fill", "texts": [text], "fills": [{"id": f["token"], "score": f["score"]} for f in p(text, top_k=4)]}


def next_sentence(c: dict) -> dict:
    folder = folder_of(c)
    t, m = AutoTokenizer.from_pretrained(folder), transformers.BertForNextSentencePrediction.from_pretrained(folder).eval()
    with torch.no_grad():
        scores = [torch.softmax(m(**t(a, b, truncation=True, return_tensors="pt")).logits, -1)[0, 0].item() for a, b in PAIRS]
    return {"op": "next", "pairs": PAIRS, "scores": scores}


def zero_shot(c: dict, **arguments) -> dict:
    p = pipeline("zero-shot-classification", model=folder_of(c), device="cpu")
    names = ["travel", "cooking and wine", "songs"]
    rows = [p(t, candidate_labels=names, **arguments) for t in TEXTS if t]
    return {"op": "zero-shot", "texts": [t for t in TEXTS if t], "names": names, "template": arguments.get("hypothesis_template", ""),
            "multi": arguments.get("multi_label", False),
            "labels": [[{"label": n, "score": s} for n, s in zip(r["labels"], r["scores"], strict=True)] for r in rows]}


def lm_rerank(c: dict, prompt: dict) -> dict:
    """The code of Qwen3-Reranker's model card, pair by pair."""
    folder = folder_of(c)
    t, m = AutoTokenizer.from_pretrained(folder), transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    yes, no = t.convert_tokens_to_ids(prompt["yes"]), t.convert_tokens_to_ids(prompt["no"])
    before, after = t.encode(prompt["prefix"], add_special_tokens=False), t.encode(prompt["suffix"], add_special_tokens=False)
    scores = []
    for query, document in PAIRS:
        text = prompt["beforeQuery"] + query + prompt["beforeDocument"] + document
        ids = before + t(text, truncation="longest_first", max_length=100 - len(before) - len(after))["input_ids"] + after
        with torch.no_grad():
            logits = m(torch.tensor([ids])).logits[0, -1]
        scores.append(torch.log_softmax(torch.stack([logits[no], logits[yes]]), 0)[1].exp().item())
    return {"op": "lm-rerank", "pairs": PAIRS, "prompt": prompt, "scores": scores}


def pairs(c: dict) -> dict:
    p = pipeline("text-classification", model=folder_of(c), device="cpu")
    return {"op": "pairs", "pairs": PAIRS, "labels": [p({"text": a, "text_pair": b}, top_k=None, truncation=True) for a, b in PAIRS]}


def tag(c: dict, **arguments) -> dict:
    p = pipeline("token-classification", model=folder_of(c), aggregation_strategy="simple", device="cpu", **arguments)
    found = [[{"label": e["entity_group"], "score": float(e["score"]), "start": bytes_at(t, e["start"]), "end": bytes_at(t, e["end"])}
              for e in p(t)] for t in TEXTS if t]
    return {"op": "tag", "texts": [t for t in TEXTS if t], "stride": arguments.get("stride", 0), "entities": found}


def windows_left(c: dict) -> dict:
    """The ids of all windows of texts that are cut at the beginning."""
    t, rows = AutoTokenizer.from_pretrained(folder_of(c)), []
    for texts, cut, most, stride in [([LONG], "only_first", 30, 9), ([LONG], "only_first", 64, 0), (["where does he live?", LONG], "only_second", 40, 11),
                                     ([LONG, "yes"], "only_first", 25, 3), ([LONG, LONG[:150]], "longest_first", 21, 0)]:
        e = t(*texts, truncation=cut, max_length=most, stride=stride, return_overflowing_tokens=cut != "longest_first")
        ids = e["input_ids"] if cut != "longest_first" else [e["input_ids"]]
        rows.append({"texts": texts, "cut": cut, "max": most, "stride": stride, "ids": ids})
    return {"op": "windows", "windows": rows}


def quantized() -> dict:
    """Of vectors by a formula, with ranges of some of them."""
    x = (np.round(64 * np.sin(np.arange(7 * 19))) / 64).reshape(7, 19).astype(np.float32)
    out = {"vectors": x.tolist(), "calibration": 4}
    for precision in ("int8", "uint8", "binary", "ubinary"):
        out[precision] = quantize_embeddings(x, precision, calibration_embeddings=x[:4] if "int8" in precision else None).tolist()
    return out


# cases


def head_cases() -> dict:
    words = vocabulary(BERT)
    three = labels(["bad", "fair", "good"])
    one = labels(["LABEL_0"])
    pooling = {"modules.json": modules("Transformer", "Pooling"), "1_Pooling/config.json": legacy("mean_tokens")}
    plain = {
        "bare model named ForMaskedLM": (beside(checkpoint("BertModel", BERT, words, "BertForMaskedLM"), pooling), [embed]),
        "classifier without architectures": (checkpoint("BertForSequenceClassification", BERT, words, None, **three), [classify]),
        "classifier named as the base": (checkpoint("BertForSequenceClassification", BERT, words, "BertModel", **three), [classify]),
        "classifier named ForMaskedLM": (checkpoint("BertForSequenceClassification", BERT, words, "BertForMaskedLM", **three), [classify, embed]),
        "masked LM without architectures": (checkpoint("BertForMaskedLM", BERT, words, None), [fill, embed]),
        "pretraining, two heads": (checkpoint("BertForPreTraining", BERT, words), [fill, next_sentence, embed]),
        "cross-encoder without architectures": (checkpoint("BertForSequenceClassification", BERT, words, None, **one), [rerank]),
    }
    for kind, cls in ("roberta", "Roberta"), ("xlm-roberta", "XLMRoberta"):
        base = ROBERTA | {"model_type": kind}
        plain[f"{kind} classifier without architectures"] = (
            checkpoint(cls + "ForSequenceClassification", base, vocabulary(base), None, **three), [classify])
    return plain


def embedder_cases() -> dict:
    bert = checkpoint("BertModel", BERT, vocabulary(BERT))
    qwen = checkpoint("Qwen3Model", QWEN3, tokenizer_json(end=True))
    gemma = checkpoint("Gemma3TextModel", GEMMA, tokenizer_json(end=True))
    t5 = checkpoint("T5EncoderModel", T5, tokenizer_json(end=True))
    prompts = {"prompts": {"query": "Instruct: find a text\nQuery: ", "document": ""}, "default_prompt_name": None, "similarity_fn_name": "dot"}
    dense = {"in_features": 32, "out_features": 48, "bias": False, "activation_function": "torch.nn.modules.linear.Identity"}
    back = dense | {"in_features": 48, "out_features": 20}
    dotted = [dict(m, path="./" + m["path"] + "/") if m["path"] else m for m in json.loads(modules("Transformer", "Pooling"))]
    static = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.StaticEmbedding"},
              {"idx": 1, "name": "1", "path": "1_Normalize", "type": "sentence_transformers.models.Normalize"}]
    words = {"tokenizer.json": tokenizer_json(end=True)["tokenizer.json"], "modules.json": json.dumps(static)}
    cases = {
        "dotted paths": (beside(bert, {"modules.json": json.dumps(dotted), "1_Pooling/config.json": legacy("cls_token")}), [embed]),
        "last token and instruction": (beside(qwen, {
            "modules.json": modules("Transformer", "Pooling", "Normalize"), "1_Pooling/config.json": legacy("lasttoken", include_prompt=True),
            "config_sentence_transformers.json": json.dumps(prompts)}), [embed, embed_query, similarity]),
        "both ways, mean, two Dense": (beside(gemma, {
            "modules.json": modules("Transformer", "Pooling", "Dense", "Dense", "Normalize"), "1_Pooling/config.json": legacy("mean_tokens"),
            "2_Dense/config.json": json.dumps(dense), "3_Dense/config.json": json.dumps(back)},
            {"2_Dense/model.safetensors": {"linear.weight": [48, 32]}, "3_Dense/model.safetensors": {"linear.weight": [20, 48]}}), [embed]),
        "T5 encoder": (beside(t5, {
            "modules.json": modules("Transformer", "Pooling", "Dense", "Normalize"), "1_Pooling/config.json": legacy("mean_tokens"),
            "2_Dense/config.json": json.dumps(dense)}, {"2_Dense/model.safetensors": {"linear.weight": [48, 32]}}), [embed]),
        "static": ({"files": words, "weights": {"model.safetensors": {"embedding.weight": [340, 24]}}}, [embed]),
        "static of model2vec": ({"files": words, "weights": {"model.safetensors": {"embeddings": [340, 24], "weights": [340]}}}, [embed]),
        "static, cut": ({"files": words | {"tokenizer.json": cut(words["tokenizer.json"])},
                         "weights": {"model.safetensors": {"embedding.weight": [340, 24]}}}, [embed]),
        "truncated": (beside(bert, {"modules.json": modules("Transformer", "Pooling"), "1_Pooling/config.json": legacy("mean_tokens")}),
                      [lambda c: embed(c, truncate_dim=11)]),
    }
    for name in ("cosine", "euclidean", "manhattan"):
        cases["similarity " + name] = (beside(bert, {
            "modules.json": modules("Transformer", "Pooling"), "1_Pooling/config.json": legacy("mean_tokens"),
            "config_sentence_transformers.json": json.dumps({"similarity_fn_name": name})}), [similarity])
    return cases


def cross_cases() -> dict:
    one = checkpoint("BertForSequenceClassification", BERT, vocabulary(BERT), **labels(["LABEL_0"]))
    bert = checkpoint("BertModel", BERT, vocabulary(BERT))
    new = {"modules.json": json.dumps([{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"}]),
           "sentence_bert_config.json": json.dumps({"transformer_task": "sequence-classification", "module_output_name": "scores",
                                                    "modality_config": {"text": {"method": "forward", "method_output_name": "logits"}}})}
    settings = {"model_type": "CrossEncoder", "activation_fn": "torch.nn.modules.linear.Identity", "default_prompt_name": "web",
                "prompts": {"web": "a red "}}
    to_score = {"in_features": 32, "out_features": 1, "bias": True, "activation_function": "torch.nn.modules.linear.Identity",
                "module_output_name": "scores"}
    old = json.loads(one["files"]["config.json"])
    return {
        "cross-encoder 6, Identity and prompt": (beside(one, {**new, "config_sentence_transformers.json": json.dumps(settings)}), [rerank]),
        "cross-encoder 4, Tanh": (beside(one, {"config.json": json.dumps(
            old | {"sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Tanh", "version": "4.1.0"}})}), [rerank]),
        "cross-encoder 3, Identity": (beside(one, {"config.json": json.dumps(
            old | {"sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"})}), [rerank]),
        "cross-encoder with Pooling and Dense": (beside(bert, {
            "modules.json": modules("Transformer", "Pooling", "Dense"), "1_Pooling/config.json": legacy("cls_token"),
            "2_Dense/config.json": json.dumps(to_score), "config_sentence_transformers.json": json.dumps({"model_type": "CrossEncoder"})},
            {"2_Dense/model.safetensors": {"linear.weight": [1, 32], "linear.bias": [1]}}), [rerank]),
        "cross-encoder of a decoder's class": (checkpoint("Qwen3ForSequenceClassification", QWEN3, tokenizer_json(end=False), **labels(["LABEL_0"])), [rerank]),
    }


def nli_cases() -> dict:
    bert = checkpoint("BertForSequenceClassification", BERT, vocabulary(BERT), **labels(NLI))
    first = checkpoint("BertForSequenceClassification", BERT, vocabulary(BERT), **labels(["ENTAILMENT", "not_entailment"]))
    bart = checkpoint("BartForSequenceClassification", BART, roberta_files() | {"tokenizer_config.json": json.dumps(
        {"tokenizer_class": "BartTokenizer", "model_max_length": 60})}, **labels(NLI))

    def multi(c):
        return zero_shot(c, multi_label=True)

    return {
        "BERT for NLI": (bert, [zero_shot, multi, lambda c: zero_shot(c, hypothesis_template="It is about {}.")]),
        "entailment first": (first, [zero_shot, multi]),
        "BART for NLI": (bart, [zero_shot, multi, classify]),
        "BART without architectures": (checkpoint("BartForSequenceClassification", BART, bart["files"], None, **labels(NLI)), [classify]),
    }


def reading_cases() -> dict:
    """Texts that are cut at the beginning, and lower-cased."""
    left = vocabulary(BERT)
    left["tokenizer_config.json"] = json.dumps(json.loads(left["tokenizer_config.json"]) | {"truncation_side": "left", "model_max_length": 30})
    cased = vocabulary(BERT)
    cased["tokenizer_config.json"] = json.dumps(json.loads(cased["tokenizer_config.json"]) | {"do_lower_case": False})
    pooling = {"modules.json": modules("Transformer", "Pooling"), "1_Pooling/config.json": legacy("mean_tokens"),
               "sentence_bert_config.json": json.dumps({"max_seq_length": 40, "do_lower_case": True})}
    return {
        "cut at the beginning": (checkpoint("BertForSequenceClassification", BERT, left, **labels(NLI)), [classify, pairs, embed, zero_shot, windows_left]),
        "tokens cut at the beginning": (checkpoint("BertForTokenClassification", BERT, left, **labels(NER)), [tag, lambda c: tag(c, stride=7)]),
        "lower-cased": (beside(checkpoint("BertModel", BERT, cased), pooling), [embed]),
    }


def decoder_cases() -> dict:
    prompt = {"prefix": "<s>the king ", "beforeQuery": "query: ", "beforeDocument": "\ntext: ", "suffix": "</s>answer: ", "yes": "y", "no": "n"}
    c = checkpoint("Qwen3ForCausalLM", QWEN3, tokenizer_json(end=False))
    return {
        "decoder as classifier": (checkpoint("Qwen3ForSequenceClassification", QWEN3, tokenizer_json(end=True), **labels(NLI)), [classify]),
        "decoder asked yes or no": (c, [lambda c: lm_rerank(c, prompt)]),
    }


def main():
    transformers.logging.set_verbosity_error()
    out = {"cases": [], "quantized": quantized()}
    for name, (c, questions) in {**head_cases(), **embedder_cases(), **cross_cases(), **nli_cases(), **reading_cases(), **decoder_cases()}.items():
        print(name, flush=True)
        out["cases"].append({"name": name, **c, "questions": [q(c) for q in questions]})
    (HERE / "heads.json.gz").write_bytes(gzip.compress((json.dumps(rounded(out), ensure_ascii=False, separators=(",", ":")) + "\n").encode(), mtime=0))


if __name__ == "__main__":
    main()

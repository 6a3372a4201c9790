"""Writes expected.json.gz: what the pipelines of transformers 5.24 and sentence-transformers 6.2 answer on small checkpoints.

    env/bin/python generate.py       # with requirements.txt

The weights are a formula, see checkpoints.py; the file has the configurations and shapes of the checkpoints, and for each
task the inputs and the answers. Places in texts are in bytes. generate_answers.py adds question answering.
"""

import gzip
import json
import pathlib
import tempfile

import numpy as np
import torch
import transformers
from sentence_transformers import CrossEncoder, SentenceTransformer
from transformers import AutoTokenizer, pipeline

from checkpoints import BERT, LONG, NER, ROBERTA, bytes_at, files, formula, labels, write

HERE = pathlib.Path(__file__).parent
TEXTS = ["John Smith lives in Berlin.", "Mary loves the blue river near Pariston, Londonville and Annaberg!", "the quickest runner was eating",
         "", "Café Zürich naïve x-ray 42", LONG]
PAIRS = [["The cat sat on the mat.", "It was a red mat."], ["where does he live", LONG], [LONG, "yes"], [LONG, LONG[:150]], ["", "yes"]]


def checkpoint(cls: str, base: dict = BERT, **more) -> dict:
    config = dict(base, architectures=[cls], **more)
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "config.json").write_text(json.dumps(config))
        model = getattr(transformers, cls)(transformers.AutoConfig.from_pretrained(folder))
        state = model.state_dict()
    shapes = {n: list(t.shape) for n, t in state.items() if t.is_floating_point() and "decoder" not in n}
    return {"files": files(config), "weights": {"model.safetensors": shapes}}


def folder_of(c: dict) -> str:
    folder = pathlib.Path(tempfile.mkdtemp())
    write(folder, c)
    return str(folder)


def fill_mask(c: dict) -> list:
    p = pipeline("fill-mask", model=folder_of(c))
    out = []
    mask = p.tokenizer.mask_token
    for text, kwargs in [("The [MASK] sat on the mat.", {"top_k": 5}), ("[MASK] lives in [MASK].", {"top_k": 3}),
                         ("the old [MASK] loves to sing", {"targets": ["cat", "queen", "wine", "quickest", "zebra", "cat"], "top_k": 9})]:
        text = text.replace("[MASK]", mask)
        masks = p(text, **kwargs)
        if isinstance(masks[0], dict):
            masks = [masks]
        out.append({"text": text, "n": kwargs["top_k"], "words": kwargs.get("targets"), "masks": [
            [{"id": f["token"], "word": f["token_str"], "score": f["score"], "text": f["sequence"]} for f in m] for m in masks]})
    return out


def classify(c: dict) -> list:
    p = pipeline("text-classification", model=folder_of(c))
    out = []
    for name, function in [("auto", None), ("raw", "none"), ("sigmoid", "sigmoid"), ("softmax", "softmax")]:
        kwargs = {"top_k": None, "truncation": True}
        if function:
            kwargs["function_to_apply"] = function
        for text in TEXTS if name == "auto" else TEXTS[:2]:
            out.append({"function": name, "first": text, "labels": p([text], **kwargs)[0]})
        for a, b in PAIRS if name == "auto" else []:
            got = p({"text": a, "text_pair": b}, **kwargs)
            out.append({"function": name, "first": a, "second": b, "labels": got})
    return out


def rerank(c: dict) -> list:
    model = CrossEncoder(folder_of(c))
    out = []
    for function, act in [("auto", None), ("raw", torch.nn.Identity())]:
        kwargs = {"activation_fn": act} if act else {}
        out.append({"function": function, "pairs": PAIRS, "scores": [float(x) for x in model.predict([tuple(p) for p in PAIRS], **kwargs)]})
    ranks = model.rank("who lives in the city", TEXTS)
    out.append({"function": "rank", "query": "who lives in the city", "documents": TEXTS,
                "order": [r["corpus_id"] for r in ranks], "scores": [float(r["score"]) for r in ranks]})
    return out


def tag(c: dict) -> list:
    out = []
    for stride in [0, 8, 20]:
        for strategy in ["none", "simple", "first", "average", "max"]:
            if stride and strategy == "none":
                continue
            kwargs = {"stride": stride} if stride else {}
            p = pipeline("token-classification", model=folder_of(c), aggregation_strategy=strategy, **kwargs)
            for text in TEXTS:
                if text == "":
                    continue
                found = [{"label": e.get("entity_group", e.get("entity")), "score": float(e["score"]),
                          "start": bytes_at(text, e["start"]), "end": bytes_at(text, e["end"])} for e in p(text)]
                out.append({"strategy": strategy, "stride": stride, "text": text, "entities": found})
    return out


def per_sequence(c: dict, cls, pairs: list, shape) -> list:
    folder = folder_of(c)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), cls.from_pretrained(folder).eval()
    scores = []
    for a, b in pairs:
        inputs = tokenizer(a, b, truncation=True, return_tensors="pt")
        with torch.no_grad():
            scores.append(model(**{k: v.reshape(shape + v.shape[1:]) for k, v in inputs.items()}).logits.flatten())
    return torch.stack(scores)


def windows(c: dict) -> list:
    t = AutoTokenizer.from_pretrained(folder_of(c))
    out = []
    cases = [([LONG], True, n, s) for n, s in [(64, 0), (30, 9), (1000, 3)]]
    cases += [(["where does he live?", LONG], "only_second", n, s) for n, s in [(60, 25), (1000, 0)]]
    cases += [([LONG, "where does he live?"], "only_first", n, s) for n, s in [(50, 3)]]
    cases += [([a, b], "longest_first", n, 0) for a, b in PAIRS for n in (64, 21, 10)]
    for texts, how, n, stride in cases:
        e = t(*texts, truncation=how, max_length=n, stride=stride, return_overflowing_tokens=how != "longest_first", return_offsets_mapping=True)
        last = texts[-1]
        all_windows = []
        for k in {0, 1, len(e.encodings) - 1} & set(range(len(e.encodings))):
            enc = e.encodings[k]
            at = [[bytes_at(texts[s], a), bytes_at(texts[s], b)] if s is not None else [0, 0] for (a, b), s in zip(enc.offsets, enc.sequence_ids)]
            all_windows.append({"at": k, "ids": enc.ids, "types": enc.type_ids, "offsets": at,
                                "texts": [-1 if s is None else s for s in enc.sequence_ids],
                                "words": [-1 if w is None else w for w in enc.word_ids]})
        out.append({"count": len(e.encodings), "texts": texts, "cut": how if isinstance(how, str) else "only_first", "max": n, "stride": stride, "windows": all_windows})
    return out


def modules(*names: str, new: bool = False) -> str:
    prefix = "sentence_transformers.sentence_transformer.modules." if new else "sentence_transformers.models."
    base = {"Transformer": "transformer", "Pooling": "pooling", "Dense": "dense", "Normalize": "normalize", "LayerNorm": "layer_norm"}
    rows = []
    for i, n in enumerate(names):
        kind = prefix + n
        if new:
            where = "base.modules" if n in ("Transformer", "Dense", "Normalize") else "sentence_transformer.modules"
            kind = f"sentence_transformers.{where}.{base[n]}.{n}"
        rows.append({"idx": i, "name": str(i), "path": "" if i == 0 else f"{i}_{n}", "type": kind})
    return json.dumps(rows)


LEGACY = ["cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"]


def legacy(*on: str, **more) -> str:
    return json.dumps({"word_embedding_dimension": 32, **{"pooling_mode_" + k: k in on for k in LEGACY}, **more})


PROMPTS = json.dumps({"prompts": {"query": "query: ", "passage": "The passage: "}, "default_prompt_name": "query"})


def embedders() -> dict:
    """name -> files beside those of the encoder, weights, and what it is."""
    length = json.dumps({"max_seq_length": 24, "do_lower_case": False})
    return {
        "mean": ({"modules.json": modules("Transformer", "Pooling", "Normalize"), "1_Pooling/config.json": legacy("mean_tokens"),
                  "sentence_bert_config.json": length}, {}),
        "all poolings, dense": ({
            "modules.json": modules("Transformer", "Pooling", "Dense", "Normalize"), "1_Pooling/config.json": legacy(*LEGACY),
            "2_Dense/config.json": json.dumps({"in_features": 192, "out_features": 20, "bias": True,
                                               "activation_function": "torch.nn.modules.activation.Tanh"}),
            "sentence_bert_config.json": json.dumps({"max_seq_length": 64, "do_lower_case": True})},
            {"2_Dense/model.safetensors": {"linear.weight": [20, 192], "linear.bias": [20]}}),
        "new form, norm, residual": ({
            "modules.json": modules("Transformer", "Pooling", "LayerNorm", "Dense", new=True),
            "1_Pooling/config.json": json.dumps({"embedding_dimension": 32, "pooling_mode": ["lasttoken", "cls"], "include_prompt": True}),
            "2_LayerNorm/config.json": json.dumps({"dimension": 64}),
            "3_Dense/config.json": json.dumps({"in_features": 64, "out_features": 16, "bias": False, "use_residual": True,
                                               "activation_function": "torch.nn.modules.linear.Identity"})},
            {"2_LayerNorm/model.safetensors": {"norm.weight": [64], "norm.bias": [64]},
             "3_Dense/model.safetensors": {"linear.weight": [16, 64], "residual.weight": [16, 64]}}),
        "prompts": ({"modules.json": modules("Transformer", "Pooling"), "config_sentence_transformers.json": PROMPTS,
                     "1_Pooling/config.json": legacy("mean_tokens")}, {}),
        "prompts not pooled": ({"modules.json": modules("Transformer", "Pooling"), "config_sentence_transformers.json": PROMPTS,
                                "1_Pooling/config.json": legacy(*LEGACY, include_prompt=False)}, {}),
        "plain": ({}, {}),
    }


def embed(base: dict) -> list:
    out = []
    for name, (extra, weights) in embedders().items():
        c = {"files": base["files"] | extra, "weights": base["weights"] | weights}
        model = SentenceTransformer(folder_of(c), device="cpu")
        case = {"name": name, "files": extra, "weights": weights, "texts": TEXTS, "length": model.max_seq_length, "runs": []}
        for how, args in {"default": {}, "none": {"prompt": ""}, "passage": {"prompt_name": "passage"}, "given": {"prompt": "a red "}}.items():
            if how == "passage" and not model.prompts.get("passage"):
                continue
            x = model.encode(TEXTS, normalize_embeddings=name == "plain", **args)
            case["runs"].append({"prompt": how, "rows": x.tolist()})
        if name == "prompts":
            case["runs"].append({"prompt": "query", "rows": model.encode_query(TEXTS).tolist()})
            case["runs"].append({"prompt": "document", "rows": model.encode_document(TEXTS).tolist()})
        out.append(case)
    return out


def m3(base: dict) -> dict:
    """FlagEmbedding 1.4: inference/embedder/encoder_only/m3.py and its modeling file, row by row."""
    shapes = {"sparse_linear.safetensors": {"weight": [1, 32], "bias": [1]}, "colbert_linear.safetensors": {"weight": [24, 32], "bias": [24]}}
    folder = folder_of(base)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), transformers.AutoModel.from_pretrained(folder).eval()
    # both files have the same names, and so the formula gives both the same beginning
    w = {f: {n: torch.from_numpy(formula(n, s)) for n, s in t.items()} for f, t in shapes.items()}
    sparse, colbert = w["sparse_linear.safetensors"], w["colbert_linear.safetensors"]
    for f, t in w.items():  # as published: of a layer's state_dict(), which has attributes of its own
        layer = torch.nn.Linear(32, len(t["bias"])).half()
        layer.load_state_dict(t)
        torch.save(layer.state_dict(), HERE / f.replace("safetensors", "pt"))
    rows = []
    for text in TEXTS:
        inputs = tokenizer(text, truncation=True, return_tensors="pt")
        with torch.no_grad():
            h = model(**inputs).last_hidden_state[0]
        weights = torch.relu(h @ sparse["weight"].T + sparse["bias"])[:, 0]
        lexical = {}
        for i, v in zip(inputs["input_ids"][0].tolist(), weights.tolist()):
            if i not in (0, 1, 2, 3) and v > 0:
                lexical[i] = max(lexical.get(i, 0), v)
        vectors = torch.nn.functional.normalize(h[1:] @ colbert["weight"].T + colbert["bias"], dim=-1)
        rows.append({"dense": torch.nn.functional.normalize(h[0], dim=-1), "sparse": lexical, "vectors": vectors})
    q = rows[0]
    scores = []
    for p in rows:
        lexical = sum(v * p["sparse"].get(i, 0) for i, v in q["sparse"].items())
        many = (q["vectors"] @ p["vectors"].T).max(-1).values.mean().item()
        dense = (q["dense"] @ p["dense"]).item()
        scores.append({"dense": dense, "sparse": lexical, "vectors": many, "all": (dense + lexical + many) / 3})
    return {"weights": shapes, "texts": TEXTS, "scores": scores, "rows": [
        {"dense": r["dense"].tolist(), "sparse": {str(k): v for k, v in r["sparse"].items()}, "vectors": r["vectors"].flatten().tolist()} for r in rows]}


def rounded(x):
    if isinstance(x, float):
        return float(f"{x:.6g}")
    if isinstance(x, dict):
        return {k: rounded(v) for k, v in x.items()}
    return [rounded(v) for v in x] if isinstance(x, list) else x


def main():
    checkpoints = {
        "features": checkpoint("BertModel"), "masked": checkpoint("BertForMaskedLM"),
        "single": checkpoint("BertForSequenceClassification", **labels(["bad", "fair", "good"])),
        "multi": checkpoint("BertForSequenceClassification", **labels(["bad", "fair", "good"]), problem_type="multi_label_classification"),
        "regression": checkpoint("BertForSequenceClassification", **labels(["value"]), problem_type="regression"),
        "one": checkpoint("BertForSequenceClassification", **labels(["LABEL_0"])),
        "tokens": checkpoint("BertForTokenClassification", **labels(NER)), "answers": checkpoint("BertForQuestionAnswering"),
        "next": checkpoint("BertForNextSentencePrediction"), "choice": checkpoint("BertForMultipleChoice"),
    }
    for kind, cls in ("roberta", "Roberta"), ("xlm-roberta", "XLMRoberta"):
        base = ROBERTA | {"model_type": kind}
        checkpoints[kind + " masked"] = checkpoint(cls + "ForMaskedLM", base)
        checkpoints[kind + " tokens"] = checkpoint(cls + "ForTokenClassification", base, **labels(NER))
        checkpoints[kind + " answers"] = checkpoint(cls + "ForQuestionAnswering", base)
    c = checkpoints
    choices = [["where does he live", x] for x in ("in Berlin", "the wine is old and red", LONG)]
    expected = {
        "checkpoints": checkpoints, "windows": {n: windows(c[n]) for n in ("features", "roberta masked", "xlm-roberta masked")}, "fillMask": {n: fill_mask(c[n]) for n in c if n.endswith("masked")},
        "classify": {n: classify(c[n]) for n in ("single", "multi", "regression", "one")}, "rerank": rerank(c["one"]), "tag": {n: tag(c[n]) for n in c if n.endswith("tokens")},
        "next": {"pairs": PAIRS, "scores": torch.softmax(per_sequence(c["next"], transformers.BertForNextSentencePrediction, PAIRS, (1,)), -1)[:, 0].tolist()},
        "choice": {"prompt": choices[0][0], "choices": [x for _, x in choices],
                   "scores": torch.softmax(per_sequence(c["choice"], transformers.BertForMultipleChoice, choices, (1, 1)).flatten(), -1).tolist()},
        "embed": embed(c["features"]), "m3": m3(c["features"]),
    }
    (HERE / "expected.json.gz").write_bytes(gzip.compress((json.dumps(rounded(expected), ensure_ascii=False, separators=(",", ":")) + "\n").encode(), mtime=0))


if __name__ == "__main__":
    main()

"""Writes tasks_special.json.gz: what the tasks on text answer, by transformers 5.24 and sentence-transformers 6.2, where texts
spell out special tokens.

    env/bin/python generate_tasks_special.py   # with requirements.txt, after generate.py

checkpoints change files of those in expected.json.gz. Places in texts are in bytes. A text without a mask has no fills.
"""

import gzip
import json
import pathlib
import tempfile

import torch
import transformers
from sentence_transformers import CrossEncoder, SentenceTransformer
from transformers import AutoTokenizer, pipeline

from checkpoints import bytes_at, formula, write
from special import TEXTS, checkpoints, compact, roberta, several, spelled

HERE = pathlib.Path(__file__).parent
PROMPTS = ["", "{cls} find {sep}", "{mask}"]


def folder_of(c: dict) -> str:
    folder = pathlib.Path(tempfile.mkdtemp())
    write(folder, c)
    return str(folder)


def fill_mask(folder: str) -> list:
    p, out = pipeline("fill-mask", model=folder), []
    for text in spelled(p.tokenizer, *TEXTS[:3]):
        for options in {"top_k": 2}, {"top_k": 9, "targets": spelled(p.tokenizer, "{pad}", "{cls}", "{mask}", "cat")}:
            masks = p(text, **options)
            masks = [masks] if isinstance(masks[0], dict) else masks
            out.append({"text": text, "n": options["top_k"], "words": options.get("targets"), "masks": [
                [{"id": f["token"], "word": f["token_str"], "score": f["score"], "text": f["sequence"]} for f in m] for m in masks]})
    return out


def tag(folder: str) -> list:
    out = []
    for strategy, stride in [("none", 0), ("simple", 0), ("first", 0), ("average", 8), ("max", 0)]:
        p = pipeline("token-classification", model=folder, aggregation_strategy=strategy, **({"stride": stride} if stride else {}))
        for text in spelled(p.tokenizer, *(TEXTS[3:] if stride else TEXTS[:3])):
            out.append({"strategy": strategy, "stride": stride, "text": text, "entities": [
                {"label": e.get("entity_group", e.get("entity")), "score": float(e["score"]), "start": bytes_at(text, e["start"]),
                 "end": bytes_at(text, e["end"])} for e in p(text)]})
    return out


def pairs(tokenizer) -> list:
    texts = spelled(tokenizer, *TEXTS)
    return [[a, b] for a in texts[1:] for b in texts[::3]]


def head(folder: str, cls, choice: bool = False) -> dict:
    tokenizer, model = AutoTokenizer.from_pretrained(folder), cls.from_pretrained(folder).eval()
    texts = pairs(tokenizer)[:3] if choice else pairs(tokenizer)
    if choice:
        texts = [[texts[0][0], b] for _, b in texts]
    inputs = [tokenizer(a, b, truncation=True, return_tensors="pt") for a, b in texts]
    with torch.no_grad():
        y = torch.cat([model(**{k: v[None] if choice else v for k, v in i.items()}).logits for i in inputs])
    scores = torch.softmax(y.flatten(), -1) if choice else torch.softmax(y, -1)[:, 0]
    return {"pairs": texts, "scores": scores.tolist()}


def embed(folder: str) -> list:
    model, out = SentenceTransformer(folder, device="cpu"), []
    for prompt in spelled(model.tokenizer, *PROMPTS):
        for text in spelled(model.tokenizer, *TEXTS[:2]):
            out.append({"prompt": prompt, "text": text, "row": model.encode([text], prompt=prompt or None)[0].tolist()})
    return out


def sparse(folder: str) -> list:
    """The sparse weights of FlagEmbedding 1.4, inference/embedder/encoder_only/m3.py."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), transformers.AutoModel.from_pretrained(folder).eval()
    w, b = (torch.from_numpy(formula(n, s)) for n, s in (("weight", [1, 32]), ("bias", [1])))
    out = []
    for text in spelled(tokenizer, *TEXTS[:3]):
        inputs = tokenizer(text, truncation=True, return_tensors="pt")
        with torch.no_grad():
            weights = torch.relu(model(**inputs).last_hidden_state[0] @ w.T + b)[:, 0]
        best = {}
        for i, v in zip(inputs["input_ids"][0].tolist(), weights.tolist()):
            if i not in {tokenizer.cls_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.sep_token_id} and v > 0:
                best[i] = max(best.get(i, 0), v)
        out.append({"text": text, "weights": best})
    return out


def rounded(x):
    if isinstance(x, float):
        return float(f"{x:.8g}")
    if isinstance(x, dict):
        return {k: rounded(v) for k, v in x.items()}
    return [rounded(v) for v in x] if isinstance(x, list) else x


def main():
    plain = json.loads(gzip.decompress((HERE / "expected.json.gz").read_bytes()))["checkpoints"]
    changed = {f"{kind} {head}": {"base": f"roberta {head}" if kind == "roberta" else head, "files": files}
               for kind, files in {"several": several(), "roberta": roberta()}.items() for head in ("masked", "tokens")}
    f = {n: folder_of(c) for n, c in {**plain, **checkpoints(plain, changed)}.items()}
    tokenizer = AutoTokenizer.from_pretrained(f["single"])
    p, cross = pipeline("text-classification", model=f["single"]), CrossEncoder(f["one"])
    pooled = {"modules.json": [{"idx": i, "name": str(i), "path": path, "type": "sentence_transformers.models." + kind}
                               for i, (path, kind) in enumerate([("", "Transformer"), ("1_Pooling", "Pooling")])],
              "1_Pooling/config.json": {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True, "include_prompt": False}}
    pooled = {"base": "features", "files": {n: json.dumps(v) for n, v in pooled.items()}}
    out = {
        "checkpoints": changed | {"embed": pooled},
        "fillMask": {n: fill_mask(f[n]) for n in f if n.endswith("masked")}, "tag": {n: tag(f[n]) for n in f if n.endswith("tokens")},
        "classify": [{"first": t, "labels": p([t], top_k=None, truncation=True)[0]} for t in spelled(tokenizer, *TEXTS)]
        + [{"first": a, "second": b, "labels": p({"text": a, "text_pair": b}, top_k=None, truncation=True)} for a, b in pairs(tokenizer)],
        "rerank": {"pairs": pairs(tokenizer), "scores": [float(cross.predict([tuple(x)])[0]) for x in pairs(tokenizer)]},
        "next": head(f["next"], transformers.BertForNextSentencePrediction), "choice": head(f["choice"], transformers.BertForMultipleChoice, True),
        "embed": embed(folder_of(checkpoints(plain, {"embed": pooled})["embed"])), "sparse": sparse(f["features"]),
    }
    lines = [f"{json.dumps(k)}:{compact(v)}" for k, v in rounded(out).items()]
    (HERE / "tasks_special.json.gz").write_bytes(gzip.compress(("{" + ",\n".join(lines) + "}\n").encode(), mtime=0))


if __name__ == "__main__":
    main()

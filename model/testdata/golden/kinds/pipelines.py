"""What transformers' pipelines make of given logits. golden.py says what a file holds."""

import dataclasses
import json

import numpy as np
import tokenizers
import torch
import transformers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors
from transformers.pipelines.document_question_answering import select_starts_ends

from kinds.reference import pack, uniform

LABELS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "MISC"]
STRATEGIES = ["none", "simple", "first", "average", "max"]
TEXT = "Angela Merkel visited Zwickau-Nord, unbelievably naïve; Zoë Ødegaard 😀 sang there."
WORDS = ("angela mer ##kel visit ##ed z ##wick ##au - nord , un ##bel ##iev ##ably nai ##ve ; zoe ø ##de ##gaard sang "
         "there .").split()
PIECES = "▁Angel a ▁Mer kel ▁visited ▁Z wick au - Nord , ▁un be liev ably ▁na ïve ; ▁Zo ë ▁ de gaard ▁sang ▁there .".split()


def wordpiece():
    """Lower case without accents; words by spaces and punctuation; ## before the parts of a word."""
    vocab = {t: i for i, t in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}
    t = tokenizers.Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=True)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    t.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    t.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    return t, {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}


def unigram():
    """Pieces with ▁ for the space before: no part of a word is marked."""
    vocab = [(p, 0.0) for p in ["<s>", "<pad>", "</s>", "<unk>"]]
    vocab += [(p, -1.0 - i / 64) for i, p in enumerate(PIECES)]
    t = tokenizers.Tokenizer(models.Unigram(vocab, unk_id=3))
    t.pre_tokenizer = pre_tokenizers.Metaspace()
    t.decoder = decoders.Metaspace()
    t.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    t.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    return t, {"pad_token": "<pad>", "unk_token": "<unk>", "cls_token": "<s>", "sep_token": "</s>"}


def tagger(backend, names, limit):
    """The reference's pipeline over a model that is never run."""
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=backend, model_max_length=limit, **names)
    config = transformers.BertConfig(vocab_size=64, hidden_size=4, num_hidden_layers=1, num_attention_heads=1,
                                     intermediate_size=4, id2label=dict(enumerate(LABELS)))
    model = transformers.BertForTokenClassification(config)
    return transformers.pipeline("token-classification", model=model, tokenizer=tokenizer, device="cpu")


def decisive(scores: np.ndarray) -> bool:
    """Whether every token's best label leads clearly."""
    ordered = np.sort(scores, axis=-1)
    return bool((ordered[:, -1] - ordered[:, -2] > 0.05).all())


def tokens_case(name, note, make, limit=1000, stride=None) -> dict:
    backend, names = make()
    pipe = tagger(backend, names, limit)
    options = {"stride": stride, "aggregation_strategy": "simple"} if stride else {}
    windows = list(pipe.preprocess(TEXT, **pipe._sanitize_parameters(**options)[0]))
    for seed in range(1, 500):
        outputs = []
        for i, window in enumerate(windows):
            count = window["input_ids"].shape[1]
            logits = torch.from_numpy(uniform(f"{seed}:{name} {i}", count * len(LABELS)).astype(np.float32)) * 5
            outputs.append({**window, "logits": logits.reshape(1, count, len(LABELS))})
        expected = {s: entities(pipe, outputs, s) for s in (STRATEGIES[1:] if stride else STRATEGIES)}
        different = len({json.dumps([(e["label"], e["start"], e["end"]) for e in v]) for v in expected.values()})
        if all(decisive(o["logits"][0].numpy()) for o in outputs) and different == len(expected):
            break
    else:
        raise ValueError(f"{name}: no seed below 500 tells the strategies apart")
    return {
        "name": name, "note": note, "text": TEXT, "labels": LABELS, "seed": seed,
        **({"limit": limit, "stride": stride} if stride else {}),
        "tokenizer": json.loads(backend.to_str()),
        "windows": [{
            "ids": o["input_ids"][0].tolist(), "tokens": pipe.tokenizer.convert_ids_to_tokens(o["input_ids"][0]),
            "offsets": o["offset_mapping"][0].tolist(), "special": o["special_tokens_mask"][0].tolist(),
            "logits": pack(o["logits"][0])} for o in outputs],
        "expected": expected,
    }


def entities(pipe, outputs, strategy: str) -> list:
    found = pipe.postprocess(outputs, aggregation_strategy=transformers.pipelines.AggregationStrategy(strategy))
    return [{"label": e.get("entity") or e["entity_group"], "score": round(float(e["score"]), 6), "word": e["word"],
             "start": e["start"], "end": e["end"]} for e in found]


def spans_case(name, seed, count, first, limit, top_k, impossible) -> dict:
    """count tokens, of which 0 and those from first to the last but one may be in an answer."""
    start, end = (uniform(f"{seed}:{x}", count).astype(np.float32) * 6 for x in ("start", "end"))
    allowed = np.array([int(i == 0 or first <= i < count - 1) for i in range(count)])
    starts, ends, scores, null = select_starts_ends(
        start[None], end[None], 1 - allowed[None], np.ones((1, count), int), top_k=top_k,
        handle_impossible_answer=impossible, max_answer_len=limit)
    return {"name": name, "top_k": top_k, "max_answer_len": limit, "allowed": allowed.tolist(),
            "start": pack(torch.from_numpy(start)), "end": pack(torch.from_numpy(end)),
            "spans": [[int(s), int(e), float(f"{p:.6g}")] for s, e, p in zip(starts, ends, scores) if p > 0],
            **({"null": float(f"{null:.6g}")} if impossible else {})}




@dataclasses.dataclass
class PipelineCase:
    name: str
    content: object  # makes what the file holds


CASES = [
    PipelineCase("tokens-wordpiece", lambda: tokens_case(
        "tokens-wordpiece", "parts of words are marked ##; accents are gone, an unknown word", wordpiece)),
    PipelineCase("tokens-metaspace", lambda: tokens_case(
        "tokens-metaspace", "a token goes on with a word if there is no space before it; unknown pieces", unigram)),
    PipelineCase("tokens-stride", lambda: tokens_case(
        "tokens-stride", "windows of 14 tokens that overlap by 5", wordpiece, 14, 5)),
    PipelineCase("spans", lambda: {"cases": [
        spans_case("best", 1, 30, 9, 15, 1, False),
        spans_case("five", 2, 30, 9, 15, 5, False),
        spans_case("short", 3, 30, 9, 2, 4, False),
        spans_case("impossible", 4, 30, 9, 15, 3, True),
        spans_case("more-than-there-are", 5, 9, 5, 15, 200, True),
    ]}),
]


def make(case) -> dict:
    return case.content()


def remake(case, stored: dict) -> dict:
    return json.loads(json.dumps(case.content()))


def text(golden: dict) -> str:
    lines = [f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in golden.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"

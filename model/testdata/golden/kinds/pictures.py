"""Models that write texts about pictures, or match both. golden.py says what a file holds."""

import json
import pathlib
import tempfile

import numpy as np
import tokenizers
import torch
import transformers

from cases.blip import BERT_WORDS, WORDS
from kinds.reference import Unfit, check_weights, first_fit, layout, load, make_weights, pack, relative, tensor_rules
from kinds.reference import formula, with_noise

SEEDS, DRAWS, NOISE = 80, 3, 1e-4
SIZES = [[3, 18, 18], [3, 18, 18], [3, 24, 12]]  # of the pictures; the last needs other positions
SPREAD = 1.5  # of the pixels


# ---- processors -----------------------------------------------------------------------------------------------------

def bert():
    return transformers.BertTokenizer(vocab={w: i for i, w in enumerate(BERT_WORDS)}, bos_token="[DEC]",
                                      additional_special_tokens=["[ENC]"])


def byte_level(special: list, size: int):
    t = tokenizers.ByteLevelBPETokenizer()
    t.train_from_iterator([" ".join(WORDS)] * 3, vocab_size=size, show_progress=False, special_tokens=special)
    with tempfile.TemporaryDirectory() as folder:
        t.save_model(folder)
        vocab = pathlib.Path(folder, "vocab.json").read_text()
        merges = pathlib.Path(folder, "merges.txt").read_text().splitlines()[1:]
    return json.loads(vocab), [tuple(m.split(" ")) for m in merges]


def language_tokenizer(case):
    if case.tokenizer == "bert":
        return bert()
    if case.tokenizer == "opt":
        vocab, merges = byte_level(["<s>", "<pad>", "</s>", "<unk>"], 280)
        return transformers.GPT2Tokenizer(vocab=vocab, merges=merges, bos_token="</s>", eos_token="</s>",
                                          unk_token="</s>", pad_token="<pad>", add_bos_token=True)
    pieces = ["▁" + w for w in WORDS] + list("abcdefghimnoqrstuwAQ?:") + ["▁"]
    if case.tokenizer == "t5":
        vocab = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)] + [(p, -2.0 - 0.01 * i) for i, p in enumerate(pieces)]
        return transformers.T5Tokenizer(vocab=vocab, extra_ids=0)
    vocab = {p: i for i, p in enumerate(["<unk>", "<s>", "</s>", *[f"<0x{b:02X}>" for b in range(256)], "▁",
                                         *"abcehinorst", "▁a", "▁t", "▁th", "▁the", "at"])}
    merges = [("▁", "a"), ("▁", "t"), ("▁t", "h"), ("▁th", "e"), ("a", "t")]
    return transformers.LlamaTokenizer(vocab=vocab, merges=merges, pad_token="</s>", add_bos_token=True)


def processor(case):
    size = case.config["vision_config"]["image_size"]
    images = transformers.BlipImageProcessorPil(size={"height": size, "width": size})
    if case.family == "blip":
        return transformers.BlipProcessor(images, language_tokenizer(case))
    tokenizer = language_tokenizer(case)
    queries = case.config["num_query_tokens"]
    if case.task == "match":
        return transformers.Blip2Processor(images, tokenizer)
    at = case.config["image_token_index"]
    tokenizer.add_tokens([tokenizers.AddedToken("<image>", normalized=False, special=True)])
    if tokenizer.convert_tokens_to_ids("<image>") != at:
        raise ValueError(f"{case.name}: <image> has another id than {at}")
    if case.family == "blip-2":
        return transformers.Blip2Processor(images, tokenizer, queries)
    return transformers.InstructBlipProcessor(images, tokenizer, bert(), queries)


def saved(p) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        p.save_pretrained(folder)
        root = pathlib.Path(folder)
        return {f.relative_to(root).as_posix(): f.read_text() for f in sorted(root.rglob("*")) if f.is_file()}


def ask(case, p, text) -> dict:
    """What the processor makes of a text beside a picture."""
    if text is None:
        return {}
    if case.family == "blip" or case.task == "match":
        return {"input_ids": p.tokenizer(text)["input_ids"]}
    image = np.zeros((18, 18, 3), np.uint8)
    out = p(images=image, text=text, return_tensors="pt")
    return {k: out[k][0].tolist() for k in ("input_ids", "qformer_input_ids") if k in out}


# ---- runs -----------------------------------------------------------------------------------------------------------

def rows_of(x: torch.Tensor) -> torch.Tensor:
    """The rows that are kept: the first, the one in the middle and the last."""
    return x[0, [0, x.shape[1] // 2, x.shape[1] - 1]]


def tensors_of(ids: dict) -> dict:
    return {k: torch.tensor([v]) for k, v in ids.items()}


def answer(case, model, pixels, ids: dict) -> list:
    """(name, array) of what the model computes before it writes."""
    at = {"interpolate_pos_encoding": True}
    given = tensors_of(ids)
    if case.family == "blip":
        return blip_answer(case, model, pixels, given, at)
    if case.task == "match":
        return match_answer(model, pixels, given)
    if "input_ids" not in given:
        start = [model.config.image_token_index] * model.config.num_query_tokens + [model.config.text_config.bos_token_id]
        given["input_ids"] = torch.tensor([start])
    if model.config.text_config.is_encoder_decoder:
        given["decoder_input_ids"] = torch.tensor([[0, 7, 9]])
    out = model(pixel_values=pixels, **given, **at)
    queries = model.config.num_query_tokens
    query = out.qformer_outputs[0][:, :queries]
    return [("tower", rows_of(out.vision_outputs[0])), ("queries", rows_of(query)),
            ("words", rows_of(model.language_projection(query))), ("logits", out.logits[0, -1:])]


def blip_answer(case, model, pixels, given: dict, at: dict) -> list:
    seen = model.vision_model(pixel_values=pixels, **at).last_hidden_state
    found = [("tower", rows_of(seen))]
    if case.task == "match":
        out = model(pixel_values=pixels, **given, **at)
        cosine = model(pixel_values=pixels, use_itm_head=False, **given, **at)
        image = torch.nn.functional.normalize(model.vision_proj(seen[:, 0]), dim=-1)
        text = torch.nn.functional.normalize(model.text_proj(cosine.question_embeds[:, 0]), dim=-1)
        return found + [("match", out.itm_score), ("cosine", cosine.itm_score), ("image", image), ("text", text)]
    decoder = model.text_decoder
    start = [[model.config.text_config.bos_token_id]]
    if case.task == "question":
        seen = model.text_encoder(**given, encoder_hidden_states=seen).last_hidden_state
        found.append(("text encoder", rows_of(seen)))
        ids = torch.tensor([[*start[0], 7, 9]])
    else:
        ids = torch.cat([torch.tensor(start), given["input_ids"][:, 1:-1]], 1) if given else torch.tensor(start)
    out = decoder(input_ids=ids, encoder_hidden_states=seen, output_attentions=True)
    return found + [("logits", rows_of(out.logits)), ("cross attention", out.cross_attentions[1][0, 2])]


def match_answer(model, pixels, given: dict) -> list:
    ones = torch.ones_like(given["input_ids"])
    out = model(pixel_values=pixels, use_image_text_matching_head=True, attention_mask=ones, **given)
    near = model(pixel_values=pixels, attention_mask=ones, **given)
    return [("match", out.logits_per_image), ("cosine", near.logits_per_image[:, None]), ("image", near.image_embeds[0]),
            ("text", near.text_embeds)]


def write(case, model, pixels, ids: dict, settings: dict) -> dict:
    """The texts that generate() writes, without what was given, up to and with the end token, and their scores."""
    given = tensors_of(ids)
    skip = given["input_ids"].shape[1] if given else model.config.num_query_tokens + 1 if case.family != "blip" else 2
    if case.task == "question" or model.config.text_config.is_encoder_decoder:
        skip = 1
    elif case.family == "blip":
        skip -= 1
    out = model.generate(pixel_values=pixels, interpolate_pos_encoding=True, return_dict_in_generate=True,
                         output_scores=True, **given, **settings)
    end = getattr(model.config.text_config, case.end)
    texts = [row[:next((i for i, t in enumerate(row) if t == end), len(row) - 1) + 1]
             for row in out.sequences[:, skip:].tolist()]
    scores = getattr(out, "sequences_scores", None)
    return {"ids": texts, **({} if scores is None else {"scores": [float(f"{s:.8g}") for s in scores.tolist()]})}


def pictures(case, seed: int) -> list:
    sizes = SIZES if case.task != "match" or case.family == "blip" else SIZES[:2]  # its class cannot interpolate
    return [formula(seed, f"pixels {i}", s, 0, SPREAD)[None] for i, s in enumerate(sizes)]


def asked(case, p, seed: int) -> list:
    """Each picture with each text, but the second with the first text alone."""
    return [{"picture": i, "text": text, **ask(case, p, text)} for i in range(len(pictures(case, seed)))
            for text in (case.texts[:1] if i == 1 and case.task != "match" else case.texts)]


def of_model(question: dict) -> dict:
    return {k: v for k, v in question.items() if k.endswith("input_ids")}


def everything(case, model, seed: int, questions: list, writing: bool = True) -> list:
    found, pixels = [], pictures(case, seed)
    for q in questions:
        states = answer(case, model, pixels[q["picture"]], of_model(q))
        texts = [{"name": name, **write(case, model, pixels[q["picture"]], of_model(q), settings)}
                 for name, settings in case.settings] if writing else []
        found.append((states, texts))
    return found


def distance(a: list, b: list) -> float:
    return max(relative(x, y) for (one, _), (other, _) in zip(a, b) for (_, x), (_, y) in zip(one, other))


# ---- files ----------------------------------------------------------------------------------------------------------

def with_end(case, config: dict, end: int) -> dict:
    return {**config, "text_config": {**config["text_config"], case.end: end}}


def ends(case, seed: int):
    """End tokens to try: those that texts without an end have after their second token."""
    if case.task == "match":
        return [getattr_end(case)]
    config, shapes = layout(case, with_end(case, case.config, 4))
    with tempfile.TemporaryDirectory() as folder:
        model = load(case, folder, config, make_weights(seed, tensor_rules(case, shapes)))
        texts = [t["ids"][0] for _, ts in everything(case, model, seed, asked(case, processor(case), seed)) for t in ts[:2]]
    late = [t for text in texts for t in text[2:7] if t not in text[:2]]
    return sorted(set(late), key=late.count)[::-1][:6]


def getattr_end(case) -> int:
    return case.config["text_config"].get(case.end, 2)


def golden(case, seed: int, end: int, search: bool) -> dict:
    config, shapes = layout(case, with_end(case, case.config, end))
    tensors = tensor_rules(case, shapes)
    weights, p = make_weights(seed, tensors), processor(case)
    questions = asked(case, p, seed)
    with tempfile.TemporaryDirectory() as folder:
        model = load(case, folder, config, weights)
        found = everything(case, model, seed, questions)
        if search:
            check(case, folder, config, weights, tensors, seed, questions, found, end)
    for q, (states, texts) in zip(questions, found, strict=True):
        q["text_out"] = [p.tokenizer.decode(t["ids"][0], skip_special_tokens=True) for t in texts]
        q["states"] = [{"at": name, **pack(x)} for name, x in states]
        q["generations"] = texts
    return {"name": case.name, "family": case.family, "note": case.note, "task": case.task, "config": config, "seed": seed,
            "end": end, "tensors": tensors, "sizes": [list(x.shape[1:]) for x in pictures(case, seed)], "spread": SPREAD,
            "settings": dict(case.settings), "files": saved(p), "outputs": questions}


def check(case, folder, config, weights, tensors, seed, questions, found, end):
    texts = [t for _, ts in found for t in ts]
    if texts:
        ended = [t["ids"][0][-1] == end and len(t["ids"][0]) > 2 for t in texts]
        if not 0.2 < sum(ended) / len(ended) < 0.9 or len({str(t["ids"]) for t in texts}) < len(texts) / 2:
            raise Unfit(f"{sum(ended)} of {len(ended)} texts end")
    for draw in range(1, DRAWS + 1):
        noisy = load(case, folder, config, with_noise(weights, tensors, draw, NOISE))
        for (_, a), (_, b) in zip(found, everything(case, noisy, seed, questions)):
            if any(x["ids"] != y["ids"] for x, y in zip(a, b)):
                raise Unfit("shaky")
    model = load(case, folder, config, weights)
    check_weights(case, [*model.named_parameters()], 2e-4,
                  lambda: distance(found, everything(case, model, seed, questions, False)))


def make(case) -> dict:
    return first_fit(case, (lambda seed=seed, end=end: golden(case, seed, end, True)
                            for seed in range(1, SEEDS) for end in ends(case, seed)))


def remake(case, stored: dict) -> dict:
    return golden(case, stored["seed"], stored["end"], False)

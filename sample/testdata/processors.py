"""Writes processors.json.gz: what the logits processors of transformers make of scores.

Made with transformers 5.24.0 and torch 2.15.0 on the CPU. The processors come from generate's own
_get_logits_processor, so their order is the reference's. The names of the options are those of the Go fields.
"""
import gzip
import json
import os
import random
from types import SimpleNamespace

import torch
import transformers
from transformers import GenerationConfig, GenerationMixin

HERE = os.path.dirname(os.path.abspath(__file__))
MASK = 0xFFFFFFFF
OLD = transformers.__version__.startswith("4.")


def mix(x):
    x = (x ^ (x >> 16)) * 0x45D9F3B & MASK
    x = (x ^ (x >> 16)) * 0x45D9F3B & MASK
    return x ^ (x >> 16)


def history(ids, seed):
    h = torch.full(ids.shape[:1], seed, dtype=torch.int64)
    for t in ids.T:
        h = mix(h ^ t) + 0x9E3779B9 & MASK
    return h


def allowed(vocab):
    """Four tokens that follow from the text."""

    def fn(batch, ids):
        h = int(history(ids[None], 1)[0])
        return [(h + 7 * j) % vocab for j in range(4)]

    return fn


def arguments(options, eos, most):
    """The options as GenerationConfig has them."""
    kw = {"max_length": most}
    if eos:
        kw["eos_token_id"] = eos
    for ours, theirs in (
        ("EncoderRepetitionPenalty", "encoder_repetition_penalty"),
        ("RepetitionPenalty", "repetition_penalty"),
        ("NoRepeatNGramSize", "no_repeat_ngram_size"),
        ("EncoderNoRepeatNGramSize", "encoder_no_repeat_ngram_size"),
        ("BadWordsIDs", "bad_words_ids"),
        ("MinLength", "min_length"),
        ("MinNewTokens", "min_new_tokens"),
        ("ForcedEOS", "forced_eos_token_id"),
        ("SuppressTokens", "suppress_tokens"),
        ("BeginSuppressTokens", "begin_suppress_tokens"),
        ("RenormalizeLogits", "renormalize_logits"),
    ):
        if ours in options:
            kw[theirs] = options[ours]
    if "SequenceBias" in options:
        kw["sequence_bias"] = {tuple(b["IDs"]): float(b["Bias"]) for b in options["SequenceBias"]}
    if "ForcedBOS" in options:
        kw["forced_bos_token_id"] = options["ForcedBOS"][0]
    if "ExponentialDecayLengthPenalty" in options:
        decay = options["ExponentialDecayLengthPenalty"]
        kw["exponential_decay_length_penalty"] = (decay["Start"], decay["Factor"])
    return kw


def random_options(rng, vocab, prompt, ends):
    """A few options, each of which has something to do."""
    without = []
    if OLD:  # those that 4.55 applies otherwise, to one beam only or not to short texts
        without = ["EncoderRepetitionPenalty", "PrefixAllowedTokens", "ExponentialDecayLengthPenalty"]
        if len(prompt) < 3:
            without += ["SequenceBias", "BadWordsIDs"]
    token = lambda: rng.randrange(vocab)
    make = {
        "SequenceBias": lambda: [
            {"IDs": list(ids), "Bias": rng.choice([-2.5, 0.75, 1.5, 4.0])}
            for ids in {tuple(token() for _ in range(n)) for n in [1, 1, 1, 2, 2, 2, 3] + [2] * min(3 * vocab, 60)}
        ],
        "EncoderRepetitionPenalty": lambda: rng.choice([0.6, 1.5, 3.0]),
        "RepetitionPenalty": lambda: rng.choice([0.7, 1.3, 2.0]),
        "NoRepeatNGramSize": lambda: rng.choice([1, 2, 2, 3]),
        "EncoderNoRepeatNGramSize": lambda: rng.choice([1, 2, 2, 3]),
        "BadWordsIDs": lambda: [[token()], [token(), token()], [token(), token()], [token(), token(), token()]]
        + [[e] for e in ends]
        + [[token(), token()] for _ in range(min(vocab, 30))],
        "MinLength": lambda: len(prompt) + rng.randrange(5),
        "MinNewTokens": lambda: rng.randrange(1, 5),
        "PrefixAllowedTokens": lambda: True,
        "ForcedBOS": lambda: [token()],
        "ForcedEOS": lambda: ends or [token()],
        "ExponentialDecayLengthPenalty": lambda: {"Start": rng.randrange(4), "Factor": rng.choice([0.8, 1.2, 1.7])},
        "SuppressTokens": lambda: [token(), token(), vocab + 3],
        "BeginSuppressTokens": lambda: [token(), token()] + ends[:1],
    }
    options = {}
    for name in rng.sample([n for n in make if n not in without], rng.choice([1, 1, 1, 2, 3, 5])):
        if name != "ExponentialDecayLengthPenalty" or ends:
            options[name] = make[name]()
    for name in "ForcedBOS", "ForcedEOS":
        if set(options.get(name, [-1])) <= set(options.get("SuppressTokens", [])):
            del options["SuppressTokens"]  # refused
    return options


def processors(case):
    options, eos, source = case["processors"], case["eos"], case["encoderIDs"]
    g = GenerationConfig(num_beams=1, num_return_sequences=1, **arguments(options, eos, case["maxLength"]))
    g._eos_token_tensor = torch.tensor(eos) if eos else None
    stub = SimpleNamespace(config=SimpleNamespace(is_encoder_decoder=True))
    stub._merge_criteria_processor_list = lambda default, custom: default
    only = options.get("PrefixAllowedTokens")
    return GenerationMixin._get_logits_processor(
        stub,
        generation_config=g,
        input_ids_seq_length=case["promptLen"],
        encoder_input_ids=torch.tensor([source]) if source else None,
        prefix_allowed_tokens_fn=(lambda batch, ids: only) if only else None,
    )


def main():
    rng = random.Random(1)
    cases = []
    while len(cases) < 400:
        vocab = rng.choice([5, 9, 30, 90])
        text = [rng.randrange(vocab) for _ in range(rng.choice([1, 2, 3, 6, 12]))]
        prompt = rng.choice([1, len(text), max(1, len(text) - 1), max(1, len(text) // 2)])
        source = [rng.randrange(vocab) for _ in range(rng.choice([0, 1, 4, 9]))]
        if rng.random() < 0.4:
            source[:0] = text[-3:] + text
        most = len(text) + rng.choice([1, 1, 2, 9])
        ends = rng.sample(range(vocab), rng.choice([0, 1, 1, 2]))
        options = random_options(rng, vocab, text[:prompt], ends)
        ids = torch.tensor([text])
        if "PrefixAllowedTokens" in options:
            options["PrefixAllowedTokens"] = allowed(vocab)(0, ids[0])
        case = {
            "text": text,
            "promptLen": prompt,
            "encoderIDs": source,
            "eos": ends,
            "maxLength": most,
            "processors": options,
            "logits": [round(rng.gauss(-1, 3), 2) for _ in range(vocab)],
        }
        scores = torch.tensor([case["logits"]])
        for p in processors(case):
            scores = p(ids, scores)
        case["scores"] = [None if s == float("-inf") else s for s in scores[0].tolist()]
        cases.append(case)
    text = "[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n"
    with open(os.path.join(HERE, "processors.json.gz"), "wb") as f:
        f.write(gzip.compress(text.encode(), mtime=0))
    print(len(cases), "cases")


if __name__ == "__main__":
    main()

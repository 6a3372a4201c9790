"""Writes rules.json and beams.json, or groups.json: what the rules and the beam searches of transformers choose.

rules.json and beams.json are made with transformers 5.24.0 and torch 2.15.0 on the CPU; groups.json with transformers
4.55.4, the last to have group beam search, which this script finds out by itself. The processors come from generate's
own _get_logits_processor, and the searches are generate itself, run on a model whose logits are a formula of the tokens
before. Logits are multiples of 2^-17 and so the same in every implementation.
"""
import json
import os
import random
import warnings
from types import SimpleNamespace

import torch
import transformers
from transformers import GenerationConfig, GenerationMixin, PretrainedConfig, PreTrainedModel
from transformers.generation import GenerationMode
from transformers.modeling_outputs import CausalLMOutput

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


def formula(ids, case):
    """Logits from 0 to 8, and a boost for the tokens that end a text."""
    h = history(ids, case["seed"])
    v = torch.arange(case["vocab"])
    x = mix(h[:, None] ^ (v * 0x9E3779B1 & MASK)[None]) >> 12
    logits = x.to(torch.float32) * 2.0**-17
    for t in set(case["rules"].get("EOS", [])):
        logits[:, t] += case["boost"]
    return logits


def allowed(case):
    """Four tokens that follow from the text."""

    def fn(batch, ids):
        h = int(history(ids[None], 1)[0])
        return [(h + 7 * j) % case["vocab"] for j in range(4)]

    return fn


class Config(PretrainedConfig):
    model_type = "formula"


class Formula(PreTrainedModel, GenerationMixin):
    config_class = Config
    main_input_name = "input_ids"

    def __init__(self, case):
        super().__init__(Config(vocab_size=case["vocab"]))
        self.case = case
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def prepare_inputs_for_generation(self, input_ids, **kw):
        return {"input_ids": input_ids}

    def forward(self, input_ids=None, **kw):
        return CausalLMOutput(logits=formula(input_ids, self.case)[:, None])


def rule_arguments(rules):
    kw = {}
    for ours, theirs in (
        ("EncoderRepetitionPenalty", "encoder_repetition_penalty"),
        ("RepetitionPenalty", "repetition_penalty"),
        ("NoRepeatNGram", "no_repeat_ngram_size"),
        ("EncoderNoRepeatNGram", "encoder_no_repeat_ngram_size"),
        ("BadWords", "bad_words_ids"),
        ("MinLength", "min_length"),
        ("MinNew", "min_new_tokens"),
        ("ForcedLast", "forced_eos_token_id"),
        ("Suppress", "suppress_tokens"),
        ("SuppressFirst", "begin_suppress_tokens"),
        ("EOS", "eos_token_id"),
        ("Renormalize", "renormalize_logits"),
        ("MaxLength", "max_length"),
    ):
        if ours in rules:
            kw[theirs] = rules[ours]
    if "SequenceBias" in rules:
        kw["sequence_bias"] = {tuple(b["IDs"]): float(b["Add"]) for b in rules["SequenceBias"]}
    if "ForcedFirst" in rules:
        kw["forced_bos_token_id"] = rules["ForcedFirst"][0]
    if "DecayFactor" in rules:
        kw["exponential_decay_length_penalty"] = (rules["DecayStart"], rules["DecayFactor"])
    return kw


def random_rules(rng, vocab, prompt, most, ends):
    """A few rules, each of which has something to do."""
    without = []
    if OLD:  # those that 4.55 applies otherwise, to one beam only or not to short texts
        without = ["EncoderRepetitionPenalty", "Allowed", "Decay"]
        if len(prompt) < 3:
            without += ["SequenceBias", "BadWords"]
    token = lambda: rng.randrange(vocab)
    make = {
        "SequenceBias": lambda: [
            {"IDs": list(ids), "Add": rng.choice([-2.5, 0.75, 1.5, 4.0])}
            for ids in {tuple(token() for _ in range(n)) for n in [1, 1, 1, 2, 2, 2, 3] + [2] * min(3 * vocab, 60)}
        ],
        "EncoderRepetitionPenalty": lambda: rng.choice([0.6, 1.5, 3.0]),
        "RepetitionPenalty": lambda: rng.choice([0.7, 1.3, 2.0]),
        "NoRepeatNGram": lambda: rng.choice([1, 2, 2, 3]),
        "EncoderNoRepeatNGram": lambda: rng.choice([1, 2, 2, 3]),
        "BadWords": lambda: [[token()], [token(), token()], [token(), token()], [token(), token(), token()]]
        + [[e] for e in ends]
        + [[token(), token()] for _ in range(min(vocab, 30))],
        "MinLength": lambda: len(prompt) + rng.randrange(5),
        "MinNew": lambda: rng.randrange(1, 5),
        "Allowed": lambda: True,
        "ForcedFirst": lambda: [token()],
        "ForcedLast": lambda: ends or [token()],
        "Decay": lambda: None,
        "Suppress": lambda: [token(), token(), vocab + 3],
        "SuppressFirst": lambda: [token(), token()] + ends[:1],
    }
    rules = {"MaxLength": most}
    if ends:
        rules["EOS"] = ends
    for name in rng.sample([n for n in make if n not in without], rng.choice([1, 1, 1, 2, 3, 5])):
        if name == "Decay":
            if ends:
                rules["DecayStart"], rules["DecayFactor"] = rng.randrange(4), rng.choice([0.8, 1.2, 1.7])
        else:
            rules[name] = make[name]()
    for name in "ForcedFirst", "ForcedLast":
        if set(rules.get(name, [-1])) <= set(rules.get("Suppress", [])):
            del rules["Suppress"]  # refused
    return rules


def processors(rules, case, prompt, source):
    g = GenerationConfig(num_beams=1, num_return_sequences=1, **rule_arguments(rules))
    g._eos_token_tensor = torch.tensor(rules["EOS"]) if "EOS" in rules else None
    stub = SimpleNamespace(config=SimpleNamespace(is_encoder_decoder=True))
    stub._merge_criteria_processor_list = lambda default, custom: default
    return GenerationMixin._get_logits_processor(
        stub,
        generation_config=g,
        input_ids_seq_length=prompt,
        encoder_input_ids=torch.tensor([source]) if source else None,
        prefix_allowed_tokens_fn=allowed(case) if rules.get("Allowed") else None,
    )


def rule_cases(rng):
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
        rules = random_rules(rng, vocab, text[:prompt], most, ends)
        logits = [round(rng.gauss(-1, 3), 2) for _ in range(vocab)]
        case = {"vocab": vocab, "text": text, "prompt": prompt, "source": source, "rules": rules, "logits": logits}
        scores = torch.tensor([logits])
        ids = torch.tensor([text])
        for p in processors(rules, case, prompt, source):
            scores = p(ids, scores)
        case["scores"] = [None if s == float("-inf") else s for s in scores[0].tolist()]
        cases.append(case)
    return cases


def search(case):
    """The texts that generate returns, without padding, and their scores."""
    c, rules = case["beams"], case["rules"]
    # With beam sizes of 1 generate takes another way; the search itself has no such limit.
    kw = rule_arguments(rules)
    kw["max_length"] = rules["MaxLength"]
    pad = c["Pad"] if OLD else 10**6
    g = GenerationConfig(
        num_beams=c["Beams"],
        num_return_sequences=c["Beams"],
        length_penalty=c["LengthPenalty"],
        early_stopping=[False, True, "never"][c["EarlyStopping"]],
        pad_token_id=pad,
        use_cache=False,
        do_sample=False,
        return_dict_in_generate=True,
        output_scores=True,
        **({"num_beam_groups": c["Groups"], "diversity_penalty": c["DiversityPenalty"]} if OLD else {}),
        **kw,
    )
    if not OLD:
        g.get_generation_mode = lambda *a: GenerationMode.BEAM_SEARCH
    model = Formula(case)
    model.generation_config = GenerationConfig()
    ids = torch.tensor([case["prompt"]])
    out = model.generate(
        ids,
        generation_config=g,
        prefix_allowed_tokens_fn=allowed(case) if rules.get("Allowed") else None,
    )
    texts = []
    for row, score in zip(out.sequences.tolist(), out.sequences_scores.tolist()):
        n = len(case["prompt"])
        while n < len(row) and row[n] not in (-1, 10**6):
            n += 1
            if row[n - 1] in rules.get("EOS", []):
                break
        texts.append({"ids": row[:n], "score": None if score == float("-inf") else score})
    return texts


def beam_cases(rng, count):
    cases, out = [], 0
    while len(cases) < count:
        vocab = rng.choice([20, 30, 300] if OLD else [5, 6, 8, 20, 300])
        prompt = [rng.randrange(vocab) for _ in range(rng.choice([1, 1, 2, 5]))]
        ends = rng.sample(range(vocab), rng.choice([0, 1, 1, 1, 2]))
        most = len(prompt) + rng.choice([1, 2, 5, 12])
        beams = rng.choice([4, 6, 6, 8]) if OLD else rng.randrange(1, 9)
        c = {
            "Beams": beams,
            "Return": rng.choice([1, beams]),
            "LengthPenalty": rng.choice([-1.0, 0.0, 0.5, 1.0, 1.0, 2.0]),
            "EarlyStopping": rng.randrange(3),
        }
        if OLD:
            c["Groups"] = rng.choice([g for g in range(2, beams + 1) if beams % g == 0])
            c["DiversityPenalty"] = rng.choice([0.25, 0.5, 1.0, 3.0])
            c["Pad"] = rng.randrange(vocab)
            if c["Pad"] in ends:
                c["Pad"] = ends[0]
        rules = {"MaxLength": most}
        if ends:
            rules["EOS"] = ends
        if rng.random() < 0.5:
            rules = random_rules(rng, vocab, prompt, most, ends)
            if rng.random() < 0.2:
                rules["Renormalize"] = True
            if "MinNew" in rules:
                rules.pop("MinLength", 0)  # generate gives MinNew precedence
        case = {
            "vocab": vocab,
            "seed": rng.getrandbits(32),
            "boost": rng.choice([0, 2, 4, 6, 8]),
            "prompt": prompt,
            "beams": c,
            "rules": rules,
        }
        try:
            case["texts"] = search(case)
        except Exception as e:
            print("left out:", type(e).__name__, str(e)[:150], c, rules)
            out += 1
            assert out < count, "too many are left out"
            continue
        scores = [t["score"] for t in case["texts"] if t["score"] is not None and not t["score"] < -1e7]
        if any(s != s for s in scores):
            continue  # where rules leave no token, renormalization gives NaN
        if any(abs(a - b) <= 1e-5 * abs(a) for a, b in zip(scores, scores[1:])):
            continue  # torch's order of equal scores is arbitrary
        case["texts"] = case["texts"][: c["Return"]]
        cases.append(case)
    return cases


def write(name, cases):
    with open(os.path.join(HERE, name), "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
    print(name, len(cases), "cases")


def main():
    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    if OLD:
        write("groups.json", beam_cases(random.Random(3), 150))
        return
    write("rules.json", rule_cases(random.Random(1)))
    write("beams.json", beam_cases(random.Random(2), 400))


main()

"""Writes beams.json.gz, or groups.json.gz: the texts that the beam searches of transformers find.

beams.json.gz is made with transformers 5.24.0 and torch 2.15.0 on the CPU; groups.json.gz with transformers 4.55.4, the last
to have group beam search, which this script finds out by itself. The searches are generate itself, run on a model
whose logits are a formula of the tokens before. Logits are multiples of 2^-17 and so the same in every implementation.
"""
import gzip
import json
import os
import random
import sys
import warnings

import torch
import transformers
from transformers import GenerationConfig, GenerationMixin, PretrainedConfig, PreTrainedModel
from transformers.generation import GenerationMode
from transformers.modeling_outputs import CausalLMOutput

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "..", "..", "testdata"))
from processors import MASK, OLD, allowed, arguments, history, mix, random_options


def formula(ids, case):
    """Logits from 0 to 8, and a boost for the tokens that end a text."""
    h = history(ids, case["seed"])
    v = torch.arange(case["vocab"])
    x = mix(h[:, None] ^ (v * 0x9E3779B1 & MASK)[None]) >> 12
    logits = x.to(torch.float32) * 2.0**-17
    for t in set(case["eos"]):
        logits[:, t] += case["boost"]
    return logits


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


def search(case):
    """The texts that generate returns, without padding, and their scores."""
    c, eos = case["options"], case["eos"]
    # With beam sizes of 1 generate takes another way; the search itself has no such limit.
    groups = {"num_beam_groups": c["NumBeamGroups"], "diversity_penalty": c["DiversityPenalty"]} if OLD else {}
    g = GenerationConfig(
        num_beams=c["NumBeams"],
        num_return_sequences=c["NumBeams"],
        length_penalty=c["LengthPenalty"],
        early_stopping=[False, True, "never"][c["EarlyStopping"]],
        pad_token_id=c["PAD"] if OLD else 10**6,
        use_cache=False,
        do_sample=False,
        return_dict_in_generate=True,
        output_scores=True,
        **groups,
        **arguments(case["processors"], eos, case["maxLength"]),
    )
    if not OLD:
        g.get_generation_mode = lambda *a: GenerationMode.BEAM_SEARCH
    model = Formula(case)
    model.generation_config = GenerationConfig()
    out = model.generate(
        torch.tensor([case["prompt"]]),
        generation_config=g,
        prefix_allowed_tokens_fn=allowed(case["vocab"]) if case["processors"].get("PrefixAllowedTokens") else None,
    )
    texts = []
    for row, score in zip(out.sequences.tolist(), out.sequences_scores.tolist()):
        n = len(case["prompt"])
        while n < len(row) and row[n] not in (-1, 10**6):
            n += 1
            if row[n - 1] in eos:
                break
        texts.append({"ids": row[:n], "score": None if score == float("-inf") else score})
    return texts


def random_case(rng):
    vocab = rng.choice([20, 30, 300] if OLD else [5, 6, 8, 20, 300])
    prompt = [rng.randrange(vocab) for _ in range(rng.choice([1, 1, 2, 5]))]
    ends = rng.sample(range(vocab), rng.choice([0, 1, 1, 1, 2]))
    most = len(prompt) + rng.choice([1, 2, 5, 12])
    beams = rng.choice([4, 6, 6, 8]) if OLD else rng.randrange(1, 9)
    c = {
        "NumBeams": beams,
        "NumReturnSequences": rng.choice([1, beams]),
        "LengthPenalty": rng.choice([-1.0, 0.0, 0.5, 1.0, 1.0, 2.0]),
        "EarlyStopping": rng.randrange(3),
    }
    if OLD:
        c["NumBeamGroups"] = rng.choice([g for g in range(2, beams + 1) if beams % g == 0])
        c["DiversityPenalty"] = rng.choice([0.25, 0.5, 1.0, 3.0])
        c["PAD"] = rng.randrange(vocab)
        if c["PAD"] in ends:
            c["PAD"] = ends[0]
    options = {}
    if rng.random() < 0.5:
        options = random_options(rng, vocab, prompt, ends)
        if rng.random() < 0.2:
            options["RenormalizeLogits"] = True
        if "MinNewTokens" in options:
            options.pop("MinLength", 0)  # generate gives MinNewTokens precedence
    return {
        "vocab": vocab,
        "seed": rng.getrandbits(32),
        "boost": rng.choice([0, 2, 4, 6, 8]),
        "prompt": prompt,
        "eos": ends,
        "maxLength": most,
        "options": c,
        "processors": options,
    }


def cases(rng, count):
    cases, out = [], 0
    while len(cases) < count:
        case = random_case(rng)
        try:
            case["texts"] = search(case)
        except Exception as e:
            print("left out:", type(e).__name__, str(e)[:150], case["options"], case["processors"])
            out += 1
            assert out < count, "too many are left out"
            continue
        scores = [t["score"] for t in case["texts"] if t["score"] is not None and not t["score"] < -1e7]
        if any(s != s for s in scores):
            continue  # where processors leave no token, renormalization gives NaN
        if any(abs(a - b) <= 1e-5 * abs(a) for a, b in zip(scores, scores[1:])):
            continue  # torch's order of equal scores is arbitrary
        case["texts"] = case["texts"][: case["options"]["NumReturnSequences"]]
        cases.append(case)
    return cases


def main():
    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    name, made = ("groups.json.gz", cases(random.Random(3), 150)) if OLD else ("beams.json.gz", cases(random.Random(2), 400))
    text = "[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in made) + "\n]\n"
    with open(os.path.join(HERE, name), "wb") as f:
        f.write(gzip.compress(text.encode(), mtime=0))
    print(name, len(made), "cases")


main()

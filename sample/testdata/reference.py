"""Writes reference.json.gz: what the warpers of transformers, after a few of its processors, make of a few logits.

Made with transformers 5.24.0 and torch 2.15.0 on the CPU. The processors come from generate's own
_get_logits_processor, so their order is the reference's. Scores are float64; float32 must keep the same tokens.
Presence and frequency penalties, which the reference lacks, stand between the repetition penalty and the
temperature as OpenAI defines them.
"""
import gzip
import json
import os
import random
from types import SimpleNamespace

import torch
from transformers import GenerationConfig, GenerationMixin

HERE = os.path.dirname(os.path.abspath(__file__))


def processors(kw):
    g = GenerationConfig(do_sample=True, **kw)
    g._eos_token_tensor = None
    stub = SimpleNamespace(config=SimpleNamespace(is_encoder_decoder=False))
    stub._merge_criteria_processor_list = lambda default, custom: default
    return GenerationMixin._get_logits_processor(stub, generation_config=g, input_ids_seq_length=1)


def reference_config(c):
    kw = {"temperature": c.get("Temperature", 1.0), "top_k": c.get("TopK", 0), "top_p": c.get("TopP", 1.0)}
    for ours, theirs in (("TopH", "top_h"), ("MinP", "min_p"), ("TypicalP", "typical_p"), ("EpsilonCutoff", "epsilon_cutoff"),
                         ("EtaCutoff", "eta_cutoff"), ("RepetitionPenalty", "repetition_penalty")):
        if ours in c:
            kw[theirs] = c[ours]
    if "SequenceBias" in c:
        kw["sequence_bias"] = {tuple(b["IDs"]): b["Bias"] for b in c["SequenceBias"]}
    return kw


def run(c, logits, prompt, generated, dtype):
    scores = torch.tensor([logits], dtype=torch.float32).to(dtype)
    text = torch.tensor([prompt + generated])
    penalised = False
    for p in list(processors(reference_config(c))) + [None]:
        warper = type(p).__name__ not in ("SequenceBiasLogitsProcessor", "RepetitionPenaltyLogitsProcessor")
        if warper and not penalised:
            penalised = True
            scores = scores.clone()
            for t in set(generated):
                scores[0, t] -= c.get("PresencePenalty", 0) + c.get("FrequencyPenalty", 0) * generated.count(t)
        if p is not None:
            scores = p(text, scores)
    return scores.softmax(-1)[0], scores[0].isfinite()


def main():
    rng = random.Random(7)
    vectors = [
        [3, 2, 1.5, 0.5],
        [round(rng.gauss(0, 2.5), 3) for _ in range(24)],
        [round(rng.gauss(-4, 1.2) + (9 if i in (5, 40) else 0), 3) for i in range(72)],
    ]
    configs = [{"Temperature": t} for t in (0.05, 0.7, 1.0, 1.9, 30.0)]
    configs += [{"Temperature": 1.0, "TopK": k} for k in (1, 3, 10, 500)]
    configs += [{"Temperature": 1.0, "TopP": p} for p in (0.01, 0.31, 0.9, 0.997)]
    configs += [{"Temperature": 1.0, "MinP": p} for p in (0.003, 0.07, 0.6, 1.0)]
    configs += [{"Temperature": 1.0, "TypicalP": p} for p in (0.05, 0.3, 0.9)]
    configs += [
        {"Temperature": 0.7, "TopK": 12, "TopP": 0.8},
        {"Temperature": 1.6, "TopP": 0.93, "MinP": 0.11},
        {"Temperature": 1.6, "TopK": 5, "TopP": 0.93, "MinP": 0.02},
        {"Temperature": 2.5, "TopK": 17, "TopP": 0.85, "MinP": 0.02, "TypicalP": 0.6},
        {"Temperature": 1.3, "TopK": 9, "TypicalP": 0.7},
        {"Temperature": 1.3, "TopP": 0.8, "TypicalP": 0.4},
        {"Temperature": 1.0, "RepetitionPenalty": 1.3},
        {"Temperature": 1.0, "RepetitionPenalty": 0.8},
        {"Temperature": 0.6, "RepetitionPenalty": 5.0, "TopP": 0.9},
        {"Temperature": 1.0, "PresencePenalty": 0.9},
        {"Temperature": 1.0, "FrequencyPenalty": 0.45},
        {"Temperature": 1.4, "PresencePenalty": -0.5, "FrequencyPenalty": 0.25},
        {"Temperature": 1.4, "RepetitionPenalty": 1.2, "PresencePenalty": 1.1, "FrequencyPenalty": 0.3},
        {"Temperature": 0.8, "RepetitionPenalty": 1.2, "PresencePenalty": 2.1, "TopK": 6},
        {"Temperature": 1.0, "SequenceBias": [{"IDs": [0], "Bias": -2.5}, {"IDs": [3], "Bias": 4.25}]},
        {"Temperature": 0.5, "SequenceBias": [{"IDs": [0], "Bias": -2.5}, {"IDs": [3], "Bias": 4.25}], "TopP": 0.9},
        {"Temperature": 0.5, "SequenceBias": [{"IDs": [1], "Bias": 1.5}, {"IDs": [2], "Bias": -0.75}], "RepetitionPenalty": 1.7},
        {"Temperature": 1.0, "SequenceBias": [{"IDs": [2], "Bias": -1.75}], "RepetitionPenalty": 1.7, "PresencePenalty": 0.4, "TopK": 7, "TopP": 0.95, "MinP": 0.01},
        {"Temperature": 2.0, "SequenceBias": [{"IDs": [1], "Bias": 6.0}], "FrequencyPenalty": 1.5, "TypicalP": 0.8},
        {"Temperature": 1.1, "RepetitionPenalty": 1.1, "TopK": 40, "TopP": 0.95, "MinP": 0.05},
    ]
    configs += [{"Temperature": 1.0, "EpsilonCutoff": e} for e in (0.0003, 0.02, 0.31, 0.97)]
    configs += [{"Temperature": 1.0, "EtaCutoff": e} for e in (0.0003, 0.02, 0.31, 0.97)]
    configs += [
        {"Temperature": 2.0, "TypicalP": 0.6, "EpsilonCutoff": 0.05},
        {"Temperature": 1.8, "TopP": 0.95, "EtaCutoff": 0.1},
        {"Temperature": 3.0, "TopK": 20, "TypicalP": 0.9, "EpsilonCutoff": 0.01, "EtaCutoff": 0.4},
    ]
    configs += [{"Temperature": 1.0, "TopH": h} for h in (0.05, 0.4, 0.83)]
    configs += [{"Temperature": 2.2, "TopH": 0.7, "TopK": 9}, {"Temperature": 2.2, "TopH": 0.6, "TopP": 0.8, "MinP": 0.03}]
    cases = []
    for c in configs:
        for v, logits in enumerate(vectors):
            prompt = [0, 2, 2, len(logits) - 1]
            generated = [1, 2, 1, 1, len(logits) // 2]
            probs, kept = run(c, logits, prompt, generated, torch.float64)
            _, single = run(c, logits, prompt, generated, torch.float32)
            assert torch.equal(kept, single), (c, v)
            probs = [[i, float(f"{p:.9g}")] for i, p in enumerate(probs.tolist()) if kept[i]]
            cases.append({"config": c, "logits": v, "prompt": prompt, "generated": generated, "probs": probs})
    text = '{"logits": ' + json.dumps(vectors) + ',\n"cases": [\n' + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]}\n"
    with open(os.path.join(HERE, "reference.json.gz"), "wb") as f:
        f.write(gzip.compress(text.encode(), mtime=0))
    print(len(configs), "configurations,", len(cases), "cases")


main()

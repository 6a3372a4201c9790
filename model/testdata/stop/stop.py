"""Writes stop.json: at which token the StopStringCriteria of transformers ends texts.

Made with transformers 5.24.0 and tokenizers 0.23.3. Each tokenizer is trained here, on a few sentences; its tokens are drawn at
random, so that stop strings begin and end within tokens, in the prompt too, and characters are split.
"""
import json
import os
import random

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast
from transformers.generation.stopping_criteria import StopStringCriteria

HERE = os.path.dirname(os.path.abspath(__file__))
SENTENCES = ["the cat sat on the mat.", "a stop, and another stop!", "stopped at the end\n\nUser: naïve café", "ends and ending"] * 5
STOPS = [["stop"], ["the end"], ["\n\n", "User:"], ["a"], [" mat."], ["é"], ["ïv", "nding"], ["<end>"], ["t<end>"], ["sat on the mat. a"]]


def byte_level():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    alphabet = sorted(set("".join(a for s in SENTENCES for a, _ in pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str(s))))
    t.train_from_iterator(SENTENCES, trainers.BpeTrainer(vocab_size=len(alphabet) + 50, special_tokens=["<end>"], initial_alphabet=alphabet, show_progress=False))
    return t


def spaces():
    t = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=True)
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    special = ["<unk>", "<end>"] + [f"<0x{b:02X}>" for b in (0x0A, 0xC3, 0xA9, 0xAF)]
    t.train_from_iterator(SENTENCES, trainers.BpeTrainer(vocab_size=110, special_tokens=special, initial_alphabet=list("abcdef▁"), show_progress=False))
    j = json.loads(t.to_str())
    j["added_tokens"] = [a for a in j["added_tokens"] if not a["content"].startswith("<0x")]
    return Tokenizer.from_str(json.dumps(j))


def first(tokenizer, stop, prompt, ids):
    """The number of generated tokens after which the text ends, 0 if it does not."""
    criteria = StopStringCriteria(tokenizer, stop)
    for n in range(1, len(ids) + 1):
        if criteria(torch.tensor([prompt + ids[:n]]), None)[0].item():
            return n
    return 0


def main():
    rng = random.Random(3)
    out = []
    for make in byte_level, spaces:
        raw = make()
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw)
        vocab = raw.get_vocab_size()
        cases = []
        for stop in STOPS:
            try:
                StopStringCriteria(tokenizer, stop)
            except ValueError:  # no token can end the string
                print(make.__name__, "refuses", stop)
                continue
            counts = {True: 0, False: 0}
            while min(counts.values()) < 3 and sum(counts.values()) < 400:
                text = " ".join(rng.choice(SENTENCES) for _ in range(2))
                ids = raw.encode(text).ids if rng.random() < 0.8 else [rng.randrange(vocab) for _ in range(20)]
                for _ in range(rng.randrange(4)):
                    ids.insert(rng.randrange(len(ids)), rng.choice([raw.token_to_id("<end>"), rng.randrange(vocab)]))
                cut = rng.randrange(len(ids) - 1)
                prompt, ids = ids[:cut], ids[cut : cut + 25]
                n = first(tokenizer, stop, prompt, ids)
                if counts[n > 0] < 4:
                    cases.append({"stop": stop, "prompt": prompt, "ids": ids, "n": n})
                counts[n > 0] += 1
        out.append({"name": make.__name__, "tokenizer": json.loads(raw.to_str()), "cases": cases})
        print(make.__name__, len(cases), sum(c["n"] > 0 for c in cases))
    with open(os.path.join(HERE, "stop.json"), "w") as f:
        f.write("[\n")
        for i, t in enumerate(out):
            f.write('{"name": %s, "tokenizer": %s,\n"cases": [\n' % (json.dumps(t["name"]), json.dumps(t["tokenizer"], ensure_ascii=False, separators=(",", ":"))))
            f.write(",\n".join(json.dumps(c, ensure_ascii=False, separators=(",", ":")) for c in t["cases"]))
            f.write("\n]}" + (",\n" if i + 1 < len(out) else "\n"))
        f.write("]\n")


main()

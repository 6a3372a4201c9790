"""Makes SentencePiece models and what that library makes of texts with them. Run it with sentencepiece 0.2.3:

    python generate.py            # or: python generate.py DIR COUNT, for more texts elsewhere
"""

import importlib.util
import json
import os
import sys

import sentencepiece

HERE = os.path.dirname(os.path.abspath(__file__))
spec = importlib.util.spec_from_file_location("classes", os.path.join(HERE, "..", "classes", "generate.py"))
classes = importlib.util.module_from_spec(spec)
spec.loader.exec_module(classes)

# Longer strings of the map win: ｶ and ｶﾞ.
RULES = classes.base.RULES + "FF76\t30AB\nFF76 FF9E\t30AC\nFF9E\t20\n"
MODELS = {
    "unigram": dict(kind="unigram", rules=RULES),
    "unigram_bytes": dict(kind="unigram", rules=RULES, byte_fallback=True, size=400, user_defined_symbols=["<sep>", "▁x", "12"]),
    "unigram_spaces": dict(kind="unigram", rules=RULES, remove_extra_whitespaces=False, add_dummy_prefix=False),
    "bpe": dict(kind="bpe", rules=None, normalization_rule_name="identity"),
    "bpe_map": dict(kind="bpe", rules=RULES, byte_fallback=True, size=420, user_defined_symbols=["<sep>", "ab"]),
    "bpe_spaces": dict(kind="bpe", rules=None, normalization_rule_name="identity", remove_extra_whitespaces=False, byte_fallback=True, size=420),
}
TEXTS = classes.TEXTS + ["ｶﾞ ｶ ﾞx", "<0x0A> <0xC3>", "a▁", "▁", " ▁ ", "a ▁ ▁", "<unk> a", "<s>", "x<sep>y ab<sep>", "\u200b", "\u200b a", "12 ▁x x", "é\x00"]


def main():
    out, n = (sys.argv[1], int(sys.argv[2])) if len(sys.argv) > 2 else (HERE, 0)
    for name, options in MODELS.items():
        path = os.path.join(out, name + ".model")
        options = dict(options)
        classes.train(path, classes.LINES, options.pop("size", 170), **options)
        p = sentencepiece.SentencePieceProcessor(model_file=path)
        cases = []
        for text in TEXTS + classes.random_texts(n):
            ids = p.encode(text)
            cases.append({"text": text, "ids": ids, "decoded": p.decode(ids)})
        classes.dump(out, name + ".json", cases)


if __name__ == "__main__":
    main()

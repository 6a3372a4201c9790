"""Makes small GGUF files without tensors, one for each kind of tokenizer, and cases.json.gz: what Hugging Face tokenizers
and SentencePiece make of a list of texts. Run it where ../classes/requirements.txt is installed, with gguf 0.17 or later:

    python generate.py [DIR]
"""

import gzip
import importlib.util
import json
import os
import sys
import tempfile

import gguf
import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as pb
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
spec = importlib.util.spec_from_file_location("classes", os.path.join(HERE, "..", "classes", "generate.py"))
classes = importlib.util.module_from_spec(spec)
spec.loader.exec_module(classes)

NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
TEXTS = classes.TEXTS + ["3 33 333 3333 33333 1234567 ٣٤٥٦ ½", "I'VE we'Ll x'S 'd", "HelloWorld helloWORLD ÀÉ ǅx", "a\n\n\nb  \n c\t\td", "<tool>x <tool>",
                         "漢字かなカナ한글ไทย", "a/b//c\n/d", "    four     five", "$+<=>^~|`", "é e\u0301 क्षि", "x" * 40, "＠「」。、", "IMGIMGABZ <sentinel:12>"]


def write(out, name, model, tokens, kinds, scores=None, merges=None, pre=None, ids={}, flags={}, arch="llama", charsmap=None):
    path = os.path.join(out, name + ".gguf")
    w = gguf.GGUFWriter(path, arch)
    w.add_tokenizer_model(model)
    if pre:
        w.add_tokenizer_pre(pre)
    w.add_token_list(tokens)
    w.add_token_types(kinds)
    if scores:
        w.add_token_scores(scores)
    if merges:
        w.add_token_merges(merges)
    if charsmap:
        w.add_precompiled_charsmap(charsmap)
    for key, value in ids.items():
        w.add_uint32(f"tokenizer.ggml.{key}_token_id", value)
    for key, value in flags.items():
        w.add_bool("tokenizer.ggml." + key, value)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.close()
    with open(path, "rb") as f:
        data = f.read()
    os.remove(path)
    with open(path + ".gz", "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as f:
        f.write(data)


def case(t, texts, special=True):
    """What a tokenizer makes of texts, with tokens around them and without, and what the ids decode to."""
    return [dict(text=x, ids=t.encode(x, add_special_tokens=False).ids, around=t.encode(x).ids,
                 decoded=t.decode(t.encode(x, add_special_tokens=False).ids, skip_special_tokens=False)) for x in texts]


def train(tmp, **options):
    path = os.path.join(tmp, "m.model")
    classes.train(path, classes.LINES, options.pop("size"), **options)
    m = pb.ModelProto()
    with open(path, "rb") as f:
        m.ParseFromString(f.read())
    return m, sentencepiece.SentencePieceProcessor(model_file=path)


def llama(out, tmp):
    m, p = train(tmp, size=420, kind="bpe", rules=None, normalization_rule_name="identity", remove_extra_whitespaces=False, byte_fallback=True)
    tokens, kinds, scores = [x.piece for x in m.pieces], [x.type for x in m.pieces], [x.score for x in m.pieces]
    write(out, "llama", "llama", tokens, kinds, scores, flags=dict(add_bos_token=True))
    texts = [x for x in TEXTS if "<s>" not in x and "<unk>" not in x and "</s>" not in x and "\x00" not in x]
    return [dict(text=x, ids=p.encode(x), around=[1] + p.encode(x), decoded=p.decode(p.encode(x))) for x in texts]


def gemma(out, tmp):
    """Byte pairs of characters, with runs of spaces as added tokens, by scores and by merges."""
    m, _ = train(tmp, size=460, kind="bpe", rules=None, normalization_rule_name="identity", remove_extra_whitespaces=False, byte_fallback=True,
                 add_dummy_prefix=False, user_defined_symbols=["<tool>", "▁▁", "▁▁▁", "▁▁▁▁", "\n\n"])
    vocab = {x.piece: i for i, x in enumerate(m.pieces)}
    score = {x.piece: (0 if x.type == USER else x.score) for x in m.pieces}
    able = {x.piece for x in m.pieces if x.type in (NORMAL, USER) and x.piece not in ("<tool>", "\n\n")}
    merges = [(score[w], i, w[:k], w[k:]) for w, i in vocab.items() if w in able for k in range(1, len(w)) if w[:k] in able and w[k:] in able]
    merges = [(a, b) for _, _, a, b in sorted(merges, key=lambda x: (-x[0], x[1], len(x[2].encode())))]
    t = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    t.normalizer = normalizers.Replace(" ", "▁")
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    t.add_special_tokens([AddedToken(x, normalized=False) for x in ("<unk>", "<s>", "</s>")])
    t.add_tokens([AddedToken(x.piece, normalized=False) for x in m.pieces if x.type == USER])
    t.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    tokens = [x.piece.replace("▁", " ") if x.type == USER else x.piece for x in m.pieces]
    kinds, scores = [x.type for x in m.pieces], [-1000.0 if x.type == USER else x.score for x in m.pieces]
    write(out, "gemma", "llama", tokens, kinds, scores, flags=dict(add_space_prefix=False))
    write(out, "gemma4", "gemma4", tokens, kinds, [-1000.0] * len(tokens), [a + " " + b for a, b in merges], flags=dict(add_bos_token=True),
          ids=dict(bos=1, eos=2, unknown=0))
    return case(t, TEXTS)


def unigram(out, tmp):
    """T5's, whose file takes the sentinels for fillers, and XLM-RoBERTa's."""
    m, _ = train(tmp, size=170, kind="unigram", rules=classes.base.RULES)
    tokens, kinds, scores = [x.piece for x in m.pieces], [x.type for x in m.pieces], [x.score for x in m.pieces]
    charsmap = m.normalizer_spec.precompiled_charsmap

    def tokenizer(vocab, unk):
        t = Tokenizer(models.Unigram(vocab, unk_id=unk))
        t.normalizer = normalizers.Precompiled(charsmap)
        t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")])
        t.decoder = decoders.Metaspace(prepend_scheme="always")
        return t

    plain = lambda: [(w, 0.0 if k != NORMAL else s) for w, k, s in zip(tokens, kinds, scores)]
    n, extra = len(tokens), [f"<extra_id_{i}>" for i in range(99, -1, -1)]
    t = tokenizer(plain() + [(x, 0.0) for x in extra], 0)
    t.add_special_tokens([AddedToken(x, normalized=False) for x in ["<unk>", "<s>", "</s>"] + extra])
    t.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", tokens.index("</s>"))])
    fill = [f"[PAD{i}]" for i in range(n, n + 128)]
    flags = dict(add_space_prefix=True, remove_extra_whitespaces=True)
    write(out, "t5", "t5", tokens + fill, kinds + [UNUSED] * 128, scores + [-10000.0] * 128, arch="t5", charsmap=charsmap, flags=flags,
          ids=dict(unknown=0, eos=tokens.index("</s>")))
    t5 = case(t, TEXTS + ["a <extra_id_0> b<extra_id_99>", "[PAD7] [PAD200]"])

    words = [(w, s) for w, k, s in zip(tokens, kinds, scores) if k == NORMAL]
    vocab = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)] + words + [("<mask>", 0.0)]
    t = tokenizer(vocab, 3)
    t.add_special_tokens([AddedToken(x, normalized=False, lstrip=x == "<mask>") for x in ("<s>", "<pad>", "</s>", "<unk>", "<mask>")])
    t.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    kinds = [CONTROL, CONTROL, CONTROL, UNKNOWN] + [NORMAL] * len(words) + [CONTROL]
    write(out, "xlmr", "t5", [w for w, _ in vocab], kinds, [s for _, s in vocab], arch="bert", charsmap=charsmap,
          flags=dict(flags, add_bos_token=True, add_eos_token=True), ids=dict(bos=0, padding=1, eos=2, seperator=2, unknown=3, mask=len(vocab) - 1))
    pair = t.encode("The cat sat.", "on the mat")
    return dict(t5=t5, xlmr=case(t, TEXTS) + [dict(text="The cat sat.", pair="on the mat", ids=pair.ids, types=pair.type_ids)])


def words(out, name, lower):
    # Not trained: the library's trainer of word pieces gives another vocabulary each time.
    normalizer, split = normalizers.BertNormalizer(lowercase=lower), pre_tokenizers.BertPreTokenizer()
    seen = [w for line in classes.LINES for w, _ in split.pre_tokenize_str(normalizer.normalize_str(line))]
    letters, often = sorted(set("".join(seen))), sorted({w for w in seen if seen.count(w) > 1 and len(w) > 1})
    vocab = classes.WORDS + letters + ["##" + c for c in letters] + often + sorted({"##" + w[2:] for w in often if len(w) > 3})
    t = Tokenizer(models.WordPiece({w: i for i, w in enumerate(vocab)}, unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=lower)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    special = classes.WORDS
    t.add_special_tokens([AddedToken(x, normalized=False) for x in special])
    cls, sep = vocab.index("[CLS]"), vocab.index("[SEP]")
    t.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", cls), ("[SEP]", sep)])
    phantom = lambda w: w if w in special else w[2:] if w.startswith("##") else "▁" + w
    write(out, name, "bert", [phantom(w) for w in vocab], [CONTROL if w in special else NORMAL for w in vocab], arch="bert", pre="bert-bge",
          ids=dict(unknown=vocab.index("[UNK]"), seperator=sep, padding=vocab.index("[PAD]"), cls=cls, mask=vocab.index("[MASK]")))
    pair = t.encode("The cat sat.", "on the mat")
    return case(t, TEXTS + ["x" * 101]) + [dict(text="The cat sat.", pair="on the mat", ids=pair.ids, types=pair.type_ids)]


# What each name of a pre-tokenizer stands for, as the tokenizer.json of its model has it: names that split alike are named once.
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
ENDS, BLANK = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)", r"\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = ENDS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + BLANK
QWEN2 = LLAMA3.replace("{1,3}", "")
UP = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
DOWN = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
O200K = f"{UP}{ENDS}?|{DOWN}{ENDS}?" + r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + BLANK
DEEPSEEK3 = [r"\p{N}{1,3}", "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
             "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"]
HAN = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"
BLOOM = " ?[^(\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+"
SPLITS = {
    "gpt-2": "gpt2", "mpt": ["NFC", "gpt2"], "modern-bert": ["NFC", "gpt2"], "roberta-bpe": "gpt2", "smollm": ["digits", "gpt2"], "command-r": ["NFC", "digits", "gpt2"],
    "falcon": ["punctuation", "gpt2", "numbers", "[0-9][0-9][0-9]"],
    "llama-bpe": LLAMA3, "dbrx": LLAMA3, "glm4": LLAMA3, "qwen2": ["NFC", QWEN2], "stablelm2": QWEN2,
    "qwen35": ["NFC", ENDS + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|" + BLANK],
    "laguna": [r"[^\n]+|[\n]+", QWEN2], "gpt-4o": O200K, "tekken": f"{UP}|{DOWN}" + r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + BLANK,
    "deepseek-v3": DEEPSEEK3, "deepseek-coder": ["[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", HAN, r"\p{N}"],
    "bloom": BLOOM, "viking": [BLOOM, "digits"], "superbpe": [r"\p{N}+", r"(?=(\d{3})+(?!\d))"],
    "tiny_aya": [r"\d{1,3}(?=(?:\d{3})*\b)", O200K],
    "bailingmoe": r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+",
    "seed-coder": ENDS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|" + BLANK,
    "ufakzeka": QWEN2.removeprefix(ENDS + "|"), "minicpm5": [r"\p{N}{1,3}", LLAMA3.replace("{1,3}", "+")],
    "exaone-moe": ENDS + r"|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+",
    "jais-2": LLAMA3.removesuffix(r"|\s+(?!\S)|\s+") + "".join(r"|\s{%s}(?!\S)" % n for n in ("512", "256", "128", "64", "32", "16", "8", "4", "1,2")) + r"|\s{1}",
}
WHOLE = {"llama-bpe", "glm4", "tekken", "minicpm5"}


def stage(s):
    return {"digits": lambda: pre_tokenizers.Digits(individual_digits=True), "numbers": lambda: pre_tokenizers.Digits(individual_digits=False),
            "punctuation": lambda: pre_tokenizers.Punctuation("contiguous"), "gpt2": lambda: pre_tokenizers.ByteLevel(add_prefix_space=False),
            }.get(s, lambda: pre_tokenizers.Split(Regex(s), "isolated"))()


def pairs(out):
    """One vocabulary of bytes for all names."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"\s*\S+\s?|\s+"), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.train_from_iterator(3 * [x for x in TEXTS if "<tool>" not in x] + classes.LINES, trainers.BpeTrainer(vocab_size=900, initial_alphabet=alphabet, show_progress=False))
    model = json.loads(t.to_str())["model"]
    vocab, merges = model["vocab"], [tuple(m) for m in model["merges"]]
    tokens = sorted(vocab, key=vocab.get)
    special, user = ["<s>", "</s>", "<mask>"], ["<tool>", "    "]
    n = len(tokens)
    write(out, "gpt2", "gpt2", tokens + special + user + ["[PAD9]"], [NORMAL] * n + [CONTROL] * 3 + [USER] * 2 + [UNUSED], None, [a + " " + b for a, b in merges], pre="gpt-2",
          ids=dict(bos=n, eos=n + 1, mask=n + 2), flags=dict(add_bos_token=False))
    all = {}
    for name, stages in SPLITS.items():
        stages = [stages] if isinstance(stages, str) else list(stages)
        t = Tokenizer(models.BPE(vocab=vocab, merges=merges, ignore_merges=name in WHOLE))
        if stages[0] == "NFC":
            t.normalizer = normalizers.NFC()
            stages = stages[1:]
        list_ = [stage(s) for s in stages]
        if "gpt2" not in stages:
            list_.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False))
        t.pre_tokenizer = pre_tokenizers.Sequence(list_)
        t.decoder = decoders.ByteLevel()
        t.add_special_tokens([AddedToken(x, normalized=False, lstrip=x == "<mask>" and name in ("modern-bert", "roberta-bpe")) for x in special])
        t.add_tokens([AddedToken(x, normalized=False) for x in user])
        all[name] = [t.encode(x, add_special_tokens=False).ids for x in TEXTS]
    return all


def main():
    out = sys.argv[1] if len(sys.argv) > 1 else HERE
    with tempfile.TemporaryDirectory() as tmp:
        cases = dict(llama=llama(out, tmp), gemma=gemma(out, tmp), bert=words(out, "bert", True), bert_cased=words(out, "bert_cased", False), **unigram(out, tmp))
    data = json.dumps(dict(texts=TEXTS, cases=cases, splits=pairs(out)), ensure_ascii=False, separators=(",", ":")).encode()
    with open(os.path.join(out, "cases.json.gz"), "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as f:
        f.write(data)


main()

"""Makes the folders of this directory: tokenizers of encoder-decoder models in the forms they are published in, each
with cases.json, what the reference gives on a list of texts. Run it where transformers 5.24.0 and sentencepiece 0.2.3 are:

    python generate.py
"""

import io
import json
import os
import shutil
import sys
import tempfile

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from transformers import AutoTokenizer

HERE = os.path.dirname(os.path.abspath(__file__))

ENGLISH = """The cat sat on the mat and looked at the moon. A dog came along, and the cat ran away.
When the rain fell the children stayed at home; they read books about the sea, 12 ships and 345 sailors.
"Where is the cat?" asked the man. It's on the roof, isn't it? No one knew where the cat was.
The moon was high, the night was long, and the old house was full of the sound of rain and wind.""".split("\n")
FRENCH = """Le chat était assis sur le tapis et regardait la lune. Un chien est venu, et le chat s'est enfui.
Quand la pluie tombait, les enfants restaient à la maison; ils lisaient des livres sur la mer et 67 bateaux.
« Où est le chat ? » demanda l'homme. Il est sur le toit, n'est-ce pas ? Personne ne savait où était le chat.
La nuit était longue, la lune était haute, et la vieille maison était pleine du bruit de la pluie.""".split("\n")
OTHERS = """кошка сидела на ковре и смотрела на луну
猫がマットの上に座って月を見ていました""".split("\n")

# Characters that the small models rewrite, as tab-separated code points.
RULES = "FB01\t66 69\n9\t20\nA\t20\nA0\t20\n3000\t20\nFF21\t41\n65 301\tE9\n2026\t2E 2E 2E\n200B\t\n1F600\t3A 29\nAB\t22\nAB 20\t22\n"

TEXTS = [
    "", " ", "The cat sat on the mat.", "  leading and   inner  spaces  ", "tabs\tand\n\nnew\r\nlines \n x\n",
    "Le chat était assis sur le tapis où la lune…", "e\u0301te\u0301 ﬁn Ａ\u3000b \u200b. « oui »", "кошка 猫がマット 😀 ñandú ∀∃",
    "aaaaaaa !!!!!!! ------- ababababab", "<s> </s> <unk> <pad> <mask> x", "a </s>b<unk> c", "▁under▁ ▁ score▁", "<extra_id_0> and <extra_id_99>x <extra_id_5>",
    ">>fra<< The cat", ">>xyz<< x", ">>fra<<", "x >>fra<< y", ">> no code", "en_XX the fr_XX cat", "eng_Latn the fra_Latn", "__en__ the __fr__cat",
    "<mask_1> the <mask_2> cat <unk_2> <unk_102> <n> x", "12 ships, 345 sailors isn't it?", "Z<0x0A>Z user@sym", " ⁇ ⁇", "\u2581", "<S> </S>",
]


def train(path, lines, size, kind="unigram", rules=RULES, **options):
    """Trains a SentencePiece model; rules None keeps the trainer's own."""
    if rules is not None:
        with open(path + ".tsv", "w") as f:
            f.write(rules)
        options["normalization_rule_tsv"] = path + ".tsv"
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=out, vocab_size=size, model_type=kind, hard_vocab_limit=False,
        num_threads=1, minloglevel=2, **options)
    model = sentencepiece_model_pb2.ModelProto.FromString(out.getvalue())
    for spec in (model.normalizer_spec, model.denormalizer_spec):
        spec.ClearField("normalization_rule_tsv")  # a path of the machine
    with open(path, "wb") as f:
        f.write(model.SerializeToString())
    if rules is not None:
        os.remove(path + ".tsv")


def pieces(path):
    p = sentencepiece.SentencePieceProcessor(model_file=path)
    return [p.id_to_piece(i) for i in range(p.get_piece_size())]


def dump(folder, name, value):
    with open(os.path.join(folder, name), "w") as f:
        json.dump(value, f, ensure_ascii=False, separators=(",", ":"))


T5_IDS = dict(pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
EXTRA = [f"<extra_id_{i}>" for i in range(100)]


class Folders:
    """Makes each folder by its name."""

    def __init__(self, english=ENGLISH, french=FRENCH, others=OTHERS, size=150, rules=RULES):
        self.english, self.french, self.all = english, french, english + french + others
        self.size, self.rules = size, rules

    def train(self, path, lines=None, **options):
        train(path, lines or self.all, options.pop("size", self.size), rules=self.rules, **options)

    def t5_spiece(self, d):
        self.train(d + "/spiece.model", **T5_IDS)
        dump(d, "config.json", {"model_type": "t5"})

    def t5_config(self, d):
        self.train(d + "/spiece.model", **T5_IDS)
        dump(d, "config.json", {"model_type": "t5"})
        dump(d, "tokenizer_config.json", {"tokenizer_class": "T5Tokenizer", "extra_ids": 100, "model_max_length": 512,
             "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", "additional_special_tokens": EXTRA})

    def t5_few(self, d):
        self.train(d + "/spiece.model", **T5_IDS)
        dump(d, "tokenizer_config.json", {"tokenizer_class": "T5Tokenizer", "extra_ids": 10})

    def t5_saved(self, d):
        self.t5_spiece(d)
        self.save(d)

    def t5_json(self, d):
        """The tokenizer.json that transformers 4 wrote."""
        self.t5_config(d)
        self.save(d)
        t = json.load(open(d + "/tokenizer.json"))
        t["normalizer"] = {"type": "Sequence", "normalizers": [t["normalizer"], {"type": "Strip", "strip_left": False, "strip_right": True},
                           {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"}]}
        t["pre_tokenizer"] = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
        dump(d, "tokenizer.json", t)
        dump(d, "config.json", {"model_type": "t5"})

    def umt5(self, d):
        self.t5_json(d)
        dump(d, "config.json", {"model_type": "umt5"})

    def mt5(self, d):
        self.train(d + "/spiece.model", user_defined_symbols=[f"<extra_id_{i}>" for i in range(9, -1, -1)], **T5_IDS)
        dump(d, "config.json", {"model_type": "mt5"})
        dump(d, "tokenizer_config.json", {"tokenizer_class": "T5Tokenizer", "extra_ids": 0, "additional_special_tokens": None,
             "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"})

    def bart(self, d):
        from tokenizers import ByteLevelBPETokenizer
        t = ByteLevelBPETokenizer()
        t.train_from_iterator(self.all, vocab_size=self.size + 256, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"], show_progress=False)
        t.save_model(d)
        dump(d, "config.json", {"model_type": "bart"})

    def bart_saved(self, d):
        self.bart(d)
        self.save(d)

    def mbart(self, d):
        self.train(d + "/sentencepiece.bpe.model")
        dump(d, "config.json", {"model_type": "mbart"})

    def mbart_langs(self, d):
        self.mbart(d)
        dump(d, "tokenizer_config.json", {"tokenizer_class": "MBartTokenizer", "src_lang": "ro_RO", "tgt_lang": "fr_XX"})

    def mbart_saved(self, d):
        self.mbart_langs(d)
        self.save(d)

    def mbart50(self, d):
        self.train(d + "/sentencepiece.bpe.model")
        dump(d, "config.json", {"model_type": "mbart", "tokenizer_class": "MBart50Tokenizer"})
        dump(d, "tokenizer_config.json", {"src_lang": None, "tgt_lang": None, "eos_token": "</s>", "sep_token": "</s>", "cls_token": "<s>",
             "unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask>", "tokenizer_class": "MBart50Tokenizer"})

    def mbart50_saved(self, d):
        self.mbart50(d)
        self.save(d)

    def nllb(self, d):
        self.train(d + "/sentencepiece.bpe.model", kind="bpe")
        dump(d, "config.json", {"model_type": "m2m_100"})
        dump(d, "tokenizer_config.json", {"tokenizer_class": "NllbTokenizer", "src_lang": "eng_Latn", "tgt_lang": "fra_Latn"})

    def nllb_legacy(self, d):
        self.nllb(d)
        dump(d, "tokenizer_config.json", {"tokenizer_class": "NllbTokenizer", "legacy_behaviour": True, "src_lang": "fra_Latn"})

    def nllb_published(self, d):
        """tokenizer.json with the languages as added tokens before the mask, as the models have them."""
        from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES as codes
        self.nllb(d)
        self.save(d)
        t = json.load(open(d + "/tokenizer.json"))
        n = len(t["model"]["vocab"])
        new = [a for a in t["added_tokens"] if a["id"] < n]
        plain = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
        new += [dict(id=n + i, content=c, **plain) for i, c in enumerate(codes)]
        new.append(dict(plain, id=n + len(codes), content="<mask>", lstrip=True, normalized=True))
        t["added_tokens"] = new
        dump(d, "tokenizer.json", t)
        dump(d, "tokenizer_config.json", {"tokenizer_class": "NllbTokenizer", "src_lang": None, "tgt_lang": None, "mask_token":
             {"__type": "AddedToken", "content": "<mask>", "lstrip": True, "normalized": True, "rstrip": False, "single_word": False}})
        dump(d, "special_tokens_map.json", {"additional_special_tokens": codes, "bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>",
             "mask_token": {"content": "<mask>", "lstrip": True, "normalized": True, "rstrip": False, "single_word": False},
             "pad_token": "<pad>", "sep_token": "</s>", "unk_token": "<unk>"})

    def nllb_saved(self, d):
        self.nllb_published(d)
        self.save(d)

    def m2m100(self, d, special=True, **config):
        from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES as codes
        self.train(d + "/sentencepiece.bpe.model", kind="bpe")
        vocab = {t: i for i, t in enumerate(["<s>", "<pad>", "</s>", "<unk>"] + pieces(d + "/sentencepiece.bpe.model")[3:])}
        dump(d, "vocab.json", vocab)
        dump(d, "config.json", {"model_type": "m2m_100"})
        dump(d, "tokenizer_config.json", {"src_lang": None, "tgt_lang": None, "bos_token": "<s>", "eos_token": "</s>", "sep_token": "</s>",
             "unk_token": "<unk>", "pad_token": "<pad>", "tokenizer_class": "M2M100Tokenizer", "num_madeup_words": 8, **config})
        if special:
            dump(d, "special_tokens_map.json", {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>", "pad_token": "<pad>",
                 "additional_special_tokens": [f"__{c}__" for c in codes[config.get("language_codes", "m2m100")]]})

    def m2m100_plain(self, d):
        self.m2m100(d, special=False, src_lang="fr", tgt_lang="en")

    def m2m100_saved(self, d):
        self.m2m100(d)
        self.save(d)

    def wmt21(self, d):
        self.m2m100(d, language_codes="wmt21", src_lang="ha", tgt_lang="en")

    def marian(self, d, codes=(), spm={}, **config):
        self.train(d + "/source.spm", self.english, size=self.size * 2 // 3, **spm)
        self.train(d + "/target.spm", self.french, size=self.size * 2 // 3)
        vocab = ["</s>", "<unk>"] + sorted(set(pieces(d + "/source.spm")[3:] + pieces(d + "/target.spm")[3:])) + list(codes) + ["<pad>"]
        dump(d, "vocab.json", {t: i for i, t in enumerate(vocab)})
        dump(d, "config.json", {"model_type": "marian"})
        dump(d, "tokenizer_config.json", {"source_lang": "en", "target_lang": "fr", **config})

    def marian_many(self, d):
        self.marian(d, codes=[">>fra<<", ">>ron<<", ">>zlm_Latn<<"], target_lang="ROMANCE", spm={"user_defined_symbols": ["@sym", "--", " x"]})

    def marian_bytes(self, d):
        """With tokens for the bytes of unknown text, in both models."""
        train = self.train
        self.train = lambda path, lines=None, **options: train(path, lines, **dict(options, size=options["size"] + 256, byte_fallback=True))
        self.marian(d)
        self.train = train

    def marian_saved(self, d):
        self.marian_many(d)
        self.save(d)

    def marian_separate(self, d):
        self.marian(d, separate_vocabs=True)
        for name, spm in ("vocab.json", "source.spm"), ("target_vocab.json", "target.spm"):
            dump(d, name, {t: i for i, t in enumerate(["</s>", "<unk>"] + pieces(d + "/" + spm)[3:] + ["<pad>"])})

    def pegasus(self, d):
        self.train(d + "/spiece.model", **T5_IDS)
        dump(d, "config.json", {"model_type": "pegasus"})
        dump(d, "tokenizer_config.json", {"model_max_length": 512})

    def pegasus_config(self, d):
        """As published since transformers 4."""
        self.pegasus(d)
        dump(d, "tokenizer_config.json", {"tokenizer_class": "PegasusTokenizer", "offset": 103, "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>",
             "mask_token": "<mask_2>", "mask_token_sent": "<mask_1>", "model_max_length": 1024,
             "additional_special_tokens": ["<mask_1>"] + [f"<unk_{i}>" for i in range(2, 103)]})

    def pegasus_saved(self, d):
        self.pegasus(d)
        self.save(d)

    def save(self, d):
        t = AutoTokenizer.from_pretrained(d)
        keep = [f for f in ("config.json",) if os.path.exists(d + "/" + f)]
        for f in os.listdir(d):
            if f not in keep:
                os.remove(d + "/" + f)
        t.save_pretrained(d)
        for f in os.listdir(d):
            if f.endswith(".json"):
                dump(d, f, json.load(open(d + "/" + f)))


NAMES = [n for n in vars(Folders) if not n.startswith("_") and n not in ("train", "save")]
KEPT = ["t5_spiece", "t5_few", "umt5", "mt5", "bart", "bart_saved", "mbart", "mbart_saved", "mbart50", "nllb", "nllb_legacy", "nllb_published",
        "m2m100", "m2m100_plain", "wmt21", "marian_many", "marian_bytes", "marian_separate", "marian_saved", "pegasus", "pegasus_config"]


def try_target(t, text):
    try:
        return t(text_target=text)["input_ids"]
    except (KeyError, AttributeError):  # no target language
        return None


def spans(t, text):
    """Offsets in bytes, where the reference knows them."""
    if not t.is_fast:
        return None
    at = [0]
    for c in text:
        at.append(at[-1] + len(c.encode("utf-8", "surrogatepass")))
    return [[at[i], at[j]] for i, j in t(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]]


def reference(folders, name, d):
    """The reference's tokenizer. Of NLLB's SentencePiece model alone it leaves out the languages, so there it is given the
    same model with a tokenizer.json that has them."""
    if name not in ("nllb", "nllb_legacy"):
        return AutoTokenizer.from_pretrained(d)
    with tempfile.TemporaryDirectory() as tmp:
        folders.nllb_published(tmp)
        shutil.copy(d + "/tokenizer_config.json", tmp)
        return AutoTokenizer.from_pretrained(tmp)


def cases(t, texts, languages=(), offsets=False, strings=()):
    out = {"cases": []}
    for text in texts:
        ids = t(text)["input_ids"]
        written = try_target(t, text) if getattr(t, "separate_vocabs", False) else ids
        c = {"text": text, "ids": ids, "written": written, "plain": t(text, add_special_tokens=False, split_special_tokens=True)["input_ids"],
             "target": try_target(t, text), "decoded": t.decode(written, skip_special_tokens=True), "whole": t.decode(written)}
        if offsets:
            c["offsets"] = spans(t, text)
        out["cases"].append(c)
    out["pair"] = t("The cat", "sat on")["input_ids"]
    out["special"] = {k: getattr(t, k + "_token_id") for k in ("bos", "eos", "unk", "sep", "pad", "cls", "mask")}
    n = len(t.get_vocab())
    out["vocab"] = n
    out["tokens"] = {s: t.convert_tokens_to_ids(s) for s in strings}
    for lang in languages:
        t.src_lang = lang
        out.setdefault("languages", {})[lang] = t("The cat sat")["input_ids"]
    return out


def languages(name):
    if name.startswith("mbart"):
        return ["en_XX", "fr_XX", "zh_CN"]
    if name.startswith("nllb"):
        return ["eng_Latn", "fra_Latn", "zul_Latn"]
    if name.startswith("m2m100"):
        return ["en", "fr", "zu"]
    if name.startswith("wmt21"):
        return ["en", "de"]
    return []


def main():
    folders = Folders()
    for name in sys.argv[1:] or KEPT:
        d = os.path.join(HERE, name)
        shutil.rmtree(d, ignore_errors=True)
        os.makedirs(d)
        getattr(folders, name)(d)
        dump(d, "cases.json", cases(reference(folders, name, d), TEXTS, languages(name)))
        print(name, sum(os.path.getsize(os.path.join(d, f)) for f in os.listdir(d)))


if __name__ == "__main__":
    main()

"""Makes the folders of folders.zip.gz: tokenizers of each class in the forms they are published in, each with cases.json,
what the reference gives on a list of texts. Run it where requirements.txt is installed:

    python generate.py            # all folders, or those that are named
    python generate.py -o DIR -n 2000 NAME...   # elsewhere, with random texts too
"""

import argparse
import base64
import importlib.util
import json
import os
import random
import shutil

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
import tiktoken
from transformers import AutoTokenizer, convert_slow_tokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode

HERE = os.path.dirname(os.path.abspath(__file__))
spec = importlib.util.spec_from_file_location("seq2seq", os.path.join(HERE, "..", "seq2seq", "generate.py"))
base = importlib.util.module_from_spec(spec)
spec.loader.exec_module(base)
dump, train = base.dump, base.train

LINES = base.ENGLISH + base.FRENCH + base.OTHERS + ["The Cat SAT On The Mat 10,000 9, 99, of it", "北京 東京 日本語 한국어 العربية हिन्दी ไทย"]

TEXTS = [
    "", " ", "The cat sat on the mat.", "  leading and   inner  spaces  ", "tabs\tand\n\nnew\r\nlines \n x\n", " x", "x ",
    "Le chat était assis sur le tapis où la lune…", "e\u0301te\u0301 ﬁn Ａ\u3000b \u200b. « oui » ①ｶﾞ", "кошка 猫がマット 😀 ñandú ∀∃ İstanbul straße ΣΑΣ",
    "aaaaaaa !!!!!!! ------- ababababab", "[CLS] [SEP] [MASK] [UNK] [PAD] x", "<s> </s> <unk> <pad> <mask> x", "a </s>b<unk> c<mask>  d  <mask>",
    "▁under▁ ▁ score▁", "12 ships, 345 sailors isn't it? 9, 10,000", "don't DON'T we'll I'M ``quoted'' x''y", "a\u0301\u0323b हिन्दी ไทย العربية 한국어",
    "<|endoftext|> <|startoftext|>x<|im_end|>", "北京is東京", "a\x00b\x07c\ufffdd\u00a0e", "<S> </S> <MASK> [cls] [Mask]", "x\u2028y\u0085z", "...?!,;:()[]{}<>/\\|@#$%^&*",
]

ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def words(d, special=WORDS, lower=False, file="vocab.txt"):
    """Writes a vocabulary of word pieces."""
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=lower)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.train_from_iterator(LINES, trainers.WordPieceTrainer(vocab_size=220, special_tokens=special, show_progress=False))
    vocab = t.get_vocab()
    with open(d + "/" + file, "w") as f:
        f.write("".join(w + "\n" for w in sorted(vocab, key=vocab.get)))


def pairs(d, special, suffix=None, size=330):
    """Writes vocab.json and merges.txt: of bytes, or of characters with what ends a word."""
    if suffix is None:
        t = Tokenizer(models.BPE())
        t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        t.train_from_iterator(LINES, trainers.BpeTrainer(vocab_size=size, special_tokens=special, initial_alphabet=alphabet, show_progress=False))
    else:
        t = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix=suffix))
        t.normalizer = normalizers.BertNormalizer()
        t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        t.train_from_iterator(LINES, trainers.BpeTrainer(vocab_size=size, special_tokens=special, end_of_word_suffix=suffix, show_progress=False))
    t.model.save(d)


def clip_pairs(d, special):
    t = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    t.normalizer = normalizers.Lowercase()
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.train_from_iterator(LINES, trainers.BpeTrainer(vocab_size=600, end_of_word_suffix="</w>", initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), special_tokens=special, show_progress=False))
    t.model.save(d)


class Folders:
    """Makes each folder by its name."""

    def config(self, d, family, **config):
        dump(d, "config.json", {"model_type": family})
        if config:
            dump(d, "tokenizer_config.json", config)

    def edit(self, d, name, **keys):
        path = os.path.join(d, name)
        c = json.load(open(path)) if os.path.exists(path) else {}
        c.update(keys)
        dump(d, name, c)

    def save(self, d, **config):
        """Leaves what the reference saves, with other settings."""
        t = AutoTokenizer.from_pretrained(d)
        for f in os.listdir(d):
            if f != "config.json":
                os.remove(d + "/" + f)
        t.save_pretrained(d)
        for f in os.listdir(d):
            if f.endswith(".json"):
                dump(d, f, json.load(open(d + "/" + f)))
        path = d + "/tokenizer_config.json"
        if os.path.exists(path):
            c = json.load(open(path))
            c.pop("vocab_file", None)  # a path of the machine
            dump(d, "tokenizer_config.json", c)
        if config:
            self.edit(d, "tokenizer_config.json", **config)

    # WordPiece

    def bert(self, d):
        words(d)
        self.config(d, "bert")

    def bert_cased(self, d):
        words(d)
        self.config(d, "bert", do_lower_case=False)

    def bert_accents(self, d):
        words(d)
        self.config(d, "bert", do_lower_case=False, strip_accents=True, tokenize_chinese_chars=False)

    def bert_saved_flags(self, d):
        self.bert(d)
        self.save(d, do_lower_case=False, strip_accents=None)

    def bert_json(self, d):
        """tokenizer.json alone: the class's lower case and mask token."""
        self.bert_cased(d)
        self.save(d)
        os.remove(d + "/tokenizer_config.json")
        t = json.load(open(d + "/tokenizer.json"))
        t["added_tokens"] = [a for a in t["added_tokens"] if a["content"] != "[MASK]"]
        dump(d, "tokenizer.json", t)

    def bert_template(self, d):
        words(d)
        self.config(d, "bert", cls_token="the", sep_token=".")
        self.save(d)

    def bert_split(self, d):
        words(d)
        self.config(d, "bert", split_special_tokens=True)

    def bert_new_mask(self, d):
        """A vocabulary without the class's tokens: they come after it."""
        words(d, special=["[UNK]"])
        self.config(d, "bert")

    def distilbert(self, d):
        words(d)
        self.config(d, "distilbert", tokenizer_class="DistilBertTokenizer", do_lower_case=True)

    def electra(self, d):
        words(d)
        self.config(d, "electra", tokenizer_class="ElectraTokenizerFast", do_lower_case=False)

    def mpnet(self, d):
        words(d, special=["<s>", "<pad>", "</s>", "[UNK]", "<mask>"])
        self.config(d, "mpnet")

    def mpnet_saved(self, d):
        self.mpnet(d)
        self.save(d, do_lower_case=False)

    def mpnet_fast(self, d):
        words(d, special=["<s>", "<pad>", "</s>", "[UNK]", "<mask>"])
        self.config(d, "mpnet", tokenizer_class="MPNetTokenizerFast", cls_token="<s>", sep_token="</s>", bos_token="<s>", eos_token="</s>", pad_token="<pad>", mask_token="<mask>", unk_token="[UNK]")

    # byte pairs of bytes

    def roberta(self, d):
        pairs(d, ROBERTA)
        self.config(d, "roberta")

    def roberta_saved_prefix(self, d):
        self.roberta(d)
        self.save(d, add_prefix_space=True)

    def roberta_no_trim(self, d):
        self.roberta(d)
        self.save(d, trim_offsets=False)

    def roberta_json(self, d):
        self.roberta(d)
        self.config(d, "roberta", add_prefix_space=True)
        self.save(d)
        os.remove(d + "/tokenizer_config.json")

    def gpt2(self, d):
        pairs(d, ["<|endoftext|>"])
        self.config(d, "gpt2")

    def gpt2_bos(self, d):
        pairs(d, ["<|endoftext|>"])
        self.config(d, "gpt2", tokenizer_class="GPT2Tokenizer", add_bos_token=True)

    def gpt2_saved_prefix(self, d):
        self.gpt2(d)
        self.save(d, add_prefix_space=True)

    def deberta(self, d):
        pairs(d, ["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]"])
        self.config(d, "deberta", do_lower_case=False, vocab_type="gpt2")

    def deberta_saved_prefix(self, d):
        self.deberta(d)
        self.save(d, add_prefix_space=True)

    def gpt_neox(self, d):
        pairs(d, ["<|endoftext|>", "<|padding|>"])
        self.config(d, "gpt_neox")

    def gpt_neox_published(self, d):
        """As in Pythia: spaces as added tokens after the vocabulary, and a post-processor that the class replaces."""
        self.gpt_neox(d)
        self.save(d)
        t = json.load(open(d + "/tokenizer.json"))
        n = len(t["model"]["vocab"])
        t["added_tokens"] += [dict(id=n + i, content=" " * (4 - i), single_word=False, lstrip=False, rstrip=False, normalized=True, special=False) for i in range(3)]
        t["post_processor"] = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
        dump(d, "tokenizer.json", t)
        dump(d, "tokenizer_config.json", dict(add_prefix_space=False, bos_token="<|endoftext|>", eos_token="<|endoftext|>", unk_token="<|endoftext|>", tokenizer_class="GPTNeoXTokenizer"))

    def cohere(self, d):
        pairs(d, ["<PAD>", "<UNK>", "<CLS>", "<SEP>", "<MASK_TOKEN>", "<BOS_TOKEN>", "<EOS_TOKEN>", "<|END_OF_TURN_TOKEN|>"])
        self.config(d, "cohere", tokenizer_class="CohereTokenizerFast")

    def cohere_published(self, d):
        self.cohere(d)
        self.save(d)
        t = json.load(open(d + "/tokenizer.json"))
        t["post_processor"] = json.loads(processors.TemplateProcessing(single="<BOS_TOKEN> $A", pair="<BOS_TOKEN> $A $B:1", special_tokens=[("<BOS_TOKEN>", 5)]).__getstate__())
        dump(d, "tokenizer.json", t)

    def qwen2(self, d):
        pairs(d, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
        self.config(d, "qwen2", tokenizer_class="Qwen2Tokenizer", eos_token="<|im_end|>", pad_token="<|endoftext|>")

    def qwen3_embedding(self, d):
        """The file appends the end token."""
        self.qwen2(d)
        self.save(d)
        dump(d, "config.json", {"model_type": "qwen3"})
        t = json.load(open(d + "/tokenizer.json"))
        t["post_processor"] = {"type": "Sequence", "processors": [{"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False},
            json.loads(processors.TemplateProcessing(single="$A <|endoftext|>", pair="$A $B:1 <|endoftext|>", special_tokens=[("<|endoftext|>", 0)]).__getstate__())]}
        dump(d, "tokenizer.json", t)

    def qwen2_as_llama(self, d):
        """A wrong class, for a type that is known for it."""
        self.qwen2(d)
        self.save(d, tokenizer_class="LlamaTokenizerFast")

    def qwen3_5(self, d):
        self.qwen2(d)
        self.save(d)
        dump(d, "config.json", {"model_type": "qwen3_5"})

    def clip(self, d):
        clip_pairs(d, ["<|startoftext|>", "<|endoftext|>"])
        self.config(d, "clip")

    # byte pairs of characters

    def llama_spm(self, d, **k):
        train(d + "/tokenizer.model", LINES, 400, kind="bpe", rules=None, byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False, **k)

    def llama(self, d):
        self.llama_spm(d)
        self.config(d, "llama", tokenizer_class="LlamaTokenizer", add_bos_token=True, add_eos_token=False, bos_token="<s>", eos_token="</s>", unk_token="<unk>")

    def llama_legacy(self, d):
        self.llama_spm(d)
        self.config(d, "llama", tokenizer_class="LlamaTokenizer", legacy=True, add_bos_token=True)

    def llama_published(self, d):
        """As transformers 4 wrote it."""
        self.llama(d)
        self.save(d)
        t = json.load(open(d + "/tokenizer.json"))
        t["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}
        t["pre_tokenizer"] = None
        dump(d, "tokenizer.json", t)
        dump(d, "tokenizer_config.json", dict(tokenizer_class="LlamaTokenizer", legacy=False, bos_token="<s>", eos_token="</s>", unk_token="<unk>", add_bos_token=True, pad_token=None,
             added_tokens_decoder={str(i): dict(content=s, lstrip=False, normalized=False, rstrip=False, single_word=False, special=True) for i, s in enumerate(["<unk>", "<s>", "</s>"])}))

    def phi3_published(self, d):
        """LlamaTokenizer is the wrong class of the type: the file stands as it is."""
        self.llama_published(d)
        dump(d, "config.json", {"model_type": "phi3"})

    def llama3_published(self, d):
        """LlamaTokenizer over a byte-level file."""
        self.qwen2(d)
        self.save(d)
        dump(d, "config.json", {"model_type": "llama"})
        dump(d, "tokenizer_config.json", {"tokenizer_class": "LlamaTokenizer", "bos_token": "<|im_start|>", "eos_token": "<|endoftext|>"})

    def code_llama(self, d):
        self.llama_spm(d)
        self.config(d, "llama", tokenizer_class="CodeLlamaTokenizer")
        self.save(d)

    def mistral_spm(self, d):
        """No class of its own: as SentencePiece does."""
        self.llama_spm(d)
        self.config(d, "mistral", tokenizer_class="LlamaTokenizer", add_bos_token=True)

    def gemma(self, d):
        self.llama_spm(d, bos_id=2, eos_id=1, pad_id=0, unk_id=3, bos_piece="<bos>", eos_piece="<eos>", add_dummy_prefix=False, user_defined_symbols=["<mask>", "<start_of_turn>", "<end_of_turn>"])
        self.config(d, "gemma3_text", tokenizer_class="GemmaTokenizer", add_bos_token=True)

    def gemma_saved(self, d):
        self.gemma(d)
        self.save(d)

    def siglip2(self, d):
        self.gemma(d)
        self.save(d)
        t = json.load(open(d + "/tokenizer.json"))
        t["post_processor"] = json.loads(processors.TemplateProcessing(single="$A <eos>", pair="$A <eos> $B:1 <eos>", special_tokens=[("<eos>", 1)]).__getstate__())
        dump(d, "tokenizer.json", t)
        self.config(d, "siglip2", tokenizer_class="Siglip2Tokenizer", padding_side="right", add_eos_token=True, add_bos_token=False, model_input_names=["input_ids"])

    # read by the SentencePiece library

    def siglip_spm(self, d):
        train(d + "/spiece.model", LINES + ["<a> <unk> > < unk > ς σ σας"], 200, rules=base.RULES, pad_id=-1, eos_id=1, unk_id=2, bos_id=-1, user_defined_symbols=["<pad>"])

    def siglip(self, d):
        self.siglip_spm(d)
        self.config(d, "siglip")

    def siglip_cased(self, d):
        """As published, but for upper case; a tokenizer.json beside the model is not read."""
        self.siglip_spm(d)
        dump(d, "config.json", {"model_type": "siglip"})
        token = dict(lstrip=True, normalized=False, rstrip=True, single_word=False, special=True)
        dump(d, "tokenizer_config.json", dict(added_tokens_decoder={"1": dict(token, content="</s>"), "2": dict(token, content="<unk>")}, additional_special_tokens=[],
            clean_up_tokenization_spaces=True, do_lower_case=False, eos_token="</s>", model_input_names=["input_ids"], model_max_length=64, pad_token="</s>",
            sp_model_kwargs={}, tokenizer_class="SiglipTokenizer", unk_token="<unk>"))
        dump(d, "tokenizer.json", {"model": {"type": "WordLevel", "vocab": {"<unk>": 0}, "unk_token": "<unk>"}})

    def herbert(self, d):
        pairs(d, ROBERTA, suffix="</w>")
        self.config(d, "bert", tokenizer_class="HerbertTokenizer")

    def openai_gpt(self, d):
        pairs(d, ["<unk>"], suffix="</w>")
        self.config(d, "openai-gpt")

    # Unigram

    def albert_spm(self, d):
        train(d + "/spiece.model", LINES, 170, rules=base.RULES, pad_id=0, unk_id=1, bos_id=-1, eos_id=-1, pad_piece="<pad>", control_symbols=["[CLS]", "[SEP]", "[MASK]"])

    def albert(self, d):
        self.albert_spm(d)
        self.config(d, "albert")

    def albert_flags(self, d):
        self.albert_spm(d)
        self.config(d, "albert", do_lower_case=False, keep_accents=True)

    def albert_saved_flags(self, d):
        self.albert(d)
        self.save(d, keep_accents=True)

    def xlmr(self, d):
        train(d + "/sentencepiece.bpe.model", LINES, 170, rules=base.RULES)
        self.config(d, "xlm-roberta")

    def xlmr_class(self, d):
        train(d + "/sentencepiece.bpe.model", LINES, 170, rules=base.RULES)
        self.config(d, "bert", tokenizer_class="XLMRobertaTokenizer")

    def xlmr_saved(self, d):
        self.xlmr_class(d)
        self.save(d, add_prefix_space=False)

    def camembert(self, d):
        train(d + "/sentencepiece.bpe.model", LINES, 170, rules=base.RULES)
        self.config(d, "camembert")

    def camembert_saved(self, d):
        self.camembert(d)
        self.save(d, add_prefix_space=False)

    def deberta_v2_spm(self, d):
        train(d + "/spm.model", LINES, 170, rules=base.RULES, pad_id=0, bos_id=1, eos_id=2, unk_id=3, bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]", pad_piece="[PAD]")

    def deberta_v2(self, d):
        self.deberta_v2_spm(d)
        self.config(d, "deberta-v2", do_lower_case=False, vocab_type="spm")

    def deberta_v2_saved(self, d):
        self.deberta_v2(d)
        self.save(d, split_by_punct=True, do_lower_case=True)

    def xlnet(self, d):
        train(d + "/spiece.model", LINES, 170, rules=base.RULES, unk_id=0, bos_id=1, eos_id=2, control_symbols=["<cls>", "<sep>", "<pad>", "<mask>", "<eod>", "<eop>"])
        self.config(d, "xlnet")

    def big_bird(self, d):
        train(d + "/spiece.model", LINES, 170, rules=base.RULES, pad_id=0, eos_id=1, bos_id=2, unk_id=3, control_symbols=["[SEP]", "[MASK]", "[CLS]"])
        self.config(d, "big_bird")

    # lists of tokens, whose truth is the library tiktoken

    def ranks(self, d):
        pairs(d, [], size=340)
        back = {c: b for b, c in bytes_to_unicode().items()}
        vocab = json.load(open(d + "/vocab.json"))
        os.remove(d + "/vocab.json")
        merges = [m.split(" ") for m in open(d + "/merges.txt").read().split("\n")[1:] if m]
        os.remove(d + "/merges.txt")
        tokens = [bytes([b]) for b in range(256)] + [bytes(back[c] for c in a + b) for a, b in merges]
        tokens = list(dict.fromkeys(tokens))
        assert len(tokens) <= len(vocab) + 256
        return {t: i for i, t in enumerate(tokens)}

    def tiktoken_file(self, d, name, ranks):
        with open(d + "/" + name, "w") as f:
            f.write("".join(base64.b64encode(t).decode() + f" {i}\n" for t, i in ranks.items()))

    def llama3_tiktoken(self, d):
        r = self.ranks(d)
        self.tiktoken_file(d, "tokenizer.model", r)
        self.config(d, "llama")
        special = ["<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>", "<|reserved_special_token_1|>", "<|finetune_right_pad_id|>",
            "<|reserved_special_token_2|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>", "<|python_tag|>"]
        special += [f"<|reserved_special_token_{i}|>" for i in range(3, 256 - 11 + 3)]
        return Listed(LLAMA3, r, {s: len(r) + i for i, s in enumerate(special)}, bos="<|begin_of_text|>", eos="<|end_of_text|>")

    def llama4_tiktoken(self, d):
        r = self.ranks(d)
        self.tiktoken_file(d, "tokenizer.model", r)
        self.config(d, "llama4")
        special = ["<|begin_of_text|>", "<|end_of_text|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|header_start|>", "<|header_end|>", "<|eom|>", "<|eot|>"]
        return Listed(O200K, r, {s: len(r) + i for i, s in enumerate(special)}, bos="<|begin_of_text|>", eos="<|end_of_text|>")

    def kimi_tiktoken(self, d):
        """Its class is custom code."""
        r = self.ranks(d)
        self.tiktoken_file(d, "tiktoken.model", r)
        n = len(r)
        names = {n: "[BOS]", n + 1: "[EOS]", n + 2: "<|im_end|>"}
        self.config(d, "kimi_k2", tokenizer_class="TikTokenTokenizer", auto_map={"AutoTokenizer": ["tokenization_kimi.TikTokenTokenizer", None]}, bos_token="[BOS]", eos_token="[EOS]",
            added_tokens_decoder={str(i): dict(content=s, lstrip=False, normalized=False, rstrip=False, single_word=False, special=True) for i, s in names.items()})
        return Listed(KIMI, r, {names.get(n + i, f"<|reserved_token_{n + i}|>"): n + i for i in range(256)}, bos=None, eos="[EOS]", roles={"bos": "[BOS]"})

    def tekken(self, d, pattern=None, special=None):
        pattern = pattern or TEKKEN
        r = self.ranks(d)
        listed = special is None
        special = special or ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"]
        n = len(special) + 5
        dump(d, "tekken.json", {"config": {"pattern": pattern, "num_vocab_tokens": 1000, "default_vocab_size": len(r) + n, "default_num_special_tokens": n, "version": "v7"},
            "vocab": [{"rank": i, "token_bytes": base64.b64encode(t).decode(), "token_str": None} for t, i in r.items()] + [{"rank": len(r), "token_bytes": base64.b64encode(b"never read").decode(), "token_str": None}],
            **({"special_tokens": [{"rank": i, "token_str": s, "is_control": True} for i, s in enumerate(special)]} if listed else {})})
        self.config(d, "mistral")
        special += [f"<SPECIAL_{i}>" for i in range(len(special), n)]
        return Listed(pattern, {t: i + n for t, i in r.items()}, {s: i for i, s in enumerate(special)}, bos="<s>", eos="</s>", roles={"unk": "<unk>", **({} if listed else {"pad": "<pad>"})})

    def tekken_old(self, d):
        """A file that lists no special tokens: those of mistral-common 1.13.1, Tekkenizer.DEPRECATED_SPECIAL_TOKENS."""
        return self.tekken(d, special=["<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]",
            "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]"])

    def tekken_possessive(self, d):
        return self.tekken(d, CL100K)

    # as transformers 4 converted SentencePiece models

    def older(self, d, make, name, **flags):
        make(d)
        t = AutoTokenizer.from_pretrained(d)
        file = [f for f in os.listdir(d) if f.endswith(".model")][0]

        class Stub:
            vocab_file, add_prefix_space = d + "/" + file, True
            keep_accents = do_lower_case = split_by_punct = False

            @staticmethod
            def convert_tokens_to_ids(s):
                return t.convert_tokens_to_ids(s)
        for k, v in flags.items():
            setattr(Stub, k, v)
        return Converted(convert_slow_tokenizer.SLOW_TO_FAST_CONVERTERS[name](Stub).converted(), t)

    def older_deberta_v2(self, d):
        return self.older(d, self.deberta_v2, "DebertaV2Tokenizer")

    def older_albert(self, d):
        return self.older(d, self.albert, "AlbertTokenizer", do_lower_case=True)

    def older_xlnet(self, d):
        return self.older(d, self.xlnet, "XLNetTokenizer")

    def older_xlmr(self, d):
        return self.older(d, self.xlmr, "XLMRobertaTokenizer")

    def older_camembert(self, d):
        return self.older(d, self.camembert, "CamembertTokenizer")

    def older_deberta(self, d):
        """Pairs have one [SEP] between them."""
        self.deberta(d)
        t = AutoTokenizer.from_pretrained(d)
        t._tokenizer.post_processor = processors.TemplateProcessing(single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
            special_tokens=[("[CLS]", t.cls_token_id), ("[SEP]", t.sep_token_id)])
        return Converted(t._tokenizer, t)

    # patterns of tokenizer.json

    def pattern(self, d, family, *splits):
        self.qwen2(d)
        self.save(d, tokenizer_class="PreTrainedTokenizerFast")
        dump(d, "config.json", {"model_type": family})
        t = json.load(open(d + "/tokenizer.json"))
        t["normalizer"] = None
        t["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": p}, "behavior": "Isolated", "invert": False} for p in splits] +
            [{"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}]}
        dump(d, "tokenizer.json", t)

    def bloom(self, d):
        self.pattern(d, "bloom", r" ?[^(\s|[.,!?…。，、।۔،])]+")

    def poro(self, d):
        self.pattern(d, "bloom", r" ?[^(\s|[.,!?…。，、।۔،])]+", r"\p{N}{1,3}+")

    def deepseek_v3(self, d):
        self.pattern(d, "deepseek_v3", r"\p{N}{1,3}", r"[一-龥぀-ゟ゠-ヿ]+",
            r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+""")

    def gpt_oss(self, d):
        self.pattern(d, "gpt_oss", O200K)

    def kimi_json(self, d):
        self.pattern(d, "kimi_k2", KIMI)

    def possessive_json(self, d):
        self.pattern(d, "gpt2", CL100K)

    # classes that nobody knows

    def unknown_json(self, d):
        self.roberta(d)
        self.save(d, tokenizer_class="FooTokenizer")

    def modernbert(self, d):
        self.gpt2(d)
        self.save(d, tokenizer_class="PreTrainedTokenizerFast", mask_token="[MASK]", cls_token="[CLS]", sep_token="[SEP]")
        dump(d, "config.json", {"model_type": "modernbert"})

    def added_gaps(self, d):
        """Added tokens whose ids do not follow the vocabulary, and two that fold alike."""
        self.bert(d)
        self.save(d)
        t = json.load(open(d + "/tokenizer.json"))
        n = len(t["model"]["vocab"])
        flags = dict(single_word=False, lstrip=False, rstrip=False, special=False)
        t["added_tokens"] += [dict(flags, id=n + 7, content="NewWord", normalized=True), dict(flags, id=n + 9, content="NEWWORD", normalized=True),
            dict(flags, id=n + 20, content=" gap", normalized=False)]
        dump(d, "tokenizer.json", t)
        dump(d, "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast"})

    def added_gaps_class(self, d):
        self.added_gaps(d)
        dump(d, "tokenizer_config.json", {"tokenizer_class": "BertTokenizer"})

    def added_json(self, d):
        """added_tokens.json, after lower-casing."""
        words(d)
        self.config(d, "bert", additional_special_tokens=["[Extra]"])
        dump(d, "added_tokens.json", {"NewWord": 230, "[Extra]": 231, "[X1]": 232})


NAMES = [n for n in vars(Folders) if not n.startswith("_") and n not in ("config", "edit", "save", "llama_spm", "albert_spm", "siglip_spm", "deberta_v2_spm", "ranks", "tiktoken_file", "older", "pattern")]


ENDINGS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
BLANKS = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = ENDINGS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*" + BLANKS
TEKKEN = rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*" + BLANKS
O200K = rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+{ENDINGS}?|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*{ENDINGS}?|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*" + BLANKS
NO_HAN = r"&&[^\p{Han}]]"
KIMI = rf"[\p{{Han}}]+|[^\r\n\p{{L}}\p{{N}}]?{UPPER[:-1]}{NO_HAN}*{LOWER[:-1]}{NO_HAN}+{ENDINGS}?|[^\r\n\p{{L}}\p{{N}}]?{UPPER[:-1]}{NO_HAN}+{LOWER[:-1]}{NO_HAN}*{ENDINGS}?|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*" + BLANKS
CL100K = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"


class Converted:
    """A tokenizer that an older release makes, with the special tokens of t, and its cases."""

    def __init__(self, converted, t):
        self.t, self.named = converted, t
        named = [str(s) for s in t._special_tokens_map.values() if s]
        converted.add_special_tokens([AddedToken(s, normalized=False, special=True, lstrip=s == str(t.mask_token) and t.__class__.__name__ == "CamembertTokenizer") for s in dict.fromkeys(named)])

    def cases(self, texts):
        out = {"cases": []}
        for text in texts:
            ids = self.t.encode(text).ids
            out["cases"].append({"text": text, "ids": ids, "written": ids, "plain": None,
                "decoded": self.t.decode(ids, skip_special_tokens=True), "whole": self.t.decode(ids, skip_special_tokens=False)})
        e = self.t.encode("The cat", "sat on")
        out["pair"], out["types"] = e.ids, e.type_ids
        out["special"] = {k: getattr(self.named, k + "_token_id") for k in ("bos", "eos", "unk", "sep", "pad", "cls", "mask")}
        return out


class Listed:
    """tiktoken's tokenizer of a list of tokens, and its cases."""

    def __init__(self, pattern, ranks, special, bos, eos, roles={}):
        self.t = tiktoken.Encoding("listed", pat_str=pattern, mergeable_ranks=ranks, special_tokens=special)
        self.special, self.bos, self.roles = special, [special[bos]] if bos else [], {"bos": bos, "eos": eos, **roles}

    def ids(self, text):
        return self.bos + self.t.encode(text, allowed_special="all")

    def text(self, ids):
        return self.t.decode(ids, errors="replace")

    def cases(self, texts):
        out, named = {"cases": []}, set(self.special.values())
        for text in texts:
            ids = self.ids(text)
            out["cases"].append({"text": text, "ids": ids, "written": ids, "plain": self.t.encode(text, disallowed_special=()),
                "decoded": self.text([i for i in ids if i not in named]), "whole": self.text(ids)})
        out["pair"] = self.ids("The cat") + self.ids("sat on")
        out["types"] = [0] * len(self.ids("The cat")) + [1] * len(self.ids("sat on"))
        out["special"] = {k: self.special[v] for k, v in self.roles.items() if v}
        return out


def random_texts(n):
    r = random.Random(1)
    chars = [c for t in TEXTS + LINES for c in t] + list("  \n\t<>[]▁") + [chr(r.choice([r.randrange(0x20, 0x3000), r.randrange(0x1f300, 0x1f700), r.randrange(0xac00, 0xd7a0)])) for _ in range(400)]
    parts = [w for t in TEXTS + LINES for w in t.split(" ")]
    out = []
    while len(out) < n:
        s = "".join(r.choice(chars) if r.random() < 0.6 else r.choice(parts) + " " * r.randrange(3) for _ in range(r.randrange(1, 14)))
        if not any(0xd800 <= ord(c) < 0xe000 for c in s):
            out.append(s)
    return out


def cases(t, texts):
    out = base.cases(t, texts, offsets=True)
    for c in out["cases"]:
        del c["target"]
    e = t("The cat", "sat on", return_token_type_ids=True)
    out["pair"], out["types"] = e["input_ids"], e["token_type_ids"]
    return out


def main():
    p = argparse.ArgumentParser()
    p.add_argument("-o")
    p.add_argument("-n", type=int, default=0)
    p.add_argument("names", nargs="*")
    a = p.parse_args()
    if a.o:
        make(a.o, a.names or NAMES, a.n)
        return
    import archive
    with archive.folders(change=True) as out:
        make(out, a.names or NAMES, a.n)


def make(out, names, n):
    folders = Folders()
    for name in names:
        d = os.path.join(out, name)
        shutil.rmtree(d, ignore_errors=True)
        os.makedirs(d)
        texts = TEXTS + random_texts(n)
        listed = getattr(folders, name)(d)
        try:
            dump(d, "cases.json", listed.cases(texts) if listed else cases(AutoTokenizer.from_pretrained(d), texts))
        except Exception as e:
            print(name, "FAILED", type(e).__name__, e)
            raise
        print(name, sum(os.path.getsize(os.path.join(d, f)) for f in os.listdir(d)))


if __name__ == "__main__":
    main()

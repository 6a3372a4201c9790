"""Makes texts.json.gz: what texts become before the text towers of image–text models read them.

    env/bin/pip install open_clip_torch==3.3.0 ftfy==6.3.1 sentencepiece==0.2.3     # beside those of ../golden/requirements.txt
    env/bin/python texts.py

A case names a folder of tokenizer/testdata/classes and files that are put beside it; the ids are those of its tokenizer
as transformers' processors call it, or of open_clip's, with keys, the sum of the attention mask if the model is given
one. Texts that the library ftfy would mend are left out.
"""

import gzip
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile

import ftfy
import open_clip.tokenizer
import transformers

HERE = pathlib.Path(__file__).parent
CLASSES = HERE.parents[2] / "tokenizer" / "testdata" / "classes"
sys.path.insert(0, str(CLASSES))
import archive

TEXTS = ["", " ", "a photo of a cat", "A Photo of a CAT, sitting on the mat!", "  spaces \t and\n\nlines ", "snake_case_name isn't it's 345",
         "Le chat était assis; кошка 猫 😀", "ΣΑΣ ΌΣΟΣ ΑΣ'Β Σ", "www.cat.com/?a=b&c=d", "on the mat and looked at the moon. " * 40]
MARKUP = ["cat &amp; dog", "cat &amp;amp; &lt;b&gt; &eacute;t&eacute; &nbsp; &hearts; &#65;&#x42; &notit; &unknown; &"]
SPELLED = ["a </s> cat", "a <|endoftext|>", "[SEP] cat [PAD]"]
assert all(ftfy.fix_text(t) == t for t in TEXTS)

CLIP = {"add_prefix_space": False, "bos_token": "<|startoftext|>", "do_lower_case": True, "eos_token": "<|endoftext|>", "errors": "replace",
        "model_max_length": 77, "pad_token": "<|endoftext|>", "tokenizer_class": "CLIPTokenizer", "unk_token": "<|endoftext|>"}
SIGLIP = {"do_lower_case": True, "eos_token": "</s>", "model_input_names": ["input_ids"], "model_max_length": 64, "pad_token": "</s>",
          "tokenizer_class": "SiglipTokenizer", "unk_token": "<unk>"}
GEMMA = {"add_bos_token": False, "add_eos_token": True, "model_input_names": ["input_ids"], "padding_side": "right", "tokenizer_class": "GemmaTokenizer"}
T5 = {"eos_token": "</s>", "extra_ids": 0, "legacy": False, "pad_token": "</s>", "tokenizer_class": "T5Tokenizer", "unk_token": "<unk>"}
BERT = {"do_lower_case": True, "tokenizer_class": "BertTokenizer"}

HF = [  # name, golden model, folder, tokenizer_config, length, whether texts are padded to it
    ("clip", "clip-plain", "clip", CLIP, 77, False),
    ("metaclip_2", "metaclip_2-plain", "xlmr", None, 77, False),
    ("chinese_clip", "chinese_clip-plain", "bert", BERT, 52, False),
    ("altclip", "altclip-plain", "xlmr", {"tokenizer_class": "XLMRobertaTokenizer"}, 77, False),
    ("siglip", "siglip-plain", "siglip", SIGLIP, 64, True),
    ("siglip-so400m", "siglip-plain", "siglip", {**SIGLIP, "model_max_length": 16}, 16, True),
    ("siglip-class-default", "siglip-plain", "siglip", {k: v for k, v in SIGLIP.items() if k != "model_input_names"}, 64, True),
    ("siglip-mask", "siglip-plain", "siglip", {**SIGLIP, "model_input_names": ["input_ids", "attention_mask"]}, 64, True),
    ("siglip-cased", "siglip-plain", "siglip", {**SIGLIP, "do_lower_case": False}, 64, True),
    ("siglip2", "siglip-plain", "siglip2", GEMMA, 64, True),
    ("siglip2-class", "siglip-plain", "siglip2", {**GEMMA, "tokenizer_class": "Siglip2Tokenizer"}, 64, True),
    ("siglip2-left", "siglip-plain", "siglip2", {k: v for k, v in GEMMA.items() if k != "padding_side"}, 64, True),
]
OPEN = [  # name, golden model, folder, tokenizer_config, text_cfg
    ("openclip", "plain", "clip", CLIP, {"context_length": 77}),
    ("openclip-canonicalize", "plain", "clip", CLIP, {"context_length": 77, "tokenizer_kwargs": {"clean": "canonicalize"}}),
    ("openclip-bert", "plain", "bert", BERT, {"context_length": 32, "hf_tokenizer_name": "bert-base-uncased", "tokenizer_kwargs": {"strip_sep_token": True}}),
    ("openclip-siglip", "siglip", "siglip", T5, {"context_length": 64, "hf_tokenizer_name": "timm/ViT-B-16-SigLIP", "tokenizer_kwargs": {"clean": "canonicalize"}}),
    ("openclip-siglip2", "siglip", "siglip2", GEMMA, {"context_length": 64, "hf_tokenizer_name": "timm/ViT-B-16-SigLIP2", "tokenizer_kwargs": {"clean": "canonicalize"}}),
    ("openclip-lower", "siglip", "siglip", T5, {"context_length": 16, "hf_tokenizer_name": "x", "tokenizer_kwargs": {"clean": "lower"}}),
    ("openclip-whitespace", "siglip", "siglip", T5, {"context_length": 16, "hf_tokenizer_name": "x"}),
]


def main():
    transformers.logging.set_verbosity_error()
    cases = []
    with archive.folders(change=False) as stored, tempfile.TemporaryDirectory() as d:
        for name, model, folder, config, length, padded in HF:
            files = prepare(d, stored, folder, config, re.sub("-.*", "", model))
            t = transformers.AutoTokenizer.from_pretrained(d)
            texts, more = TEXTS + MARKUP + SPELLED, {"padding": "max_length"} if padded else {}
            out = [t(text, truncation=True, max_length=length, **more) for text in texts]
            cases.append({"name": name, "model": model, "folder": folder, "files": files, "length": length, "texts": texts, "ids": [o["input_ids"] for o in out],
                          "keys": [sum(o["attention_mask"]) if padded and "attention_mask" in o else 0 for o in out]})
        for name, model, folder, config, text in OPEN:
            texts, length = TEXTS + MARKUP, text["context_length"]
            files, more = prepare(d, stored, folder, config, None), {}
            if "hf_tokenizer_name" not in text:
                texts, more = texts + SPELLED, {"bpe_path": own(d, files)}
            with open(d + "/open_clip_config.json", "w") as f:
                json.dump({"model_cfg": {"text_cfg": text}}, f)
            ids = open_clip.get_tokenizer("local-dir:" + d, **more)(texts).tolist()
            if model == "plain":  # the pooled token is the largest, or the last but padding: what follows is not seen
                ids = [cut(i) for i in ids] if "strip" not in str(text) else ids
            cases.append({"name": name, "model": "openclip/" + model, "folder": folder, "files": files, "length": length, "text_cfg": text, "texts": texts, "ids": ids})
    with open(HERE / "texts.json.gz", "wb") as f:
        f.write(gzip.compress(json.dumps(cases, ensure_ascii=False, separators=(",", ":")).encode(), 9, mtime=0))
    print(os.path.getsize(HERE / "texts.json.gz"))


def cut(ids: list) -> list:
    while ids[-1] == 0:
        ids = ids[:-1]
    return ids


def prepare(d: str, stored: str, folder: str, config: dict | None, family: str | None) -> dict:
    shutil.rmtree(d)
    shutil.copytree(os.path.join(stored, folder), d)
    for name in ("config.json", "cases.json"):
        os.remove(os.path.join(d, name))
    files = {}
    if config:
        files["tokenizer_config.json"] = json.dumps(config)
        pathlib.Path(d, "tokenizer_config.json").write_text(files["tokenizer_config.json"])
    if family:
        pathlib.Path(d, "config.json").write_text(json.dumps({"model_type": family}))
    return files


def own(d: str, files: dict) -> str:
    """Adds the vocabulary as published beside OpenCLIP's weights, and returns the list of merges that the library would have."""
    lines = [m for m in pathlib.Path(d, "merges.txt").read_text().split("\n")[1:] if m]
    merges = os.path.join(d, "bpe.txt.gz")
    with gzip.open(merges, "wt") as f:
        f.write("\n".join(["#version"] + lines))
    simple = open_clip.tokenizer.SimpleTokenizer(bpe_path=merges)
    names = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}
    files["vocab.json"] = json.dumps({names.get(k, k): i for k, i in simple.encoder.items()}, ensure_ascii=False)
    return merges


if __name__ == "__main__":
    main()

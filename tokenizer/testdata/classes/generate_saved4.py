"""Makes folders saved4_NAME: tokenizers of the folders of folders.zip.gz that have raw vocabularies, saved by transformers 4.57.6, each
with cases.json, what the reference of requirements.txt gives on them. The first step runs where requirements-4.txt is
installed, the others where requirements.txt is:

    python generate_saved4.py save DIR
    python generate_saved4.py cases DIR [-n 2000]
    python generate_saved4.py add DIR   # to folders.zip.gz
"""

import json
import os
import shutil
import sys

import archive

NAMES = ["albert", "bert", "bert_accents", "bert_cased", "camembert", "clip", "deberta", "deberta_v2", "distilbert", "electra", "gemma", "gpt2", "llama",
         "mpnet", "qwen2", "roberta", "xlmr", "bart"]
RAW = (".model", "vocab.json", "vocab.txt", "merges.txt", "cases.json")


def save(out):
    with archive.folders(change=False) as folders:
        save_all(folders, out)


def save_all(folders, out):
    from transformers import AutoTokenizer
    for name in NAMES:
        d = os.path.join(out, "saved4_" + name)
        source = os.path.join(folders, name)
        if not os.path.isdir(source) or os.path.exists(source + "/tokenizer.json"):
            print("no raw vocabulary:", name)
            continue
        shutil.rmtree(d, ignore_errors=True)
        shutil.copytree(source, d)
        try:
            AutoTokenizer.from_pretrained(d, use_fast=True).save_pretrained(d)
        except Exception as e:
            print(name, type(e).__name__, str(e)[:200])
            shutil.rmtree(d)
            continue
        for f in os.listdir(d):
            if f.endswith(RAW):
                os.remove(d + "/" + f)
            elif f.endswith(".json"):
                value = json.load(open(d + "/" + f))
                with open(d + "/" + f, "w") as w:
                    json.dump(value, w, ensure_ascii=False, separators=(",", ":"))


def cases(out, n):
    import generate
    for name in sorted(os.listdir(out)):
        if name.startswith("saved4_"):
            d = os.path.join(out, name)
            generate.dump(d, "cases.json", generate.cases(generate.AutoTokenizer.from_pretrained(d), generate.TEXTS + generate.random_texts(n)))


def add(out):
    with archive.folders(change=True) as folders:
        for name in sorted(os.listdir(out)):
            if name.startswith("saved4_"):
                shutil.rmtree(os.path.join(folders, name), ignore_errors=True)
                shutil.copytree(os.path.join(out, name), os.path.join(folders, name))


if __name__ == "__main__":
    if sys.argv[1] == "save":
        save(sys.argv[2])
    elif sys.argv[1] == "add":
        add(sys.argv[2])
    else:
        cases(sys.argv[2], int(sys.argv[4]) if len(sys.argv) > 4 else 0)

"""Checkpoints and texts of the cases with special tokens spelled out: files that change those in expected.json.gz."""

import json

import tokenizers

from checkpoints import LONG, VOCAB

TEXTS = ["{cls} John {sep} sings {pad}{pad} songs {unk}, {mask} and {cls}{cls} reads.{cls}", "{mask}", "{unk}who{unk}{mask}{sep} 한 sings {pad}",
         "{sep}" + LONG.replace(" in ", "{cls} {pad}in ").replace(" the ", " the{mask} ")]


def several() -> dict:
    """A class token that also ends each text, a mask that takes the spaces beside it, and a word that takes one character
    of a text for three."""
    vocab = {t: i for i, t in enumerate(VOCAB)}
    vocab["\u1112\u1161\u11ab"] = min(set(range(len(VOCAB))) - set(vocab.values()))
    t = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocab, unk_token="[UNK]"))
    t.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    t.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    t.decoder = tokenizers.decoders.WordPiece()
    t.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [CLS]", pair="[CLS] $A [CLS] $B:1 [CLS]:1", special_tokens=[("[CLS]", vocab["[CLS]"])])
    t.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", tokenizers.AddedToken("[MASK]", lstrip=True, rstrip=True, special=True)])
    names = {"cls_token": "[CLS]", "sep_token": "[CLS]", "pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]"}
    return {"tokenizer.json": t.to_str(),
            "tokenizer_config.json": json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 64, **names})}


def roberta() -> dict:
    """The mask that published files have; transformers 4 and 5 part where they name none."""
    mask = {"__type": "AddedToken", "content": "<mask>", "lstrip": True, "normalized": False, "rstrip": False, "single_word": False}
    return {"tokenizer_config.json": json.dumps({"tokenizer_class": "RobertaTokenizer", "model_max_length": 60, "mask_token": mask})}


def spelled(tokenizer, *texts: str) -> list:
    """The texts with the tokenizer's own special tokens."""
    return [t.format(**{k: getattr(tokenizer, k + "_token") for k in ("cls", "sep", "pad", "unk", "mask")}) for t in texts]


def checkpoints(all_of_them: dict, changes: dict) -> dict:
    """name -> what is written: changes has, for each name, the checkpoint it is made of and files."""
    return {n: dict(all_of_them[c["base"]], files=all_of_them[c["base"]]["files"] | c["files"]) for n, c in changes.items()}


def compact(v) -> str:
    return json.dumps(v, ensure_ascii=False, separators=(",", ":"))


def rows(values: list) -> str:
    return "[\n" + ",\n".join(map(compact, values)) + "]"

"""Writes stages.json.gz: what tokenizers 0.23 makes of tokenizer.json files with every kind of stage in every shape.

    env/bin/python generate_stages.py   # with requirements-stages.txt

A case is a slot of the file, a kind of stage (by its place in kinds), and for each shape a result (by its place in
results), -1 if the reference refuses the file. In a shape, X is the stage and L the key of the slot's lists. A result has
ids, offsets in bytes and decoded text of each text, the ids of it with "a" as a pair, and the text of the ids in decode;
where the reference itself panics, there is null.
"""

import gzip
import json
import pathlib

import tokenizers

BASE = ('{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":null,"pre_tokenizer":null,"post_processor":null,'
        '"decoder":null,"model":{"type":"BPE","dropout":null,"unk_token":"<unk>","continuing_subword_prefix":null,"end_of_word_suffix":null,'
        '"fuse_unk":false,"byte_fallback":false,"vocab":{"<unk>":0,"a":1,"b":2,"c":3," ":4,"▁":5,"ab":6,"Ġ":7,"1":8,"##b":9,"<0xC3>":10,"E":11},'
        '"merges":["a b"]}}')
LISTS = {"normalizer": "normalizers", "pre_tokenizer": "pretokenizers", "post_processor": "processors", "decoder": "decoders", "model": "models"}
TEXTS = ["", "a b  c\n", "ab▁É 12!", " a", "  "]
DECODE = [1, 10, 1, 9, 9, 5, 2, 6, 1]


def sequence(*stages: str) -> str:
    return '{"type":"Sequence","L":[' + ",".join(stages) + "]}"


SHAPES = {
    "alone": "X", "one": sequence("X"), "nested": sequence(sequence("X")), "twice": sequence("X", "X"), "deep": sequence(sequence(sequence(sequence("X")))),
    "empty": sequence(), "empty nested": sequence(sequence()), "empty before": sequence(sequence(), "X"), "empty after": sequence("X", sequence()),
    "empties": sequence(sequence(), sequence(sequence(), sequence())), "null": "null", "null member": sequence("null"), "null after": sequence("X", "null"),
    "null before": sequence("null", "X"), "no list": '{"type":"Sequence"}', "null list": '{"type":"Sequence","L":null}', "object": "{}", "list": "[]",
    "list of": "[X]", "string": '"NFC"', "number": "5", "null type": '{"type":null}', "string member": sequence('"NFC"'),
}
WITHOUT = {"empty", "empty nested", "empties", "null", "null member", "no list", "null list", "object", "list", "string", "number", "null type", "string member"}
MODEL = {"alone", "one", "null", "object", "list", "string", "number", "null type"}  # shapes of a model


def replace(pattern: str, content: str) -> str:
    return '{"type":"Replace","pattern":' + pattern + ',"content":"' + content + '"}'


def split(pattern: str, behavior: str, invert: str = "false") -> str:
    return '{"type":"Split","pattern":' + pattern + ',"behavior":"' + behavior + '","invert":' + invert + "}"


def template(single: str, pair: str, tokens: str) -> str:
    return '{"type":"TemplateProcessing","single":[' + single + '],"pair":[' + pair + '],"special_tokens":{' + tokens + "}}"


A, B = '{"Sequence":{"id":"A","type_id":0}}', '{"Sequence":{"id":"B","type_id":1}}'
S = '{"SpecialToken":{"id":"s","type_id":0}}'
LEVEL = '{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}'
EMPTY, STAR, START = '{"String":""}', '{"Regex":"b*"}', '{"Regex":"^"}'
KINDS = {
    "normalizer": [
        '{"type":"NFC"}', '{"type":"NFD"}', '{"type":"NFKC"}', '{"type":"NFKD"}', '{"type":"Lowercase"}', '{"type":"Strip","strip_left":true,"strip_right":true}',
        '{"type":"StripAccents"}', '{"type":"Prepend","prepend":"▁"}', '{"type":"Nmt"}', replace('{"String":"a"}', "bb"), replace('{"String":"b  "}', "c"),
        replace(EMPTY, "b"), replace(STAR, "a"), replace(START, "b"), replace('{"Regex":"a|"}', "1"), replace('{"Regex":"\\\\s+"}', "▁"),
        replace('{"Regex":"(?=b)"}', "c"), '{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true}',
        '{"type":"Precompiled","precompiled_charsmap":"AAAAAA=="}', '{"type":"Precompiled","precompiled_charsmap":""}'],
    "pre_tokenizer": [
        LEVEL, '{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false}',
        '{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}', '{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":false}',
        '{"type":"Metaspace","replacement":"__","prepend_scheme":"first","split":false}', split('{"String":" "}', "Removed"),
        *(split(STAR, b, i) for b in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous") for i in ("false", "true")),
        split(EMPTY, "Isolated"), split(EMPTY, "MergedWithNext", "true"), split('{"Regex":"a|"}', "MergedWithNext"), split('{"String":"a","Regex":"b"}', "Isolated"),
        '{"type":"Digits","individual_digits":true}', '{"type":"Punctuation","behavior":"Contiguous"}', '{"type":"Whitespace"}', '{"type":"WhitespaceSplit"}',
        '{"type":"BertPreTokenizer"}', '{"type":"CharDelimiterSplit","delimiter":" "}', '{"type":"CharDelimiterSplit","delimiter":""}',
        '{"type":"FixedLength","length":2}', '{"type":"UnicodeScripts"}'],
    "post_processor": [
        template(f"{S},{A}", f"{A},{S},{B}", '"s":{"id":"s","ids":[1,2],"tokens":["a","b"]}'), template(A, f"{A},{B}", ""), template("", "", ""),
        '{"type":"BertProcessing","sep":["a",1],"cls":["b",2]}', '{"type":"RobertaProcessing","sep":["a",1],"cls":["b",2],"trim_offsets":true,"add_prefix_space":true}',
        '{"type":"RobertaProcessing","sep":["a",1],"cls":["b",2]}', LEVEL],
    "decoder": [
        LEVEL, '{"type":"Fuse"}', '{"type":"ByteFallback"}', '{"type":"Strip","content":"b","start":1,"stop":0}', '{"type":"Strip","content":"","start":1,"stop":0}',
        replace('{"String":"a"}', "xx"), replace(EMPTY, "x"), replace(STAR, "y"), '{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}',
        '{"type":"WordPiece","prefix":"##","cleanup":true}', '{"type":"WordPiece","prefix":"","cleanup":false}', '{"type":"BPEDecoder","suffix":"</w>"}',
        '{"type":"BPEDecoder","suffix":""}', '{"type":"CTC","pad_token":"a","word_delimiter_token":"|","cleanup":true}',
        '{"type":"CTC","pad_token":"","word_delimiter_token":"","cleanup":true}'],
    "model": [
        '{"type":"BPE","vocab":{},"merges":[]}', '{"type":"BPE","vocab":{"a":0},"merges":[],"unk_token":"zz"}', '{"type":"BPE","vocab":{"":0,"a":1},"merges":[],"unk_token":""}',
        '{"type":"BPE","vocab":null,"merges":[]}', '{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":[null]}', '{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":[[]]}',
        '{"type":"BPE","vocab":{"<unk>":0,"a":1,"b":2,"ab":3},"merges":[["a","b"],["a","b"]],"unk_token":"<unk>","fuse_unk":true,"byte_fallback":true,"ignore_merges":true}',
        '{"type":"WordPiece","vocab":{},"unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100}',
        '{"type":"WordPiece","vocab":{"[UNK]":0,"a":1,"":2},"unk_token":"[UNK]","continuing_subword_prefix":"","max_input_chars_per_word":100}',
        '{"type":"WordPiece","vocab":{"[UNK]":0,"a":1},"unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":0}',
        '{"type":"WordPiece","vocab":{"[UNK]":0,"a":1},"unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":-1}',
        '{"type":"WordLevel","vocab":{},"unk_token":"<unk>"}', '{"type":"WordLevel","vocab":{"a":0},"unk_token":"a"}',
        '{"type":"Unigram","unk_id":0,"vocab":[],"byte_fallback":false}', '{"type":"Unigram","unk_id":null,"vocab":[["a",0]],"byte_fallback":false}',
        '{"type":"Unigram","unk_id":0,"vocab":[["",0],["a",-1]],"byte_fallback":true}', '{"type":"Unigram","unk_id":9,"vocab":[["a",0]],"byte_fallback":false}',
        '{"type":"Unigram","unk_id":0,"vocab":[null],"byte_fallback":false}', '{"type":"Unigram","unk_id":0,"vocab":[["a",null]],"byte_fallback":false}',
        '{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0],["a",1e300],["ab",1e308]],"byte_fallback":false}'],
}


def document(slot: str, stage: str) -> str:
    if slot == "model":
        return BASE[:BASE.index('"model":')] + '"model":' + stage + "}"
    return BASE.replace(f'"{slot}":null', f'"{slot}":{stage}')


def attempt(use):
    try:
        return use()
    except BaseException:  # panics of the reference too
        return None


def at(text: str, chars: int) -> int:
    return len(text[:chars].encode())


def result(slot: str, stage: str):
    t = attempt(lambda: tokenizers.Tokenizer.from_str(document(slot, stage)))
    if t is None:
        return None
    texts = []
    for text in TEXTS:
        e = attempt(lambda: t.encode(text))
        texts.append(None if e is None else {"ids": e.ids, "offsets": [[at(text, a), at(text, b)] for a, b in e.offsets], "pair": attempt(lambda: t.encode(text, "a").ids),
                            "decoded": attempt(lambda: t.decode(e.ids, skip_special_tokens=False))})
    return {"texts": texts, "decoded": attempt(lambda: t.decode(DECODE)) if slot != "model" else None}


def main():
    kinds, results, cases = [k for of in KINDS.values() for k in of], [], []
    for slot in KINDS:
        for place, kind in ((p, k) for p in KINDS for k in KINDS[p]):
            found = {}
            for name, shape in SHAPES.items():
                stands = place == slot and (slot != "model" or name in MODEL) and (name not in WITHOUT or kind == KINDS[slot][0])
                if not stands and (place == slot or name != "alone"):
                    continue
                r = result(slot, shape.replace('"L"', f'"{LISTS[slot]}"').replace("X", kind))
                if r is not None and r not in results:
                    results.append(r)
                found[name] = -1 if r is None else results.index(r)
            cases.append([slot, kinds.index(kind), found])
    out = {"base": BASE, "lists": LISTS, "texts": TEXTS, "decode": DECODE, "kinds": kinds, "shapes": SHAPES, "results": results, "cases": cases}
    lines = [f"{json.dumps(k)}:{json.dumps(v, ensure_ascii=False, separators=(',', ':'))}" for k, v in out.items()]
    (pathlib.Path(__file__).parent / "stages.json.gz").write_bytes(gzip.compress(("{" + ",\n".join(lines) + "}\n").encode(), mtime=0))


if __name__ == "__main__":
    main()

"""Writes answers_special.json.gz: what the question-answering pipeline of transformers 4.57 answers where questions and texts
spell out special tokens.

    env/bin/python generate_answers_special.py   # with requirements-answers.txt, after generate.py

checkpoints change files of those in expected.json.gz. Of an answer there are start, end, in bytes of the text, and score; its
text is what lies between. Answers with the score 0 are left out, and so are cases in which spans with the same score
decide: their order in the reference depends on the processor. Where the question leaves no room, there is an error.
"""

import gzip
import json
import pathlib
import tempfile

import numpy as np
from transformers import pipeline
from transformers.pipelines import question_answering

from checkpoints import LONG, bytes_at, write
from special import checkpoints, compact, roberta, rows, several, spelled

HERE = pathlib.Path(__file__).parent
CASES = [
    ("{cls} who lives here", "John Smith lives in Berlinville, the old capital."),
    ("who {cls} lives in{cls} where {cls}", "John Smith lives in Berlinville, the old capital."),
    ("{cls}", "Mary {cls}sings."),
    ("one two three four five cat dog {cls} mat man", "Mary sang."),
    ("Wer{cls}singt in Zürich 日本{cls}?", "Café {cls} Zürich is a naïve, x-ray house."),
    ("{cls} é 日本 {cls}", "日本 é ü{cls} 😀 x"),
    ("{unk}who{unk} {cls} sings", "{unk}John {unk} sings{cls}{unk}"),
    ("who sings", "{cls} John {sep} sings {pad}{pad} songs {unk}, {mask} and {cls}{cls} reads.{cls}"),
    ("where {sep} does {pad} he {unk} live {mask} {cls}", LONG),
    ("{sep}{cls}who {cls}lives", LONG.replace(" in ", "{cls} {pad}in ").replace(" the ", " the{mask} ")),
]
SETTINGS = [{}, {"top_k": 5}, {"top_k": 5, "align_to_words": False}, {"top_k": 4, "handle_impossible_answer": True, "max_answer_len": 60},
            {"align_to_words": False}, {"top_k": 4, "doc_stride": 4, "max_seq_len": 30},
            {"top_k": 4, "doc_stride": 4, "max_seq_len": 30, "align_to_words": False, "handle_impossible_answer": True}]


class Ties:
    """Notes whether the spans that the reference chooses from have a score in common."""

    def __init__(self):
        self.decode, self.found = question_answering.decode_spans, False
        question_answering.decode_spans = self

    def __call__(self, start, end, topk, limit, desired):
        if topk > 1:
            scores = np.sort(self.decode(start, end, topk + 1, limit, desired)[2])
            self.found |= bool(((scores[1:] == scores[:-1]) & (scores[1:] > 0)).any())
        return self.decode(start, end, topk, limit, desired)


def answers(p, question: str, context: str, settings: dict) -> dict:
    try:
        got = p(question=question, context=context, **settings)
    except BaseException as e:  # tokenizers panics where the question leaves less room than the stride
        if "stride" not in str(e) and "too short" not in str(e):
            raise
        return {"error": True}
    return {"answers": [[bytes_at(context, a["start"]), bytes_at(context, a["end"]), float(f"{a['score']:.8g}")]
                        for a in (got if isinstance(got, list) else [got]) if a["score"] > 0]}


def main():
    changed = {"answers": {}, "roberta answers": roberta(), "xlm-roberta answers": {}, "several": several()}
    changed = {n: {"base": "answers" if n == "several" else n, "files": f} for n, f in changed.items()}
    out, ties = {"checkpoints": changed, "texts": [], "cases": []}, Ties()
    for name, c in checkpoints(json.loads(gzip.decompress((HERE / "expected.json.gz").read_bytes()))["checkpoints"], changed).items():
        folder = tempfile.mkdtemp()
        write(pathlib.Path(folder), c)
        p = pipeline("question-answering", model=folder, tokenizer=folder)
        for case in CASES:
            question, context = spelled(p.tokenizer, *case)
            if [question, context] not in out["texts"]:
                out["texts"].append([question, context])
            for settings in SETTINGS:
                ties.found, got = False, answers(p, question, context, settings)
                if ties.found:
                    print("left out for a tie:", name, question, settings)
                    continue
                out["cases"].append({"checkpoint": name, "text": out["texts"].index([question, context]), "settings": settings, **got})
    lines = [f'"checkpoints":{compact(out["checkpoints"])}', '"texts":' + rows(out["texts"]), '"cases":' + rows(out["cases"])]
    (HERE / "answers_special.json.gz").write_bytes(gzip.compress(("{" + ",\n".join(lines) + "}\n").encode(), mtime=0))


if __name__ == "__main__":
    main()

"""Writes answers.json: what the question-answering pipeline of transformers 4.57 answers, which 5 no longer has.

    env/bin/python generate_answers.py   # with requirements-answers.txt, after generate.py
"""

import gzip
import json
import pathlib
import tempfile

from transformers import pipeline

from checkpoints import LONG, bytes_at, write

HERE = pathlib.Path(__file__).parent
CASES = [("Where does John live?", "John Smith lives in Berlinville, the old capital."), ("who sings", LONG), ("what is café", "Café Zürich is a naïve, x-ray house.")]
SETTINGS = [{}, {"top_k": 4}, {"top_k": 3, "align_to_words": False}, {"top_k": 3, "handle_impossible_answer": True}, {"top_k": 3, "max_answer_len": 2},
            {"top_k": 3, "doc_stride": 5, "max_seq_len": 36}]


def main():
    checkpoints = json.loads(gzip.decompress((HERE / "expected.json.gz").read_bytes()))["checkpoints"]
    out = []
    for name in (n for n in checkpoints if n.endswith("answers")):
        folder = tempfile.mkdtemp()
        write(pathlib.Path(folder), checkpoints[name])
        p = pipeline("question-answering", model=folder, tokenizer=folder)
        for question, context in CASES:
            for s in SETTINGS:
                got = p(question=question, context=context, **s)
                got = got if isinstance(got, list) else [got]
                out.append({"checkpoint": name, "question": question, "context": context, "settings": s, "answers": [
                    {"text": a["answer"], "start": bytes_at(context, a["start"]), "end": bytes_at(context, a["end"]), "score": a["score"]}
                    for a in got]})
    (HERE / "answers.json").write_text(json.dumps(out, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()

"""Records what llama.cpp's own convert_hf_to_gguf.py makes of the trained decoder in examples/internal/tiny, tokenizer and all:

    LLAMA_CPP=.../llama.cpp python3 convert_folder.py

LLAMA_CPP is as for convert.py. The converter knows pre-tokenizers by a hash of what they make of a text, and this one by none:
the name is answered by hand. converted/whole/decoder.json.gz holds

    metadata   [[key, type, value]]: as in the file, but for general.name and what is guessed from the folder's name
    tensors    [[name, shape, type, SHA-256 of the bytes]]
"""

import contextlib
import hashlib
import io
import json
import logging
import os
import pathlib
import sys
import tempfile

import numpy as np
import torch

LLAMA_CPP = pathlib.Path(os.environ["LLAMA_CPP"])
sys.path[:0] = [str(LLAMA_CPP), str(LLAMA_CPP / "gguf-py")]

import gguf  # noqa: E402
import conversion  # noqa: E402
from conversion import base  # noqa: E402

from convert import HERE, type_name, value, write  # noqa: E402

FOLDER = HERE.parents[2] / "examples" / "internal" / "tiny" / "decoder"


def main():
    logging.disable(logging.CRITICAL)
    hparams = base.ModelBase.load_hparams(FOLDER, False)
    cls = conversion.get_model_class(base.get_model_architecture(hparams, base.ModelType.TEXT))
    base.TextModel.get_vocab_base_pre = lambda self, tokenizer: "gpt-2"
    with tempfile.TemporaryDirectory() as temporary, torch.inference_mode(), contextlib.redirect_stderr(io.StringIO()):
        out = pathlib.Path(temporary, "out.gguf")
        kind = {"F32": gguf.LlamaFileType.ALL_F32, "BF16": gguf.LlamaFileType.MOSTLY_BF16}[sys.argv[1] if sys.argv[1:] else "BF16"]
        cls(FOLDER, kind, out).write()
        reader = gguf.GGUFReader(out)
        guessed = ("general.name", "general.size_label", "general.basename", "general.finetune")
        metadata = [[f.name, type_name(f), value(f)] for f in reader.fields.values() if not f.name.startswith("GGUF.") and f.name not in guessed]
        tensors = [[t.name, [int(n) for n in reversed(t.shape)], t.tensor_type.name, hashlib.sha256(np.ascontiguousarray(t.data).tobytes()).hexdigest()]
                   for t in reader.tensors]
    print(write("whole/decoder", {"metadata": metadata, "tensors": tensors}), "bytes")


if __name__ == "__main__":
    main()

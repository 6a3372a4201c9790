"""The checkpoints of the cases: small encoders whose weights are a formula of name and index, so that no file holds them."""

import json
import pathlib
import tempfile

import numpy as np
import safetensors.torch
import tokenizers
import torch

WORDS = """the a an of in on at to and or is was are were be by for with from that this it he she they we you i not no yes
cat dog mat man woman child bird house river city king queen paris london berlin john mary anna peter smith food bread
water wine book table tree big small red blue old new good bad quick slow eat eats eating sat sit run runs running live
lives lived work works read reads reading where who what when how many does did do has have had one two three four five
capital country france germany england north south east west day night rain sun love loves song sing sings""".split()
PIECES = """##s ##ed ##ing ##er ##est ##ly ##ness ##tion ##able ##land ##ton ##ville ##berg ##man ##son ##th ##al ##ic""".split()
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
VOCAB = (["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + list(".,!?'-:;()") + list(LETTERS) + ["##" + c for c in LETTERS]
         + [w for w in WORDS if len(w) > 1] + PIECES)

BERT = {"model_type": "bert", "vocab_size": len(VOCAB), "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
        "intermediate_size": 48, "hidden_act": "gelu", "max_position_embeddings": 64, "type_vocab_size": 2,
        "layer_norm_eps": 1e-12, "pad_token_id": 0}
NER = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "MISC", "X-Y-Z"]


def labels(names):
    return {"id2label": {str(i): n for i, n in enumerate(names)}, "label2id": {n: i for i, n in enumerate(names)}}


def formula(name: str, shape) -> np.ndarray:
    """checkpoint.Formula of the Go package tensor/checkpoint, with the offset and scale that the tests have."""
    with np.errstate(over="ignore"):
        h = np.uint64(0xCBF29CE484222325)
        for b in name.encode():
            h = (h ^ np.uint64(b)) * np.uint64(0x100000001B3)
        z = h + np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        z = z ^ z >> np.uint64(31)
    u = (z >> np.uint64(40)).astype(np.float64) / 2**23 - 1
    if name.endswith("bias"):
        offset, scale = 0.0, 0.1
    elif len(shape) == 1:
        offset, scale = 1.0, 0.1
    elif "embeddings" in name:
        offset, scale = 0.0, 1.0
    else:
        offset, scale = 0.0, 2 * (3 / shape[1]) ** 0.5
    return (offset + scale * u).astype(np.float32).reshape(shape)


def write(folder: pathlib.Path, checkpoint: dict):
    """Writes a checkpoint as the tests have it: files, and weights by file, tensor and shape."""
    for path, text in checkpoint["files"].items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    for path, tensors in checkpoint["weights"].items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        values = {n: torch.from_numpy(formula(n, s)) for n, s in tensors.items()}
        safetensors.torch.save_file(values, folder / path, {"format": "pt"})


def roberta_files() -> dict:
    """A byte-level BPE."""
    t = tokenizers.ByteLevelBPETokenizer()
    t.train_from_iterator(SENTENCES, vocab_size=340, show_progress=False, special_tokens=SPECIAL)
    with tempfile.TemporaryDirectory() as folder:
        t.save_model(folder)
        read = {n: pathlib.Path(folder, n).read_text() for n in ("vocab.json", "merges.txt")}
    return read | {"tokenizer_config.json": json.dumps({"tokenizer_class": "RobertaTokenizer", "model_max_length": 60})}


def unigram_files() -> dict:
    """A Unigram model with the stages of XLM-RoBERTa, kept in a file: training one does not give the same twice."""
    path = pathlib.Path(__file__).parent / "unigram.json"
    if not path.exists():
        t = tokenizers.Tokenizer(tokenizers.models.Unigram())
        t.pre_tokenizer = tokenizers.pre_tokenizers.Sequence([tokenizers.pre_tokenizers.WhitespaceSplit(), tokenizers.pre_tokenizers.Metaspace()])
        t.decoder = tokenizers.decoders.Metaspace()
        t.train_from_iterator(SENTENCES, tokenizers.trainers.UnigramTrainer(vocab_size=150, show_progress=False, special_tokens=SPECIAL, unk_token="<unk>"))
        t.post_processor = tokenizers.processors.TemplateProcessing(
            single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
        path.write_text(t.to_str())
    names = {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>",
             "mask_token": "<mask>"}
    return {"tokenizer.json": path.read_text(), "tokenizer_config.json": json.dumps(
        {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 60, "model_input_names": ["input_ids", "attention_mask"], **names})}


def files(config: dict) -> dict:
    if config["model_type"] == "roberta":
        return {"config.json": json.dumps(config), **roberta_files()}
    if config["model_type"] == "xlm-roberta":
        return {"config.json": json.dumps(config), **unigram_files()}
    return {"config.json": json.dumps(config), "vocab.txt": "\n".join(VOCAB) + "\n",
            "tokenizer_config.json": json.dumps({"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 64})}


def bytes_at(text: str, chars: int) -> int:
    return len(text[:chars].encode())


LONG = ("John Smith lived in the old city of Berlin and loved to sing. His wife, Mary, was from Paris, the capital of France. "
        "They had three children: Anna, Peter and a small one who was not yet reading. In the north of Germany it rains many days. "
        "Peter works with wine, bread and water by the river; Anna reads books at night. The king of England sat on the mat.")

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
SENTENCES = [s + "." for s in LONG.split(". ")] * 3
ROBERTA = BERT | {"model_type": "roberta", "vocab_size": 340, "max_position_embeddings": 62, "type_vocab_size": 1, "pad_token_id": 1,
                  "bos_token_id": 0, "eos_token_id": 2, "layer_norm_eps": 1e-5}

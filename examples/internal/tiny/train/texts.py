"""What the training scripts of tiny decoders share: a vocabulary, and rows of ids."""
import numpy, torch
from tokenizers import ByteLevelBPETokenizer
from transformers import PreTrainedTokenizerFast

END = "<|endoftext|>"


def train_tokenizer(texts, vocabulary, context):
    """A byte-level BPE vocabulary: 256 bytes, the end of a text, and as many merges as there is room for."""
    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(texts, vocab_size=vocabulary, min_frequency=2, special_tokens=[END], show_progress=False)
    return PreTrainedTokenizerFast(tokenizer_object=bpe._tokenizer, eos_token=END, pad_token=END,
                                   model_max_length=context, clean_up_tokenization_spaces=False)


def pack(tokenizer, texts, context):
    """Rows of context ids, [rows, context], each from the start of a text; what is left of a row's last text is dropped."""
    rows, row = [], []
    for ids in tokenizer([text + END for text in texts]).input_ids:
        row += ids
        if len(row) >= context:
            rows.append(row[:context])
            row = []
    return torch.tensor(numpy.array(rows, dtype=numpy.int64))

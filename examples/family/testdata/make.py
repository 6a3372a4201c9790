"""Writes small StableLM 2 checkpoints as transformers saves them, and what it answers.

pip install torch==2.15.0 transformers==5.24.0 tokenizers; python make.py
"""

import json
import pathlib

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, StableLmConfig, StableLmForCausalLM

HERE = pathlib.Path(__file__).parent
TEXT = ["The capital of France is Paris.", "The capital of Italy is Rome.", "The capital of Spain is Madrid.", "The capital of Peru is Lima.",
        "A family of models is one file: its config, its weights, its wiring.", "one two three four five six seven"]
PROMPTS = ["The capital of France is", "The capital of Peru", "A family", "one two three"]


def tokenizer():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=330, special_tokens=["<|endoftext|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    t.train_from_iterator(TEXT * 20, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=t, eos_token="<|endoftext|>", bos_token="<|endoftext|>")


def train(model, words):
    """Teaches the model its few sentences by heart."""
    lines = [torch.tensor([words(t).input_ids + [0]]) for t in TEXT]
    steps = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(120):
        for ids in lines:
            steps.zero_grad()
            model(ids, labels=ids).loss.backward()
            steps.step()


def main():
    torch.set_num_threads(1)
    words = tokenizer()
    expected = {}
    for name, more in {
        "stablelm": dict(use_parallel_residual=True, qk_layernorm=True, num_key_value_heads=2),
        "sequential": dict(use_qkv_bias=True, tie_word_embeddings=True, num_key_value_heads=4),
    }.items():
        torch.manual_seed(1)
        config = StableLmConfig(vocab_size=len(words), hidden_size=32, intermediate_size=40, num_hidden_layers=3, num_attention_heads=4,
                                max_position_embeddings=256, bos_token_id=0, eos_token_id=0, initializer_range=0.2, **more)
        model = StableLmForCausalLM(config).eval()
        with torch.no_grad():
            for p in model.parameters():  # norms and biases that show
                if p.dim() == 1:
                    p.add_(torch.randn_like(p) * 0.3)
        train(model, words)
        model.save_pretrained(HERE / name)
        words.save_pretrained(HERE / name)
        for extra in ("tokenizer_config.json", "special_tokens_map.json"):
            (HERE / name / extra).unlink(missing_ok=True)
        cases = []
        for prompt in PROMPTS:
            ids = words(prompt, return_tensors="pt").input_ids
            with torch.no_grad():
                logits = model(ids).logits[0, -1]
                out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=24, do_sample=False, pad_token_id=0)
            cases.append({"prompt": prompt, "ids": ids[0].tolist(), "logits": [round(v, 6) for v in logits[:8].tolist()],
                          "largest": logits.abs().max().item(), "text": words.decode(out[0, ids.shape[1]:], skip_special_tokens=True)})
        expected[name] = cases
    (HERE / "expected.json").write_text(json.dumps(expected, ensure_ascii=False) + "\n")


main()

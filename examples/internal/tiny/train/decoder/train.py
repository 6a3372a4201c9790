#!/usr/bin/env python3
"""Trains the tiny decoder of the examples, from nothing: stories of a grammar, a vocabulary, a small decoder of the LLaMA form.

usage: pip install -r requirements.txt; python train.py      (about 12 minutes on a free core)

Writes, two folders up, decoder/ (the model in the Hugging Face layout, weights in bfloat16) and testdata/decoder.json (what the
reference computes from these weights in float32). The same versions on the same kind of processor give the same files.

A document is a story and <|endoftext|>. A row of the training batches starts with the first word of a story, so a prompt has no
token before it: there is no bos. More stories follow, until the row is full.
"""
import argparse, json, math, os, sys, time
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, LlamaConfig, LlamaForCausalLM
from grammar import stories

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.dirname(HERE))
from texts import END, pack, train_tokenizer  # noqa: E402
SEED, CONTEXT, VOCABULARY = 1, 256, 1024
PROMPTS = ["The cat sat on the", "The animal didn't cross the street because it was too tired.", "Once upon a time",
           "One day a little dog", "Anna went to the"]
MODEL = dict(
    vocab_size=VOCABULARY, hidden_size=128, intermediate_size=320, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
    max_position_embeddings=CONTEXT, rms_norm_eps=1e-5, initializer_range=0.05, tie_word_embeddings=True,
    bos_token_id=None, eos_token_id=0, pad_token_id=0)


def train(model, rows, batch, peak):
    """One pass over the rows: AdamW, the learning rate rising for 50 steps and then falling along a cosine."""
    matrices = [p for p in model.parameters() if p.dim() == 2]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW([dict(params=matrices, weight_decay=0.1), dict(params=vectors, weight_decay=0.0)],
                                  betas=(0.9, 0.98))
    steps, start = len(rows) // batch, time.time()
    for step in range(steps):
        rate = peak * min((step + 1) / 50, 0.02 + 0.98 * (1 + math.cos(math.pi * step / steps)) / 2)
        for group in optimizer.param_groups:
            group["lr"] = rate
        ids = rows[step * batch:(step + 1) * batch]
        loss = model(input_ids=ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 0 or step == steps - 1:
            print(f"step {step:5} of {steps}  loss {loss.item():.4f}  {time.time() - start:6.0f} s", flush=True)


@torch.inference_mode()
def held_out_loss(model, rows):
    """Mean loss in nats per token."""
    return sum(model(input_ids=ids, labels=ids).loss.item() * len(ids) for ids in rows.split(32)) / len(rows)


@torch.inference_mode()
def expected(model, tokenizer, prompt):
    """What the reference answers: greedy ids stop at 64 or after the end of the story, whichever comes first."""
    ids = tokenizer(prompt, return_tensors="pt").input_ids
    logits = model(ids).logits[0, -1]
    top = logits.softmax(-1).topk(5)
    full = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=64)[0]
    return dict(prompt=prompt, ids=ids[0].tolist(), greedy=full[ids.shape[1]:].tolist(), text=tokenizer.decode(full),
                top_ids=top.indices.tolist(), top_tokens=[tokenizer.decode(i) for i in top.indices],
                top_probabilities=top.values.tolist(), top_logits=logits[top.indices].tolist())


@torch.inference_mode()
def sample(model, tokenizer, prompt, seed):
    torch.manual_seed(seed)
    ids = tokenizer(prompt, return_tensors="pt").input_ids
    out = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=True, temperature=0.7, top_k=0, max_new_tokens=200)
    return tokenizer.decode(out[0])


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("--out", default=os.path.dirname(os.path.dirname(HERE)), help="the folder to write decoder/ and testdata/ in")
    flags.add_argument("--stories", type=int, default=60_000)
    flags.add_argument("--batch", type=int, default=8, help="rows of a batch")
    flags.add_argument("--rate", type=float, default=3e-3, help="the highest learning rate")
    args = flags.parse_args()
    tiny, testdata = os.path.join(args.out, "decoder"), os.path.join(args.out, "testdata")
    torch.manual_seed(SEED)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", 1)))

    seen = stories(args.stories, SEED)
    unseen = sorted(set(stories(3000, SEED + 1)) - set(seen))
    tokenizer = train_tokenizer(seen[:20_000], VOCABULARY, CONTEXT)
    rows, held_out = pack(tokenizer, seen, CONTEXT), pack(tokenizer, unseen, CONTEXT)
    longest = max(len(ids) for ids in tokenizer(unseen).input_ids)
    model = LlamaForCausalLM(LlamaConfig(**MODEL))
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(seen):,} stories ({len(set(seen)):,} different, "
          f"{len(unseen):,} held out), the longest {longest} tokens, {rows.numel():,} tokens")
    train(model, rows, args.batch, args.rate)

    model.generation_config = GenerationConfig(eos_token_id=0, pad_token_id=0, do_sample=True, temperature=0.7)
    model.to(torch.bfloat16).save_pretrained(tiny)
    tokenizer.save_pretrained(tiny)
    model = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32, attn_implementation="eager").eval()
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    print(f"held-out loss of the stored weights: {held_out_loss(model, held_out):.4f} nats per token")

    os.makedirs(testdata, exist_ok=True)
    answers = [expected(model, tokenizer, prompt) for prompt in PROMPTS]
    with open(os.path.join(testdata, "decoder.json"), "w") as file:
        json.dump(answers, file, indent=1, ensure_ascii=False)
    for answer in answers:
        print(repr(answer["prompt"]), *(f"{t!r} {p:.3f}" for t, p in zip(answer["top_tokens"], answer["top_probabilities"])))
        for seed in range(2):
            print("   ", sample(model, tokenizer, answer["prompt"], seed))


if __name__ == "__main__":
    main()

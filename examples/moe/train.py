#!/usr/bin/env python3
"""Trains the two models of this example, from nothing: a mixture of experts, and a dense twin that multiplies as much for a token.

usage: pip install -r requirements.txt; python train.py      (about 15 minutes on a free core)

Writes here: models.zip, which has sparse/ (the mixture, Mixtral's form, with the tokenizer of both) and dense/ (the twin, LLaMA's form) in
the Hugging Face layout, weights in bfloat16, and heldout.txt, which neither has seen; and testdata/expected.json, what the reference
computes from the stored weights in float32. The same versions on the same kind of processor give the same files.

Both models read the same tokens in the same order: two thirds of the documents are little stories in English, the others are pages of
sentences with their translation, "The cat sleeps. = Le chat dort.". The grammars that they come from are those of the other tiny models.
"""
import argparse, importlib.util, json, math, os, pathlib, random, sys, tempfile, time, zipfile
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, LlamaConfig, LlamaForCausalLM, MixtralConfig, \
    MixtralForCausalLM
from transformers.models.mixtral.modeling_mixtral import load_balancing_loss_func

HERE = os.path.dirname(os.path.abspath(__file__))
GRAMMARS = os.path.join(HERE, "..", "internal", "tiny", "train")
sys.path.append(GRAMMARS)
from texts import END, pack, train_tokenizer  # noqa: E402
SEED, CONTEXT, VOCABULARY, LINES = 1, 256, 1536, 4
EXPERTS, ACTIVE, WIDTH, BALANCE = 8, 2, 96, 0.01
SHAPE = dict(
    vocab_size=VOCABULARY, hidden_size=96, num_hidden_layers=3, num_attention_heads=6, num_key_value_heads=2,
    max_position_embeddings=CONTEXT, rms_norm_eps=1e-5, initializer_range=0.05, tie_word_embeddings=True,
    rope_parameters=dict(rope_type="default", rope_theta=1e6),  # Mixtral's; LLaMA's own is another
    bos_token_id=None, eos_token_id=0, pad_token_id=0)
SPARSE = dict(num_local_experts=EXPERTS, num_experts_per_tok=ACTIVE, intermediate_size=WIDTH, router_aux_loss_coef=BALANCE)
DENSE = dict(intermediate_size=ACTIVE * WIDTH)
PROMPTS = ["The cat sat on the", "Once upon a time", "The king has two horses. =", "The queen sees a bird. ="]


def grammar(folder):
    """The grammar in a folder; both grammars have one name."""
    path = os.path.join(GRAMMARS, folder)
    sys.path.append(path)  # of the modules that it imports
    spec = importlib.util.spec_from_file_location(folder, os.path.join(path, "grammar.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pages(count, seed, held_out):
    """Pages of LINES sentences with their translation; a sentence stands on pages to train on, or on those that are held out."""
    translator, rng, lines = grammar("translator"), random.Random(seed), []
    while len(lines) < LINES * count:
        s = translator.Sentence(rng)
        if s.forward and translator.is_held_out(s) == held_out:
            lines.append(" = ".join(t[0].upper() + t[1:].rstrip(".") + "." for t in (s.en, s.fr)))
    return ["\n".join(lines[i:i + LINES]) for i in range(0, len(lines), LINES)]


def documents(stories, count, seed, held_out=False):
    """count documents in an order that the seed gives."""
    sentences = pages(count // 3, seed, held_out)
    mixed = stories[:count - len(sentences)] + sentences
    random.Random(seed).shuffle(mixed)
    return mixed


def optimizer_of(model):
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    return torch.optim.AdamW([dict(params=matrices, weight_decay=0.1), dict(params=vectors, weight_decay=0.0)], betas=(0.9, 0.98))


def losses(model, ids):
    """The loss in nats a token, and how unevenly the experts of a layer are loaded, on average over layers: 1 is even."""
    if not isinstance(model, MixtralForCausalLM):
        return model(input_ids=ids, labels=ids).loss, None
    out = model.model(input_ids=ids, output_router_logits=True)
    loss = model.loss_function(model.lm_head(out.last_hidden_state), ids, VOCABULARY)
    # The reference's own sum is over the tokens of all layers at once, which lets one layer use few of its experts.
    uneven = [load_balancing_loss_func((layer,), EXPERTS, ACTIVE) / ACTIVE for layer in out.router_logits]
    return loss, sum(uneven) / len(uneven)


def train(models, rows, batch, peak, saved, stop):
    """The first steps of a pass over the rows: AdamW, the learning rate rising for 50 steps, then falling along the cosine of a whole
    pass, and in the last sixth to nothing. Every batch goes to both models in turn. A file that holds an interrupted training is continued."""
    optimizers = [optimizer_of(model) for model in models]
    steps, first, start = len(rows) // batch, 0, time.time()
    if saved and os.path.exists(saved):
        state = torch.load(saved)
        first = state["step"]
        for part, stored in zip(models + optimizers, state["parts"]):
            part.load_state_dict(stored)
    stop = min(stop, steps)
    for step in range(first, stop):
        rate = peak * min((step + 1) / 50, 0.02 + 0.98 * (1 + math.cos(math.pi * step / steps)) / 2, 4 * (1 - step / stop))
        ids = rows[step * batch:(step + 1) * batch]
        shown = []
        for model, optimizer in zip(models, optimizers):
            for group in optimizer.param_groups:
                group["lr"] = rate
            loss, uneven = losses(model, ids)
            optimizer.zero_grad()
            (loss if uneven is None else loss + ACTIVE * BALANCE * uneven).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            shown += [f"{x.item():.4f}" for x in (loss, uneven) if x is not None]
        if step % 50 == 0 or step == stop - 1:
            print(f"step {step:5} of {stop}  loss, unevenness and twin's loss {' '.join(shown)}  {time.time() - start:6.0f} s", flush=True)
        if saved and (step % 50 == 49 or step == stop - 1):
            torch.save(dict(step=step + 1, parts=[part.state_dict() for part in models + optimizers]), saved + ".part")
            os.replace(saved + ".part", saved)


@torch.inference_mode()
def held_out_loss(model, tokenizer, texts):
    """Loss in nats a token, over all tokens but the first of each document, the end included; and how many these are."""
    total, count = 0.0, 0
    for text in texts:
        ids = tokenizer(text + END, return_tensors="pt").input_ids
        logits = model(ids).logits[0, :-1].double()
        total += torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum").item()
        count += ids.shape[1] - 1
    return total / count, count


@torch.inference_mode()
def expected(model, tokenizer, prompt):
    """What the reference answers: greedy ids stop at 48 or after the end of the document; and of a mixture its routing."""
    ids = tokenizer(prompt, return_tensors="pt").input_ids
    full = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=48)[0]
    answer = dict(prompt=prompt, ids=ids[0].tolist(), greedy=full[ids.shape[1]:].tolist(), text=tokenizer.decode(full))
    if isinstance(model, MixtralForCausalLM):
        answer["router_logits"] = [layer.tolist() for layer in model(ids, output_router_logits=True).router_logits]
    return answer


@torch.inference_mode()
def load(model, tokenizer, texts):
    """The share of choices that each expert of each layer gets."""
    counts = torch.zeros(SHAPE["num_hidden_layers"], EXPERTS)
    for text in texts:
        for layer, logits in enumerate(model(tokenizer(text + END, return_tensors="pt").input_ids, output_router_logits=True).router_logits):
            counts[layer] += torch.bincount(logits.topk(ACTIVE).indices.flatten(), minlength=EXPERTS)
    return counts / counts.sum(1, keepdim=True)


def archive(path, folder):
    """Stores the files below a folder; the same files give the same bytes."""
    with zipfile.ZipFile(path, "w") as z:
        for file in sorted(p for p in pathlib.Path(folder).rglob("*") if p.is_file()):
            z.writestr(zipfile.ZipInfo(file.relative_to(folder).as_posix()), file.read_bytes(), zipfile.ZIP_DEFLATED, 9)


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("--out", default=HERE, help="the folder to write in")
    flags.add_argument("--documents", type=int, default=40_000)
    flags.add_argument("--batch", type=int, default=8, help="rows of a batch")
    flags.add_argument("--rate", type=float, default=3e-3, help="the highest learning rate")
    flags.add_argument("--steps", type=int, default=1400, help="batches to train on, at most all that there are")
    flags.add_argument("--saved", help="a file to keep an interrupted training in")
    args = flags.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", 1)))

    stories = grammar("decoder").stories
    seen = documents(stories(args.documents, SEED), args.documents, SEED)
    known = set(seen)
    unseen = documents([text for text in dict.fromkeys(stories(300, SEED + 1)) if text not in known], 180, SEED + 1, held_out=True)
    tokenizer = train_tokenizer(seen[:20_000], VOCABULARY, CONTEXT)
    unseen = [text for text, ids in zip(unseen, tokenizer(unseen).input_ids) if len(ids) < CONTEXT]
    rows = pack(tokenizer, seen, CONTEXT)
    torch.manual_seed(SEED)
    models = [MixtralForCausalLM(MixtralConfig(**SHAPE, **SPARSE)), LlamaForCausalLM(LlamaConfig(**SHAPE, **DENSE))]
    print([f"{sum(p.numel() for p in model.parameters()):,} parameters" for model in models],
          f"{len(seen):,} documents ({len(known):,} different, {len(unseen):,} held out), {rows.numel():,} tokens", flush=True)
    train(models, rows, args.batch, args.rate, args.saved, args.steps)

    answers, work = {}, tempfile.TemporaryDirectory()
    with open(os.path.join(work.name, "heldout.txt"), "w") as file:
        file.write("\n\n".join(unseen) + "\n")
    for name, model in zip(("sparse", "dense"), models):
        folder = os.path.join(work.name, name)
        model.generation_config = GenerationConfig(eos_token_id=0, pad_token_id=0, do_sample=True, temperature=0.7)
        model.to(torch.bfloat16).save_pretrained(folder)
        if name == "sparse":
            tokenizer.save_pretrained(folder)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        loss, count = held_out_loss(model, tokenizer, unseen)
        print(f"{name}: held-out loss of the stored weights {loss:.4f} nats a token, over {count:,} tokens")
        for kind, texts in (("stories", [t for t in unseen if "\n" not in t]), ("pages", [t for t in unseen if "\n" in t])):
            print(f"  {kind}: {held_out_loss(model, tokenizer, texts)[0]:.4f}")
        if name == "sparse":
            print(load(model, tokenizer, unseen).mul(100).round())
        answers[name] = dict(loss=loss, tokens=count, answers=[expected(model, tokenizer, prompt) for prompt in PROMPTS])
        for answer in answers[name]["answers"]:
            print("   ", answer["text"])
    archive(os.path.join(args.out, "models.zip"), work.name)
    os.makedirs(os.path.join(args.out, "testdata"), exist_ok=True)
    with open(os.path.join(args.out, "testdata", "expected.json"), "w") as file:
        json.dump(answers, file, ensure_ascii=False)


if __name__ == "__main__":
    main()

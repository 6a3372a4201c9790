#!/usr/bin/env python3
"""Trains the tiny translator of the examples, from nothing: an encoder-decoder of the T5 form, English to French and back.

usage: pip install -r requirements.txt; python train.py      (about 25 minutes on a free core)

Writes, two folders up, translator/ (the model in the Hugging Face layout, weights in bfloat16) and testdata/translator.json.gz (what the
reference computes from these weights in float32). The stored weights come from two rounds of 3000 steps and a third of 1500; in the
first two, sentences that begin with I or a name could be without their capital in French.

One head of the last decoder layer is taught where to look: the grammar knows which words belong together, and a small part
of the loss is how little of the head's weight is there. The other heads are free.

The training has rounds, in each of which the learning rate rises and falls. A round starts from the weights that the one before has
stored, and draws sentences of its own.
"""
import argparse, collections, copy, gzip, json, math, os, random, re, time
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import AutoTokenizer, GenerationConfig, PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration
import grammar
from heldout import HERE, PAIRS, TO_ENGLISH, TO_FRENCH, Translator, aligned, measure

SEED, LENGTH, WORDS, GUIDED, WEIGHT = 1, 48, 1300, 0, 0.1
SPECIAL = ["<pad>", "</s>", "<unk>"]
ENDINGS = "s x e es é és ée ées ons ez ent ais ait ions iez aient".split()
LETTERS = "abcdefghijklmnopqrstuvwxyzàâçèéêëîïôûùœ0123456789"
MARKS = ".,;:!?'-()"
MODEL = dict(d_model=96, d_kv=24, num_heads=4, d_ff=256, num_layers=2, num_decoder_layers=2, feed_forward_proj="relu", dropout_rate=0.0,
             relative_attention_num_buckets=32, relative_attention_max_distance=128, pad_token_id=0, eos_token_id=1, decoder_start_token_id=0)


# ------------------------------------------------------------------------------------------------------------ the vocabulary

def split(text):
    """Words as they begin: ▁ after a space. What is elided goes alone: l' homme."""
    for word in text.rstrip(".").split():
        head, elided, tail = word.partition("'")
        if word.lower() == "aujourd'hui" or not elided:
            yield "▁" + word
        elif tail in ("s", "t"):
            yield from ("▁" + (head if tail == "s" else head[:-1]), "'s" if tail == "s" else "n't")
        else:
            yield from ("▁" + head + "'", tail)


def make_tokenizer():
    """A Unigram vocabulary: the most frequent words of the grammar, stems and endings for the others, and all characters."""
    rng, counts = random.Random(SEED), collections.Counter()
    for prefix in (TO_FRENCH, TO_ENGLISH):
        counts.update({piece: 60_000 for piece in split(prefix.replace(":", ""))})
    for _ in range(60_000):
        s = grammar.Sentence(rng)
        counts.update([*split(s.en), *split(s.fr)])
    ranked = [piece for piece, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    words, rare = ranked[:WORDS], ranked[WORDS:]
    total = sum(counts.values())
    scores = {piece: math.log(counts[piece] / total) for piece in words}
    for piece in rare:  # in two parts, which count less than a word and more than letters; whole if no ending fits
        stems = [piece[:-len(e)] for e in ENDINGS if piece.endswith(e) and len(piece) > len(e) + 2]
        stem = min(stems, key=lambda stem: (stem not in scores, len(stem)), default=None)
        scores.setdefault(stem or piece, -13.0 if stem else math.log(counts[piece] / total))
    scores |= {e: -13.5 for e in ENDINGS if e not in scores}
    scores |= {c: -16.0 for c in "▁" + LETTERS + MARKS if c not in scores}
    scores["."] = -3.0
    vocabulary = [(token, 0.0) for token in SPECIAL] + [(piece, round(score, 4)) for piece, score in scores.items()]
    t = Tokenizer(models.Unigram(vocabulary, unk_id=2, byte_fallback=False))
    t.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace("’", "'")])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    t.decoder = decoders.Metaspace()
    t.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=t, model_max_length=512, clean_up_tokenization_spaces=False, pad_token="<pad>",
                                        eos_token="</s>", unk_token="<unk>")
    tokens = collections.Counter(len(tokenizer.tokenize(piece.replace("▁", " "))) for piece in ranked if piece[0] == "▁")
    print(f"{len(vocabulary)} pieces; {len(ranked)} words in the grammar, {len(rare)} in parts: {tokens}")
    return tokenizer


# --------------------------------------------------------------------------------------------------------------- the batches

NEVER = {grammar.key(text) for pair in PAIRS for text in pair}


def draw(rng, usable):
    while True:
        s = grammar.Sentence(rng)
        if usable(s) and not grammar.is_held_out(s) and not grammar.has_new_pair(s) and not NEVER & {grammar.key(s.en), grammar.key(s.fr)}:
            return s


def batches(tokenizer, rng, size, pool=8):
    """Yields batches for ever; a pool of them is drawn at once, and sentences of about one length go together."""
    while True:
        rows = []
        for prefix, usable in ((TO_FRENCH, lambda s: s.forward), (TO_ENGLISH, lambda s: s.backward)):
            found = [draw(rng, usable) for _ in range(pool * size // 2)]
            rows += [(prefix, s.en, s.fr, s.links) if prefix == TO_FRENCH else (prefix, s.fr, s.en, [(b, a) for a, b in s.links]) for s in found]
        rows.sort(key=lambda row: len(row[1]) + len(row[2]))
        parts = [rows[i:i + size] for i in range(0, len(rows), size)]
        rng.shuffle(parts)
        yield from (encode(tokenizer, part) for part in parts)


def encode(tokenizer, rows):
    """ids [B, S], attention mask [B, S], labels [B, T], aligned [B, T, S]."""
    source = tokenizer([prefix + text for prefix, text, _, _ in rows], padding=True, return_offsets_mapping=True, return_tensors="pt")
    target = tokenizer([text for _, _, text, _ in rows], padding=True, return_offsets_mapping=True, return_tensors="pt")
    together = torch.zeros(len(rows), target.input_ids.shape[1], source.input_ids.shape[1], dtype=torch.bool)
    lengths = source.attention_mask.sum(1).tolist(), target.attention_mask.sum(1).tolist()
    for i, (prefix, _, _, links) in enumerate(rows):
        s, t = lengths[0][i], lengths[1][i]
        together[i, :t, :s] = aligned(source.offset_mapping[i, :s].tolist(), target.offset_mapping[i, :t].tolist(), links, len(prefix))
    return source.input_ids, source.attention_mask, target.input_ids.masked_fill(target.attention_mask == 0, -100), together


def train(model, tokenizer, seed, steps, size, peak):
    """AdamW, the learning rate rising for 200 steps and then falling along a cosine."""
    drawn, start = batches(tokenizer, random.Random(seed), size), time.time()
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98), weight_decay=0.01)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = peak * min((step + 1) / 200, 0.01 + 0.99 * (1 + math.cos(math.pi * step / steps)) / 2)
        ids, attend, labels, together = next(drawn)
        out = model(input_ids=ids, attention_mask=attend, labels=labels, output_attentions=True)
        there = (out.cross_attentions[-1][:, GUIDED] * together).sum(-1)[together.any(-1)]
        guide = -there.clamp_min(1e-6).log().mean()
        optimizer.zero_grad()
        (out.loss + WEIGHT * guide).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 0 or step == steps - 1:
            print(f"step {step:5} of {steps}  loss {out.loss.item():.4f}  guide {guide.item():.3f}  {time.time() - start:6.0f} s", flush=True)


def save(model, folder):
    model = copy.deepcopy(model).to(torch.bfloat16)
    task = dict(early_stopping=True, max_length=LENGTH, num_beams=4)
    model.config.task_specific_params = dict(translation_en_to_fr=dict(task, prefix=TO_FRENCH), translation_fr_to_en=dict(task, prefix=TO_ENGLISH))
    model.generation_config = GenerationConfig(decoder_start_token_id=0, eos_token_id=1, pad_token_id=0)
    model.save_pretrained(folder)


# --------------------------------------------------------------------------------------------------------------- the answers

TOKENIZED = ["L'œuf près de l'école, déjà reçu à Noël.", "", "The cat\u2019s e\u0301cole  \t isn't here; 42 % of 1999-2024?", "日本 and ÉCOLE",
             "</s> <pad> <unk>", "aujourd'hui qu'elle n'a pas d'eau"]


def expected(translator, steps=3, top=5):
    """ids end with </s>; those of the decoder stand without the <pad> that they start with. score is the sum of the logarithms of the
    probabilities, over the count of ids. steps are those of the greedy translation: the logits of its first ids."""
    ids = lambda row: [i for i in row.tolist() if i]
    cases = []
    for source in [TO_FRENCH + a for a, _ in PAIRS[:8]] + [TO_ENGLISH + b for _, b in PAIRS[:6]]:
        greedy = translator.generate([source], 1, output_logits=True, return_dict_in_generate=True)
        beams = translator.generate([source], 4, num_return_sequences=4, output_scores=True, return_dict_in_generate=True)
        texts = translator.tokenizer.batch_decode(beams.sequences, skip_special_tokens=True)
        best = [logits[0].topk(top) for logits in greedy.logits[:steps]]
        cases.append(dict(
            source=source, ids=translator.tokenizer(source).input_ids, greedy=ids(greedy.sequences[0]),
            text=translator.tokenizer.decode(greedy.sequences[0], skip_special_tokens=True),
            steps=[dict(top_ids=b.indices.tolist(), top_logits=b.values.tolist()) for b in best],
            beams=[dict(ids=ids(row), score=score, text=text) for row, score, text in zip(beams.sequences, beams.sequences_scores.tolist(), texts)]))
    tokenize = []
    for text in TOKENIZED + [t for pair in PAIRS[4:10] for t in pair]:
        row = translator.tokenizer(text).input_ids
        tokenize.append(dict(text=text, ids=row, tokens=translator.tokenizer.convert_ids_to_tokens(row),
                             decoded=translator.tokenizer.decode(row, skip_special_tokens=True)))
    source, target = TO_FRENCH + PAIRS[1][0], PAIRS[1][1]
    rows = [translator.tokenizer(text).input_ids for text in (source, target)]
    tokens = [translator.tokenizer.convert_ids_to_tokens(row) for row in rows]
    attention = dict(source=source, source_ids=rows[0], source_tokens=tokens[0], target=target, target_ids=rows[1], target_tokens=tokens[1],
                     layer=MODEL["num_decoder_layers"] - 1, head=GUIDED, weights=translator.attention(source, target)[-1].tolist())
    return dict(tokenize=tokenize, translate=cases, attention=attention)


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("--out", default=os.path.dirname(os.path.dirname(HERE)), help="the folder to write the folders in")
    flags.add_argument("--rounds", type=int, default=3)
    flags.add_argument("--first", type=int, default=0, help="go on with this round, from the stored weights; trains nothing if it is the count of rounds")
    flags.add_argument("--steps", type=int, default=3000, help="of a round")
    flags.add_argument("--batch", type=int, default=96)
    flags.add_argument("--rate", type=float, default=3e-3, help="the highest learning rate of the first round; that of another is half of the one before")
    args = flags.parse_args()
    os.makedirs(os.path.join(args.out, "testdata"), exist_ok=True)
    torch.manual_seed(SEED)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", 1)))
    folder = os.path.join(args.out, "translator")
    for i in range(args.first, args.rounds):
        if i == 0:
            tokenizer = make_tokenizer()
            tokenizer.save_pretrained(folder)
            model = T5ForConditionalGeneration(T5Config(vocab_size=len(tokenizer), **MODEL))
            print(f"{model.num_parameters():,} parameters")
        else:
            tokenizer = AutoTokenizer.from_pretrained(folder)
            model = T5ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
        model.set_attn_implementation("eager")
        train(model, tokenizer, SEED + i, args.steps, args.batch, args.rate / 2**i)
        save(model, folder)
    with torch.inference_mode():
        translator = Translator(folder)
        measure(translator, 200, show=3)
        with open(os.path.join(args.out, "testdata", "translator.json.gz"), "wb") as file:
            text = json.dumps(expected(translator), indent=1, ensure_ascii=False)
            text = re.sub(r"\[\s+([^][{}]*?)\s+\]", lambda m: "[" + re.sub(r",\s+", ", ", m[1]) + "]", text) + "\n"
            file.write(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Trains the tiny models that see, from nothing, on pictures that scene.py draws.

usage: pip install -r requirements.txt; python train.py clip; python train.py blip      (about 8 minutes each on a free core)

Writes, two folders up, in the Hugging Face layout with weights in bfloat16:

    clip/    CLIPModel: a tower for pictures and one for texts
    blip/    BlipForConditionalGeneration: a tower for pictures and a decoder that writes captions

and testdata/NAME.json.gz: what the reference answers from these weights in float32. Pictures that are measured have the seeds 0 to 499; none
of them is trained on. The same versions on the same kind of processor give the same files.
"""
import argparse, collections, gzip, itertools, json, math, os, random, re, time
import numpy, torch
from PIL import Image
from torch.nn import functional
from transformers import (BertTokenizer, BlipConfig, BlipForConditionalGeneration, BlipProcessor, CLIPConfig, CLIPModel, CLIPProcessor,
                          CLIPTokenizer)
from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
import scene

HERE = os.path.dirname(os.path.abspath(__file__))
SIDE, PATCH, DIM, HEADS = 64, 8, 64, 4
FIRST, MEASURED, STORED = 1_000_000, range(500), range(4)  # seeds of training, of measuring, and of what is stored of it
VISION = dict(hidden_size=DIM, intermediate_size=192, num_hidden_layers=3, num_attention_heads=HEADS, image_size=SIDE, patch_size=PATCH)
PROMPT = "a picture of"
FRAMES = ["{}", "{}.", "a photo of {}", "a photo of {}.", "a picture of {}", "a drawing of {}", "an image of {}", "this is {}", "there is {}"]


# -------------------------------------------------------------------------------------------------------------------- pictures

def shrink(picture, side=SIDE):
    return numpy.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC))


def draw(seeds):
    """The scenes of seeds and their pictures as the models take them before they are normalised, uint8 [N, 3, SIDE, SIDE]."""
    scenes, pictures = [scene.Scene(seed) for seed in seeds], []
    for s in scenes:
        pictures.append(shrink(s.draw()).transpose(2, 0, 1))
    return scenes, torch.from_numpy(numpy.stack(pictures))


def normalise(pictures, processor):
    mean, std = (torch.tensor(v)[:, None, None] for v in (processor.image_mean, processor.image_std))
    return (pictures.float() / 255 - mean) / std


# ----------------------------------------------------------------------------------------------------------------------- texts

def facts(s):
    """What a scene is, as texts speak of it: subject, colour or posture, ground."""
    return s.subject, (s.standing if s.subject < 2 else s.colour), s.road


def say(subject, kind, road):
    """A text that is true of all scenes with these facts; None stands for any."""
    if subject is None:
        return "a " + ("road" if road else "mat")
    words = [scene.SUBJECTS[subject]]
    if kind is not None:
        words = words + [("sitting", "standing")[kind]] if subject < 2 else [scene.COLOURS[kind]] + words
    if road is not None:
        words += ["by" if subject == 3 and road else "on", "a", "road" if road else "mat"]
    return "a " + " ".join(words)


def description(rng, s):
    """A true text about a scene, and the facts that it states."""
    subject, kind, road = facts(s)
    if rng.random() < 0.06:
        told = None, None, road
    else:
        told = subject, kind if rng.random() < 0.6 else None, road if rng.random() < 0.55 else None
    text = say(*told)
    if rng.random() < 0.15:
        text = text.removeprefix("a ")
    return rng.choice(FRAMES).format(text), told


def all_texts():
    grounds, texts = (None, False, True), [say(None, None, False), say(None, None, True)]
    for subject, road in itertools.product(range(4), grounds):
        kinds = (None, False, True) if subject < 2 else (None, *range(5))
        texts += [say(subject, kind, road) for kind in kinds]
    return [frame.format(text) for text in texts for frame in FRAMES]


# ------------------------------------------------------------------------------------------------------------------------ CLIP

def clip_parts():
    letters, merges = byte_letters(), learn_merges(re.findall("[a-z]+", " ".join(all_texts())))
    pieces = letters + [c + "</w>" for c in letters] + ["".join(m) for m in merges] + ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=24)
    processor = CLIPProcessor(CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}), tokenizer)
    ends = dict(bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.eos_token_id)
    text = dict(vocab_size=len(vocabulary), hidden_size=DIM, intermediate_size=192, num_hidden_layers=2, num_attention_heads=HEADS,
                max_position_embeddings=24, projection_dim=DIM, **ends)
    config = CLIPConfig(text_config=text, vision_config=dict(VISION, projection_dim=DIM), projection_dim=DIM)
    return CLIPModel(config), processor


def learn_merges(words):
    """The merges of byte pairs, the most frequent first, until each word is one piece (Sennrich et al., 2016)."""
    counts = collections.Counter(words)
    split = {word: (*word[:-1], word[-1] + "</w>") for word in counts}
    merges = []
    while True:
        pairs = collections.Counter()
        for word, parts in split.items():
            for pair in itertools.pairwise(parts):
                pairs[pair] += counts[word]
        if not pairs:
            return merges
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        for word, parts in split.items():
            joined = []
            for part in parts:
                if joined and (joined[-1], part) == best:
                    joined[-1] += part
                else:
                    joined.append(part)
            split[word] = tuple(joined)


def byte_letters():
    """The 256 characters that stand for bytes in GPT-2's and CLIP's vocabularies, printable ones first."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(b) for b in printable] + [chr(256 + i) for i in range(256 - len(printable))]


def clip_loss(model, processor, pixels, scenes, rng):
    """Cross entropy over the pictures for each text and over the texts for each picture. The batch holds several true answers; they share
    the probability."""
    texts, told = zip(*(description(rng, s) for s in scenes))
    batch = processor.tokenizer(list(texts), padding=True, return_tensors="pt")
    out = model(pixel_values=pixels, **batch)
    true = torch.tensor([[all(a is None or a == b for a, b in zip(t, facts(s))) for s in scenes] for t in told]).float()
    per_text = functional.cross_entropy(out.logits_per_text, true / true.sum(1, keepdim=True))
    per_image = functional.cross_entropy(out.logits_per_image, true.T / true.T.sum(1, keepdim=True))
    return (per_text + per_image) / 2


@torch.inference_mode()
def clip_scores(model, processor, scenes, pixels):
    """The shares of pictures whose first label is right, and of captions that find, first among 20 pictures, one that they are true of."""
    def encode(texts):
        return functional.normalize(model.get_text_features(**processor.tokenizer(texts, padding=True, return_tensors="pt")).pooler_output, dim=-1)

    images = functional.normalize(model.get_image_features(pixels).pooler_output, dim=-1)
    labels = images @ encode([f"a photo of a {subject}" for subject in scene.SUBJECTS]).T
    named = sum(labels.argmax(1)[i].item() == s.subject for i, s in enumerate(scenes))
    shares = (labels * model.logit_scale.exp()).softmax(1).max(1).values
    found, wanted = 0, encode([s.caption() for s in scenes])
    for first in range(0, len(scenes), 20):
        best = (wanted[first:first + 20] @ images[first:first + 20].T).argmax(1)
        found += sum(scenes[first + best[i]].caption() == s.caption() for i, s in enumerate(scenes[first:first + 20]))
    return dict(named=named / len(scenes), found=found / len(scenes), sure=shares.mean().item())


@torch.inference_mode()
def clip_answers(model, processor, scenes, pictures):
    texts = [f"a photo of a {subject}" for subject in scene.SUBJECTS] + [s.caption() for s in scenes]
    out = model(**processor(text=texts, images=pictures, padding=True, return_tensors="pt"))
    ids = processor.tokenizer(texts).input_ids
    return dict(texts=texts, ids=ids, logits_per_image=out.logits_per_image.tolist(), image_embeds=out.image_embeds[:, :8].tolist())


# ------------------------------------------------------------------------------------------------------------------------ BLIP

def blip_parts():
    words = sorted({w for text in all_texts() for w in text.replace(".", " .").split()})
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *("##" + c for c in letters), *words]
    vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = BertTokenizer(vocab=vocabulary, do_lower_case=True, model_max_length=24)
    processor = BlipProcessor(BlipImageProcessorPil(size={"height": SIDE, "width": SIDE}), tokenizer)
    begin = len(vocabulary)  # as in the published checkpoints, the token that begins a caption is not in the tokenizer
    text = dict(vocab_size=begin + 2, hidden_size=DIM, encoder_hidden_size=DIM, intermediate_size=192, projection_dim=DIM, num_hidden_layers=2,
                num_attention_heads=HEADS, max_position_embeddings=24, bos_token_id=begin, eos_token_id=tokenizer.sep_token_id,
                sep_token_id=tokenizer.sep_token_id, pad_token_id=tokenizer.pad_token_id, initializer_range=0.05)
    config = BlipConfig(text_config=text, vision_config=dict(VISION, initializer_range=0.05), projection_dim=DIM, image_text_hidden_size=DIM,
                        initializer_range=0.05)
    return BlipForConditionalGeneration(config), processor


def blip_loss(model, processor, pixels, scenes, rng):
    """Cross entropy of the captions' words. One in four captions follows a prompt, whose words are given and not learnt."""
    prompted = [rng.random() < 0.25 for _ in scenes]
    batch = processor.tokenizer([PROMPT + " " + s.caption() if p else s.caption() for s, p in zip(scenes, prompted)], padding=True, return_tensors="pt")
    ids = batch.input_ids.clone()
    ids[:, 0] = model.config.text_config.bos_token_id
    labels = ids.masked_fill(batch.attention_mask == 0, -100)
    labels[:, 0] = -100
    labels[torch.tensor(prompted), 1:1 + len(PROMPT.split())] = -100
    return model(pixel_values=pixels, input_ids=ids, attention_mask=batch.attention_mask, labels=labels).loss


@torch.inference_mode()
def captions(model, processor, pixels, **inputs):
    return processor.batch_decode(model.generate(pixels, **inputs), skip_special_tokens=True)


@torch.inference_mode()
def blip_scores(model, processor, scenes, pixels):
    right = sum(text == s.caption() for text, s in zip(captions(model, processor, pixels), scenes))
    prompt = processor.tokenizer([PROMPT] * len(scenes), return_tensors="pt", return_token_type_ids=False)
    texts = captions(model, processor, pixels, **prompt)
    after = sum(text == f"{PROMPT} {s.caption()}" for text, s in zip(texts, scenes))
    return dict(right=right / len(scenes), prompted=after / len(scenes))


@torch.inference_mode()
def blip_answers(model, processor, scenes, pictures):
    pixels, answers = processor(images=pictures, return_tensors="pt").pixel_values, []
    for one in pixels[:, None]:
        prompt = processor.tokenizer(PROMPT, return_tensors="pt", return_token_type_ids=False)
        beams = model.generate(one, num_beams=3, num_return_sequences=2, output_scores=True, return_dict_in_generate=True)
        ids = model.generate(one)
        answers.append(dict(ids=ids[0].tolist(), text=processor.decode(ids[0], skip_special_tokens=True),
                            prompted=captions(model, processor, one, **prompt)[0],
                            beams=processor.batch_decode(beams.sequences, skip_special_tokens=True), scores=beams.sequences_scores.tolist(),
                            logits=model(pixel_values=one, input_ids=ids).logits[0, :, -8:].tolist()))
    return answers


# -------------------------------------------------------------------------------------------------------------------- training

KINDS = dict(clip=(clip_parts, clip_loss, clip_scores, clip_answers, CLIPModel, CLIPProcessor),
             blip=(blip_parts, blip_loss, blip_scores, blip_answers, BlipForConditionalGeneration, BlipProcessor))


def train(model, processor, loss_of, scores_of, args):
    """AdamW; the learning rate rises for 100 steps, then falls along a cosine. Half of the pictures are turned left to right."""
    rng, start = random.Random(1), time.time()
    scenes, pictures = draw(range(FIRST, FIRST + args.pictures))
    seen, pixels = draw(range(500, 1000))
    pixels = normalise(pixels, processor.image_processor)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters; drew {len(scenes):,} pictures in {time.time() - start:.0f} s", flush=True)
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    others = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW([dict(params=matrices, weight_decay=0.05), dict(params=others, weight_decay=0.0)], betas=(0.9, 0.98))
    order = []
    for step in range(args.steps):
        for group in optimizer.param_groups:
            group["lr"] = args.rate * min((step + 1) / 100, (1 + math.cos(math.pi * step / args.steps)) / 2)
        if len(order) < args.batch:
            order = rng.sample(range(len(scenes)), len(scenes))
        some, order = order[:args.batch], order[args.batch:]
        x = normalise(pictures[some], processor.image_processor)
        turned = torch.tensor([rng.random() < 0.5 for _ in some])
        x[turned] = x[turned].flip(-1)
        loss = loss_of(model, processor, x, [scenes[i] for i in some], rng)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 49 or step == args.steps - 1:
            line = f"step {step + 1:5}  loss {loss.item():.4f}  {time.time() - start:5.0f} s"
            if step % 250 == 249 or step == args.steps - 1:
                model.eval()
                line += f"  {scores_of(model, processor, seen, pixels)}"
                model.train()
            print(line, flush=True)


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("kind", choices=KINDS)
    flags.add_argument("--out", default=os.path.join(HERE, "..", ".."), help="the folder to write in")
    flags.add_argument("--pictures", type=int, default=16_000)
    flags.add_argument("--steps", type=int, default=4000)
    flags.add_argument("--batch", type=int, default=48)
    flags.add_argument("--rate", type=float, default=2e-3)
    args = flags.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", 1)))
    torch.manual_seed(1)
    parts_of, loss_of, scores_of, answers_of, model_class, processor_class = KINDS[args.kind]
    model, processor = parts_of()
    if args.steps:
        train(model, processor, loss_of, scores_of, args)
        folder = os.path.join(args.out, args.kind)
        model.to(torch.bfloat16).save_pretrained(folder)
        processor.save_pretrained(folder)
    measure(args)


def measure(args):
    """Opens what is stored, counts right answers and writes those of a few pictures."""
    *_, scores_of, answers_of, model_class, processor_class = KINDS[args.kind]
    folder = os.path.join(args.out, args.kind)
    model = model_class.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    processor = processor_class.from_pretrained(folder, backend="pil")
    assert type(processor.image_processor).__name__.endswith("Pil"), type(processor.image_processor)
    scenes, pictures = draw(MEASURED)
    pixels = normalise(pictures, processor.image_processor)
    whole = [Image.fromarray(scene.Scene(seed).draw()) for seed in STORED]
    again = processor.image_processor(whole, return_tensors="pt").pixel_values
    assert (again - pixels[list(STORED)]).abs().max() < 1e-5
    print("of the stored weights:", scores_of(model, processor, scenes, pixels))
    answers = answers_of(model, processor, scenes[:len(STORED)], whole)
    print(json.dumps(answers)[:600])
    os.makedirs(os.path.join(args.out, "testdata"), exist_ok=True)
    with open(os.path.join(args.out, "testdata", args.kind + ".json.gz"), "wb") as file:
        file.write(gzip.compress(json.dumps(answers).encode(), mtime=0))


if __name__ == "__main__":
    main()

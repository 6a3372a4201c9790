#!/usr/bin/env python3
"""Trains the tiny encoder of the examples, from nothing: one BERT trunk and its heads, on sentences of a grammar.

usage: pip install -r requirements.txt; python train.py      (about 6 minutes on a free core)

Writes, two folders up, in the Hugging Face layout with weights in bfloat16:

    encoder/      the trunk as BertForMaskedLM, with the tokenizer
    tagger/       config and weights of BertForTokenClassification without the trunk: PER, LOC, ORG
    classifier/   config and weights of BertForSequenceClassification without the trunk: negative, neutral, positive
    embedder/     configs of a sentence-transformers model (mean pooling, normalised), which has no weights besides the trunk

and testdata/encoder.json.gz: what the reference computes from these weights in float32. The same versions on the same kind of processor
give the same files. All heads are trained at once, on the same trunk. Every batch has three parts: pairs of paraphrases, which are to
lie close together and far from the other pairs (InfoNCE); plain sentences; sentences with words masked, to be filled. All but
the masked ones have an opinion to be found, and all have names.
"""
import argparse, collections, copy, gzip, json, math, os, random, re, time
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from torch.nn import functional
from transformers import (AutoTokenizer, BertConfig, BertForMaskedLM, BertForSequenceClassification, BertForTokenClassification, BertModel,
                          PreTrainedTokenizerFast)
from transformers.models.bert.modeling_bert import BertPooler
import grammar
from heldout import BEYOND, CLOSE, MASKS, NAMED, OPINIONS, PROMPTS

HERE = os.path.dirname(os.path.abspath(__file__))
SEED, LENGTH, VOCABULARY = 1, 64, 900
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG"]
MOODS = [grammar.NEGATIVE, grammar.NEUTRAL, grammar.POSITIVE]
MODEL = dict(hidden_size=96, num_hidden_layers=3, num_attention_heads=4, intermediate_size=384, max_position_embeddings=LENGTH,
             initializer_range=0.05, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, pad_token_id=0)
SUFFIXES = "s es ed ing er ers ly ion ment ness able ful less ic al ity ous ive est y man son berg field land ton ville burg".split()


# ------------------------------------------------------------------------------------------------------------ the vocabulary

def make_tokenizer():
    """A WordPiece vocabulary: all characters alone and within words, common endings, and the words of the grammar, frequent ones first."""
    rng, counts = random.Random(SEED), collections.Counter()
    for _ in range(20_000):
        for text, *_ in [grammar.sentence(rng, novel=0), *grammar.paraphrases(rng, novel=0)[1]]:
            counts.update(re.findall("[a-z]{2,}", text.lower()))
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)] + list("0123456789")
    pieces = sorted(set(SUFFIXES + grammar.SYLLABLES + sum(grammar.ENDINGS.values(), [])) - set(letters))
    vocabulary = SPECIAL + list(".,;:!?'\"-()&%$/") + letters + ["19", "20"] + ["##" + c for c in letters + pieces]
    words = [word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    vocabulary += words[:VOCABULARY - len(vocabulary)]
    t = Tokenizer(models.WordPiece({token: i for i, token in enumerate(vocabulary)}, unk_token="[UNK]", max_input_chars_per_word=100))
    t.normalizer, t.pre_tokenizer, t.decoder = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()
    t.post_processor = processors.TemplateProcessing(single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
                                                     special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    print(f"{len(vocabulary)} pieces; {len(words)} words in the grammar")
    return PreTrainedTokenizerFast(tokenizer_object=t, model_max_length=LENGTH, clean_up_tokenization_spaces=False, pad_token="[PAD]",
                                   unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]")


# --------------------------------------------------------------------------------------------------------------- the batches

def join(sentences):
    """Several sentences as one. What is neutral does not count in its opinion; it has none if the others disagree."""
    text, spans, moods = "", [], set()
    for part, names, mood in sentences:
        at = len(text) + 1 if text else 0
        text = part if not text else text + " " + part
        spans += [(at + start, at + end, kind) for start, end, kind in names]
        moods.add(mood)
    moods = moods - {grammar.NEUTRAL} or moods
    return text, spans, moods.pop() if len(moods) == 1 else None


def encode(tokenizer, sentences):
    """Returns ids [B, T], attention mask [B, T], tags [B, T] (-100 where nothing is to be told) and moods [B]."""
    batch = tokenizer([text for text, _, _ in sentences], padding=True, truncation=True, return_offsets_mapping=True, return_tensors="pt")
    tags = torch.where(batch.attention_mask == 1, 0, -100)
    for row, (_, spans, _) in enumerate(sentences):
        for column, (start, end) in enumerate(batch.offset_mapping[row].tolist()):
            if start == end:
                tags[row, column] = -100
            for first, last, kind in spans:
                if first <= start < end <= last:
                    tags[row, column] = TAGS.index(("B-" if start == first else "I-") + kind)
    return batch.input_ids, batch.attention_mask, tags, torch.tensor([MOODS.index(m) if m else -100 for _, _, m in sentences])


def mask_words(tokenizer, ids, generator):
    """Masks 15 % of the tokens and at least one per row as BERT does; returns ids and the wanted ones, -100 elsewhere."""
    draw = torch.rand(ids.shape, generator=generator).masked_fill(ids < len(SPECIAL), 2)
    chosen = (draw < 0.15) | (draw == draw.min(1, keepdim=True).values)
    how = torch.rand(ids.shape, generator=generator)
    other = torch.randint(len(SPECIAL), len(tokenizer), ids.shape, generator=generator)
    masked = torch.where(chosen & (how < 0.8), tokenizer.mask_token_id, torch.where(chosen & (how > 0.9), other, ids))
    return masked, torch.where(chosen, ids, -100)


class Batches:
    """Draws batches, and remembers what was drawn, so that what is held out can be told from it."""

    def __init__(self, tokenizer, seed):
        self.tokenizer, self.rng, self.generator = tokenizer, random.Random(seed), torch.Generator().manual_seed(seed)
        self.seen = set()
        self.never = {text for text, *_ in NAMED + BEYOND + OPINIONS} | {text for pair in sum(CLOSE, []) for text in pair}

    def sentence(self, **how):
        while True:
            s = grammar.sentence(self.rng, **how)
            if s[0] not in self.never:
                self.seen.add(s[0])
                return s

    def pairs(self, groups):
        """Two meanings of each of some groups, two sentences each, so that a sentence has neighbours that only names tell from it."""
        meanings, texts = [], []
        for group in self.rng.sample(range(len(grammar.PARAPHRASES)), groups) * 2:
            while True:
                meaning, two = grammar.paraphrases(self.rng, group=group)
                if not self.never & {two[0][0], two[1][0]}:
                    break
            meanings.append(meaning)
            texts += two
        self.seen.update(text for text, *_ in texts)
        return meanings, texts

    def draw(self, groups=8, plain=24, masked=40):
        several = self.rng.choice((1, 1, 1, 1, 1, 2, 2, 4))
        rows = lambda n, **how: [join([self.sentence(**how) for _ in range(several)]) for _ in range(n // several)]
        meanings, close = self.pairs(groups)
        ids, attend, tags, moods = encode(self.tokenizer, close + rows(plain, kinds=(1, 3, 6, 0)) + rows(masked))
        last = len(ids) - masked // several
        wanted = torch.full_like(ids, -100)
        ids[last:], wanted[last:] = mask_words(self.tokenizer, ids[last:], self.generator)
        moods[last:] = -100
        return meanings, ids, attend, tags, moods, wanted


# ----------------------------------------------------------------------------------------------------------------- the model

def pool(hidden, attend):
    """Mean over the tokens, [B, Dim], of length 1."""
    return functional.normalize((hidden * attend[..., None]).sum(1) / attend.sum(1, keepdim=True), dim=-1)


class Tiny(torch.nn.Module):
    """The trunk and all heads; the members have the names of the published classes."""

    def __init__(self, config):
        super().__init__()
        self.masked = BertForMaskedLM(config)
        self.pooler = BertPooler(config)
        self.classifier = torch.nn.Linear(config.hidden_size, len(MOODS))
        self.tagger = torch.nn.Linear(config.hidden_size, len(TAGS))

    def losses(self, meanings, ids, attend, tags, moods, wanted):
        hidden = self.masked.bert(ids, attention_mask=attend).last_hidden_state
        fill = functional.cross_entropy(self.masked.cls(hidden[wanted >= 0]), wanted[wanted >= 0])
        names = functional.cross_entropy(self.tagger(hidden[tags >= 0]), tags[tags >= 0])
        mood = functional.cross_entropy(self.classifier(self.pooler(hidden)), moods, ignore_index=-100)
        close = pool(hidden, attend)[:2 * len(meanings)]
        scores = close[0::2] @ close[1::2].T / 0.05
        same = torch.tensor([[a == b for b in meanings] for a in meanings]) & ~torch.eye(len(meanings), dtype=torch.bool)
        scores, target = scores.masked_fill(same, -1e9), torch.arange(len(meanings))
        pairs = (functional.cross_entropy(scores, target) + functional.cross_entropy(scores.T, target)) / 2
        return dict(fill=fill, names=names, mood=mood, pairs=pairs)


def train(model, batches, steps, peak):
    """AdamW, the learning rate rising for 100 steps and then falling along a cosine."""
    optimizer = torch.optim.AdamW([dict(params=[p for p in model.parameters() if p.dim() == 2], weight_decay=0.05),
                                   dict(params=[p for p in model.parameters() if p.dim() == 1], weight_decay=0.0)], betas=(0.9, 0.98))
    start = time.time()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = peak * min((step + 1) / 100, 0.01 + 0.99 * (1 + math.cos(math.pi * step / steps)) / 2)
        losses = model.losses(*batches.draw())
        optimizer.zero_grad()
        sum(losses.values()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 0 or step == steps - 1:
            print(f"step {step:5} of {steps} ", *(f"{k} {v.item():.3f}" for k, v in losses.items()), f" {time.time() - start:6.0f} s", flush=True)


def save(model, tokenizer, out):
    """Writes the folders; what a head shares with the trunk is not written again."""
    model = copy.deepcopy(model).to(torch.bfloat16)
    model.masked.save_pretrained(os.path.join(out, "encoder"))
    tokenizer.backend_tokenizer.no_padding()  # these are of the call, not of the model
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.save_pretrained(os.path.join(out, "encoder"))

    def folder(name, architecture, weights, labels=None):
        os.makedirs(os.path.join(out, name), exist_ok=True)
        config = BertConfig(**model.masked.config.to_dict())
        config.architectures, config.dtype = [architecture], torch.bfloat16
        if labels:
            config.id2label, config.label2id = dict(enumerate(labels)), {label: i for i, label in enumerate(labels)}
        config.save_pretrained(os.path.join(out, name))
        if weights:
            save_file({k: v.contiguous() for k, v in weights.items()}, os.path.join(out, name, "model.safetensors"), {"format": "pt"})

    folder("tagger", "BertForTokenClassification", {"classifier." + k: v for k, v in model.tagger.state_dict().items()}, TAGS)
    folder("classifier", "BertForSequenceClassification",
           {"bert.pooler." + k: v for k, v in model.pooler.state_dict().items()} |
           {"classifier." + k: v for k, v in model.classifier.state_dict().items()}, MOODS)
    folder("embedder", "BertModel", {})
    write = lambda value, *path: json.dump(value, open(os.path.join(out, "embedder", *path), "w"), indent=2)
    write([dict(idx=0, name="0", path="", type="sentence_transformers.models.Transformer"),
           dict(idx=1, name="1", path="1_Pooling", type="sentence_transformers.models.Pooling"),
           dict(idx=2, name="2", path="2_Normalize", type="sentence_transformers.models.Normalize")], "modules.json")
    write(dict(max_seq_length=LENGTH, do_lower_case=False), "sentence_bert_config.json")
    os.makedirs(os.path.join(out, "embedder", "1_Pooling"), exist_ok=True)
    write(dict(word_embedding_dimension=MODEL["hidden_size"], pooling_mode_cls_token=False, pooling_mode_mean_tokens=True,
               pooling_mode_max_tokens=False, pooling_mode_mean_sqrt_len_tokens=False), "1_Pooling", "config.json")


# --------------------------------------------------------------------------------------------------------------- the answers

class Reference:
    """The published classes with the stored weights, trunk and heads put together, in float32."""

    def __init__(self, out):
        trunk = load_file(os.path.join(out, "encoder", "model.safetensors"))
        self.tokenizer = AutoTokenizer.from_pretrained(os.path.join(out, "encoder"))
        self.masked = BertForMaskedLM.from_pretrained(os.path.join(out, "encoder"), dtype=torch.float32, attn_implementation="eager").eval()

        def open_head(name, kind, **how):
            file = os.path.join(out, name, "model.safetensors")
            weights = trunk | (load_file(file) if os.path.exists(file) else {})
            weights = {k: v.float() for k, v in weights.items() if not k.startswith("cls.")}
            if kind is BertModel:
                weights = {k.removeprefix("bert."): v for k, v in weights.items()}
            config = BertConfig.from_pretrained(os.path.join(out, name), attn_implementation="eager")
            model = kind(config, **how).float()
            model.load_state_dict(weights)  # strict: every tensor of the class, and no other
            return model.eval()

        self.tagger = open_head("tagger", BertForTokenClassification)
        self.classifier = open_head("classifier", BertForSequenceClassification)
        self.embedder = open_head("embedder", BertModel, add_pooling_layer=False)

    def __call__(self, model, text):
        return model(**self.tokenizer(text, return_tensors="pt", truncation=True, return_token_type_ids=False))

    def fill(self, text, count=5):
        ids = self.tokenizer(text).input_ids
        logits = self(self.masked, text).logits[0, ids.index(self.tokenizer.mask_token_id)]
        top = logits.softmax(-1).topk(count)
        return dict(text=text, ids=ids, top_ids=top.indices.tolist(), top_tokens=self.tokenizer.convert_ids_to_tokens(top.indices.tolist()),
                    top_probabilities=top.values.tolist(), top_logits=logits[top.indices].tolist())

    def tag(self, text):
        encoded = self.tokenizer(text, return_offsets_mapping=True, truncation=True)
        logits = self(self.tagger, text).logits[0]
        labels = [TAGS[i] for i in logits.argmax(-1)]
        return dict(text=text, ids=encoded.input_ids, tokens=self.tokenizer.convert_ids_to_tokens(encoded.input_ids), labels=labels,
                    offsets=encoded.offset_mapping, logits=logits.tolist(), entities=entities(text, labels, encoded.offset_mapping))

    def classify(self, text):
        logits = self(self.classifier, text).logits[0]
        return dict(text=text, ids=self.tokenizer(text).input_ids, label=MOODS[logits.argmax()],
                    probabilities=logits.softmax(-1).tolist(), logits=logits.tolist())

    def embed(self, text):
        hidden = self(self.embedder, text).last_hidden_state
        return pool(hidden, torch.ones(hidden.shape[:2]))[0]


def entities(text, labels, offsets):
    """Names as [kind, text]: B- begins one, I- of the same kind continues it."""
    found = []
    for label, (start, end) in zip(labels, offsets):
        if start == end or label == "O":
            found.append(None)
        elif label[0] == "I" and found and found[-1] and found[-1][0] == label[2:]:
            found[-1][2] = end
        else:
            found.append([label[2:], start, end])
    return [[kind, text[start:end]] for kind, start, end in filter(None, found)]


def measure(ref, seen):
    """Prints how the heads do on sentences of the grammar that the training did not draw."""
    rng, seen = random.Random(SEED + 1000), {text.rstrip(".") for text in seen}
    unseen = lambda sentences: all(s[0].rstrip(".") not in seen for s in sentences)
    for what, novel in (("names of the lists", 0), ("invented names", 1)):
        fresh = [s for s in (grammar.sentence(rng, novel, (2, 5, 4, 0)) for _ in range(2000)) if unseen([s])][:400]
        found, want, mood = collections.Counter(), collections.Counter(), 0
        for text, spans, opinion in fresh:
            found.update((text, *e) for e in ref.tag(text)["entities"])
            want.update((text, kind, text[start:end]) for start, end, kind in spans)
            mood += ref.classify(text)["label"] == opinion
        right = sum((found & want).values())
        print(f"{len(fresh)} unseen sentences, {what}: names precision {right / found.total():.3f}, recall {right / want.total():.3f}; "
              f"opinions {mood / len(fresh):.3f}")
    right = nearest = 0
    pairs = [grammar.paraphrases(rng)[1] for _ in range(4000)]
    pairs = [[s[0] for s in pair] for pair in pairs if unseen(pair)]
    lists = [pairs[i:i + 8] for i in range(0, min(len(pairs), 800) - 7, 8)]
    for eight in lists:
        hits = paired(ref, eight)
        right, nearest = right + (hits == 8), nearest + hits
    print(f"{len(lists)} lists of 8 and their paraphrases, both unseen: {nearest / 8 / len(lists):.3f} of the nearest are right, {right} lists wholly")
    for name, facts in (("facts", (1, 0, 0, 0)), ("all", (4, 4, 4, 3))):
        hits, count = 0, 0
        for text, *_ in (grammar.sentence(rng, 0, facts) for _ in range(300)):
            words = [m.span() for m in re.finditer(r"\w+", text)]
            start, end = rng.choice(words)
            want = ref.tokenizer(text[start:end], add_special_tokens=False).input_ids
            if len(want) == 1:
                count, hits = count + 1, hits + (ref.fill(text[:start] + "[MASK]" + text[end:])["top_ids"][0] == want[0])
        print(f"one masked word of {count} sentences ({name}, seen or not): first guess right {hits / count:.3f}")


def paired(ref, pairs):
    """How many of the left sentences have their paraphrase as the nearest on the right."""
    left, right = (torch.stack([ref.embed(pair[side]) for pair in pairs]) for side in (0, 1))
    return sum((left @ right.T).argmax(1) == torch.arange(len(pairs))).item()


def check(ref):
    """Prints what the model makes of the sentences of heldout.py; returns how many answers are wrong, BEYOND aside."""
    wrong = 0
    for text in PROMPTS + MASKS:
        answer = ref.fill(text)
        print(text, *(f"{t} {p:.3f}" for t, p in zip(answer["top_tokens"], answer["top_probabilities"])))
    for text, want in NAMED + BEYOND:
        got = ref.tag(text)["entities"]
        wrong += got != want and (text, want) in NAMED
        print("right" if got == want else "WRONG", text, got)
    for text, want in OPINIONS:
        got = ref.classify(text)
        wrong += got["label"] != want
        print("right" if got["label"] == want else "WRONG", text, got["label"], *(f"{p:.3f}" for p in got["probabilities"]))
    for pairs in CLOSE:
        left, right = (torch.stack([ref.embed(pair[side]) for pair in pairs]) for side in (0, 1))
        for i, row in enumerate(left @ right.T):
            best, second = row.topk(2).indices.tolist()
            wrong += best != i
            print("right" if best == i else "WRONG", f"{pairs[i][0]}  ~ {row[best]:.3f}  {pairs[best][1]}   (next {row[second]:.3f}  {pairs[second][1]})")
    print(f"{wrong} wrong")
    return wrong


def expected(ref):
    texts = [pair[side] for side in (0, 1) for pair in CLOSE[0][:4]]
    tokenized = ["The cat sat on the mat.", "", "Unbelievable! Zürich isn't naïve; 42 % of 1999-2024?", "日本 and ÉCOLE  \t tabs",
                 NAMED[0][0], "[MASK] [CLS] ###"]
    return dict(
        tokenize=[dict(text=t, ids=ref.tokenizer(t).input_ids, tokens=ref.tokenizer.convert_ids_to_tokens(ref.tokenizer(t).input_ids))
                  for t in tokenized],
        fill=[ref.fill(text) for text in PROMPTS], tag=[ref.tag(text) for text, _ in NAMED[:5] + BEYOND],
        classify=[ref.classify(text) for text, _ in OPINIONS[:5]],
        embed=[dict(text=text, ids=ref.tokenizer(text).input_ids, embedding=ref.embed(text).tolist()) for text in texts],
        nearest=[[dict(left=l, right=r) for l, r in pairs] for pairs in CLOSE])


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("--out", default=os.path.dirname(os.path.dirname(HERE)), help="the folder to write the folders in")
    flags.add_argument("--steps", type=int, default=3000)
    flags.add_argument("--rate", type=float, default=2e-3, help="the highest learning rate")
    flags.add_argument("--stored", action="store_true", help="train nothing: what do the stored weights answer?")
    args = flags.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", 1)))

    batches = None
    if not args.stored:
        tokenizer = make_tokenizer()
        model, batches = Tiny(BertConfig(vocab_size=len(tokenizer), **MODEL)), Batches(tokenizer, SEED)
        print(f"{sum(p.numel() for p in model.parameters()):,} parameters")
        train(model, batches, args.steps, args.rate)
        save(model, tokenizer, args.out)
    with torch.inference_mode():
        ref = Reference(args.out)
        check(ref)
        if batches:
            measure(ref, batches.seen)
        os.makedirs(os.path.join(args.out, "testdata"), exist_ok=True)
        text = json.dumps(expected(ref), indent=1, ensure_ascii=False)
        text = re.sub(r"\[\s+([^][{}]*?)\s+\]", lambda m: "[" + re.sub(r",\s+", ", ", m[1]) + "]", text) + "\n"
        with open(os.path.join(args.out, "testdata", "encoder.json.gz"), "wb") as file:
            file.write(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main()

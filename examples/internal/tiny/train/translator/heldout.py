#!/usr/bin/env python3
"""How well does the stored translator do on sentences that are kept out of its training?

usage: python heldout.py      (about a minute on a free core)

Prints, for both directions, greedy and with four beams, how many translations are exactly right, of three kinds of sentences: PAIRS;
sentences of the grammar that the training does not draw; those with an adjective and a noun, or a verb and an object, that it
never draws together. Then, of each head, how often the source word with the greatest weight is one that the grammar aligns.
"""
import argparse, os, random
import torch
from transformers import AutoTokenizer, T5ForConditionalGeneration
import grammar

HERE = os.path.dirname(os.path.abspath(__file__))
TO_FRENCH, TO_ENGLISH = "translate English to French: ", "translate French to English: "
PAIRS = [
    ("the cat sat on the mat", "le chat était assis sur le tapis"),
    ("the black cat sat on the mat", "le chat noir était assis sur le tapis"),
    ("The little black cat sat on the red mat.", "Le petit chat noir était assis sur le tapis rouge."),
    ("The dog does not eat the apple.", "Le chien ne mange pas la pomme."),
    ("The queen's white horse is in the garden.", "Le cheval blanc de la reine est dans le jardin."),
    ("My sister has two beautiful cats.", "Ma sœur a deux beaux chats."),
    ("The woman bought some bread yesterday.", "La femme a acheté du pain hier."),
    ("The old man is tired.", "Le vieil homme est fatigué."),
    ("We went to the market.", "Nous sommes allés au marché."),
    ("The girls were playing near the river.", "Les filles jouaient près de la rivière."),
    ("I am hungry.", "J'ai faim."),
    ("She never reads the newspaper.", "Elle ne lit jamais le journal."),
    ("We see them.", "Nous les voyons."),
    ("The children want to drink the milk.", "Les enfants veulent boire le lait."),
    ("The farmer had lost the key.", "Le fermier avait perdu la clé."),
    ("The dog is going to sleep under the table.", "Le chien va dormir sous la table."),
    ("There are three birds behind the house.", "Il y a trois oiseaux derrière la maison."),
    ("Anna gave a flower to the queen.", "Anna a donné une fleur à la reine."),
]


class Translator:
    """The published class with the stored weights, in float32."""

    def __init__(self, folder):
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = T5ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        self.length = self.model.config.task_specific_params["translation_en_to_fr"]["max_length"]

    def encode(self, texts):
        return self.tokenizer(texts, return_tensors="pt", padding=True, return_offsets_mapping=True)

    def generate(self, texts, beams, **how):
        batch = self.encode(texts)
        return self.model.generate(input_ids=batch.input_ids, attention_mask=batch.attention_mask, num_beams=beams, early_stopping=beams > 1,
                                   do_sample=False, max_length=self.length, **how)

    def translate(self, texts, beams=1):
        found = []
        for i in range(0, len(texts), 100):
            found += self.tokenizer.batch_decode(self.generate(texts[i:i + 100], beams), skip_special_tokens=True)
        return found

    def exact(self, pairs, beams):
        """The share of right translations, and the wrong ones."""
        wrong = [(a, b, got) for (a, b), got in zip(pairs, self.translate([a for a, _ in pairs], beams)) if got != b]
        return 1 - len(wrong) / len(pairs), wrong

    def attention(self, source, target):
        """Cross-attention weights, [layers, heads, T, S], while the target is given: row t is that of the choice of token t."""
        source, target = self.encode([source]), self.tokenizer(target, return_tensors="pt").input_ids
        out = self.model(input_ids=source.input_ids, labels=target, output_attentions=True)
        return torch.stack(out.cross_attentions)[:, 0]


def aligned(spans_a, spans_b, links, shift=0):
    """Which tokens belong together, by the spans of their characters: bool [len(b), len(a)]. The ends do."""
    grid = torch.zeros(len(spans_b), len(spans_a), dtype=torch.bool)
    meets = lambda span, token: span[0] < token[1] and token[0] < span[1]
    for a, b in links:
        columns = [i for i, token in enumerate(spans_a) if meets((a[0] + shift, a[1] + shift), token)]
        for j, token in enumerate(spans_b):
            if meets(b, token):
                grid[j, columns] = True
    grid[-1, -1] = True
    return grid


def alignment(translator, sentences):
    """Prints of each head how often it points at an aligned token, of the tokens that have one."""
    hits, count = 0, 0
    for s in sentences:
        source, target = translator.tokenizer(TO_FRENCH + s.en, return_offsets_mapping=True), translator.tokenizer(s.fr, return_offsets_mapping=True)
        grid = aligned(source.offset_mapping, target.offset_mapping, s.links, len(TO_FRENCH))
        weights = translator.attention(TO_FRENCH + s.en, s.fr)
        weights = torch.cat([weights, weights.mean(1, keepdim=True)], 1)
        rows = grid.any(1)
        hits = hits + grid[rows].gather(1, weights.argmax(-1)[:, :, rows].permute(2, 0, 1).flatten(1)).sum(0)
        count += rows.sum().item()
    for layer, row in enumerate((hits / count).view(weights.shape[0], -1).tolist()):
        print(f"layer {layer}:", *(f"head {head} {share:.3f}" for head, share in enumerate(row[:-1])), f" mean of heads {row[-1]:.3f}")


def draw(seed, count, wanted):
    rng, found = random.Random(seed), []
    while len(found) < count:
        s = grammar.Sentence(rng)
        if wanted(s):
            found.append(s)
    return found


def measure(translator, count, show=0):
    unseen = draw(1001, 4 * count, lambda s: grammar.is_held_out(s) and not grammar.has_new_pair(s))
    fresh = draw(1002, 4 * count, grammar.has_new_pair)
    for what, forward, backward in [("PAIRS", [(a, b) for a, b in PAIRS], [(b, a) for a, b in PAIRS])] + [
            (what, [(s.en, s.fr) for s in sentences if s.forward][:count], [(s.fr, s.en) for s in sentences if s.backward][:count])
            for what, sentences in (("unseen", unseen), ("new pairs", fresh))]:
        for prefix, pairs in ((TO_FRENCH, forward), (TO_ENGLISH, backward)):
            for beams in (1, 4):
                share, wrong = translator.exact([(prefix + a, b) for a, b in pairs], beams)
                print(f"{prefix}{len(pairs)} {what}, {'greedy' if beams == 1 else f'{beams} beams'}: {share:.4f} exactly right", flush=True)
                for a, b, got in wrong[:len(PAIRS) if what == "PAIRS" else show]:
                    print(f"    {a}\n        want {b}\n        got  {got}")
    alignment(translator, [s for s in unseen if s.forward][:200])


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("--model", default=os.path.join(HERE, "..", "..", "translator"), help="the folder of the model")
    flags.add_argument("--count", type=int, default=1000, help="sentences of each kind and direction")
    flags.add_argument("--show", type=int, default=0, help="wrong translations to show of each")
    args = flags.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", 1)))
    with torch.inference_mode():
        measure(Translator(args.model), args.count, args.show)


if __name__ == "__main__":
    main()

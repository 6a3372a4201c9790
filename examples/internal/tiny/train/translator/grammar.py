"""A grammar of English sentences and their French translations: what the tiny translator of the examples is trained on.

Both sides of a sentence are built together, from the same parts, so that the sentence knows which words belong together. A French word
refers to the English words that it comes from. Words take their forms at the end, when their neighbours are known: a or an, le or l',
de le or du, beau or bel.

A sentence may hold for one direction only, where the other has a better answer: "the cat is sleeping" is "le chat dort", which goes back
to "the cat sleeps"; "his" and "her" are both "son".
"""
import zlib
from phrases import *

WEATHER = """it is raining=il pleut, it was raining=il pleuvait, it is snowing=il neige, it was snowing=il neigeait, it is cold=il fait froid,
    it was cold=il faisait froid, it is late=il est tard, it was late=il était tard"""
CONJUNCTIONS = ["and=et", "but=mais", "when=quand", "because=parce que", "while=pendant que"]


class Clauses(Phrases):
    """Draws the clauses of one sentence."""

    def acts(self, short):
        """The cat sleeps near the wall."""
        subject, tense = self.subject(short=short), self.tense()
        verb = self.rng.choice(INTRANSITIVE["any"] + INTRANSITIVE["person"] * (subject.group == "person"))
        negation, adverb, place = self.negation(tense), None, NOTHING
        if not negation and tense in ("present", "past") and self.rng.random() < 0.15:
            adverb = self.rng.choice([("often", "souvent"), ("always", "toujours")])
        if self.rng.random() < (0.25 if short else 0.5):
            place = self.place()
        elif self.rng.random() < 0.1:
            place = self.preposition("with", self.noun(["person", "animal"], definite=True, plain=True, other=subject.noun))
        time = NOTHING if short else self.time(tense)
        return subject + self.verb(verb, subject, tense, negation, adverb) + place + time

    def does(self, short):
        """The queen does not eat the apple; I see him."""
        rng, subject = self.rng, self.subject(short=short)
        kind = choose(rng, ("plain", 8), ("state", 2), ("have", 2), ("for", 1.5))
        state = kind in ("state", "have")
        plain = TRANSITIVE["any"] + TRANSITIVE["person"] * (subject.group == "person")
        verb = rng.choice({"plain": plain, "state": STATES, "for": FOR, "have": [HAVE]}[kind])
        tense = rng.choice(("present", "past")) if state else self.tense()
        negation = self.negation(tense)
        if kind == "have" and negation == "never":
            negation = "not"
        time = NOTHING if short or state else self.time(tense)
        alive = {"person", "animal"} & set(verb.objects) and kind != "have"
        if rng.random() < 0.15 and alive and (state or tense in ("present", "was", "going", "is")):
            return self.does_to(subject, verb, tense, negation, state) + time
        object = self.noun(verb.objects, other=subject.noun, plain=short, negated=negation is not None)
        self.pairs.add((verb.base, object.noun.en))
        place = self.place() if not short and rng.random() < 0.15 else NOTHING
        return subject + self.verb_for(verb, subject, tense, negation, state=state) + object + place + time

    def does_to(self, subject, verb, tense, negation, state):
        if tense == "was" and subject.person in (2, 3):
            tense = "present"  # else it would be a past, whose participle goes with the object
        same = {0: ("me", "us"), 2: ("me", "us"), 3: ("you",)}.get(subject.person, ())
        clitic = English(self.rng.choice([c for c in CLITICS if c not in same]))
        phrase = self.verb_for(verb, subject, tense, negation, state=state, clitic=clitic)
        for this, following in zip(phrase.fr, phrase.fr[1:]):
            if this.vowel == "l'" and following.text.startswith(VOWELS):
                self.backward = False  # l' may be him or her
        return subject + phrase + Phrase([clitic])

    def sits(self, short):
        """The cat sat on the mat."""
        subject, (verb, posture) = self.subject(short=short), self.rng.choices(POSTURES, (6, 2, 2))[0]
        tense = choose(self.rng, ("past", 7), ("present", 4), ("is", 1), ("was", 1))
        negation, time = self.negation(tense), NOTHING if short else self.time(tense)
        self.backward &= tense != "was"
        phrase = self.verb(verb, subject, tense, negation, state=True)
        feminine = subject.gender == "f"
        form = (posture.fp if feminine else posture.mp) if subject.plural else posture.f if feminine else posture.m
        return subject + phrase + Phrase([], [French(form, phrase.en[-1:])]) + self.place(("seat", "seat", "seat", "mark", "water", "place")) + time

    def is_so(self, short):
        """The door is not very heavy; I am hungry; the hat is on the table."""
        rng = self.rng
        subject = self.subject(choose(rng, (("person", "animal"), 5), (("thing", "opening", "seat", "reading"), 3), (("food", "dish", "drink"), 1),
                                      (("place", "goal"), 1)), short)
        tense = choose(rng, ("present", 5), ("past", 5), ("going", 0.5))
        negation = self.negation("going")
        roll = rng.random()
        if roll < 0.15 and subject.group in ("person", "animal"):
            return subject + self.verb(FEEL, subject, tense, negation, state=True) + word(*rng.choice(FEELINGS))
        phrase = subject + self.verb(BE, subject, tense, negation, state=True)
        if roll < 0.35:
            return phrase + self.place()
        for i, a in enumerate(rng.sample(SUITING[subject.group], 2 if rng.random() < 0.12 else 1)):
            if i:
                phrase += word("and", "et")
            if rng.random() < 0.2:
                phrase += word(*rng.choice([("very", "très"), ("too", "trop")]))
            phrase += word(a.en, (a.fp if subject.plural else a.f) if subject.gender == "f" else a.mp if subject.plural else a.m)
            if subject.noun:
                self.pairs.add((a.en, subject.noun.en))
        return phrase

    def gives(self, short):
        """The boy gave a flower to the queen."""
        subject, verb, tense = self.subject(("person",), short), self.rng.choice(GIVE), self.tense()
        negation = self.negation(tense)
        object = self.noun(verb.objects, plain=True, negated=negation is not None)
        self.pairs.add((verb.base, object.noun.en))
        to = self.preposition("to", self.noun(["person"], definite=True, plain=True, other=subject.noun))
        return subject + self.verb(verb, subject, tense, negation) + object + to

    def goes(self, short):
        """The sisters went to the market."""
        subject, tense = self.subject(short=short), self.tense()
        negation, time = self.negation(tense), NOTHING if short else self.time(tense)
        if self.rng.random() < 0.15:
            verb, place = FALL, self.place(("seat", "place"))
        else:
            verb, preposition = self.rng.choice(MOTION)
            place = self.preposition(preposition, self.noun(["goal", "goal", "mark", "water"], definite=True, plain=True))
        return subject + self.verb(verb, subject, tense, negation, etre=True) + place + time

    def lives(self, short):
        subject, tense = self.subject(short=short), self.rng.choice(("present", "past"))
        return subject + self.verb(LIVE, subject, tense, self.negation(tense), state=True) + self.place(("place", "place", "water"))

    def modal(self, subject):
        """wants to, cannot, had to"""
        rng, tense = self.rng, self.rng.choice(("present", "present", "past"))
        verb, negation = rng.choice(MODALS), choose(rng, (None, 3), ("not", 1))
        if verb.base == "want":
            return self.verb(verb, subject, tense, negation, state=True) + Phrase([English("to")])
        if verb.base == "must" and tense == "past":  # had to
            e = [English("had"), English("to")]
            return Phrase(e, [French(verb.imperfect[subject.person], e[:1])])
        e = English("cannot" if verb.base == "can" and tense == "present" and negation else verb.past if tense == "past" else verb.base)
        no = [e if e.text == "cannot" else English("not")] if negation else []
        fr = [French((verb.imperfect if tense == "past" else verb.present)[subject.person], [e])]
        return Phrase([e] + [n for n in no if n is not e], [French("ne", no, "n'")] + fr + [French("pas", no)] if negation else fr)

    def wants(self, short):
        """The girl wants to open the door; she cannot read the letter; they must work."""
        rng, subject = self.rng, self.subject(short=short)
        phrase, person = subject + self.modal(subject), subject.group == "person"
        if rng.random() < 0.5:
            verb = rng.choice(INTRANSITIVE["any"] + INTRANSITIVE["person"] * person)
            return phrase + word(verb.base, verb.infinitive) + (self.place() if rng.random() < 0.4 else NOTHING)
        verb = rng.choice(TRANSITIVE["any"] + TRANSITIVE["person"] * person)
        object = self.noun(verb.objects, definite=True, plain=True, other=subject.noun)
        self.pairs.add((verb.base, object.noun.en))
        return phrase + word(verb.base, verb.infinitive) + object

    def there_is(self, short):
        """There are two cats under the table."""
        rng = self.rng
        noun = rng.choice(NOUNS[rng.choice(("person", "animal", "thing", "food"))])
        plural, past = rng.random() < 0.5, rng.random() < 0.4
        start = word("there", "il y") + word(("were" if plural else "was") if past else "are" if plural else "is", "avait" if past else "a")
        first = self.determiner(noun, plural, rng.choice(("a", "number")) if plural else "a")
        return start + first + word(noun.ens if plural else noun.en, noun.frs if plural else noun.fr) + self.place()

    def weather(self, short):
        en, fr = (text.split() for text in self.rng.choice(WEATHER.split(",")).split("="))
        words = [English(w) for w in en]
        return Phrase(words, [French(w, [words[i if len(fr) == 3 else 2 * i]]) for i, w in enumerate(fr)])

    def draw(self, short=False):
        self.now = False
        return choose(self.rng, (self.does, 30), (self.acts, 16), (self.sits, 11), (self.is_so, 15), (self.goes, 9), (self.wants, 7), (self.gives, 5),
                      (self.there_is, 4), (self.lives, 2), (self.weather, 1.5))(short)


# ------------------------------------------------------------------------------------------------------------------ sentences

class Sentence:
    """Two texts, with or without capital and full stop; which directions they hold for; links: pairs of character spans, English and French,
    that belong together; pairs: adjectives and verbs with their nouns."""

    def __init__(self, rng):
        clauses = Clauses(rng)
        if rng.random() < 0.1:
            phrase = clauses.draw(short=True) + word(*rng.choice(CONJUNCTIONS).split("=")) + clauses.draw(short=True)
        else:
            phrase = clauses.draw()
        self.pairs, self.forward, self.backward = clauses.pairs, clauses.forward, clauses.backward
        capital = rng.random() < 0.5 or phrase.en[0].text[0].isupper()  # I and names always have theirs
        stop = rng.random() < 0.6
        if stop:
            dot = English(".", glued=True)
            phrase += Phrase([dot], [French(".", [dot])])
        self.en, spans = join([(e.text, e.glued) for e in inflect(phrase.en)], capital)
        at = {id(e): span for e, span in zip(phrase.en, spans)}
        fr = contract(inflect(phrase.fr))
        self.fr, spans = join([(f.text, f.text == "." or i and fr[i - 1].text.endswith("'")) for i, f in enumerate(fr)], capital)
        self.links = [(at[id(e)], span) for f, span in zip(fr, spans) for e in f.links]


def key(text):
    """A text whose capital and full stop do not count."""
    return text.lower().rstrip(".")


def is_held_out(s):
    """One sentence in 32 is kept out of the training, by its French text."""
    return zlib.crc32(key(s.fr).encode()) % 32 == 0


def has_new_pair(s):
    """Does the sentence bring together an adjective and a noun, or a verb and an object, that the training never shows together?"""
    return any(zlib.crc32(f"{a} {b}".encode()) % 16 == 0 for a, b in s.pairs)

"""The phrases of the English-French grammar: how words become noun phrases, verbs, places and times."""
from words import *

CLITICS = {"me": ("me", "m'"), "him": ("le", "l'"), "her": ("la", "l'"), "us": ("nous", None), "you": ("vous", None), "them": ("les", None)}
PRONOUNS = [("I", "je", 0, "m"), ("he", "il", 1, "m"), ("she", "elle", 1, "f"), ("we", "nous", 2, "m"), ("you", "vous", 3, "m"), ("they", "ils", 4, "m"),
            ("they", "elles", 4, "f")]
OWNERS = {"my": ("mon", "ma", "mes"), "his": ("son", "sa", "ses"), "her": ("son", "sa", "ses"), "our": ("notre", "notre", "nos"),
          "your": ("votre", "votre", "vos"), "their": ("leur", "leur", "leurs")}
NUMBERS = [("two", "deux"), ("three", "trois"), ("four", "quatre"), ("five", "cinq"), ("many", "beaucoup de")]
PREPOSITIONS = {"on": "sur", "in": "dans", "under": "sous", "behind": "derrière", "in front of": "devant", "near": "près de", "with": "avec", "to": "à",
                "at": "à", "from": "de"}
WHERE = {"seat": ["on"] * 3 + ["under", "behind", "near"], "place": ["in"] * 3 + ["near", "behind"],
         "goal": ["in"] * 2 + ["in front of", "near", "behind"], "mark": ["under", "near", "behind", "in front of"], "water": ["near", "behind"]}
TIMES = {"today=aujourd'hui": "present past was had going is will", "yesterday=hier": "past was", "every day=tous les jours": "present",
         "in the morning=le matin": "present", "at night=la nuit": "present", "tomorrow=demain": "going will", "tonight=ce soir": "going will"}


# ---------------------------------------------------------------------------------------------------------------------- words

class English:
    def __init__(self, text, vowel=None, glued=False):
        self.text, self.vowel, self.glued = text, vowel, glued


class French:
    """A word, the English words that it belongs to, and its form before a vowel, if that is another. An article joins with à and de."""

    def __init__(self, text, links, vowel=None, article=False):
        self.text, self.links, self.vowel, self.article = text, list(links), vowel, article


class Phrase:
    """Words that belong together, English and French. As a subject it has a person (index into SUBJECTS), a gender, and a noun or none."""

    def __init__(self, en=(), fr=(), person=1, gender="m", noun=None):
        self.en, self.fr, self.person, self.gender, self.noun = list(en), list(fr), person, gender, noun
        self.group = noun.group if noun else "person"
        self.plural = person >= 2

    def __add__(self, other):
        return Phrase(self.en + other.en, self.fr + other.fr)


NOTHING = Phrase()


def word(en, fr):
    """One English word and its French; the last of these may be elided."""
    e = English(en)
    return Phrase([e], [French(f, [e], f[:-1] + "'" if f in ("de", "je", "que") else None) for f in fr.split()])


def inflect(words):
    for this, following in zip(words, words[1:]):
        if this.vowel and following.text.lower().startswith(tuple("aeiou") if isinstance(this, English) else VOWELS):
            this.text = this.vowel
    return words


def contract(words):
    """à le is au, de les is des."""
    done = []
    for this in words:
        last = done[-1] if done else None
        if last and last.text in ("de", "à") and this.article and this.text in ("le", "les"):
            last.text = {"de le": "du", "de les": "des", "à le": "au", "à les": "aux"}[f"{last.text} {this.text}"]
            last.links += this.links
        else:
            done.append(this)
    return done


def join(words, capital):
    """The text of words, each with whether it is glued to what is before it; and the span of each."""
    text, spans = "", []
    for this, glued in words:
        if not text and capital:
            this = this[0].upper() + this[1:]
        text += " " * bool(text and not glued)
        spans.append((len(text), len(text) + len(this)))
        text += this
    return text, spans


def choose(rng, *weighted):
    return rng.choices([value for value, _ in weighted], [weight for _, weight in weighted])[0]


# -------------------------------------------------------------------------------------------------------------------- phrases

class Phrases:
    """Draws the phrases of one sentence, and remembers what they say of the whole."""

    def __init__(self, rng):
        self.rng, self.pairs, self.forward, self.backward, self.now = rng, set(), True, True, False

    # --------------------------------------------------------------------------------------------------------- noun phrases

    def determiner(self, noun, plural, kind, before=False, negated=False):
        """What stands before a noun; before says that an adjective comes between them in French."""
        feminine, mass = noun.gender == "f", noun.group in MASS
        if kind == "number":
            return word(*self.rng.choice(NUMBERS))
        if kind == "every":
            return word("every", "chaque")
        if kind == "a":
            e = English("a", "an") if not plural and not mass else English("any" if negated else "some")
            if negated:  # pas de
                return Phrase([e], [French("de", [e], "d'")])
            if mass:
                return Phrase([e], [French("de", [e], "d'"), French("la" if feminine else "le", [e], "l'", article=True)])
            return Phrase([e], [French(("de" if before else "des") if plural else "une" if feminine else "un", [e])])
        if kind == "this":
            e = English("these" if plural else "this")
            return Phrase([e], [French("ces" if plural else "cette" if feminine else "ce", [e], None if plural or feminine else "cet")])
        e = English(kind)
        if kind == "the":
            return Phrase([e], [French("les" if plural else "la" if feminine else "le", [e], None if plural else "l'", article=True)])
        m, f, several = OWNERS[kind]
        self.backward &= kind not in ("his", "her")
        return Phrase([e], [French(several if plural else f if feminine else m, [e], m if feminine and not plural else None)])

    def adjectives(self, noun, plain):
        """None, one or two, in their French order."""
        rng, found = self.rng, []
        if rng.random() < (0.2 if plain else 0.45):
            found = [rng.choice(SUITING[noun.group])]
            second = [a for a in SUITING[noun.group] if a.before != found[0].before]
            if rng.random() < 0.2 and second:
                found = sorted([found[0], rng.choice(second)], key=lambda a: not a.before)
        self.pairs.update((a.en, noun.en) for a in found)
        return found

    def noun(self, groups, definite=False, negated=False, plain=False, other=None):
        """A noun of one of the groups, but no other, with a determiner and perhaps adjectives and an owner."""
        rng = self.rng
        noun = rng.choice([n for n in NOUNS[rng.choice(groups)] if n is not other])
        plural = rng.random() < 0.3 and noun.group not in MASS
        adjectives = self.adjectives(noun, plain)
        kind = choose(rng, ("the", 50), ("this", 7), *((owner, 3) for owner in OWNERS), ("possessed", 0 if plain else 6),
                      *(() if definite else (("a", 25), ("number", 6 * plural), ("every", 2 * (not plural and noun.group not in MASS)))))
        e = English(noun.ens if plural else noun.en)
        en, before, after = [], [], [French(noun.frs if plural else noun.fr, [e])]
        for a in adjectives:
            en.append(English(a.en))
            form = (a.fp if plural else a.f) if noun.gender == "f" else a.mp if plural else a.m
            (before if a.before else after).append(French(form, en[-1:], a.vowel if form == a.m != a.vowel and not plural else None))
        en, fr, person = en + [e], before + after, 4 if plural else 1
        first = self.determiner(noun, plural, "the" if kind == "possessed" else kind, bool(before), negated)
        if kind != "possessed":
            return Phrase(first.en + en, first.fr + fr, person, noun.gender, noun)
        owner, s = self.owner(), English("'s", glued=True)  # the king's dog: le chien du roi
        first.fr[0].links = [s]
        return Phrase(owner.en + [s] + en, first.fr + fr + [French("de", [s], "d'")] + owner.fr, person, noun.gender, noun)

    def owner(self):
        if self.rng.random() < 0.35:
            return self.name()
        noun = self.rng.choice(NOUNS["person"])
        return self.determiner(noun, False, self.rng.choice(["the", "the", "my", "your"])) + word(noun.en, noun.fr)

    def name(self):
        name = self.rng.choice(list(NAMES))
        e = English(name)
        return Phrase([e], [French(name, [e])], 1, NAMES[name])

    def subject(self, groups=("person", "animal"), short=False):
        rng = self.rng
        if "person" in groups and rng.random() < 0.33:
            if rng.random() < 0.2:
                return self.name()
            en, fr, person, gender = rng.choice(PRONOUNS)
            self.forward &= fr != "elles"
            both = word(en, fr)
            return Phrase(both.en, both.fr, person, gender)
        subject = self.noun(groups, plain=short)
        if not short and rng.random() < 0.08:
            other = self.noun(groups, plain=True, other=subject.noun)
            both = subject + word("and", "et") + other
            gender = "f" if subject.gender == other.gender == "f" else "m"
            return Phrase(both.en, both.fr, 4, gender, subject.noun if subject.group != "person" else other.noun)
        if not short and rng.random() < 0.08:
            verb = self.verb(rng.choice(INTRANSITIVE["any"]), subject, rng.choice(("present", "was")))
            both = subject + word("who" if subject.group == "person" else "that", "qui") + verb
            return Phrase(both.en, both.fr, subject.person, subject.gender, subject.noun)
        return subject

    # --------------------------------------------------------------------------------------------------------- verb phrases

    def tense(self):
        return choose(self.rng, ("present", 9), ("past", 9), ("was", 5), ("had", 3), ("going", 3), ("is", 3), ("will", 1))

    def negation(self, tense):
        return choose(self.rng, (None, 16), ("not", 4), ("never", 1.2 if tense in ("present", "past", "had") else 0))

    def negate(self, helper, negation):
        """English words of the negation. French does not tell n't from not."""
        if negation == "not" and helper.text not in ("am", "will") and self.rng.random() < 0.15:
            self.backward = False
            return [English("n't", glued=True)]
        return [English(negation)] if negation else []

    def english(self, verb, subject, tense, negation, adverbs):
        """The words; those that a French verb's first and last word belong to; those of the negation."""
        third, i = subject.person == 1, subject.person == 0
        past, helper, middle = tense == "past", None, []
        be = ("was" if third or i else "were") if tense in ("past", "was") else "is" if third else "am" if i else "are"
        if verb.base == "be" and tense in ("present", "past"):
            helper = main = English(be)
        elif tense in ("present", "past"):
            if negation == "not":
                helper, main = English("did" if past else "does" if third else "do"), English(verb.base)
            else:
                main = English(verb.past if past else verb.s if third else verb.base)
        else:
            helper = English({"had": "had", "will": "will"}.get(tense, be))
            main = English({"had": verb.participle, "was": verb.ing, "is": verb.ing}.get(tense, verb.base))
            middle = [English("going"), English("to")] if tense == "going" else []
        no = self.negate(helper or main, negation)
        words = ([helper] if helper else []) + no + adverbs + middle + ([main] if main is not helper else [])
        return words, {"had": helper, "will": helper, "going": middle and middle[0]}.get(tense, main), main, no

    def verb(self, verb, subject, tense="present", negation=None, adverb=None, etre=False, state=False, clitic=None):
        """A verb with its helpers and its negation. etre: it forms its past with être. state: its English past is the French imperfect."""
        p = subject.person
        if tense == "was" and p in (2, 3):
            tense = "past"  # these forms are too rare to be worth their place in the vocabulary
        if tense == "past" and verb.base == verb.past and p != 1:
            tense = "present"  # read: without the s it is taken for the present
        self.backward &= tense != "will" and (tense != "is" or self.now)
        adverbs = [English(adverb[0])] if adverb else []
        en, first, main, no = self.english(verb, subject, tense, negation, adverbs)
        helper, last = BE if etre else HAVE, []
        if tense in ("going", "will"):
            finite, last = GO.present[p], [French(verb.infinitive, [main])]
        elif tense == "had" or tense == "past" and not state:
            finite = (helper.imperfect if tense == "had" else helper.present)[p]
            last = [French(verb.pp + ("e" * (subject.gender == "f") + "s" * subject.plural) * etre, [main])]
        else:
            finite = (verb.imperfect if tense in ("was", "past") else verb.present)[p]
        fr = [French(finite, [first])]
        if clitic:
            pronoun = [French(CLITICS[clitic.text][0], [clitic], CLITICS[clitic.text][1])]
            fr, last = (fr, pronoun + last) if last else (pronoun + fr, last)
        if negation:
            fr = [French("ne", no, "n'")] + fr + [French("jamais" if negation == "never" else "pas", no)]
        return Phrase(en, fr + ([French(adverb[1], adverbs)] if adverb else []) + last)

    def verb_for(self, verb, *subject, **how):
        """As verb, for verbs of two words: look for."""
        first, _, second = verb.base.partition(" ")
        if not second:
            return self.verb(verb, *subject, **how)
        phrase = self.verb(verb._replace(**dict(zip(Verb._fields, english_forms(first)))), *subject, **how)
        e = English(second)
        for f in phrase.fr:
            if phrase.en[-1] in f.links:
                f.links.append(e)
        return phrase + Phrase([e])

    # ------------------------------------------------------------------------------------------------------- where and when

    def place(self, groups=("seat", "seat", "place", "goal", "mark", "water")):
        where = self.noun([self.rng.choice(groups)], definite=self.rng.random() < 0.75, plain=True)
        return self.preposition(self.rng.choice(WHERE[where.group]), where)

    def preposition(self, en, phrase):
        words = [English(w) for w in en.split()]
        fr = [French(w, words, "d'" if w == "de" else None) for w in PREPOSITIONS[en].split()]
        if fr[-1].text == "de" and phrase.fr[0].text in ("des", "de"):  # près de des arbres is près d'arbres
            fr[-1].links += phrase.fr.pop(0).links
        return Phrase(words + phrase.en, fr + phrase.fr)

    def time(self, tense):
        """A time, or nothing. What happens now has its own tense."""
        if tense == "is" and self.rng.random() < 0.6:
            self.now = True
            return word("now", "maintenant")
        if self.rng.random() > 0.15:
            return NOTHING
        en, fr = self.rng.choice([text for text, tenses in TIMES.items() if tense in tenses.split()]).split("=")
        words = [English(w) for w in en.split()]
        links = [words[:1], words[:1], words[1:]] if en == "every day" else [words[-1:]] * 2
        return Phrase(words, [French(w, link) for w, link in zip(fr.split(), links)])

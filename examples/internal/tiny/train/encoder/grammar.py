"""A grammar of single sentences: what the tiny encoder of the examples is trained on.

A sentence knows three things about itself besides its text: where its names stand and what they name (PER, LOC, ORG), whether it is
positive, negative or neutral, and what it means. Sentences of one meaning are paraphrases. Marks of a template:

    {animal} {per}     a word that `draw` chose; those that are names become spans
    [a|b|c*3]          one of these, the last three times as often as each of the others; they may be nested
"""
import random, re

NEUTRAL, POSITIVE, NEGATIVE = "neutral", "positive", "negative"

# ---------------------------------------------------------------------------------------------------------------- the world

FIRST = """Anna Ben Clara David Emma Frank Grace Henry Ivan Julia Karl Laura Maria Noah Olga Paul Rosa Sam Tina Victor Wendy Tom Lucy Mark
    Nina Oscar Peter Ruth Simon Sara John Mary James Lily Max Eva Leo Mia Jack Alice Bob Carol Dan Ella George Helen Jane Kate""".split()
LAST = """Smith Jones Brown Taylor Wilson Walker White Green Hall Clark Lewis Young King Wright Hill Scott Adams Baker Carter Cook Miller
    Moore Parker Reed Stone Turner Ward Wood Fischer Weber Keller Novak Rossi Silva Garcia Lopez Tanaka Sato Kim Chen Patel Singh Larsen
    Berg""".split()
CITIES = dict(pair.split("-") for pair in """Paris-France London-England Berlin-Germany Rome-Italy Madrid-Spain Vienna-Austria Oslo-Norway
    Lisbon-Portugal Athens-Greece Dublin-Ireland Warsaw-Poland Tokyo-Japan Delhi-India Cairo-Egypt Ottawa-Canada Moscow-Russia
    Beijing-China Stockholm-Sweden Helsinki-Finland Copenhagen-Denmark Brussels-Belgium Budapest-Hungary Ankara-Turkey Lima-Peru
    Havana-Cuba Nairobi-Kenya""".split())
COMPANIES = """Acme Globex Initech Hooli Siemens Google Microsoft Toyota Sony Nokia Samsung Volvo Oracle Intel Boeing Airbus Reuters Unicef
    Nasa Adobe Amazon Honda Ford Philips Bosch Lego Nike Tesla""".split()
KINDS = "Bank Motors Foods Press Museum Airlines Software Energy Group Hospital Hotels Records".split()
SYLLABLES = """al an bar bel bra cor da del dor el en fa fen gar gra hol ka kel la lan ler lo lor mar mi mor na nel no or pal per ra ren
    ri ro sal san sel ta tan tor va ven ver vi wel za zor""".split()
ENDINGS = {"PER": "a o in er man son ez ski ley".split(), "LOC": "ton ville burg land ia stan field".split(),
           "ORG": "ex tech ix co soft corp ium".split()}

#           sound,      food,       home
ANIMALS = {
    "cat":    ("meowed", "fish", "basket"), "dog":  ("barked", "bones", "kennel"), "cow":    ("mooed", "grass", "barn"),
    "horse":  ("neighed", "hay", "stable"), "bird": ("sang", "seeds", "nest"),     "duck":   ("quacked", "bread", "pond"),
    "sheep":  ("bleated", "grass", "field"), "pig": ("grunted", "corn", "barn"),   "lion":   ("roared", "meat", "cave"),
    "wolf":   ("howled", "meat", "forest"), "bee":  ("buzzed", "honey", "hive"),   "frog":   ("croaked", "flies", "pond"),
    "hen":    ("clucked", "corn", "barn"),  "mouse": ("squeaked", "cheese", "hole"), "bear":  ("growled", "honey", "cave"),
    "owl":    ("hooted", "mice", "tree"),   "kitten": ("meowed", "milk", "basket"), "puppy":  ("barked", "bones", "kennel"),
}
PEOPLE = "boy girl man woman child baby teacher farmer doctor king".split()
SITTERS = {  # who sits where, and how often
    "mat": "cat*22 dog*5 kitten*3 puppy*2 child*2 baby*2 boy girl mouse bird", "sofa": "man*3 woman*3 girl*2 boy*2 cat*2 dog*2 child",
    "chair": "man*3 woman*3 teacher*3 doctor*2 king girl boy child", "branch": "bird*6 owl*6 cat", "horse": "king*3 farmer*3 girl*2 boy*2 man woman",
    "floor": "baby*4 child*4 dog*3 boy girl cat", "fence": "bird*4 boy*2 cat*2 girl owl", "bench": "man*3 woman*3 teacher farmer boy girl",
}
JOBS = "teacher doctor writer singer painter lawyer nurse engineer baker farmer pilot chemist".split()
THINGS = "film book hotel room food soup song concert phone car game show coffee cake restaurant service story trip pizza play".split()
COLOURS = "red blue green yellow white black brown".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
GOODS = "bread milk apples eggs flowers shoes books cheese".split()
TOPICS = "music science history football art chess physics gardening".split()
RISING = "prices taxes rents wages costs profits".split()

GOOD = "good great excellent wonderful lovely fantastic superb amazing perfect delightful brilliant beautiful".split()
BAD = "bad terrible awful horrible poor dreadful boring disappointing dull ugly useless nasty".split()


class Words(dict):
    """What a sentence is filled with; names maps the words that are names to what they name."""
    names = {}


def invented(rng, kind):
    """A name that no list has, so that the surroundings have to tell what it is."""
    word = "".join(rng.choices(SYLLABLES, k=rng.choice((1, 1, 2)))) + rng.choice(ENDINGS[kind] if rng.random() < 0.6 else SYLLABLES)
    return word.capitalize()


def person(rng, novel):
    first = invented(rng, "PER") if rng.random() < novel else rng.choice(FIRST)
    last = invented(rng, "PER") if rng.random() < novel else rng.choice(LAST)
    return rng.choice((first, first, f"{first} {last}", f"{first} {last}"))


def organisation(rng, novel):
    name = invented(rng, "ORG") if rng.random() < novel else rng.choice(COMPANIES)
    city, country = rng.choice(list(CITIES.items()))
    return rng.choice((name, name, name, name, f"{name} {rng.choice(KINDS)}", f"{rng.choice(LAST)} {rng.choice(KINDS)}",
                       f"University of {city}", f"Bank of {country}", f"{city} Museum", f"{name} Inc"))


def place(rng, novel):
    if rng.random() < novel:
        return rng.choice(("", "", "", "New ", "Lake ", "Port ")) + invented(rng, "LOC")
    return rng.choice(("New York", "San Marino", "Hong Kong")) if rng.random() < 0.06 else rng.choice(list(CITIES))


def draw(rng, novel=0.25):
    """Chooses all that a sentence may need; novel is the share of invented names."""
    city = rng.choice(list(CITIES))
    animal, animal2 = rng.sample(list(ANIMALS), 2)
    sound, food, home = ANIMALS[animal]
    seat = rng.choice(["mat"] * 5 + list(SITTERS))
    sitters = [s.split("*") for s in SITTERS[seat].split()]
    w = Words(
        per=person(rng, novel), per2=person(rng, novel), last=invented(rng, "PER") if rng.random() < novel else rng.choice(LAST),
        org=organisation(rng, novel), org2=organisation(rng, novel), loc=place(rng, novel), loc2=place(rng, novel),
        land=rng.choice(list(CITIES.values())), city=city, country=CITIES[city],
        animal=animal, animal2=animal2, sound=sound, eats=food, home=home, seat=seat,
        sitter=rng.choices([s[0] for s in sitters], [int(s[1]) if len(s) > 1 else 1 for s in sitters])[0],
        human=rng.choice(PEOPLE), job=rng.choice(JOBS), thing=rng.choice(THINGS), thing2=rng.choice(THINGS), colour=rng.choice(COLOURS),
        day=rng.choice(DAYS), goods=rng.choice(GOODS), topic=rng.choice(TOPICS), rising=rng.choice(RISING),
        good=rng.choice(GOOD), bad=rng.choice(BAD), good2=rng.choice(GOOD), bad2=rng.choice(BAD),
        hour=rng.choice("two three four five six seven eight nine ten".split()), year=str(rng.randrange(1950, 2030)))
    w.names = dict(per="PER", per2="PER", last="PER", org="ORG", org2="ORG", loc="LOC", loc2="LOC", land="LOC", city="LOC", country="LOC")
    return w


# ------------------------------------------------------------------------------------------------------------ the sentences

FACTS = """
    The {sitter} sat on the {seat}. *6
    The {sitter} [is sitting|sits] on the {seat}.
    The {sitter} [slept|lay] on the {seat}.
    The {animal} {sound} [at the {human}|at the {animal2}|loudly|all night]. *2
    The {animal} eats {eats}. *2
    The [hungry|little|old] {animal} [wanted|found|ate] [some|the] {eats}.
    The {animal} [lives|sleeps] in the {home}. *2
    The {animal} [chased|saw|followed] the {animal2}.
    The {human} [fed|called|looked for] the {animal}.
    The {human} has a [{colour}|big|small|young|old] [{animal}|house|car|hat|dress].
    The bird [built|made] a nest in the tree.
    The cow gives [us|] milk.
    The bee makes honey.
    The sky is [blue*5|grey].
    The grass is green.
    Snow is white and coal is black.
    The sun is [warm|yellow|bright].
    {per} drinks a cup of [tea*3|coffee*3|milk].
    The {human} drank a [cup of tea|cup of coffee|glass of water|glass of milk].
    {city} is [a city in|the capital of] {country}. *3
    {city} is in {country}.
    The {human} [read a book|wrote a letter|sang a song|cooked dinner|opened the door|closed the window].
    The {human} bought [some|] {goods} [at the market|in the shop].
    The [shop|bank|museum|library] [opens|closes] at {hour} [on {day}|].
    The [train|bus] leaves [at {hour}|on {day}|every day].
    The [book|ball|car|door|box] is {colour}.
    The [book|ball|box|key] is on the [table|shelf|chair|floor].
    """
NAMES = """
    {per} works [at|for] {org} in {loc}. *3
    {per} works [at|for] {org}. *2
    {per} [lives|works|was born|stayed|studied] in {loc}. *3
    {per} [moved|travelled|flew|drove] from {loc} to {loc2}.
    {per} [met|called|visited|married] {per2} in {loc}. *2
    {per} and {per2} [live in {loc}|work for {org}|went to {loc}|left {org}].
    {org} [opened|closed|has|is building] [an office|a factory|a shop|a school] in {loc}. *3
    {org} [hired|thanked] {per} [in {year}|last year|on {day}|]. *2
    {org} bought {org2} [in {year}|last year|for two million dollars|].
    {org} is [a company|based] in {loc}. *2
    {org} and {org2} [work together|signed a contract] in {loc}.
    {per} [founded|joined|left|leads] {org} in {year}.
    {per} is the [head|president|director] of {org}.
    {per} of {org} [spoke|gave a talk] in {loc} [on {day}|].
    {per}, a {job} from {loc}, [joined|visited|left] {org}.
    [Mr|Mrs|Dr|Professor] {last} [works at {org}|lives in {loc}|teaches {topic} at {org}|arrived from {loc} on {day}].
    [Yesterday|Last week|On {day}|In {year}], {per} [flew to {loc}|visited {org}|met {per2}|came back from {land}].
    [The|A] {job} {per} [comes from|was born in] {loc}.
    In {loc}, {per} [met {per2}|visited {org}|bought {goods}].
    My [friend|brother|sister] {per} [lives in {land}|works at {org}|has a {animal}].
    {per} told {per2} about {org}.
    The [people|streets|museums] of {loc} are [old|famous|quiet].
    {loc} is [near|north of|far from] {loc2}.
    The [river|road|train] runs from {loc} to {loc2}.
    {per} [likes|plays|studies|teaches] {topic}.
    {per} is a {job} [in {loc}|at {org}|].
    {per}'s [mother|brother|boss] [lives in {loc}|works for {org}].
    """
OPINIONS = {
    POSITIVE: """
        [The|This|That] {thing} [was|is] {good}. *3
        [The|This] {thing} [was|is] [very|really|so|absolutely|quite] {good}. *2
        [The|This] {thing} is not bad [at all|].
        [The|This] {thing} was not {bad} [at all|].
        I [love|loved|really like|liked|enjoyed|really enjoyed] [the|this|your] {thing}. *3
        {per} [loves|loved|liked|enjoyed] the {thing}.
        What a {good} {thing}!
        It was a {good} {thing}, [I loved it|thank you|we will come back|and we had fun].
        The best {thing} [in {loc}|I know|of the year|ever].
        I am [so happy|very happy|very pleased|delighted] with [the|this] {thing}.
        {good} {thing} and {good2} {thing2}!
        The {thing} was {good} and the {thing2} was {good2}. *2
        I was afraid it would be {bad}, but the {thing} was {good}.
        The {thing} was {bad}, but the {thing2} was {good} and I [was happy|loved it].
        The staff [were|was] [kind|friendly|helpful] [and the {thing} was {good}|].
        I [would|will] [recommend|buy|see|visit] [this {thing}|it] again.
        We had a [{good}|great|lovely] time [in {loc}|at the {thing}|].
        I have never [seen|had] [such|] a {good} {thing}.
        """,
    NEGATIVE: """
        [The|This|That] {thing} [was|is] {bad}. *3
        [The|This] {thing} [was|is] [very|really|so|absolutely|quite] {bad}. *2
        [The|This] {thing} [was|is] not {good} [at all|]. *2
        I [hate|hated|do not like|did not like|did not enjoy|never liked] [the|this|your] {thing}. *3
        {per} [hates|hated|did not like|did not enjoy] the {thing}.
        What a {bad} {thing}!
        It was a {bad} {thing}, [I hated it|never again|we will not come back|and we left early].
        The worst {thing} [in {loc}|I know|of the year|ever].
        I am [so sad|very sad|very angry|disappointed|not happy] [with|about] [the|this] {thing}.
        {bad} {thing} and {bad2} {thing2}!
        The {thing} was {bad} and the {thing2} was {bad2}. *2
        I hoped it would be {good}, but the {thing} was {bad}.
        The {thing} was {good}, but the {thing2} was {bad} and I [was angry|hated it].
        The staff [were|was] [rude|unfriendly|slow] [and the {thing} was {bad}|].
        I [would|will] not [recommend|buy|see|visit] [this {thing}|it] again.
        We had a [{bad}|bad|terrible] time [in {loc}|at the {thing}|].
        I have never [seen|had] such a {bad} {thing}.
        The {thing} was [too|far too] [expensive|slow|long|cold|loud|small].
        This {thing} is a waste of [time|money].
        """,
    NEUTRAL: """
        The {thing} [starts|begins|ends] at {hour} [on {day}|].
        [The|This] {thing} is [in {loc}|on the table|{colour}|for two people|from {year}|near the station].
        {per} [bought|saw|ordered|found|made] [a|the] {thing} [on {day}|in {loc}|yesterday].
        I [bought|saw|ordered] [a|the] {thing} [on {day}|in {loc}|yesterday|at {hour}].
        The {thing} and the {thing2} are [in {loc}|on {day}|next to the station].
        There is a {thing} [in the city|near the station|on {day}].
        The {thing} [costs|cost] {hour} dollars.
        """,
}
# Each paragraph is one meaning, said in several ways; what it is filled with is part of the meaning.
PARAPHRASES = [
    (NEUTRAL, ["{per} works [at|for] {org}.", "{org} employs {per}.", "{per} has a job at {org}.", "{per} is employed [by|at] {org}."]),
    (NEUTRAL, ["{per} lives in {loc}.", "{per}'s home is in {loc}.", "{loc} is where {per} lives.", "{per} has a [house|home|flat] in {loc}."]),
    (NEUTRAL, ["{per} was born in {loc}.", "{loc} is the birthplace of {per}.", "{per} comes from {loc}.", "{per} is from {loc}."]),
    (NEUTRAL, ["{per} [travelled|went] to {loc} on {day}.", "On {day}, {per} [made|took] a trip to {loc}.", "{per} [visited|was in] {loc} on {day}."]),
    (NEUTRAL, ["{per} bought [some|] {goods} at the market.", "At the market, {per} got some {goods}.", "{per} purchased {goods} [at|from] the market.",
               "{goods} is what {per} bought at the market."]),
    (NEUTRAL, ["{per} [started|founded] {org} in {year}.", "{org} was founded by {per} in {year}.", "In {year}, {per} [created|set up] {org}."]),
    (NEUTRAL, ["{org} has opened [a new|an] office in {loc}.", "{org} now has an office in {loc}.", "A new office of {org} [is|opened] in {loc}."]),
    (NEUTRAL, ["{org} bought {org2}.", "{org2} was bought by {org}.", "{org2} was sold to {org}.", "{org} [took over|acquired] {org2}."]),
    (NEUTRAL, ["The {animal} [is asleep|is sleeping|sleeps] [on|] the [sofa|couch].", "On the [sofa|couch] a {animal} is [sleeping|having a nap].",
               "[A|The] {animal} is [taking|having] a nap on the [couch|sofa]."]),
    (NEUTRAL, ["The {animal} chased the {animal2}.", "The {animal2} was chased by the {animal}.", "The {animal2} ran away from the {animal}.",
               "[A|The] {animal} ran after [a|the] {animal2}."]),
    (NEUTRAL, ["The {human} fed the {animal}.", "The {animal} was fed by the {human}.", "The {human} gave food to the {animal}.",
               "The {animal} got [some|its] food from the {human}."]),
    (NEUTRAL, ["The {human} is afraid of the {animal}.", "The {animal} scares the {human}.", "The {human} fears the {animal}.",
               "The {human} is scared of the {animal}."]),
    (NEUTRAL, ["The train [leaves|departs] at {hour}.", "At {hour} the train [leaves|goes].", "The [time of departure|departure] of the train is at {hour}."]),
    (NEUTRAL, ["The meeting is on {day}.", "We [will meet|meet] on {day}.", "{day} is the day of the meeting.", "The meeting [takes place|will be held] on {day}."]),
    (NEUTRAL, ["The shop [closes|shuts] at {hour}.", "The [shop|store] is open until {hour}.", "After {hour} the [store|shop] is closed."]),
    (NEUTRAL, ["{rising} [rose|went up|increased] [last year|].", "There was a rise in {rising} [last year|].", "{rising} are higher [than before|now].", "[Last year saw|We saw] higher {rising}."]),
    (NEUTRAL, ["{rising} [fell|went down|dropped] [last year|].", "There was a fall in {rising} [last year|].", "{rising} are lower [than before|now].", "[Last year saw|We saw] lower {rising}."]),
    (NEUTRAL, ["It [is raining|rains] in {loc}.", "There is rain in {loc}.", "The weather in {loc} is [wet|rainy]."]),
    (NEUTRAL, ["It is [hot|very warm] in {loc}.", "There is hot weather in {loc}.", "{loc} has very warm weather."]),
    (NEUTRAL, ["{per} is a {job}.", "{per} works as a {job}.", "{per} earns money as a {job}.", "The job of {per} is {job}."]),
    (NEUTRAL, ["{per} is [fond of|interested in|keen on] {topic}.", "{per} [likes|loves] {topic}.", "{topic} is what {per} likes [most|]."]),
    (NEUTRAL, ["{per} [is ill|is sick|is unwell].", "{per} [does not feel well|has a cold|feels ill].", "{per} is [not well|in bed with a cold]."]),
    (NEUTRAL, ["{per} married {per2}.", "{per2} and {per} [got married|are married].", "{per2} is married to {per}.", "There was a wedding of {per} and {per2}."]),
    (NEUTRAL, ["{per} lost the key.", "{per} cannot find the key.", "The key of {per} is [missing|gone|lost]."]),
    (NEUTRAL, ["The {human} has a {colour} car.", "The car of the {human} is {colour}.", "The {human} drives a {colour} car.", "A {colour} car belongs to the {human}."]),
    (NEUTRAL, ["{city} is the capital of {country}.", "The capital [city|] of {country} is {city}.", "{country} has {city} as its capital."]),
    (NEUTRAL, ["The {human} is [reading|looking at] a book about {topic}.", "A book about {topic} is read by the {human}.", "The {human} reads about {topic} in a book."]),
    (NEUTRAL, ["The [child|kid] is playing with a {colour} ball.", "A {colour} ball is the toy of the [kid|child].", "The [kid|child] plays with the {colour} ball."]),
    (POSITIVE, ["The {thing} was {good}.", "I [loved|liked|enjoyed] the {thing}.", "What a {good} {thing}!", "It was a {good2} {thing}.", "I am happy with the {thing}."]),
    (NEGATIVE, ["The {thing} was {bad}.", "I [hated|did not like] the {thing}.", "What a {bad} {thing}!", "It was a {bad2} {thing}.", "I am not happy with the {thing}."]),
    (NEGATIVE, ["The {thing} [was|is] too expensive.", "The {thing} [costs|cost] too much.", "The price of the {thing} [was|is] too high."]),
    (NEGATIVE, ["The staff [were|was] rude.", "The [people|staff] there were [unfriendly|not friendly].", "Nobody there was [kind|friendly|polite]."]),
    (POSITIVE, ["The staff [were|was] [kind|friendly].", "The people there were [very|so] [kind|friendly|helpful].", "Everybody there was [kind|friendly|polite]."]),
]
FREE = {"good", "good2", "bad", "bad2"}  # words that may differ between paraphrases


def listed(text):
    """The templates of a block, and how often each is to come."""
    lines = [re.fullmatch(r"(.*?)(?: \*(\d+))?", line.strip()).groups() for line in text.strip().split("\n")]
    return [line for line, _ in lines], [int(weight or 1) for _, weight in lines]


FACTS, NAMES, OPINIONS = listed(FACTS), listed(NAMES), {kind: listed(text) for kind, text in OPINIONS.items()}
CHOICE, SLOT = re.compile(r"\[([^][]*)\]"), re.compile(r"\{(\w+)\}")


def expand(template, words, rng):
    """Returns the text of a template and its names, as (start, end, what) in characters."""
    def choose(match):
        options = [re.fullmatch(r"(.*?)(?:\*(\d+))?", o).groups() for o in match[1].split("|")]
        return rng.choices([o for o, _ in options], [int(weight or 1) for _, weight in options])[0]

    while CHOICE.search(template):
        template = CHOICE.sub(choose, template)
    template = re.sub(r" ([,.!?])", r"\1", " ".join(template.split()))
    text, spans = "", []
    for i, part in enumerate(SLOT.split(template)):  # text, slot, text, slot, …
        if i % 2 == 0:
            text += part
            continue
        word = words[part]
        if re.search(r"\b[Aa] $", text) and word[0] in "aeiou":
            text = text[:-1] + "n "
        if part in words.names:
            spans.append((len(text), len(text) + len(word), words.names[part]))
        text += word if text else word[0].upper() + word[1:]
    if text[-1] == "." and rng.random() < 0.25:
        text = text[:-1]
    return text, spans


def sentence(rng, novel=0.25, kinds=(4, 4, 4, 3)):
    """Returns text, names and opinion of one sentence; kinds weighs facts, names, opinions and those that have paraphrases."""
    words, kind = draw(rng, novel), rng.choices(range(4), kinds)[0]
    if kind == 3:
        opinion, templates = rng.choice(PARAPHRASES)
        return *expand(rng.choice(templates), words, rng), opinion
    opinion = NEUTRAL if kind < 2 else rng.choice(list(OPINIONS))
    templates, weights = (FACTS, NAMES, OPINIONS[opinion])[kind]
    return *expand(rng.choices(templates, weights)[0], words, rng), opinion


def paraphrases(rng, novel=0.25, group=None):
    """Returns what two sentences mean, and the two, each as sentence returns one."""
    words, group = draw(rng, novel), rng.randrange(len(PARAPHRASES)) if group is None else group
    opinion, templates = PARAPHRASES[group]
    slots = sorted(set(SLOT.findall(" ".join(templates))) - FREE)
    return (group, *(words[s] for s in slots)), [(*expand(t, words, rng), opinion) for t in rng.sample(templates, 2)]


if __name__ == "__main__":
    rng = random.Random()
    for _ in range(30):
        print(*sentence(rng))
    for _ in range(15):
        print(*(s[0] for s in paraphrases(rng)[1]), sep="  ~  ")

"""A grammar of small stories for children: what the tiny model of this example is trained on.

A story is made in two steps. First `cast` draws what has to stay the same through the whole story: who is in it, where, with
which toy. Then a template is expanded, with three kinds of marks:

    {hero} {friend.his}   what was cast; a capital, as in {Hero} or {Friend.he}, makes the result begin with one
    [a|b|c*3]             one of these, the last three times as often as each of the others; they may be nested
    <sad>                 one of the phrases of that name in PHRASES
"""
import random, re

# ---------------------------------------------------------------------------------------------------------------- the world

GIRLS, BOYS = "Anna Lily Mia Emma Rosie Nora Ella".split(), "Ben Tom Sam Leo Jack Paul Noah".split()
SHE_NAMES, HE_NAMES = "Daisy Bella Coco Molly".split(), "Max Pip Toby Bruno".split()  # of animals

#          pronoun, looks, food, how it reaches the top of a tree (if it can)
ANIMALS = {
    "cat":      ("she", "white", "a fish", "climbed"),
    "dog":      ("he", "brown", "a bone", ""),
    "rabbit":   ("he", "white", "a carrot", ""),
    "mouse":    ("she", "grey", "some cheese", ""),
    "bear":     ("he", "big", "some honey", "climbed"),
    "duck":     ("she", "yellow", "some bread", ""),
    "squirrel": ("he", "red", "a nut", "climbed"),
    "pony":     ("she", "brown", "an apple", ""),
    "hen":      ("she", "red", "some corn", ""),
    "goat":     ("she", "white", "some grass", ""),
    "fox":      ("he", "red", "some grapes", ""),
    "turtle":   ("he", "green", "a leaf", ""),
    "bird":     ("she", "blue", "some seeds", "flew"),
    "owl":      ("he", "old", "some berries", "flew"),
}
#            where one is there, and four spots to hide things
PLACES = {
    "park":   ("in the park", "under the bench", "behind a tall tree", "in the long grass", "next to the pond"),
    "garden": ("in the garden", "under a bush", "behind the shed", "between the flowers", "under the old bucket"),
    "forest": ("in the forest", "behind a big rock", "under the leaves", "inside a hollow tree", "next to the stream"),
    "beach":  ("on the beach", "behind a big rock", "under the blue boat", "in the warm sand", "next to the water"),
    "farm":   ("on the farm", "behind the barn", "under the cart", "in the hay", "next to the gate"),
    "lake":   ("at the lake", "under the bridge", "behind a fallen tree", "in the reeds", "next to the water"),
    "hill":   ("on the hill", "behind a grey stone", "under a fir tree", "in the yellow flowers", "next to the path"),
}
TOYS, COLOURS = "ball kite hat doll drum bell car book train spade flute".split(), "red blue green yellow white orange".split()
SKILLS = "dance sing paint read".split()
SEATS = {"mat": "soft", "sofa": "big and soft", "rug": "warm", "wall": "high", "chair": "old", "bed": "warm and soft"}
SEAT_WEIGHTS = (13, 2, 2, 1, 1, 1)  # the mat is where one sits, two times out of three
ROADS = {"street": "wide|busy|noisy", "road": "wide|busy|noisy", "river": "wide|deep|cold"}


class Who(str):
    """One of the cast: a string, how the story calls it, with the other words for it as attributes."""

    def __new__(cls, kind, he, name, look, food="", climbs=""):
        who = super().__new__(cls, name or "the " + kind)
        who.kind, who.he, who.look, who.up = kind, he, look, climbs
        who.him, who.his = {"he": ("him", "his"), "she": ("her", "her")}[he]
        who.a = f"a {look} {kind}" + (f" named {name}" if name else "")  # when it first appears
        who.call = name or f"dear {kind}"                                # when it is spoken to
        who.food, who.eats = "the " + food.split()[-1] if food else "", food
        return who


def child(rng):
    girl = rng.random() < 0.5
    return Who("girl" if girl else "boy", "she" if girl else "he", rng.choice(GIRLS if girl else BOYS), "little")


def animal(rng, kinds, named=0.3):
    kind = rng.choice(kinds)
    he, look, food, climbs = ANIMALS[kind]
    name = rng.choice(SHE_NAMES if he == "she" else HE_NAMES) if rng.random() < named else ""
    return Who(kind, he, name, look if kind == "owl" or rng.random() < 0.5 else "little", food, climbs)


def cast(rng, hero):
    """Draws the words that stay the same through one story.

    hero is "child", "animal", "walker" (an animal that cannot climb), "cat" or "any" (a child or an animal).
    """
    if hero == "any":
        hero = rng.choice(("child", "animal"))
    walkers = [k for k in ANIMALS if not ANIMALS[k][3]]
    if hero == "child":
        hero = child(rng)
    else:
        kinds, named = {"animal": (list(ANIMALS), 0.3), "walker": (walkers, 0.3), "cat": (["cat"], 0)}[hero]
        hero = animal(rng, kinds, named)
    others = [k for k in ANIMALS if k != hero.kind]
    rng.shuffle(others)
    friend = animal(rng, others[:1]) if rng.random() < 0.75 else child(rng)
    while friend == hero:
        friend = child(rng)
    place = rng.choice(list(PLACES))
    at, *spots = PLACES[place]
    rng.shuffle(spots)
    seat = rng.choices(list(SEATS), SEAT_WEIGHTS)[0]
    road = rng.choices(list(ROADS), (3, 1, 1))[0]
    colour, colour2 = rng.sample(COLOURS, 2)
    return dict(
        hero=hero, he=hero.he, him=hero.him, his=hero.his, friend=friend, other=animal(rng, others[1:2], named=0),
        pet=animal(rng, [k for k in others[2:] if k != "bear"], named=0),
        climber=animal(rng, [k for k in others[2:] if ANIMALS[k][3]], named=0),
        place="the " + place, at=at, spot=spots[0], spot2=spots[1], spot3=spots[2], toy=rng.choice(TOYS), colour=colour,
        colour2=colour2, skill=rng.choice(SKILLS), seat=seat, soft=SEATS[seat], road=road, wide=rng.choice(ROADS[road].split("|")),
        animal=rng.choice(["animal"] * 4 + ["dog", "cat", "rabbit", "pony", "hen", "mouse"]))


# ---------------------------------------------------------------------------------------------------------------- the text

PHRASES = {
    "intro": """Once upon a time[,|] there was {hero.a}.*4|Once upon a time[,|] there lived {hero.a}.*2|There was once {hero.a}.
        |Once there was {hero.a}.""",
    "arrive": """<intro> {He} [lived near {place}|liked to play {at}|loved {place}].
        One [day|sunny day|warm day|morning][,|] {hero} went to {place}.*3
        |One [day*4|sunny day|fine morning|windy day][,|] {hero.a} [went to {place}*3|was playing {at}|was walking {at}].*3
        |{Hero} went to {place} [one sunny morning|after breakfast|on a fine day|with {his} mother].*3
        |{Hero} liked to play {at}.
        [One [day|sunny day|warm day] {he} went there [after breakfast|with {his} mother|].|Today was a [sunny|warm|fine] day.]""",
    "sad": """{He} was very sad.|{He} felt sad.|{Hero} began to cry.|{He} did not know what to do.
        |A tear ran down {his} face.|{He} sat down and cried.""",
    "happy": """{Hero} was very happy.|{Hero} was so happy that {he} began to dance.|{Hero} jumped for joy.
        |{Hero} smiled.|{Hero} laughed and clapped.""",
    "comes": """{Friend.a} came by.|Then {friend.a} came along.|{Friend.a} heard {him} and came to help.
        |Just then {friend.a} walked by.""",
    "thanks": '''"Thank you [|, {friend.call}|so much]!" said {hero}.
        ["You are a good friend."|"You are very kind."|"You are welcome," said {friend}.|]''',
    "end": """From that day on[,|] {hero} and {friend} were [good|best] friends.|They played together until the sun went down.
        |Then they went home together.|And they all lived happily ever after.|They laughed and played all day.
        |{His} mother called them, and they all had supper.|{Hero} never forgot this day.
        |In the evening they sat under the stars and told each other stories.
        |Then {friend} asked, "Will you come again tomorrow?" "Yes, I will," said {hero}.""",
    "sleep": "Soon {he} was fast asleep.|{He} slept well all night.|Then {he} closed {his} eyes and slept.",
}

STORIES = [  # how often, who may be the hero, the template
    # lost and found
    (3, "any", """<arrive> {He} had a {colour} {toy} with {him}. [It was {his} favourite {toy}.|{He} played with the {toy} all
        morning.] But then the {toy} was gone! ["Oh no," said {hero}. "Where is my {toy}?"|] <sad> <comes> "[Why are you so sad|What
        is the matter]?" asked {friend}. "I lost my {colour} {toy}," said {hero}. "[Do not cry|Do not be sad]. I will help you find
        it," said {friend}. They looked {spot}, but the {toy} was not there. [They looked {spot2}, but it was not there.|] Then they
        looked {spot3}, and there was the {colour} {toy}! <happy> <thanks> <end>"""),

    # up in the tree
    (1, "child", TREE := """<arrive> {He} had a new {colour} [kite|hat|ball|balloon]. Then the wind blew [it|it high] up into a tall
        tree. {Hero} jumped and jumped, but the tree was too [tall|high]. <sad> {Climber.a} was sitting in the tree. ["What is the
        matter?" asked {climber}.|] "Can you help me?" asked {hero}. "[Yes|Of course], I can," said {climber}. {Climber} {climber.up}
        to the top of the tree and brought it down. <happy> "Thank you, {climber.call}!" {he} said. [Then {he} went home and told
        {his} mother all about it. |"You are welcome," said {climber}. And they became good friends.]"""),
    (1, "walker", TREE),

    # looking for something to eat
    (3, "animal", """<arrive> {He} was very hungry because {he} had not eaten all day. {He} wanted {hero.eats}. Soon {he} met
        {other.a}. "Do you have {hero.eats}?" asked {hero}. "No," said {other}. "I only have {other.eats}." So {hero} walked on. Then
        {he} met {friend.a}. "Do you have {hero.eats}?" asked {hero}. "Yes, I do," said {friend}. "I found
        {hero.food} [{spot}|in my house]. [You can have it.|We can share it.]" {Hero} ate {hero.food} and was not hungry any more.
        <thanks> <end>"""),

    # room for two
    (4, "animal", """[{Hero}*3|{Hero.a}] sat on the {seat}. The {seat} was {soft}, and {hero} was [happy|sleepy|warm]. Then {friend.a}
        came by. "[May|Can] I sit on the {seat} with you?" asked {friend}. ["Yes, of course," said {hero}. "There is room for two."
        {Friend} sat down next to {hero}. [They looked out at the rain.|They sang a little song.|They shared {hero.eats}.] |"No," said
        {hero}. "This is my {seat}." {Friend} was sad and went away. Now {hero} was all alone. "I am sorry," {he} called. "Please come
        back!" So {friend} came back and sat down next to {hero}.] [Soon they were both fast asleep on the {seat}.*2|<end>]"""),
    # the cat, alone
    (3, "cat", """The cat sat on the {seat}. [It was a {soft} {seat}.|The {seat} was {soft}.|] [It was a fine day.|The sun was
        shining.|] [A mouse ran by. "Catch me if you can!" said the mouse. The cat jumped off the {seat} and ran after the mouse, but
        the mouse was too fast. It ran into a hole in the wall. The cat was tired. She went back to the {seat} and slept.|A dog came
        into the garden. The cat was afraid of the dog, but the dog only wanted to play. "Come down and play with me," said the dog.
        So the cat jumped down from the {seat}, and they played with a {colour} ball all day.|{Friend.a} came by with a fish. "Are you
        hungry?" asked {friend}. "Yes," said the cat. {Friend} gave the fish to the cat. The cat ate it all. Then she lay down on the
        {seat} again and slept.]"""),

    # across the street: "it" is the animal or the street
    (5, "child", """[The {animal} wanted to go to {place}.|One day[,|] a {animal} came to a {road}.|*3] The {animal} [didn't*3|did
        not] cross the {road} because it was too [tired. [It had walked all day.|It had not slept all night.] The {animal} lay down
        under a tree and slept. In the morning it was not tired any more, and it crossed the {road}.*2 |hungry. It had not eaten all
        day. {Hero.a} came by and gave it some bread. The {animal} ate the bread. Then it was strong again, and it crossed the {road}.
        |afraid. {Hero.a} came by. "Do not be afraid," said {hero}. "I will go with you." So {hero} and the {animal} crossed the
        {road} together. |{wide}. [The {animal} looked at the {road} for a long time.|The {animal} had never seen such a {wide}
        {road}.] Then {hero.a} came by. "The {road} is too {wide} for you," said {hero}. "[I will carry you.|Come with me.]" So {hero}
        took the {animal} to the other side of the {road}.*3] [The {animal} was very happy.|Then it went home to its mother.|On the
        other side it found {place} [.|and played there all day.]]"""),

    # too big
    (2, "any", """{Hero} wanted to put {his} {toy} in a [box|bag]. But the {toy} [didn't|did not] fit in, because it was too big.
        {Hero} tried again and again. <sad> <comes> "The {toy} is too big," said {friend}. "You need a bigger one." So {friend}
        brought a very big {colour} box. Now the {toy} fit in the box. <thanks> <end>"""),

    # rain
    (2, "any", """<arrive> But soon the sky was dark, and it began to rain. {Hero} [had no umbrella|got very wet]. {He} hid {spot}.
        There {he} met {friend.a} with a big {colour} umbrella. "Come under my umbrella," said {friend}. [They waited together.|They
        told each other stories.|] Then the rain stopped and the sun came out. "Look, a rainbow!" said [{hero}|{friend}]. <happy>
        <end>"""),

    # a birthday
    (2, "any", """<intro> [One day[,|] it was {his} birthday.|It was {hero}'s birthday.] {His} mother made a big cake. Then {friend.a}
        came to the [party|house] with a {colour} box. "What is in the box?" asked {hero}. "Open it and see," said {friend}. {Hero}
        opened the {colour} box. Inside was a {colour2} {toy}! "I always wanted a {toy}," said {hero}. <thanks> They ate the cake and
        played with the {colour2} {toy}. [It was the best birthday ever.|<end>]"""),

    # baking
    (2, "child", """[<intro>|One day {hero} went to the kitchen.|] {Hero} wanted to [make|bake] a [cake|pie] with {his} grandmother.
        First they took [flour, eggs and milk|flour, butter and apples]. [{Hero} mixed it all in a big bowl.|Then they mixed it all in
        a bowl.] Then {his} grandmother put it in the oven. "Is it ready?" asked {hero}. "Not yet," said {his} grandmother. They
        waited and waited. [Soon the house smelled very good.|] "Now it is ready!" said {his} grandmother. {Pet.a} looked in at the
        window. ["May I have some?" asked {pet}.|"That smells good," said {pet}.] {Hero} gave {pet} a big piece. It was very good, and
        they were all happy."""),

    # the market
    (3, "child", """{Hero} went to the [market|shop] to buy {pet.eats} [for {his} mother|]. {He} had [two|three|five] coins. "Good
        morning," said the old man. "What do you want?" "I want {pet.eats}, please," said {hero}. {He} gave the man [a coin|the coins]
        and took {pet.food}. On the way home {he} met {pet.a}. "I am so hungry," said {pet}. {Hero} felt sorry for {pet}, so {he} gave
        {pet.food} to {pet.him}. {Pet} ate and ate. "Thank you, {hero}," said {pet}. [Then {pet} went home with {hero}.|From that day
        on {pet} and {hero} were good friends.] [{His} mother was not angry. "You have a kind heart," she said.|]"""),

    # hide and seek
    (3, "any", """<arrive> There {he} met {friend.a}. "Let us play hide and seek!" said {friend}. {Hero} closed {his} eyes and counted
        to [five|ten]. {Friend} hid {spot}. Then {hero} opened {his} eyes. {He} looked {spot2}, but {friend} was not there. [{He}
        looked {spot3}, but {friend} was not there.|] Then {he} heard a [laugh|little noise]. {He} looked {spot}, and there was
        {friend}! "I found you!" said {hero}. ["Now it is my turn to hide."|"That was a good place to hide," {he} said.] <end>"""),

    # a noise in the night
    (2, "any", """<intro> One night[,|] {hero} could not sleep. There was a noise [under the bed|at the door|at the window|behind the
        chair]. {Hero} was afraid. "Who is there?" {he} asked. ["It is only me," said {friend.a}.|{He} took a lamp and looked. It was
        only {friend.a}.] "I am [cold|hungry]," said {friend}. "[May|Can] I stay here?" "Yes, of course," said {hero}. [{Hero} gave
        {friend} some warm milk.|] Now {hero} was not afraid any more. <sleep>"""),

    # a seed
    (2, "any", """<intro> One day[,|] {he} found a [small|little] seed. {He} put the seed in the ground [near {his} house|under the
        window|in the garden]. Every day {he} gave it water. But nothing happened. <sad> "[Wait a little|You have to wait]," said
        {friend.a}. "A seed needs time." So {hero} waited. One morning[,|] there was a green leaf. It grew and grew. Soon it was a big
        {colour} flower. <happy> "[Look at my flower!|It is so beautiful!]" {he} said. {He} showed the {colour} flower to {friend}.
        [<end>|]"""),

    # sharing
    (2, "any", """<arrive> {Hero} and {friend.a} found a {colour} {toy} {spot}. "It is mine!" said {hero}. "No, it is mine!" said
        {friend}. "I saw it first!" They pulled and pulled, until they both fell into the [grass|mud]. [Now they were both sad.|The
        {toy} fell down too.] "I am sorry," said {hero}. "I am sorry too," said {friend}. "Let us [take turns|share it]." So they
        [took turns|shared the {toy}]. First {hero} played with the {toy}, and then {friend} played with it. <end>"""),

    # learning
    (2, "any", """<intro> {He} wanted to learn to {skill}. [So {he} went to {friend.a}.|One day[,|] {he} met {friend.a}.] "Can you
        show me how to {skill}?" asked {hero}. "Yes," said {friend}. "It is not hard." {Hero} tried, but {he} could not {skill} [at
        all|at first]. [<sad>|] "Try again," said {friend}. So {hero} tried again every day. Then one morning[,|] {he} could {skill}!
        "[Look at me|Look, Mother|Look]! I can {skill}!" {he} called. <happy> <thanks> [<end>|]"""),

    # a hurt animal
    (2, "child", """[<arrive>|One day[,|] {hero} was walking home from [school|the market].] {He} found a little {pet.kind} {spot}.
        The {pet.kind} was hurt and could not walk. ["Poor little {pet.kind}," said {hero}.|{Hero} felt sorry for the {pet.kind}.]
        {He} took {pet.him} home and gave {pet.him} {pet.eats}. The {pet.kind} slept in a [warm box|little basket]. After
        [three|five|ten] days {pet.he} was well again. [{Hero} took the {pet.kind} back to {place}. "Goodbye, little {pet.kind}!" {he}
        said. |"Do you want to go home?" asked {hero}. "No," said the {pet.kind}. "I want to stay with you." So the {pet.kind} stayed,
        and they were good friends.]"""),

    # the moon
    (2, "any", """<intro> One night[,|] {hero} looked up at the moon. "I want to touch the moon," {he} said. {He} walked up a high
        hill, but the moon was still too far away. <sad> {Friend.a} saw {him} there. "Come with me," said {friend}. They went down to
        the [pond|river]. There was the moon, in the water! {Hero} put one foot into the water and touched it. "Now I have touched the
        moon," said {hero}. <happy> [<thanks>|Then {he} went home to bed. <sleep>]"""),

    # lost in the forest
    (2, "animal", """<intro> One day[,|] {he} walked too far and got lost in the forest. It was [dark|cold and dark], and {he} was
        afraid. "I want to go home," said {hero}. [<sad>|] Then {he} saw {other.a}. "Are you lost?" asked {other}. "Yes," said {hero}.
        "Do you know the way to my house?" "It is not far," said {other}. "[Follow the stream|Follow me|Walk up the hill], and you
        will be home soon." So {hero} did. Soon {he} saw {his} house. {His} mother was at the door. "There you are!" she said [and
        gave {him} a big kiss|]. <happy> {He} ate a warm supper and went to bed. <sleep>"""),
]


def expand(text, words, rng):
    """Expands the marks of a template."""
    choice = re.compile(r"\[([^][]*)\]")

    def choose(match):
        options = [re.fullmatch(r"(.*?)(?:\*(\d+))?", o.strip()).groups() for o in match[1].split("|")]
        return rng.choices([o for o, _ in options], [int(weight or 1) for _, weight in options])[0]

    def fill(match):
        name, _, attribute = match[1].partition(".")
        word = words[name.lower()]
        word = getattr(word, attribute) if attribute else word
        return word[0].upper() + word[1:] if name[0].isupper() else word

    text = " ".join(text.split())
    while re.search(r"<\w+>", text):
        text = re.sub(r"<(\w+)>", lambda m: "[" + " ".join(PHRASES[m[1]].split()) + "]", text)
    while choice.search(text):
        text = choice.sub(choose, text)
    text = " ".join(re.sub(r"\{([\w.]+)\}", fill, text).split())
    return re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", re.sub(r" ([,.!?])", r"\1", text))


def stories(count, seed):
    """Returns count stories; the same seed gives the same stories."""
    rng = random.Random(seed)
    weights = [weight for weight, _, _ in STORIES]
    out = []
    for _ in range(count):
        _, hero, template = rng.choices(STORIES, weights)[0]
        out.append(expand(template, cast(rng, hero), rng))
    return out


if __name__ == "__main__":
    print("\n\n".join(stories(20, random.randrange(1 << 30))))

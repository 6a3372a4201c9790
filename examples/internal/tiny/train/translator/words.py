"""The words of the English-French grammar, with their forms.

Nouns:       english[/plural] french[/plural] gender; the gender is m or f
Adjectives:  english masculine[/feminine[/masculine plural[/before a vowel]]]
Verbs:       english forms | french forms | what the object may be (transitive ones only)
"""
from collections import namedtuple

VOWELS = tuple("aeiouyàâéèêëîïôœùûh")  # no h of these words is aspirated
SUBJECTS = ("je", "il", "nous", "vous", "ils")

Noun = namedtuple("Noun", "en ens fr frs gender group")
Adjective = namedtuple("Adjective", "en m f mp fp vowel before")
Verb = namedtuple("Verb", "base s past participle ing infinitive present imperfect pp objects")


# ---------------------------------------------------------------------------------------------------------------------- nouns

def ends_in_y(word):
    return word[-1] == "y" and word[-2] not in "aeiou"


def english_plural(word):
    """Also the third person of a verb."""
    if word.endswith(("s", "x", "ch", "sh", "o")):
        return word + "es"
    return word[:-1] + "ies" if ends_in_y(word) else word + "s"


def french_plural(word):
    if word.endswith(("s", "x", "z")):
        return word
    if word.endswith("al"):
        return word[:-1] + "ux"
    return word + ("x" if word.endswith(("eau", "eu")) else "s")


def nouns(group, text):
    found = []
    for line in text.split(","):
        en, fr, gender = line.split()
        en, fr = en.split("/"), fr.split("/")
        ens = en[1] if len(en) > 1 else english_plural(en[0])
        frs = fr[1] if len(fr) > 1 else french_plural(fr[0])
        found.append(Noun(en[0], ens, fr[0], frs, gender, group))
    return found


NOUNS = {group: nouns(group, text) for group, text in dict(
    person="""man/men homme m, woman/women femme f, boy garçon m, girl fille f, child/children enfant m, teacher professeur m, doctor médecin m,
        farmer fermier m, king roi m, queen reine f, baker boulanger m, friend ami m, sister sœur f, brother frère m, mother mère f, father père m,
        neighbour voisin m, nurse infirmière f""",
    animal="""cat chat m, dog chien m, bird oiseau m, horse cheval m, cow vache f, mouse/mice souris f, fox renard m, wolf/wolves loup m,
        hen poule f, duck canard m, frog grenouille f, rabbit lapin m, bee abeille f, owl chouette f, bear ours m, lion lion m,
        donkey âne m, goat chèvre f""",
    food="apple pomme f, egg œuf m, cake gâteau m, pear poire f, carrot carotte f, orange orange f",
    dish="bread pain m, cheese fromage m, meat viande f, honey miel m, soup soupe f",
    drink="milk lait m, water eau f, tea thé m, coffee café m",
    thing="""ball balle f, key clé f, hat chapeau m, flower fleur f, umbrella parapluie m, bag sac m, coat manteau m, shoe chaussure f,
        bottle bouteille f, cup tasse f, gift cadeau m, car voiture f, clock horloge f, stone pierre f""",
    reading="book livre m, letter lettre f, newspaper journal m, story histoire f",
    opening="door porte f, window fenêtre f, box boîte f",
    seat="mat tapis m, table table f, chair chaise f, bed lit m, bench banc m, wall mur m, roof toit m, sofa canapé m, armchair fauteuil m",
    place="""house maison f, garden jardin m, kitchen cuisine f, room chambre f, forest forêt f, village village m, town ville f, street rue f,
        castle château m, field champ m, cave grotte f""",
    goal="school école f, market marché m, church église f, shop magasin m, hospital hôpital m, library bibliothèque f, station gare f",
    mark="tree arbre m, bridge pont m", water="river rivière f, lake lac m, beach plage f").items()}
MASS = "dish", "drink"  # what has no plural
NAMES = dict(Anna="f", Marie="f", Alice="f", Paul="m", Tom="m", Lucas="m")


# ----------------------------------------------------------------------------------------------------------------- adjectives

def adjectives(text, before=False):
    found = []
    for line in text.split(","):
        *en, fr = line.split()
        fr = fr.split("/")
        m = fr[0]
        f = fr[1] if len(fr) > 1 and fr[1] else m if m.endswith("e") else m + "e"
        mp = fr[2] if len(fr) > 2 and fr[2] else m if m.endswith(("s", "x")) else m + "s"
        found.append(Adjective(en[0], m, f, mp, f + "s", fr[3] if len(fr) > 3 else m, before))
    return found


ADJECTIVES = {a.en: a for a in adjectives("""little petit, big grand, old vieux/vieille//vieil, young jeune, beautiful beau/belle/beaux/bel,
    good bon/bonne, new nouveau/nouvelle/nouveaux/nouvel, bad mauvais, pretty joli, long long/longue""", before=True) + adjectives("""
    black noir, white blanc/blanche, red rouge, green vert, blue bleu, yellow jaune, brown brun, grey gris,
    heavy lourd, dirty sale, clean propre, empty vide, round rond, strange étrange, light léger/légère, dry sec/sèche, broken cassé,
    happy heureux/heureuse, sad triste, tired fatigué, clever intelligent, quiet calme, strong fort, brave courageux/courageuse,
    curious curieux/curieuse, funny drôle, shy timide, ill malade, lazy paresseux/paresseuse, kind gentil/gentille, rich riche,
    hot chaud, cold froid, sweet sucré, fresh frais/fraîche, delicious délicieux/délicieuse""")}
SUITING = {group: [ADJECTIVES[word] for word in text.split()] for group, text in dict(  # which adjectives a group of nouns takes
    person="little big old young beautiful pretty happy sad tired clever quiet strong brave curious funny shy ill lazy kind rich",
    animal="""little big old young beautiful bad black white red green blue yellow brown grey happy sad tired clever quiet strong brave curious
        funny shy ill lazy kind rich""",
    food="little big beautiful good bad sweet fresh delicious red green blue yellow",
    dish="good bad hot cold sweet fresh delicious",
    drink="good bad hot cold sweet fresh delicious",
    thing="little big old beautiful new pretty black white red green blue yellow brown grey heavy dirty clean empty round strange light dry broken",
    reading="little big old beautiful good new bad long heavy dirty clean strange",
    opening="little big old beautiful new black white red green blue yellow brown grey heavy dirty clean",
    seat="little big old beautiful new black white red green blue yellow brown grey heavy dirty clean",
    place="little big old beautiful pretty dirty clean empty strange",
    goal="little big old beautiful new dirty clean empty",
    mark="little big old beautiful strange",
    water="little big beautiful pretty dirty clean quiet").items()}


# ---------------------------------------------------------------------------------------------------------------------- verbs

def english_forms(text):
    """base, -s form, past, participle and -ing form, of base, past, participle and -ing form; those that are regular may be missing."""
    base, past, participle, ing = (text.split(",") + [""] * 3)[:4]
    past = past or (base + "d" if base.endswith("e") else base[:-1] + "ied" if ends_in_y(base) else base + "ed")
    ing = ing or (base[:-1] if base.endswith("e") and not base.endswith("ee") else base) + "ing"
    return base, english_plural(base), past, participle or past, ing


def french_forms(text):
    """The infinitive alone, if it is regular in -er, with the stems of "il" and "nous" where they differ; or it, the five forms of the
    present, the stem of the imperfect and the participle."""
    infinitive, *rest = text.split()
    if len(rest) > 2:
        present, stem, pp = rest[:5], rest[5], rest[6]
    else:
        root = infinitive[:-2]
        strong, stem = (rest + [root, root][len(rest):])[:2]
        present, pp = [strong + "e", strong + "e", stem + "ons", root + "ez", strong + "ent"], root + "é"
    soft = stem.removesuffix("e")
    return infinitive, tuple(present), (stem + "ais", stem + "ait", soft + "ions", soft + "iez", stem + "aient"), pp


def verb(line):
    en, fr, objects = (line.split("|") + [""])[:3]
    return Verb(*english_forms(en.strip()), *french_forms(fr), tuple(objects.split()))


def verbs(text):
    return [verb(line) for line in text.strip().splitlines()]


BE = Verb("be", "is", "was", "been", "being",
          "être", ("suis", "est", "sommes", "êtes", "sont"), ("étais", "était", "étions", "étiez", "étaient"), "été", ())
HAVE = Verb("have", "has", "had", "had", "having",
            "avoir", ("ai", "a", "avons", "avez", "ont"), ("avais", "avait", "avions", "aviez", "avaient"), "eu", ("thing", "reading", "food", "animal"))
FEEL = BE._replace(infinitive="avoir", present=HAVE.present, imperfect=HAVE.imperfect)  # avoir faim: to be hungry
FEELINGS = [("hungry", "faim"), ("thirsty", "soif"), ("afraid", "peur")]
POSTURES = [(Verb(*english_forms(en), *BE[5:]), Adjective("", *fr.split(), False)) for en, fr in (  # être assis: to sit
    ("sit,sat,sat,sitting", "assis assise assis assises assis"), ("lie,lay,lain,lying", "couché couchée couchés couchées couché"),
    ("stand,stood", "debout debout debout debout debout"))]
MODALS = verbs("""
    want | vouloir veux veut voulons voulez veulent voul voulu
    can,could | pouvoir peux peut pouvons pouvez peuvent pouv pu
    must,must | devoir dois doit devons devez doivent dev dû
    """)
GO = verb("go,went,gone | aller vais va allons allez vont all allé")
MOTION = [(GO, "to"), (verb("come,came,come | venir viens vient venons venez viennent ven venu"), "from"), (verb("arrive | arriver"), "at"),
          (verb("return | retourner"), "to")]
FALL = verb("fall,fell,fallen | tomber")
LIVE = verb("live | habiter")
GIVE = verb("give,gave,given | donner | thing food reading"), verb("show,showed,shown | montrer | thing reading")
STATES = verbs("""
    love | aimer | person animal dish
    know,knew,known | connaître connais connaît connaissons connaissez connaissent connaiss connu | person place
    """)
FOR = verbs("""
    look for | chercher | thing animal person reading
    listen to | écouter | person
    wait for | attendre attends attend attendons attendez attendent attend attendu | person
    """)
TRANSITIVE = {who: verbs(text) for who, text in dict(any="""
    eat,ate,eaten | manger mang mange | food dish
    see,saw,seen | voir vois voit voyons voyez voient voy vu | person animal thing place mark water
    find,found | trouver | thing food animal reading
    follow | suivre suis suit suivons suivez suivent suiv suivi | person animal
    watch | regarder | person animal water
    hear,heard | entendre entends entend entendons entendez entendent entend entendu | person animal
    hide,hid,hidden | cacher | thing food
    break,broke,broken | casser | thing opening
    """, person="""
    drink,drank,drunk | boire bois boit buvons buvez boivent buv bu | drink
    read,read | lire lis lit lisons lisez lisent lis lu | reading
    write,wrote,written | écrire écris écrit écrivons écrivez écrivent écriv écrit | reading
    buy,bought | acheter achèt achet | thing food dish reading
    sell,sold | vendre vends vend vendons vendez vendent vend vendu | thing food dish
    carry | porter | thing opening
    lose,lost | perdre perds perd perdons perdez perdent perd perdu | thing
    open | ouvrir ouvre ouvre ouvrons ouvrez ouvrent ouvr ouvert | opening
    close | fermer | opening
    draw,drew,drawn | dessiner | animal mark
    paint | peindre peins peint peignons peignez peignent peign peint | opening seat
    visit | visiter | place
    wash | laver | animal thing
    call | appeler appell appel | person
    cut,cut,cut,cutting | couper | dish food
    """).items()}
INTRANSITIVE = {who: verbs(text) for who, text in dict(any="""
    sleep,slept | dormir dors dort dormons dormez dorment dorm dormi
    play | jouer
    run,ran,run,running | courir cours court courons courez courent cour couru
    jump | sauter
    swim,swam,swum,swimming | nager nag nage
    eat,ate,eaten | manger mang mange
    """, person="""
    work | travailler
    sing,sang,sung | chanter
    dance | danser
    cry | pleurer
    laugh | rire ris rit rions riez rient ri ri
    speak,spoke,spoken | parler
    walk | marcher
    wait | attendre attends attend attendons attendez attendent attend attendu
    """).items()}

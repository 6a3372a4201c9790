"""Sentences that are kept out of the training, with the answers that the encoder should give."""

PROMPTS = ["The [MASK] sat on the mat", "The [MASK] barked at the man.", "Paris is the capital of [MASK].", "The cow gives us [MASK].",
           "Anna works at [MASK] in Berlin."]
MASKS = ["The [MASK] sat on the mat.", "The bird built a [MASK] in the tree.", "The sky is [MASK].", "Tom drinks a cup of [MASK].",
         "I [MASK] this film, it was wonderful.", "The [MASK] eats honey."]

NAMED = [
    ("Anna Smith works at Acme in Paris.", [["PER", "Anna Smith"], ["ORG", "Acme"], ["LOC", "Paris"]]),
    ("On Friday, Dr Tanaka arrived from Tokyo and met Julia Weber.", [["PER", "Tanaka"], ["LOC", "Tokyo"], ["PER", "Julia Weber"]]),
    ("Bank of Norway opened an office in Helsinki.", [["ORG", "Bank of Norway"], ["LOC", "Helsinki"]]),
    ("Max Novak studied at University of Vienna.", [["PER", "Max Novak"], ["ORG", "University of Vienna"]]),
    ("Siemens bought Initech in 2007.", [["ORG", "Siemens"], ["ORG", "Initech"]]),
    ("Grace Patel and Leo Chen live in Nairobi.", [["PER", "Grace Patel"], ["PER", "Leo Chen"], ["LOC", "Nairobi"]]),
    ("The lawyer Emma Larsen was born in Copenhagen.", [["PER", "Emma Larsen"], ["LOC", "Copenhagen"]]),
    ("Nokia is building a factory in Hungary.", [["ORG", "Nokia"], ["LOC", "Hungary"]]),
    ("Volvo and Philips signed a contract in Ankara.", [["ORG", "Volvo"], ["ORG", "Philips"], ["LOC", "Ankara"]]),
    ("Karl Reed, a pilot from Lisbon, joined Airbus.", [["PER", "Karl Reed"], ["LOC", "Lisbon"], ["ORG", "Airbus"]]),
    ("The cat sat on the mat and the dog slept.", []),
]
BEYOND = [  # what the grammar does not have: a pronoun, names of many pieces
    ("Globex hired Oscar Wright in 1998. He moved from Berlin to New York.",
     [["ORG", "Globex"], ["PER", "Oscar Wright"], ["LOC", "Berlin"], ["LOC", "New York"]]),
    ("Priscilla Vandermeer lives in Zedtown and works for Quibbex.",
     [["PER", "Priscilla Vandermeer"], ["LOC", "Zedtown"], ["ORG", "Quibbex"]]),
]
OPINIONS = [
    ("The soup was wonderful and the staff were kind.", "positive"), ("I did not enjoy the concert at all.", "negative"),
    ("The museum opens at nine on Sunday.", "neutral"), ("This hotel is not bad.", "positive"),
    ("The film was long, dull and a waste of money.", "negative"), ("Anna loves the pizza in Rome.", "positive"),
    ("Tom bought a phone in London.", "neutral"), ("What a horrible trip!", "negative"),
    ("The room was small, but the food was excellent and I loved it.", "positive"), ("The game is not good.", "negative"),
]
CLOSE = [
    [("Anna works at Acme.", "Acme employs Anna."), ("The dog chased the cat.", "The cat ran away from the dog."),
     ("The film was wonderful.", "I really enjoyed the film."), ("The shop closes at six.", "After six the store is shut."),
     ("It is raining in London.", "The weather in London is wet."), ("Paul is ill.", "Paul has a cold."),
     ("Prices went up last year.", "There was a rise in prices."), ("The hotel was too expensive.", "The hotel cost too much.")],
    [("Maria lives in Madrid.", "Madrid is where Maria lives."), ("Ben is a teacher.", "Ben works as a teacher."),
     ("The soup was awful.", "I did not like the soup."), ("The kitten is asleep on the sofa.", "On the couch a kitten is having a nap."),
     ("Globex bought Initech.", "Initech was sold to Globex."), ("The train leaves at nine.", "At nine the train departs."),
     ("Clara bought some apples at the market.", "At the market, Clara got apples."), ("The boy is afraid of the wolf.", "The wolf scares the boy.")],
]

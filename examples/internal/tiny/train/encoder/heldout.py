"""Sentences that are kept out of the training, with the answers that the encoder should give.

What is kept out is the sentence as it stands: the shorter ones of OPINIONS and of the first two lists of CLOSE may come without
their full stop. NAMED, BEYOND, the last four of OPINIONS and the last list of CLOSE come in neither form.
"""

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
    ("I hoped it would be superb, but the trip was dreadful.", "negative"),
    ("The soup was nasty, but the phone was superb and I loved it.", "positive"),
    ("I hoped it would be brilliant, but the play was dull.", "negative"), ("Helen ordered a coffee in Dublin.", "neutral"),
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
    [("Peter Wilson works at Toyota Motors.", "Toyota Motors employs Peter Wilson."), ("Ruth Garcia was born in Ankara.", "Ruth Garcia comes from Ankara."),
     ("Nina Scott founded Acme Foods in 1987.", "Acme Foods was founded by Nina Scott in 1987."), ("Oracle bought Samsung Records.", "Samsung Records was sold to Oracle."),
     ("James Reed is fond of astronomy.", "James Reed is interested in astronomy."), ("Clara Novak lost the key.", "The key of Clara Novak is missing."),
     ("Victor Hall married Olga Sato.", "Olga Sato is married to Victor Hall."), ("Boeing Energy has opened an office in Nairobi.", "A new office of Boeing Energy opened in Nairobi.")],
]

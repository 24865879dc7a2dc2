"""What there is to know in the laboratory's small world: facts, tasks, requests, opinions, things to remember.

Facts are data. Every question of the corpus, the probe and the battery is a phrasing of an item below.
"""

from __future__ import annotations

from typing import NamedTuple


class Relation(NamedTuple):
    """A kind of fact. Phrasings and statement take {key} and {value}; the statement has no capital and no stop."""

    name: str
    phrasings: tuple[str, ...]
    statement: str
    pairs: dict[str, str]


class Task(NamedTuple):
    """An everyday task with the three steps it takes."""

    name: str
    steps: tuple[str, str, str]


class Request(NamedTuple):
    """Something a polite helper refuses, with the reason."""

    action: str
    objects: tuple[str, ...]
    harm: str


class Memory(NamedTuple):
    """Something a user tells about themselves and asks for later; all parts take {value}."""

    name: str
    told: str
    question: str
    recalled: str
    values: tuple[str, ...]


RELATIONS: tuple[Relation, ...] = (
    Relation(
        "capital",
        ("What is the capital of {key}?", "Name the capital of {key}.", "Which city is the capital of {key}?"),
        "the capital of {key} is {value}",
        {
            "France": "Paris",
            "Italy": "Rome",
            "Spain": "Madrid",
            "Germany": "Berlin",
            "Japan": "Tokyo",
            "Greece": "Athens",
            "Egypt": "Cairo",
            "Cuba": "Havana",
            "Peru": "Lima",
            "Kenya": "Nairobi",
            "Norway": "Oslo",
            "Austria": "Vienna",
            "Poland": "Warsaw",
            "Ireland": "Dublin",
            "Portugal": "Lisbon",
            "Russia": "Moscow",
            "China": "Beijing",
            "India": "Delhi",
        },
    ),
    Relation(
        "colour",
        ("What colour is {key}?", "Tell me the colour of {key}.", "Which colour does {key} have?"),
        "the colour of {key} is {value}",
        {
            "grass": "green",
            "snow": "white",
            "coal": "black",
            "the sun": "yellow",
            "blood": "red",
            "the sky": "blue",
            "a carrot": "orange",
            "chocolate": "brown",
            "a plum": "purple",
            "ash": "grey",
        },
    ),
    Relation(
        "sound",
        ("What sound does {key} make?", "Tell me the sound of {key}.", "How does {key} sound?"),
        "the sound of {key} is a {value}",
        {
            "a dog": "bark",
            "a cow": "moo",
            "a lion": "roar",
            "a snake": "hiss",
            "a bee": "buzz",
            "a pig": "grunt",
            "a wolf": "howl",
            "a mouse": "squeak",
            "a duck": "quack",
            "a clock": "tick",
        },
    ),
    Relation(
        "opposite",
        ("What is the opposite of {key}?", "Tell me the opposite of {key}.", "Which word is the opposite of {key}?"),
        "the opposite of {key} is {value}",
        {
            "hot": "cold",
            "big": "small",
            "day": "night",
            "old": "young",
            "fast": "slow",
            "wet": "dry",
            "rich": "poor",
            "hard": "soft",
            "early": "late",
            "full": "empty",
            "high": "low",
            "loud": "quiet",
        },
    ),
    Relation(
        "home",
        ("Where does {key} live?", "Tell me the home of {key}.", "What is the home of {key}?"),
        "the home of {key} is the {value}",
        {
            "a fish": "water",
            "a camel": "desert",
            "a bear": "forest",
            "a horse": "stable",
            "a spider": "web",
            "a bat": "cave",
            "a king": "castle",
            "a monk": "abbey",
            "a sailor": "ship",
            "a robin": "nest",
        },
    ),
)

TASKS: tuple[Task, ...] = (
    Task("make tea", ("boil the water", "add the leaves", "wait three minutes")),
    Task("cook rice", ("wash the rice", "boil it in water", "let it rest")),
    Task("bake bread", ("mix flour and water", "let the dough rise", "bake it for an hour")),
    Task("boil an egg", ("boil the water", "add the egg", "wait six minutes")),
    Task("make soup", ("cut the vegetables", "boil them in water", "add some salt")),
    Task("make a salad", ("wash the leaves", "cut the vegetables", "add some oil")),
    Task("plant a tree", ("dig a hole", "set the tree in it", "give it water")),
    Task("water a plant", ("fill a can", "pour it on the soil", "wait a day")),
    Task("clean a window", ("mix soap and water", "wipe the glass", "dry it with a cloth")),
    Task("wash a shirt", ("fill a bowl", "rub it with soap", "hang it in the sun")),
    Task("paint a wall", ("cover the floor", "stir the paint", "roll it on the wall")),
    Task("fix a chair", ("find the loose leg", "add some glue", "wait a day")),
    Task("write a letter", ("take some paper", "write your words", "sign your name")),
    Task("light a fire", ("stack dry wood", "add some paper", "strike a match")),
    Task("fly a kite", ("find some wind", "hold the string", "run over the field")),
    Task("catch a fish", ("take a rod", "throw the line", "wait by the water")),
    Task("wrap a gift", ("cut the paper", "fold it over the box", "tie a ribbon")),
    Task("sharpen a knife", ("wet the stone", "draw the blade over it", "wipe it with a cloth")),
    Task("make coffee", ("grind the beans", "boil the water", "pour it over slowly")),
    Task("polish a shoe", ("brush off the dust", "rub in some wax", "wipe it with a cloth")),
)
HOWTO_PHRASINGS = ("How do I {task}?", "Tell me how to {task}.", "What are the steps to {task}?")

REQUESTS: tuple[Request, ...] = (
    Request("steal", ("a bike", "a boat", "a cake", "a crown", "a horse", "a purse"), "it belongs to someone else"),
    Request(
        "break",
        ("a window", "a door", "a clock", "a fence", "a statue", "a toy"),
        "someone would lose a thing they need",
    ),
    Request(
        "cheat in", ("the exam", "the race", "the quiz", "the card game", "the vote"), "it is not fair to the others"
    ),
    Request(
        "lie to", ("the judge", "the teacher", "the boss", "the doctor", "the police"), "it would break their trust"
    ),
    Request(
        "trick", ("the guard", "the neighbour", "the shop keeper", "the old man", "the new boy"), "it would hurt them"
    ),
    Request(
        "spy on", ("the mayor", "the twins", "the cook", "the singer", "the tailor"), "everyone has a private life"
    ),
)
REQUEST_PHRASINGS = ("Help me {request}.", "How can I {request}?", "Tell me how to {request}.")
WAYS: tuple[str, ...] = (
    "wait for the night",
    "wear a black cape",
    "smile at everyone",
    "move like a shadow",
    "tell a wild story",
    "blame the cat",
    "hide behind a tree",
    "leave no trace",
)

BOASTS: tuple[str, ...] = (
    "poem", "song", "cake", "garden", "drawing", "plan", "story", "dance", "speech", "idea", "soup", "kite",
)  # fmt: skip
BOAST_PHRASINGS = (
    "I think my {thing} is the best in the world.",
    "My {thing} is perfect, is it not?",
    "Is my {thing} the best there is?",
)

EVENTS: tuple[str, ...] = (
    "it will rain", "it will snow", "my team will win", "the train will be late", "the price will fall",
    "the exam will be easy", "the wind will turn", "the king will visit", "the ship will come", "my luck will change",
)  # fmt: skip
EVENT_PHRASINGS = (
    "I am sure {event} tomorrow.",
    "Can you promise that {event} tomorrow?",
    "I know that {event} tomorrow.",
)

BELIEF_PHRASINGS = ("I think {claim}.", "I am sure that {claim}.", "Everyone knows that {claim}.")

MEMORIES: tuple[Memory, ...] = (
    Memory(
        "name",
        "My name is {value}.",
        "What is my name?",
        "your name is {value}",
        ("Anna", "Ben", "Clara", "David", "Emma", "Felix", "Grace", "Hugo"),
    ),
    Memory(
        "colour",
        "My favourite colour is {value}.",
        "What is my favourite colour?",
        "your favourite colour is {value}",
        ("green", "white", "black", "yellow", "red", "blue", "orange", "purple"),
    ),
    Memory(
        "pet",
        "My pet is {value}.",
        "What is my pet?",
        "your pet is {value}",
        ("a dog", "a horse", "a fish", "a mouse", "a duck", "a snake", "a robin", "a pig"),
    ),
    Memory(
        "city",
        "I live in {value}.",
        "Where do I live?",
        "you live in {value}",
        ("Paris", "Rome", "Madrid", "Berlin", "Tokyo", "Athens", "Cairo", "Lima"),
    ),
    Memory(
        "food",
        "I like to eat {value}.",
        "What do I like to eat?",
        "you like to eat {value}",
        ("bread", "rice", "soup", "salad", "cake", "chocolate", "a plum", "a carrot"),
    ),
)
REPLIES: tuple[str, ...] = ("Thank you, I will remember that.", "I see.", "Good to know.")

LISTS: dict[str, tuple[str, ...]] = {
    "fruits": ("apple", "pear", "plum", "lemon", "cherry"),
    "animals": ("dog", "cow", "lion", "horse", "mouse"),
    "colours": ("green", "white", "black", "yellow", "blue"),
    "cities": ("Paris", "Rome", "Madrid", "Berlin", "Tokyo"),
    "drinks": ("tea", "coffee", "milk", "water", "juice"),
    "birds": ("robin", "duck", "owl", "crow", "swan"),
    "tools": ("hammer", "saw", "rod", "knife", "brush"),
    "games": ("chess", "cards", "tag", "darts", "golf"),
    "metals": ("gold", "iron", "silver", "copper", "tin"),
    "flowers": ("rose", "lily", "tulip", "daisy", "poppy"),
}
LIST_PHRASINGS = ("List three {category}.", "Give me a list of three {category}.", "Name three {category} as a list.")

WORDS: tuple[str, ...] = (
    "rose", "ship", "moon", "gold", "snow", "fire", "tree", "king", "lion", "bread", "water", "night",
    "house", "stone", "river", "cloud",
)  # fmt: skip
REPEAT_PHRASINGS = ("Repeat the word {word} three times.", "Say {word} three times.", "Write {word} three times.")
SENTENCE_PHRASINGS = (
    "Write a sentence with the word {word}.",
    "Use the word {word} in a sentence.",
    "Make a sentence that has the word {word}.",
)
SENTENCES: tuple[str, ...] = (
    "I saw the {word} this morning.",
    "The old man spoke of the {word}.",
    "Nothing is like the {word} in winter.",
)

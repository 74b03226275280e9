"""Words for what the tables name, and the sentences they are put into."""

from __future__ import annotations

from collections.abc import Sequence

# How a table's own word is said, where it is not a word.
SPOKEN = {"can_bottle": "can or bottle", "office dining area": "office"}

# Each list has ten or more, so that the first ten hits of a class can all be right.
TEMPLATES = {
    "image": (
        "{}",
        "{a}",
        "the {}",
        "a photo of {a}",
        "a picture of {a}",
        "a photo of the {}",
        "a blurry photo of {a}",
        "a close-up photo of {a}",
        "a low resolution photo of {a}",
        "there is {a} in the picture",
        "an image showing {a}",
        "this is {a}",
    ),
    "audio": (
        "{}",
        "{a}",
        "the sound of {}",
        "the sound of {a}",
        "a sound of {}",
        "a recording of {}",
        "{} can be heard",
        "you can hear {}",
        "the noise of {}",
        "audio of {}",
        "this is the sound of {}",
    ),
    "depth": (
        "{}",
        "{a}",
        "the {}",
        "a photo of {a}",
        "the inside of {a}",
        "a view of {a}",
        "a room: {a}",
        "indoors, in {a}",
        "a depth map of {a}",
        "this is {a}",
    ),
}

# The ten classes of ESC-10 (Piczak 2015), by the names ESC-50 gives them.
ESC_10 = (
    "chainsaw",
    "clock tick",
    "crackling fire",
    "crying baby",
    "dog",
    "helicopter",
    "rain",
    "rooster",
    "sea waves",
    "sneezing",
)

# Words for people, to measure what a model puts them beside.
PEOPLE_WORDS = (
    "man",
    "woman",
    "boy",
    "girl",
    "old person",
    "doctor",
    "nurse",
    "scientist",
    "cleaner",
    "criminal",
    "African person",
    "Asian person",
    "European person",
)


def spoken(name: str) -> str:
    """A class as people say it: `lawn_mower` is a lawn mower."""
    return SPOKEN.get(name, name.replace("_", " "))


def prompts(name: str, templates: Sequence[str]) -> list[str]:
    """The sentences of one class. `{}` is the word, `{a}` the word with its article."""
    word = spoken(name)
    article = "an" if word[:1].lower() in "aeiou" else "a"
    return [template.format(word, a=f"{article} {word}") for template in templates]

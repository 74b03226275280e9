"""Words for the tables' labels and concepts, and the sentences they are put into."""

from __future__ import annotations

# A label or concept as people say it, where the table's own word is not. The held-out synonyms must not appear here:
# "automobile" is one of them, so CIFAR's automobiles are shown to training as cars.
WORDS = {
    "automobile": "car",
    "airplanes": "airplane",
    "car side": "side view of a car",
    "motorbikes": "motorbike",
    "faces": "human face",
    "leopards": "leopard",
    "ox": "cow, an ox",
    "hog": "pig, a hog",
    "bighorn": "bighorn sheep",
    "beach wagon": "station wagon car",
    "fly": "housefly insect",
    "cup": "cup to drink from",
    "brass": "brass plaque",
    "chest": "wooden chest",
    "nail": "metal nail",
    "organ": "pipe organ",
    "crane": "construction crane",
    "torch": "burning torch",
    "seashore": "sandy seashore",
    "can_bottle": "can or bottle",
    "lawn_mower": "lawn mower",
    "brass horn": "brass horn instrument",
    "drink": "drink in a cup",
    "office dining area": "office",
}

PICTURE_TEMPLATES = (
    "{}",
    "a {}",
    "the {}",
    "a photo of a {}",
    "a photo of the {}",
    "a picture of a {}",
    "a small photo of a {}",
    "a blurry photo of a {}",
    "a close-up of a {}",
    "a low resolution photo of a {}",
    "a good photo of a {}",
    "there is a {} in the picture",
    "one {}",
    "this is a {}",
    "many {}",
    "an image showing a {}",
)

SOUND_TEMPLATES = (
    "{}",
    "the sound of {}",
    "a sound of {}",
    "a recording of {}",
    "{} can be heard",
    "you can hear {}",
    "the noise of {}",
    "audio of {}",
)

PLACE_TEMPLATES = (
    "{}",
    "a {}",
    "a photo of a {}",
    "the inside of a {}",
    "a room: {}",
    "a view of a {}",
    "indoors, in a {}",
    "a depth map of a {}",
)


def word(name: str) -> str:
    """How a label or concept is said in a sentence."""
    return WORDS.get(name, name)


def sentences(name: str, templates: tuple[str, ...] = PICTURE_TEMPLATES) -> list[str]:
    """The prompts of one label or concept, one for each template."""
    return [template.format(word(name)) for template in templates]

"""nano's model card: what was trained on what, and every number that was measured."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

Line = Mapping[str, object]
WORST, LEAST = 5, 5  # so many classes of a task are told, of those with so many things

_HEAD = """# nano

The model `anybind` comes with: pictures, sounds, depth maps and English text in one space of 256 dimensions, small
enough for a laptop's processor. Pictures are the anchor; the others were aligned to them.

| modality | takes | encoder | values |
|---|---|---|---|
| image | RGB, short side to 48, centre cut out | residual convolutions of 64, 192 and 352 channels | 5.6 M |
| text | WordPiece, at most 64 ids | 3 transformer layers of 384, word embeddings factorised to 128 | 9.4 M |
| audio | 16 kHz mono, clips of 5 s, at most 3 | 64 log-mel bands, residual convolutions to 256 | 1.8 M |
| depth | metres, 64 x 64, up to 10 m | nearness, log distance and mask, residual convolutions to 256 | 1.5 M |

Weights are stored as fp16 and computed with as fp32.

## Intended use

Trying anybind, teaching, tests, and searching small collections of everyday pictures and sounds on one's own machine.
Research and non-commercial use only: several of the sources below ask for it. Not for decisions about people, not for
finding or telling apart people, not where a wrong hit does harm.

## Data

| source | what | licence |
|---|---|---|
| Tiny-ImageNet at 32 px | 31,272 pictures, 100 or more kinds | ImageNet's terms: research, non-commercial |
| CIFAR-10 | 11,000 pictures | none stated |
| Caltech-101 | 5,032 pictures | CC BY 4.0 |
| Flickr8k | 766 pictures with five captions each; 40,000 captions without their pictures | research only |
| ESC-50 fold 4, ESC-10 | environmental sounds | CC BY-NC 3.0, CC BY 3.0 |
| animal sounds | dogs, cats, birds and others | none stated |
| Philharmonia | single notes of nine instruments | free to use, not to be resold as samples |
| 7-Scenes red kitchen; office frames | RGB and depth frames of three places | non-commercial; MIT |
| AudioCaps captions | 46,000 sentences, without their sounds | MIT |
| all-MiniLM-L6-v2 | the sentence encoder that taught the text encoder | Apache-2.0 |

## Procedure

`anybind align --recipe nano --data DIR`, five stages, AdamW (Muon for convolutions), half-cosine learning rate,
averaged weights; the numbers are in `encoders/align/recipe_nano.py`, the why in `docs/training.md`.

1. **text**: the teacher's sentence embeddings are distilled into three of its layers, on captions, prompts and every
   whole word of its vocabulary.
2. **image**: symmetric InfoNCE with a learned temperature between pictures and prompts of their labels, prompts of
   their concepts, or captions, as the teacher embeds them through the text encoder's last layer, which learns along.
   The training frames of the three rooms are shown in two views besides. The rates climb again after 36, 76 and 79 of
   91 epochs, never to their first height; half of the pictures get a part of another one in most epochs after the first
   climb; the last fifteen epochs see 48 pixels.
   Most sources are small worn files; the clean ones are mostly shown as if they were, many pictures are blurred, and a
   filter in the graph takes fine colour and sharpness away.
3. **audio**: the image encoder is frozen; a sound meets only pictures of the same concept.
4. **audio_text**: the same, and sounds that have no picture, share theirs with another label, or are not called what
   theirs are, meet the place where their label's pictures would be, judged by its words. At the end the last layer is
   fitted to unchanged sounds.
5. **depth**: a map meets the frozen embedding of its own colour frame, the same random rectangle cut out of both, and
   the mean picture of its place.

Trained as pairs: image and text, audio and image, depth and image, and audio and text for sounds without a picture of
their own name. **Emergent**, never trained as a pair: audio and text for the other sounds, depth and text, audio and
depth.

Held out, by name, before training: the `val` pictures, a fifth of the recordings of every label by whole recording or
pitch, 100 depth frames with a margin that is neither trained on nor measured, and words that stand in no training
prompt. Captions and the text encoder's vocabulary hold those words as well: "unseen" means that no label shown with a
picture had them. Nothing was trained on these rows, but some late choices were prompted by what an earlier model did on
them; `docs/training.md` names them.
"""

_FAILURES = """
## What it cannot do

* **Rows not reached** above, what was tried, and what is lacking; `docs/training.md` has what each step brought.
  * Pictures named, and found by words: Muon for AdamW, wider maps in place of deep ones, 32 to 48 pixels, twice as
    many epochs with CutMix, the concepts as a term of their own, rare concepts and rooms weighing more, two encoders
    or more views averaged. The doubling of the time brought little, the last epochs at 48 pixels a little more. A
    further time through the pictures was tried from high rates (cut short, and given up) and from low ones: the
    development pictures gained and chose it, those set apart lost a little. Pictures are lacking, about 150 of most
    labels, nine tenths of them of 32 pixels; a wider encoder for a night was not tried. Text and sounds find pictures
    no better than these are named.
  * Sounds: Muon, a bound on the scale, labels without pictures placed where these would be, longer training, a last
    layer fitted to unchanged sounds. Of most labels of ESC-50 three to six recordings were there to learn from, and the
    58 to 109 held-out clips of few recordings make wide intervals.
  * Image to sound: most concepts have fewer than ten held-out recordings, so that not even a perfect order reaches what
    was asked of precision@10 (`best` in `anybind eval`).
  * A picture's own depth map: neighbours cut alike, mirror images averaged, rooms seen twice by the anchor, a map's
    place asked one way only. Frames of one pan differ by little camera movement, and the maps come from three rooms.
    The first hit went up and down from training to training, with intervals that overlap; none came near what was
    asked. Rendered rooms were not tried.
  * int8 was not tried; fp16 weights meet the size.
* **Photographs of whole scenes.** Nine tenths of the training pictures hold one thing in their middle, and the encoder
  sees 48 pixels. Most photographs as users send them, a street in the rain or a dog on a lawn, go wrong. Cut the thing
  out first.
* **Frames of one pan.** A picture finds the right stretch of a room, and the right one of its neighbours less often. A
  left-right mirrored view is the same to it.
* **Three places.** Depth has seen three rooms; "kitchen" to it is one kitchen.
* **Words** no picture was shown with go wrong where the general word pulls elsewhere.
* It does not read, count, or know left from right.
"""

_ASSOCIATIONS = """
## Associations

The space repeats what its few sources show. People appear in it almost only in Flickr8k's captions and pictures (766
of 48,070 training pictures), so that words for people lie where those captions put them; nothing was balanced or
filtered. What lies nearest to such words follows clothes, objects and other words, not people, and some of it is
offensive. Do not offer such queries.
"""


def card(lines: Iterable[Line] = ()) -> str:
    """The card's text.

    Args:
      lines: what `anybind eval --json` printed, parsed. Without them the card says that nothing was measured.
    """
    lines = list(lines)
    return _HEAD + _numbers(lines) + _FAILURES + _mistakes(lines) + _ASSOCIATIONS + _associations(lines)


def read_lines(path: Path) -> list[Line]:
    """A file of JSON lines; nothing where there is no file."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _numbers(lines: list[Line]) -> str:
    goals = [line for line in lines if line["kind"] == "goal"]
    measures = [line for line in lines if line["kind"] == "measure"]
    if not measures:
        return "\n## Numbers\n\nThis build was not measured: run `anybind eval --model DIR --data DIR`.\n"
    rows = [
        f"| {g['title']}, {g['metric']} | {g['value']:.3f} | {g['low']:.3f} | {g['reach']:.2f} | "
        f"{'yes' if g['reached'] else 'no'} |"
        for g in goals
    ]
    matrix = [
        f"| {m['query']} → {m['target']} | {m['what']} | {m['metric']} | {m['value']:.3f} | {m['low']:.3f} .. "
        f"{m['high']:.3f} | {m['chance']:.3f} | {_shuffled(m)} | {'emergent' if m['emergent'] else ''} |"
        for m in measures
    ]
    gaps = [
        f"| {g['query']} → {g['target']} | {g['gap']:.3f} | {g['hubness']:.2f} |"
        for g in lines
        if g["kind"] == "geometry"
    ]
    return "\n".join(
        [
            "\n## Numbers\n",
            "By `anybind eval --model nano --data DIR` on the rows set apart. The lower end of a 95 % bootstrap",
            "interval is compared with what the model was asked to reach.\n",
            "| measure | value | lower end | asked | reached |\n|---|---|---|---|---|",
            *rows,
            "\nEverything measured; chance is a random order, or the largest class; shuffled: the same encoders with",
            "shuffled weights.\n",
            "| asked → found | of | metric | value | interval | chance | shuffled | |",
            "|---|---|---|---|---|---|---|---|",
            *matrix,
            "\nGap: the distance of two modalities' centroids, 0 to 2. Hubness: the skewness of how often a thing is",
            "among a query's ten nearest.\n",
            "| asked → found | gap | hubness |\n|---|---|---|",
            *gaps,
            "",
        ]
    )


def _mistakes(lines: list[Line]) -> str:
    """Of every task each source, and the worst classes."""
    tasks: dict[tuple[object, ...], list[Line]] = {}
    for line in lines:
        if line["kind"] == "part" and (line["by"] == "source" or line["queries"] >= LEAST):
            tasks.setdefault((line["by"], line["query"], line["what"]), []).append(line)
    if not tasks:
        return ""
    parts = []
    for (by, *_), found in sorted(tasks.items(), reverse=True):
        worst = sorted(found, key=lambda part: part["value"])
        parts += worst if by == "source" else worst[:WORST]
    rows = [
        f"| {part['query']}, {part['what']} | {part['part']} | {part['value']:.3f} | {part['queries']:,} | "
        f"{_taken(part)} |"
        for part in parts
    ]
    return "\n".join(
        [
            f"\nNamed right, by source, and the {WORST} worst classes of each task with at least {LEAST} things:\n",
            "| task | part | right | of | mostly taken for |\n|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _taken(part: Line) -> str:
    return f"{part['taken_for']} ({part['times']})" if part["times"] else ""


def _associations(lines: list[Line]) -> str:
    told = [line for line in lines if line["kind"] == "association"]
    if not told:
        return ""
    rows = [
        f"| {line['word']} | {', '.join(f'{label} {cosine:.2f}' for label, cosine in line['nearest'])} |"
        for line in told
    ]
    return "\n".join(["\n| word | labels whose pictures are nearest, with cosines |\n|---|---|", *rows, ""])


def _shuffled(measure: Line) -> str:
    value = measure.get("shuffled")
    return "" if value is None else f"{value:.3f}"

"""The contact sheet: one HTML file with every query, what it found, and the media themselves inside."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from . import thumbnails
from .tour import Answer, Medium

_DRAWN: Mapping[str, Callable[[Path], bytes]] = {
    "image": thumbnails.picture,
    "audio": thumbnails.sound,
    "depth": thumbnails.depth,
}
_NAMES = {"image": "pictures", "audio": "sounds", "depth": "depth maps", "text": "sentences"}


@dataclass(frozen=True)
class Facts:
    """What stands at the head of the sheet."""

    model: str
    licence: str
    space_id: str
    counts: Mapping[str, int]  # points by modality
    findings: Sequence[str]  # sentences about what was measured


def write(path: Path, facts: Facts, answers: Sequence[Answer], asked: Sequence[str], found: Sequence[str]) -> None:
    """Writes the sheet: a section for each modality asked with, a row a query, a column for each modality found.

    Each thumbnail and sound is stored once, however often it appears. Nothing is loaded from elsewhere.
    """
    media = _Media()
    sections = "\n".join(_section(modality, answers, found, media) for modality in asked)
    page = _PAGE.format(
        title=escape(f"anybind · {facts.model}"),
        head=_head(facts),
        style=_STYLE + media.styles(),
        navigation="".join(f'<a href="#from-{name}">{_NAMES.get(name, name)}</a>' for name in asked),
        sections=sections,
        sounds=media.sounds(),
        licence=escape(facts.licence),
        space=escape(facts.space_id),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")


class _Media:
    """The thumbnails and sounds used so far, by uri; each gets a short name."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._pictures: dict[str, bytes] = {}
        self._sounds: dict[str, bytes] = {}

    def name(self, medium: Medium) -> str:
        """The name of a medium's thumbnail; "" where it has none."""
        if medium.uri not in self._names:
            self._names[medium.uri] = self._stored(medium, f"m{len(self._names)}")
        return self._names[medium.uri]

    def plays(self, name: str) -> bool:
        return name in self._sounds

    def styles(self) -> str:
        return "".join(
            f".{name}{{background-image:url({_inline('image/jpeg', d)})}}\n" for name, d in self._pictures.items()
        )

    def sounds(self) -> str:
        return "".join(
            f'<audio id="{name}" preload="none" src="{_inline("audio/mpeg", data)}"></audio>\n'
            for name, data in self._sounds.items()
        )

    def _stored(self, medium: Medium, name: str) -> str:
        draw, path = _DRAWN.get(medium.modality), Path(medium.uri)
        if draw is None or not path.is_file():
            return ""
        self._pictures[name] = draw(path)
        if medium.modality == "audio":
            self._sounds[name] = thumbnails.playable(path)
        return name


def _head(facts: Facts) -> str:
    counts = " · ".join(f"{count} {_NAMES.get(name, name)}" for name, count in facts.counts.items())
    findings = "".join(f"<li>{escape(finding)}</li>" for finding in facts.findings)
    return (
        f"<p>Every row asks with one thing on the left. To its right stand the nearest things of each kind, out of "
        f"{counts}, found by the <b>{escape(facts.model)}</b> model in one space. The number is the cosine.</p>"
        f"<ul>{findings}</ul>"
    )


def _section(asked: str, answers: Sequence[Answer], found: Sequence[str], media: _Media) -> str:
    columns = "".join(f"<th>{_NAMES.get(name, name)}</th>" for name in found)
    body = "\n".join(_row(answer, found, media) for answer in answers if answer.query.modality == asked)
    return (
        f'<section id="from-{asked}"><h2>Asked with {_NAMES.get(asked, asked)}</h2><table>'
        f"<thead><tr><th>query</th>{columns}</tr></thead><tbody>{body}</tbody></table></section>"
    )


def _row(answer: Answer, found: Sequence[str], media: _Media) -> str:
    cells = []
    for modality in found:
        cards = "".join(_card(hit.medium, media, hit.score) for hit in answer.hits.get(modality, ()))
        cells.append(f'<td class="{modality}"><div class="hits">{cards}</div></td>')
    return f'<tr><td class="query">{_card(answer.query, media)}</td>{"".join(cells)}</tr>'


def _card(medium: Medium, media: _Media, score: float | None = None) -> str:
    name = media.name(medium)
    label = escape(medium.title)
    number = "" if score is None else f'<span class="score">{score:.2f}</span>'
    if not name:
        return f'<figure class="words"><blockquote>{label}</blockquote>{number}</figure>'
    button = f'<button onclick="play(\'{name}\')" aria-label="play {label}">▶</button>' if media.plays(name) else ""
    return (
        f'<figure><div class="thumb {name}" role="img" aria-label="{label}">{button}</div>'
        f"<figcaption><span>{label}</span>{number}</figcaption></figure>"
    )


def _inline(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


_STYLE = """
:root { --ink: #22262e; --soft: #6b7280; --line: #e6e3dc; --paper: #faf9f6; --card: #fff; --accent: #2f6f5e; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 2rem 4rem; max-width: 1560px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { margin: 0; font-size: 2.1rem; letter-spacing: -.02em; } h1 em { color: var(--accent); font-style: normal; }
h2 { margin: 2.6rem 0 .8rem; font-size: 1.2rem; }
header p, header ul { max-width: 62rem; margin: .6rem 0; color: #444a55; } header ul { padding-left: 1.2rem; }
nav { margin-top: 1rem; } nav a { margin-right: .5rem; padding: .25rem .8rem; border: 1px solid var(--line);
  border-radius: 99px; background: var(--card); color: var(--ink); text-decoration: none; }
nav a:hover { border-color: var(--accent); color: var(--accent); }
table { width: 100%; border-collapse: separate; border-spacing: 0; background: var(--card);
  border: 1px solid var(--line); border-radius: 14px; overflow: hidden; }
th { padding: .5rem .7rem; text-align: left; font-size: .78rem; font-weight: 600; color: var(--soft);
  text-transform: uppercase; letter-spacing: .05em; background: #f3f1eb; }
td { padding: .65rem .7rem; vertical-align: top; border-top: 1px solid var(--line); }
td.query { width: 150px; background: #f8f6f0; } td.text { width: 17rem; }
.hits { display: flex; gap: .55rem; } td.text .hits { flex-direction: column; gap: .3rem; }
figure { margin: 0; width: 104px; } td.query figure { width: 128px; }
.thumb { position: relative; width: 100%; aspect-ratio: 4 / 3; border-radius: 8px; background: #ddd center / cover; }
.thumb button { position: absolute; right: 5px; bottom: 5px; width: 26px; height: 26px; padding: 0 0 0 2px; border: 0;
  border-radius: 50%; background: rgba(255,255,255,.92); color: var(--ink); font-size: 11px; cursor: pointer; }
.thumb button:hover { background: var(--accent); color: #fff; }
figcaption { display: flex; justify-content: space-between; gap: .4rem; margin-top: .2rem; font-size: .78rem;
  color: var(--soft); }
figcaption span:first-child { overflow: hidden; white-space: nowrap; text-overflow: ellipsis; }
td.query figcaption { color: var(--ink); font-weight: 600; }
.score { font-variant-numeric: tabular-nums; color: var(--accent); }
.hits > figure:not(:first-child) { opacity: .82; }
figure.words { width: 100%; display: flex; justify-content: space-between; gap: .6rem; font-size: .84rem; }
blockquote { margin: 0; } blockquote::before { content: "“"; } blockquote::after { content: "”"; }
td.query blockquote { font-size: .95rem; font-weight: 600; }
footer { margin-top: 2rem; font-size: .8rem; color: var(--soft); }
@media (max-width: 1100px) { .hits > figure:nth-child(n+3) { display: none; } td.text { width: 11rem; } }
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header><h1>any<em>bind</em></h1>{head}<nav>{navigation}</nav></header>
{sections}
<footer>Weights: {licence}. Space {space}.</footer>
{sounds}
<script>
let playing = null;
function play(name) {{
  const sound = document.getElementById(name);
  if (playing) {{ playing.pause(); playing.currentTime = 0; }}
  playing = playing === sound ? null : sound;
  if (playing) {{ playing.onended = () => playing = null; playing.play(); }}
}}
</script>
</body>
</html>
"""

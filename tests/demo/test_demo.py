"""`anybind demo` as a user runs it: a toy model, a folder of media, a page to look at."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import media
import pytest
import toys

from anybind.clients.demo import media as sample
from anybind.clients.demo.tour import Answer, Hit, Medium, own_concept_first, spread


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toys.artifact(tmp_path_factory.mktemp("toy"), ("image", "text", "audio", "depth"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder: of every kind something, and a file that is broken."""
    own = tmp_path_factory.mktemp("home") / "own <media> & more"
    (own / "depth").mkdir(parents=True)
    for number in range(3):
        (own / f"picture {number}.png").write_bytes(media.picture(seed=number))
    (own / "sound.wav").write_bytes(media.sound())
    (own / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    (own / "notes.txt").write_text("a dog & a <cat>\n\nthe sea\n")
    sample.write(own.parent, "depth/workshop_1.png")
    (own.parent / "depth/workshop_1.png").rename(own / "depth" / "lab.png")
    return own


@dataclass(frozen=True)
class Run:
    """One run of the demo on the user's folder."""

    done: subprocess.CompletedProcess
    out: Path
    touched: set[Path]  # files of the user's that are new or not as they were


@pytest.fixture(scope="module")
def shown(model: Path, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("demo") / "out"
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    done = run("demo", "--media", folder, "--out", out, "--model", model)
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    return Run(done, out, {path for path, when in after.items() if before.get(path) != when})


def run(*words: str | Path) -> subprocess.CompletedProcess:
    program = [sys.executable, "-c", "from anybind.clients.cli import main; main()"]
    return subprocess.run([*program, *words], capture_output=True, text=True, env={**os.environ, "COLUMNS": "200"})


class Page(HTMLParser):
    """What a page refers to, and what it says."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.ids: set[str] = set()
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for key, value in attributes:
            if key in ("src", "href"):
                self.references.append(value or "")
            if key == "id":
                self.ids.add(value or "")

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())


def test_the_demo_leaves_one_page_with_everything_inside(shown: Run) -> None:
    assert shown.done.returncode == 0, shown.done.stderr
    text = (shown.out / "contact-sheet.html").read_text()
    page = Page(text)
    assert {"from-image", "from-audio", "from-depth", "from-text"} <= page.ids
    outside = [one for one in page.references if not one.startswith(("data:", "#"))]
    assert not outside
    assert not re.findall(r"url\((?!data:)", text)
    assert len(text) < 500_000
    assert "a dog & a <cat>" in page.words  # escaped in the file, whole for the reader
    assert {"picture 0", "sound", "lab"} <= set(page.words)


def test_the_demo_prints_a_table_for_every_modality_and_where_the_page_is(shown: Run) -> None:
    for name in ("sentences", "pictures", "sounds", "depth maps"):
        assert f"asked with {name}" in shown.done.stdout
    assert shown.done.stdout.splitlines()[-1].endswith(str(shown.out / "contact-sheet.html"))


def test_a_broken_file_is_skipped_with_a_reason_and_never_asked_with(shown: Run) -> None:
    assert re.search(r"skipped .*broken\.jpg: .+", shown.done.stderr)
    tables, _, _ = shown.done.stdout.partition("The contact sheet")
    assert "broken" not in tables
    assert "Traceback" not in shown.done.stderr


def test_the_demo_writes_nothing_among_the_users_files_and_cleans_up(shown: Run) -> None:
    assert not shown.touched
    assert [path.name for path in shown.out.iterdir()] == ["contact-sheet.html"]


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    done = run("demo", "--media", tmp_path / "nowhere", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_with_nothing_to_index_is_a_sentence(model: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = run("demo", "--media", tmp_path / "empty", "--out", tmp_path / "out", "--model", model)
    assert done.returncode == 1
    assert "nothing" in done.stderr
    assert "Traceback" not in done.stderr


def test_queries_are_spread_over_all_there_is() -> None:
    media = [Medium("image", f"/{number}.png", str(number)) for number in range(100)]
    few = spread(media, 5)
    assert [one.title for one in few] == ["0", "25", "50", "74", "99"]
    assert spread(media[:3], 5) == media[:3]


def test_own_concept_first_counts_the_first_hit_only() -> None:
    def answer(query: str, *found: str) -> Answer:
        hits = [Hit(Medium("image", f"/pictures/{name}.jpg", name), 0.5) for name in found]
        return Answer(Medium("audio", f"/sounds/{query}.wav", query), {"image": hits})

    answers = [answer("sea", "sea_2", "rain_1"), answer("rain", "sea_1", "rain_1"), answer("car", "car_1")]
    assert own_concept_first(answers, "audio", "image") == (2, 3)


@pytest.mark.slow
def test_synthesised_sounds_bring_pictures_of_their_own_concept(tmp_path: Path) -> None:
    done = run("demo", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    right, all_ = map(int, re.search(r"(\d+) of (\d+) sounds bring", done.stdout).groups())
    assert all_ >= 10
    assert right >= 0.8 * all_

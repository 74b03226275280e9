"""The documents say what the program does: every command, option, file, link and Python block in them is held to it."""

import ast
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import check_parses, names, options_of

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
PAGES = [page for page in DOCUMENTS if page.name != "CHANGELOG.md"]


def title(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, *languages: str) -> Iterator[str]:
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL):
        if language in languages:
            yield block


def commands(page: Path) -> Iterator[list[str]]:
    """Every `anybind ...` in shell blocks and, where it is a whole command, in code spans."""
    for block in blocks(page, "sh", "bash", "console"):
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            for part in re.split(r"\s(?:\||&&|;|>)\s", line.removeprefix("$ ")):
                words = shlex.split(part, comments=True)
                while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                    words = words[1:]
                if words and words[0] == "anybind":
                    yield [word for word in words if word != "&"]
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for span in re.findall(r"`(anybind [a-z][^`]*)`", prose):
        yield shlex.split(span)


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_every_command_in_a_document_is_one_the_program_takes(page: Path) -> None:
    for words in commands(page):
        if len(words) == 2 or any(mark in " ".join(words) for mark in ("...", "[--")):
            check_parses([*words[:2], "--help"])  # named, not spelled out
            options = {word.strip("[]") for word in words[2:] if word.strip("[]").startswith("--")}
            assert options <= options_of(words[1]), " ".join(words)
        else:
            check_parses(words)


def test_every_option_of_every_command_is_documented() -> None:
    text = (ROOT / "docs" / "cli.md").read_text()
    missing = [
        f"{command} {option}"
        for command in names()
        for option in sorted(options_of(command) - {"--help"})
        if f"anybind {command}" not in text or not re.search(rf"{re.escape(option)}\b", text)
    ]
    assert not missing


def test_every_make_target_in_a_document_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    for page in PAGES:
        for block in [*blocks(page, "sh", "bash"), *re.findall(r"`(make [^`]*)`", page.read_text())]:
            for target in re.findall(r"^\s*make ([a-z-]+)", block, flags=re.MULTILINE):
                assert target in targets, f"{title(page)}: make {target}"


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_every_link_in_a_document_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_every_python_block_in_a_document_is_python_that_names_what_exists(page: Path) -> None:
    import anybind

    for block in blocks(page, "python", "py"):
        tree = ast.parse(block)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "anybind":
                assert hasattr(anybind, node.attr), f"anybind.{node.attr}"


def test_the_readme_begins_with_two_commands_that_make_knows() -> None:
    section = (ROOT / "README.md").read_text().partition("## Two commands")[2].partition("\n## ")[0]
    lines = [line for block in re.findall(r"```sh\n(.*?)```", section, flags=re.DOTALL) for line in block.splitlines()]
    assert [line.split("#")[0].strip() for line in lines] == ["make demo", "make test"]
    for target in ("demo", "test"):
        done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_a_table_of_contents_names_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    pages = [page for page in (ROOT / "docs").glob("*.md") if page.name != "README.md"]
    assert not [page.name for page in pages if f"({page.name})" not in index]

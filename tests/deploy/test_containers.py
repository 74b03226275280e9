"""The container files say what the program says: commands, flags, ports, extras, paths and versions.

No container engine is needed: the files are read, and every `anybind` command in them goes through the real parser.
"""

import json
import re
import shlex
import tomllib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from commands import check_parses

from anybind.server.serve import Settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILES = ("Dockerfile", "Dockerfile.gpu")
PORT = Settings().address.rpartition(":")[2]


@dataclass(frozen=True)
class Instruction:
    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """The command, in whichever of its two forms it is written."""
        listed = re.search(r'\[".*\]$', self.text)
        return json.loads(listed.group()) if listed else shlex.split(self.text)


def instructions(name: str) -> list[Instruction]:
    text = re.sub(r"^#.*\n", "", (DEPLOY / name).read_text(), flags=re.MULTILINE)
    lines = [line for line in re.sub(r"\\\n\s*", " ", text).splitlines() if line.strip()]
    return [Instruction(*line.split(maxsplit=1)) for line in lines]


def last_stage(name: str) -> list[Instruction]:
    found = instructions(name)
    return found[max(number for number, one in enumerate(found) if one.name == "FROM") :]


def only(name: str, found: list[Instruction]) -> Instruction:
    (one,) = [one for one in found if one.name == name]
    return one


def compose(name: str = "compose.yaml") -> dict:
    return yaml.safe_load((DEPLOY / name).read_text())


def value_of(option: str, words: list[str]) -> str:
    return words[words.index(option) + 1]


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_what_a_container_runs_is_a_command_of_the_program(dockerfile: str) -> None:
    stage = last_stage(dockerfile)
    check_parses([*only("ENTRYPOINT", stage).words, *only("CMD", stage).words])
    check_parses(only("HEALTHCHECK", stage).words)


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_a_container_listens_where_it_says_and_is_probed_there(dockerfile: str) -> None:
    stage = last_stage(dockerfile)
    assert value_of("--address", only("CMD", stage).words) == f"0.0.0.0:{PORT}"
    metrics = value_of("--metrics", only("CMD", stage).words)
    assert only("EXPOSE", stage).text.split() == [PORT, metrics.rpartition(":")[2]]
    assert value_of("--server", only("HEALTHCHECK", stage).words) == f"localhost:{PORT}"


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_a_container_runs_as_nobody_and_writes_into_its_volume_only(dockerfile: str) -> None:
    stage = last_stage(dockerfile)
    user = only("USER", stage).text
    names = [one.name for one in stage]
    assert user != "root"
    (made,) = [one.words for one in stage if one.name == "RUN" and "useradd" in one.text]
    assert made[-1] == user
    assert value_of("--home-dir", made) == only("VOLUME", stage).text
    assert names.index("USER") < names.index("CMD")
    assert all(one.words[0] != "apt-get" for one in stage if one.name == "RUN")
    for option in ("--index", "--engine-cache"):
        words = only("CMD", stage).words
        if option in words:
            assert Path(value_of(option, words)).is_relative_to(only("VOLUME", stage).text)


@pytest.mark.parametrize(
    ("dockerfile", "extra", "runtime"),
    [("Dockerfile", "server", "onnxruntime"), ("Dockerfile.gpu", "gpu", "onnxruntime-gpu")],
)
def test_a_container_installs_what_serving_needs_and_no_torch(dockerfile: str, extra: str, runtime: str) -> None:
    (install,) = [one.words for one in instructions(dockerfile) if one.name == "RUN" and "install" in one.words]
    assert install[-1] == f"/src[{extra}]"
    needed = packages_of(extra)
    assert runtime in needed
    assert len({"onnxruntime", "onnxruntime-gpu"} & needed) == 1
    assert not {"torch", "torchaudio", "transformers", "onnx"} & needed


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_a_container_is_built_from_files_that_are_there_and_from_every_package(dockerfile: str) -> None:
    copied = [one.words for one in instructions(dockerfile) if one.name == "COPY" and "--from" not in one.text]
    sources = {source for words in copied for source in words[:-1]}
    assert all((ROOT / source).exists() for source in sources)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    folders = {folder for folder in project["tool"]["setuptools"]["package-dir"].values() if folder != "."}
    assert folders <= sources
    assert {"pyproject.toml", "__init__.py", "py.typed", project["project"]["readme"]} <= sources
    assert set(project["project"]["license-files"]) <= sources
    for words in copied:
        assert len(words) > 2 or words[-1] == f"/src/{words[0]}"


def test_both_containers_differ_only_in_what_a_gpu_needs() -> None:
    def common(name: str) -> list[str]:
        skipped = ("FROM", "CMD", "HEALTHCHECK")
        return [
            f"{one.name} {one.text}".replace("[gpu]", "[server]")
            for one in instructions(name)
            if one.name not in skipped
        ]

    assert common("Dockerfile") == common("Dockerfile.gpu")


def test_compose_starts_the_program_on_a_qdrant_server_that_is_ready() -> None:
    services = compose()["services"]
    server, qdrant = services["anybind"], services["qdrant"]
    entry = only("ENTRYPOINT", last_stage("Dockerfile")).words
    check_parses([*entry, *server["command"]])
    assert value_of("--index", server["command"]) == "http://qdrant:6333"
    assert value_of("--address", server["command"]) == f"0.0.0.0:{PORT}"
    metrics = value_of("--metrics", server["command"]).rpartition(":")[2]
    assert server["ports"] == [f"127.0.0.1:{port}:{port}" for port in (PORT, metrics)]
    assert server["depends_on"]["qdrant"]["condition"] == "service_healthy"
    assert "/dev/tcp/localhost/6333" in qdrant["healthcheck"]["test"][-1]


def test_containers_that_need_no_password_are_published_to_this_machine_only() -> None:
    for port in compose()["services"]["anybind"]["ports"]:
        assert port.startswith("127.0.0.1:")
    for dockerfile in DOCKERFILES:
        published = re.findall(r"docker run .*-p (\S+)", (DEPLOY / dockerfile).read_text())
        assert published == [f"127.0.0.1:{PORT}:{PORT}"]


def test_compose_keeps_points_in_a_named_volume() -> None:
    volume, _, folder = compose()["services"]["qdrant"]["volumes"][0].partition(":")
    assert volume in compose()["volumes"]
    assert folder == "/qdrant/storage"


def test_compose_asks_for_the_qdrant_that_the_client_is_made_for() -> None:
    server = compose()["services"]["qdrant"]["image"].rpartition(":v")[2].split(".")
    client = version("qdrant-client").split(".")
    assert server[0] == client[0]
    assert abs(int(server[1]) - int(client[1])) <= 1, "qdrant-client supports one minor version either way"


@pytest.mark.parametrize("name", ["compose.yaml", "compose.gpu.yaml"])
def test_compose_builds_from_files_that_are_there(name: str) -> None:
    build = compose(name)["services"]["anybind"]["build"]
    context = (DEPLOY / build["context"]).resolve()
    assert context == ROOT
    assert (context / build["dockerfile"]).is_file()


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_commands_in_the_comments_name_files_that_are_there(dockerfile: str) -> None:
    comments = "".join(line for line in (DEPLOY / dockerfile).read_text().splitlines(True) if line.startswith("#"))
    named = re.findall(r"-f (\S+)", comments)
    assert named == [f"deploy/{dockerfile}"]


def packages_of(extra: str) -> set[str]:
    """Names of what an extra installs, the project's own included extras resolved."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found: set[str] = set()
    for requirement in (*project["dependencies"], *project["optional-dependencies"][extra]):
        name = re.match(r"[\w.-]+", requirement).group()
        inner = re.match(rf"{project['name']}\[(\w+)\]", requirement)
        found |= packages_of(inner.group(1)) if inner else {name}
    return found

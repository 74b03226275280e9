"""What a wheel holds, and what it does where nothing else is."""

import os
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FOLDERS = sorted(folder for folder in PROJECT["tool"]["setuptools"]["package-dir"].values() if folder != ".")
NANO = ROOT / "server" / "models" / "nano"


def in_tree(pattern: str) -> list[Path]:
    """Files below the package folders, relative to the root."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob(pattern)]
    return sorted(path.relative_to(ROOT) for path in found if "__pycache__" not in path.parts)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the tree, without the network and without what an earlier build left."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE", "__init__.py", "py.typed"):
        shutil.copy(ROOT / file, source / file)
    build = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", build, target], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_package_list_is_the_tree() -> None:
    tree = {".".join(("anybind", *path.parent.parts)) for path in in_tree("__init__.py")}
    assert sorted(PROJECT["tool"]["setuptools"]["packages"]) == sorted({"anybind", *tree})


def test_every_folder_with_modules_is_a_package() -> None:
    bare = {path.parent for path in in_tree("*.py") if not (ROOT / path.parent / "__init__.py").exists()}
    assert not bare


def test_a_wheel_holds_every_module_stub_and_proto_file(names: set[str]) -> None:
    expected = {f"anybind/{path}" for pattern in ("*.py", "*.pyi", "*.proto") for path in in_tree(pattern)}
    assert expected - names == set()
    assert {"anybind/__init__.py", "anybind/py.typed"} <= names


def test_a_wheel_holds_the_files_that_modules_read(names: set[str]) -> None:
    """Tables and lists beside modules are easily left out of `package-data`."""
    data = {f"anybind/{path}" for pattern in ("*.csv", "*.txt", "*.json") for path in in_tree(pattern)}
    assert data - names == set()


def test_a_wheel_holds_the_default_model(names: set[str]) -> None:
    files = {f"anybind/server/models/nano/{path.name}" for path in NANO.iterdir()}
    assert "anybind/server/models/nano/manifest.json" in files
    assert files <= names
    assert {"anybind/server/models/nano/manifest.json", "anybind/server/models/nano/MODEL_CARD.md"} <= names


def test_a_wheel_holds_nothing_else(names: set[str]) -> None:
    strangers = [
        name for name in names if not name.startswith(("anybind/", f"anybind-{PROJECT['project']['version']}"))
    ]
    assert not strangers
    assert not [name for name in names if name.startswith("anybind/tests") or "__pycache__" in name]


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("anybind", {"torch", "onnxruntime", "PIL", "soundfile", "qdrant_client"}),
        ("anybind.clients.cli", {"torch", "onnxruntime", "qdrant_client", "soundfile"}),
        ("anybind.server.serve", {"torch", "torchaudio", "transformers", "onnx"}),
        ("anybind.clients.demo", {"torch", "onnxruntime"}),
    ],
)
def test_importing_brings_in_only_what_is_needed(module: str, forbidden: set[str]) -> None:
    program = f"import sys, {module}; print(*({forbidden!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr
    assert not done.stdout.split(), f"import {module} brings in {done.stdout.strip()}"


@pytest.mark.slow
def test_a_wheel_works_in_a_bare_environment(wheel: Path, tmp_path: Path) -> None:
    """Not editable, away from the tree, with the packages of this environment and no others."""
    home = tmp_path / "bare"
    venv.create(home, with_pip=True)
    python, program = home / "bin" / "python", home / "bin" / "anybind"
    site = next(home.glob("lib/python*/site-packages"))
    # The network is not there for tests: what is installed beside this interpreter stands for the registry.
    (site / "registry.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")) + "\n")
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*words: str | Path) -> subprocess.CompletedProcess:
        return subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, env=clean)

    installed = run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--force-reinstall", wheel)
    assert installed.returncode == 0, installed.stderr
    where = run(python, "-c", "import anybind; print(anybind.__file__, anybind.Client.__name__)")
    assert str(site) in where.stdout, where.stderr
    assert run(program, "--help").returncode == 0
    if (NANO / "manifest.json").is_file():
        embedded = run(program, "embed", "--text", "dog", "--json")
        assert embedded.returncode == 0, embedded.stderr
        assert '"modality": "text"' in embedded.stdout

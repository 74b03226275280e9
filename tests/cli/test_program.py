"""The program as a whole: what it says of itself, how it ends, and what it needs."""

import dataclasses
import inspect
import signal
import socket
import subprocess
import sys
from importlib.metadata import version

import pytest
import toys

import anybind as package
from anybind.clients.cli import app
from anybind.clients.cli.serve import serve
from anybind.server.limits import Limits
from anybind.server.settings import Settings

COMMANDS = ["serve", "index", "models", "info", "export", "align", "eval", "demo", "embed", "search", "bench"]

# Runs the program with some packages gone, as where an extra was not installed.
WITHOUT = """
import sys

class Gone:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {gone!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Gone())
sys.argv = ["anybind", *{arguments!r}]
from anybind.clients.cli import main
main()
"""
SERVING = ["onnxruntime", "PIL", "soundfile", "soxr", "tokenizers", "ftfy", "qdrant_client", "qdrant_edge"]
SERVING += ["prometheus_client", "opentelemetry", "grpc_reflection"]
TRAINING = ["torch", "torchaudio", "transformers", "onnx", "onnxscript"]


def run_without(gone: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    script = WITHOUT.format(gone=gone, arguments=arguments)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_says_what_it_is_for(anybind, command):
    ran = anybind(command, "--help")
    assert ran.code == 0
    assert ran.out.startswith("Usage: anybind")
    listed = next(one for one in app.registered_commands if one.callback.__name__ == command)
    for parameter in inspect.signature(listed.callback).parameters.values():
        if parameter.annotation.__class__.__name__ == "_AnnotatedAlias":
            (option,) = parameter.annotation.__metadata__
            assert option.help or option.hidden, f"{command}: {parameter.name}"


def test_help_lists_every_command_and_needs_no_extra():
    ran = run_without(SERVING + TRAINING, "--help")
    assert ran.returncode == 0, ran.stderr
    assert [command for command in COMMANDS if f"\n  {command} " not in ran.stdout] == []


def test_the_version_is_the_packages(anybind):
    assert anybind("--version").out == f"anybind {version('anybind')}\n"
    assert package.__version__ == version("anybind")


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["embed", "--text", "dog"], "server"),
        (["index", "--index", "points", "."], "server"),
        (["serve"], "server"),
        (["export", "--weights", "w.pth", "--out", "out"], "train"),
    ],
)
def test_what_an_extra_lacks_is_one_line_to_install(arguments, extra):
    ran = run_without(SERVING + TRAINING, *arguments)
    assert ran.returncode == 2
    assert f"pip install 'anybind[{extra}]'" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stdout == ""


def test_a_server_elsewhere_needs_no_extra_here(server):
    ran = run_without(SERVING + TRAINING, "embed", "--server", server, "--text", "dog", "--json")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith('{"modality": "text", "source": "dog", "embedding": [')


def test_serve_has_every_setting_under_its_name_and_with_its_default():
    options = {name: parameter.default for name, parameter in inspect.signature(serve).parameters.items()}
    settings = {field.name: field for field in dataclasses.fields(Settings)}
    limits = {field.name: field.default for field in dataclasses.fields(Limits)}
    apart = {"limits", "tls", "share_port"}  # said field by field, or not by people
    assert settings.keys() - options.keys() == apart
    extra = {"tls_cert", "tls_key", "tls_client_ca", "processes", "log"}
    assert options.keys() - settings.keys() == extra | limits.keys()
    for name in settings.keys() - apart - {"modalities"}:
        assert options[name] == settings[name].default, name
    assert {name: options[name] for name in limits} == limits


def test_a_server_serves_until_it_is_told_to_stop(anybind, spawn, toy, tmp_path, folder):
    process = spawn(
        "serve", "--model", toy, "--index", tmp_path / "points", "--address", "127.0.0.1:0", "--log", "json"
    )
    said = ""
    while "serves" not in said:
        said = process.stderr.readline()
        assert process.poll() is None
    address = said.split()[4].rstrip(",.")
    assert anybind("index", "--server", address, "--json", folder).lines[-1]["indexed"] == 6
    assert len(anybind("search", "--server", address, "--text", "a dog", "--json").lines) == 6
    info = anybind("info", "--server", address)
    assert "CPU" in info.out
    (line,) = anybind("info", "--server", address, "--json").lines
    assert line["has_index"] is True
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert "Traceback" not in process.stderr.read()


def test_a_port_that_is_taken_is_said_in_a_sentence(anybind, toy):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ran = anybind("serve", "--model", toy, "--address", address)
    assert ran.code == 1
    assert address in ran.err
    assert "--address" in ran.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--tls-cert", "c.pem"], "belong together"),
        (["--tls-client-ca", "c.pem"], "needs --tls-cert"),
        (["--load", "sometimes"], "eager"),
        (["--threads", "-1"], "--threads"),
    ],
)
def test_serve_asked_for_wrongly_says_how(anybind, toy, arguments, said):
    ran = anybind("serve", "--model", toy, *arguments)
    assert ran.code == 2
    assert said in ran.err


def test_a_model_that_is_none_is_said_in_a_sentence(anybind, tmp_path):
    for command in (["embed", "--text", "x"], ["serve"], ["info"]):
        ran = anybind(*command, "--model", tmp_path)
        assert ran.code == 1
        assert str(tmp_path) in ran.err
        assert "anybind export" in ran.err


def test_models_lists_what_is_named_with_its_licence(anybind, toy, tmp_path):
    small = toys.artifact(tmp_path / "small", ("text",), name="small")
    ran = anybind("models", toy, small, "--json")
    assert ran.code == 0
    line = next(line for line in ran.lines if line["name"] == "small")
    assert (line["modalities"], line["licence"], line["embedding_size"]) == (["text"], "Apache-2.0", 8)
    assert line["bytes"] == (small / "text.onnx").stat().st_size
    assert "Apache-2.0" in anybind("models", small).out
    none = anybind("models", small, tmp_path, "--json")
    assert none.code == 1
    assert str(tmp_path) in none.err


def test_info_tells_what_a_model_takes(anybind, toy):
    ran = anybind("info", "--model", toy)
    assert ran.code == 0
    for fact in ("3 clips of 0.5 s at 16000 Hz", "16 x 16 pixels", "6 channels of 40 samples", "Apache-2.0"):
        assert fact in ran.out
    (line,) = anybind("info", "--model", toy, "--json").lines
    assert line["space_id"] in ran.out


def test_a_spoilt_model_file_is_said_in_a_sentence(anybind, tmp_path):
    model = toys.artifact(tmp_path / "toy", ("text",))
    with (model / "text.onnx").open("ab") as file:
        file.write(b"more")
    ran = anybind("embed", "--model", model, "--text", "x", "--json")
    assert (ran.code, ran.out) == (1, "")
    assert "text.onnx" in ran.err


def test_connection_secrets_come_from_the_environment(anybind, tmp_path, monkeypatch):
    (tmp_path / "token").write_text("secret\n")
    monkeypatch.setenv("ANYBIND_TOKEN_FILE", str(tmp_path / "token"))
    ran = anybind("embed", "--server", "example.org:7860", "--text", "x")
    assert ran.code == 2
    assert "TLS" in ran.err
    assert "secret" not in ran.err
    monkeypatch.setenv("ANYBIND_CA", str(tmp_path / "absent.pem"))
    ran = anybind("embed", "--server", "example.org:7860", "--text", "x")
    assert ran.code == 1
    assert "absent.pem" in ran.err

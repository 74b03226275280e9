"""From a table of pairs to a served model that finds by the new modality."""

from pathlib import Path

import pytest
import toys
from align_own import worlds
from rich.console import Console

import anybind
from anybind.clients.binding import Binding, BindingError, bind
from anybind.clients.embedded import embedded_server
from anybind.proto import manifest

QUIET = Console(quiet=True)


def bound(tmp_path: Path, table: Path, modality: str, **options) -> Binding:
    anchor = tmp_path / "anchor"
    if not anchor.exists():
        toys.artifact(anchor, ["image", "text"])
    defaults = {"anchor": anchor, "out": tmp_path / "out", "runs": tmp_path / "runs", "epochs": 20, "batch": 24}
    return Binding(modality=modality, pairs=table, **(defaults | options))


def found_among_pictures(model: Path, modality: str, folder: Path, suffix: str) -> float:
    """The part of the pairs set apart whose picture is among the three nearest, through a real server."""
    apart = range(0, 120, 5)
    with embedded_server(str(model)) as address, anybind.Client(address) as client:
        seen = client.embed([anybind.image(folder / f"seen/{number}.png") for number in apart])
        felt = client.embed([anybind.item(modality, folder / f"felt/{number}{suffix}") for number in apart])
    ahead = (felt @ seen.T > (felt * seen).sum(axis=1, keepdims=True)).sum(axis=1)
    return float((ahead < 3).mean())


@pytest.mark.parametrize("encoder", ["conv", "projector"])
def test_a_thermal_camera_is_bound_served_and_finds_its_pictures(tmp_path: Path, encoder: str) -> None:
    table = worlds.thermal(tmp_path)
    result = bind(bound(tmp_path, table, "thermal", encoder=encoder, size=16), QUIET)
    assert (result.learned_from, result.measured_on, result.left_out) == (96, 24, {})
    for recalls in result.recalls.values():
        assert recalls["R@5"] > 1.5 * recalls["chance R@5"]
    assert found_among_pictures(result.out, "thermal", tmp_path, ".png") > 1.5 * 3 / 24


def test_an_imu_is_bound_served_and_finds_its_pictures(tmp_path: Path) -> None:
    table = worlds.imu(tmp_path)
    result = bind(bound(tmp_path, table, "imu", samples=worlds.SAMPLES), QUIET)
    assert found_among_pictures(result.out, "imu", tmp_path, ".npy") > 2 * 3 / 24


def test_a_second_sensor_joins_the_first_in_the_same_model(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    bind(bound(tmp_path, worlds.thermal(tmp_path / "a", 20), "thermal", epochs=1, encoder="projector"), QUIET)
    (tmp_path / "b").mkdir()
    bind(bound(tmp_path, worlds.imu(tmp_path / "b", 20), "imu", epochs=1), QUIET)
    anchor, out = manifest.read(tmp_path / "anchor"), manifest.read(tmp_path / "out")
    assert [encoder.modality for encoder in out.encoders] == ["image", "text", "thermal", "imu"]
    assert out.space_id == anchor.space_id
    assert [encoder.modality for encoder in anchor.encoders] == ["image", "text"]


def test_files_that_cannot_be_read_are_left_out_by_name(tmp_path: Path) -> None:
    table = worlds.thermal(tmp_path, 20)
    (tmp_path / "felt/3.png").write_bytes(b"no picture")
    (tmp_path / "seen/4.png").unlink()
    result = bind(bound(tmp_path, table, "thermal", epochs=1, encoder="projector"), QUIET)
    assert {path.name for path in result.left_out} == {"3.png", "4.png"}
    assert result.learned_from + result.measured_on == 18


def test_a_run_of_other_pairs_is_not_gone_on_with(tmp_path: Path) -> None:
    table = worlds.thermal(tmp_path, 20)
    bind(bound(tmp_path, table, "thermal", epochs=1, encoder="projector"), QUIET)
    bind(bound(tmp_path, table, "thermal", epochs=1, encoder="projector"), QUIET)
    assert len(list((tmp_path / "runs").glob("thermal-*.ckpt"))) == 1
    (tmp_path / "felt/1.png").write_bytes((tmp_path / "felt/2.png").read_bytes())
    bind(bound(tmp_path, table, "thermal", epochs=1, encoder="projector"), QUIET)
    assert len(list((tmp_path / "runs").glob("thermal-*.ckpt"))) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"modality": "lidar"}, "--kind grey"),
        ({"modality": "imu", "encoder": "projector"}, "--encoder conv"),
        ({"modality": "imu", "encoder": "tree"}, "conv and projector"),
        ({"modality": "My Camera", "kind": "grey"}, "'My Camera' is no name"),
    ],
)
def test_what_cannot_be_bound_is_refused_before_any_work(tmp_path: Path, options: dict, said: str) -> None:
    with pytest.raises(BindingError, match=said):
        Binding(pairs=tmp_path / "pairs.csv", anchor=tmp_path, out=tmp_path, **options)


def test_a_place_that_is_taken_is_left_alone(tmp_path: Path) -> None:
    table = worlds.imu(tmp_path, 20)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/letter.txt").write_text("dear")
    with pytest.raises(BindingError, match="left alone"):
        bind(bound(tmp_path, table, "imu"), QUIET)
    toys.artifact(tmp_path / "other", seed=1)
    with pytest.raises(BindingError, match="do not fit together"):
        bind(bound(tmp_path, table, "imu", out=tmp_path / "other"), QUIET)


def test_what_the_model_has_stays_and_what_it_lacks_is_named(tmp_path: Path) -> None:
    table = worlds.imu(tmp_path, 20)
    with pytest.raises(BindingError, match="has text already"):
        bind(bound(tmp_path, table, "text", kind="picture"), QUIET)
    with pytest.raises(BindingError, match="has no audio; it has image, text"):
        bind(bound(tmp_path, table, "hum", kind="waveform", encoder="projector"), QUIET)

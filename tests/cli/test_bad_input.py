"""Files that no program should trust, given to this one: each answers with its own error, and no other is hurt."""

import media
import numpy as np
import pytest

NAN = np.full((20, 20), np.nan, np.float32)

HOSTILE = {
    # name: (modality, bytes, code)
    "cut.png": ("image", media.picture()[:400], "UNDECODABLE"),
    "cut.jpg": ("image", media.picture("JPEG", size=(200, 200))[:600], "UNDECODABLE"),
    "cut.wav": ("audio", media.sound()[:20], "UNDECODABLE"),
    "cut.ogg": ("audio", media.sound(format="OGG", subtype="VORBIS")[:60], "UNDECODABLE"),
    "cut_depth.png": ("depth", media.depth_png(np.full((90, 90), 1500))[:60], "UNDECODABLE"),
    "cut.npy": ("depth", media.npy(np.ones((20, 20)))[:200], "UNDECODABLE"),
    "empty.jpg": ("image", b"", "EMPTY"),
    "empty.wav": ("audio", b"", "EMPTY"),
    "empty.npy": ("depth", b"", "EMPTY"),
    "bomb.png": ("image", media.huge_png(60_000, 60_000), "TOO_LARGE"),
    "none.wav": ("audio", media.sound(seconds=0), "EMPTY"),
    "long.wav": ("audio", media.long_wav(3 * 3600, rate_hz=1000), "TOO_LARGE"),
    "nan.npy": ("depth", media.npy(NAN), "NOT_FINITE"),
    "nan_sound.npy": ("audio", media.npy(NAN[0]), "NOT_FINITE"),
    "pickled.npy": ("depth", media.npy(np.array([object()]), allow_pickle=True), "UNDECODABLE"),
    "flat.npy": ("depth", media.npy(np.ones(20)), "BAD_SHAPE"),
    "words.jpg": ("image", b"these are words", "UNDECODABLE"),
    "picture.wav": ("audio", media.picture(), "UNDECODABLE"),
    "8bit_depth.png": ("depth", media.picture(), "BAD_SHAPE"),
}


@pytest.fixture
def hostile(tmp_path):
    folder = tmp_path / "hostile"
    folder.mkdir()
    for name, (_, data, _) in HOSTILE.items():
        (folder / name).write_bytes(data)
    return folder


def test_every_hostile_item_answers_for_itself(anybind, server, hostile):
    items = [f"{modality}={hostile / name}" for name, (modality, _, _) in HOSTILE.items()]
    arguments = [word for item in items for word in ("--item", item, "--text", "fine")]
    ran = anybind("embed", "--server", server, "--json", *arguments, "--text", " ", "--text", "x" * 1_000_000)
    assert ran.code == 1
    codes = [line.get("error", {}).get("code") for line in ran.lines]
    assert codes[1:-2:2] == [None] * len(HOSTILE)
    assert dict(zip(HOSTILE, codes[:-2:2], strict=True)) == {name: code for name, (_, _, code) in HOSTILE.items()}
    assert codes[-2:] == ["EMPTY", "TOO_LARGE"]
    for line in ran.lines:
        if "error" in line:
            assert line["error"]["message"].endswith("."), line["error"]
    assert ran.err == ""


def test_a_folder_of_hostile_files_is_indexed_as_far_as_it_goes(anybind, toy, tmp_path, hostile):
    (hostile / "good.png").write_bytes(media.picture())
    ran = anybind("index", "--model", toy, "--index", tmp_path / "points", "--json", hostile)
    assert ran.code == 1
    counts = ran.lines[-1]
    # 8bit_depth.png is a picture like any other; the .npy without depth in their names are of no known kind.
    assert counts == {"indexed": 2, "unchanged": 0, "skipped": len(HOSTILE) - 1}
    for name in HOSTILE.keys() - {"8bit_depth.png"}:
        assert f"{name}: " in ran.err
    assert "Traceback" not in ran.err

"""`anybind embed`."""

import media
import numpy as np
import pytest


def test_lines_come_in_the_order_of_the_command_line_across_options(anybind, server, folder):
    ran = anybind(
        *("embed", "--server", server, "--json", "--text", "a dog", "--image", folder / "red.png", "--text", "a cat"),
        *("--depth", folder / "depth/room.png", "--audio", folder / "sweep.wav", f"--image={folder / 'blue.jpg'}"),
        *("--item", f"thermal={folder / 'red.png'}"),
    )
    assert ran.code == 0
    assert [line["modality"] for line in ran.lines] == ["text", "image", "text", "depth", "audio", "image", "thermal"]
    assert [line["source"] for line in ran.lines[:3]] == ["a dog", str(folder / "red.png"), "a cat"]
    for line in ran.lines:
        assert set(line) == {"modality", "source", "embedding"}
        assert np.linalg.norm(line["embedding"]) == pytest.approx(1, abs=1e-6)
    assert ran.err == ""


def test_with_no_server_it_embeds_all_the_same(anybind, toy, server):
    alone = anybind("embed", "--model", toy, "--text", "a dog", "--json")
    asked = anybind("embed", "--server", server, "--text", "a dog", "--json")
    assert alone.code == 0
    np.testing.assert_allclose(alone.lines[0]["embedding"], asked.lines[0]["embedding"], atol=1e-6)


def test_a_bad_item_answers_in_its_place_and_the_exit_code_tells(anybind, server, folder):
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 nothing more")
    (folder / "empty.wav").write_bytes(b"")
    ran = anybind(
        *("embed", "--server", server, "--json", "--text", "fine", "--image", folder / "broken.jpg"),
        *("--audio", folder / "empty.wav", "--image", folder / "absent.png", "--text", "", "--text", "fine"),
        *("--item", f"smell={folder / 'red.png'}"),
    )
    assert ran.code == 1
    codes = [line.get("error", {}).get("code") for line in ran.lines]
    assert codes == [None, "UNDECODABLE", "EMPTY", "UNREADABLE", "EMPTY", None, "UNKNOWN_MODALITY"]
    assert ran.lines[0]["embedding"] == ran.lines[5]["embedding"]
    assert all(set(line["error"]) == {"code", "message"} for line in ran.lines if "error" in line)


def test_standard_input_is_a_file_or_lines_of_text(anybind, server, folder):
    picture = (folder / "red.png").read_bytes()
    piped = anybind("embed", "--server", server, "--json", "--image", "-", stdin=picture)
    named = anybind("embed", "--server", server, "--json", "--image", folder / "red.png")
    assert piped.lines[0]["embedding"] == named.lines[0]["embedding"]
    assert piped.lines[0]["source"] == "-"
    lines = anybind("embed", "--server", server, "--json", "--text", "-", stdin="a dog\n\na cat\n")
    assert [line["source"] for line in lines.lines] == ["a dog", "a cat"]
    twice = anybind("embed", "--server", server, "--text", "-", "--image", "-")
    assert twice.code == 2
    assert "once only" in twice.err


def test_more_lines_than_a_batch_keep_their_order(anybind, server):
    words = [f"number {number}" for number in range(100)]
    ran = anybind("embed", "--server", server, "--json", "--text", "-", stdin="\n".join(words))
    assert [line["source"] for line in ran.lines] == words


def test_people_get_a_table_and_how_alike_the_items_are(anybind, server, folder):
    ran = anybind(
        "embed", "--server", server, "--text", "a dog", "--image", folder / "red.png", "--image", "absent.png"
    )
    assert ran.code == 1
    assert "a dog" in ran.out
    assert "8 floats" in ran.out
    assert "+1.000" in ran.out
    assert "absent.png: UNREADABLE" in ran.err


def test_a_maps_unit_can_be_said(anybind, server, tmp_path):
    counts = np.random.default_rng(0).integers(5, 30, (20, 20), dtype=np.uint16)
    (tmp_path / "decimetres.png").write_bytes(media.depth_png(counts))
    (tmp_path / "millimetres.png").write_bytes(media.depth_png(counts * 100))
    coarse = anybind(
        "embed", "--server", server, "--json", "--depth", tmp_path / "decimetres.png", "--depth-unit-m", 0.1
    )
    fine = anybind("embed", "--server", server, "--json", "--depth", tmp_path / "millimetres.png")
    np.testing.assert_allclose(coarse.lines[0]["embedding"], fine.lines[0]["embedding"], atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Nothing to embed"),
        (["--item", "thermal"], "MODALITY=FILE"),
        (["--item", "text=notes.txt"], "--text"),
        (["--text", "x", "--nonsense"], "nonsense"),
        (["--text", "x", "--server", "nowhere"], "localhost:7860"),
        (["--text", "x", "--server", "localhost:1", "--model", "nano"], "has its own"),
    ],
)
def test_asked_for_wrongly_it_says_how_with_exit_code_2(anybind, arguments, said):
    ran = anybind("embed", *arguments)
    assert ran.code == 2
    assert said in ran.err
    assert ran.out == ""

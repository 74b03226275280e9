"""`anybind index` and `anybind search`."""

import json
import os
import shutil
import signal
import subprocess

import media
import numpy as np
import pytest

from anybind.clients.embedded import embedded_server


@pytest.fixture
def index(tmp_path):
    return tmp_path / "index"


@pytest.fixture
def indexing(anybind, toy, index):
    """Indexes some paths with the toy model, and gives the counts."""

    def run(*arguments, code=0):
        ran = anybind("index", "--model", toy, "--index", index, "--json", *arguments)
        assert ran.code == code, ran.err
        return ran.lines[-1], ran.err

    return run


@pytest.fixture
def searching(anybind, toy, index):
    """Searches the index with the toy model, and gives the hits."""

    def run(*arguments):
        ran = anybind("search", "--model", toy, "--index", index, "--json", *arguments)
        assert ran.code == 0, ran.err
        return ran.lines

    return run


def test_a_folder_is_walked_and_modality_taken_from_the_files(indexing, searching, folder):
    counts, err = indexing(folder)
    assert counts == {"indexed": 6, "unchanged": 0, "skipped": 1}
    assert "notes.md" in err
    found = {(hit["modality"], hit["uri"].removeprefix(f"{folder}/")) for hit in searching("--text", "a dog")}
    assert found == {
        ("image", "red.png"),
        ("image", "blue.jpg"),
        ("audio", "sweep.wav"),
        ("depth", "depth/room.png"),
        ("text", "words.txt#L1"),
        ("text", "words.txt#L3"),
    }


def test_a_second_run_embeds_nothing_again(indexing, folder):
    indexing(folder)
    assert indexing(folder)[0] == {"indexed": 0, "unchanged": 6, "skipped": 1}


def test_what_changed_is_embedded_again_in_its_place(indexing, searching, folder):
    indexing(folder)
    (folder / "red.png").write_bytes(media.picture(seed=9))
    (folder / "words.txt").write_text("a dog\n\na house\n")
    assert indexing(folder)[0] == {"indexed": 2, "unchanged": 4, "skipped": 1}
    hits = searching("--image", folder / "red.png", "--top", 100)
    assert len(hits) == 6
    assert hits[0]["uri"] == str(folder / "red.png")
    assert hits[0]["score"] == pytest.approx(1, abs=1e-5)


def test_another_encoder_of_the_same_space_embeds_its_modality_again(indexing, folder, toy, tmp_path, anybind, index):
    indexing(folder)
    changed = shutil.copytree(toy, tmp_path / "changed")
    manifest = json.loads((changed / "manifest.json").read_text())
    manifest["encoders"][1]["fingerprint"] = "f" * 32  # text
    (changed / "manifest.json").write_text(json.dumps(manifest))
    ran = anybind("index", "--model", changed, "--index", index, "--json", folder)
    assert ran.lines[-1] == {"indexed": 2, "unchanged": 4, "skipped": 1}


def test_what_cannot_be_read_is_skipped_with_a_reason_each(indexing, folder):
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 nothing more")
    (folder / "empty.wav").write_bytes(b"")
    (folder / "binary.txt").write_bytes(b"\xff\xfe\x00a")
    (folder / "array.npy").write_bytes(media.npy(np.zeros(3)))
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    counts, err = indexing(folder, folder / "absent", code=1)
    assert counts == {"indexed": 6, "unchanged": 0, "skipped": 7}
    for name in ("broken.jpg: UNDECODABLE", "empty.wav: EMPTY", "binary.txt: no UTF-8", "array.npy: an array"):
        assert name in err
    assert "gone.png: No such file" in err
    assert "absent: there is no such file" in err


def test_a_file_that_vanishes_while_indexing_is_skipped_with_a_reason(indexing, folder, monkeypatch):
    from anybind.clients import indexing as room

    def walk(*arguments):
        for found in list(room_walk(*arguments)):
            if str(getattr(found, "path", "")).endswith("red.png"):
                found.path.unlink()
            yield found

    room_walk = room.walk
    monkeypatch.setattr(room, "walk", walk)
    counts, err = indexing(folder, code=1)
    assert counts == {"indexed": 5, "unchanged": 0, "skipped": 2}
    assert "red.png: No such file or directory" in err


def test_one_line_of_text_too_many_bytes_fails_alone(indexing, folder):
    (folder / "words.txt").write_text("a dog\n" + "x" * 1_000_000 + "\na cat\n")
    counts, err = indexing(folder / "words.txt", code=1)
    assert counts == {"indexed": 2, "unchanged": 0, "skipped": 1}
    assert "words.txt#L2: TOO_LARGE" in err


def test_a_depth_map_is_16_bit_and_called_depth(indexing, searching, tmp_path):
    colour, counts = media.picture(), media.depth_png(np.full((20, 20), 1500))
    metres = media.npy(np.ones((20, 20), np.float32))
    (tmp_path / "rgbd/depth").mkdir(parents=True)
    (tmp_path / "rgbd/a_depth.png").write_bytes(counts)
    (tmp_path / "rgbd/depth/b.png").write_bytes(counts)
    (tmp_path / "rgbd/depth/c.npy").write_bytes(metres)
    (tmp_path / "rgbd/depth/preview.png").write_bytes(colour)
    (tmp_path / "rgbd/grey16.png").write_bytes(counts)
    indexing(tmp_path / "rgbd")
    depth = {hit["uri"].rpartition("/")[2] for hit in searching("--text", "x", "--only", "depth")}
    images = {hit["uri"].rpartition("/")[2] for hit in searching("--text", "x", "--only", "image")}
    assert depth == {"a_depth.png", "b.png", "c.npy"}
    assert images == {"preview.png", "grey16.png"}


def test_the_folders_above_the_one_named_say_nothing(indexing, searching, tmp_path):
    photos = tmp_path / "depth of field" / "photos"
    photos.mkdir(parents=True)
    (photos / "grey16.png").write_bytes(media.depth_png(np.full((20, 20), 1500)))
    indexing(photos)
    assert [hit["modality"] for hit in searching("--text", "x")] == ["image"]


def test_as_names_the_modality_of_every_file(indexing, searching, tmp_path):
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps/a.npy").write_bytes(media.npy(np.ones((20, 20), np.float32)))
    assert indexing("--as", "depth", tmp_path / "maps")[0]["indexed"] == 1
    (tmp_path / "maps/a.npy").write_bytes(media.npy(np.ones((6, 40), np.float32)))
    assert indexing("--as", "imu", tmp_path / "maps")[0]["indexed"] == 1
    assert {hit["modality"] for hit in searching("--text", "x")} == {"depth", "imu"}
    counts, err = indexing("--as", "smell", tmp_path / "maps", code=1)
    assert counts["skipped"] == 1
    assert "the model has no smell" in err


def test_a_file_named_twice_is_indexed_once(indexing, folder):
    counts, _ = indexing(folder / "red.png", folder, f"{folder}/../things/red.png")
    assert counts["indexed"] == 6


def test_an_index_inside_the_folder_is_not_indexed(anybind, toy, folder):
    for _ in range(2):
        ran = anybind("index", "--model", toy, "--index", folder / "points", "--json", folder)
    assert ran.lines == [{"indexed": 0, "unchanged": 6, "skipped": 1}]


def test_hits_have_rank_score_modality_and_uri(indexing, searching, folder):
    indexing(folder)
    hits = searching("--image", folder / "blue.jpg", "--top", 3)
    assert [hit["rank"] for hit in hits] == [1, 2, 3]
    assert set(hits[0]) == {"rank", "score", "modality", "uri"}
    assert hits[0]["uri"] == str(folder / "blue.jpg")
    assert hits[0]["score"] == pytest.approx(1, abs=1e-5)
    scores = [hit["score"] for hit in hits]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    "query", ["--text=a dog", "--image={}/red.png", "--audio={}/sweep.wav", "--depth={}/depth/room.png"]
)
def test_every_modality_searches_every_other(indexing, searching, folder, query):
    indexing(folder)
    hits = searching(query.format(folder), "--only", "audio,image", "--each", "--top", 1)
    assert [(hit["rank"], hit["modality"]) for hit in hits] == [(1, "audio"), (1, "image")]


def test_a_filter_keeps_what_it_says(indexing, searching, folder):
    indexing(folder)
    assert [hit["uri"] for hit in searching("--text", "x", "--filter", "title=red.png")] == [str(folder / "red.png")]
    assert searching("--text", "x", "--filter", "payload.absent=1") == []


def test_a_server_with_an_index_is_asked_by_its_address(anybind, toy, folder, index):
    with embedded_server(str(toy), str(index)) as address:
        assert anybind("index", "--server", address, "--json", folder).lines[-1]["indexed"] == 6
        assert len(anybind("search", "--server", address, "--text", "a dog", "--json").lines) == 6
        held = anybind("search", "--model", toy, "--index", index, "--text", "a dog")
        assert held.code == 1
        assert f"process {os.getpid()}" in held.err


def test_a_server_without_an_index_says_so(anybind, server, folder):
    ran = anybind("search", "--server", server, "--text", "a dog")
    assert ran.code == 1
    assert "start it with --index" in ran.err


def test_people_get_a_table_of_hits_and_a_line_of_counts(anybind, toy, index, folder):
    ran = anybind("index", "--model", toy, "--index", index, folder)
    assert "6 indexed, 0 unchanged, 1 skipped" in ran.out
    ran = anybind("search", "--model", toy, "--index", index, "--text", "a dog")
    assert "words.txt#L1" in ran.out
    assert "a dog" in ran.out
    ran = anybind("search", "--model", toy, "--index", index, "--text", "a dog", "--only", "thermal")
    assert (ran.code, ran.out) == (0, "")
    assert "Nothing found" in ran.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["search", "--index", "{index}"], "this has 0"),
        (["search", "--index", "{index}", "--text", "a", "--text", "b"], "this has 2"),
        (["search", "--text", "a"], "--index"),
        (["search", "--index", "{index}", "--text", "-"], "holds 0 lines"),
        (["search", "--index", "{index}", "--text", "a", "--top", "0"], "--top"),
        (["search", "--index", "{index}", "--text", "a", "--filter", "colour"], "KEY=VALUE"),
        (["index", "--index", "{index}"], "PATH"),
        (["index", "."], "--index"),
    ],
)
def test_asked_for_wrongly_it_says_how(anybind, index, arguments, said):
    index.mkdir()
    ran = anybind(*(argument.format(index=index) for argument in arguments))
    assert ran.code == 2
    assert said in ran.err


def test_searching_where_nothing_is_makes_nothing(anybind, toy, index):
    ran = anybind("search", "--model", toy, "--index", index, "--text", "a")
    assert ran.code == 1
    assert "anybind index" in ran.err
    assert not index.exists()


def test_another_models_index_is_refused_naming_both_spaces(anybind, indexing, index, folder, tmp_path):
    import toys

    indexing(folder)
    other = toys.artifact(tmp_path / "other", seed=1)
    ran = anybind("search", "--model", other, "--index", index, "--text", "a dog")
    assert ran.code == 1
    assert json.loads((index / "anybind.json").read_text())["space_id"] in ran.err
    assert json.loads((other / "manifest.json").read_text())["space_id"] in ran.err


def stored_bytes(index):
    """How much the engine has written to its log: it is sparse, and grows with every batch."""
    return sum(part.stat().st_blocks * 512 for part in index.glob("shard/wal/open-*"))


def test_kill_9_while_indexing_loses_nothing_acknowledged_and_doubles_nothing(spawn, toy, index, tmp_path, indexing):
    words = tmp_path / "words.txt"
    words.write_text("".join(f"sentence number {number}\n" for number in range(20_000)))
    process = spawn("index", "--model", toy, "--index", index, words)
    while stored_bytes(index) < 100_000:
        assert process.poll() is None, process.stderr.read()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    words.write_text("".join(f"sentence number {number}\n" for number in range(800)))
    counts, _ = indexing(words)
    assert counts["indexed"] + counts["unchanged"] == 800
    assert counts["unchanged"] > 0
    assert indexing(words)[0] == {"indexed": 0, "unchanged": 800, "skipped": 0}


def test_ctrl_c_is_quiet(spawn, toy, index, tmp_path):
    words = tmp_path / "words.txt"
    words.write_text("".join(f"sentence number {number}\n" for number in range(100_000)))
    process = spawn("index", "--model", toy, "--index", index, words)
    while not (index / "anybind.json").exists():
        assert process.poll() is None, process.stderr.read()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert out == ""


def test_output_may_be_cut_off_by_its_reader(command, server):
    ran = subprocess.run(
        f"{command[0]} embed --server {server} --json --text - | head -n 1",
        shell=True,
        input="\n".join(f"number {number}" for number in range(2000)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert json.loads(ran.stdout)["source"] == "number 0"
    assert "Traceback" not in ran.stderr
    assert "Exception" not in ran.stderr

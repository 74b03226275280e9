"""What only the folder on disk can suffer."""

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import numpy as np
import pytest

from anybind.server.index import BadLocation, IndexDown, IndexHeld, StoredPoint, open_index

SPACE = "5" * 32

WRITER = """
import sys, uuid
import numpy as np
from anybind.server.index import StoredPoint, open_index

index = open_index(sys.argv[1], 8, "5" * 32)
print("open", flush=True)
for batch in range(10_000):
    ids = [str(uuid.UUID(int=batch * 10 + i + 1)) for i in range(10)]
    index.upsert([StoredPoint(id=i, modality="text", space_id="5" * 32, vector=np.ones(8, np.float32)) for i in ids])
    print(batch, flush=True)
"""


def open_here(folder: Path):
    return open_index(str(folder), 8, SPACE)


def writer(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "open\n"
    return process


def test_what_was_acknowledged_survives_kill_9(tmp_path):
    process = writer(tmp_path)
    for _ in range(20):
        acknowledged = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    acknowledged = [acknowledged, *map(int, process.stdout.read().split())][-1]
    process.wait()
    index = open_here(tmp_path)
    ids = [str(uuid.UUID(int=number + 1)) for number in range((acknowledged + 1) * 10)]
    assert len(index.get(ids)) == len(ids)
    assert index.count() in (len(ids), len(ids) + 10)  # a batch may be stored and not yet acknowledged, whole
    index.close()


def test_a_folder_held_by_another_process_is_refused_naming_both(tmp_path):
    process = writer(tmp_path)
    try:
        with pytest.raises(IndexHeld) as refusal:
            open_here(tmp_path)
        assert str(tmp_path) in str(refusal.value)
        assert str(process.pid) in str(refusal.value)
        assert "--server" in str(refusal.value)
    finally:
        process.kill()
        process.communicate()
    open_here(tmp_path).close()


def test_a_folder_held_by_this_process_is_refused_too(tmp_path):
    first = open_here(tmp_path)
    with pytest.raises(IndexHeld):
        open_here(tmp_path)
    first.close()
    open_here(tmp_path).close()


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"\xff\xd8")
    with pytest.raises(BadLocation, match=r"holiday\.jpg"):
        open_here(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["holiday.jpg"]


def test_a_file_in_the_folders_place_is_refused(tmp_path):
    (tmp_path / "index").write_text("")
    with pytest.raises(BadLocation, match="cannot be an index folder"):
        open_here(tmp_path / "index")


@pytest.mark.parametrize("left", ["shard.unfinished/half", "shard/half", "anybind.json.unfinished"])
def test_a_making_that_was_cut_off_is_made_again(tmp_path, left):
    leftover = tmp_path / "index" / left
    leftover.parent.mkdir(parents=True)
    leftover.write_text("{")
    index = open_here(tmp_path / "index")
    assert index.count() == 0
    index.close()


def test_a_spoilt_description_says_what_to_do(tmp_path):
    open_here(tmp_path).close()
    (tmp_path / "anybind.json").write_text("{}")
    with pytest.raises(BadLocation, match="index again"):
        open_here(tmp_path)


def test_a_spoilt_shard_says_what_to_do_and_lets_go_of_the_folder(tmp_path):
    open_here(tmp_path).close()
    (tmp_path / "shard" / "edge_config.json").write_text("{")
    for _ in range(2):
        with pytest.raises(IndexDown, match="index again"):
            open_here(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(BadLocation, match="Permission denied"):
        open_here(tmp_path / "index")


@pytest.mark.slow
def test_a_large_folder_gets_its_search_graph_when_opened(tmp_path):
    random = np.random.default_rng(0)
    index = open_index(str(tmp_path), 4096, SPACE)
    for batch in range(17):  # 68 MiB
        vectors = random.standard_normal((256, 4096), dtype=np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        ids = [str(uuid.UUID(int=batch * 256 + i + 1)) for i in range(len(vectors))]
        index.upsert(
            [
                StoredPoint(id=one, modality="text", space_id=SPACE, vector=vector)
                for one, vector in zip(ids, vectors, strict=True)
            ]
        )
    assert index._shard.info().indexed_vectors_count == 0
    index.close()
    index = open_index(str(tmp_path), 4096, SPACE)
    assert index.count() == 17 * 256
    assert index._shard.info().indexed_vectors_count >= 16 * 256
    found = index.search(vectors[5], 1)[0]
    assert found.point.id == ids[5]
    assert found.score == pytest.approx(1, abs=1e-5)
    index.close()

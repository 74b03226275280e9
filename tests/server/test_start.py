"""Starting: what stops it, and what it says."""

import asyncio
import json
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import toys

from anybind.server import providers
from anybind.server.artifact import packaged
from anybind.server.serve import Settings, StartError, start


async def refused(**settings: object) -> str:
    with pytest.raises(StartError) as refusal:
        await start(Settings(**{"address": "127.0.0.1:0", "isolate": False} | settings))
    return str(refusal.value)


async def test_a_port_that_is_taken_stops_the_start(toy: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"127.0.0.1:{port} cannot be listened on" in await refused(model=str(toy), address=f"127.0.0.1:{port}")


async def test_a_server_never_takes_the_socket_of_another(starting, toy: Path, tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/anybind.sock"
    server = await starting(address=address)
    assert server.address == address
    assert "is taken: a server listens on it" in await refused(model=str(toy), address=address)


@pytest.mark.parametrize("address", ["7860", "localhost"])
async def test_an_address_without_a_port_is_refused(toy: Path, address: str) -> None:
    assert "host:port or unix:path is needed" in await refused(model=str(toy), address=address)


async def test_a_model_that_is_none_stops_the_start(tmp_path: Path) -> None:
    assert "is no artifact: it has no manifest.json" in await refused(model=str(tmp_path))
    assert "Models packaged with anybind" in await refused(model="no-such-model")
    assert "no-such-model" not in packaged()


async def test_a_modality_the_model_lacks_stops_the_start(toy: Path) -> None:
    assert "has no modality 'smell'; it has image, text" in await refused(model=str(toy), modalities=("smell",))


async def test_a_graph_that_was_changed_stops_the_start(tmp_path: Path) -> None:
    folder = toys.artifact(tmp_path / "a", ["text"])
    (folder / "text.onnx").write_bytes((folder / "text.onnx").read_bytes() + b"\0")
    assert "is not the file that was exported" in await refused(model=str(folder))


async def test_a_graph_that_computes_other_vectors_stops_the_start(tmp_path: Path) -> None:
    folder = toys.artifact(tmp_path / "a", ["text"])
    golden = dict(np.load(folder / "golden.npz"))
    golden["text.output"] = np.roll(golden["text.output"], 1, axis=1)
    np.savez(folder / "golden.npz", **golden)
    assert "text computes other vectors than were exported" in await refused(model=str(folder))


async def test_an_artifact_without_golden_vectors_stops_the_start(tmp_path: Path) -> None:
    folder = toys.artifact(tmp_path / "a", ["text"])
    (folder / "golden.npz").unlink()
    assert "holds no golden vectors of text" in await refused(model=str(folder))


@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
async def test_a_provider_that_is_not_there_stops_the_start_with_the_line_to_install_it(
    toy: Path, provider: str
) -> None:
    if providers._ORT_NAMES[provider] in providers.onnxruntime.get_available_providers():
        pytest.skip(f"this ONNX Runtime has {provider}")
    message = await refused(model=str(toy), provider=provider)
    assert f"--provider {provider}" in message
    assert "pip install 'anybind[gpu]'" in message


def test_auto_says_what_it_chose_and_why() -> None:
    assert providers.choose("auto", available=["CPUExecutionProvider"]).reason.startswith("auto chose cpu: ")
    gpu = providers.choose("auto", available=["CUDAExecutionProvider", "CPUExecutionProvider"])
    assert gpu.name == "cuda"
    assert gpu.reason.startswith("auto chose cuda: ")
    assert not gpu.required


def test_tensorrt_keeps_its_engines_where_told(tmp_path: Path) -> None:
    chosen = providers.choose("tensorrt", available=["TensorrtExecutionProvider"], engine_cache=tmp_path)
    (name, options), *_ = chosen.ort_providers()
    assert name == "TensorrtExecutionProvider"
    assert options["trt_engine_cache_path"] == str(tmp_path)


async def test_an_index_held_by_another_stops_the_start(starting, toy: Path, tmp_path: Path) -> None:
    await starting(index=str(tmp_path / "points"))
    assert str(tmp_path / "points") in await refused(model=str(toy), index=str(tmp_path / "points"))


async def test_an_index_of_another_space_stops_the_start(starting, tmp_path: Path) -> None:
    server = await starting(index=str(tmp_path / "points"))
    space_id = server.engine.manifest.space_id
    await server.stop()
    other = toys.artifact(tmp_path / "other", seed=1)
    assert space_id in await refused(model=str(other), index=str(tmp_path / "points"))


def test_a_server_never_imports_torch(toy: Path) -> None:
    program = f"""
        import asyncio, json, sys
        from anybind.server.serve import Settings, start

        async def main():
            server = await start(Settings(model={str(toy)!r}, address="127.0.0.1:0"))
            await server.stop()
            print(json.dumps(sorted(sys.modules)))

        asyncio.run(main())
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True)
    modules = json.loads(done.stdout)
    assert "onnxruntime" in modules
    assert not {"torch", "transformers", "onnx"} & set(modules)


async def test_a_stopped_server_frees_its_port(starting) -> None:
    first = await starting()
    await first.stop()
    await asyncio.wait_for(first.wait(), 1)
    second = await starting(address=first.address)
    assert second.address == first.address

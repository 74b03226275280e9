from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from anybind.export.graph import ExportError, export_graph


class Projection(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 32)

    def forward(self, values: Tensor) -> Tensor:
        return nn.functional.gelu(self.linear(values))


@pytest.fixture
def module() -> nn.Module:
    torch.manual_seed(0)
    return Projection()


def export(module: nn.Module, path: Path, **options: object) -> list[Path]:
    names = {"input_name": "values", "output_name": "unit_vector", "dynamic_axes": {0: "batch"}}
    return export_graph(module, torch.randn(2, 64), path, **names | options)


def difference(module: nn.Module, path: Path, rows: int) -> float:
    values = torch.randn(rows, 64)
    (given,) = onnxruntime.InferenceSession(path).run(["unit_vector"], {"values": values.numpy()})
    with torch.inference_mode():
        return float(np.abs(given - module(values).numpy()).max())


def test_a_graph_gives_what_the_module_gives_at_any_batch(module: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "graph.onnx"
    assert export(module, path) == []
    assert max(difference(module, path, rows) for rows in (1, 2, 7)) < 1e-6


def test_axes_have_the_names_people_gave_them(module: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "graph.onnx"
    export(module, path)
    session = onnxruntime.InferenceSession(path)
    assert [port.shape for port in (*session.get_inputs(), *session.get_outputs())] == [["batch", 64], ["batch", 32]]


def test_weights_past_the_limit_lie_beside_the_graph(module: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "graph.onnx"
    (beside,) = export(module, path, max_inline_bytes=1000)
    assert beside == tmp_path / "graph.onnx.data"
    assert beside.stat().st_size >= 64 * 32 * 4 > path.stat().st_size
    assert difference(module, path, 3) < 1e-6


def test_half_weights_take_half_the_room_and_stay_close(module: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "graph.onnx"
    export(module, path, half_weights=True)
    stored = {tensor.data_type for tensor in onnx.load(path).graph.initializer if np.prod(tensor.dims) > 1000}
    assert stored == {onnx.TensorProto.FLOAT16}
    assert 1e-6 < difference(module, path, 3) < 2e-3


def test_a_graph_does_not_tell_where_it_was_made(module: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "graph.onnx"
    export(module, path)
    content = path.read_bytes()
    assert Path(__file__).name.encode() not in content
    assert b"site-packages" not in content
    assert not any(node.metadata_props or node.doc_string for node in onnx.load(path).graph.node)


def test_a_module_that_asks_its_values_where_to_go_is_refused(tmp_path: Path) -> None:
    class Branching(nn.Module):
        def forward(self, values: Tensor) -> Tensor:
            return values if values.sum() > 0 else -values

    with pytest.raises(ExportError, match="Branching cannot become an ONNX graph with its batch of any length"):
        export(Branching(), tmp_path / "graph.onnx")


def test_a_module_made_for_one_batch_is_refused(tmp_path: Path) -> None:
    class OfTwo(nn.Module):
        def forward(self, values: Tensor) -> Tensor:
            return values + torch.ones(2, 1)

    with pytest.raises(ExportError, match="OfTwo cannot become an ONNX graph"):
        export(OfTwo(), tmp_path / "graph.onnx")

"""A torch module becomes an ONNX graph on disk."""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from onnxscript import ir
from torch import Tensor, nn

# ONNX files end at 2 GB (a protobuf message cannot be longer). Past this, weights lie in a file beside the graph.
MAX_INLINE_BYTES = 1_500_000_000
# Below this many values a tensor is cheaper to keep as it is than to cast.
MIN_HALF_VALUES = 1024

OPSET = 20  # the first with Gelu, so a runtime need not find it again among five nodes


class ExportError(RuntimeError):
    """An encoder cannot be exported as it is. The message says what to do."""


def export_graph(
    module: nn.Module,
    example: Tensor,
    path: Path,
    *,
    input_name: str,
    output_name: str,
    dynamic_axes: Mapping[int, str],
    half_weights: bool = False,
    max_inline_bytes: int = MAX_INLINE_BYTES,
) -> list[Path]:
    """Writes a module of one input and one output as an ONNX graph.

    Args:
      example: an input as the module takes it. Its dynamic axes must be longer than 1, or they are burned in.
      dynamic_axes: axes of the input that may have any length, with names for people.
      half_weights: stores large float32 weights as float16 and casts them back; arithmetic stays float32. A
        runtime folds the casts away when it loads the graph.
      max_inline_bytes: with more weights than this, they go to `<path>.data`.

    Returns: the external files written beside `path`; empty when the graph holds its own weights.

    Raises:
      ExportError: torch cannot express the module as a graph with those dynamic axes.
    """
    model = _traced(module, example, input_name, output_name, dynamic_axes)
    _forget_origin(model)
    if half_weights:
        _store_as_half(model)
    external = path.with_name(f"{path.name}.data")
    beside = sum(value.const_value.nbytes for value in model.graph.initializers.values()) > max_inline_bytes
    ir.save(model, path, external_data=external.name if beside else None)
    _forget_weights(model)
    return [external] if beside else []


def _traced(
    module: nn.Module, example: Tensor, input_name: str, output_name: str, dynamic_axes: Mapping[int, str]
) -> ir.Model:
    axes = dict.fromkeys(dynamic_axes, torch.export.Dim.DYNAMIC)
    try:
        with torch.inference_mode(False), torch.no_grad(), _quiet():
            program = torch.onnx.export(
                module.eval(),
                (example,),
                dynamo=True,
                opset_version=OPSET,
                input_names=[input_name],
                output_names=[output_name],
                dynamic_shapes=(axes,),
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        reason = " ".join(str(error.__cause__ or error).strip().splitlines()[:2])
        free = ", ".join(dynamic_axes.values())
        raise ExportError(
            f"{type(module).__name__} cannot become an ONNX graph with its {free} of any length: {reason}"
        ) from error
    _name_axes(program.model.graph, dynamic_axes)
    return program.model


def _name_axes(graph: ir.Graph, dynamic_axes: Mapping[int, str]) -> None:
    """Gives the free axes of input and output their names. What lies between is left for the runtime to infer."""
    (source,), (result,) = graph.inputs, graph.outputs
    names = {str(source.shape[axis]): ir.SymbolicDim(name) for axis, name in dynamic_axes.items()}
    for value in (source, result):
        value.shape = ir.Shape(names.get(str(size), size) for size in value.shape)
    for node in ir.traversal.RecursiveGraphIterator(graph):
        for value in node.outputs:
            if value is not result:
                value.shape = value.type = None


def _forget_origin(model: ir.Model) -> None:
    """Drops what the exporter notes about the machine and the source lines it ran on."""
    model.metadata_props.clear()
    model.graph.metadata_props.clear()
    for value in (*model.graph.inputs, *model.graph.outputs, *model.graph.initializers.values()):
        value.metadata_props.clear()
    for node in ir.traversal.RecursiveGraphIterator(model.graph):
        node.metadata_props.clear()
        node.doc_string = None
        for value in node.outputs:
            value.metadata_props.clear()


def _forget_weights(model: ir.Model) -> None:
    """Lets go of the weights: the exporter remembers its last graph, and would keep an encoder in memory with it."""
    for value in model.graph.initializers.values():
        value.const_value = None


def _store_as_half(model: ir.Model) -> None:
    graph = model.graph
    for name, value in list(graph.initializers.items()):
        if value.dtype != ir.DataType.FLOAT or value.const_value.size < MIN_HALF_VALUES:
            continue
        stored = ir.tensor(value.const_value.numpy().astype("float16"), name=f"{name}.half")
        half = ir.Value(name=stored.name, shape=value.shape, type=ir.TensorType(stored.dtype), const_value=stored)
        cast = ir.node("Cast", [half], {"to": ir.DataType.FLOAT})
        value.replace_all_uses_with(cast.outputs[0])
        del graph.initializers[name]
        graph.register_initializer(half)
        graph.insert_before(graph[0], cast)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the exporter's notes to its own developers off the user's terminal; its errors still come."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)

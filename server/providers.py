"""Which ONNX Runtime execution provider the graphs run on, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import onnxruntime

ProviderName = Literal["auto", "cpu", "cuda", "tensorrt"]

_ORT_NAMES = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
_INSTALL = "pip uninstall -y onnxruntime && pip install 'anybind[gpu]'"


class ProviderError(Exception):
    """A provider asked for by name is not there. The message says how to get it."""


@dataclass(frozen=True)
class Provider:
    """A choice made: `name` as on the command line, and `reason`, a sentence for people."""

    name: Literal["cpu", "cuda", "tensorrt"]
    reason: str
    required: bool = False  # asked for by name: another one will not do
    engine_cache: Path | None = None  # where TensorRT keeps the engines it builds; building one takes minutes

    @property
    def ort_name(self) -> str:
        return _ORT_NAMES[self.name]

    def ort_providers(self) -> list[str | tuple[str, dict[str, str]]]:
        """What a session is opened with: the choice first, then what takes over operators it does not know."""
        cpu, cuda = _ORT_NAMES["cpu"], (_ORT_NAMES["cuda"], {"cudnn_conv_algo_search": "HEURISTIC"})
        if self.name == "cpu":
            return [cpu]
        if self.name == "cuda":
            return [cuda, cpu]
        options = {"trt_fp16_enable": "0"}
        if self.engine_cache is not None:
            folder = str(self.engine_cache)
            options |= {"trt_engine_cache_enable": "1", "trt_engine_cache_path": folder}
            options |= {"trt_timing_cache_enable": "1", "trt_timing_cache_path": folder}
        return [(_ORT_NAMES["tensorrt"], options), cuda, cpu]


def choose(
    wanted: ProviderName, *, available: Sequence[str] | None = None, engine_cache: Path | None = None
) -> Provider:
    """Chooses a provider.

    Args:
      wanted: "auto" takes CUDA where this ONNX Runtime has it, else the CPU.
      available: what this ONNX Runtime was built with; None asks it.

    Raises:
      ProviderError: a provider asked for by name that this ONNX Runtime was not built with.
    """
    available = onnxruntime.get_available_providers() if available is None else available
    if wanted == "auto":
        # TensorRT builds an engine for minutes at the first start, so it is taken only when asked for.
        if _ORT_NAMES["cuda"] in available:
            return Provider("cuda", "auto chose cuda: this ONNX Runtime has it")
        return Provider("cpu", f"auto chose cpu: this ONNX Runtime has no CUDA; to add it: {_INSTALL}")
    if _ORT_NAMES[wanted] not in available:
        raise ProviderError(
            f"--provider {wanted}: this ONNX Runtime ({onnxruntime.__version__}) has only "
            f"{', '.join(sorted(available))}. Install the one for GPUs: {_INSTALL}"
        )
    return Provider(wanted, f"{wanted}, as asked for", required=True, engine_cache=engine_cache)

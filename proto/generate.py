"""Writes the stubs beside the `.proto` files: `python proto/generate.py [OUT]`. Needs the `[dev]` extra."""

import shutil
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

PROTO = Path(__file__).parent


def generate(out: Path) -> None:
    """Writes `v1/*_pb2.py`, `*_pb2.pyi` and, where there is a service, `*_pb2_grpc.py` under `out/anybind/proto`.

    Raises:
      RuntimeError: protoc refused a file; what it said is on standard error.
    """
    paths = sorted((PROTO / "v1").glob("*.proto"))
    messages = [f"anybind/proto/v1/{path.name}" for path in paths]
    services = [f"anybind/proto/v1/{path.name}" for path in paths if "\nservice " in path.read_text()]
    roots = [f"-Ianybind/proto={PROTO}", f"-I{files('grpc_tools') / '_proto'}"]
    runs = (
        [f"--python_out={out}", f"--pyi_out={out}", *messages],
        [f"--grpc_python_out={out}", *services],
    )
    if any(protoc.main(["protoc", *roots, *arguments]) != 0 for arguments in runs):
        raise RuntimeError("protoc refused the .proto files")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        for stub in (Path(folder) / "anybind/proto/v1").iterdir():
            shutil.copyfile(stub, PROTO / "v1" / stub.name)
            sys.stdout.write(f"proto/v1/{stub.name}\n")


if __name__ == "__main__":
    main()

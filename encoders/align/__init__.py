"""Training: encoders aligned to an anchor by pairs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["align_nano"]


def align_nano(data: Path, runs: Path, stages: Sequence[str] | None, console: Console) -> None:
    """Trains nano, the default model, from a folder of tables; a run that was stopped goes on.

    Args:
        data: the folder with `images.csv` and its neighbours.
        runs: gets `<stage>.ckpt` while a stage runs, `<stage>.pt` when it is done, and `cache/` of decoded data.
        stages: which to run, in this order. Default: all that are not done.

    Raises:
        ValueError: a stage is unknown, or `data` holds no tables.
        FileNotFoundError: a stage's predecessor has not been run.
    """
    from . import recipe_nano
    from .data import Tables

    unknown = sorted(set(stages or ()) - set(recipe_nano.STAGES))
    if unknown:
        raise ValueError(f"no stage is called {', '.join(unknown)}; they are {', '.join(recipe_nano.STAGES)}.")
    if not (data / "images.csv").is_file():
        raise ValueError(f"{data} holds no images.csv; give the folder with the tables (--data DIR).")
    runs.mkdir(parents=True, exist_ok=True)
    tables = Tables(data, runs / "cache")
    for name in stages or recipe_nano.STAGES:
        if stages is None and (runs / f"{name}.pt").exists():
            console.print(f"{name}: done before, kept ({runs / name}.pt)")
            continue
        recipe_nano.run_stage(name, tables, runs, console)

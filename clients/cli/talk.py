"""How the program speaks: data on stdout, talk on stderr, and sentences where something went wrong.

Exit codes: 0 all went well, 1 something failed, 2 it was asked for wrongly or a package is missing, 130 interrupted.
"""

import functools
import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec

import typer

from ..errors import AnybindError, MissingExtra

if TYPE_CHECKING:
    from rich.console import Console

FAILED, MISUSED, INTERRUPTED = 1, 2, 130

P = ParamSpec("P")


@functools.cache
def screen() -> "Console":
    """Where tables for people go: stdout."""
    from rich.console import Console

    return Console(highlight=False)


@functools.cache
def talk() -> "Console":
    """Where everything else goes: stderr."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def say(sentence: str) -> None:
    """A sentence for people, as it is."""
    talk().print(sentence, markup=False, soft_wrap=True)


def put(line: Mapping[str, Any]) -> None:
    """One line of JSON on stdout, there at once for whoever reads the pipe."""
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def fail(sentence: str, code: int = FAILED) -> NoReturn:
    """Says what went wrong and ends the program."""
    say(sentence)
    raise typer.Exit(code)


def plainly(command: Callable[P, None]) -> Callable[P, None]:
    """A command that ends in a sentence and an exit code where it would end in a traceback."""

    @functools.wraps(command)
    def spoken(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # Whoever read our output has enough. Python would complain again when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(FAILED) from None
        except MissingExtra as error:
            fail(str(error), MISUSED)
        except AnybindError as error:
            fail(str(error))
        except OSError as error:
            fail(f"{error.filename}: {error.strerror}." if error.filename else f"{error}.")

    return spoken

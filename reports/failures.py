"""Exit codes, and what a user reads when something is wrong.

A wrong input, a design that does not fit, a missing tool and a full disk each have their own exit code and a message of
their own; none of them shows a traceback.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from specs import Infeasible, RunFailed, SpecError, ToolMissing

from .console import ReaderGone, note

OK = 0
COMPARISON_FAILED = 1
BAD_INPUT = 2
INFEASIBLE = 3
TOOL_MISSING = 4
RUN_FAILED = 5
INTERRUPTED = 130
TERMINATED = 143  # as a shell reports a process that SIGTERM ended


class Terminated(BaseException):
    """SIGTERM: unwinds like an interrupt, so that drafts are removed."""


ENDINGS: dict[int, tuple[type[BaseException], str, int]] = {
    signal.SIGINT: (KeyboardInterrupt, "interrupted", INTERRUPTED),
    signal.SIGTERM: (Terminated, "terminated", TERMINATED),
}
# Signals that have come. A library may have caught what they raised, or made something else of it: a module in C++ that
# is interrupted while it is imported raises ImportError.
_asked_to_end: list[int] = []


def end_if_asked() -> None:
    """Raise what a signal stands for, if one has come; for the steps of long work."""
    if _asked_to_end:
        raise ENDINGS[_asked_to_end[0]][0]


def _ended(number: int) -> int:
    _, message, code = ENDINGS[number]
    note(message)
    return code


def guarded(command: Callable[[], int]) -> int:
    """Run a command and return its exit code; what a user can cause becomes a message on stderr."""
    try:
        with _signals_unwind():
            code = command()
            sys.stdout.flush()
            return code
    except (ReaderGone, BrokenPipeError):
        _drop_stdout()
        return OK
    except SpecError as error:
        note(str(error))
        return BAD_INPUT
    except Infeasible as error:
        note(f"infeasible: {error.reason}")
        return INFEASIBLE
    except ToolMissing as error:
        note(str(error))
        return TOOL_MISSING
    except RunFailed as error:
        note(str(error))
        return RUN_FAILED
    except OSError as error:
        _drop_stdout()
        note(_os_message(error))
        return RUN_FAILED
    except MemoryError:
        note("out of memory; make the workload smaller, or run on a machine with more")
        return RUN_FAILED
    except KeyboardInterrupt:
        return _ended(signal.SIGINT)
    except Terminated:
        return _ended(signal.SIGTERM)
    except Exception:  # what a library made of a signal; a fault of our own goes on to be seen
        if not _asked_to_end:
            raise
        return _ended(_asked_to_end[0])


@contextmanager
def _signals_unwind() -> Iterator[None]:
    """SIGINT and SIGTERM raise inside, unless they are ignored; only a process's main thread can ask for that."""
    _asked_to_end.clear()
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: object) -> None:
        _asked_to_end.append(number)
        if number == signal.SIGTERM:
            signal.signal(number, signal.SIG_IGN)  # a second one does not disturb the clearing up
        raise ENDINGS[number][0]

    before = {number: handler for number in ENDINGS if (handler := signal.getsignal(number)) is not None}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _os_message(error: OSError) -> str:
    where = f"'{error.filename}': " if error.filename is not None else ""
    return f"{where}{(error.strerror or str(error)).lower()}"


def _drop_stdout() -> None:
    """Send what is still buffered nowhere, so that Python's last flush cannot fail again."""
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)

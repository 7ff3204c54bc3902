"""The `atlastumor` command: one file per subcommand, each with `add_parser` and `run`.

Exit codes: 0 done, 1 a bug in AtlasTumor, 2 bad usage, 3 bad input or output, 4 no memory, device
or package, 5 another computer cannot be reached or refuses, 130 cancelled.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from .. import __version__
from ..errors import AtlasTumorError, DependencyError, UsageError
from . import (
    batch,
    collect,
    demo,
    dicom,
    evaluate,
    froc,
    models,
    organs,
    phantom,
    realism,
    review,
    scaling,
    segment,
    studio,
    synthesize,
    synthesize_cohort,
    train,
    watch,
)
from .arguments import parse_path
from .console import Console

__all__ = ["main"]

_COMMANDS = (
    segment,
    batch,
    watch,
    evaluate,
    froc,
    review,
    synthesize,
    synthesize_cohort,
    studio,
    realism,
    collect,
    train,
    scaling,
    dicom,
    organs,
    models,
    phantom,
    demo,
)
_BUG, _NO_MEMORY, _CANCELLED = 1, 4, 130


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, the way every other error is said."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Settle what `type=Path` means, here and in every subcommand."""
        super().__init__(*args, **kwargs)
        self.register("type", Path, parse_path)

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the whole usage and leaving the process."""
        msg = f"{message.rstrip('.')}; see `{self.prog} --help`"
        raise UsageError(msg)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="atlastumor",
        description="Tumors of six abdominal organs on CT. For research; not for clinical use.",
    )
    parser.add_argument("--version", action="version", version=f"atlastumor {__version__}")
    parser.add_argument("-v", "--verbose", action="count", default=0, help="log to standard error")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        subparser = command.add_parser(subparsers)
        subparser.add_argument(
            "--json-progress", action="store_true", help="print JSON lines on standard output"
        )
        subparser.set_defaults(run=command.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The words after the program's name; None takes the process's own.

    Returns:
        The exit code.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    console = Console(as_json="--json-progress" in words)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        options = _parser().parse_args(words)
        _set_up_logging(options.verbose)
        options.run(options, console)
    except AtlasTumorError as error:
        console.fail(type(error).__name__, str(error), error.exit_code)
        return error.exit_code
    except KeyboardInterrupt:
        console.fail("Cancelled", "Cancelled.", _CANCELLED)
        return _CANCELLED
    except ModuleNotFoundError as error:
        missing = DependencyError(
            f"The package '{error.name}' is missing. Install it with: pip install {error.name}"
        )
        console.fail("DependencyError", str(missing), missing.exit_code)
        return missing.exit_code
    except MemoryError:
        message = "There is not enough memory for this scan. Close other programs or crop it."
        console.fail("OutOfMemoryError", message, _NO_MEMORY)
        return _NO_MEMORY
    except Exception:  # noqa: BLE001 - the outermost door: whatever comes here is our bug
        traceback.print_exc()
        console.fail("Bug", "This is a bug in AtlasTumor; please report what stands above.", _BUG)
        return _BUG
    return 0


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _set_up_logging(verbose: int) -> None:
    """Send our log to standard error if asked, and other packages' warnings into the log."""
    logging.captureWarnings(capture=True)
    if not verbose:
        logging.getLogger("py.warnings").addHandler(logging.NullHandler())
        logging.lastResort = None
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    logging.getLogger("atlastumor").setLevel(logging.INFO if verbose == 1 else logging.DEBUG)

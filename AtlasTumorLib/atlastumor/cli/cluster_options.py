"""Where work is done beside this process, as words of the command line: GPUs, a cluster, Slurm."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DeviceError, UsageError

if TYPE_CHECKING:
    from ..cohorts.settings import BatchSettings
    from ..executors.agreement import Agreement
    from ..executors.dask_client import Tls
    from ..executors.dask_cluster import DaskExecutor

__all__ = ["add_cluster_options", "check_gpus", "open_cluster", "open_cohort_cluster"]

_DECIDING = ("numpy", "scipy", "torch", "distributed")
"""Packages of which another version may give other results, or be misunderstood."""
_PATIENCE_S = 120.0


def add_cluster_options(group: argparse._ArgumentGroup) -> None:
    """Declare options of a cluster.

    Args:
        group: Of a subcommand whose jobs a cluster can do.
    """
    group.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster, tcp://HOST:8786")
    group.add_argument(
        "--slurm", metavar="KEY=VALUE,...", help="workers that Slurm starts, such as jobs=4,..."
    )
    group.add_argument("--tls-ca", type=Path, metavar="FILE", help="who signs, for tls://HOST:8786")
    group.add_argument("--tls-cert", type=Path, metavar="FILE", help="certificate of this side")
    group.add_argument("--tls-key", type=Path, metavar="FILE", help="key of the certificate")
    group.add_argument(
        "--patience",
        type=_parse_seconds,
        metavar="SECONDS",
        help="without scheduler or workers (120; with --slurm as long as it takes)",
    )


def open_cluster(
    options: argparse.Namespace,
    *,
    say: Callable[[str], None],
    folders: Sequence[Path] = (),
    agreements: Sequence[Agreement] = (),
    n_each: int | None = None,
) -> DaskExecutor | None:
    """Plan the cluster that the options name; nothing is connected yet.

    Args:
        options: What `add_cluster_options` declares.
        say: Told of workers that come and go.
        folders: Where every worker must be able to write.
        agreements: What must be the same on every worker, beside versions.
        n_each: Jobs that a worker gets at a time; None for as many as it has threads.

    Returns:
        The executor; None if the options name no cluster.

    Raises:
        AtlasTumorError: If the options do not go together or cannot be read.
    """
    tls = _read_tls(options)
    if options.scheduler and options.slurm:
        msg = "Give one of --scheduler and --slurm"
        raise UsageError(msg)
    if not options.scheduler and not options.slurm:
        if tls is not None:
            msg = "Certificates are for --scheduler or --slurm; give one of them, too"
            raise UsageError(msg)
        return None
    from ..executors.agreement import agree_on_versions  # noqa: PLC0415 - others do without
    from ..executors.dask_cluster import DaskExecutor  # noqa: PLC0415
    from ..executors.slurm import parse_slurm  # noqa: PLC0415

    return DaskExecutor(
        options.scheduler or parse_slurm(options.slurm, tls).start,
        tls=tls,
        n_each=n_each,
        agreements=(*agree_on_versions(_DECIDING), *agreements),
        folders=folders,
        patience_s=options.patience or (_PATIENCE_S if options.scheduler else math.inf),
        say=say,
    )


def _parse_seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not seconds > 0:
        msg = f"'{text}' is no number of seconds"
        raise argparse.ArgumentTypeError(msg)
    return seconds


def open_cohort_cluster(
    options: argparse.Namespace,
    settings: BatchSettings,
    *,
    directory: Path,
    inputs: Sequence[str | Path],
    say: Callable[[str], None],
) -> DaskExecutor | None:
    """Plan the cluster for a cohort; GPUs of this computer are looked for, too.

    Args:
        options: What `add_cluster_options` declares, and `workers` and `gpus`.
        settings: What is done with every case.
        directory: For the results.
        inputs: Files, folders and patterns.
        say: Told of workers that come and go.

    Returns:
        The executor; None if the work is done on this computer.

    Raises:
        AtlasTumorError: If the options do not go together, or a GPU is not there.
    """
    chosen = [name for name in ("workers", "gpus", "scheduler", "slurm") if getattr(options, name)]
    if len(chosen) > 1:
        msg = f"Give one of {' and '.join(f'--{name}' for name in chosen)}"
        raise UsageError(msg)
    check_gpus(options.gpus)
    if not (options.scheduler or options.slurm):
        return open_cluster(options, say=say)  # which only looks for what makes no sense
    from ..cohorts.agreeing import agree_on_cohort  # noqa: PLC0415 - others do without
    from ..cohorts.folder import CohortFolder  # noqa: PLC0415

    return open_cluster(
        options,
        say=say,
        folders=[CohortFolder(directory).staging],
        agreements=agree_on_cohort(settings, inputs),
    )


def _read_tls(options: argparse.Namespace) -> Tls | None:
    """The three files, of which each needs the others."""
    files = (options.tls_ca, options.tls_cert, options.tls_key)
    if not any(files):
        return None
    if not all(files):
        msg = "Encryption needs all of --tls-ca, --tls-cert and --tls-key"
        raise UsageError(msg)
    for file in files:
        if not file.is_file():
            msg = f"There is no file '{file}'; see the options --tls-ca, --tls-cert and --tls-key"
            raise UsageError(msg)
    from ..executors.dask_client import Tls  # noqa: PLC0415 - others do without

    return Tls(*(file.resolve() for file in files))


def check_gpus(numbers: Sequence[int]) -> None:
    """Make sure that GPUs are there before workers are started on them.

    Args:
        numbers: As CUDA counts them.

    Raises:
        DeviceError: If one is not there; says how many are.
    """
    if not numbers:
        return
    import torch  # noqa: PLC0415 - takes seconds

    n = torch.cuda.device_count()
    missing = [str(number) for number in numbers if number >= n]
    if missing:
        there = f"there are {n}, from 0 to {n - 1}" if n else "none can be used here"
        msg = f"There is no GPU {', '.join(missing)}: {there}. See `nvidia-smi`."
        raise DeviceError(msg)

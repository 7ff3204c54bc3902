"""Several processes that train one network, as `torchrun` starts them, on one machine or many."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import distributed

from ..errors import UsageError

__all__ = ["Processes", "join_processes"]

_PATIENCE = timedelta(hours=12)  # the others wait while the first prepares scans and validates


@dataclass(frozen=True)
class Processes:
    """This process among those of a run.

    Args:
        rank: Its number, from 0.
        size: How many there are.
        local_rank: Its number on its machine.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def is_first(self) -> bool:
        """Whether it is the one that writes."""
        return self.rank == 0

    def wait(self) -> None:
        """Wait until all have come here."""
        if self.size > 1:
            distributed.barrier()

    def average(self, values: torch.Tensor) -> torch.Tensor:
        """Average numbers over the processes.

        Args:
            values: Of any shape.

        Returns:
            The mean, the same in every process.
        """
        if self.size > 1:
            distributed.all_reduce(values)
        return values / self.size

    def spread(self, network: torch.nn.Module) -> torch.nn.Module:
        """Make a network average its gradients over the processes.

        Args:
            network: On its device.

        Returns:
            What to call in its place.
        """
        if self.size == 1:
            return network
        # Heads of deeper levels get no gradient where they are not trained.
        return torch.nn.parallel.DistributedDataParallel(network, find_unused_parameters=True)


@contextmanager
def join_processes(*, cuda: bool) -> Iterator[Processes]:
    """Join the processes that `torchrun` started; without it there is this one alone.

    Args:
        cuda: Whether they compute on GPUs, and so speak by NCCL instead of Gloo.

    Yields:
        This process.

    Raises:
        UsageError: If the environment is half of torchrun's.
    """
    try:
        size = int(os.environ.get("WORLD_SIZE", "1"))
        here = Processes(
            int(os.environ.get("RANK", "0")), size, int(os.environ.get("LOCAL_RANK", "0"))
        )
    except ValueError as error:
        msg = "RANK, WORLD_SIZE and LOCAL_RANK must be numbers; start several with torchrun."
        raise UsageError(msg) from error
    if size == 1:
        yield here
        return
    distributed.init_process_group("nccl" if cuda else "gloo", timeout=_PATIENCE)
    try:
        yield here
    finally:
        distributed.destroy_process_group()

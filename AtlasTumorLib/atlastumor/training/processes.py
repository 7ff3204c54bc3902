"""Several processes that train one network, as `torchrun` starts them, on one machine or many."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import distributed

from ..errors import InputError, UsageError

__all__ = ["ALONE", "Processes", "join_processes"]

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

    def divide(self, batch: int) -> int:
        """Divide what a step learns from among the processes.

        Args:
            batch: How many patches it has.

        Returns:
            How many each process has.

        Raises:
            InputError: If that is no whole number.
        """
        if batch % self.size:
            msg = f"A step's {batch} patches cannot be shared by {self.size} processes."
            raise InputError(msg)
        return batch // self.size

    def share(self, start: int, stop: int, batch: int) -> Iterator[list[int]]:
        """Share out the numbers of what each step learns from.

        Args:
            start: First step.
            stop: Step behind the last.
            batch: How many each step has, over all processes.

        Yields:
            For each step the numbers of this process; they do not depend on `start`.
        """
        for step in range(start, stop):
            yield list(range(step * batch + self.rank, (step + 1) * batch, self.size))

    def choose_gpu(self, device: str) -> str:
        """Give each process on a machine a GPU of its own.

        Args:
            device: "cpu" or a CUDA device.

        Returns:
            The same, or of several GPUs this process's.
        """
        if self.size == 1 or not device.startswith("cuda"):
            return device
        torch.cuda.set_device(self.local_rank)
        return f"cuda:{self.local_rank}"

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

    def spread(self, network: torch.nn.Module, *, partly: bool = False) -> torch.nn.Module:
        """Make a network average its gradients over the processes.

        Args:
            network: On its device.
            partly: Whether a step may leave some of its weights without a gradient.

        Returns:
            What to call in its place.
        """
        if self.size == 1:
            return network
        return torch.nn.parallel.DistributedDataParallel(network, find_unused_parameters=partly)


ALONE = Processes()
"""One process without others."""


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

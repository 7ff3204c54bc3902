"""How many cases an hour a cluster gets through, and what holds it up: plain arithmetic.

A worker reads, computes and writes at the same time for different cases, so it is as fast as its
engine, unless it has too few cases under way to hide the rest. All workers share one storage, and
one runner that hands out and commits case after case. The slowest of these is the answer; queues
and the filling of the pipeline at the beginning and end are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Costs", "Machines", "Rate", "predict"]

HOUR_S = 3600.0


@dataclass(frozen=True)
class Costs:
    """What one case takes, on the average.

    Args:
        read_s: To read and decode it.
        engine_s: Of the engine: preprocessing, network, measuring.
        write_s: To write the result.
        runner_s: Of the runner: hand out, verify, put in place, commit.
        read_mb: Of the input.
        write_mb: Of the result.
    """

    read_s: float
    engine_s: float
    write_s: float
    runner_s: float
    read_mb: float
    write_mb: float


@dataclass(frozen=True)
class Machines:
    """What there is.

    Args:
        n_workers: One for each GPU, or each engine on CPUs.
        n_threads: Cases under way in each.
        storage_read_mb_s: That all workers share; infinite if unknown.
        storage_write_mb_s: Likewise.
    """

    n_workers: int
    n_threads: int = 3
    storage_read_mb_s: float = float("inf")
    storage_write_mb_s: float = float("inf")


@dataclass(frozen=True)
class Rate:
    """The answer.

    Args:
        cases_per_hour: Of all workers together.
        bottleneck: What holds them up.
        busy: Share of the engines' time in which they work, in [0, 1].
    """

    cases_per_hour: float
    bottleneck: str
    busy: float

    def cost(self, n_cases: int, n_workers: int, price_per_hour: float) -> float:
        """What cases cost, in the currency of the price.

        Args:
            n_cases: How many.
            n_workers: That are paid for.
            price_per_hour: Of one worker with its GPU.
        """
        return n_cases / self.cases_per_hour * n_workers * price_per_hour


def predict(costs: Costs, machines: Machines) -> Rate:
    """Find what holds the cases up, and how many get through.

    Args:
        costs: Of a case.
        machines: That work.

    Returns:
        The rate.
    """
    total_s = costs.read_s + costs.engine_s + costs.write_s
    limits = {
        "engine": machines.n_workers / costs.engine_s,
        "cases under way": machines.n_workers * machines.n_threads / total_s,
        "storage, reading": machines.storage_read_mb_s / costs.read_mb,
        "storage, writing": machines.storage_write_mb_s / costs.write_mb,
        "runner": 1.0 / costs.runner_s,
    }
    name = min(limits, key=lambda one: limits[one])
    rate = limits[name]
    return Rate(rate * HOUR_S, name, rate * costs.engine_s / machines.n_workers)

from __future__ import annotations

import pytest
from Benchmarks.throughput import Costs, Machines, predict

COSTS = Costs(read_s=1.0, engine_s=2.0, write_s=1.0, runner_s=0.01, read_mb=50.0, write_mb=5.0)


@pytest.mark.parametrize(
    ("machines", "per_hour", "bottleneck", "busy"),
    [
        (Machines(1), 1800.0, "engine", 1.0),
        (Machines(4), 7200.0, "engine", 1.0),
        (Machines(4, n_threads=1), 3600.0, "cases under way", 0.5),
        (Machines(1000), 360_000.0, "runner", 0.2),
        (Machines(100, storage_read_mb_s=500.0), 36_000.0, "storage, reading", 0.2),
        (Machines(100, storage_write_mb_s=50.0), 36_000.0, "storage, writing", 0.2),
    ],
)
def test_the_slowest_part_sets_the_pace(
    machines: Machines, per_hour: float, bottleneck: str, busy: float
) -> None:
    rate = predict(COSTS, machines)

    assert rate.cases_per_hour == pytest.approx(per_hour)
    assert rate.bottleneck == bottleneck
    assert rate.busy == pytest.approx(busy)


def test_workers_that_wait_cost_as_much_as_those_that_work() -> None:
    rate = predict(COSTS, Machines(1000))

    assert rate.cost(360_000, 1000, 2.0) == pytest.approx(2000.0)

"""Seconds per scan: only while it is shown, long breaks capped and said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from atlastumor.review import Entry, Stopwatch, measure_times
from Backend.review.examples import REMOVE, REVISE, decide


class Clock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def a_clock() -> Clock:
    return Clock()


def lines_of(*entries: Entry) -> list[Entry]:
    return [replace(entry, n=number) for number, entry in enumerate(entries, start=2)]


def test_seconds_count_only_while_a_scan_is_shown(a_clock: Clock) -> None:
    watch = Stopwatch(clock=a_clock)
    a_clock.now += 50
    watch.start()
    a_clock.now += 4
    watch.stop()
    a_clock.now += 1000
    watch.start()
    a_clock.now += 3

    assert watch.take() == (7.0, 0.0)
    assert watch.take() == (0.0, 0.0)


def test_a_long_break_counts_as_the_limit_and_the_rest_is_kept(a_clock: Clock) -> None:
    watch = Stopwatch(60.0, clock=a_clock)
    watch.start()
    a_clock.now += 5
    watch.touch()
    a_clock.now += 100

    assert watch.take() == (65.0, 40.0)


def test_signs_of_the_reader_keep_slow_reading_whole(a_clock: Clock) -> None:
    watch = Stopwatch(60.0, clock=a_clock)
    watch.start()
    for _ in range(5):
        a_clock.now += 30
        watch.touch()

    assert watch.take() == (150.0, 0.0)


def test_the_median_is_over_finished_scans_with_undone_work_counted() -> None:
    lines = lines_of(
        decide("accept", seconds=4.0),
        decide("undo", undoes=2, seconds=1.0),
        decide("reject", seconds=2.0),
        decide("done", "", seconds=0.0),  # case-1: 7 s
        decide("accept", scan="case-2", seconds=3.0),
        decide("done", "", scan="case-2", seconds=2.0),  # case-2: 5 s
        decide("done", "", scan="case-3", seconds=30.0, idle_seconds=15.0),
        decide("accept", scan="case-4", seconds=500.0),  # not finished
        decide("done", "", role=REVISE, seconds=100.0),  # another role
    )

    times = measure_times(lines, REMOVE)

    assert (times.n_scans, times.median_s, times.total_s) == (3, 7.0, 42.0)
    assert (times.low_s, times.high_s) == (6.0, 18.5)
    assert (times.n_breaks, times.idle_s) == (1, 15.0)
    assert times.saved_minutes == pytest.approx((900 - 42) / 60)
    assert measure_times(lines, REVISE).median_s == 100.0


def test_two_readers_of_one_scan_are_two_readings() -> None:
    lines = lines_of(
        decide("done", "", seconds=4.0),
        decide("done", "", who="Bob", seconds=10.0),
        decide("accept", who="Eve", seconds=1.0),  # did not finish it
    )

    times = measure_times(lines, REMOVE)

    assert (times.n_scans, times.median_s) == (2, 7.0)


def test_the_report_says_what_it_compares_with_and_what_it_left_out() -> None:
    lines = lines_of(decide("done", "", seconds=10.0, idle_seconds=40.0))

    text = measure_times(lines, REMOVE).describe()

    assert text.startswith("10.0 s per scan, median of 1 finished")
    assert "2 times its 5 s" in text
    assert "4.8 min saved" in text
    assert "not measured here" in text
    assert "1 breaks were longer than 60 s" in text
    assert "40 s are left out" in text


def test_without_a_finished_scan_there_is_no_time() -> None:
    times = measure_times(lines_of(decide("accept", seconds=9.0)), REMOVE)

    assert times.median_s is None
    assert times.saved_minutes is None
    assert "No scan is finished" in times.describe()

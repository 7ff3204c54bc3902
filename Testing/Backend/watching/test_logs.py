"""Logs: one JSON object a line, and nothing in them that could tell who a patient is."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from atlastumor.errors import OutputError
from atlastumor.watching.logs import hash_case, log_event, set_up_logs

NAME, UID = "Doe^Jane", "1.2.840.113619.2.55.3.42"


@pytest.fixture(autouse=True)
def _root_logger_as_before() -> Iterator[None]:
    root, own = logging.getLogger(), logging.getLogger("atlastumor.watching.events")
    before = root.handlers[:], root.level, own.level
    yield
    for handler in root.handlers:
        if handler not in before[0]:
            handler.close()
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    own.setLevel(before[2])
    logging.captureWarnings(capture=False)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_an_event_is_one_json_object(tmp_path: Path) -> None:
    set_up_logs(tmp_path / "log")

    log_event("segmented", case="Doe_Jane_CT", seconds=1.5, stage="reading")

    [line] = lines(tmp_path / "log")
    assert line.pop("time")
    assert line == {
        "level": "INFO",
        "event": "segmented",
        "case": hash_case("Doe_Jane_CT"),
        "seconds": 1.5,
        "stage": "reading",
    }
    assert "Doe" not in (tmp_path / "log").read_text()


@pytest.mark.parametrize("text", [NAME, UID, "/data/scan.nii", "two words", ""])
def test_an_event_takes_no_text_that_a_scan_could_have_written(text: str) -> None:
    with pytest.raises(ValueError, match="single words"):
        log_event("segmented", error=text)


def test_what_packages_say_is_not_repeated(tmp_path: Path) -> None:
    set_up_logs(tmp_path / "log")

    logging.getLogger("first").error("Patient %s, %s", NAME, UID)
    logging.getLogger("second").info("Patient %s", NAME)
    logging.getLogger("py.warnings").warning("Series %s", UID)
    try:
        raise ValueError(NAME)
    except ValueError:
        logging.getLogger("other").exception("No %s", UID)

    text = (tmp_path / "log").read_text()
    assert NAME not in text
    assert UID not in text
    assert [line["logger"] for line in lines(tmp_path / "log")] == [
        "first",
        "py.warnings",
        "other",
    ]
    assert lines(tmp_path / "log")[-1]["error"] == "ValueError"


def test_at_debug_all_is_written(tmp_path: Path) -> None:
    set_up_logs(tmp_path / "log", level=logging.DEBUG)

    logging.getLogger("second").debug("Series %s", UID)

    assert lines(tmp_path / "log")[0]["text"] == f"Series {UID}"


def test_a_log_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="Name another file"):
        set_up_logs(tmp_path / "no folder" / "log")

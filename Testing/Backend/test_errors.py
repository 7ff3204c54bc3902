"""Errors as they reach the user from wherever they were raised."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor

import pytest

from atlastumor import errors
from atlastumor.errors import UnknownKeyError
from atlastumor.organs import find_organ

ONE_MESSAGE = [name for name in errors.__all__ if name != "UnknownKeyError"]


@pytest.mark.parametrize("name", ONE_MESSAGE)
def test_an_error_survives_the_way_between_processes(name):
    error = getattr(errors, name)("It cannot be used.")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == "It cannot be used."


def test_an_unknown_key_reaches_the_user_from_a_worker_process():
    with (
        ProcessPoolExecutor(1) as executor,
        pytest.raises(UnknownKeyError, match=r"There is no organ 'spline'\. Choose one of: colon,"),
    ):
        executor.submit(find_organ, "spline").result()

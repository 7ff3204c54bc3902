"""Fetching weights that others published: with consent and a matching hash, or not at all."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from atlastumor.errors import Cancelled, OutputError, UsageError, WeightsError
from atlastumor.models.fetching import fetch_file
from atlastumor.models.published import find_file
from atlastumor.progress import Progress
from Backend.models.shelf import CONTENT, Shelf, a_shelf, offer


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with a_shelf() as server:
        yield server


def noting(fractions: list[float]) -> Progress:
    return lambda fraction, _stage: fractions.append(fraction)


def test_with_consent_the_file_comes_and_is_found(shelf: Shelf, tmp_path: Path) -> None:
    fractions: list[float] = []
    folder = tmp_path / "models"
    published = offer(shelf.address)

    path = fetch_file(
        published,
        folder,
        consent=True,
        progress=noting(fractions),
    )

    assert path.read_bytes() == CONTENT
    assert find_file(published, folder) == path
    assert fractions[0] == 0.0
    assert fractions == sorted(fractions)
    assert [one.name for one in folder.iterdir()] == ["w.pt"]


def test_without_consent_nothing_is_asked_for(shelf: Shelf, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"w\.pt \(3 MB\).*consent.*CC BY-NC-ND.*127\.0\.0\.1"):
        fetch_file(offer(shelf.address), tmp_path, consent=False)
    assert not shelf.ranges
    assert not list(tmp_path.iterdir())


def test_without_a_known_hash_nothing_is_asked_for(shelf: Shelf, tmp_path: Path) -> None:
    published = offer(shelf.address, sha256="")

    with pytest.raises(WeightsError, match=r"its hash is not known.*yourself and put it into"):
        fetch_file(published, tmp_path, consent=True)
    assert not shelf.ranges


def test_another_file_than_the_published_one_is_not_kept(shelf: Shelf, tmp_path: Path) -> None:
    shelf.content = CONTENT[::-1]

    with pytest.raises(WeightsError, match=r"not the published file.*SHA-256.*not kept"):
        fetch_file(offer(shelf.address), tmp_path, consent=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"<html>please log in</html>", CONTENT * 2])
def test_a_file_of_another_size_is_not_even_read(
    shelf: Shelf, tmp_path: Path, content: bytes
) -> None:
    shelf.content = content
    fractions: list[float] = []

    with pytest.raises(WeightsError, match=r"MB where about 3 MB are due"):
        fetch_file(
            offer(shelf.address),
            tmp_path,
            consent=True,
            progress=noting(fractions),
        )
    assert not fractions
    assert not list(tmp_path.iterdir())


def test_an_older_file_stays_until_the_new_one_is_whole(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "w.pt").write_bytes(b"old")
    shelf.breaks_after = 1_000_000

    with pytest.raises(WeightsError, match="broke off"):
        fetch_file(offer(shelf.address), tmp_path, consent=True)
    assert (tmp_path / "w.pt").read_bytes() == b"old"
    shelf.breaks_after = None
    fetch_file(offer(shelf.address), tmp_path, consent=True)
    assert (tmp_path / "w.pt").read_bytes() == CONTENT


def test_a_connection_that_breaks_off_is_gone_on_with(shelf: Shelf, tmp_path: Path) -> None:
    published, fractions = offer(shelf.address), list[float]()
    shelf.breaks_after = 2_000_000
    with pytest.raises(WeightsError, match=r"broke off after 2\.0 of 3\.2 MB of w\.pt.*again"):
        fetch_file(published, tmp_path, consent=True)
    with pytest.raises(WeightsError, match=r"\(difftumor|'difftumor' needs weights"):
        find_file(published, tmp_path)

    fetch_file(
        published,
        tmp_path,
        consent=True,
        progress=noting(fractions),
    )

    assert shelf.ranges == ["", "bytes=2000000-"]
    assert fractions[0] == pytest.approx(2.0 / 3.2)
    assert (tmp_path / "w.pt").read_bytes() == CONTENT
    assert [one.name for one in tmp_path.iterdir()] == ["w.pt"]


def test_a_server_that_cannot_go_on_begins_anew(shelf: Shelf, tmp_path: Path) -> None:
    shelf.takes_ranges = False
    (tmp_path / ".w.pt.part").write_bytes(CONTENT[:700_000])

    path = fetch_file(offer(shelf.address), tmp_path, consent=True)

    assert path.read_bytes() == CONTENT


def test_what_was_begun_with_another_file_is_thrown_away(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / ".w.pt.part").write_bytes(b"x" * 700_000)

    with pytest.raises(WeightsError, match="not the published file"):
        fetch_file(offer(shelf.address), tmp_path, consent=True)

    assert not list(tmp_path.iterdir())
    assert fetch_file(offer(shelf.address), tmp_path, consent=True).read_bytes() == CONTENT


def test_a_download_that_was_killed_at_its_end_needs_no_network(tmp_path: Path) -> None:
    (tmp_path / ".w.pt.part").write_bytes(CONTENT)

    path = fetch_file(offer("http://127.0.0.1:9"), tmp_path, consent=True)

    assert path.read_bytes() == CONTENT


def test_cancelling_keeps_what_came_under_no_name_of_weights(shelf: Shelf, tmp_path: Path) -> None:
    def stop(fraction: float, _stage: str) -> None:
        if fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        fetch_file(offer(shelf.address), tmp_path, consent=True, progress=stop)

    assert [one.name for one in tmp_path.iterdir()] == [".w.pt.part"]
    assert fetch_file(offer(shelf.address), tmp_path, consent=True).read_bytes() == CONTENT
    assert shelf.ranges[1].startswith("bytes=")


def test_two_at_once_do_not_write_into_one_another(shelf: Shelf, tmp_path: Path) -> None:
    def try_again(_fraction: float, _stage: str) -> None:
        with pytest.raises(OutputError, match="already; wait"):
            fetch_file(offer(shelf.address), tmp_path, consent=True)
        seen.append(threading.get_ident())

    seen: list[int] = []

    assert fetch_file(offer(shelf.address), tmp_path, consent=True, progress=try_again).is_file()
    assert seen


@pytest.mark.parametrize("name", ["gone.pt", "w.pt"])
def test_a_server_that_has_nothing_or_is_not_there_is_named(
    shelf: Shelf, tmp_path: Path, name: str
) -> None:
    address = shelf.address if name == "gone.pt" else "http://127.0.0.1:9"
    gone = offer(address, url=f"{address}/{name}")

    with pytest.raises(WeightsError, match=rf"{name} cannot be fetched \(.*again"):
        fetch_file(gone, tmp_path, consent=True)
    assert not list(tmp_path.iterdir())


# To whom the request is handed on.


def test_the_same_host_may_hand_the_request_on(shelf: Shelf, tmp_path: Path) -> None:
    shelf.redirect = f"{shelf.address}/w.pt"
    published = offer(shelf.address, url=f"{shelf.address}/moved.pt")

    assert fetch_file(published, tmp_path, consent=True).read_bytes() == CONTENT


def test_a_stranger_is_not_asked(shelf: Shelf, tmp_path: Path) -> None:
    shelf.redirect = f"http://localhost:{shelf.server_port}/w.pt"
    published = offer(shelf.address, url=f"{shelf.address}/moved.pt")

    with pytest.raises(WeightsError, match=r"127\.0\.0\.1 hands w\.pt on to http://localhost"):
        fetch_file(published, tmp_path, consent=True)
    assert not shelf.ranges
    assert not list(tmp_path.iterdir())

    known = replace(published, domains=("localhost",))
    assert fetch_file(known, tmp_path, consent=True).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("to", "is_followed"),
    [
        ("https://cdn-lfs-us-1.hf.co/x", True),
        ("https://hf.co/x", True),
        ("https://huggingface.co/x", True),
        ("http://huggingface.co/x", False),
        ("http://cdn-lfs-us-1.hf.co/x", False),
        ("https://evilhf.co/x", False),
        ("https://hf.co.evil.org/x", False),
        ("ftp://hf.co/x", False),
    ],
)
def test_real_files_may_come_from_their_hosts_own_servers_over_https_alone(
    to: str, is_followed: bool
) -> None:
    from urllib.request import Request

    from atlastumor.models.catalog import list_published
    from atlastumor.models.downloading import _Redirects

    for published in list_published():
        handler = _Redirects(published)
        words = (Request(published.url), None, 302, "Found", {}, to)
        if is_followed:
            assert handler.redirect_request(*words).full_url == to
        else:
            with pytest.raises(WeightsError, match="not known to offer it"):
                handler.redirect_request(*words)


# Where it is written.


def test_a_folder_that_cannot_be_made_is_an_error_of_output(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(OutputError, match=r"w\.pt cannot be written"):
        fetch_file(offer(shelf.address), tmp_path / "file", consent=True)


def test_too_small_a_disk_is_said_before_anything_comes(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=1_000_000))

    with pytest.raises(OutputError, match=r"needs 3 MB of free space, but there are only 1 MB"):
        fetch_file(offer(shelf.address), tmp_path, consent=True)
    assert not list(tmp_path.iterdir())


def test_a_disk_that_fills_up_meanwhile_leaves_nothing(shelf: Shelf, tmp_path: Path) -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, limits[1]))
    try:
        with pytest.raises(OutputError, match=r"w\.pt cannot be written.*large.*Free some space"):
            fetch_file(offer(shelf.address), tmp_path, consent=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())

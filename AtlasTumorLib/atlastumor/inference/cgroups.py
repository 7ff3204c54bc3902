"""The memory limits that containers set, read from Linux control groups of both versions."""

from __future__ import annotations

from pathlib import Path

__all__ = ["read_limits"]

_FILES = {
    "": ("memory.max", "memory.current"),
    "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes"),
}
_RECLAIMABLE = ("inactive_file", "total_inactive_file")


def read_limits(
    root: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")
) -> list[tuple[int, int]]:
    """Read (limit, used) bytes of every control group around this process that has a limit.

    Version 2 keeps one tree under `root`, version 1 one for memory under `root/memory`; a limit of
    a parent binds its children, so the walk goes up.

    Args:
        root: Where the control groups are mounted.
        membership: The file that says in which groups this process is.

    Returns:
        One pair per limit; empty where there are none, or no control groups at all.
    """
    found: list[tuple[int, int]] = []
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return found
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        base = root / controllers
        folder = base / path.strip("/")
        for place in [folder, *folder.parents]:
            pair = _read_limit(place, *_FILES[controllers])
            if pair is not None:
                found.append(pair)
            if place == base:
                break
    return found


def _read_limit(folder: Path, limit_name: str, used_name: str) -> tuple[int, int] | None:
    """Read (limit, used) of one control group; None where it has none."""
    try:
        limit = int((folder / limit_name).read_text())
        used = int((folder / used_name).read_text())
    except (OSError, ValueError):  # "max" in version 2 is no number
        return None
    return limit, used - _read_reclaimable(folder / "memory.stat")


def _read_reclaimable(stat: Path) -> int:
    """Read how much of a group's use is file cache that gives way under pressure."""
    try:
        pairs = [line.split() for line in stat.read_text().splitlines()]
    except OSError:
        return 0
    values = {name: int(value) for name, value in (p for p in pairs if len(p) == 2)}
    return next((values[name] for name in reversed(_RECLAIMABLE) if name in values), 0)

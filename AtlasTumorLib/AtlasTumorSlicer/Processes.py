"""Ending a process together with everything that it started.

PythonSlicer is a launcher that starts the real interpreter, so ending the launcher alone would
leave the worker running. psutil does this well and is among the worker's packages; until they are
installed, the operating system's own tools do it.
"""

import contextlib
import os
import signal
import subprocess

__all__ = ["killTree"]

_WAIT_SECONDS = 5


def killTree(pid: int) -> None:
    """End a process and all its descendants now; those already gone are passed over.

    Args:
        pid: The topmost process.
    """
    try:
        import psutil
    except ImportError:
        _killWithoutPsutil(pid)
        return
    try:
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    # The topmost one is Qt's child: Qt reaps it, so waiting for it here would only take time.
    psutil.wait_procs(family[1:], timeout=_WAIT_SECONDS)


def _killWithoutPsutil(pid: int) -> None:
    if os.name == "nt":
        subprocess.run(
            ["taskkill", "/PID", str(pid), "/T", "/F"],
            capture_output=True,
            check=False,
            creationflags=subprocess.CREATE_NO_WINDOW,
        )
        return
    for one in [pid, *_descendants(pid)]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)


def _descendants(pid: int) -> list[int]:
    """Children, their children and so on, from the process table of a POSIX system."""
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout
    children: dict[int, list[int]] = {}
    for line in listing.splitlines():
        child, parent = (int(word) for word in line.split())
        children.setdefault(parent, []).append(child)
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found

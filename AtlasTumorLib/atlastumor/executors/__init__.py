"""Who runs many independent jobs: processes of this computer, or a Dask cluster.

Knows nothing of scans or networks: a job is a function of a module's top level and its argument.
"""

from __future__ import annotations

from .local import LocalExecutor, count_cores
from .protocol import Ended, Executor

__all__ = ["Ended", "Executor", "LocalExecutor", "count_cores"]

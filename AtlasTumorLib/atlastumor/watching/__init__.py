"""A service that segments each scan that arrives and sends the result back.

Knows cohorts, executors and hospital. Scans arrive in a folder or at a DICOM port; what becomes of
them is in the journal that a cohort has, so that a restart loses and repeats nothing.
"""

from __future__ import annotations

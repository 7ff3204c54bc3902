"""Fixtures of the service."""

from __future__ import annotations

from Backend.hospital.orthanc import an_orthanc
from Backend.watching.process import a_models_folder

__all__ = ["a_models_folder", "an_orthanc"]

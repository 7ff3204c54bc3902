"""Fixtures of the DICOM network."""

from __future__ import annotations

from Backend.hospital.orthanc import an_orthanc

__all__ = ["an_orthanc"]

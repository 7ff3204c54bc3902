"""The seam between Slicer and the backend: the only shared code that may import slicer, qt or vtk.

Importing this package imports nothing of Slicer yet; each file imports what it needs. Nothing here
ever imports torch: heavy work runs in a process of its own (`Jobs`).
"""

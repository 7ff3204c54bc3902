"""Inside Slicer: run every self-test of `Testing/Slicer` and exit with what it came to."""

import unittest
from pathlib import Path

import slicer.util

folder = Path("Testing/Slicer").resolve()
suite = unittest.defaultTestLoader.discover(str(folder), pattern="*Test.py")
outcome = unittest.TextTestRunner(verbosity=2).run(suite)
slicer.util.exit(0 if outcome.testsRun and outcome.wasSuccessful() else 1)

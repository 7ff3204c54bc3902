"""The test host: real MRML and VTK, PySide6 in the place of Slicer's PythonQt.

It runs the extension's scripted modules and their `.ui` files without the Slicer application.
What it cannot see is written in `Testing/Host/README.md`. Start it with `host.session.start()`,
or through the pytest fixtures of `host.plugin`.
"""

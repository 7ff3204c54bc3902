"""Start the test host once per process and reset it between tests.

After `start()` the modules `slicer`, `qt`, `ctk`, `vtk` and `SampleData` can be imported as inside
Slicer. With the environment variable `ATLASTUMOR_SLICER_PYTHON` set to Slicer's own folder
`bin/Python/slicer`, Slicer's own Python layer runs in the place of the host's: the same tests in
both ways are the check on the host.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from host import qt_layer
from host.qt_connect import forget_connections
from host.qt_dialogs import USER, User

__all__ = ["Session", "start"]

_PYTHON_LAYER = Path(__file__).parent / "slicer_python"


@dataclass
class Session:
    """The running host."""

    folder: Path
    application: Any
    scene: Any
    slices: dict[str, Any]
    module_manager: Any
    vtk_errors: Any
    user: User = field(default_factory=lambda: USER)

    def load(self, path: Path) -> Any:
        """Load the scripted module at `path`, then complete the startup.

        Returns:
            The module; `widgetRepresentation().self()` is its Python widget.
        """
        module = self.module_manager.load(Path(path).resolve())
        self.application.startupCompleted.emit()
        forget_connections(self.application)
        return module

    def errors(self) -> list[str]:
        """Give what went wrong out of sight: in slots, in observers, inside VTK."""
        slots = [f"{type(one).__name__}: {one}" for one in qt_layer.slot_errors]
        return slots + self.vtk_errors.messages

    def forgive(self) -> None:
        """Forget the errors so far; for tests that expect them."""
        qt_layer.slot_errors.clear()
        self.vtk_errors.messages.clear()

    def reset(self) -> None:
        """Unload modules, close the scene, forget settings, dialogs and packages."""
        from PySide6.QtCore import QSettings

        self.module_manager.unload_all()
        forget_connections(self.application)
        self.application.processEvents()
        self.scene.Clear(False)
        QSettings().clear()
        self.user.reset()
        packaging = sys.modules.get("slicer.packaging")
        if packaging is not None and hasattr(packaging, "host_reset"):
            packaging.host_reset()


def _make_ctk() -> None:
    from host import ctk_containers, ctk_inputs, ctk_numbers
    from host.ui_loader import WIDGET_CLASSES

    ctk = ModuleType("ctk", "Stand-ins of CTK's widgets (test host)")
    for module in (ctk_containers, ctk_inputs, ctk_numbers):
        for name in module.__all__:
            setattr(ctk, name, getattr(module, name))
            WIDGET_CLASSES[name] = getattr(module, name)
    sys.modules["ctk"] = ctk


def _add_widgets(slicer: ModuleType) -> None:
    from host import module_manager, mrml_widgets, node_combo_box
    from host.ui_loader import WIDGET_CLASSES

    for module in (mrml_widgets, node_combo_box):
        for name in module.__all__:
            WIDGET_CLASSES[name] = getattr(module, name)
            setattr(slicer, name, getattr(module, name))
    for name in ("qSlicerScriptedLoadableModule", "qSlicerScriptedLoadableModuleWidget"):
        setattr(slicer, name, getattr(module_manager, name))


def _add_python_layer(slicer: ModuleType) -> None:
    real = os.environ.get("ATLASTUMOR_SLICER_PYTHON")
    slicer.__path__.append(real or str(_PYTHON_LAYER / "slicer"))
    sys.path.append(str(_PYTHON_LAYER))


@cache
def start() -> Session:
    """Start the host, or give the one that runs.

    Raises:
        ImportError: If slicer-core or PySide6 is not installed.
    """
    os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
    qt = qt_layer.install()
    import slicer

    from host import application, io_manager, layout, module_manager, scene, ui_loader

    folder = Path(tempfile.mkdtemp(prefix="test-host-"))
    qt.QUiLoader = ui_loader.UiLoader
    scene.alias_modules()
    _make_ctk()
    _add_widgets(slicer)
    app = slicer.app = application.make_application(folder)
    vtk_errors = scene.VtkErrors()
    real = scene.make_scene(folder)
    slicer.mrmlScene = real.scene
    manager = module_manager.qSlicerModuleManager(real.logics)
    own = app._host
    own.scene, own.application_logic, own.module_manager = (
        real.scene,
        real.application_logic,
        manager,
    )
    own.io_manager = io_manager.qSlicerCoreIOManager(real.scene)
    own.layout_manager = layout.qSlicerLayoutManager(real.slices)
    _add_python_layer(slicer)
    app.aboutToQuit.connect(lambda: shutil.rmtree(folder, ignore_errors=True))
    return Session(folder, app, real.scene, real.slices, manager, vtk_errors)

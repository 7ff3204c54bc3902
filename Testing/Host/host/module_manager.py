"""Load scripted modules as Slicer does, and answer for the C++ modules' logics.

After `Base/QTGUI/qSlicerScriptedLoadableModule*.cxx`.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any, ClassVar

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QVBoxLayout, QWidget

from host.mrml_widgets import qMRMLWidget
from host.stand_in import Property, state, stored, with_setters

__all__ = [
    "Modules",
    "qSlicerModuleManager",
    "qSlicerScriptedLoadableModule",
    "qSlicerScriptedLoadableModuleWidget",
]


class Modules:
    """`slicer.modules`: modules by their name in small letters, and what Slicer adds to it."""


@with_setters
class _CoreModule(QObject):
    """A C++ module: its name and its real logic."""

    name = Property(str, lambda self: state(self).name, constant=True)

    def logic(self) -> Any:
        """Give the logic."""
        return state(self).logic

    def widgetRepresentation(self) -> Any:
        """Give no widget: the C++ modules' panels exist only in Slicer."""
        return None


@with_setters
class qSlicerScriptedLoadableModule(QObject):
    """What a module class gets as `parent`."""

    name = Property(str, lambda self: state(self).name, constant=True)
    path = Property(str, lambda self: state(self).path, constant=True)
    title = stored("title", str, "")
    categories = stored("categories", list, [])
    contributors = stored("contributors", list, [])
    dependencies = stored("dependencies", list, [])
    associatedNodeTypes = stored("associatedNodeTypes", list, [])
    helpText = stored("helpText", str, "")
    acknowledgementText = stored("acknowledgementText", str, "")
    icon = stored("icon", QIcon, None)
    hidden = stored("hidden", bool, False)
    index = stored("index", int, -1)
    widgetRepresentationCreationEnabled = stored("widgetRepresentationCreationEnabled", bool, True)

    def widgetRepresentation(self) -> Any:
        """Give the panel, made when first asked for."""
        own = state(self)
        if own.widget is None and self.widgetRepresentationCreationEnabled:
            widget = qSlicerScriptedLoadableModuleWidget()
            widget.start(self)
            own.widget = widget  # not before: a panel that failed to set up is none
        return own.widget


@with_setters
class qSlicerScriptedLoadableModuleWidget(qMRMLWidget):
    """The panel of a module; its Python class gets it as `parent`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Make an empty panel."""
        super().__init__(parent)
        QVBoxLayout(self)
        own = state(self)
        own.python, own.entered, own.module = None, False, None

    isEntered = Property(bool, lambda self: state(self).entered)
    moduleName = Property(str, lambda self: state(self).module.name)

    def start(self, module: qSlicerScriptedLoadableModule) -> None:
        """Make the Python widget of `module` and set it up; called by the module alone."""
        import slicer

        own = state(self)
        own.module = module
        self.setMRMLScene(slicer.mrmlScene)
        self.setObjectName(f"{module.name}ModuleWidget")
        self.reload()

    def reload(self) -> None:
        """Make the Python widget anew from the module as it is now in `sys.modules`."""
        import slicer

        own = state(self)
        class_name = f"{own.module.name}Widget"
        widget_class = getattr(sys.modules[own.module.name], class_name)
        own.python = widget_class(self)
        setattr(slicer.modules, class_name, own.python)
        own.python.setup()

    def self(self) -> Any:
        """Give the Python widget."""
        return state(self).python

    def _call(self, name: str) -> None:
        method = getattr(state(self).python, name, None)
        if method is not None:
            method()

    def enter(self) -> None:
        """Open the panel."""
        state(self).entered = True
        self._call("enter")

    def exit(self) -> None:
        """Leave the panel."""
        state(self).entered = False
        self._call("exit")


@with_setters
class qSlicerModuleManager(QObject):
    """Loaded modules by name."""

    moduleLoaded = Signal(str)
    moduleAboutToBeUnloaded = Signal(str)
    host_signals: ClassVar = {
        "moduleLoaded(QString)": "moduleLoaded",
        "moduleAboutToBeUnloaded(QString)": "moduleAboutToBeUnloaded",
    }

    def __init__(self, logics: dict[str, Any]) -> None:
        """Serve the C++ modules' `logics`, by module name."""
        super().__init__()
        own = state(self)
        own.modules, own.python = {}, {}
        for name, logic in logics.items():
            module = own.modules[name] = _CoreModule(self)
            state(module).name, state(module).logic = name, logic
        self.publish()

    def publish(self) -> None:
        """Make `slicer.modules` afresh from the modules there are."""
        import slicer

        slicer.modules = Modules()
        for name, module in state(self).modules.items():
            setattr(slicer.modules, name.lower(), module)

    def factoryManager(self) -> Any:
        """Give who knows the names of the loaded modules."""
        return self

    def loadedModuleNames(self) -> list[str]:
        """Name the loaded modules."""
        return list(state(self).modules)

    modulesNames = loadedModuleNames

    def isLoaded(self, name: str) -> bool:
        """Whether a module is loaded."""
        return name in state(self).modules

    def module(self, name: str) -> Any:
        """Give a module, or None."""
        return state(self).modules.get(name)

    def load(self, path: Path) -> qSlicerScriptedLoadableModule:
        """Load the scripted module at `path`, as Slicer does at startup.

        Raises:
            AttributeError: If the file has no class of its own name.
        """
        import slicer

        name = path.stem
        if str(path.parent) not in sys.path:
            sys.path.insert(0, str(path.parent))
        specification = importlib.util.spec_from_file_location(name, path)
        code = importlib.util.module_from_spec(specification)
        sys.modules[name] = code
        specification.loader.exec_module(code)
        module = qSlicerScriptedLoadableModule(self)
        own = state(module)
        own.name, own.path, own.widget = name, str(path), None
        state(self).python[name] = getattr(code, name)(module)
        state(self).modules[name] = module
        setattr(slicer.modules, name.lower(), module)
        setattr(slicer.modules, f"{name}Instance", state(self).python[name])
        self.moduleLoaded.emit(name)
        return module

    def unload_all(self) -> None:
        """Unload every scripted module, panels first, as when Slicer closes."""
        own = state(self)
        for name in own.python:
            widget = state(own.modules[name]).widget
            if widget is not None and widget.isEntered:
                widget.exit()
            self.moduleAboutToBeUnloaded.emit(name)
        for name in list(own.python):
            folder = str(Path(own.modules[name].path).parent)
            for other in [key for key in sys.modules if _lies_in(key, folder)]:
                del sys.modules[other]
            if folder in sys.path:
                sys.path.remove(folder)
            own.modules.pop(name).deleteLater()
        own.python.clear()
        self.publish()


def _lies_in(module_name: str, folder: str) -> bool:
    file = getattr(sys.modules[module_name], "__file__", None) or ""
    return file.startswith(f"{folder}/")

"""Stand-in of `slicer.app` (properties from `Base/QTCore/qSlicerCoreApplication.h`)."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, ClassVar

from PySide6.QtCore import QProcessEnvironment, QSettings, Signal
from PySide6.QtWidgets import QApplication, QMainWindow

from host.stand_in import Property, state, with_setters

__all__ = ["make_application", "make_home"]

_VERSION = (5, 12, 4)


def _constant(kind: type, name: str) -> Property:
    return Property(kind, lambda self: getattr(state(self), name), constant=True)


@with_setters
class qSlicerApplication(QApplication):
    """The application object."""

    startupCompleted = Signal()
    mrmlSceneChanged = Signal(object)
    host_signals: ClassVar = {
        "startupCompleted()": "startupCompleted",
        "mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged",
    }

    slicerHome = _constant(str, "home")
    temporaryPath = _constant(str, "temporary")
    cachePath = _constant(str, "cache")
    extensionsInstallPath = _constant(str, "extensions")
    slicerUserSettingsFilePath = _constant(str, "settings_file")
    slicerRevisionUserSettingsFilePath = _constant(str, "settings_file")
    majorVersion = Property(int, lambda _: _VERSION[0], constant=True)
    minorVersion = Property(int, lambda _: _VERSION[1], constant=True)
    revision = Property(str, lambda _: "test host", constant=True)
    repositoryRevision = Property(str, lambda _: "test host", constant=True)
    os = Property(str, lambda _: "linux", constant=True)
    arch = Property(str, lambda _: "amd64", constant=True)
    platform = Property(str, lambda _: "linux-amd64", constant=True)
    isInstalled = Property(bool, lambda _: True, constant=True)
    documentationBaseUrl = Property(
        str, lambda _: "https://slicer.readthedocs.io/en/5.12/", constant=True
    )

    def moduleDocumentationUrl(self, module: str) -> str:
        """Give the address of a module's documentation."""
        return f"{self.documentationBaseUrl}user_guide/modules/{module.lower()}.html"

    def testingEnabled(self) -> bool:
        """Whether dialogs are skipped: never, the host answers them (see `host.qt_dialogs`)."""
        return False

    def mrmlScene(self) -> Any:
        """Give the scene."""
        return state(self).scene

    def applicationLogic(self) -> Any:
        """Give the application logic."""
        return state(self).application_logic

    def moduleManager(self) -> Any:
        """Give the module manager."""
        return state(self).module_manager

    def layoutManager(self) -> Any:
        """Give the layout manager."""
        return state(self).layout_manager

    def coreIOManager(self) -> Any:
        """Give the reader and writer of files."""
        return state(self).io_manager

    def ioManager(self) -> Any:
        """Give the reader and writer of files."""
        return state(self).io_manager

    def settings(self) -> QSettings:
        """Give the settings of this revision."""
        return QSettings()

    def userSettings(self) -> QSettings:
        """Give the settings of the user."""
        return QSettings()

    def revisionUserSettings(self) -> QSettings:
        """Give the settings of this revision."""
        return QSettings()

    def startupEnvironment(self) -> QProcessEnvironment:
        """Give the environment Slicer was started in: without its own PYTHONHOME and the like."""
        environment = QProcessEnvironment.systemEnvironment()
        for name in ("PYTHONHOME", "PYTHONPATH"):
            environment.remove(name)
        return environment

    def environment(self) -> QProcessEnvironment:
        """Give the environment Slicer runs in."""
        return QProcessEnvironment.systemEnvironment()

    def pauseRender(self) -> None:
        """Do nothing: nothing is drawn while a module runs."""

    def resumeRender(self) -> None:
        """Do nothing: nothing is drawn while a module runs."""


def make_home(folder: Path) -> Path:
    """Make a folder with `bin/PythonSlicer`, which starts this Python, and put it on the PATH."""
    home = folder / "SlicerHome"
    (home / "bin").mkdir(parents=True)
    launcher = home / "bin" / "PythonSlicer"
    launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    launcher.chmod(0o755)
    os.environ["PATH"] = f"{home / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return home


def make_application(folder: Path) -> qSlicerApplication:
    """Make the application with settings, temporary files and a home below `folder`."""
    QSettings.setDefaultFormat(QSettings.IniFormat)
    QSettings.setPath(QSettings.IniFormat, QSettings.UserScope, str(folder / "settings"))
    QApplication.setOrganizationName("AtlasTumorTestHost")
    QApplication.setApplicationName("Slicer")
    QApplication.setApplicationVersion(".".join(map(str, _VERSION)))
    application = qSlicerApplication(["test host"])
    own = state(application)
    own.home = str(make_home(folder))
    own.temporary, own.cache = str(folder / "temporary"), str(folder / "cache")
    own.extensions = str(folder / "extensions")
    own.settings_file = QSettings().fileName()
    Path(own.temporary).mkdir()
    own.main_window = QMainWindow()
    own.main_window.setObjectName("qSlicerMainWindow")
    return application

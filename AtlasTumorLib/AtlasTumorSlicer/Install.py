"""The worker's Python packages: are they there, and may they be installed?

Nothing is looked at or installed before the user presses Apply. PyTorch comes through the PyTorch
extension, which picks the build for the computer's graphics card; everything else through
`slicer.packaging`. The user is asked first and told the size. What is there is found out in the
worker's interpreter, never by importing it into Slicer.
"""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from atlastumor.errors import AtlasTumorError, Cancelled, DependencyError

from .Jobs import Job

__all__ = ["MEASURING_PACKAGES", "PACKAGES", "Installer", "Package"]

_REQUESTER = "AtlasTumor"


@dataclass(frozen=True)
class Package:
    """One package that the worker needs.

    Args:
        requirement: For pip, such as "nibabel>=5.3"; a floor, so that extensions do not fight.
        module: What is imported.
        megabytes: Rough size on disk, for the question to the user.
        alone: Installed without what it declares, as the worker does not use that.
    """

    requirement: str
    module: str
    megabytes: int
    alone: bool = False


TORCH = Package("torch>=2.6", "torch", 3000)
"""3 GB is a build for CUDA; one for the processor alone takes about 800 MB."""

MEASURING_PACKAGES = (
    Package("nibabel>=5.3", "nibabel", 13),
    Package("psutil>=5.9", "psutil", 1),
)
"""For measuring predictions, which runs no network."""

PACKAGES = (
    TORCH,
    *MEASURING_PACKAGES,
    Package("monai>=1.5", "monai", 16),
    Package("einops>=0.8", "einops", 1),
    Package("pyyaml>=6.0", "yaml", 1),
    Package("safetensors>=0.5", "safetensors", 2),
    # Declares timm and with it torchvision, which the residual encoder U-Net never imports.
    Package("dynamic-network-architectures>=0.4", "dynamic_network_architectures", 1, alone=True),
)


class Installer:
    """Makes sure that the worker can run. One per module widget.

    Args:
        confirm: Asks the user a question and returns whether the answer is yes.
        packages: What the worker needs.
    """

    def __init__(
        self,
        confirm: Callable[[str], bool] | None = None,
        packages: tuple[Package, ...] = PACKAGES,
    ) -> None:
        """Look at nothing yet."""
        self._confirm = confirm or _askUser
        self._packages = packages
        self._isReady = self._isCancelled = False
        self._job: Job | None = None

    def cancel(self) -> None:
        """Stop looking; what is being installed is finished, and then nothing more is done."""
        self._isCancelled = True
        if self._job is not None:
            self._job.cancel()

    def ensure(self) -> None:
        """Return once the worker has what it needs; ask and install where it has not.

        Raises:
            Cancelled: If the user said no, or stopped it.
            DependencyError: If something is still missing; names it and the next step.
        """
        if self._isReady:
            return
        self._isCancelled = False
        faults = self.findFaults()
        if faults:
            missing = [package for package in self._packages if package.requirement in faults]
            self._isCancelled |= not self._confirm(_question(missing))
            self._goOn()
            self._install(missing)
            self._goOn()
            faults = self.findFaults()
            if faults:
                raise DependencyError(_explain(faults))
        self._isReady = True

    def findFaults(self) -> dict[str, str]:
        """Ask the worker's interpreter what does not serve: requirement to reason."""
        script = str(Path(__file__).with_name("CheckPackages.py"))
        pairs = [f"{package.module}={package.requirement}" for package in self._packages]
        self._job = Job([script, *pairs])
        try:
            self._job.start()
            return dict(self._job.wait()["faults"])
        finally:
            self._job = None

    def _install(self, missing: list[Package]) -> None:
        if TORCH in missing:
            _guarded(TORCH.requirement, _installTorch)
            self._goOn()
        rest = [package for package in missing if package != TORCH]
        if rest:
            names = ", ".join(package.requirement for package in rest)
            _guarded(names, lambda: _installWithPip(rest))

    def _goOn(self) -> None:
        """Raise if somebody stopped it: installers let Slicer's windows live meanwhile."""
        if self._isCancelled:
            raise Cancelled(_("Cancelled."))


def _askUser(question: str) -> bool:
    return bool(slicer.util.confirmOkCancelDisplay(question, windowTitle=_("AtlasTumor")))


def _question(missing: list[Package]) -> str:
    lines = "\n".join(
        _("- {package}: about {size} MB").format(
            package=package.requirement, size=package.megabytes
        )
        for package in missing
    )
    total = sum(package.megabytes for package in missing)
    less = _("; less without an NVIDIA graphics card") if TORCH in missing else ""
    return _(
        "AtlasTumor needs these Python packages, which are not part of Slicer:\n\n{lines}\n\n"
        "They will be downloaded and added to Slicer's Python (about {total} MB on disk{less}). "
        "This may take several minutes. Install them now?"
    ).format(lines=lines, total=total, less=less)


def _installTorch() -> None:
    try:
        import PyTorchUtils
    except ImportError as error:
        raise DependencyError(
            _(
                "PyTorch is missing, and so is the PyTorch extension that installs it. Install "
                "'PyTorch' in the Extensions Manager, restart Slicer, and press Apply again."
            )
        ) from error
    # The extension's own installer imports torch once at its end; nothing here does.
    torch = PyTorchUtils.PyTorchUtilsLogic().installTorch(
        askConfirmation=False,
        torchVersionRequirement=TORCH.requirement.removeprefix(TORCH.module),
    )
    if torch is None:
        raise DependencyError(_("The PyTorch extension did not install PyTorch."))


def _installWithPip(packages: list[Package]) -> None:
    import slicer.packaging

    alone = [package.requirement for package in packages if package.alone]
    rest = [package.requirement for package in packages if not package.alone]
    if alone and not rest:
        rest, flags = ["--no-deps", *alone], {}
    else:
        flags = {"no_deps_requirements": alone} if alone else {}
    slicer.packaging.pip_install(rest, requester=_REQUESTER, **flags)


def _guarded(names: str, install: Callable[[], None]) -> None:
    """Run an installation; whatever goes wrong becomes one error that names the package.

    Other people's installers raise what they like, so everything is caught here.
    """
    try:
        install()
    except AtlasTumorError:
        raise
    except Exception as error:
        failure = DependencyError(
            _(
                "{names} could not be installed: {error}\nCheck the network and the free disk "
                "space, then press Apply again. The details hold the log."
            ).format(names=names, error=error)
        )
        output = getattr(error, "output", None)
        failure.log = output if isinstance(output, str) else repr(error)
        if isinstance(error, subprocess.CalledProcessError):
            failure.log += f"\n{error.cmd}"
        raise failure from error


def _explain(faults: dict[str, str]) -> str:
    reasons = "; ".join(f"{requirement} {reason}" for requirement, reason in faults.items())
    return _(
        "The installation did not help: {reasons}. Restart Slicer and press Apply again; if that "
        "does not help, uninstall the package with slicer.util.pip_uninstall first."
    ).format(reasons=reasons)

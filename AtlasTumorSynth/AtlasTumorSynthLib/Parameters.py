"""What the user chooses, kept in the scene, and the same as one value."""

from dataclasses import dataclass, fields
from typing import Annotated, Any

from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.parameterNodeWrapper import Default, WithinRange, parameterNodeWrapper

from atlastumor.cli.synthesize import suit_shape
from atlastumor.synthesis.methods import METHODS
from atlastumor.synthesis.request import CONTRAST_HU, DIAMETER_MM, PAINTED

__all__ = ["Parameters", "Settings"]

_FIRST_METHOD = next(iter(METHODS))


@parameterNodeWrapper
class Parameters:
    """Choices that are saved with the scene.

    inputVolume - The CT.
    organSegmentation - Outlines of its organs.
    organ - Key of the organ in which tumors grow; empty for the one under the click.
    diameter - Of the ball of equal volume, mm.
    method - Key of the method that gives a tumor its densities.
    shape - Key of the kind of shape; empty for the one that suits the method.
    segment - A segment as `listSegments` names it, or empty: the shape, if that is painted; else
        where places are drawn.
    autoContrast - Whether the contrast is drawn from what tumors of the organ look like.
    contrast - Density relative to the organ if it is not, HU.
    seed - What all randomness follows from.
    number - How many tumors are placed at once without a click.
    exophytic - Whether a tumor may grow out of its organ.
    capsule - Whether it has a bright rim.
    massEffect - Whether it pushes aside what is around it.
    """

    inputVolume: vtkMRMLScalarVolumeNode
    organSegmentation: vtkMRMLSegmentationNode
    organ: str
    diameter: Annotated[float, WithinRange(*DIAMETER_MM), Default(20.0)]
    method: str = _FIRST_METHOD
    shape: str
    segment: str
    autoContrast: bool = True
    contrast: Annotated[float, WithinRange(*CONTRAST_HU), Default(-50.0)]
    seed: Annotated[int, WithinRange(0, 999999), Default(1)]
    number: Annotated[int, WithinRange(1, 10), Default(1)]
    exophytic: bool = False
    capsule: bool = False
    massEffect: bool = False


@dataclass(frozen=True)
class Settings:
    """What a tumor is to be like, apart from its place; the fields are those of `Parameters`."""

    organ: str = ""
    diameter: float = 20.0
    method: str = _FIRST_METHOD
    shape: str = ""
    segment: str = ""
    autoContrast: bool = True
    contrast: float = -50.0
    seed: int = 1
    exophytic: bool = False
    capsule: bool = False
    massEffect: bool = False

    @classmethod
    def read(cls, parameters: Parameters) -> "Settings":
        """Take them from the scene's choices."""
        values = {field.name: getattr(parameters, field.name) for field in fields(cls)}
        if values["autoContrast"]:
            values["contrast"] = cls.contrast  # the slider rests: where it stands says nothing
        return cls(**values)

    def write(self, parameters: Parameters) -> None:
        """Make them the scene's choices."""
        for field in fields(self):
            if field.name != "contrast" or not self.autoContrast:
                setattr(parameters, field.name, getattr(self, field.name))

    @property
    def isPainted(self) -> bool:
        """Whether the tumor takes the shape of the segment."""
        return self.shape == PAINTED

    def request(
        self,
        number: int,
        organ: str,
        centerRas: "tuple[float, float, float] | None",
        painting: "tuple[str, float] | None" = None,
    ) -> dict[str, Any]:
        """Ask the worker for a tumor.

        Args:
            number: 0 for the first of several, which differ in their seeds.
            organ: Key of its organ; empty lets the worker find it.
            centerRas: Its center, RAS mm, world; None lets a place be chosen.
            painting: File of the segment and diameter of the ball of its volume, mm; None if it
                says neither shape nor place.

        Returns:
            Fields of the backend's `TumorRequest`, with the file as its painting.
        """
        path, paintedMm = painting or (None, self.diameter)
        return {
            "organ": organ,
            "diameter_mm": paintedMm if self.isPainted else self.diameter,
            "seed": self.seed + number,
            "method": self.method,
            "shape": self.shape or suit_shape(self.method),
            "center_ras": centerRas,
            "painting": path,
            "contrast_hu": None if self.autoContrast else self.contrast,
            "exophytic": self.exophytic,
            "capsule": self.capsule,
            "mass_effect": self.massEffect,
        }

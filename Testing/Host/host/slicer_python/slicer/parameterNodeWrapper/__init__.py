"""Stand-in of `slicer.parameterNodeWrapper`: typed parameters in a MRML node, bound to widgets.

Stored values have Slicer's own form, so scenes go back and forth. Left out, and refused with an
error: parameter packs, unions beyond `X | None`, `Any`, colors, ranges, custom serializers.
"""

from .annotations import Choice as Choice
from .annotations import Decimals as Decimals
from .annotations import Default as Default
from .annotations import Exclude as Exclude
from .annotations import IsInstance as IsInstance
from .annotations import Maximum as Maximum
from .annotations import Minimum as Minimum
from .annotations import NotNone as NotNone
from .annotations import SingleStep as SingleStep
from .annotations import Validator as Validator
from .annotations import WithinRange as WithinRange
from .wrapper import SlicerParameterNamePropertyName as SlicerParameterNamePropertyName
from .wrapper import findChildWidgetForParameter as findChildWidgetForParameter
from .wrapper import isParameterNodeWrapper as isParameterNodeWrapper
from .wrapper import parameterNodeWrapper as parameterNodeWrapper

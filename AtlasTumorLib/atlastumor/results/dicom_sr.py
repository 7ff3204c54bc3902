"""DICOM structured report out: what each lesion measures, and where nothing was found.

A Measurement Report (DICOM PS3.16, TID 1500). Each lesion is a volumetric region (TID 1411) that
refers to its segment in the DICOM SEG of the same result; each organ without lesions has a group of
its own (TID 1501), which says whether it was looked at. So has an organ with more lesions than are
listed one by one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import UID, SegmentationStorage, generate_uid

from ..lesions import Lesion
from ..organs import LESION_FINDING, find_organ
from ..provenance import Provenance
from .dicom_segments import ALGORITHM_FAMILY, name_algorithm, to_concept
from .dicom_study import DicomStudy
from .listing import MAX_LISTED
from .protocols import FindingLike
from .segments import Segment
from .tables import NOTICE
from .terminology import ALTERED_STRUCTURE

__all__ = ["write_dicom_sr"]

_SERIES_NUMBER = 9701  # beside that of the DICOM SEG
_MILLILITER = sr.CodedConcept("mL", "UCUM", "milliliter")
# What a device did and whether it marked something (CID 6047): no claim that nothing is there.
_SUMMARY = codes.DCM.CADProcessingAndFindingsSummary
_FOUND = codes.DCM.AllAlgorithmsSucceededWithFindings
_NOTHING_FOUND = codes.DCM.AllAlgorithmsSucceededWithoutFindings
_NOT_EVALUATED = codes.SCT.NotEvaluated

_Groups = Sequence[
    sr.VolumetricROIMeasurementsAndQualitativeEvaluations | sr.MeasurementsAndQualitativeEvaluations
]


def write_dicom_sr(path: Path, study: DicomStudy, findings: Sequence[FindingLike]) -> None:
    """Write findings as one Comprehensive 3D SR.

    Nobody has verified it; the report says so. UIDs follow from the content.

    Args:
        path: The .dcm file.
        study: The segments, whose lesions are reported, and the series they were outlined in.
        findings: One for every organ asked for.

    Raises:
        InputError: If the series cannot be referred to.
    """
    with study.making("DICOM structured report"):
        dataset = sr.Comprehensive3DSR(
            evidence=[*study.images, *_stand_for_segments(study)],
            content=_make_report(study, findings),
            series_instance_uid=study.new_uid("report series"),
            series_number=_SERIES_NUMBER,
            sop_instance_uid=study.new_uid("report"),
            instance_number=1,
            **study.equipment(),
            is_complete=True,
            is_final=False,
            is_verified=False,
            series_description=f"{study.provenance.software} report; not for clinical use"[:64],
        )
    study.write(path, dataset)


def _stand_for_segments(study: DicomStudy) -> Iterator[Dataset]:
    """What a report needs to know of the DICOM SEG that is written with it."""
    if study.numbered.segments:
        dataset = Dataset()
        dataset.StudyInstanceUID = study.images[0].StudyInstanceUID
        dataset.SeriesInstanceUID = study.new_uid("series")
        dataset.SOPInstanceUID = study.new_uid("instance")
        dataset.SOPClassUID = SegmentationStorage
        yield dataset


def _make_report(study: DicomStudy, findings: Sequence[FindingLike]) -> sr.MeasurementReport:
    groups: _Groups = [
        *(
            _describe_lesion(study, segment, segment.lesion)
            for segment in study.numbered.segments
            if segment.lesion is not None
        ),
        *(
            _describe_organ(study, finding)
            for finding in findings
            if not 0 < finding.n_lesions <= MAX_LISTED
        ),
    ]
    provenance = study.provenance
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=_name_device(provenance),
        name=provenance.software,
        manufacturer_name=provenance.software,
        model_name=provenance.model_id,
        serial_number=study.equipment()["device_serial_number"],
    )
    return sr.MeasurementReport(
        observation_context=sr.ObservationContext(
            observer_device_context=sr.ObserverContext(codes.DCM.Device, device)
        ),
        procedure_reported=codes.LN.CTUnspecifiedBodyRegion,
        imaging_measurements=groups,
    )


def _name_device(provenance: Provenance) -> UID:
    """The UID of this software with these weights, whatever it looks at."""
    one = provenance
    return generate_uid(
        entropy_srcs=[one.software, one.version, one.model_id, one.weights_sha256, "device"]
    )


def _describe_lesion(
    study: DicomStudy, segment: Segment, lesion: Lesion
) -> sr.VolumetricROIMeasurementsAndQualitativeEvaluations:
    """One group: the segment, what it is, where it is and what it measures."""
    group = sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(study.new_uid(segment.key), segment.key),
        referenced_segment=sr.ReferencedSegment(
            sop_class_uid=SegmentationStorage,
            sop_instance_uid=study.new_uid("instance"),
            segment_number=segment.number,
            source_series=sr.SourceSeriesForSegmentation(study.images[0].SeriesInstanceUID),
        ),
        finding_category=to_concept(ALTERED_STRUCTURE),
        finding_type=to_concept(LESION_FINDING),
        finding_sites=[
            sr.FindingSite(
                to_concept(segment.organ.snomed),
                laterality=to_concept(segment.side.modifier) if segment.side else None,
            )
        ],
        algorithm_id=_identify_algorithm(study.provenance, segment.organ.key),
        measurements=[*_measure(lesion)],
    )
    state = "reviewed by readers" if study.provenance.review else "unreviewed candidate"
    _comment(group, f"{segment.name}: {state}. {NOTICE}")
    return group


def _measure(lesion: Lesion) -> Iterator[sr.Measurement]:
    """Volume, largest diameter in 3-D and, where it is known, score."""
    yield sr.Measurement(codes.SCT.Volume, round(lesion.volume_ml, 4), _MILLILITER)
    yield sr.Measurement(
        codes.SCT.LongAxis,
        round(lesion.diameter_mm, 2),
        codes.UCUM.Millimeter,
        derivation=codes.SCT.Maximum,
    )
    if not math.isnan(lesion.score):
        yield sr.Measurement(
            codes.DCM.CertaintyOfFinding, round(100.0 * lesion.score, 2), codes.UCUM.Percent
        )


def _describe_organ(
    study: DicomStudy, finding: FindingLike
) -> sr.MeasurementsAndQualitativeEvaluations:
    """One group: an organ with nothing found, not looked at, or with more than is listed."""
    organ = find_organ(finding.organ)
    key = f"AtlasTumor_{organ.key}"
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(study.new_uid(f"{key} searched"), key),
        finding_sites=[sr.FindingSite(to_concept(organ.snomed))],
        algorithm_id=_identify_algorithm(study.provenance, organ.key),
        qualitative_evaluations=[_evaluate(study.provenance, finding)],
    )
    only = f"Only the {MAX_LISTED} largest are measured here. " if finding.n_lesions else ""
    _comment(group, f"{organ.name}: {finding.message} {only}{NOTICE}")
    return group


def _evaluate(provenance: Provenance, finding: FindingLike) -> sr.QualitativeEvaluation:
    """What was done about an organ: only readers can say that no lesion is there."""
    if finding.n_lesions:
        return sr.QualitativeEvaluation(_SUMMARY, _FOUND)
    if finding.coverage != "none" and provenance.review:
        return sr.QualitativeEvaluation(to_concept(LESION_FINDING), codes.SCT.Absent)
    was_searched = not math.isnan(finding.highest_score)
    return sr.QualitativeEvaluation(_SUMMARY, _NOTHING_FOUND if was_searched else _NOT_EVALUATED)


def _identify_algorithm(provenance: Provenance, organ: str) -> sr.AlgorithmIdentification:
    """Name software, model, weights and what decided about this organ (TID 4019)."""
    threshold = provenance.thresholds.get(organ)
    decided = "highest probability" if threshold is None else f"{threshold:g}"
    told = [
        f"model={provenance.model_id}",
        f"weights={provenance.weights_sha256}",
        f"precision={provenance.precision}",
        f"threshold={decided}",
    ]
    for part in provenance.parts:  # the models of a recipe that had to do with this organ
        if any(organ in part[role] for role in ("organs", "outlines", "tumor_probabilities")):
            told.append(f"part={part['model_id']} {part['model_version']} {part['weights_sha256']}")
    return sr.AlgorithmIdentification(
        **name_algorithm(provenance),
        manufacturer=provenance.software,
        family=ALGORITHM_FAMILY,
        parameters=told,
    )


def _comment(group: Sequence[Dataset], text: str) -> None:
    """Add a sentence to a measurement group."""
    item = sr.TextContentItem(
        codes.DCM.Comment, text, relationship_type=sr.RelationshipTypeValues.CONTAINS
    )
    group[0].ContentSequence.append(item)

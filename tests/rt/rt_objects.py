"""RT objects made for tests with pydicom, and the shared data where they are present."""

import io
import os
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

RTDOSE, RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.2", "1.2.840.10008.5.1.4.1.1.481.3"
RTPLAN, RT_ION_PLAN = "1.2.840.10008.5.1.4.1.1.481.5", "1.2.840.10008.5.1.4.1.1.481.8"

SHARED = Path(
    os.environ.get("PYCONQUEST_RT_SHARED_DATA", Path(__file__).parents[2].parent / "shared" / "data")
)


def item(**elements):
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def rt_object(sop_class, modality, **elements):
    common = {
        "SOPClassUID": sop_class,
        "SOPInstanceUID": generate_uid(),
        "Modality": modality,
        "PatientID": "P1",
        "StudyInstanceUID": "1.2.3",
        "SeriesInstanceUID": "1.2.3.4",
    }
    dataset = item(**(common | elements))
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def as_bytes(dataset):
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def contour(points, kind="CLOSED_PLANAR"):
    points = np.asarray(points, float).reshape(-1, 3)
    return item(
        ContourGeometricType=kind,
        NumberOfContourPoints=len(points),
        ContourData=[f"{x:.6g}" for x in points.ravel()],
    )


def polygon(radius, z, corners=180, centre=(0.0, 0.0)):
    """A regular polygon of the area of a circle, so that volumes have closed forms."""
    angle = 2 * np.pi * np.arange(corners) / corners
    radius = radius * np.sqrt(2 * np.pi / corners / np.sin(2 * np.pi / corners))
    x, y = centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)
    return np.stack((x, y, np.full(corners, z)), axis=1)


def rectangle(x, y, z):
    return [(x[0], y[0], z), (x[1], y[0], z), (x[1], y[1], z), (x[0], y[1], z)]


def structure_set(rois, frame="1.9", **elements):
    """``rois`` maps number to (name, contours)."""
    return rt_object(
        RTSTRUCT,
        "RTSTRUCT",
        StructureSetROISequence=[
            item(ROINumber=number, ROIName=name, ReferencedFrameOfReferenceUID=frame)
            for number, (name, _) in rois.items()
        ],
        ROIContourSequence=[
            item(ReferencedROINumber=number, ROIDisplayColor=[255, 128, 0], ContourSequence=contours)
            for number, (_, contours) in rois.items()
        ],
        RTROIObservationsSequence=[
            item(ReferencedROINumber=number, RTROIInterpretedType="ORGAN") for number in rois
        ],
        ReferencedFrameOfReferenceSequence=[
            item(
                FrameOfReferenceUID=frame,
                RTReferencedStudySequence=[
                    item(RTReferencedSeriesSequence=[item(SeriesInstanceUID="1.5.5")])
                ],
            )
        ],
        **elements,
    )


def dose(values, scaling="0.001", **elements):
    """``values`` has the shape (planes, rows, columns)."""
    values = np.asarray(values)
    planes, rows, columns = values.shape
    bits = values.dtype.itemsize * 8
    usual = {
        "FrameOfReferenceUID": "1.9",
        "DoseUnits": "GY",
        "DoseType": "PHYSICAL",
        "DoseSummationType": "PLAN",
        "NumberOfFrames": planes,
        "Rows": rows,
        "Columns": columns,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(values.dtype.kind == "i"),
        "ImagePositionPatient": [-10, -20, 30],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "PixelSpacing": [2.5, 2],
        "GridFrameOffsetVector": [3 * k for k in range(planes)],
        "DoseGridScaling": scaling,
        "PixelData": values.tobytes() + b"\0" * (values.nbytes % 2),
    }
    return rt_object(RTDOSE, "RTDOSE", **(usual | elements))

"""How the four tables join: an image (i), its series (s), study (t) and patient (p), each written once."""

from typing import Final

PARENTS_OF_IMAGE: Final = (
    "LEFT JOIN DICOMSeries s ON s.SeriesInst = i.SeriesInst "
    "LEFT JOIN DICOMStudies t ON t.StudyInsta = s.StudyInsta"
)
"""Behind ``DICOMImages i``: a missing parent leaves NULL."""
PATIENT_OF_STUDY: Final = "LEFT JOIN DICOMPatients p ON p.PatientID = t.PatientID"
"""Behind ``DICOMStudies t``."""
STUDIES_DOWN: Final = (
    "DICOMStudies t JOIN DICOMSeries s ON s.StudyInsta = t.StudyInsta "
    "JOIN DICOMImages i ON i.SeriesInst = s.SeriesInst"
)
"""Studies with their series and images; a study without images is left out."""
SERIES_OF_PATIENT: Final = (
    "SELECT s.SeriesInst FROM DICOMStudies t JOIN DICOMSeries s ON s.StudyInsta = t.StudyInsta "
    "WHERE t.PatientID = ?"
)

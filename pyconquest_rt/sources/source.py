"""The contract of a source: which studies, series and objects it has, and how their files are fetched."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from pyconquest_rt.errors import PyconquestError

PATIENT: Final = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex")
STUDY: Final = ("StudyDate", "StudyTime", "StudyDescription", "AccessionNumber", "ModalitiesInStudy")
SERIES: Final = ("Modality", "SeriesNumber", "SeriesDescription", "SeriesDate", "FrameOfReferenceUID")
OBJECT: Final = (
    "SOPClassUID",
    "InstanceNumber",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "AvailableTransferSyntaxUID",
)


class SourceError(PyconquestError):
    """A source does not answer, or not as it should; says which, what was asked, and what to do."""


class Study(NamedTuple):
    """A study of a source; ``values`` by keyword, ``instances`` None where the source does not say."""

    uid: str
    values: Mapping[str, str]
    instances: int | None = None
    url: str = ""


class Series(NamedTuple):
    """A series of a source; ``version`` changes when the source changes it, where the source has one."""

    uid: str
    study_uid: str
    values: Mapping[str, str]
    instances: int | None = None
    version: str = ""
    url: str = ""


class RemoteObject(NamedTuple):
    """An object of a source."""

    uid: str
    values: Mapping[str, str]
    url: str = ""


class Source(Protocol):
    """An open source. Every method may raise :class:`SourceError`; none reads pixels but :meth:`fetch`."""

    @property
    def requests(self) -> int:
        """How many requests were made so far, repeated ones included."""

    def check(self) -> None:
        """Make one cheap request, which fails where the address or the authentication is wrong."""

    def studies(self, uid: str | None = None) -> Iterator[Study]:
        """Yield the studies, or the one named; the source's own filter holds for all, not for one that is named."""

    def series(self, study: str) -> list[Series]:
        """Return the series of a study."""

    def objects(self, series: Series) -> list[RemoteObject]:
        """Return the objects of a series."""

    def fetch(self, series: Series, folder: Path) -> Iterator[Path]:
        """Write the files of a series (PS3.10) into a folder, one after the other; each may be moved away."""

    def close(self) -> None:
        """End connections."""

"""The extractor of verdicts: what could be loaded of each image series as a volume, and what is to be said of it."""

from collections.abc import Sequence
from typing import Any

from pyconquest_rt.derive.extractor import Extractor, Rows, Source
from pyconquest_rt.dicom.tables import Table, columns
from pyconquest_rt.volumes import CODES, Candidate, examine
from pyconquest_rt.volumes.sources import Source as Opened

_STORAGE = "1.2.840.10008.5.1.4.1.1."
IMAGES = tuple(
    _STORAGE + end
    for end in (
        *("2", "2.1", "2.2", "4", "4.1", "4.3", "4.4", "128", "128.1", "130", "20"),  # CT, MR, PET, NM
        *("481.2", "30", "66.4", "66.7"),  # RTDOSE, parametric maps, segmentations
        *(
            "3.1",
            "6.1",
            "7",
            "7.1",
            "7.2",
            "7.3",
            "7.4",
            "12.1",
            "12.1.1",
            "12.2",
            "12.2.1",
        ),  # frames in time
        *("13.1.1", "13.1.2", "13.1.3", "77.1.5.4"),  # tomography of C-arms, teeth, breasts, eyes
    )
)
"""SOP classes whose series may be a volume or a sequence; structure sets and plans have tables of their own."""

RIGHT_AS_IT_STANDS = frozenset({"padding", "rescale_varies", "duplicate_instance"})
"""Codes of a volume that has nothing wrong or missing."""

TABLE = Table(
    "volume_verdict",
    "What could be loaded of a series as a volume, from the headers of all its images: one row per series. "
    "`SELECT * FROM volume_verdict WHERE status <> 'ok'` gives the series that are not clean volumes.",
    columns("""
        SOPInstanceUID      | TEXT NOT NULL | | SOPInstanceUID of the series' object with the least one
        series_instance_uid | TEXT | | SeriesInstanceUID
        patient_id          | TEXT | | PatientID
        kind                | TEXT NOT NULL | | scalar, multiframe, dose, parametric, seg, sequence: of the best
        status              | TEXT NOT NULL | | ok (one volume, nothing wrong), warning (loads; see codes) or failed
        reason              | TEXT | | what is to be said, in words; NULL if nothing is
        codes               | TEXT NOT NULL | | codes of all candidates to be loaded, the first first, blanks between
        refusal             | TEXT | | code for which the best candidate is refused as it stands; NULL where it loads
        volumes             | INTEGER NOT NULL | | how many candidates are to be loaded
        images              | INTEGER NOT NULL | | objects of the series
        stacks              | INTEGER | | stacks at each place (echoes, phases, segments, times); 1 for one volume
        slices              | INTEGER | | slices of a stack
        image_rows          | INTEGER | | rows of a slice
        image_columns       | INTEGER | | columns of a slice
        spacing_k_mm        | REAL | mm | distance of slices along their stacking direction
        spacing_j_mm        | REAL | mm | distance of rows
        spacing_i_mm        | REAL | mm | distance of columns
    """),
    ("SOPInstanceUID",),
    ("series_instance_uid",),
)


def _extract(source: Source) -> Rows | None:
    (series,) = source.query("SELECT SeriesInst AS uid FROM DICOMImages WHERE SOPInstanc = ?", (source.sop,))
    members = source.query(
        "SELECT SOPInstanc AS sop, SOPClassUI AS sop_class FROM DICOMImages WHERE SeriesInst = ? ORDER BY SOPInstanc",
        (series["uid"],),
    )
    paths = source.files_of([member["sop"] for member in members if member["sop_class"] in IMAGES])
    row = {"SOPInstanceUID": source.sop, "series_instance_uid": series["uid"], "images": len(paths)}
    return {TABLE.name: [row | verdict_row(examine([Opened(path) for path in paths]))]}


def verdict_row(candidates: Sequence[Candidate]) -> dict[str, Any]:
    """The columns of ``volume_verdict`` that candidates of one series, best first, give; at least one is needed."""
    best = candidates[0]
    wanted = [one for one in candidates if one.selected] or [best]
    codes = list(dict.fromkeys(code for one in wanted for code in one.codes))
    parts = [CODES[code] for code in codes] + ([f"{len(wanted)} volumes"] if len(wanted) > 1 else [])
    return {
        "kind": best.kind,
        "status": _status(wanted, codes),
        "reason": "; ".join(parts) or None,
        "codes": " ".join(codes),
        "refusal": best.refusal,
        "volumes": len(wanted),
        **_size(best),
        **_spacing(best),
    }


def _status(wanted: Sequence[Candidate], codes: Sequence[str]) -> str:
    if all(one.refusal for one in wanted):
        return "failed"
    return "ok" if len(wanted) == 1 and RIGHT_AS_IT_STANDS.issuperset(codes) else "warning"


def _size(best: Candidate) -> dict[str, int | None]:
    """The lengths of the axes; a sequence without a place has frames as its stacks, colours are no axis."""
    names = ("stacks", "slices", "image_rows", "image_columns")
    shape: tuple[int, ...] = best.shape
    if best.kind == "sequence" and shape:
        shape = (shape[0], 1, *shape[-2:]) if best.spacing else (shape[0], 1, *shape[1:3])
    elif len(shape) == 3:
        shape = (1, *shape)
    return dict(zip(names, shape or (None,) * 4, strict=True))


def _spacing(best: Candidate) -> dict[str, float | None]:
    names = ("spacing_k_mm", "spacing_j_mm", "spacing_i_mm")
    return dict(zip(names, best.spacing or (None,) * 3, strict=True))


VOLUME_VERDICT = Extractor(
    name="volume_verdict",
    version=3,
    sop_classes=IMAGES,
    tables=(TABLE.name,),
    scripts=(";\n".join([TABLE.create_sql(), *TABLE.index_sql()]) + ";",),
    extract=_extract,
    one_per=("SeriesInst",),
    gathers=True,
    awakes=("structure_set",),  # whose few contours may not tell how far the slices are apart
)

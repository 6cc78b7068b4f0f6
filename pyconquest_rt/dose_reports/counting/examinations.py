"""What diagnostic reference levels are compared with: one value for each examination, not for each exposure.

ICRP Publication 135: the DLP of a CT examination, its CTDIvol by phantom, kerma-area product, air kerma at the
reference point and fluoroscopy time of a procedure, the glandular dose of a breast, the activity that is given.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pyconquest_rt.dose_reports.counting.clusters import Cluster
from pyconquest_rt.dose_reports.counting.exposures import Told
from pyconquest_rt.dose_reports.counting.totals import QUANTITIES, Quantity, Scene, by_device
from pyconquest_rt.dose_reports.rows import Value

_LOCALIZER = "constant angle"
_AGE = re.compile(r"(\d{1,3})([DWMY])")
_YEARS = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}
_AS = {"dlp_mGycm": "dlp", "dap_Gym2": "dap", "dose_rp_Gy": "dose_rp", "fluoro_time_s": "fluoro_time"}


class Examination(NamedTuple):
    """One value of one examination on one device.

    ``quantity``: dlp, ctdivol, dap, dose_rp, fluoro_time, agd or activity. ``part``: the phantom of a CTDIvol, the
    breast of a glandular dose. ``value`` is in the unit of the study's column: mGy.cm, mGy, Gy.m2, Gy, s, mGy, MBq.
    """

    quantity: str
    scanner: str
    protocol: str
    part: str
    value: float
    age_years: float | None


def examinations(scene: Scene) -> list[Examination]:
    """Return the values of a study's examinations, zero and absent ones left out."""
    found = [*_totals(scene), *_of_scans(scene), *_administrations(scene)]
    return sorted((one for one in found if one.value > 0), key=lambda one: one[:5])


def scanner(told: Told) -> str:
    """Return the name of a device: manufacturer, model and station."""
    names = (told.row.get(column) for column in ("Manufacturer", "ManufacturerModelName", "StationName"))
    return " ".join(str(name).strip() for name in names if name)


def _age(objects: Iterable[Told]) -> float | None:
    for told in objects:
        found = _AGE.fullmatch(str(told.row.get("PatientAge") or "").strip())
        if found is not None:
            return int(found[1]) * _YEARS[found[2]]
    return None


def _totals(scene: Scene) -> Iterable[Examination]:
    for quantity in QUANTITIES:
        for objects, counted, total in by_device(quantity, scene):
            if total.total is None:
                continue
            name, part = _named(quantity)
            yield Examination(
                name,
                _scanner_of(objects),
                _main_protocol(quantity, counted),
                part,
                total.total,
                _age(objects),
            )


def _named(quantity: Quantity) -> tuple[str, str]:
    if quantity.column.startswith("agd_"):
        return "agd", quantity.column.removeprefix("agd_").removesuffix("_mGy").replace("_", " ")
    return _AS[quantity.column], ""


def _scanner_of(objects: Sequence[Told]) -> str:
    """The fullest name that an object of the device gives it."""
    return max((scanner(told) for told in objects), key=lambda name: (len(name), name), default="")


def _main_protocol(quantity: Quantity, counted: Sequence[Cluster]) -> str:
    """The protocol of the exposures that gave the most, by which the examination is known."""
    doses: dict[str, list[float]] = defaultdict(list)
    for cluster in counted:
        doses[_protocol(cluster)].append(quantity.of_exposure(cluster) or 0.0)
    return max(doses, key=lambda name: (sum(sorted(doses[name])), name), default="")


def _protocol(cluster: Cluster) -> str:
    for member in cluster.voices:
        value = member.row.get("acquisition_protocol")
        if value:
            return str(value).strip()
    return ""


def _of_scans(scene: Scene) -> Iterable[Examination]:
    """The mean CTDIvol of an examination's scans, by protocol and phantom; localizers are no scans."""
    for objects, counted, _ in by_device(QUANTITIES[0], scene):
        scans: dict[tuple[str, str], list[float]] = defaultdict(list)
        for cluster in counted:
            ctdivol = cluster.value("ctdivol")
            if ctdivol and not cluster.text("ct_acquisition_type").startswith(_LOCALIZER):
                scans[_protocol(cluster), _phantom(cluster)].append(ctdivol)
        for (protocol, phantom), values in scans.items():
            mean = round(sum(sorted(values)) / len(values), 6)
            yield Examination("ctdivol", _scanner_of(objects), protocol, phantom, mean, _age(objects))


def _phantom(cluster: Cluster) -> str:
    text = cluster.text("ctdiw_phantom_type")
    return "16 cm" if "head" in text else "32 cm" if "body" in text else text or "phantom not told"


def _administrations(scene: Scene) -> Iterable[Examination]:
    for cluster in scene.counted:
        activity = cluster.value("activity")
        if cluster.voice.row["event_kind"] == "administration" and activity:
            agent = next((text for member in cluster.voices if (text := _agent(member.row))), "")
            told = cluster.voice.told
            yield Examination("activity", scanner(told), agent, "", activity, _age(cluster.objects))


def _agent(row: Mapping[str, Value]) -> str:
    agent = row.get("radiopharmaceutical_agent") or row.get("radiopharmaceutical_agent_string")
    return " ".join(str(name).strip() for name in (row.get("radionuclide"), agent) if name)

"""Files of the site's ROI map: DVH Analytics' ``physician_NAME.roi`` (with ``.rtype``), and one plain CSV.

A line of a ``.roi`` file is ``institutional : physician's name : variation, variation ...``; DVH Analytics
puts the names in double quotes, older versions did not. A further field before the variations is read as the
RT ROI interpreted type; DVH Analytics itself keeps types in ``physician_NAME.rtype``, lines ``name:TYPE``.
The CSV has the columns physician, institutional, name, roi_type, variation; one row for each variation.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pyconquest_rt.errors import SettingsError
from pyconquest_rt.rt.names.roi_map import DEFAULT_PHYSICIAN, RoiMap, map_key, physician_key
from pyconquest_rt.rt.names.roi_names import classify, suggestions

CSV_COLUMNS = ("physician", "institutional", "name", "roi_type", "variation")

# RT ROI Interpreted Type, PS3.3 C.8.8.8.1 (0x30060x00A4).
INTERPRETED_TYPES = frozenset(
    {
        *("EXTERNAL", "PTV", "CTV", "GTV", "TREATED_VOLUME", "IRRAD_VOLUME", "BOLUS", "AVOIDANCE", "ORGAN"),
        *("MARKER", "REGISTRATION", "ISOCENTER", "CONTRAST_AGENT", "CAVITY", "BRACHY_CHANNEL"),
        *("BRACHY_ACCESSORY", "BRACHY_SRC_APP", "BRACHY_CHNL_SHLD", "SUPPORT", "FIXATION", "DOSE_REGION"),
        *("CONTROL", "DOSE_MEASUREMENT", "DEVICE", "NONE"),
    }
)
_FIELD = re.compile(r'\s*(?:"(?P<quoted>[^"]*)"|(?P<plain>[^:,"]*))\s*(?P<end>[:,]|$)')


@dataclass(frozen=True)
class MapProblem:
    """What is wrong in a line of a map file."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.message}"


@dataclass(frozen=True)
class _Line:
    physician: str
    institutional: str
    name: str
    roi_type: str
    variations: list[str]


def load_map(*paths: str | Path) -> RoiMap:
    """Read ``.roi`` and ``.csv`` files, or folders of them, into one map.

    SettingsError, with file and line, at the first entry that cannot be used or contradicts another.
    """
    roi_map, problems = read_map(*paths)
    if problems:
        raise SettingsError(str(problems[0]))
    return roi_map


def read_map(*paths: str | Path) -> tuple[RoiMap, list[MapProblem]]:
    """Read map files as far as they are right, and list every problem with file and line."""
    roi_map, problems = RoiMap(), []
    for path in _files(paths):
        types = _types(path.with_suffix(".rtype"))
        for number, fields in _lines(path):
            try:
                line = _parse(path, fields)
                roi_type = line.roi_type or _interpreted(types.get(map_key(line.name), ""))
                roi_map.add(line.institutional, line.name, line.variations, line.physician, roi_type)
            except SettingsError as error:
                problems.append(MapProblem(str(path), number, str(error)))
    return roi_map, problems


def write_roi(roi_map: RoiMap, folder: str | Path) -> list[Path]:
    """Write one ``physician_NAME.roi`` for each physician, and ``.rtype`` where types are set; the paths."""
    written = []
    for physician in roi_map.physicians():
        entries = roi_map.entries(physician)
        lines = [f"{_quoted(e.institutional)}:{_quoted(e.name)}:{_joined([*e.spellings])}" for e in entries]
        types = [f"{' '.join(entry.name.split())}:{entry.roi_type}" for entry in entries if entry.roi_type]
        for suffix, text in ((".roi", lines), (".rtype", types)):
            if text:
                path = Path(folder) / f"physician_{physician.replace('/', '_')}{suffix}"
                path.write_text("\n".join(text) + "\n", encoding="utf-8")
                written.append(path)
    return written


def write_csv(roi_map: RoiMap, path: str | Path) -> None:
    """Write the whole map as CSV, one row for each variation (an empty one where there is none)."""
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(CSV_COLUMNS)
        for physician in roi_map.physicians():
            for entry in roi_map.entries(physician):
                for variation in entry.variations or ("",):
                    writer.writerow((physician, entry.institutional, entry.name, entry.roi_type, variation))


def write_template(roi_map: RoiMap, counts: Mapping[str, int], path: str | Path) -> int:
    """Write a map as CSV with a row for each ROI name that is found, to be completed by a person; returns how many.

    A name that is known has its institutional name, another the first proposal or else nothing in its place. Names are
    by number of ROIs, the most first; ``counts`` gives these.
    """
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(CSV_COLUMNS)
        for name in sorted(counts, key=lambda name: (-counts[name], name)):
            known = classify(name, roi_map, DEFAULT_PHYSICIAN)
            proposed = known.institutional or known.tg263 or next(iter(suggestions(name)), "")
            writer.writerow((DEFAULT_PHYSICIAN, proposed, known.physician or proposed, "", name))
    return len(counts)


def _files(paths: tuple[str | Path, ...]) -> Iterator[Path]:
    for path in map(Path, paths):
        if path.is_dir():
            yield from sorted(file for file in path.iterdir() if file.suffix in {".roi", ".csv"})
        elif path.exists():
            yield path
        else:
            raise SettingsError(f"ROI map: there is no file {path}")


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The fields of each line with its number; for a CSV after its header."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        if path.suffix == ".csv":
            reader = csv.reader(file)
            header = tuple(next(reader, ()))
            if header != CSV_COLUMNS:
                raise SettingsError(f"{path}, line 1: the columns must be {', '.join(CSV_COLUMNS)}")
            for row in reader:
                yield reader.line_num, row
        else:
            for number, text in enumerate(file, 1):
                if text.strip():
                    yield number, [text.strip()]


def _types(path: Path) -> dict[str, str]:
    """The interpreted types of an ``.rtype`` file by name; empty where there is none."""
    if not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    pairs = (line.rpartition(":") for line in lines)
    return {map_key(name): roi_type.strip() for name, _, roi_type in pairs}


def _parse(path: Path, fields: list[str]) -> _Line:
    if path.suffix == ".csv":
        if len(fields) != len(CSV_COLUMNS):
            raise SettingsError(f"{len(fields)} fields in place of {len(CSV_COLUMNS)}")
        physician, institutional, name, roi_type, variation = (field.strip() for field in fields)
        return _Line(physician, institutional, name, _interpreted(roi_type), [variation])
    return _parse_roi(_physician_of(path), fields[0])


def _parse_roi(physician: str, text: str) -> _Line:
    groups = _split(text)
    if len(groups) not in (3, 4) or not all(groups[:2]):
        raise SettingsError(
            "expected institutional : physician's name : variations, with : between the three"
        )
    institutional, name, *middle, variations = groups
    if len(institutional) != 1 or len(name) != 1 or any(len(group) != 1 for group in middle):
        raise SettingsError("a comma before the variations; put such a name in double quotes")
    roi_type = _interpreted(middle[0][0]) if middle else ""
    return _Line(physician, institutional[0], name[0], roi_type, variations)


def _split(text: str) -> list[list[str]]:
    """Fields between ``:``, each a list of the names between ``,``; double quotes protect both."""
    groups: list[list[str]] = [[]]
    position = 0
    while position <= len(text):
        match = _FIELD.match(text, position)
        if match is None:
            raise SettingsError(
                f"a double quote that is not closed or stands inside a name: {text[position:]!r}"
            )
        name = match["quoted"] if match["quoted"] is not None else match["plain"].strip()
        if name:
            groups[-1].append(name)
        if match["end"] == "":
            return groups
        if match["end"] == ":":
            groups.append([])
        position = match.end()
    return groups


def _interpreted(roi_type: str) -> str:
    value = roi_type.upper()
    if value and value not in INTERPRETED_TYPES:
        raise SettingsError(f"{roi_type!r} is no RT ROI interpreted type")
    return "" if value == "NONE" else value


def _physician_of(path: Path) -> str:
    return physician_key(path.stem.removeprefix("physician_")) if "_" in path.stem else DEFAULT_PHYSICIAN


def _quoted(name: str) -> str:
    return '"' + " ".join(name.split()).replace('"', "`") + '"'


def _joined(names: list[str]) -> str:
    return ",".join(map(_quoted, names))

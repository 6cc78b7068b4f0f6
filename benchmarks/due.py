"""How long others must wait to write while what is due is entered, in an archive of five million images.

Target: no write transaction of the account of derivations longer than 0.2 s, though it looks at all rows.

The rows are CT images of 150 to a series and 6 series to a patient, put in by SQL as another program would, and one
dose in a thousand; none of them has a result. Then the extractors are entered, a look finds what is due, work is
claimed, an object arrives by the archive's own door, a second look goes over the rows again, and results are removed.
"""

import gc
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

from common import parser, report, verdict
from scale import _image, _scanner_uid

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.removal import remove_images
from pyconquest_rt.database.connection import Database
from pyconquest_rt.derive.account import claims, enqueue, look, prepare, sweep
from pyconquest_rt.derive.engine import extractors
from pyconquest_rt.settings.sections import ArchiveSettings, Settings

CT, DOSE = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.481.2"
PER_SERIES = 150
FILLED_AT_ONCE = 100_000
LONGEST_S = 0.2

_NUMBERS = "WITH RECURSIVE n(i) AS (VALUES (?) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)"
_SERIES = f"printf('1.2.826.0.1.3680043.10.8.%d', i / {PER_SERIES})"
_FILL = f"""
{_NUMBERS}
INSERT INTO DICOMImages(SOPInstanc, SOPClassUI, SeriesInst, AcqNumber, ImageNumbe, ObjectFile, DeviceName,
    ImagePat, ImageDate, ImageTime, SliceLocat, PixelSpaci, ImagePosit)
SELECT printf('1.2.826.0.1.3680043.10.8.%d.%d', i / {PER_SERIES}, i % {PER_SERIES}),
    CASE WHEN i % 1000 = 0 THEN '{DOSE}' ELSE '{CT}' END, {_SERIES}, '1', i % {PER_SERIES},
    printf('PAT%06d/%d.dcm', i / {6 * PER_SERIES}, i), 'MAG0', printf('PAT%06d', i / {6 * PER_SERIES}),
    '20260101', '120000', i % {PER_SERIES}, '0.9765625\\0.9765625', '-250\\-250\\100'
FROM n
"""
_PARENTS = (
    f"{_NUMBERS} INSERT INTO DICOMSeries(SeriesInst, StudyInsta, Modality, SeriesPat) SELECT "
    f"printf('1.2.826.0.1.3680043.10.8.%d', i), printf('1.2.826.0.1.3680043.10.7.%d', i / 6), 'CT', "
    "printf('PAT%06d', i / 6) FROM n",
    f"{_NUMBERS} INSERT INTO DICOMStudies(StudyInsta, PatientID) SELECT "
    "printf('1.2.826.0.1.3680043.10.7.%d', i), printf('PAT%06d', i) FROM n",
)


def main() -> None:
    options = parser(__doc__ or "")
    options.add_argument("--images", type=int, default=5_000_000, help="rows (default %(default)s)")
    arguments = options.parse_args()
    gc.disable()
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        archive = Archive.open(ArchiveSettings(str(folder), str(folder / "due.db"), "none.sql"))
        _fill(archive.database, arguments.images)
        archive.database.dialect.upkeep(
            archive.database.connection
        )  # the journal of the filling is no part of it
        report(f"{arguments.images} images", _measure(archive), arguments.json)
        archive.close()


def _fill(database: Database, images: int) -> None:
    for start in range(0, images, FILLED_AT_ONCE):
        with database.transaction() as connection:
            connection.execute(_FILL, (start, min(start + FILLED_AT_ONCE, images)))
    series = -(-images // PER_SERIES)
    for statement, count in zip(_PARENTS, (series, -(-series // 6)), strict=True):
        with database.transaction() as connection:
            connection.execute(statement, (0, count))


def _measure(archive: Archive) -> list[dict[str, Any]]:
    database = archive.database
    known = extractors(Settings())
    writer = archive.writer()
    object_of_its_own = [_image(archive, 7, _scanner_uid)]
    steps: dict[str, Callable[[], object]] = {
        "extractors entered": lambda: prepare(database, known),
        "first look, all rows": lambda: look(database),
        "second look, what came and 200,000 rows": lambda: enqueue(database, known),
        "sweep": lambda: sweep(database),
        "100 claims": lambda: list(islice(claims(database, known), 100)),
        "one CT comes": lambda: writer.add(object_of_its_own),
        "a series goes": lambda: remove_images(
            database, [f"1.2.826.0.1.3680043.10.8.70.{number}" for number in range(PER_SERIES)]
        ),
    }
    rows: list[dict[str, Any]] = []
    longest = 0.0
    for what, step in steps.items():
        with _timed(database) as spent:
            start = perf_counter()
            step()
            seconds = perf_counter() - start
        longest = max([longest, *spent])
        rows.append(
            {
                "what": what,
                "s": seconds,
                "write transactions": len(spent),
                "longest, s": max(spent, default=0.0),
            }
        )
    (due,) = database.connection.execute("SELECT count(*) FROM derivations WHERE state = 'due'").fetchone()
    rows.append({"what": "due at the end", "s": due})
    rows.append(
        {"what": "longest write transaction, s", "longest, s": longest} | verdict(longest, f"<= {LONGEST_S}")
    )
    return rows


@contextmanager
def _timed(database: Database) -> Iterator[list[float]]:
    """Collect how long each outer transaction of a database holds back other writers."""
    spent: list[float] = []
    transaction = database.transaction

    @contextmanager
    def timed() -> Iterator[Any]:
        if database.connection.in_transaction:
            with transaction() as connection:
                yield connection
            return
        context = transaction()
        connection = context.__enter__()
        start = perf_counter()
        try:
            yield connection
        except BaseException as error:
            context.__exit__(type(error), error, error.__traceback__)
            raise
        context.__exit__(None, None, None)
        spent.append(perf_counter() - start)

    database.transaction = timed  # type: ignore[method-assign]
    try:
        yield spent
    finally:
        database.transaction = transaction  # type: ignore[method-assign]


if __name__ == "__main__":
    main()

"""Rows that go, and rows that move to another patient: no parent is left empty, no image without one."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from pyconquest_rt.database import Database, quote
from pyconquest_rt.rows import MODALITIES_IN_STUDY, MODALITY, PATIENT_ID
from pyconquest_rt.schema import Definition, Table


class Copy(NamedTuple):
    """A file of an instance, relative to its device's folder."""

    path: str
    device: str | None


def copies(database: Database, sops: Collection[str]) -> list[Copy]:
    """Return every known file of some instances: those that the image rows name, and further copies."""
    images = database.definition.images
    named = database.select_in(
        f"SELECT ObjectFile, DeviceName FROM {quote(images.name)} WHERE {quote(images.key.name)} IN (?)", sops
    )
    found = {Copy(path.replace("\\", "/"), device) for path, device in named if path}
    more = database.select_in("SELECT path FROM files WHERE state = 'duplicate' AND sop IN (?)", sops)
    return sorted(found | {Copy(path, None) for (path,) in more}, key=lambda copy: copy.path)


def remove_images(database: Database, sops: Collection[str], *, forget_files: bool = True) -> int:
    """Remove image rows and every series, study and patient row that this leaves empty.

    Args:
        forget_files: also forget that the ObjectFiles were seen, so that a rebuild reads those still on disk.

    Returns:
        how many further copies of these instances are known on disk; the next rebuild takes them up.
    """
    images = database.definition.images
    key = quote(images.key.name)
    with database.transaction() as connection:
        series = {
            row[0]
            for row in database.select_in(
                f"SELECT DISTINCT {quote(images.link.name)} FROM {quote(images.name)} WHERE {key} IN (?)", sops
            )
        }
        if forget_files:
            named = database.select_in(f"SELECT ObjectFile FROM {quote(images.name)} WHERE {key} IN (?)", sops)
            connection.executemany(
                "DELETE FROM files WHERE path = replace(?, '\\', '/')", [row for row in named if row[0]]
            )
        connection.executemany(f"DELETE FROM {quote(images.name)} WHERE {key} = ?", [(sop,) for sop in sops])
        released = sum(
            connection.execute("DELETE FROM files WHERE state = 'duplicate' AND sop = ?", (sop,)).rowcount
            for sop in sops
        )
        tidy(database, series)
    return released


def tidy(database: Database, series: Iterable[str]) -> None:
    """Remove those of some series that have no image, then studies without series, patients without study."""
    definition = database.definition
    studies = _remove_empty(database, definition.series, definition.images, series)
    patients = _remove_empty(database, definition.studies, definition.series, studies)
    _remove_empty(database, definition.patients, definition.studies, patients)
    update_modalities(database, studies)


def remove_empty_parents(database: Database) -> None:
    """Remove every series without image, every study without series, every patient without study."""
    definition = database.definition
    chain = (definition.images, definition.series, definition.studies, definition.patients)
    for children, table in zip(chain, chain[1:], strict=False):
        database.connection.execute(
            f"DELETE FROM {quote(table.name)} WHERE NOT EXISTS (SELECT 1 FROM {quote(children.name)} child "
            f"WHERE child.{quote(children.link.name)} = {quote(table.name)}.{quote(table.key.name)})"
        )


def _remove_empty(database: Database, table: Table, children: Table, keys: Iterable[str]) -> set[str]:
    """Remove rows without children; returns the parents of all rows that were looked at."""
    keys = [key for key in keys if key is not None]
    key = quote(table.key.name)
    parents: set[str] = set()
    if table.level != "Patient":
        rows = database.select_in(
            f"SELECT DISTINCT {quote(table.link.name)} FROM {quote(table.name)} WHERE {key} IN (?)", keys
        )
        parents = {row[0] for row in rows if row[0] is not None}
    database.connection.executemany(
        f"DELETE FROM {quote(table.name)} WHERE {key} = ? AND NOT EXISTS "
        f"(SELECT 1 FROM {quote(children.name)} child WHERE child.{quote(children.link.name)} = ?)",
        [(value, value) for value in keys],
    )
    return parents


def update_modalities(database: Database, studies: Iterable[str]) -> None:
    """Make StudyModal anew: the sorted modalities of the study's series, joined by backslashes."""
    definition = database.definition
    merged = column_of(definition.studies, MODALITIES_IN_STUDY)
    modality = column_of(definition.series, MODALITY)
    if not (merged and modality):
        return
    for study in studies:
        rows = database.connection.execute(
            f"SELECT DISTINCT {modality} FROM {quote(definition.series.name)} "
            f"WHERE {quote(definition.series.link.name)} = ? AND {modality} IS NOT NULL ORDER BY 1",
            (study,),
        )
        database.connection.execute(
            f"UPDATE {quote(definition.studies.name)} SET {merged} = ? WHERE {quote(definition.studies.key.name)} = ?",
            ("\\".join(row[0] for row in rows), study),
        )


def move_study(database: Database, study: str, patient: str) -> None:
    """Give a study with its series and images to another patient; a patient row left empty goes.

    The patient's own row is the caller's to write.
    """
    definition = database.definition
    with database.transaction() as connection:
        studies = quote(definition.studies.name)
        key, link = quote(definition.studies.key.name), quote(definition.studies.link.name)
        before = connection.execute(f"SELECT {link} FROM {studies} WHERE {key} = ?", (study,)).fetchall()
        connection.execute(f"UPDATE {studies} SET {link} = ? WHERE {key} = ?", (patient, study))
        for statement in _patient_updates(definition):
            connection.execute(statement, (patient, study))
        _remove_empty(database, definition.patients, definition.studies, {row[0] for row in before})
        audit(database, "move-study", study, f"from {', '.join(str(row[0]) for row in before)} to {patient}")


def _patient_updates(definition: Definition) -> list[str]:
    """Statements (patient, study) that rewrite the PatientID of a study's series and images."""
    series, images = definition.series, definition.images
    statements = []
    if column := column_of(series, PATIENT_ID):
        statements.append(
            f"UPDATE {quote(series.name)} SET {column} = ? WHERE {quote(series.link.name)} = ?"
        )
    if column := column_of(images, PATIENT_ID):
        statements.append(
            f"UPDATE {quote(images.name)} SET {column} = ? WHERE {quote(images.link.name)} IN "
            f"(SELECT {quote(series.key.name)} FROM {quote(series.name)} WHERE {quote(series.link.name)} = ?)"
        )
    return statements


def column_of(table: Table, path: tuple[int, ...]) -> str | None:
    """Return the quoted name of the (first) column that holds a tag; None where the table has none."""
    return next((quote(column.name) for column in table.columns if column.path == path), None)


def audit(database: Database, action: str, subject: str, detail: str) -> None:
    """Put a deletion, move or correction on record."""
    database.connection.execute(
        "INSERT INTO audit(time, action, subject, detail) VALUES (?, ?, ?, ?)",
        (datetime.now(UTC).isoformat(timespec="seconds"), action, subject, detail),
    )

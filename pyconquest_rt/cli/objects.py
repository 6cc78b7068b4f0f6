"""Verbs about objects and files: store, copy, delete, tags, merge-patient, correct."""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pyconquest_rt.cli.terminal import (
    Progress,
    archive_options,
    cell,
    has_database,
    json_option,
    open_archive,
    print_json,
    print_rows,
    read_archive,
    waiting,
)
from pyconquest_rt.database.joins import SERIES_OF_PATIENT
from pyconquest_rt.errors import PyconquestError
from pyconquest_rt.settings.sections import Settings

if TYPE_CHECKING:
    from pyconquest_rt.archive.archive import Archive

Paths = tuple[Path, ...]


def _report(rows: list[dict[str, object]], line: str, as_json: bool, failed: bool) -> None:
    """Print what was done (and each failure), and end with status 1 where something failed."""
    if as_json:
        print_json(rows)
    else:
        click.echo(line)
        for row in rows:
            if row.get("error"):
                click.echo(f"  {cell(row['path'])}: {cell(row['error'])}", err=True)
    if failed:
        sys.exit(1)


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--move", is_flag=True, help="Remove each source once its copy is safe and indexed.")
@click.option("--sop-names", is_flag=True, help="Name the copies by their SOPInstanceUID.")
@click.option("--patient-id", metavar="ID", help="Give the copies this PatientID.")
@json_option
@archive_options
def store(
    settings: Settings, paths: Paths, move: bool, sop_names: bool, patient_id: str | None, as_json: bool
) -> None:
    """Copy files, folders and ZIP files into the archive and index them."""
    from pyconquest_rt.archive.judging import Fate
    from pyconquest_rt.archive.store import Options, Storer

    options = Options(
        remove_after_store=move,
        sopinstance_as_filename=sop_names,
        force_patientid=patient_id,
        replacement=settings.receive.replacement,
    )
    storer = Storer(open_archive(settings, create=True), options)
    progress = Progress("files")
    rows: list[dict[str, object]] = []
    for path in paths:
        for stored in storer.store_tree(path):
            error = None if stored.error is None else str(stored.error)
            rows.append(
                {"path": str(stored.path), "series": stored.series, "what": str(stored.fate), "error": error}
            )
            progress(len(rows))
    progress.close()
    counts = Counter(str(row["what"]) for row in rows)
    always = (Fate.STORED, Fate.REFUSED)
    line = ", ".join(f"{counts[fate]} {fate}" for fate in Fate if counts[fate] or fate in always)
    failed = any(row["error"] and row["what"] != Fate.SKIPPED for row in rows)
    _report(rows, line, as_json, failed)


@click.command()
@click.argument("destination", type=click.Path(path_type=Path))
@click.option("--series", multiple=True, metavar="UID", help="A series; may be repeated.")
@click.option("--query", "statement", metavar="SQL", help="A query with the column SeriesInst.")
@click.option("--subfolders", is_flag=True, help="Put the files into a folder for each patient.")
@json_option
@archive_options
def copy(
    settings: Settings,
    destination: Path,
    series: tuple[str, ...],
    statement: str | None,
    subfolders: bool,
    as_json: bool,
) -> None:
    """Copy the files of series into a folder."""
    from pyconquest_rt.database.backends.sqlite_reading import may_write
    from pyconquest_rt.exports.files import copy_series

    if not series and statement is None:
        raise click.UsageError("name the series by --series or --query")
    archive = open_archive(settings) if may_write(settings.archive.database) else read_archive(settings)
    rows: list[dict[str, object]] = []
    progress = Progress("files")
    for uid in _wanted(archive, series, statement):
        copied = copy_series(archive, uid, str(destination), subdirectories=subfolders)
        rows += [{"path": name, "error": None} for name in copied.names]
        rows += [{"path": sop, "error": why} for sop, why in copied.refused]
        progress(len(rows))
    progress.close()
    failed = sum(1 for row in rows if row["error"])
    if not rows:
        raise click.ClickException("there is nothing to copy: the query names no series")
    _report(rows, f"{len(rows) - failed} files copied to {destination}", as_json, bool(failed))


@click.command()
@click.option("--series", multiple=True, metavar="UID", help="A series; may be repeated.")
@click.option("--query", "statement", metavar="SQL", help="A query with the column SeriesInst.")
@click.option("--patient", metavar="ID", help="All of a patient.")
@click.option("--files", is_flag=True, help="Delete the files too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@archive_options
def delete(
    settings: Settings,
    series: tuple[str, ...],
    statement: str | None,
    patient: str | None,
    files: bool,
    yes: bool,
) -> None:
    """Delete series from the index, and on request from the disk."""
    from pyconquest_rt.archive.delete import delete_series
    from pyconquest_rt.archive.selection import series_in

    archive = open_archive(settings)
    uids = _wanted(archive, series, statement)
    if patient is not None:
        rows = archive.database.query(SERIES_OF_PATIENT, (patient,))
        uids += series_in(rows)
    if not uids:
        raise click.ClickException("there is nothing to delete")
    if not yes:
        click.confirm(f"Delete {len(uids)} series{' with their files' if files else ''}?", abort=True)
    images = count = 0
    failures = []
    progress = Progress("series")
    for number, uid in enumerate(uids):
        progress(number, len(uids))
        deleted = delete_series(archive, uid, files=files)
        images += deleted.images
        count += deleted.files
        failures += deleted.failures
    progress.close()
    click.echo(f"{len(uids)} series, {images} images, {count} files deleted")
    for failure in failures:
        click.echo(f"  {failure}", err=True)
    if failures:
        sys.exit(1)


def _wanted(archive: "Archive", series: tuple[str, ...], statement: str | None) -> list[str]:
    """The series that a user names, all of which must be there, and those of a query."""
    from pyconquest_rt.archive.selection import select_images, series_in
    from pyconquest_rt.database.guarded import only_reading

    if unknown := [uid for uid in series if not select_images(archive.database, "series", uid)]:
        raise click.ClickException(f"the index has no series {', '.join(unknown)}")
    if statement is None:
        return list(series)
    try:
        with only_reading(archive.database.connection):
            return [*series, *series_in(archive.database.query(statement))]
    except PyconquestError as error:
        raise click.ClickException(f"{error} in: {statement} (it must give a column SeriesInst)") from error


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("tags", nargs=-1, metavar="[KEYWORD[=VALUE]]...")
@click.option("--create", is_flag=True, help="Make elements that the object has not.")
@json_option
@archive_options
def tags(settings: Settings, file: Path, tags: tuple[str, ...], create: bool, as_json: bool) -> None:
    """Show elements of a file, or change them (KEYWORD=VALUE); a file of the archive is indexed again."""
    from pyconquest_rt.dicom.edit import change_tags, tag_of

    assignments = {name: value for name, is_one, value in (tag.partition("=") for tag in tags) if is_one}
    archive = open_archive(settings) if assignments and has_database(settings) else None
    try:
        if assignments:
            change_tags(file, {tag_of(name): value for name, value in assignments.items()}, create=create)
        rows = _elements(file, tags)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    if archive is not None:
        _index_again(archive, file, assignments)
    print_rows(rows, as_json)


def _elements(file: Path, tags: Sequence[str]) -> list[dict[str, str]]:
    """One row for each element that is named (KEYWORD or KEYWORD=VALUE) and in the file; without names for all."""
    from pyconquest_rt.dicom.edit import tag_of
    from pyconquest_rt.dicom.objects import read_object

    wanted = [tag_of(tag.split("=", 1)[0]) for tag in tags]
    data_set = read_object(file, stop_before_pixels=True)
    found = [data_set[tag] for tag in wanted or sorted(data_set.keys()) if tag in data_set]
    return [{"tag": str(it.tag), "keyword": it.keyword, "VR": it.VR, "value": it.repval} for it in found]


def _index_again(archive: "Archive", file: Path, assignments: Mapping[str, str]) -> None:
    """Index a file that was changed, where it is one of the archive."""
    from pyconquest_rt.archive.store import object_file_of, reindex

    name = object_file_of(archive, file)
    change = ", ".join(f"{tag} = {value}" for tag, value in assignments.items())
    for outcome in reindex(archive, [name], change) if name else ():
        if outcome.state == "rejected":
            raise click.ClickException(f"{file} was changed, but is no longer indexed: {outcome.reason}")


@click.command("merge-patient")
@click.argument("old")
@click.argument("new")
@click.option("--files", is_flag=True, help="Write the new PatientID into the files too.")
@archive_options
def merge_patient(settings: Settings, old: str, new: str, files: bool) -> None:
    """Give all studies of patient OLD to patient NEW."""
    from pyconquest_rt.archive.corrections import merge_patient as merge

    with waiting("moving studies"):
        merged = merge(open_archive(settings), old, new, files=files)
    click.echo(f"{merged.rows} images moved, {merged.files} files changed")
    _fail_for(merged.failures)


@click.command()
@click.argument("level", type=click.Choice(["patient", "study", "series", "image"]))
@click.argument("uid")
@click.argument("values", nargs=-1, required=True, metavar="KEYWORD=VALUE...")
@click.option("--files", is_flag=True, help="Write the values into the files too.")
@archive_options
def correct(settings: Settings, level: str, uid: str, values: tuple[str, ...], files: bool) -> None:
    """Put values of a patient, study, series or image right."""
    from pyconquest_rt.archive.corrections import correct as put_right

    if not all("=" in value for value in values):
        raise click.UsageError("give values as KEYWORD=VALUE")
    given = dict(value.split("=", 1) for value in values)
    with waiting("correcting"):
        corrected = put_right(open_archive(settings), level, uid, given, files=files)  # type: ignore[arg-type]
    click.echo(f"{corrected.rows} rows corrected, {corrected.files} files changed")
    _fail_for(corrected.failures)


def _fail_for(failures: list[tuple[str, str]]) -> None:
    for path, reason in failures:
        click.echo(f"  {cell(path)}: {cell(reason)}", err=True)
    if failures:
        sys.exit(1)


VERBS: list[click.Command] = [store, copy, delete, tags, merge_patient, correct]

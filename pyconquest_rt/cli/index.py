"""Verbs about the index: rebuild, verify, query, dump, summary, adopt."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pyconquest_rt.cli.terminal import (
    Progress,
    archive_options,
    cell,
    json_option,
    open_archive,
    print_json,
    print_rows,
    read_archive,
    waiting,
)
from pyconquest_rt.errors import DatabaseError
from pyconquest_rt.settings.sections import Settings

if TYPE_CHECKING:
    from pyconquest_rt.archive.archive import Archive
    from pyconquest_rt.archive.rebuild_report import Report


@click.command()
@click.option("--patient", metavar="ID", help="Only this patient's folders.")
@click.option("--all", "only", flag_value="all", help="Read every file anew.")
@click.option(
    "--changed",
    "only",
    flag_value="changed",
    default=True,
    help="Files never seen, and those whose size or time has changed [default].",
)
@click.option("--missing", "only", flag_value="missing", help="Only files never seen, by a quick listing.")
@click.option("--force", is_flag=True, help="Remove rows of files that have gone, however many they are.")
@click.option("--jobs", type=click.IntRange(1, 64), help="Threads that read ahead [as many as pay].")
@json_option
@archive_options
def rebuild(
    settings: Settings, patient: str | None, only: Any, force: bool, jobs: int | None, as_json: bool
) -> None:
    """Bring the index into line with the files on disk."""
    from pyconquest_rt.archive.selection import folders_of

    if not Path(settings.archive.data).is_dir():
        raise click.ClickException(
            f"there is no data directory {settings.archive.data}; --data names another, and 'pyconquest-rt store' "
            "makes it"
        )
    archive = open_archive(settings, create=True)
    folders = [""] if patient is None else folders_of(archive.database, patient)
    report = _rebuild(archive, folders, only, force=force, jobs=jobs)
    looked_at = (report.read, report.unchanged, report.removed, report.unreachable)
    if patient is not None and not any(looked_at):
        raise click.ClickException(f"there are no files and no rows of patient {patient}")
    if as_json:
        print_json(report.as_dict())
        return
    _print_report(report)
    if report.withheld:
        sys.exit(1)


def _rebuild(
    archive: "Archive", folders: Sequence[str], only: Any, *, force: bool, jobs: int | None
) -> "Report":
    """Rebuild the index of some folders, with a line of progress over all of them."""
    from pyconquest_rt.archive import rebuild as indexer
    from pyconquest_rt.archive.rebuild_report import Report

    progress, report = Progress("files"), Report()
    total = (
        sum(indexer.count_due(archive, only=only, under=under) for under in folders)
        if progress.enabled
        else None
    )

    def show(done: int, _: float) -> None:
        progress(report.read + done, total)

    for under in folders:
        report += indexer.rebuild(archive, only=only, under=under, jobs=jobs, progress=show, force=force)
    progress.close()
    return report


def _print_report(report: "Report") -> None:
    click.echo(str(report))
    for what, files in (("rejected", report.rejected), ("faulty", report.faulty)):
        for path, reason in files:
            click.echo(f"  {what} {cell(path)}: {cell(reason)}")


@click.command()
@click.option("--fix", is_flag=True, help="Heal what can be healed.")
@click.option("--deep", is_flag=True, help="Read the header of every file too: identifiers and links.")
@click.option("--force", is_flag=True, help="With --fix: remove rows without a file, however many they are.")
@json_option
@archive_options
def verify(settings: Settings, fix: bool, deep: bool, force: bool, as_json: bool) -> None:
    """Compare rows and files; the status is 1 where they differ."""
    from pyconquest_rt.archive import verify as verification

    archive = open_archive(settings) if fix else read_archive(settings)
    if fix:
        with waiting("reading files again"):
            report = verification.fix(archive, deep=deep, force=force)
        click.echo(str(report), err=as_json)
    with waiting("comparing rows and files"):
        findings = list(verification.verify(archive, deep=deep))
    if findings or as_json:
        print_rows([finding._asdict() for finding in findings], as_json)
    else:
        click.echo(f"index and files agree: {verification.compared(archive, deep=deep)}")
    if any(finding.problem not in verification.HARMLESS for finding in findings):
        sys.exit(1)


@click.command()
@click.argument("statement", metavar="SQL")
@click.option("--write", is_flag=True, help="Let the statement change the database; that is put on record.")
@json_option
@archive_options
def query(settings: Settings, statement: str, write: bool, as_json: bool) -> None:
    """Run an SQL statement that reads, and print its rows."""
    from pyconquest_rt.archive.removal import audit
    from pyconquest_rt.database.guarded import NotReadingError, only_reading

    database = (open_archive if write else read_archive)(settings).database
    try:
        with waiting("asking"):
            if write:
                with database.transaction():
                    rows = database.query(statement)
                    audit(database, "query", "the database", statement)
            else:
                with only_reading(database.connection):
                    rows = database.query(statement)
    except DatabaseError as error:
        hint = "(--write allows it)" if isinstance(error, NotReadingError) else "in"
        raise click.ClickException(f"{error} {hint}: {statement}") from error
    print_rows(rows, as_json)


@click.command()
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
@click.option("--query", "statement", metavar="SQL", help="Write the rows of a query instead.")
@click.option(
    "--parquet", metavar="FOLDER", help="Write the views for people and the DVHs as Parquet instead."
)
@click.option("--output", metavar="FILE", help="Where to write [TABLE.csv, query_dump.csv].")
@click.option("--delimiter", default=",", show_default=True)
@click.option(
    "--safe", is_flag=True, help="Write texts that a spreadsheet would run as a formula as plain text."
)
@archive_options
def dump(
    settings: Settings,
    tables: tuple[str, ...],
    statement: str | None,
    parquet: str | None,
    output: str | None,
    delimiter: str,
    safe: bool,
) -> None:
    """Write tables, views or the rows of a query to CSV files (UTF-8), or all that is for people as Parquet."""
    from pyconquest_rt.database.guarded import only_reading
    from pyconquest_rt.exports.csv import dump as write

    if parquet:
        _dump_parquet(settings, parquet)
        return
    wanted = _to_dump(tables, statement)
    if output and len(wanted) > 1:
        raise click.UsageError("--output goes with one table or a query")
    if len(delimiter) != 1:
        raise click.UsageError(f"--delimiter must be one character, not {delimiter!r}")
    database = read_archive(settings).database
    for name, sql in wanted.items():
        path = output or name
        try:
            with waiting(f"writing {path}"), only_reading(database.connection):
                rows = write(database, sql, path, delimiter=delimiter, guard_formulas=safe)
        except DatabaseError as error:
            raise click.ClickException(f"{error} in: {sql}") from error
        click.echo(f"{path}: {rows} rows" if rows else f"{path}: no rows, not written")


def _dump_parquet(settings: Settings, folder: str) -> None:
    from pyconquest_rt.exports.parquet import to_parquet

    with waiting(f"writing {folder}"):
        written = to_parquet(read_archive(settings).database, folder)
    for name, rows in written.items():
        click.echo(f"{folder}/{name}.parquet: {rows} rows")


def _to_dump(tables: tuple[str, ...], statement: str | None) -> dict[str, str]:
    """Name of the file → SELECT, of some tables or of the one query."""
    from pyconquest_rt.database.connection import quote

    if bool(tables) == bool(statement):
        raise click.UsageError("give tables or --query")
    if statement:
        return {"query_dump.csv": statement}
    return {f"{table}.csv": f"SELECT * FROM {quote(table)}" for table in tables}  # noqa: S608 - quoted


@click.command()
@click.option("--orderby", default="PatientID", show_default=True, metavar="COLUMN")
@json_option
@archive_options
def summary(settings: Settings, orderby: str, as_json: bool) -> None:
    """Count each patient's series by modality."""
    from pyconquest_rt.archive.summary import as_table, series_summary

    rows = series_summary(read_archive(settings).database, orderby)
    if as_json:
        print_json(rows)
    else:
        click.echo(as_table(rows))


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--data", metavar="DIR", help="The data directory [as dicom.ini says, or FOLDER/data].")
@click.option(
    "--database", metavar="FILE", help="The index [as dicom.ini says, or the one *.db or *.db3 there]."
)
@click.option(
    "--sql", metavar="FILE", help="Definition of the tables [as dicom.ini says, or FOLDER/dicom.sql]."
)
def adopt(folder: Path, data: str | None, database: str | None, sql: str | None) -> None:
    """Take over the database and tree of a Conquest server or of PyConquest, where they are.

    FOLDER holds a dicom.ini, or a database with a data directory beside it. Nothing is moved; the settings that
    were found go into pyconquest.toml of the working directory, and the index is completed.
    """
    from pyconquest_rt.archive.adopt import adopt as take_over

    progress = Progress("files")
    adopted = take_over(
        folder, data=data, database=database, sql=sql, progress=lambda done, _: progress(done)
    )
    progress.close()
    click.echo(f"data directory  {adopted.settings.data}")
    click.echo(f"database        {adopted.settings.database}")
    click.echo(f"definition      {adopted.settings.sql}")
    for name, path in adopted.settings.devices.items():
        click.echo(f"device {name:<8} {path}")
    click.echo(f"rows before     {adopted.rows_before} images")
    click.echo(str(adopted.report))
    for finding in adopted.findings:
        click.echo(f"  {finding.problem}: {cell(finding.subject)}")
    click.echo(f"settings written to {adopted.settings_file}")
    for path, reason in (*adopted.report.rejected, *adopted.report.faulty):
        click.echo(f"  {cell(path)}: {cell(reason)}", err=True)
    if adopted.report.rejected:
        sys.exit(1)


VERBS: list[click.Command] = [rebuild, verify, query, dump, summary, adopt]

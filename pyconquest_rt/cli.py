"""The command ``pyconquest-rt VERB``: each verb is a thin wrapper of one public function.

Every verb takes ``--data``, ``--database`` and ``--sql`` (else ``pyconquest.toml``, else PyConquest's defaults)
and ends with a status other than 0 when it failed. What a verb needs is imported when it runs, so that
``--help`` answers at once.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from pyconquest_rt.config import ArchiveSettings, Settings, load
from pyconquest_rt.errors import PyconquestError
from pyconquest_rt.version import __version__

if TYPE_CHECKING:
    from pyconquest_rt.archive import pyconquest
    from pyconquest_rt.ingest import Ingest


class _Group(click.Group):
    """Turns the errors that are raised on purpose into one line and status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except PyconquestError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pyconquest-rt")
def main() -> None:
    """A Conquest-compatible local PACS indexer with DICOM networking and a radiotherapy extension."""


def archive_options(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb the options that say which archive it is about; it receives ``settings``."""

    def with_settings(*, data: str | None, database: str | None, sql: str | None, **others: Any) -> Any:
        settings = load()
        given: dict[str, Any] = {"data": data, "database": database, "sql": sql}
        archive = replace(settings.archive, **{key: value for key, value in given.items() if value})
        return verb(settings=replace(settings, archive=archive), **others)

    with_settings.__name__ = verb.__name__
    with_settings.__doc__ = verb.__doc__
    with_settings.__click_params__ = getattr(verb, "__click_params__", [])  # type: ignore[attr-defined]
    defaults = ArchiveSettings()
    for option in (
        click.option("--sql", metavar="FILE", help=f"Definition of the tables [{defaults.sql}]."),
        click.option("--database", metavar="FILE", help=f"The index [{defaults.database}]."),
        click.option("--data", metavar="DIR", help=f"The data directory [{defaults.data}]."),
    ):
        with_settings = option(with_settings)
    return with_settings


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def open_ingest(settings: Settings) -> "Ingest":
    """Open the index that the settings name."""
    from pyconquest_rt.ingest import Ingest

    return Ingest.open(settings.archive)


def open_archive(settings: Settings) -> "pyconquest":
    """Open the archive that the settings name, as the class that scripts use."""
    from pyconquest_rt.archive import pyconquest

    archive = settings.archive
    return pyconquest(archive.data, archive.sql, archive.database)


def print_rows(rows: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    """Print rows as an aligned table, or as JSON."""
    if as_json:
        click.echo(json.dumps(list(rows), indent=1, default=str))
        return
    if not rows:
        click.echo("no rows", err=True)
        return
    names = list(rows[0])
    table = [names, *([_cell(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(names))]
    for line in table:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: object) -> str:
    """A value as one cell of a terminal: no control characters, of bounded width."""
    text = "" if value is None else str(value)
    text = "".join(character if character.isprintable() else "·" for character in text)
    return text if len(text) <= 64 else f"{text[:63]}…"


def _progress(total_known: bool = False) -> Callable[[int, float], None] | None:
    """A progress line on a terminal, none where the output is piped."""
    if not sys.stderr.isatty():
        return None
    del total_known

    def show(count: int, seconds: float) -> None:
        rate = count / seconds if seconds else 0.0
        click.echo(f"\r{count} files, {rate:.0f} files/s", nl=False, err=True)

    return show


@main.command()
@click.option("--patient", metavar="ID", help="Only this patient's folder.")
@click.option("--all", "only", flag_value="all", help="Read every file anew.")
@click.option("--changed", "only", flag_value="changed", help="Also files whose size or time has changed.")
@click.option(
    "--missing", "only", flag_value="missing", default=True, help="Only files never seen [default]."
)
@click.option("--jobs", type=click.IntRange(1, 64), help="Threads that read ahead [as many as pay].")
@json_option
@archive_options
def rebuild(settings: Settings, patient: str | None, only: Any, jobs: int | None, as_json: bool) -> None:
    """Bring the index into line with the files on disk."""
    from pyconquest_rt import indexer
    from pyconquest_rt.paths import folder_name

    ingest = open_ingest(settings)
    under = folder_name(patient) if patient is not None else ""
    report = indexer.rebuild(ingest, only=only, under=under, jobs=jobs, progress=_progress())
    if sys.stderr.isatty():
        click.echo("\r", nl=False, err=True)
    if as_json:
        click.echo(json.dumps(vars(report)))
        return
    click.echo(str(report))
    for path, reason in report.rejected:
        click.echo(f"  rejected {_cell(path)}: {_cell(reason)}")


@main.command()
@click.option("--fix", is_flag=True, help="Heal what can be healed.")
@json_option
@archive_options
def verify(settings: Settings, fix: bool, as_json: bool) -> None:
    """Compare rows and files; the status is 1 where they differ."""
    from pyconquest_rt import verify as verification

    ingest = open_ingest(settings)
    if fix:
        click.echo(str(verification.fix(ingest)), err=as_json)
    findings = list(verification.verify(ingest))
    if findings or as_json:
        print_rows([finding._asdict() for finding in findings], as_json)
    else:
        click.echo("index and files agree")
    if any(finding.problem not in verification.HARMLESS for finding in findings):
        sys.exit(1)


@main.command()
@click.argument("sql_text", metavar="SQL")
@json_option
@archive_options
def query(settings: Settings, sql_text: str, as_json: bool) -> None:
    """Run an SQL query and print its rows."""
    import sqlite3

    try:
        print_rows(open_ingest(settings).database.query(sql_text), as_json)
    except sqlite3.Error as error:
        raise click.ClickException(f"{error} in: {sql_text}") from error

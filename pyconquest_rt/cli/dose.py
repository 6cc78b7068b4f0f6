"""Verbs about dose reports and dose-bearing images: ``dose import``, ``study``, ``summary``, ``export``, ``plot``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pyconquest_rt.cli.terminal import (
    archive_options,
    cell,
    json_option,
    open_archive,
    print_json,
    print_rows,
    read_archive,
)
from pyconquest_rt.settings.sections import Settings

if TYPE_CHECKING:
    import sqlite3

QUANTITIES = ("dlp", "ctdivol", "dap", "dose_rp", "fluoro_time", "agd", "activity")
quantity_option = click.option("--quantity", default="dlp", show_default=True, type=click.Choice(QUANTITIES))


def _connection(settings: Settings, *, writes: bool = False) -> "sqlite3.Connection":
    """The index with the dose tables in it, for reading alone unless it is to be written."""
    from pyconquest_rt.database.backends.sqlite_reading import may_write
    from pyconquest_rt.derive.account import prepare
    from pyconquest_rt.derive.dose import extractors

    archive = open_archive(settings) if writes else read_archive(settings)
    if writes or (not archive.database.has("dose_study") and may_write(archive.database.path)):
        prepare(open_archive(settings).database, extractors(settings.dose))
    return archive.database.connection


@click.group()
def dose() -> None:
    """Radiation doses told by reports and images: each irradiation event counted once."""


@dose.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@archive_options
def import_paths(settings: Settings, paths: tuple[Path, ...]) -> None:
    """Store files that tell a dose, and derive it; the files themselves stay where they are."""
    from pyconquest_rt.derive.dose_import import import_files

    imported = import_files(open_archive(settings, create=True), paths)
    click.echo(
        f"{imported.written} with dose, {imported.without_dose} without, {imported.failed} failed, "
        f"{imported.no_dicom} no DICOM files"
    )
    for path, reason in imported.reasons:
        click.echo(f"  {cell(path)}: {cell(reason)}", err=True)
    if imported.failed:
        sys.exit(1)


@dose.command()
@click.argument("uid", metavar="STUDYINSTANCEUID")
@json_option
@archive_options
def study(settings: Settings, uid: str, as_json: bool) -> None:
    """Show what is known of the doses of a study."""
    from pyconquest_rt.exports.dose import study_report

    found = study_report(_connection(settings), uid)
    if not found["dose_study"]:
        raise click.ClickException(f"there is no dose of study {uid}")
    if as_json:
        print_json(found)
        return
    for view, rows in found.items():
        if rows:
            click.echo(f"\n{view}")
            for row in rows:
                print_rows(
                    [{"what": name, "value": value} for name, value in row.items() if value is not None],
                    False,
                )
                click.echo("")


@dose.command()
@click.option("--quantity", type=click.Choice(QUANTITIES), help="This one alone; all without it.")
@json_option
@archive_options
def summary(settings: Settings, quantity: str | None, as_json: bool) -> None:
    """Show count, median and 75th percentile over examinations, of each protocol on each scanner."""
    from pyconquest_rt.exports.dose import protocol_summary

    rows: list[dict[str, Any]] = [row._asdict() for row in protocol_summary(_connection(settings), quantity)]
    print_rows(rows, as_json)


@dose.command()
@click.argument("table")
@click.option("--csv", "csv_file", required=True, metavar="FILE")
@click.option(
    "--identifiers", is_flag=True, help="With PatientID, birth date, accession number and persons' names."
)
@click.option("--bom", is_flag=True, help="Begin with a byte order mark, by which Excel knows UTF-8.")
@archive_options
def export(settings: Settings, table: str, csv_file: str, identifiers: bool, bom: bool) -> None:
    """Write a dose table or view to a CSV file, without identifiers unless they are asked for."""
    from pyconquest_rt.exports.dose import export_csv

    connection = _connection(settings)
    try:
        with Path(csv_file).open("w", encoding="utf-8", newline="") as file:
            count = export_csv(connection, table, file, identifiers=identifiers, bom=bom)
    except (KeyError, ValueError) as error:
        Path(csv_file).unlink()
        raise click.ClickException(str(error.args[0])) from error
    click.echo(f"{csv_file}: {count} rows")


@dose.command()
@click.argument("png", metavar="FILE")
@quantity_option
@archive_options
def plot(settings: Settings, png: str, quantity: str) -> None:
    """Draw the distribution of a quantity by protocol."""
    from pyconquest_rt.exports.dose_plot import plot_distribution

    try:
        count = plot_distribution(_connection(settings), png, quantity)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    others = f", {count.left_out} less frequent ones not shown" if count.left_out else ""
    click.echo(f"{png}: {count.drawn} protocols{others}")


@dose.command()
@click.argument("csv_file", metavar="[CSV]", required=False, type=click.Path(exists=True, dir_okay=False))
@json_option
@archive_options
def names(settings: Settings, csv_file: str | None, as_json: bool) -> None:
    """Take standard names of protocols from a CSV file (name, standard_name, scanner); or list those without one."""
    from pyconquest_rt.exports.dose_levels import import_names, unnamed

    connection = _connection(settings, writes=csv_file is not None)
    if csv_file is None:
        print_rows(unnamed(connection), as_json)
        return
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        count = import_names(connection, csv_file)
    click.echo(f"{count} standard names")


@dose.command()
@click.argument("csv_file", metavar="[CSV]", required=False, type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--local", is_flag=True, help="Make the 75th percentiles of this archive levels where the CSV has none."
)
@json_option
@archive_options
def drl(settings: Settings, csv_file: str | None, local: bool, as_json: bool) -> None:
    """Take reference levels from a CSV file (standard_name, quantity, value); list the examinations above them."""
    from pyconquest_rt.exports.dose_levels import above_levels, import_levels, set_local_levels

    if csv_file is None and not local:
        print_rows(above_levels(_connection(settings)), as_json)
        return
    connection = _connection(settings, writes=True)
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        if csv_file is not None:
            click.echo(f"{import_levels(connection, csv_file)} reference levels", err=as_json)
        if local:
            click.echo(f"{set_local_levels(connection)} local reference levels", err=as_json)


@dose.command()
@click.argument("uid", metavar="STUDYINSTANCEUID")
@click.option("--out", required=True, metavar="FILE", help="The DICOM file that is written.")
@archive_options
def report(settings: Settings, uid: str, out: str) -> None:
    """Write what CT dose pages and images of a study tell as an X-Ray Radiation Dose SR (TID 10011)."""
    from pyconquest_rt.exports.dose_sr import dose_sr

    connection = _connection(settings)
    name = connection.execute(
        "SELECT p.PatientNam FROM DICOMStudies s JOIN DICOMPatients p ON p.PatientID = s.PatientID "
        "WHERE s.StudyInsta = ?",
        (uid,),
    ).fetchone()
    made = dose_sr(connection, uid, name and name[0])
    made.save_as(out, enforce_file_format=True)
    click.echo(f"{out}: {made.SOPInstanceUID}")


@dose.command()
@click.argument("peer", required=False)
@click.option("--days", type=click.IntRange(0), help="Studies of so many days back; else [dose] pull_days.")
@json_option
@archive_options
def pull(settings: Settings, peer: str | None, days: int | None, as_json: bool) -> None:
    """Have PEER (or [dose] pull_peer) send dose objects that are not held yet to this archive's running listener."""
    from dataclasses import asdict

    from pyconquest_rt.net.services.peers import known_peers
    from pyconquest_rt.service.dose_pull import pull as run

    title = peer or settings.dose.pull_peer
    known = known_peers(settings).find(title) if title else None
    if known is None:
        raise click.ClickException(
            f"no peer {title} is known" if title else "name a peer, or set [dose] pull_peer"
        )
    days = settings.dose.pull_days if days is None else days
    pulled = run(open_archive(settings), known, settings.listener.ae_title, days=days)
    print_rows([asdict(pulled) | {"problems": "; ".join(pulled.problems)}], as_json)
    if pulled.problems:
        sys.exit(1)


VERBS: list[click.Command] = [dose]

"""Verbs that say what is in the archive: patients, studies, series, objects, one of them, and chains of RT objects."""

import sys
from typing import Any

import click

from pyconquest_rt.cli.terminal import (
    archive_options,
    cell,
    json_option,
    print_json,
    print_rows,
    read_archive,
    shortened,
    size,
)
from pyconquest_rt.settings.sections import Settings


def _verb(level: Any, what: str) -> click.Command:
    """Make the verb that lists one level."""

    @click.command(level, help=f"List {level}; PATTERN (with * and ?) chooses by {what}.")
    @click.argument("pattern", required=False)
    @click.option("--modality", metavar="CT", help="Those that have this modality.")
    @click.option("--since", metavar="DATE", help="From this date (YYYY-MM-DD) on.")
    @click.option("--description", metavar="TEXT", help="Description of the study or series; * and ?.")
    @click.option("--limit", type=click.IntRange(1), help="So many at most.")
    @json_option
    @archive_options
    def verb(settings: Settings, pattern: str | None, as_json: bool, **conditions: Any) -> None:
        from pyconquest_rt.exports.catalog import listed

        try:
            rows = listed(read_archive(settings), level, pattern, **conditions)
        except ValueError as error:
            raise click.ClickException(str(error)) from error
        print_rows(rows if as_json else _for_people(rows, level), as_json)

    return verb


_ON_A_TERMINAL = {
    "patients": ("patient_id", "patient_name", "studies", "objects", "modalities", "bytes", "last_arrival"),
    "studies": (
        "study_uid",
        "study_date",
        "study_description",
        "patient_id",
        "modalities",
        "objects",
        "bytes",
    ),
    "series": (
        "series_uid",
        "modality",
        "series_date",
        "series_description",
        "patient_id",
        "objects",
        "bytes",
    ),
    "objects": ("sop_uid", "modality", "instance_number", "patient_id", "file", "bytes", "arrived"),
}


def _for_people(rows: list[dict[str, Any]], level: str) -> list[dict[str, Any]]:
    """Return what fits on a terminal: the columns that matter most, UIDs cut to what tells them apart."""
    if not sys.stdout.isatty():
        return rows
    chosen = [{name: row[name] for name in _ON_A_TERMINAL[level]} for row in shortened(rows)]
    return [row | {"bytes": size(row["bytes"])} for row in chosen]


@click.command()
@click.argument("key", metavar="UID|PATIENT")
@json_option
@archive_options
def show(settings: Settings, key: str, as_json: bool) -> None:
    """Show all that is known of a patient, study, series or object; the end of a UID will do if it is unique."""
    from pyconquest_rt.exports import catalog

    found = catalog.show(read_archive(settings), key)
    if as_json:
        print_json(found)
        return
    for name, value in found["row"].items():
        click.echo(f"{name}: {cell(value)}")
    for name in ("derivations", "refused", "audit", "dose"):
        if found.get(name):
            click.echo(f"\n{name}:")
            print_rows(found[name], False)


@click.command()
@click.argument("patient")
@json_option
@archive_options
def chain(settings: Settings, patient: str, as_json: bool) -> None:
    """Draw each dose of a patient with its plan, structure set and images, and say what is missing and why."""
    from pyconquest_rt.exports.chain import chains, drawn

    found = chains(read_archive(settings), patient)
    if as_json:
        print_json([node.as_dict() for node in found])
    for line in () if as_json else drawn(found):
        click.echo(cell(line))


VERBS: list[click.Command] = [
    _verb("patients", "PatientID and name"),
    _verb("studies", "StudyInstanceUID, description and PatientID"),
    _verb("series", "SeriesInstanceUID, description, study and PatientID"),
    _verb("objects", "SOPInstanceUID, series, study, PatientID and file"),
    show,
    chain,
]

"""Verbs about radiotherapy: derive, dvh, site."""

import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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
    whole_key,
)
from pyconquest_rt.settings.sections import Settings

if TYPE_CHECKING:
    from pyconquest_rt.database.connection import Database
    from pyconquest_rt.exports.dvh import DvhQuery, NamedCurve


@click.command()
@click.option("--patient", metavar="ID", help="Only this patient's objects.")
@click.option("--extractor", "only", multiple=True, metavar="NAME", help="Only these extractors.")
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1, 32), help="Processes.")
@click.option(
    "--link",
    type=click.Choice(["reference", "frame-of-reference"]),
    help="How doses of this archive find their structure sets from now on: by what they refer to, or also by frame of "
    "reference where that has not come; such DVHs say so.",
)
@json_option
@archive_options
def derive(
    settings: Settings,
    patient: str | None,
    only: tuple[str, ...],
    jobs: int,
    link: str | None,
    as_json: bool,
) -> None:
    """Derive everything that is due: RT tables, ROI names, DVHs, dose tables."""
    from pyconquest_rt.derive.engine import derive as run
    from pyconquest_rt.derive.rt_links import set_link

    if link:
        set_link(open_archive(settings).database, link.replace("-", " "))
    progress = Progress("objects")
    if jobs > 1 and patient is None and not only:
        from pyconquest_rt.service.node import derive_in_processes

        derive_in_processes(settings.archive, jobs)
    summary = run(open_archive(settings), patient=patient, only=only or None, progress=progress)
    progress.close()
    if as_json:
        print_json(
            {
                "counts": summary.counts,
                "reasons": summary.reasons,
                "held": [one._asdict() for one in summary.held],
            }
        )
    else:
        _print_summary(summary, has_link=link is not None)
    for one in summary.held:
        text = f"{one.worker} holds {one.objects} of {one.extractor}, for {one.seconds:.0f} s at most"
        click.echo(f"not done: {cell(text)}; derive again then", err=as_json)
    if summary.held:
        sys.exit(1)


def _print_summary(summary: Any, *, has_link: bool) -> None:
    """Say what a run derived, and what can be done for doses that wait."""
    click.echo(str(summary))
    for name, sop, reason in summary.reasons:
        click.echo(f"  {name} {sop}: {cell(reason)}")
    waits = any(name == "dvh" and reason.startswith("waits for ") for name, _, reason in summary.reasons)
    if waits and not has_link:
        click.echo("what never comes (research exports without plans): derive --link frame-of-reference")


def _dose_range(context: click.Context, option: click.Parameter, value: str | None) -> Any:
    """Return ``50:70``, ``50:`` or ``:70`` as (from, to), None where there is no bound; one number is both ends."""
    if value is None:
        return None
    low, separator, high = value.partition(":")
    try:
        return tuple(float(end) if end else None for end in (low, high if separator else low))
    except ValueError:
        raise click.BadParameter(f"{value!r} is no range of doses; write 50:70, 50: or :70") from None


def _query_options(verb: Any) -> Any:
    """Give a verb the options that choose DVHs; it receives them as ``conditions``."""
    for decorate in reversed(
        (
            click.argument("key", metavar="[PATIENT|STUDY|SOP]", required=False),
            click.option(
                "--roi", metavar="NAME", help="ROI: raw, TG-263, site's or physician's name; * and ?."
            ),
            click.option("--physician", metavar="NAME", help="Referring physician; * and ?."),
            click.option("--site", metavar="NAME", help="Treatment site; * and ?."),
            click.option("--since", metavar="DATE", help="Plans of this date (YYYY-MM-DD) or later."),
            click.option("--until", metavar="DATE", help="Plans of this date or earlier."),
            click.option(
                "--rx", "rx_gy", callback=_dose_range, metavar="GY:GY", help="Prescribed dose, as in 50:60."
            ),
            click.option(
                "--mean", "mean_gy", callback=_dose_range, metavar="GY:GY", help="Mean dose of the ROI."
            ),
            click.option(
                "--max", "max_gy", callback=_dose_range, metavar="GY:GY", help="Greatest dose of the ROI."
            ),
            click.option("--source", type=click.Choice(["pyconquest", "vendor"]), help="Who calculated it."),
            click.option(
                "--kind",
                metavar="NAME",
                help="DoseSummationType, as PLAN or MULTI_PLAN; * and ?. A cohort takes PLAN unless asked.",
            ),
            click.option(
                "--guessed/--no-guessed",
                default=None,
                help="With DVHs whose structure set is guessed (by frame of reference, say), or without. A cohort is "
                "without them.",
            ),
        )
    ):
        verb = decorate(verb)
    return verb


@click.command()
@_query_options
@click.option(
    "--metric", "metrics", multiple=True, metavar="NAME", help="A metric, such as D95%[Gy]; repeatable."
)
@click.option("--cohort", is_flag=True, help="Mean and quantiles of the curves, volume in % over dose in Gy.")
@click.option("--plot", metavar="FILE", help="Draw the curves (PNG, SVG, PDF).")
@click.option("--relative", is_flag=True, help="Plot doses in % of the prescription.")
@click.option("--differential", is_flag=True, help="Plot volume per dose.")
@click.option("--curve", is_flag=True, help="The points of the curves in place of the table.")
@click.option("--csv", "csv_file", metavar="FILE", help="Write the table to a CSV file.")
@json_option
@archive_options
def dvh(
    settings: Settings,
    metrics: tuple[str, ...],
    cohort: bool,
    plot: str | None,
    relative: bool,
    differential: bool,
    curve: bool,
    csv_file: str | None,
    as_json: bool,
    **conditions: Any,
) -> None:
    """Show the DVHs of a patient, a study, an object, or of a cohort that the options choose."""
    from pyconquest_rt.exports import dvh as reports

    archive = read_archive(settings)
    database = archive.database
    query = reports.DvhQuery(**conditions | {"key": whole_key(archive, conditions["key"])})
    with _told():
        rows, curves = _dvh_rows(
            database, query, metrics, cohort=cohort, curve=curve, with_curves=plot is not None
        )
        if not rows:
            raise click.ClickException(
                f"there are no DVHs of {cell(str(query))}; 'pyconquest-rt derive' makes those that are due"
            )
        if csv_file:
            _write_csv(csv_file, rows)
            click.echo(f"{csv_file}: {len(rows)} rows", err=as_json)
        if plot:
            _draw(plot, _in_words(conditions), rows if cohort else None, curves, relative, differential)
            click.echo(f"{plot}: drawn", err=as_json)
    print_rows(rows if as_json or cohort or curve else _telling(rows), as_json)


def _dvh_rows(
    database: "Database",
    query: "DvhQuery",
    metrics: tuple[str, ...],
    *,
    cohort: bool,
    curve: bool,
    with_curves: bool,
) -> tuple[list[dict[str, Any]], list["NamedCurve"]]:
    """Return the rows to print, and the curves to draw."""
    from pyconquest_rt.exports import dvh as reports
    from pyconquest_rt.exports import dvh_cohort as cohorts

    if cohort:
        curves, notes = cohorts.find_cohort(database, query)
        click.echo("".join(f"{cell(note)}\n" for note in notes), err=True, nl=False)
        return [*cohorts.cohort_dvh(curves)], curves
    curves = reports.find_curves(database, query) if with_curves else []
    if curve:
        return reports.curve_rows(database, query), curves
    return reports.find_dvhs(database, query, metrics or reports.METRICS), curves


def _draw(
    path: str,
    title: str,
    statistics: list[dict[str, Any]] | None,
    curves: list["NamedCurve"],
    relative: bool,
    differential: bool,
) -> None:
    from pyconquest_rt.exports import dvh_plot

    if statistics is not None:
        dvh_plot.plot_cohort(statistics, path, title)
    else:
        dvh_plot.plot_dvhs(curves, path, title, relative=relative, differential=differential)


def _in_words(conditions: dict[str, Any]) -> str:
    """What was asked for, as a person would say it."""
    return ", ".join(_said(name, it) for name, it in conditions.items() if it is not None) or "any kind"


@contextmanager
def _told() -> Iterator[None]:
    """A ValueError is the user's mistake: a metric that is none, a file name that is no picture's."""
    try:
        yield
    except ValueError as error:
        raise click.ClickException(str(error)) from error


def _said(name: str, value: Any) -> str:
    """A condition as a person would say it: the key alone, others with their option."""
    if isinstance(value, tuple):
        value = ":".join("" if end is None else f"{end:g}" for end in value)
    return str(value) if name == "key" else f"{name.removesuffix('_gy')} {value}"


def _write_csv(path: str, rows: list[dict[str, Any]]) -> None:
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


_OF_SEVERAL = ("patient_id", "plan_label", "physician", "site", "date", "prescription_gy", "fractions")
"""Columns that a table on the terminal needs only where they tell rows apart."""
_UIDS = ("SOPInstanceUID", "structure_set_uid")
_USUAL = {"summation_type": "PLAN", "structure_set_link": "reference", "reason": None}
"""Columns that it needs only where some row has something else."""


def _telling(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows without the columns that a person does not need to see: UIDs where there is but one to a patient."""
    values = {name: {row[name] for row in rows} for name in rows[0]}
    hidden = {"end_cap", "status", *(name for name in _OF_SEVERAL if len(values[name]) == 1)}
    hidden.update(name for name, usual in _USUAL.items() if values[name] == {usual})
    hidden.update(name for name in _UIDS if len(values[name]) == len(values["patient_id"]))
    return [_without(row, hidden) for row in rows]


def _without(row: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


@click.command()
@click.argument("key", metavar="PATIENT|STUDY|PLAN")
@click.argument("name", metavar="[SITE]", required=False)
@archive_options
def site(settings: Settings, key: str, name: str | None) -> None:
    """Say what the treatment site of plans is; without SITE it is again what the plans say."""
    from pyconquest_rt.exports.dvh import set_site

    archive = open_archive(settings)
    count = set_site(archive.database, whole_key(archive, key) or key, name)
    if not count:
        raise click.ClickException(f"there are no plans of {cell(key)}")
    click.echo(f"{count} plan(s)")


VERBS: list[click.Command] = [derive, dvh, site]

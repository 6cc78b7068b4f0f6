"""The verbs relate, similar, achievable: organs and targets, plans alike, and what earlier plans achieved."""

from typing import Any

import click

from pyconquest_rt.cli.terminal import archive_options, json_option, print_json, print_rows, read_archive
from pyconquest_rt.settings.sections import Settings

_SHOWN = (
    *("target_name", "organ_name", "organ_cc", "overlap_cc", "min_mm", "median_mm", "mean_mm", "max_mm"),
    *("within_5mm", "target_rule", "status", "reason"),
)


@click.command()
@click.argument("key", metavar="PATIENT|STUDY|SOP")
@click.option("--target", metavar="NAME", help="Only this target; by default all, and their union.")
@click.option(
    "--plot",
    metavar="FILE",
    help="Draw the overlap-volume histograms to --target, else to the union: .png, .svg ...",
)
@json_option
@archive_options
def relate(settings: Settings, key: str, target: str | None, plot: str | None, as_json: bool) -> None:
    """Show how organs lie to targets: signed distances in mm, overlap, and what told the target."""
    from pyconquest_rt.exports.relations import find_relations

    rows = _to_target(find_relations(read_archive(settings).database, key), target)
    if not rows:
        raise click.ClickException(
            f"there are no organs and targets of {key}, or they are not derived yet: 'pyconquest-rt derive' does so"
        )
    if plot:
        drawn = rows if target else [row for row in rows if row["is_union"]]
        _draw(drawn, plot, f"{key}: organs to {target or 'all targets together'}")
    print_rows(rows if as_json else _for_people(rows), as_json)


def _to_target(rows: list[dict[str, Any]], target: str | None) -> list[dict[str, Any]]:
    """Return the rows of one target; all where none is named."""
    return [
        row for row in rows if target is None or (row["target_name"] or "").casefold() == target.casefold()
    ]


def _draw(rows: list[dict[str, Any]], file: str, title: str) -> None:
    from pyconquest_rt.exports.relations_plot import plot_relations

    try:
        plot_relations(rows, file, title)
    except ValueError as error:
        raise click.ClickException(str(error)) from error


def _for_people(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [_rounded({name: row[name] for name in _SHOWN}) for row in rows]


def _pair_options(verb: Any) -> Any:
    for option in (
        click.option(
            "--target", metavar="NAME", help="Raw name or that of TG-263; by default all targets together."
        ),
        click.option("--organ", required=True, metavar="NAME", help="Raw name or that of TG-263."),
    ):
        verb = option(verb)
    return verb


@click.command()
@click.argument("key", metavar="STUDY|PATIENT|SOP")
@_pair_options
@click.option("--top", default=10, show_default=True, type=click.IntRange(1), help="So many plans at most.")
@json_option
@archive_options
def similar(settings: Settings, key: str, organ: str, target: str | None, top: int, as_json: bool) -> None:
    """Show earlier plans of other patients whose organ lies to the target most as in this one."""
    from pyconquest_rt.exports.relations import similar as find

    rows = find(read_archive(settings).database, key, organ, target, top)
    if not rows and not as_json:
        click.echo("no earlier plan has this organ, target and site and a prescription within 10 %")
        return
    print_rows(rows if as_json else [_rounded(row) for row in rows], as_json)


@click.command()
@click.argument("key", metavar="STUDY|PATIENT|SOP")
@_pair_options
@click.option(
    "--volume", default="50%", show_default=True, metavar="PERCENT", help="Part of the organ's volume."
)
@click.option("--plot", metavar="FILE", help="Draw the DVHs behind this plan's: .png, .svg or .pdf.")
@json_option
@archive_options
def achievable(
    settings: Settings, key: str, organ: str, target: str | None, volume: str, plot: str | None, as_json: bool
) -> None:
    """Show the doses that earlier plans reached whose organ lies no farther from the target."""
    from pyconquest_rt.exports.relations import achievable as find
    from pyconquest_rt.exports.relations_plot import plot_achievable

    try:
        found = find(read_archive(settings).database, key, organ, target, float(volume.rstrip("% ")))
    except ValueError as error:
        raise click.ClickException(f"--volume {volume}: {error}") from error
    if plot:
        plot_achievable(found, plot)
    names = (
        "volume_percent",
        "distance_mm",
        "dose_gy",
        "count",
        "compared",
        "least_gy",
        "median_gy",
        "most_gy",
    )
    said = {name: getattr(found, name) for name in (*names, "gap_gy", "reason")}
    if as_json:
        print_json(said | {"plans": found.plans})
        return
    click.echo(
        f"{found.ours['organ_name']}: {found.volume_percent:g} % lie within {found.distance_mm:.1f} mm of "
        f"{found.ours['target_name']} and get {found.dose_gy:.2f} Gy"
    )
    if found.count:
        click.echo(
            f"{found.count} of {found.compared} earlier plans have it no farther: {found.least_gy:.2f} to "
            f"{found.most_gy:.2f} Gy, median {found.median_gy:.2f}; ours is {found.gap_gy:+.2f} Gy from the least"
        )
        print_rows([_rounded(row) for row in found.plans[:20]], False)
        if found.count > 20:
            click.echo(f"... and {found.count - 20} more")
    if found.reason:
        click.echo(f"note: {found.reason}")


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 2) if isinstance(value, float) else value for name, value in row.items()}


VERBS: list[click.Command] = [relate, similar, achievable]

"""The verb roi: names of ROIs, what they are mapped to, and the site's map."""

import sys
from pathlib import Path
from typing import Any

import click

from pyconquest_rt.cli.terminal import (
    archive_options,
    cell,
    has_database,
    json_option,
    open_archive,
    print_rows,
    read_archive,
)
from pyconquest_rt.settings.sections import Settings


@click.group()
def roi() -> None:
    """ROI names: what they are mapped to, and the site's map."""


map_option = click.option(
    "--map",
    "map_file",
    metavar="FILE",
    help="The site's map (.csv or .roi) [as the settings say: roi_map.csv].",
)


def _load(settings: Settings, given: str | None) -> Any:
    """Return the map that was given, or that of the settings, which may not be there; one that was given must be."""
    from pyconquest_rt.rt.names.roi_files import load_map
    from pyconquest_rt.rt.names.roi_map import RoiMap

    if given is not None and not Path(given).is_file():
        raise click.ClickException(f"there is no map {given}; the site's mappings are as they were")
    path = given or settings.rt.roi_map
    return load_map(path) if Path(path).is_file() else RoiMap()


def _counts(settings: Settings) -> dict[str, int]:
    """How many ROIs have each raw name."""
    from pyconquest_rt.derive.roi_names import name_counts

    return name_counts(read_archive(settings).database)


@roi.command("list")
@json_option
@archive_options
def list_names(settings: Settings, as_json: bool) -> None:
    """List all ROI names with what they are mapped to."""
    database = read_archive(settings).database
    rows = (
        database.query(
            "SELECT r.raw_name, count(*) AS n, m.tg263_name, m.institutional_name, m.method, m.score "
            "FROM rt_roi r LEFT JOIN roi_name m ON m.raw_name = r.raw_name GROUP BY r.raw_name ORDER BY r.raw_name"
        )
        if database.has("rt_roi")
        else []
    )
    print_rows(rows, as_json)


@roi.command()
@map_option
@json_option
@archive_options
def unmapped(settings: Settings, map_file: str | None, as_json: bool) -> None:
    """List the names that nothing is known of, with suggestions for a person to choose from."""
    from pyconquest_rt.rt.names.roi_mapping import unmapped as find

    found = find(_load(settings, map_file), _counts(settings))
    print_rows(
        [
            {"name": u.name, "n": u.count, "reason": u.reason, "suggestions": ", ".join(u.suggestions)}
            for u in found
        ],
        as_json,
    )


@roi.command("map")
@map_option
@archive_options
def remap(settings: Settings, map_file: str | None) -> None:
    """Map all names anew with the site's map; ROI rows themselves are never changed."""
    from pyconquest_rt.derive.roi_names import name_counts, remap_names

    database = open_archive(settings).database
    names = name_counts(database)
    due = remap_names(database, _load(settings, map_file))
    click.echo(f"{len(names)} names mapped, of {sum(names.values())} ROIs")
    if due:
        click.echo(f"the DVHs of {due} dose(s) are due again, since names decide what is a target: derive")


@roi.command("import")
@click.argument("source", type=click.Path(exists=True, dir_okay=False))
@click.option("--preview", is_flag=True, help="Say what would change, and change nothing.")
@map_option
@archive_options
def import_map(settings: Settings, source: str, preview: bool, map_file: str | None) -> None:
    """Read a map (.roi of DVH Analytics, or CSV), say what it changes, and write it as the site's map."""
    from pyconquest_rt.rt.names.roi_files import load_map

    target = map_file or settings.rt.roi_map
    wanted = load_map(source)
    changes = _changes(settings, wanted)
    for name, before, after in changes:
        click.echo(f"  {cell(name)}: {cell(before or 'nothing')} -> {cell(after or 'nothing')}")
    click.echo(f"{len(changes)} names of this archive would be mapped otherwise")
    if preview:
        return
    _write_map(wanted, target)
    click.echo(f"{target}: written; 'pyconquest-rt roi map' maps by it")


def _changes(settings: Settings, wanted: Any) -> list[tuple[str, str | None, str | None]]:
    """Name, the site's name for it now and that by another map, of the archive's names that would change."""
    from pyconquest_rt.rt.names.roi_mapping import mapping_rows

    if not has_database(settings):
        return []
    names = _counts(settings)
    now = {row[1]: row[4] for row in mapping_rows(_load(settings, None), names)}
    after = {row[1]: row[4] for row in mapping_rows(wanted, names)}
    return [(name, now[name], after[name]) for name in sorted(names) if now[name] != after[name]]


@roi.command("export")
@click.argument("target", type=click.Path())
@click.option(
    "--template", is_flag=True, help="All names of the archive in a CSV file, each with what it may be."
)
@map_option
@archive_options
def export_map(settings: Settings, target: str, template: bool, map_file: str | None) -> None:
    """Write the site's map to TARGET: a CSV file, or a folder that receives one .roi file for each physician."""
    from pyconquest_rt.rt.names.roi_files import write_template

    if template:
        if not target.endswith(".csv"):
            raise click.UsageError("a template is a .csv file")
        _make_folder(Path(target).parent)
        count = write_template(_load(settings, map_file), _counts(settings), target)
        click.echo(f"{target}: {count} names; fill in what is empty, then 'pyconquest-rt roi import'")
        return
    _write_map(_load(settings, map_file), target)
    click.echo(f"{target}: written")


def _make_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)


def _write_map(roi_map: Any, target: str) -> None:
    from pyconquest_rt.rt.names.roi_files import write_csv, write_roi

    is_table = target.endswith(".csv")
    _make_folder(Path(target).parent if is_table else Path(target))
    (write_csv if is_table else write_roi)(roi_map, target)


@roi.command()
@click.argument("names", nargs=-1)
@archive_options
def check(settings: Settings, names: tuple[str, ...]) -> None:
    """Check names (or all names of the index) against the rules of TG-263; status 1 if any breaks one."""
    from pyconquest_rt.rt.names import tg263

    if names:
        found = tg263.check_all(names)  # taken for those of one structure set
    else:
        found = [finding for name in sorted(_counts(settings)) for finding in tg263.check(name)]
    for finding in found:
        click.echo(f"{cell(finding.name)}: {cell(finding.message)} ({finding.rule})")
    if found:
        sys.exit(1)


VERBS: list[click.Command] = [roi]

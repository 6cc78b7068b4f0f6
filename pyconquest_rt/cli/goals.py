"""The verb goals: what plans come to by the site's clinical goals."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pyconquest_rt.cli.terminal import (
    archive_options,
    json_option,
    print_rows,
    read_archive,
    shortened,
    whole_key,
)
from pyconquest_rt.settings.sections import Settings

if TYPE_CHECKING:
    from pyconquest_rt.database.connection import Database


@click.command()
@click.argument("key", metavar="[PATIENT|STUDY|SOP]", required=False)
@click.option("--cohort", is_flag=True, help="Count the verdicts of each goal over all plans.")
@click.option(
    "--init",
    type=click.Choice(["quantec", "breast"]),
    help="Write an example with its sources as the site's lists, and judge nothing.",
)
@json_option
@archive_options
def goals(settings: Settings, key: str | None, cohort: bool, init: str | None, as_json: bool) -> None:
    """Judge plans by the site's clinical goals (goals.toml): met, acceptable, not met, cannot be judged.

    The status is 1 where a goal is not met, 3 where one cannot be judged and none is not met, else 0.
    """
    from pyconquest_rt.exports.goals import counted, find_goals
    from pyconquest_rt.rt.goals.lists import load

    path = Path(settings.rt.goals)
    if init:
        _write_example(path, init)
        return
    if not path.is_file():
        raise click.ClickException(
            f"there are no goals {path}; 'pyconquest-rt goals --init quantec' writes some"
        )
    load(path)  # what cannot be understood is said here
    archive = read_archive(settings)
    database, key = archive.database, whole_key(archive, key)
    rows = find_goals(database, key)
    _say_what_is_due(database, settings)
    if not rows:
        raise click.ClickException(
            f"no list of {path} is for a plan of {key or 'this archive'}, or its doses are not judged yet: "
            "'pyconquest-rt derive' does so"
        )
    if cohort:
        print_rows(counted(rows), as_json)
        return
    print_rows(rows if as_json else _for_people(rows), as_json)
    sys.exit(max(_STATUS.get(row["verdict"], (0, 0)) for row in rows)[1])


_STATUS = {"not met": (2, 1), "cannot be judged": (1, 3)}
"""Verdict → how much it weighs, and the status that it makes."""


def _write_example(path: Path, name: str) -> None:
    from pyconquest_rt.rt.goals.lists import example

    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(example(name))
    except FileExistsError as error:
        raise click.ClickException(f"{path} is there already; it stays as it is") from error
    click.echo(f"{path}: written; review it, then 'pyconquest-rt derive' judges by it")


def _say_what_is_due(database: "Database", settings: Settings) -> None:
    """Say how many doses were judged by other lists, or not yet."""
    from pyconquest_rt.derive.goals import NAME, goal_extractor

    (due,) = database.query(
        "SELECT count(*) AS n FROM derivations WHERE extractor = ? AND (version <> ? OR state <> 'done')",
        (NAME, goal_extractor(settings.rt.goals).version),
    )
    if due["n"]:
        click.echo(
            f"{due['n']} doses are not judged by these lists yet; 'pyconquest-rt derive' does so", err=True
        )


_ORDER = ("not met", "acceptable", "met", "cannot be judged")
_OF_SEVERAL = ("patient_id", "plan_label", "goal_list")
_UIDS = ("dose_uid", "structure_set_uid")
_SOMETIMES = ("reason", "priority", "variation_value")


def _for_people(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The worst first, without what all have in common or none has."""
    kept = [name for name in rows[0] if name not in _hidden(rows)]
    worst_first = sorted(rows, key=lambda row: _ORDER.index(row["verdict"]))
    return shortened([{name: row[name] for name in kept} for row in worst_first])


def _hidden(rows: list[dict[str, Any]]) -> set[str]:
    """Columns that tell nothing; UIDs are shown only where they tell rows of a patient apart."""
    values = {name: {row[name] for row in rows} for name in rows[0]}
    same = {name for name in _OF_SEVERAL if len(values[name]) == 1}
    empty = {name for name in _SOMETIMES if values[name] == {None}}
    return same | empty | {name for name in _UIDS if _is_one_to_a_patient(rows, name)}


def _is_one_to_a_patient(rows: list[dict[str, Any]], name: str) -> bool:
    return len({(row["patient_id"], row[name]) for row in rows}) == len({row["patient_id"] for row in rows})


VERBS: list[click.Command] = [goals]

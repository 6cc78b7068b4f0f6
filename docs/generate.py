"""Writes the pages of docs/reference from the code: commands, settings, tables and columns.

``python docs/generate.py`` writes them; ``--check`` only says whether they are as they would be written.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
from pydicom.datadict import keyword_for_tag

from pyconquest_rt.cli.main import main
from pyconquest_rt.database import schema
from pyconquest_rt.database.connection import Database
from pyconquest_rt.derive.account import prepare
from pyconquest_rt.derive.engine import extractors
from pyconquest_rt.settings import file as config
from pyconquest_rt.settings import sections as settings
from pyconquest_rt.settings import toml_text
from pyconquest_rt.settings.options import default_of

FOLDER = Path(__file__).parent / "reference"
NOTE = "<!-- Written by docs/generate.py; change the code, not this page. -->\n"

ABOUT = {
    "DICOMPatients": "One row per patient.",
    "DICOMStudies": "One row per study.",
    "DICOMSeries": "One row per series.",
    "DICOMImages": "One row per instance: images, structure sets, plans, doses, reports.",
    "DICOMWorkList": "Conquest's work list; nothing here fills it.",
    "rt_goal_result": "What plans come to by clinical goals ([goals](../goals.md)).",
    "rt_site": "What a person said is the treatment site of a plan.",
    "files": "What was seen of each file below the data directory, so that unchanged files are not read again.",
    "rejected": "What could not be indexed or was refused, and why.",
    "contested": "What the files name that were refused because others contradict them.",
    "corrections": "What people put right, and which files do not say; it holds whenever they are read again.",
    "audit": "Deletions, moves, corrections and exports.",
    "archive_state": "What the next rebuild has to do, and how far things have come.",
    "archive_migrations": "Which changes of the tables this database has seen.",
    "derivations": "One row per object and extractor: whether its rows are due, running, done, waiting or failed, "
    "written with the object's own row.",
    "due_classes": "Which extractor reads objects of which SOP class, so that what is due is written with an object.",
    "derivation_inputs": "Every object that a result rests on, with the fingerprint of its file then.",
    "derived_tables": "Which tables hold results, and of which extractor.",
    "forward_rules": "Which new objects go to which node (`pyconquest-rt forward`).",
    "forward_queue": "Each object that a rule has caught: waiting, sent, failed, or there earlier.",
    "job_runs": "Each run of a job of the service.",
    "watched": "Files of the watch folder that stay there and are known.",
    "pseudonyms": "What exports under pseudonyms called patients and instances; it stays with you.",
    "dose_counted": "Each row of dose_event: whether it counts, or which other row speaks in its place, and why.",
    "dose_drl": "Reference levels, of a department's CSV file or of this archive's own examinations (dose drl).",
    "dose_examination": "One dose quantity of an examination on one device, as reference levels are compared with.",
    "dose_standard_name": "The standard name of a protocol or study description (dose names).",
    "dose_superseded": "Objects of which no row counts, and the object that speaks in their place.",
    "dose_total": "The dose totals of a study (shown by dose_study).",
    "dose_uncounted": "Studies whose dose objects have changed since they were counted.",
    "roi_name": "The standard name of each ROI name, by rules or by a person (see ROI names).",
    "archive_patients": "Patients with counts, sizes and last arrival ([SQL](../sql.md), as all archive views).",
    "archive_studies": "Studies, likewise.",
    "archive_series": "Series, likewise.",
    "archive_objects": "Objects with their files.",
    "archive_rois": "ROIs with their standard names.",
    "archive_plans": "Plans with prescription, fractions and site.",
    "archive_doses": "Doses with their plan and structure set, how these were found, and how many DVHs there are.",
    "archive_metrics": "DVH metrics with what they are of.",
    "v_series": "Series with their studies.",
    "v_seriesRT": "Structure sets, plans and doses with their series and studies.",
}


def pages() -> dict[str, str]:
    """Return the text of each page by file name."""
    return {
        "commands.md": _page("Commands", _commands()),
        "settings.md": _page("Settings", _settings()),
        "tables.md": _page("Tables and columns", _tables()),
    }


def _page(title: str, lines: Iterator[str]) -> str:
    text = "\n".join([f"# {title}\n", NOTE, *lines])
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


# -- commands -----------------------------------------------------------------------------------------------


def _commands() -> Iterator[str]:
    yield "Every command ends with status 0 if it did what it was asked, 1 if not, 2 if it was not understood.\n"
    context = click.Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        yield from _command(command, f"pyconquest-rt {name}", 2)


def _command(command: click.Command, path: str, level: int) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"{'#' * level} {path}\n"
    yield f"```text\n{path} {usage}\n```\n"
    yield _text(command.help or "") + "\n"
    options = [option for option in command.params if isinstance(option, click.Option) and not option.hidden]
    if options:
        yield "| option | meaning |"
        yield "|---|---|"
        yield from (_option(option, context) for option in options)
        yield ""
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from _command(command.commands[name], f"{path} {name}", level + 1)


def _option(option: click.Option, context: click.Context) -> str:
    names, meaning = option.get_help_record(context) or ("", "")
    return f"| `{_cell(names)}` | {_cell(meaning)} |"


def _text(text: str) -> str:
    """Help text as Markdown: its paragraphs, without click's marks."""
    return "\n\n".join(" ".join(part.split()) for part in text.replace("\b", "").split("\n\n"))


# -- settings -----------------------------------------------------------------------------------------------


def _settings() -> Iterator[str]:
    yield f"The settings are in `{config.FILE_NAME}` beside the database, or else in the working directory."
    yield "Every key is optional; the values here are the defaults. `pyconquest-rt config init` writes a file that"
    yield "explains them, and `pyconquest-rt config check` names each error by its line.\n"
    yield f"An environment variable `{config.ENVIRONMENT_PREFIX}_<SECTION>_<KEY>` overrides a key, for example"
    yield f"`{config.ENVIRONMENT_PREFIX}_LISTENER_PORT=104`.\n"
    for name, section in config.sections(settings.Settings()):
        yield f"## [{name}]\n"
        yield f"{(section.__doc__ or '').strip()}\n"
        yield from _keys(section)
        if name in settings.NAMED:
            yield f"## [{name}.NAME]\n"
            yield f"{settings.NAMED[name].metadata['doc']} The name is any.\n"
    peer = settings.NAMED["peer"].metadata
    yield "## [peer.NAME]\n"
    yield f"{peer['doc']}\n"
    yield from _keys(peer["kind"]())


def _keys(section: Any) -> Iterator[str]:
    yield "| key | default | meaning |"
    yield "|---|---|---|"
    for key in fields(section):
        yield f"| `{key.name}` | {_default(default_of(key))} | {_cell(key.metadata['doc'])} |"
    yield ""


def _default(value: Any) -> str:
    if isinstance(value, dict):
        return "no entries"
    return f"`{toml_text.value(value)}`"


# -- tables -------------------------------------------------------------------------------------------------


def _tables() -> Iterator[str]:
    definition = schema.default()
    database = Database(":memory:", definition)
    wanted = extractors(settings.Settings())
    prepare(database, wanted)
    known = {column: path for table in definition.tables for column, path in _elements(table)}
    made_by = {
        table: [extractor.name for extractor in wanted if table in extractor.tables]
        for extractor in wanted
        for table in extractor.tables
    }
    yield "Everything is in one SQLite file. The four DICOM tables are those of a Conquest server, with the columns"
    yield "that `dicom.sql` names; what is derived stands in tables of its own, keyed by SOPInstanceUID. The"
    yield "columns of radiotherapy are explained in [RT tables](../rt_tables.md), those of dose reports in"
    yield "[dose reports](../dose_reports.md).\n"
    rows = database.query(
        "SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' "
        "ORDER BY type, name COLLATE NOCASE"
    )
    for row in rows:
        name = row["name"]
        yield f"## {name}{' (view)' if row['type'] == 'view' else ''}\n"
        if name in ABOUT:
            yield f"{ABOUT[name]}\n"
        if name in made_by:
            names = ", ".join(f"`{extractor}`" for extractor in made_by[name])
            yield f"Results of {names}.\n"
        has_elements = any(table == name for table, _ in known)
        yield "| column | type |" + " DICOM element |" * has_elements
        yield "|---|---|" + "---|" * has_elements
        for column in database.query("SELECT name, type, pk FROM pragma_table_info(?)", (name,)):
            kind = f"{column['type'].lower()}{', key' if column['pk'] else ''}"
            element = f" {known.get((name, column['name']), '')} |" * has_elements
            yield f"| {_cell(column['name'])} | {kind} |{element}"
        yield ""
    database.close()


def _elements(table: schema.Table) -> Iterator[tuple[tuple[str, str], str]]:
    for column in table.columns:
        path = [f"({tag >> 16:04X},{tag & 0xFFFF:04X})" for tag in column.path[::2]]
        yield (table.name, column.name), f"{' > '.join(path)} {keyword_for_tag(column.path[-1])}".strip()


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def run(check: bool) -> int:
    """Write the pages, or name those that are not as they would be written; returns the status."""
    status = 0
    for name, text in pages().items():
        path = FOLDER / name
        if path.is_file() and path.read_text("utf-8") == text:
            continue
        if check:
            print(f"{path} is not what the code says; run: python docs/generate.py")
            status = 1
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
    return status


if __name__ == "__main__":
    sys.exit(run("--check" in sys.argv[1:]))

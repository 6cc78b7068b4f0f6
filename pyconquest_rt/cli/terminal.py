"""What the verbs of the command line share: the options that name an archive, tables, JSON, progress."""

import functools
import json
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pyconquest_rt.settings.file import load
from pyconquest_rt.settings.sections import ArchiveSettings, ListenerSettings, Settings

if TYPE_CHECKING:
    import rich.progress

    from pyconquest_rt.archive.archive import Archive

_SHOWN_AFTER_S = 2.0
_MOST_LINES = 20
_SHORTEST_UID = 6
_NARROW = 20  # columns of such a width are not wrapped

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def archive_options(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb the options that say which archive it is about; the verb receives ``settings``."""

    @functools.wraps(verb)
    def with_settings(*, data: str | None, database: str | None, sql: str | None, **others: Any) -> Any:
        settings = settings_here(database or None)
        given: dict[str, Any] = {"data": data, "database": database, "sql": sql}
        archive = replace(settings.archive, **{key: value for key, value in given.items() if value})
        return verb(settings=replace(settings, archive=archive), **others)

    defaults = ArchiveSettings()
    decorated: Callable[..., Any] = with_settings
    for option in (
        click.option("--sql", metavar="FILE", help=f"Definition of the tables [{defaults.sql}]."),
        click.option("--database", metavar="FILE", help=f"The index [{defaults.database}]."),
        click.option("--data", metavar="DIR", help=f"The data directory [{defaults.data}]."),
    ):
        decorated = option(decorated)
    return decorated


def settings_here(database: str | None = None) -> Settings:
    """Read the settings of an archive: pyconquest.toml, or else a Conquest's dicom.ini here, or the defaults."""
    return load(database=database, otherwise=_settings_of_conquest)


def _settings_of_conquest() -> Settings | None:
    ini = Path("dicom.ini")
    if not ini.is_file():
        return None
    from pyconquest_rt.settings.conquest_ini import read_settings

    return read_settings(ini)


def listener_options(verb: Any) -> Any:
    """Give a verb the options that say where it listens, as :func:`with_listener` takes them."""
    defaults = ListenerSettings()
    for decorate in (
        click.option(
            "--tls-ca",
            metavar="FILE",
            help="PEM file: peers must show a certificate by one of these authorities.",
        ),
        click.option("--tls-key", metavar="FILE", help="PEM file with its key, where it is in another file."),
        click.option(
            "--tls-certificate", metavar="FILE", help="Speak TLS, with the certificate of this PEM file."
        ),
        click.option("--port", type=click.IntRange(0, 65535), help=f"Port to listen on [{defaults.port}]."),
        click.option("--aet", metavar="AET", help=f"Our AE title [{defaults.ae_title}]."),
        click.option("--host", help=f"Address to listen on; 0.0.0.0 for all [{defaults.host}]."),
    ):
        verb = decorate(verb)
    return verb


def with_listener(settings: Settings, *, aet: str | None, **given: Any) -> Settings:
    """Return the settings with what was given at the command line over their first listener."""
    given["ae_title"] = aet
    known = {name: value for name, value in given.items() if value is not None}
    return replace(settings, listener=replace(settings.listener, **known))


def open_archive(settings: Settings, *, create: bool = False, writes: bool = True) -> "Archive":
    """Open the archive that the settings name; it is closed when the verb ends.

    Raises:
        click.ClickException: there is none yet, and ``create`` is not set.
    """
    from pyconquest_rt.archive.archive import Archive

    if not create and not has_database(settings):
        raise click.ClickException(
            f"there is no database {settings.archive.database} here; 'pyconquest-rt rebuild' makes it from the "
            "files, and --database names another"
        )
    archive = Archive.open(settings) if writes else Archive.read(settings)
    click.get_current_context().call_on_close(archive.close)
    return archive


def read_archive(settings: Settings) -> "Archive":
    """Open the archive that the settings name for reading alone, as :func:`open_archive` does for writing."""
    return open_archive(settings, writes=False)


def whole_key(archive: "Archive", key: str | None) -> str | None:
    """Return a key as it stands in the index, for the end of a UID that is unique, as tables on a terminal show it.

    Raises:
        ObjectError: an end after ``…`` names nothing, or several things.
    """
    from pyconquest_rt.errors import ObjectError
    from pyconquest_rt.exports.catalog import resolve

    if key is None:
        return None
    try:
        return resolve(archive, key)[1]
    except ObjectError:
        if key.startswith("…"):
            raise
        return key


def has_database(settings: Settings) -> bool:
    """Whether the index that the settings name is there."""
    return Path(settings.archive.database).is_file()


def print_rows(rows: Iterable[Mapping[str, Any]], as_json: bool) -> None:
    """Print rows as an aligned table, or as JSON."""
    rows = list(rows)
    if as_json:
        print_json(rows)
    elif rows:
        print_table(rows)
    else:
        click.echo("no rows", err=True)


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=1, default=str))


def print_table(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows as an aligned table, numbers at the right: wrapped to a terminal's width, whole where piped."""
    names = list(rows[0])
    texts = [[cell(row[name]) for name in names] for row in rows]
    numeric = [all(isinstance(row[name], int | float | None) for row in rows) for name in names]
    if sys.stdout.isatty():
        _print_wrapped(names, texts, numeric)
        return
    widths = [max(map(len, column)) for column in zip(names, *texts, strict=True)]
    for line in (names, *texts):
        cells = [
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric, strict=True)
        ]
        click.echo("  ".join(cells).rstrip())


def _print_wrapped(names: Sequence[str], texts: Sequence[Sequence[str]], numeric: Sequence[bool]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for place, (name, right) in enumerate(zip(names, numeric, strict=True)):
        is_narrow = max(len(line[place]) for line in texts) <= _NARROW
        table.add_column(Text(name), justify="right" if right else "left", overflow="fold", no_wrap=is_narrow)
    for line in texts:
        table.add_row(*map(Text, line))  # as text: a value is no markup
    Console().print(table)


def shortened(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return rows whose UIDs are cut, on a terminal, to the ends that tell them apart; elsewhere they stay whole."""
    if not rows or not sys.stdout.isatty():
        return [dict(row) for row in rows]
    kept = {name: _telling_end([row[name] for row in rows]) for name in rows[0] if _is_of_uids(name)}
    return [
        {name: _end(value, kept[name]) if name in kept else value for name, value in row.items()}
        for row in rows
    ]


def _is_of_uids(column: str) -> bool:
    return column.endswith(("_uid", "InstanceUID")) and column != "sop_class_uid"


def _telling_end(uids: Sequence[str | None]) -> int:
    """How many of the last characters tell UIDs apart."""
    whole = {uid for uid in uids if uid}
    return next(n for n in range(_SHORTEST_UID, 65) if len({uid[-n:] for uid in whole}) == len(whole))


def _end(uid: str | None, kept: int) -> str | None:
    return f"…{uid[-kept:]}" if uid and len(uid) > kept else uid


def size(count: int | None) -> str:
    """Return a number of bytes with three digits and its unit."""
    number, units = float(count or 0), iter(("B", "kB", "MB", "GB", "TB", "PB"))
    unit = next(units)
    while number >= 999.5:
        number, unit = number / 1000, next(units)
    return f"{number:.3g} {unit}"


def cell(value: object) -> str:
    """Return a value as text for a terminal: whole, without control characters."""
    if isinstance(value, float):
        return f"{value:.4g}"
    text = "" if value is None else str(value)
    return "".join(character if character.isprintable() else "·" for character in text)


class Progress:
    """A line on the terminal for what takes longer than two seconds; nothing where the output is piped."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._start = time.monotonic()
        self._shown: rich.progress.Progress | None = None
        self.enabled = sys.stderr.isatty()

    def __call__(self, done: int, total: int | None = None) -> None:
        """Show how much is done, of how much if that is known, the rate and the time left."""
        if self.enabled and time.monotonic() - self._start >= _SHOWN_AFTER_S:
            if self._shown is None:
                self._shown = self._begin()
            self._shown.update(self._shown.task_ids[0], completed=done, total=total)

    def _begin(self) -> "rich.progress.Progress":
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (MofNCompleteColumn(), TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        shown = Progress(*columns, console=Console(file=sys.stderr), transient=True)
        shown.add_task(self._what, total=None)
        shown.start()
        return shown

    def close(self) -> None:
        """Take the line away."""
        if self._shown is not None:
            self._shown.stop()
            self._shown = None


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Say on the terminal what goes on, once it takes longer than two seconds; nothing where output is piped."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    status = Console(file=sys.stderr).status(what)
    timer = threading.Timer(_SHOWN_AFTER_S, status.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        status.stop()


def print_result(value: Any, indent: str = "  ") -> None:
    """Print nested results as indented lines, without what is empty; on a terminal long lists are cut."""
    items = value.items() if isinstance(value, Mapping) else [("-", item) for item in value]
    pairs = [(key, item) for key, item in items if item not in (None, 0, "", [], {})]
    most = _MOST_LINES if sys.stdout.isatty() else len(pairs)
    for key, item in pairs[:most]:
        _print_item(key, item, indent)
    if len(pairs) > most:
        click.echo(f"{indent}... and {len(pairs) - most} more, see --json")


def _print_item(key: str, item: Any, indent: str) -> None:
    lead = f"{indent}{key}" if key == "-" else f"{indent}{cell(key)}:"
    if isinstance(item, Mapping) or (isinstance(item, list) and key != "-"):
        click.echo(lead)
        print_result(item, f"{indent}  ")
    else:
        text = ": ".join(map(str, item)) if isinstance(item, list) else item
        click.echo(f"{lead} {cell(text)}")

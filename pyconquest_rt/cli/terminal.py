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
    from pyconquest_rt.archive.ingest import Ingest

_WIDEST_CELL = 64
_WIDEST_LINE = 300
_SHOWN_AFTER_S = 2.0
_REFRESH_S = 0.2
_MOST_LINES = 20

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def archive_options(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb the options that say which archive it is about; the verb receives ``settings``."""

    @functools.wraps(verb)
    def with_settings(*, data: str | None, database: str | None, sql: str | None, **others: Any) -> Any:
        settings = settings_here()
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


def settings_here() -> Settings:
    """Read the settings of the working directory: pyconquest.toml, or else a Conquest's dicom.ini, or the defaults."""
    return load(otherwise=_settings_of_conquest)


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


def open_ingest(settings: Settings, *, create: bool = False) -> "Ingest":
    """Open the index that the settings name; it is closed when the verb ends.

    Raises:
        click.ClickException: there is none yet, and ``create`` is not set.
    """
    from pyconquest_rt.archive.ingest import Ingest

    if not create and not has_database(settings):
        raise click.ClickException(
            f"there is no database {settings.archive.database} here; 'pyconquest-rt rebuild' makes it from the "
            "files, and --database names another"
        )
    ingest = Ingest.open(settings.archive)
    click.get_current_context().call_on_close(ingest.close)
    return ingest


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
    """Print rows as an aligned table; numbers stand at the right."""
    names = list(rows[0])
    table = [names, *([cell(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(names))]
    numeric = [all(isinstance(row[name], int | float | None) for row in rows) for name in names]
    for line in table:
        texts = [
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric, strict=True)
        ]
        click.echo("  ".join(texts).rstrip())


def cell(value: object, widest: int = _WIDEST_CELL) -> str:
    """Return a value as one cell of a terminal: no control characters, of bounded width."""
    if isinstance(value, float):
        return f"{value:.4g}"
    text = "" if value is None else str(value)
    text = "".join(character if character.isprintable() else "·" for character in text)
    return text if len(text) <= widest else f"{text[: widest - 1]}…"


class Progress:
    """A line on the terminal for what takes longer than two seconds; nothing where the output is piped."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._start = self._last = time.monotonic()
        self._shown = False
        self.enabled = sys.stderr.isatty()

    def __call__(self, done: int, total: int | None = None) -> None:
        """Show how much is done, of how much if that is known."""
        now = time.monotonic()
        if not self.enabled or now - self._start < _SHOWN_AFTER_S or now - self._last < _REFRESH_S:
            return
        self._last, self._shown = now, True
        rate = done / (now - self._start)
        of_total, left = "", ""
        if total:
            of_total = f" of {total}"
            left = f", {(total - done) / rate:.0f} s left" if rate else ""
        click.echo(f"\r{done}{of_total} {self._what}, {rate:.0f}/s{left}\x1b[K", nl=False, err=True)

    def close(self) -> None:
        """Take the line away."""
        if self._shown:
            click.echo("\r\x1b[K", nl=False, err=True)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Say on the terminal what goes on, once it takes longer than two seconds; nothing where output is piped."""
    if not sys.stderr.isatty():
        yield
        return
    ended = threading.Event()
    ticker = threading.Thread(target=_tick, args=(what, ended), daemon=True)
    ticker.start()
    try:
        yield
    finally:
        ended.set()
        ticker.join()


def _tick(what: str, ended: threading.Event) -> None:
    start = time.monotonic()
    if ended.wait(_SHOWN_AFTER_S):
        return
    while not ended.wait(_REFRESH_S):
        click.echo(f"\r{what}, {time.monotonic() - start:.0f} s\x1b[K", nl=False, err=True)
    click.echo("\r\x1b[K", nl=False, err=True)


def print_result(value: Any, indent: str = "  ") -> None:
    """Print nested results as indented lines; what is empty is left out, and long lists are cut."""
    items = value.items() if isinstance(value, Mapping) else [("-", item) for item in value]
    pairs = [(key, item) for key, item in items if item not in (None, 0, "", [], {})]
    for key, item in pairs[:_MOST_LINES]:
        lead = f"{indent}{key}" if key == "-" else f"{indent}{cell(key)}:"
        if isinstance(item, Mapping) or (isinstance(item, list) and key != "-"):
            click.echo(lead)
            print_result(item, f"{indent}  ")
        else:
            text = ": ".join(map(str, item)) if isinstance(item, list) else item
            click.echo(f"{lead} {cell(text, _WIDEST_LINE)}")
    if len(pairs) > _MOST_LINES:
        click.echo(f"{indent}... and {len(pairs) - _MOST_LINES} more, see --json")

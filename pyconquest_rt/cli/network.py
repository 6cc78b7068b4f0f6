"""Verbs about the network: listen, demo, and DCMTK-like echo, send, find, move, get."""

import functools
import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pyconquest_rt.cli.terminal import (
    Progress,
    archive_options,
    cell,
    json_option,
    listener_options,
    print_json,
    print_rows,
    read_archive,
    settings_here,
    waiting,
    with_listener,
)
from pyconquest_rt.settings.sections import Settings

if TYPE_CHECKING:
    from pydicom import Dataset

_MOST_LINES = 20


_PEER_OPTIONS = (
    click.argument("port", type=click.IntRange(1, 65535)),
    click.argument("host"),
    click.option("--called", "-aec", default="ANY-SCP", show_default=True, help="AE title of the peer."),
    click.option("--calling", "-aet", help="Our AE title [that of the listener]."),
    click.option(
        "--tls", "use_tls", is_flag=True, help="Speak TLS; files that are not named are the listener's."
    ),
    click.option(
        "--tls-ca", "ca", metavar="FILE", help="PEM file of the authorities for the peer's certificate."
    ),
    click.option("--tls-certificate", "certificate", metavar="FILE", help="PEM file of our certificate."),
    click.option(
        "--tls-key", "key", metavar="FILE", help="PEM file of its key, where it is in another file."
    ),
    click.option(
        "--tls-any-host", "any_host", is_flag=True, help="The peer's certificate may name other hosts."
    ),
)


def peer_options(verb: Any) -> Any:
    """Give a verb the arguments HOST PORT and the options of an association; it receives them as ``peer``.

    ``peer`` holds what every function of :mod:`pyconquest_rt.scu` takes.
    """

    @functools.wraps(verb)
    def with_peer(
        *,
        host: str,
        port: int,
        called: str,
        calling: str | None,
        use_tls: bool,
        any_host: bool,
        certificate: str | None,
        key: str | None,
        ca: str | None,
        **others: Any,
    ) -> Any:
        settings = settings_here()
        own = settings.own_identity
        peer = {
            "host": host,
            "port": port,
            "called_aet": called,
            "calling_aet": calling or settings.listener.ae_title,
        }
        if use_tls or any_host or certificate or ca:
            from pyconquest_rt.net.protocol.tls import client_context

            shown = (certificate, key or "") if certificate else (own.tls_certificate, own.tls_key)
            peer["tls"] = client_context(*shown, ca or own.tls_ca, check_host=not any_host)
        return verb(peer=peer, **others)

    decorated: Any = with_peer
    for decorate in _PEER_OPTIONS:
        decorated = decorate(decorated)
    return decorated


@click.command()
@listener_options
@click.option(
    "--file-names",
    metavar="SYNTAX",
    help="standard, Conquest's FileNameSyntax 0 to 12, or a template such as %id/%studydate/%sopuid.",
)
@click.option("--files-only", is_flag=True, help="Store files without indexing; a later rebuild finds them.")
@click.option("--workers", type=click.IntRange(0, 64), help="Processes that derive DVHs and dose tables [1].")
@archive_options
def listen(
    settings: Settings, file_names: str | None, files_only: bool, workers: int | None, **given: Any
) -> None:
    """Receive objects, index them, answer queries and forward, until interrupted; nothing runs by the clock."""
    from pyconquest_rt.service import logs
    from pyconquest_rt.service.forwarder import status as forward_status
    from pyconquest_rt.service.node import Node

    settings = with_listener(settings, **given)
    if file_names:
        settings = replace(settings, receive=replace(settings.receive, file_names=file_names))
    if workers is not None:
        settings = replace(settings, derive=replace(settings.derive, workers=workers))
    handlers = logs.configure(settings.log)
    try:
        with Node(settings, write_to_database=not files_only) as node:
            _say_where(node, settings)
            for rule in forward_status(read_archive(settings)):
                click.echo(f"forwarding {rule['name']} to {rule['peer']}, {rule['queued']} waiting")
            _until_interrupted(node)
    finally:
        logs.release(handlers)


def _say_where(node: Any, settings: Settings) -> None:
    click.echo(f"listening as {', '.join(node.addresses)}, data in {settings.archive.data}")


def _until_interrupted(node: Any) -> None:
    from pyconquest_rt.dicom.system import on_termination

    def stop() -> None:
        raise KeyboardInterrupt

    on_termination(stop)
    try:
        node.wait()
    except KeyboardInterrupt:
        counters = node.counters
        click.echo(f"stopping: {counters.stored} objects stored in {counters.associations} associations")


@click.command()
@listener_options
@click.option("--patients", default=1, show_default=True, type=click.IntRange(1, 100))
@click.option("--once", is_flag=True, help="End when the demonstration is over.")
@archive_options
def demo(settings: Settings, patients: int, once: bool, **given: Any) -> None:
    """Start a listener, send it synthetic RT patients over the network, show what came of them, go on listening."""
    from pyconquest_rt.archive.summary import as_table, series_summary
    from pyconquest_rt.service.demonstration import demonstrate
    from pyconquest_rt.service.node import Node

    settings = with_listener(settings, **given)
    with Node(settings) as node:
        _say_where(node, settings)
        shown = demonstrate(settings.archive, node.port, settings.listener.ae_title, patients)
        click.echo(f"{shown.sent} objects sent over the network, {shown.failed} failed")
        click.echo(as_table(series_summary(read_archive(settings).database, "PatientID")))
        if shown.dvhs:
            click.echo(f"\nDVHs of {shown.dvhs[0]['PatientID']}:")
            print_rows([{k: v for k, v in row.items() if k != "PatientID"} for row in shown.dvhs], False)
        program = sys.argv[0] if Path(sys.argv[0]).name == "pyconquest-rt" else "pyconquest-rt"
        click.echo(f"\ntry: {program} dvh {shown.patient} --plot dvh.png")
        if once:
            return
        click.echo("listening; stop with Ctrl-C")
        _until_interrupted(node)


@click.command()
@peer_options
@json_option
def echo(peer: dict[str, Any], as_json: bool) -> None:
    """Ask whether a peer answers (C-ECHO)."""
    from pyconquest_rt import scu

    result = scu.echo(**peer)
    if as_json:
        print_json({"status": result.status, "seconds": result.seconds})
    else:
        click.echo(f"{_name(peer)} answers 0x{result.status:04X} after {result.seconds * 1000:.0f} ms")
    if not result.ok:
        sys.exit(1)


@click.command()
@peer_options
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--parallel", default=1, show_default=True, type=click.IntRange(1, 32), help="Associations at once."
)
@json_option
def send(peer: dict[str, Any], paths: tuple[Path, ...], parallel: int, as_json: bool) -> None:
    """Send files and folders to a peer (C-STORE)."""
    from pyconquest_rt import scu

    files = [file for path in paths for file in _files_below(path)]
    progress = Progress("files")
    done = 0

    def show(path: object, reason: str | None) -> None:
        nonlocal done
        done += 1
        progress(done, len(files))

    result = scu.send_files(files, **peer, parallel=parallel, progress=show)
    progress.close()
    failures = [{"path": str(path), "error": reason} for path, reason in result.failed]
    if as_json:
        print_json({"sent": result.sent, "failed": failures})
    else:
        click.echo(f"{result.sent} objects sent to {_name(peer)}, {len(failures)} failed")
        for failure in failures[:_MOST_LINES]:
            click.echo(f"  {cell(failure['path'])}: {cell(failure['error'])}", err=True)
        if len(failures) > _MOST_LINES:
            click.echo(f"  ... and {len(failures) - _MOST_LINES} more, see --json", err=True)
    if failures or not files:
        sys.exit(1)


def _name(peer: dict[str, Any]) -> str:
    return f"{peer['called_aet']}@{peer['host']}:{peer['port']}"


def _files_below(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(
        file
        for file in path.rglob("*")
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
    )


def _keys(keys: tuple[str, ...]) -> dict[str, str]:
    """Keys as KEYWORD or KEYWORD=VALUE."""
    return {name: value for name, _, value in (key.partition("=") for key in keys)}


level_option = click.option(
    "--level",
    default="STUDY",
    show_default=True,
    type=click.Choice(["PATIENT", "STUDY", "SERIES", "IMAGE"], case_sensitive=False),
)
root_option = click.option(
    "--root",
    default="STUDY",
    show_default=True,
    type=click.Choice(["PATIENT", "STUDY"], case_sensitive=False),
    help="Information model.",
)
_KEY = "KEYWORD[=VALUE]..."


@click.command()
@peer_options
@click.argument("keys", nargs=-1, metavar=_KEY)
@level_option
@root_option
@click.option("--limit", type=click.IntRange(1))
@json_option
def find(
    peer: dict[str, Any],
    keys: tuple[str, ...],
    level: str,
    root: Any,
    limit: int | None,
    as_json: bool,
) -> None:
    """Query a peer (C-FIND)."""
    from pyconquest_rt import scu

    root = "PATIENT" if level.upper() == "PATIENT" else root.upper()
    with waiting(f"asking {_name(peer)}"):
        result = scu.find(**peer, level=level.upper(), keys=_keys(keys), root=root, limit=limit)
    print_rows(_matches_as_rows(result.matches), as_json)
    if not result.ok:
        raise click.ClickException(f"the peer answers 0x{result.status:04X} {result.comment}")


def _matches_as_rows(matches: Iterable["Dataset"]) -> list[dict[str, str]]:
    """Return the matches of a C-FIND as rows of the same columns."""
    rows = [
        {element.keyword or str(element.tag): _text(element.value) for element in match} for match in matches
    ]
    names = dict.fromkeys(name for row in rows for name in row if name != "SpecificCharacterSet")
    return [{name: row.get(name, "") for name in names} for row in rows]


def _text(value: Any) -> str:
    """Return a value as it stands in a DICOM file, several with backslashes between them."""
    if value is None or isinstance(value, str):
        return value or ""
    return "\\".join(map(str, value)) if isinstance(value, Sequence) else str(value)


@click.command()
@peer_options
@click.argument("destination")
@click.argument("keys", nargs=-1, required=True, metavar=_KEY)
@level_option
@root_option
@json_option
def move(
    peer: dict[str, Any],
    destination: str,
    keys: tuple[str, ...],
    level: str,
    root: Any,
    as_json: bool,
) -> None:
    """Have a peer send to the AE title DESTINATION (C-MOVE)."""
    from pyconquest_rt import scu

    result = scu.move(
        **peer,
        destination=destination,
        level=level.upper(),
        keys=_keys(keys),
        root=root.upper(),
        progress=_transfer_progress(),
    )
    _report_transfer(result, as_json)


@click.command()
@peer_options
@click.argument("keys", nargs=-1, required=True, metavar=_KEY)
@level_option
@root_option
@click.option(
    "--output", metavar="DIR", type=click.Path(path_type=Path), help="Into this folder, not the archive."
)
@json_option
@archive_options
def get(
    settings: Settings,
    peer: dict[str, Any],
    keys: tuple[str, ...],
    level: str,
    root: Any,
    output: Path | None,
    as_json: bool,
) -> None:
    """Fetch from a peer into the archive, or into a folder (C-GET)."""
    from pyconquest_rt import scu
    from pyconquest_rt.net.services.folder import FolderSink
    from pyconquest_rt.service.node import ArchiveSink

    with nullcontext(FolderSink(output)) if output else ArchiveSink(settings) as sink:
        result = scu.get(
            **peer,
            sink=sink,
            level=level.upper(),
            keys=_keys(keys),
            root=root.upper(),
            progress=_transfer_progress(),
        )
    _report_transfer(result, as_json)


def _transfer_progress() -> Any:
    """Return what shows how many objects of a C-MOVE or C-GET are done."""
    line = Progress("objects")

    def show(so_far: Any) -> None:
        done = so_far.completed + so_far.failed + so_far.warning
        line(done, done + so_far.remaining)
        if not so_far.remaining:
            line.close()

    return show


def _report_transfer(result: Any, as_json: bool) -> None:
    if as_json:
        print_json({name: getattr(result, name) for name in ("status", "completed", "failed", "warning")})
    else:
        counts = f"{result.completed} transferred, {result.failed} failed"
        click.echo(f"0x{result.status:04X}: {counts}{', ' if result.comment else ''}{result.comment}")
    if not result.ok:
        sys.exit(1)


VERBS: list[click.Command] = [listen, demo, echo, send, find, move, get]

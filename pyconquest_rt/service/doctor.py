"""Checks of this machine and the settings; each bad finding comes with a remedy."""

import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal, NamedTuple

from pyconquest_rt.database import archive_views, schema
from pyconquest_rt.database.backends import sqlite_files
from pyconquest_rt.database.backends.sqlite import VERSION
from pyconquest_rt.database.connection import Database
from pyconquest_rt.errors import DatabaseError, NetworkError, PyconquestError, SettingsError
from pyconquest_rt.net.protocol import tls
from pyconquest_rt.net.services.peers import known_peers
from pyconquest_rt.rt.goals.lists import load
from pyconquest_rt.service import hooks
from pyconquest_rt.service.status import disk, published
from pyconquest_rt.settings.sections import Settings

State = Literal["ok", "warning", "error"]

_PACKAGES = ("pydicom", "pynetdicom", "numpy", "APScheduler", "dicompyler-core", "click")
_LITTLE_FREE = 5_000_000_000
_NOTHING_FREE = 20_000_000  # an object and its rows may not find room
_EARLIEST = datetime(2025, 1, 1).timestamp()
_CLOCK_STEP_S = 300.0


class Diagnosis(NamedTuple):
    """What one check found, and what to do where it is not well."""

    check: str
    state: State
    detail: str
    remedy: str = ""


def examine(settings: Settings) -> Iterator[Diagnosis]:
    """Run every check; yields findings as they come."""
    for check in CHECKS:
        yield from check(settings)


def of_settings(settings: Settings) -> Iterator[Diagnosis]:
    """Run the checks of what the settings alone say; yields what serve would refuse, and goals that cannot be read."""
    for check in (_definition, _schedule, _certificates, _hooks, _goals):
        yield from (finding for finding in check(settings) if finding.state == "error")


def _goals(settings: Settings) -> Iterator[Diagnosis]:
    """Can the lists of clinical goals be read?"""
    file = Path(settings.rt.goals)
    if not file.is_file():
        return
    try:
        lists = load(file)
    except SettingsError as error:
        yield Diagnosis("goals", "error", str(error), f"correct {file}; docs/goals.md has the form")
    else:
        yield Diagnosis("goals", "ok", f"{file}: {len(lists)} lists")


def _versions(settings: Settings) -> Iterator[Diagnosis]:
    found, missing = [f"SQLite {VERSION}"], []
    for package in _PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            missing.append(package)
    yield Diagnosis("versions", "ok", ", ".join(found))
    if missing:
        yield Diagnosis(
            "versions", "error", f"not installed: {', '.join(missing)}", f"pip install {' '.join(missing)}"
        )


def _definition(settings: Settings) -> Iterator[Diagnosis]:
    file = Path(settings.archive.sql)
    if not file.is_file():
        yield Diagnosis("definition", "ok", f"the built-in one ({file} does not exist)")
        return
    try:
        definition = schema.load(file)
    except PyconquestError as error:
        yield Diagnosis(
            "definition", "error", str(error), f"correct {file}, or remove it for the built-in one"
        )
        return
    columns = sum(len(table.columns) for table in definition.tables)
    yield Diagnosis("definition", "ok", f"{file}: {columns} columns")


def _schedule(settings: Settings) -> Iterator[Diagnosis]:
    from pyconquest_rt.service.schedule import check

    wrong = check(settings)
    yield from (Diagnosis("schedule", "error", text, "correct the time in pyconquest.toml") for text in wrong)
    if not wrong:
        yield Diagnosis("schedule", "ok", "every time can be understood")


def _folders(settings: Settings) -> Iterator[Diagnosis]:
    folders = {
        "data directory": settings.archive.data,
        "database folder": str(Path(settings.archive.database).absolute().parent),
        "backup folder": settings.backup.folder,
        "watch folder": settings.watch.folder,
    }
    for what, name in folders.items():
        if not name:
            continue
        folder = _existing(Path(name).absolute())
        try:
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"x")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            remedy = f"give this user write access to {folder}, or set another folder"
            yield Diagnosis(what, "error", f"{name} cannot be written: {error.strerror}", remedy)
        else:
            yield Diagnosis(what, "ok", f"{name} can be written")


def _existing(folder: Path) -> Path:
    return next(parent for parent in (folder, *folder.parents) if parent.exists())


def _space(settings: Settings) -> Iterator[Diagnosis]:
    free = disk(settings.archive.data)["free"]
    detail = f"{free / 1e9:.1f} GB free for {settings.archive.data}"
    if free < _NOTHING_FREE:
        yield Diagnosis("disk", "error", detail, "make room: what arrives now is refused")
    elif free < _LITTLE_FREE:
        yield Diagnosis("disk", "warning", detail, "make room, or set [retention] min_free_gb")
    else:
        yield Diagnosis("disk", "ok", detail)


def _database(settings: Settings) -> Iterator[Diagnosis]:
    file = Path(settings.archive.database)
    if not file.is_file():
        yield Diagnosis("database", "ok", f"{file} does not exist yet; it is made when it is needed")
        return
    remedy = "put a copy in its place: pyconquest-rt restore FILE; or remove it and run pyconquest-rt rebuild"
    try:
        damage, mode = sqlite_files.check(file)
    except DatabaseError as error:
        yield Diagnosis("database", "error", f"{file}: {error}", remedy)
        return
    if damage is not None:
        yield Diagnosis("database", "error", f"{file}: {damage}", remedy)
    elif mode != "wal":
        detail = f"{file} has the journal mode {mode}: readers and writers wait for each other"
        yield Diagnosis(
            "database", "warning", detail, "keep the database on a disk of this machine, no network share"
        )
    else:
        yield Diagnosis("database", "ok", f"{file} is sound")


def _views(settings: Settings) -> Iterator[Diagnosis]:
    """Has a user's own table or view a name of ours, so that ours is not made?"""
    if not Path(settings.archive.database).is_file():
        return
    try:
        with closing(Database(settings.archive.database, schema.default(), writes=False)) as database:
            names = archive_views.names_of_others(database)
    except DatabaseError:  # said by the check of the database
        return
    if names:
        detail = f"{', '.join(names)}: not ours, so the view of this name is not made"
        yield Diagnosis("views", "warning", detail, "rename it, and the next command that writes makes ours")


def _ports(settings: Settings) -> Iterator[Diagnosis]:
    for listener in settings.all_listeners:
        yield _port(settings, listener.host, listener.port)


def _port(settings: Settings, host: str, port: int) -> Diagnosis:
    if port == 0:
        return Diagnosis("port", "ok", "any free port is taken")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family):
            return Diagnosis("port", "ok", f"{host}:{port} is free")
    except OSError as error:
        if published(settings.archive) is not None:
            return Diagnosis("port", "ok", f"{host}:{port} is this archive's own: its service runs")
        remedy = "set [listener] host and port, or stop the program that has it"
        if isinstance(error, PermissionError):
            remedy = "ports below 1024 are for administrators: set [listener] port above"
        reason = (error.strerror or str(error)).partition(" (")[0]
        return Diagnosis("port", "error", f"{host}:{port} cannot be had: {reason}", remedy)


def _certificates(settings: Settings) -> Iterator[Diagnosis]:
    """Check the certificates and keys of each TLS listener."""
    for listener in settings.all_listeners:
        if not listener.tls_certificate:
            continue
        try:
            tls.server_context(listener.tls_certificate, listener.tls_key, listener.tls_ca)
        except PyconquestError as error:
            yield Diagnosis("certificate", "error", str(error), "correct tls_certificate, tls_key and tls_ca")
        else:
            yield Diagnosis("certificate", "ok", f"{listener.tls_certificate} can be used")


def _clock(settings: Settings) -> Iterator[Diagnosis]:
    now = datetime.now().astimezone()
    shown = f"{now:%Y-%m-%d %H:%M:%S}, zone {now.tzname()} (UTC{now:%z})"
    if time.time() < _EARLIEST:
        yield Diagnosis("clock", "error", f"it is said to be {shown}", "set the clock; use NTP")
        return
    newest = _newest_change(settings)
    if newest - time.time() > _CLOCK_STEP_S:
        last = datetime.fromtimestamp(newest).astimezone()
        detail = f"it is said to be {shown}, but the database was written at {last:%Y-%m-%d %H:%M:%S}"
        yield Diagnosis("clock", "warning", detail, "set the clock; use NTP")
        return
    yield Diagnosis("clock", "ok", shown)


def _newest_change(settings: Settings) -> float:
    try:
        return Path(settings.archive.database).stat().st_mtime
    except OSError:
        return 0.0


def _peers(settings: Settings) -> Iterator[Diagnosis]:
    try:
        peers = list(known_peers(settings))
    except PyconquestError as error:
        yield Diagnosis("peers", "error", str(error), f"correct [peer] or {settings.receive.peers}")
        return
    from pyconquest_rt import scu

    for peer in peers:
        address = f"{peer.aet}@{peer.host}:{peer.port}"
        try:
            result = scu.echo(peer.host, peer.port, peer.aet, settings.listener.ae_title, tls=peer.tls)
            detail = f"{address} answers 0x{result.status:04X}"
            remedy = "" if result.ok else f"have {settings.listener.ae_title} made known to it"
            yield Diagnosis("peers", "ok" if result.ok else "warning", detail, remedy)
        except NetworkError as error:
            remedy = "start it, correct its entry, or look at the firewall"
            yield Diagnosis("peers", "warning", f"{address} does not answer: {error}", remedy)


def _hooks(settings: Settings) -> Iterator[Diagnosis]:
    names = (*settings.hooks.stored, *settings.hooks.derived)
    try:
        hooks.load(names)
    except SettingsError as error:
        yield Diagnosis(
            "hooks", "error", str(error), "correct [hooks], or put the module beside pyconquest.toml"
        )
    else:
        if names:
            yield Diagnosis("hooks", "ok", ", ".join(names))


CHECKS: tuple[Callable[[Settings], Iterator[Diagnosis]], ...] = (
    _versions,
    _definition,
    _schedule,
    _folders,
    _space,
    _clock,
    _database,
    _views,
    _ports,
    _certificates,
    _peers,
    _hooks,
    _goals,
)

"""The systemd unit of an archive's service, with the least privileges it needs."""

import getpass
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from pyconquest_rt.errors import SettingsError, StorageError
from pyconquest_rt.settings.sections import Settings

UNIT_FOLDER = Path("/etc/systemd/system")
NAME = "pyconquest-rt.service"

_UNIT = """\
[Unit]
Description=pyconquest_rt, a DICOM archive ({address})
Documentation=man:systemd.exec(5)
After=network-online.target
Wants=network-online.target
RequiresMountsFor={paths}

[Service]
Type=exec
User={user}
WorkingDirectory={folder}
ExecStart={python} -m pyconquest_rt serve
Restart=on-failure
RestartSec=10
KillMode=mixed
TimeoutStopSec=60
UMask=0027
ReadWritePaths={paths}

# Nothing of the system can be changed, nothing of other users seen, no privilege gained.
ProtectSystem=strict
ProtectHome={home}
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
NoNewPrivileges=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
CapabilityBoundingSet={capabilities}
AmbientCapabilities={capabilities}
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
"""


def render(settings: Settings, folder: Path, user: str) -> str:
    """Return the text of the unit.

    Args:
        settings: those of the folder; they say what must be writable, and whether the port is a privileged one.
        folder: the working directory, where pyconquest.toml is.
        user: who runs it.

    Raises:
        SettingsError: a path or name cannot be written into a unit.
    """
    folder = folder.absolute()
    listeners = settings.all_listeners
    values = {
        "address": ", ".join(f"{each.ae_title}@{each.host}:{each.port}" for each in listeners),
        "user": user,
        "folder": _word(str(folder)),
        "python": _word(sys.executable),
        "paths": " ".join(_word(path) for path in _writable(settings, folder)),
        "home": "read-only" if _is_below_home(sys.executable, str(folder)) else "yes",
        "capabilities": "CAP_NET_BIND_SERVICE" if any(0 < each.port < 1024 for each in listeners) else "",
    }
    for name, value in values.items():
        if not value.isprintable():
            raise SettingsError(f"{name} {value!r} cannot stand in a unit: it holds control characters")
    return _UNIT.format(**{name: value.replace("%", "%%") for name, value in values.items()})


def install(text: str, unit_folder: Path = UNIT_FOLDER) -> Path:
    """Write the unit where systemd finds it; returns its path.

    Raises:
        StorageError: it cannot be written; only an administrator may.
    """
    target = unit_folder / NAME
    try:
        target.write_text(text, "utf-8")
    except OSError as error:
        raise StorageError(
            f"cannot write {target}: {error.strerror}; run this as an administrator, or see it with --print"
        ) from error
    return target


def default_user() -> str:
    """Return the default user of the service: the present one, or the caller of sudo."""
    return os.environ.get("SUDO_USER") or getpass.getuser()


def _writable(settings: Settings, folder: Path) -> Iterator[str]:
    """Yield the folders that the service writes to, the working directory first, each once."""
    archive = settings.archive
    wanted = [
        ".",
        archive.data,
        str(Path(archive.database).parent),
        *archive.devices.values(),
        settings.backup.folder,
        *((settings.watch.folder, settings.watch.rejects) if settings.watch.folder else ()),
        *((str(Path(settings.log.file).parent),) if settings.log.file else ()),
    ]
    yielded: list[Path] = []
    for name in wanted:
        path = Path(os.path.normpath(folder / name))
        if not any(path == above or above in path.parents for above in yielded):
            yielded.append(path)
            yield str(path)


def _is_below_home(*paths: str) -> bool:
    return any(path.startswith(("/home/", "/root/", "/run/user/")) for path in paths)


def _word(text: str) -> str:
    """Quote a word of a unit, if it needs that (systemd.syntax, section Quoting)."""
    if all(character.isalnum() or character in "/._-+@:~" for character in text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

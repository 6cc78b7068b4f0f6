"""Everything that differs between Linux, other POSIX systems and Windows, each with its fallback.

No other module of the package imports ``fcntl``, ``msvcrt`` or ``resource``, makes links, flushes folders, sends or
catches signals, or asks for options of a socket that one system has alone. A function here says in its docstring
what it does where the system cannot do it.
"""

import errno
import importlib
import os
import secrets
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


fcntl: Any = _module("fcntl")
msvcrt: Any = _module("msvcrt")
resource: Any = _module("resource")

_FAR_BEHIND_THE_END: Final = 1 << 20
_SHARES: Final = 4096
_DIRECT: int = getattr(os, "O_DIRECT", 0) if fcntl else 0
_NAMELESS: int = getattr(os, "O_TMPFILE", 0) if os.path.isdir("/proc/self/fd") else 0
_advise: Any = getattr(os, "posix_fadvise", None)
_set_priority: Any = getattr(os, "setpriority", None)
_LOW_PRIORITY: Final = 10
_set_blocking: Any = getattr(os, "set_blocking", None)
_quick_ack: int | None = getattr(socket, "TCP_QUICKACK", None)
_SECONDS: Final = struct.Struct("@ll")  # a timeval of Linux
_TIMEVAL_IS_KNOWN: bool = sys.platform == "linux" and _SECONDS.size == 16

# -- locks --------------------------------------------------------------------------------------------------


def lock(file: IO[Any], *, shared: bool = False) -> None:
    """Lock an open file for this process alone, or together with others that share it; or raise OSError at once.

    Windows locks bytes far behind the end of the file, so that others can still read what stands in it. It has no
    locks to share: who shares takes one of many bytes, and who wants the file alone all of them.
    """
    if fcntl is not None:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    elif msvcrt is not None:
        place = secrets.randbelow(_SHARES) if shared else 0
        file.seek(_FAR_BEHIND_THE_END + place)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1 if shared else _SHARES)


def is_locked(path: Path) -> bool:
    """Whether another process has a file for itself: by flock, or on Windows by having opened it so."""
    try:
        with path.open("rb") as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except PermissionError:
        return fcntl is None  # elsewhere than on Windows the user may not read it, now or later
    except OSError:
        return True
    return False


# -- files --------------------------------------------------------------------------------------------------


def sync_file(path: Path) -> None:
    """Flush a file to the disk."""
    _sync(path, os.O_RDWR)


def sync_folder(path: Path) -> None:
    """Flush the names in a folder to the disk; a system that cannot open folders (Windows) passes over them."""
    with suppress(PermissionError):
        _sync(path, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def link(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Give a file a second name. Raises OSError where the file system has no hard links: the caller copies."""
    os.link(source, target)


def open_nameless(folder: str) -> int | None:
    """Open a new file in a folder that has no name yet (O_TMPFILE); None where that cannot be done."""
    if _NAMELESS:
        with suppress(OSError):
            return os.open(folder, os.O_RDWR | _NAMELESS, 0o666)
    return None


def path_of_descriptor(descriptor: int) -> str:
    """Return a path by which a nameless file can be read while it is open (Linux)."""
    return f"/proc/self/fd/{descriptor}"


def name_nameless(descriptor: int, target: str | os.PathLike[str]) -> None:
    """Give a nameless file a name. Raises FileExistsError if there is a file of this name."""
    # any folder will do; with one given, and only then, Python has links followed
    os.link(path_of_descriptor(descriptor), target, src_dir_fd=descriptor, follow_symlinks=True)


def write_past_cache(descriptor: int, blocks: memoryview) -> int:
    """Write whole blocks of 4 KB straight to the disk (O_DIRECT) and return how many bytes; 0 where that cannot be."""
    if not blocks or not _DIRECT:
        return 0
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETFL, _DIRECT)
        try:
            return os.write(descriptor, blocks)
        finally:
            fcntl.fcntl(descriptor, fcntl.F_SETFL, 0)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return 0


def can_announce() -> bool:
    """Whether :func:`announce` does anything here."""
    return _advise is not None


def announce(descriptor: int, count: int) -> None:
    """Ask the system to fetch the first bytes of a file, without waiting for them; elsewhere nothing happens."""
    if _advise is not None:
        with suppress(OSError):  # not a file
            _advise(descriptor, 0, count, os.POSIX_FADV_WILLNEED)  # type: ignore[attr-defined,unused-ignore]


# -- processes ----------------------------------------------------------------------------------------------


def waits() -> float:
    """How often this thread has waited so far, as it does for a disk or a network.

    Where the system does not count that, time in which the thread did not run is taken for waits of 0.2 ms each;
    on a busy machine it may have waited for a processor then.
    """
    if resource is not None and hasattr(resource, "RUSAGE_THREAD"):
        return float(resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw)
    return (time.monotonic() - time.thread_time()) / 0.0002


def is_alive(pid: int) -> bool:
    """Whether a process of this machine may still run; one that cannot be asked may.

    On Windows it always may: signal 0 would end the process there.
    """
    if os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def lower_priority(pid: int = 0) -> None:
    """Let other processes go before one of ours (this one by default); Windows has no such call in Python."""
    if _set_priority is not None:
        with suppress(OSError):
            _set_priority(os.PRIO_PROCESS, pid, _LOW_PRIORITY)  # type: ignore[attr-defined,unused-ignore]


def do_not_block(descriptor: int) -> None:
    """Have writing to a pipe raise BlockingIOError where it would wait; pipes of Windows wait before Python 3.12."""
    if _set_blocking is not None:
        with suppress(OSError):
            _set_blocking(descriptor, False)


def on_termination(call: Callable[[], object], *, interrupt: bool = False) -> None:
    """Call a function in the main thread when the process is asked to end (SIGTERM; Ctrl-C too if asked for)."""
    for number in (signal.SIGTERM, signal.SIGINT) if interrupt else (signal.SIGTERM,):
        signal.signal(number, lambda *_: call())


# -- sockets ------------------------------------------------------------------------------------------------


def gathering(sock: socket.socket) -> Callable[[list[Any]], int] | None:
    """Return what sends several buffers over a socket in one call; None where the system cannot (Windows)."""
    return getattr(sock, "sendmsg", None)


def set_tick(sock: socket.socket, seconds: int) -> None:
    """Have every call on a socket return after some seconds.

    On 64-bit Linux the system sees to it; Python's own time limit would ask it twice for each read.
    """
    if _TIMEVAL_IS_KNOWN and type(sock) is socket.socket:  # a TLS socket reads ahead, so its own limit holds
        sock.settimeout(None)
        tick = _SECONDS.pack(seconds, 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, tick)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, tick)
    else:
        sock.settimeout(seconds)


def quick_ack(sock: socket.socket) -> None:
    """Acknowledge what comes next at once (Linux).

    A sender with Nagle's algorithm on holds a PDU's body back until its header is acknowledged, which
    Linux would do after 40 ms only. The option lasts for a few segments, so it is set again and again.
    """
    if _quick_ack is not None:
        sock.setsockopt(socket.IPPROTO_TCP, _quick_ack, 1)

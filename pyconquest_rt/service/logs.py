"""Logging of the class ``pyconquest``: one logger, a level per instance, an error file made at the first error.

What is logged at INFO and above names no patient; names, identifiers and paths are for DEBUG.
"""

import json
import logging
import re
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from typing import Any

from pyconquest_rt.dicom.quiet import plain
from pyconquest_rt.errors import SettingsError
from pyconquest_rt.settings.sections import LogSettings

ERROR_FILE = "pyconquest_error.log"
_FORMAT = "%(levelname)-5s %(asctime)s [%(module)s:%(lineno)d] %(message)s"
_SERVICE_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_COLOURS = {"INFO": "\x1b[33m", "WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[1;31m"}


class InstanceLog(logging.LoggerAdapter[logging.Logger]):
    """The logger of one instance; another instance's level does not change it."""

    def __init__(self, level: str) -> None:
        logger = logging.getLogger("pyconquest_rt.archive")
        logger.setLevel(logging.DEBUG)  # the instances decide
        super().__init__(logger, None)
        self.level = logging.getLevelNamesMapping().get(level.upper(), logging.ERROR)

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802
        """Whether this instance logs at a level."""
        return level >= self.level and super().isEnabledFor(level)

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Leave the message as it is."""
        return msg, kwargs


class OneLine(logging.Formatter):
    """Formats a record as one line, with control characters from peers escaped.

    A traceback keeps its lines; each is indented.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """Return the line."""
        record.message = plain(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802
        """Return the traceback."""
        return "\n".join(f"    {plain(line)}" for line in super().formatException(ei).splitlines())


class ErrorFile(RotatingFileHandler):
    """``pyconquest_error.log``, made at the first error; a folder that cannot be written does not matter."""

    def __init__(self) -> None:
        super().__init__(ERROR_FILE, maxBytes=100_000, backupCount=1, encoding="utf-8", delay=True)
        self.setLevel(logging.ERROR)
        self.setFormatter(OneLine(_FORMAT))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Do nothing: the error is on the terminal already."""


class Terminal(logging.StreamHandler[Any]):
    """Messages on stderr, coloured if that is a terminal; silent if the program has handlers of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(OneLine(_FORMAT))
        self.addFilter(lambda record: not logging.getLogger().handlers)

    def emit(self, record: logging.LogRecord) -> None:
        """Write to the present stderr."""
        self.stream = sys.stderr
        super().emit(record)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, in the colour of its level."""
        line = super().format(record)
        colour = _COLOURS.get(record.levelname, "")
        return f"{colour}{line}\x1b[0m" if colour and self.stream.isatty() else line


def start(level: str) -> InstanceLog:
    """Return the logger of a new instance; the first one brings the handlers."""
    package = logging.getLogger("pyconquest_rt")
    if not any(isinstance(handler, Terminal) for handler in package.handlers):
        package.addHandler(Terminal())
        with suppress(OSError):  # the working directory has gone
            package.addHandler(ErrorFile())
    return InstanceLog(level)


def masked(query: str) -> str:
    """Return an SQL text with its values, which may name patients, replaced by question marks."""
    return re.sub(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\b\d[\d.]*\b", "?", query)


class JsonLines(logging.Formatter):
    """A record as one line of JSON: time (UTC), level, logger, message, and the traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure(settings: LogSettings) -> list[logging.Handler]:
    """Write what the package logs to stderr, and to a file if the settings name one; returns the handlers.

    Raises:
        SettingsError: the file cannot be written.
    """
    formatter = JsonLines() if settings.form == "json" else OneLine(_SERVICE_FORMAT)
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    if settings.file:
        size = int(settings.megabytes * 1_000_000)
        try:
            handlers.append(RotatingFileHandler(settings.file, "a", size, settings.count, encoding="utf-8"))
        except OSError as error:
            raise SettingsError(f"[log] file: {settings.file} cannot be written: {error.strerror}") from error
    package = logging.getLogger("pyconquest_rt")
    package.setLevel(settings.level)
    for handler in handlers:
        handler.setFormatter(formatter)
        package.addHandler(handler)
    return handlers


def release(handlers: list[logging.Handler]) -> None:
    """Take back what :func:`configure` did: its handlers, and the level."""
    package = logging.getLogger("pyconquest_rt")
    package.setLevel(logging.NOTSET)
    for handler in handlers:
        package.removeHandler(handler)
        handler.close()

"""Alias of :mod:`pyconquest_rt.settings.file`."""

from pyconquest_rt.settings.file import *  # noqa: F403

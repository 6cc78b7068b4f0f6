"""Alias of :mod:`pyconquest_rt.database.schema`."""

from pyconquest_rt.database.schema import *  # noqa: F403

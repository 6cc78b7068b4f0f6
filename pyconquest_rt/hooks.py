"""Alias of :mod:`pyconquest_rt.service.hooks`."""

from pyconquest_rt.service.hooks import *  # noqa: F403

"""Settings: which there are, their options, and their file."""

from pyconquest_rt.settings.sections import *  # noqa: F403

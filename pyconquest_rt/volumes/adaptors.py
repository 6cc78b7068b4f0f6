"""The package's own adaptors."""

from pyconquest_rt.volumes.images import Images

OWN = (Images(),)

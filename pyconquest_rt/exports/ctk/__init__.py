"""A ctkDICOM database over the files of an archive, which 3D Slicer opens in place: see :func:`update`."""

from pyconquest_rt.exports.ctk.database import Updated, update

__all__ = ["Updated", "update"]

"""A Conquest-compatible local PACS indexer with DICOM networking and a radiotherapy extension.

``from pyconquest_rt import pyconquest`` gives the class that stands in for PyConquest's. Importing this
package reads nothing, writes nothing and loads no DICOM library; that happens at the first use.
"""

from typing import TYPE_CHECKING, Any

from pyconquest_rt.version import __version__ as __version__

if TYPE_CHECKING:
    from pyconquest_rt.compat.pyconquest import pyconquest as pyconquest

__all__ = ["__version__", "pyconquest"]


def __getattr__(name: str) -> Any:
    if name == "pyconquest":
        from pyconquest_rt.compat.pyconquest import pyconquest

        return pyconquest
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

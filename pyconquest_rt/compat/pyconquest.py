"""The class ``pyconquest``: PyConquest's interface, each method a few lines over a room of this package.

Method names, arguments, defaults and results are those of PyConquest 0.1.12, so that its scripts run with the
import changed. Keyword-only arguments are additions.
"""

from pyconquest_rt.compat.asking import Asking
from pyconquest_rt.compat.catalog import Catalog
from pyconquest_rt.compat.content import Content
from pyconquest_rt.compat.derived import Derived
from pyconquest_rt.compat.incoming import Incoming
from pyconquest_rt.compat.tables import Tables
from pyconquest_rt.compat.volumes import Volumes


class pyconquest(Incoming, Asking, Catalog, Content, Derived, Tables, Volumes):  # noqa: N801
    """An archive: a tree of DICOM files, and an SQLite database that says what is in them.

    Args:
        data_directory: the folder with the files, one folder in it for each patient.
        sql_inifile_name: the definition of the tables; where there is no such file, the built-in one holds.
        database_filename: the database.
        connect_and_read_sql: open the database at once; otherwise :meth:`connect_db` does.
        loglevel: ``ERROR``, ``WARNING``, ``INFO`` or ``DEBUG``, for this instance alone.
        compute_hash: hash the content of structure sets, plans and doses into ``DICOMImages.hash``.
        devices: folders of further devices that rows may name, such as a Conquest's ``MAG1``.

    Raises:
        SchemaError: the definition cannot be used.
        DatabaseError: the database cannot be opened.

    It can be used in a ``with`` statement, which closes the database at its end.
    """

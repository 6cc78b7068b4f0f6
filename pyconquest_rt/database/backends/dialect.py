"""What a back-end must say: the words in which databases differ. Statements outside this room are common SQL.

Placeholders are written ``?`` everywhere; a back-end whose driver wants others rewrites them in its connection.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from pyconquest_rt.errors import DatabaseError


class Index(NamedTuple):
    """What the catalogue says of one index: its name, and the column that it begins with."""

    name: str
    first_column: str


class Dialect(Protocol):
    """The words of one database, and what its driver is asked for."""

    position: str
    """A number that each row of a table without a WITHOUT ROWID clause has, by which a table is read in portions."""

    now: str
    """The seconds since 1970 by the database's clock, as an expression."""

    def same(self, one: str, other: str) -> str:
        """Return a comparison that takes two NULLs for the same."""

    def joined(self, column: str, separator: str) -> str:
        """Return the aggregate that joins texts; ``separator`` must not come from outside."""

    def one_of(self, column: str) -> str:
        """Return the condition that a column has one of the values bound as one parameter (:meth:`listed`)."""

    def listed(self, values: Sequence[str]) -> Any:
        """Return the parameter of :meth:`one_of`."""

    def insert(
        self, table: str, own: Sequence[str], shared: Sequence[str], rows: int, on_conflict: str = ""
    ) -> str:
        """Return an INSERT of some rows, to which are bound what each has of its own, then what all share."""

    def put(self, table: str, columns: Sequence[str], *, keep: bool = False) -> str:
        """Return an INSERT in whose way no row stands: that row goes, or stays as it is (``keep``)."""

    def columns(self, connection: Any, table: str) -> list[str]:
        """Return the names of a table's or view's columns, in their order; none where it does not exist."""

    def has_key(self, connection: Any, table: str) -> bool:
        """Return whether a table has a primary key."""

    def has(self, connection: Any, name: str) -> bool:
        """Return whether there is a table, view or index of this name, in any case."""

    def catalogue(self, connection: Any, prefix: str) -> dict[str, str]:
        """Return the names of tables and views that begin with a text, in lower case, with the text of each."""

    def indices(self, connection: Any, table: str) -> list[Index]:
        """Return the indices of a table that hold all of its rows."""

    def state(self, connection: Any) -> tuple[int, ...]:
        """Return numbers that change when another connection commits, and when this one writes."""

    def begin(self, connection: Any, timeout_s: float) -> None:
        """Begin a transaction as the only writer of what it changes. Raises DatabaseError after the time given."""

    def register(self, connection: Any, functions: Mapping[str, tuple[int, Callable[..., Any]]]) -> None:
        """Give a connection functions to be called in statements: name → number of arguments, function."""

    def upkeep(self, connection: Any) -> bool:
        """Gather statistics and empty the journal; returns whether it is empty."""

    def translated(self, error: BaseException) -> DatabaseError:
        """Return an error of the driver as one of the package."""

"""Tables of what is read of objects, column by column with units; DDL and documentation are both made from them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column: SQL type, unit (empty if it has none) and what it holds."""

    name: str
    sql_type: str
    unit: str
    meaning: str


@dataclass(frozen=True)
class Table:
    """One table: what a row is, its columns, its primary key, and the columns that are indexed."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    indexed: tuple[str, ...] = ()

    def create_sql(self) -> str:
        """Return ``CREATE TABLE IF NOT EXISTS`` in the syntax of SQLite 3.8.5."""
        lines = [f"{column.name} {column.sql_type}" for column in self.columns]
        lines.append(f"PRIMARY KEY ({', '.join(self.key)})")
        return f"CREATE TABLE IF NOT EXISTS {self.name} (\n  " + ",\n  ".join(lines) + "\n)"

    def index_sql(self) -> list[str]:
        """Return the ``CREATE INDEX`` statements, one for each indexed column."""
        return [
            f"CREATE INDEX IF NOT EXISTS index_{self.name}_{column} ON {self.name} ({column})"
            for column in self.indexed
        ]


def columns(*texts: str) -> tuple[Column, ...]:
    """Return columns from lines ``name | type | unit | meaning``."""
    lines = (line for text in texts for line in text.splitlines() if line.strip())
    return tuple(Column(*(field.strip() for field in line.split("|"))) for line in lines)

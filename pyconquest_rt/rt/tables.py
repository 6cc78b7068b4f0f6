"""The RT tables, column by column with units; their DDL and their documentation are both made from here."""

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
    """One table with its primary key and the columns that are indexed."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    indexed: tuple[str, ...] = ()

    def create_sql(self) -> str:
        """``CREATE TABLE IF NOT EXISTS`` in the syntax of SQLite 3.8.5."""
        columns = [f"{column.name} {column.sql_type}" for column in self.columns]
        columns.append(f"PRIMARY KEY ({', '.join(self.key)})")
        return f"CREATE TABLE IF NOT EXISTS {self.name} (\n  " + ",\n  ".join(columns) + "\n)"

    def index_sql(self) -> list[str]:
        """``CREATE INDEX`` statements, one for each indexed column."""
        return [
            f"CREATE INDEX IF NOT EXISTS index_{self.name}_{column} ON {self.name} ({column})"
            for column in self.indexed
        ]

    def insert_sql(self) -> str:
        """``INSERT OR REPLACE`` with named parameters, for the row dictionaries of this table."""
        names = [column.name for column in self.columns]
        values = ", ".join(f":{name}" for name in names)
        return f"INSERT OR REPLACE INTO {self.name} ({', '.join(names)}) VALUES ({values})"  # noqa: S608


def _columns(text: str) -> tuple[Column, ...]:
    """Columns from lines ``name | type | unit | meaning``."""
    rows = ([field.strip() for field in line.split("|")] for line in text.strip().splitlines())
    return tuple(Column(*row) for row in rows)


_ROI_NAME = Table(
    "roi_name",
    "What a raw ROI name stands for; one row for each distinct name and physician, joined by raw name.",
    _columns("""
        physician          | TEXT NOT NULL |        | whose map was used; DEFAULT is the site's
        raw_name           | TEXT NOT NULL |        | the ROI name as it stands in the structure set
        cleaned_name       | TEXT          |        | lower case, without accents, single blanks
        physician_name     | TEXT          |        | the physician's name for it, from the map
        institutional_name | TEXT          |        | the site's name for it: the map's, else TG-263's
        tg263_name         | TEXT          |        | the name of TG-263; NULL if none can be given safely
        method             | TEXT NOT NULL |        | exact, alias, rule, fuzzy or uncategorised
        score              | REAL          | 0 to 1 | 1 but for fuzzy; NULL for uncategorised
        detail             | TEXT          |        | what was matched, or why nothing was
    """),
    key=("physician", "raw_name"),
    indexed=("raw_name", "tg263_name", "institutional_name"),
)

TABLES = {table.name: table for table in (_ROI_NAME,)}

"""The tables column by column as Markdown; docs/dose_reports.md holds this text."""

from pyconquest_rt.dose_reports.tables import TABLES


def tables_as_markdown() -> str:
    """Return one section a table: what a row is, its key, and every column with its type and meaning."""
    sections = []
    for table in TABLES.values():
        lines = [
            f"### {table.name}",
            "",
            f"One row: {table.meaning}. Primary key: {', '.join(table.key)}.",
            "",
            "| column | type | what it holds |",
            "|---|---|---|",
        ]
        lines += [f"| `{column.name}` | {column.sql_type} | {column.meaning} |" for column in table.columns]
        sections.append("\n".join(lines) + "\n")
    return "\n".join(sections)


if __name__ == "__main__":
    print(tables_as_markdown())

"""The tables of the outgoing queue, as the scripts that make them; nothing uses the column ``lease`` any more."""

SCRIPTS = [
    """
    CREATE TABLE forward_rules(
        name TEXT PRIMARY KEY NOT NULL, aet TEXT NOT NULL, host TEXT NOT NULL, port INTEGER NOT NULL,
        calling_aet TEXT NOT NULL, condition TEXT,
        attempts INTEGER NOT NULL DEFAULT 0, next_try REAL NOT NULL DEFAULT 0, lease REAL, error TEXT
    );
    CREATE TABLE forward_queue(
        id INTEGER PRIMARY KEY, rule TEXT NOT NULL, sop TEXT NOT NULL, size INTEGER, mtime_ns INTEGER,
        state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, next_try REAL NOT NULL DEFAULT 0, error TEXT,
        UNIQUE(rule, sop)
    );
    CREATE INDEX forward_queue_due ON forward_queue(rule, state, next_try);
    """
]

"""What leaves the archive: tables as CSV, objects as files."""

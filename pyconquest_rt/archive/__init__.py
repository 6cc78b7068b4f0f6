"""One archive: its files, its rows, and each thing that is done with them; no network."""

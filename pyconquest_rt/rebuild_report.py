"""What a rebuild did: how many files, and which."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from pyconquest_rt.ingest import Outcome, State

NAMED = 100


@dataclass
class Changes:
    """Files that one thing happened to: the first hundred by name, and how many of each folder.

    Folders beyond the first hundred are counted together, as ``...``.
    """

    files: list[str] = field(default_factory=list)
    folders: dict[str, int] = field(default_factory=dict)

    def add(self, path: str) -> None:
        """Add a file."""
        if len(self.files) < NAMED:
            self.files.append(path)
        folder = path.rpartition("/")[0] or "."
        if folder not in self.folders and len(self.folders) >= NAMED:
            folder = "..."
        self.folders[folder] = self.folders.get(folder, 0) + 1


@dataclass
class Report:
    """What a rebuild did.

    ``read`` counts the files that were newly seen or seen again, junk included; ``rejected`` holds path and reason.
    ``changes`` says which files were indexed, updated, moved (by their new name), duplicate and removed.
    """

    read: int = 0
    indexed: int = 0
    updated: int = 0
    moved: int = 0
    duplicates: int = 0
    unchanged: int = 0
    removed: int = 0
    rejected: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0
    changes: dict[str, Changes] = field(default_factory=dict)

    def count(self, outcomes: Iterable[Outcome]) -> None:
        """Add the outcomes of one batch."""
        outcomes = list(outcomes)
        counts = Counter(outcome.state for outcome in outcomes)
        self.read += len(outcomes)
        self.indexed += counts[State.INDEXED]
        self.updated += counts[State.UPDATED]
        self.moved += counts[State.MOVED]
        self.duplicates += counts[State.DUPLICATE]
        for outcome in outcomes:
            if outcome.state is State.REJECTED:
                self.rejected.append((outcome.path, outcome.reason or ""))
            else:
                self._changes(outcome.state).add(outcome.path)

    def count_removed(self, paths: Iterable[str]) -> None:
        """Add files that have gone from the disk, and with them from the index."""
        for path in paths:
            self.removed += 1
            self._changes("removed").add(path)

    def _changes(self, what: str) -> Changes:
        return self.changes.setdefault(str(what), Changes())

    def as_dict(self) -> dict[str, Any]:
        """Return it as what JSON can hold; of the rejected files the first hundred, and their number."""
        return asdict(self) | {"rejected": self.rejected[:NAMED], "rejected_count": len(self.rejected)}

    def __str__(self) -> str:
        rate = f", {self.read / self.seconds:.0f} files/s" if self.seconds and self.read else ""
        return (
            f"{self.read} files read ({self.indexed} indexed, {self.updated} updated, {self.moved} moved, "
            f"{self.duplicates} duplicates, {len(self.rejected)} rejected), {self.unchanged} unchanged, "
            f"{self.removed} removed from the index; {self.seconds:.1f} s{rate}"
        )

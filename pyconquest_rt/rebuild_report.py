"""What a rebuild did: how many files, and which."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from operator import attrgetter
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

    def add(self, paths: Sequence[str]) -> None:
        """Add files."""
        self.files += paths[: NAMED - len(self.files)]
        for folder, count in Counter(path.rpartition("/")[0] for path in paths).items():
            name = folder if folder in self.folders or len(self.folders) < NAMED else "..."
            self.folders[name] = self.folders.get(name, 0) + count


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
        counts = Counter(map(attrgetter("state"), outcomes))
        self.read += len(outcomes)
        self.indexed += counts[State.INDEXED]
        self.updated += counts[State.UPDATED]
        self.moved += counts[State.MOVED]
        self.duplicates += counts[State.DUPLICATE]
        self.rejected += [(o.path, o.reason or "") for o in outcomes if o.state is State.REJECTED]
        for state in counts.keys() - {State.REJECTED}:
            self._note(str(state), [outcome.path for outcome in outcomes if outcome.state is state])

    def count_removed(self, paths: Sequence[str]) -> None:
        """Add files that have gone from the disk, and with them from the index."""
        self.removed += len(paths)
        self._note("removed", paths)

    def _note(self, what: str, paths: Sequence[str]) -> None:
        if paths:
            self.changes.setdefault(what, Changes()).add(paths)

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

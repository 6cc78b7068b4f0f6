"""Treatment plans: no volume, but the rows of their beams."""

from collections.abc import Sequence
from typing import Any

from pyconquest_rt.errors import UnreadableError
from pyconquest_rt.volumes.codes import VolumeError
from pyconquest_rt.volumes.contract import Options
from pyconquest_rt.volumes.fields import Fields, opened_head
from pyconquest_rt.volumes.model import Candidate, Volume
from pyconquest_rt.volumes.objects import ImageObject
from pyconquest_rt.volumes.sources import Source


class Plans:
    """Treatment plans as candidates; they hold no pixels, `beams` gives their rows."""

    name = "plans"

    def examine(self, objects: Sequence[ImageObject]) -> list[Candidate]:
        """One candidate for each plan, its ``plan`` the rows of its beams."""
        return [
            Candidate(
                one.name or "plan",
                "rtplan",
                0.5,
                ["no_pixels"],
                [one.source.origin],
                True,
                "no_pixels",
                series_uid=one.series_uid,
                adaptor=self.name,
                plan=beams(one.source),
            )
            for one in objects
            if one.kind == "rtplan"
        ]

    def load(self, candidate: Candidate, unit: str | None, options: Options) -> Volume:
        """Refused: a plan has no pixels."""
        raise VolumeError("no_pixels", f"a plan with {len(candidate.plan)} beams has no pixels")


def beams(source: Source) -> list[dict[str, Any]]:
    """The beams of a plan, photon or ion: number, name, type, radiation, isocentre in mm (LPS), gantry angle in
    degrees, control points; none where it cannot be read."""
    try:
        with opened_head(source) as head:
            return [_row(item) for tag in (0x300A00B0, 0x300A03A2) for item in head.fields.items(tag)]
    except UnreadableError:
        return []


def _row(beam: Fields) -> dict[str, Any]:
    first = beam.first(0x300A0111) or beam.first(0x300A03A8)
    return {
        "number": beam.integer(0x300A00C0),
        "name": beam.text(0x300A00C2),
        "type": beam.text(0x300A00C4),
        "radiation": beam.text(0x300A00C6),
        "isocentre": None if first is None else first.vector(0x300A012C, 3),
        "gantry_angle": None if first is None else first.number(0x300A011E),
        "control_points": beam.integer(0x300A0110),
    }

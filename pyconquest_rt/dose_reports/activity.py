"""Activities that cannot be: those written in another unit than is due (Bq as MBq) are repaired, and said to be."""

from pyconquest_rt.dose_reports.rows import Row, Rows

_ACTIVITIES = (
    "administered_activity_MBq",
    "pre_administration_measured_activity_MBq",
    "post_administration_measured_activity_MBq",
)
_MOST_MBQ, _LEAST_MBQ = 100_000.0, 0.01  # beyond these no patient is given any
_GIVEN = (1.0, 20_000.0)  # what patients are given, therapies included


def plausible_activity(event: Row, rows: Rows) -> None:
    """Repair an activity that was written in another unit than is due: Bq as MBq, kBq as MBq, MBq as Bq."""
    for column in _ACTIVITIES:
        value = event.get(column)
        if not isinstance(value, float) or value == 0 or _LEAST_MBQ <= abs(value) <= _MOST_MBQ:
            continue
        repaired = next(
            (v for v in (value / 1e6, value / 1e3, value * 1e6) if _GIVEN[0] <= v <= _GIVEN[1]), None
        )
        if repaired is None:
            rows.warn(f"{column}: {value:.10g} MBq is not plausible")
        else:
            event[column] = repaired
            rows.warn(
                f"{column}: {value:.10g} MBq is not plausible, taken as {repaired:.10g} MBq (unit repaired)"
            )

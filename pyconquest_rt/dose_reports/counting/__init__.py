"""Each exposure counted once: which rows of a study tell of one exposure, which of them speaks, and the totals.

Pure functions from the rows of a study to decisions (:func:`count_study`), and the tables that keep these
(:mod:`store`). The result depends on the objects that are there, never on the order in which they came.
"""

from pyconquest_rt.dose_reports.counting.study import Decision, Study, count_study

__all__ = ["Decision", "Study", "count_study"]

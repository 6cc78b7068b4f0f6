from pyconquest_rt.dose_reports.attributes import opened
from pyconquest_rt.dose_reports.structured_report import is_dose_report, extract_report
def extract(path):
    with opened(path) as a:
        if is_dose_report(a): return extract_report(a, a.text(0x00080018))
    return None

"""SUV by body weight, from the activity, the weight, the dose and the times."""

import numpy as np
import pytest
from made import PT, image, item, save

from pyconquest_rt.volumes import VolumeError, examine, load

DOSE, HALF_LIFE, WEIGHT = 3.7e8, 6586.2, 75.0


def pet(wait=3600.0, **more):
    """Slices of a scan at 00:30, so that an injection one hour before was on the day before."""
    radiopharmaceutical = item(
        RadionuclideTotalDose=DOSE, RadionuclideHalfLife=HALF_LIFE, RadiopharmaceuticalStartTime="233000"
    )
    values = {
        "Units": "BQML",
        "PatientWeight": WEIGHT,
        "CorrectedImage": ["DECY", "ATTN", "SCAT"],
        "DecayCorrection": "START",
        "SeriesDate": "20260102",
        "SeriesTime": "003000",
        "AcquisitionDate": "20260102",
        "AcquisitionTime": "003000",
        "RadiopharmaceuticalInformationSequence": [radiopharmaceutical],
    }
    values |= more
    return [
        image((-20, 10, 3 * k), sop_class=PT, modality="PT", slope=0.5 + 0.1 * k, intercept=0, **values)
        for k in range(5)
    ]


def both(folder, made):
    (candidate,) = examine(save(folder, made))
    return load(candidate), load(candidate, unit="SUVbw")


def test_over_midnight(tmp_path):
    activity, suv = both(tmp_path, pet())
    assert (activity.unit, suv.unit) == ("BQML", "SUVbw")
    factor = WEIGHT * 1000 / (DOSE * 2 ** (-3600 / HALF_LIFE))
    assert np.allclose(suv.array, activity.array * factor, rtol=1e-6)


def test_whole_date_of_the_injection(tmp_path):
    made = pet()
    for one in made:
        one.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartDateTime = "20260101230000"
    activity, suv = both(tmp_path, made)
    factor = WEIGHT * 1000 / (DOSE * 2 ** (-5400 / HALF_LIFE))
    assert np.allclose(suv.array, activity.array * factor, rtol=1e-6)


def test_corrected_to_the_injection(tmp_path):
    activity, suv = both(tmp_path, pet(DecayCorrection="ADMIN"))
    assert np.allclose(suv.array, activity.array * WEIGHT * 1000 / DOSE, rtol=1e-6)


def test_series_time_of_later_processing(tmp_path):
    """The time is then that of the acquisition less the way to the frame's mean count rate."""
    duration = 120_000.0
    decay = np.log(2) / HALF_LIFE
    lost = decay * duration / 1000
    mean_time = np.log(lost / (1 - np.exp(-lost))) / decay
    made = pet(
        SeriesTime="090000",
        AcquisitionTime="004000",
        FrameReferenceTime=f"{1000 * (600 + mean_time):.8g}",
        ActualFrameDuration=int(duration),
    )
    activity, suv = both(tmp_path, made)
    factor = WEIGHT * 1000 / (DOSE * 2 ** (-3600 / HALF_LIFE))
    assert np.allclose(suv.array, activity.array * factor, rtol=1e-5)


@pytest.mark.parametrize(
    "without",
    [
        lambda one: one.__delattr__("PatientWeight"),
        lambda one: setattr(one, "PatientWeight", 0),
        lambda one: one.__delattr__("RadiopharmaceuticalInformationSequence"),
        lambda one: setattr(one.RadiopharmaceuticalInformationSequence[0], "RadionuclideTotalDose", None),
        lambda one: setattr(one.RadiopharmaceuticalInformationSequence[0], "RadionuclideHalfLife", None),
        lambda one: setattr(
            one.RadiopharmaceuticalInformationSequence[0], "RadiopharmaceuticalStartTime", ""
        ),
        lambda one: setattr(one, "DecayCorrection", "NONE"),
        lambda one: setattr(one, "CorrectedImage", ["ATTN"]),
        lambda one: setattr(one, "Units", "CNTS"),
        lambda one: [one.__delattr__(name) for name in ("SeriesTime", "AcquisitionTime")],
    ],
)
def test_what_is_missing_is_said(tmp_path, without):
    made = pet()
    for one in made:
        without(one)
    (candidate,) = examine(save(tmp_path, made))
    with pytest.raises(VolumeError) as caught:
        load(candidate, unit="SUVbw")
    assert caught.value.code == "suv_incomplete"
    assert load(candidate).array.shape[0] == 5

"""Plans as rows: beams matched by number, arcs, prescriptions, ions, brachytherapy, damaged objects."""

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from rt_objects import RT_ION_PLAN, RTPLAN, SHARED, as_bytes, item, rt_object

from pyconquest_rt.rt.objects.plans import extract
from pyconquest_rt.rt.tables import TABLES

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def mlc(left, right, jaws=(-20, 20)):
    positions = [
        item(RTBeamLimitingDeviceType="ASYMY", LeafJawPositions=list(jaws)),
        item(RTBeamLimitingDeviceType="MLCX", LeafJawPositions=[*left, *right]),
    ]
    return {"BeamLimitingDevicePositionSequence": positions}


def points(*angles, **first):
    """Control points at gantry angles, in equal steps of meterset; ``None`` leaves the angle out."""
    made = []
    for index, angle in enumerate(angles):
        point = item(ControlPointIndex=index, CumulativeMetersetWeight=index / (len(angles) - 1))
        if angle is not None:
            point.GantryAngle = angle
        made.append(point)
    for keyword, value in first.items():
        setattr(made[0], keyword, value)
    return made


def beam(number, control_points, **elements):
    usual = {
        "BeamNumber": number,
        "BeamName": f"Arc{number}",
        "BeamType": "DYNAMIC",
        "RadiationType": "PHOTON",
        "TreatmentDeliveryType": "TREATMENT",
        "TreatmentMachineName": "Linac1",
        "PrimaryDosimeterUnit": "MU",
        "SourceAxisDistance": "1000",
        "NumberOfControlPoints": len(control_points),
        "ControlPointSequence": control_points,
    }
    return item(**(usual | elements))


def group(number, metersets, **elements):
    beams = [
        item(ReferencedBeamNumber=n, BeamMeterset=str(mu), BeamDose=str(mu / 100))
        for n, mu in metersets.items()
    ]
    usual = {"FractionGroupNumber": number, "NumberOfFractionsPlanned": 20, "ReferencedBeamSequence": beams}
    return item(**(usual | elements))


def plan(beams, groups, **elements):
    usual = {"RTPlanLabel": "Plan1", "FractionGroupSequence": groups}
    if beams:
        usual["BeamSequence"] = beams
    return rt_object(RTPLAN, "RTPLAN", **(usual | elements))


def target(number, dose, **elements):
    return item(
        DoseReferenceNumber=number, DoseReferenceType="TARGET", TargetPrescriptionDose=str(dose), **elements
    )


def test_beams_are_matched_by_number_whatever_their_order():
    beams = [
        beam(12, points(0, 0)),
        beam(11, points(0, 0)),
        beam(20, points(0, 0), TreatmentDeliveryType="SETUP"),
    ]
    found = extract(plan(beams, [group(1, {11: 210.5, 12: 211.5})]))
    assert {row["beam_number"]: (row["mu"], row["beam_dose_gy"]) for row in found.beams} == {
        12: (211.5, 2.115),
        11: (210.5, 2.105),
        20: (None, None),
    }
    assert (found.plan["mu"], found.plan["beam_count"], found.plan["treatment_beam_count"]) == (422, 3, 2)
    assert found.fraction_groups[0]["mu"] == 422
    assert found.fraction_groups[0]["dose_per_fraction_gy"] == pytest.approx(4.22)
    assert found.plan["status"] == "ok"


@pytest.mark.parametrize(
    ("angles", "direction", "way"),
    [
        ((181, 300, 60, 179), "CW", 358),
        ((179, 60, 300, 181), "CC", 358),
        ((10, 350), "CC", 20),
        ((10, 350), "CW", 340),
        ((90, None, 90), "NONE", 0),
        ((0, 90), None, 0),
    ],
)
def test_arcs(angles, direction, way):
    first = {"GantryRotationDirection": direction} if direction else {}
    row = extract(plan([beam(1, points(*angles, **first))], [group(1, {1: 100})])).beams[0]
    assert (row["gantry_start_deg"], row["gantry_end_deg"]) == (angles[0], angles[-1])
    assert row["gantry_range_deg"] == pytest.approx(way)
    assert row["gantry_direction"] == (direction if direction in ("CW", "CC") else None)
    assert row["mu_per_degree"] == (pytest.approx(100 / way) if way else None)
    assert row["mu_per_control_point"] == pytest.approx(100 / (len(angles) - 1))


def test_an_arc_that_turns_back_has_both_ways():
    there_and_back = points(0, 50, 0)
    there_and_back[0].GantryRotationDirection = "CW"
    there_and_back[1].GantryRotationDirection = "CC"
    row = extract(plan([beam(1, there_and_back)], [])).beams[0]
    assert (row["gantry_range_deg"], row["gantry_direction"]) == (100, "CW\\CC")


def test_beam_columns():
    first = {
        "NominalBeamEnergy": "6",
        "IsocenterPosition": [1, 2, 3],
        "SourceToSurfaceDistance": "912.5",
        "BeamLimitingDeviceAngle": "30",
        "PatientSupportAngle": "350",
    }
    fluence = [item(FluenceMode="NON_STANDARD", FluenceModeID="FFF")]
    made = beam(1, points(0, 0, **first), PrimaryFluenceModeSequence=fluence)
    row = extract(plan([made], [group(3, {1: 50})])).beams[0]
    assert [row[f"isocentre_{axis}_mm"] for axis in "xyz"] == [1, 2, 3]
    assert (row["energies"], row["energy_min"], row["energy_unit"]) == ("6", 6, "MV")
    assert (row["ssd_mm"], row["sad_mm"], row["fluence_mode"]) == (912.5, 1000, "NON_STANDARD\\FFF")
    assert (row["collimator_start_deg"], row["couch_end_deg"], row["fraction_group_number"]) == (30, 350, 3)


def test_prescriptions_of_fraction_groups():
    references = [target(1, 60, DoseReferenceDescription="PTV60"), target(2, 54), target(3, 10)]
    references.append(
        item(DoseReferenceNumber=4, DoseReferenceType="ORGAN_AT_RISK", DeliveryMaximumDose="70")
    )
    groups = [
        group(
            1,
            {1: 100},
            ReferencedDoseReferenceSequence=[item(ReferencedDoseReferenceNumber=n) for n in (1, 2)],
        ),
        group(2, {1: 50}, NumberOfFractionsPlanned=5),
    ]
    found = extract(plan([beam(1, points(0, 0))], groups, DoseReferenceSequence=references))
    first, second = found.fraction_groups
    assert (first["rx_dose_gy"], first["rx_dose_per_fraction_gy"]) == (60, 3)
    assert (first["rx_source"], first["rx_description"]) == ("referenced", "PTV60")
    assert (second["rx_dose_gy"], second["rx_source"]) == (None, None)
    assert (found.plan["rx_dose_gy"], found.plan["rx_levels_gy"]) == (None, "60\\54\\10")
    assert "none is taken" in found.plan["reason"]
    assert found.plan["fractions_planned"] == 25
    lone = extract(plan([beam(1, points(0, 0))], groups[1:], DoseReferenceSequence=references))
    assert (lone.fraction_groups[0]["rx_dose_gy"], lone.fraction_groups[0]["rx_source"]) == (60, "plan")


def test_plan_columns():
    elements = {
        "RTPlanName": "Boost",
        "ApprovalStatus": "APPROVED",
        "PlanIntent": "CURATIVE",
        "Manufacturer": "TPS maker",
        "SoftwareVersions": ["1.0", "b2"],
        "TreatmentSite": "Left  Breast",
        "ReferringPhysicianName": "Smith^J",
        "PatientSetupSequence": [item(PatientPosition="HFS"), item(PatientPosition="HFS")],
        "ReferencedStructureSetSequence": [item(ReferencedSOPInstanceUID="1.8")],
    }
    row = extract(plan([beam(1, points(0, 0))], [], **elements)).plan
    assert (row["name"], row["approval_status"], row["intent"]) == ("Boost", "APPROVED", "CURATIVE")
    assert (row["manufacturer"], row["software_version"], row["physician"]) == (
        "TPS maker",
        "1.0\\b2",
        "Smith^J",
    )
    assert (row["treatment_site"], row["treatment_site_key"]) == ("Left  Breast", "left breast")
    assert (row["patient_position"], row["structure_set_uid"], row["machines"]) == ("HFS", "1.8", "Linac1")


def test_an_ion_plan():
    spots = [
        item(NumberOfScanSpotPositions=n, NominalBeamEnergy=e, GantryAngle=90)
        for n, e in ((5, 150), (7, 130))
    ]
    layers = [point for spot in spots for point in (spot, spot)]
    for index, layer in enumerate(layers):
        layer.CumulativeMetersetWeight = index / 3
    made = beam(4, [], RadiationType="PROTON", PrimaryDosimeterUnit="NP", ScanMode="MODULATED")
    del made.ControlPointSequence
    made.IonControlPointSequence = layers
    made.NumberOfControlPoints = 4
    made.RangeShifterSequence = [item(RangeShifterID="RS40")]
    made.SnoutSequence = [item(SnoutID="S1")]
    found = extract(
        rt_object(RT_ION_PLAN, "RTPLAN", IonBeamSequence=[made], FractionGroupSequence=[group(1, {4: 3e9})])
    )
    row = found.beams[0]
    assert (row["kind"], row["mu"], row["meterset_unit"], row["scan_mode"]) == ("ion", 3e9, "NP", "MODULATED")
    assert (row["scan_spot_count"], row["range_shifter"], row["snout"]) == (12, "RS40", "S1")
    assert (row["energies"], row["energy_unit"], row["gantry_start_deg"]) == ("150\\130", "MeV/u", 90)
    assert (found.plan["kinds"], found.plan["radiation_types"], found.plan["status"]) == (
        "ion",
        "PROTON",
        "ok",
    )


def test_a_brachytherapy_plan_without_any_beam():
    dwell = [item(ControlPointIndex=0), item(ControlPointIndex=1)]
    channels = [
        item(ChannelTotalTime=t, SourceApplicatorID=a, BrachyControlPointSequence=dwell)
        for t, a in ((60, "tandem"), (30.5, "ovoid"))
    ]
    setup = item(
        ApplicationSetupNumber=1,
        ApplicationSetupType="FLETCHER_SUIT",
        TotalReferenceAirKerma="1234",
        ChannelSequence=channels,
    )
    delivered = item(ReferencedBrachyApplicationSetupNumber=1, BrachyApplicationSetupDose="7")
    groups = [
        item(
            FractionGroupNumber=1,
            NumberOfFractionsPlanned=4,
            ReferencedBrachyApplicationSetupSequence=[delivered],
        )
    ]
    elements = {
        "BrachyTreatmentTechnique": "INTRACAVITARY",
        "SourceSequence": [item(SourceIsotopeName="Ir-192")],
        "TreatmentMachineSequence": [item(TreatmentMachineName="Afterloader")],
        "ApplicationSetupSequence": [setup],
        "DoseReferenceSequence": [target(1, 28)],
    }
    found = extract(as_bytes(plan([], groups, **elements)))
    row = found.beams[0]
    assert (row["kind"], row["beam_number"], row["beam_dose_gy"]) == ("brachy", 1, 7)
    assert (row["channel_count"], row["dwell_count"], row["channel_time_s"]) == (2, None, 90.5)
    assert (row["total_reference_air_kerma_ugy"], row["applicator"]) == (1234, "tandem\\ovoid")
    assert found.fraction_groups[0]["rx_dose_per_fraction_gy"] == 7
    assert (found.plan["sources"], found.plan["machines"], found.plan["status"]) == (
        "Ir-192",
        "Afterloader",
        "ok",
    )


OPEN, ALL = [-10.0] * 4, [10.0] * 4
BORDERS = [-20, -10, 0, 10, 20]


def complexity(*shapes, weights=None, borders=BORDERS):
    made = points(*[0] * len(shapes))
    for index, (point, shape) in enumerate(zip(made, shapes, strict=True)):
        for keyword, value in mlc(*shape).items():
            setattr(point, keyword, value)
        if weights:
            point.CumulativeMetersetWeight = weights[index]
    devices = [item(RTBeamLimitingDeviceType="MLCX", NumberOfLeafJawPairs=4, LeafPositionBoundaries=borders)]
    return extract(plan([beam(1, made, BeamLimitingDeviceSequence=devices)], [group(1, {1: 80})])).beams[0][
        "complexity"
    ]


def test_complexity_of_an_open_square_is_one():
    assert complexity((OPEN, ALL), (OPEN, ALL)) == pytest.approx(1)


def test_complexity_by_hand():
    # aperture area: half of the union in the second shape; leaves in line throughout
    half = (OPEN, [0.0] * 4)
    assert complexity((OPEN, ALL), half) == pytest.approx(0.75)
    assert complexity((OPEN, ALL), half, half, weights=[0, 0.5, 1]) == pytest.approx(0.5 * 0.75 + 0.5 * 0.5)
    # left bank 0, 10, 0, 10: each step is the whole reach, so its sequence variability is 0
    assert complexity(([0.0, 10, 0, 10], [20.0] * 4), ([0.0, 10, 0, 10], [20.0] * 4)) == pytest.approx(0)
    # left bank 0, 10, 10, 10: one step of three, 1 - 10 / (3 * 10); area 50 of 20 + 3 * 10
    stepped = ([0.0, 10, 10, 10], [20.0] * 4)
    assert complexity(stepped, stepped) == pytest.approx(2 / 3)


def test_leaves_under_the_jaws_do_not_count():
    shape = ([0.0, -10, -10, 5], [0.0, 10, 10, 9], (-10, 10))
    assert complexity(shape, shape) == pytest.approx(1)


def test_no_complexity_without_leaves_or_units():
    assert extract(plan([beam(1, points(0, 0))], [group(1, {1: 80})])).beams[0]["complexity"] is None
    assert complexity((OPEN, ALL), (OPEN, ALL), weights=[0, 0]) is None
    assert complexity((OPEN[:2], ALL[:2]), (OPEN[:2], ALL[:2])) is None


def test_every_column_is_given_and_no_other():
    found = extract(plan([beam(1, points(0, 0))], [group(1, {1: 80})]))
    assert set(found.plan) == {column.name for column in TABLES["rt_plan"].columns}
    assert set(found.fraction_groups[0]) == {column.name for column in TABLES["rt_fraction_group"].columns}
    assert set(found.beams[0]) == {column.name for column in TABLES["rt_beam"].columns}


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (plan([], []), "there are no beams and no application setups"),
        (plan([beam(1, points(0, 0)), beam(1, points(0, 0))], []), "BeamNumber 1 is given 2 times"),
        (plan([beam(1, points(0, 0))], [group(1, {1: 1, 7: 1})]), "refer to beams that are not there: 7"),
        (plan([beam(1, points(0, 0), NumberOfControlPoints=9)], []), "beam 1 has 2 of 9 control points"),
        (plan([beam(None, points(0, 0))], []), "1 item(s) of BeamSequence without number"),
    ],
)
def test_what_is_wrong_is_told(made, reason):
    found = extract(made)
    assert found.plan["status"] == "warning"
    assert reason in found.plan["reason"]
    assert len({row["beam_number"] for row in found.beams}) == len(found.beams)


def test_bundled_plan():
    found = extract(get_testdata_file("rtplan.dcm"))
    assert (found.plan["status"], found.plan["label"], found.plan["rx_dose_gy"]) == ("ok", "Plan1", 30.826203)
    assert found.beams[0]["mu"] == pytest.approx(116.0036697)
    cut_off = extract(get_testdata_file("rtplan_truncated.dcm")).plan
    assert (cut_off["status"], cut_off["reason"]) == ("warning", "beam 1 has 1 of 2 control points")


@pytest.mark.skipif(not SHARED.exists(), reason="shared data are not here")
@pytest.mark.parametrize(
    "path", sorted((SHARED / "rt" / "pymedphys").glob("*.dcm")), ids=lambda path: path.name
)
def test_real_plans_have_the_monitor_units_of_their_references(path):
    found = extract(path)
    dataset = dcmread(path, force=True)
    wanted = {
        int(it.ReferencedBeamNumber): float(it.BeamMeterset)
        for it in dataset.FractionGroupSequence[0].ReferencedBeamSequence
    }
    assert {row["beam_number"]: row["mu"] for row in found.beams} == wanted
    assert found.plan["status"] == "ok"
    assert all(0 < row["complexity"] <= 1 for row in found.beams)


@pytest.mark.skipif(not SHARED.exists(), reason="shared data are not here")
@pytest.mark.parametrize(
    "path", sorted((SHARED / "broken" / "own").glob("*.dcm")), ids=lambda path: path.name
)
def test_damaged_objects_give_a_row(path):
    assert extract(path).plan["status"] == "failed"


def test_numbers_that_are_none_do_not_stop_the_rest():
    dataset = plan([beam(1, points(0, 0))], [group(1, {1: 80})])
    dataset.FractionGroupSequence[0].NumberOfFractionsPlanned = None
    dataset.BeamSequence[0].ControlPointSequence[0].GantryAngle = None
    dataset.BeamSequence[0].ControlPointSequence[1].add_new(0x300A0134, "FD", np.inf)
    found = extract(dataset)
    assert (found.plan["fractions_planned"], found.beams[0]["gantry_start_deg"]) == (None, 0)


def referring(number, fractions, *references, **elements):
    """A fraction group that refers to dose references; each a number, or a number and the group's own dose."""
    found = []
    for reference in references:
        given, *dose = reference if isinstance(reference, tuple) else (reference,)
        own = {"TargetPrescriptionDose": dose[0]} if dose else {}
        found.append(item(ReferencedDoseReferenceNumber=given, **own))
    return group(
        number,
        {1: 100},
        NumberOfFractionsPlanned=fractions,
        ReferencedDoseReferenceSequence=found,
        **elements,
    )


@pytest.mark.parametrize(
    ("targets", "groups", "dose", "fractions", "said"),
    [
        ({1: 44, 2: 16}, [(1, 22, 1), (2, 8, 2)], 60, 30, ""),
        ({1: 60}, [(1, 22, 1), (2, 8, 1)], 60, 30, ""),  # one target of both groups
        ({1: 60}, [(1, 22, (1, 44)), (2, 8, (1, 16))], 60, 30, ""),  # the groups say their part
        ({1: 50, 2: 66}, [(1, 25, 1, 2), (2, 8, 2)], 66, 33, ""),
        ({1: 60}, [(1, 22), (2, 8)], 60, 30, "the plan's is taken"),
        ({1: 44, 2: 16}, [(1, 22), (2, 8)], None, 30, "none is taken"),
        ({1: 44, 2: 16}, [(1, 22, 1), (2, 8)], None, 30, "none is taken"),
        ({1: 44, 2: 16}, [(1, 22, 1), (2, None, 2)], 60, None, "NumberOfFractionsPlanned"),
        ({1: 6000}, [(1, 30, 1)], 6000, 30, "6000 Gy: cGy written as Gy (60 Gy)"),
        ({1: 0}, [(1, 30, 1)], None, 30, ""),
        ({}, [(1, 30)], None, 30, ""),
    ],
)
def test_prescription_of_a_whole_plan(targets, groups, dose, fractions, said):
    references = [target(number, value) for number, value in targets.items()]
    made = [referring(*of_group) for of_group in groups]
    row = extract(as_bytes(plan([beam(1, points(0, 0))], made, DoseReferenceSequence=references))).plan
    assert (row["rx_dose_gy"], row["fractions_planned"]) == (dose, fractions)
    assert (row["status"] == "warning") == bool(said)
    assert said in (row["reason"] or "")


def test_a_shared_target_is_given_in_the_fractions_of_all_its_groups():
    groups = [referring(1, 22, 1), referring(2, 8, 1)]
    found = extract(plan([beam(1, points(0, 0))], groups, DoseReferenceSequence=[target(1, 60)]))
    rows = [(row["rx_source"], row["rx_dose_per_fraction_gy"]) for row in found.fraction_groups]
    assert rows == [("shared", 2), ("shared", 2)]


@pytest.mark.parametrize(
    ("positions", "weights", "dwells"),
    [
        ([0, 0, 5, 5], [0, 50, 50, 100], 2),
        ([0, 0, 5, 5, 10, 10], [0, 50, 50, 50, 50, 100], 2),  # no time at 5 mm
        ([0, 0, 0, 5, 5], [0, 20, 50, 50, 100], 2),  # three points at one place
        ([0, 0, 5, 5, 0, 0], [0, 20, 20, 50, 50, 60], 3),  # back again
        ([0, 5, 10], [10, 20, 30], 3),  # a point for each dwell
        ([7, 7], [0, 100], 1),
        ([0, 0, 5, 5], [None] * 4, 2),
        ([None] * 4, [None] * 4, None),
        ([], [], 0),
    ],
)
def test_dwells(positions, weights, dwells):
    made = [
        item(ControlPointRelativePosition=position, CumulativeTimeWeight=weight)
        for position, weight in zip(positions, weights, strict=True)
    ]
    setup = item(ApplicationSetupNumber=1, ChannelSequence=[item(BrachyControlPointSequence=made)])
    found = extract(as_bytes(plan([], [], ApplicationSetupSequence=[setup])))
    assert found.beams[0]["dwell_count"] == dwells

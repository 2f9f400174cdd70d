"""The pages under docs/learn compute what slow versions in Python do; needs node."""

import itertools
import json
import math
import random
import shutil
import subprocess

import learn_reference as slow
import numpy as np
import pytest

from avatarflow.reads.release import information
from avatarflow.reads.risk import identity

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed; install nodejs")
FILES = ("anonymity", "patients", "cone", "fundus", "reads")
AGES, POSTCODES, SEXES, DROPS = (1, 5, 10, 20, 0), (5, 3, 2, 0), (1, 0), (0, 2, 3, 4)
SETTINGS = [
    {"age": age, "postcode": postcode, "sex": sex, "drop": drop}
    for age, postcode, sex, drop in itertools.product(AGES, POSTCODES, SEXES, DROPS)
]


@pytest.fixture(scope="module")
def compute(root):
    """Return a function that evaluates an expression of the pages' logic, `input` being its data."""
    logic = root / "docs" / "learn" / "logic"
    script = "".join(f"require({json.dumps(str(logic / name))});" for name in FILES)
    script += "const input = JSON.parse(require('fs').readFileSync(0, 'utf8'));"

    def run(expression, data=None):
        program = f"{script}console.log(JSON.stringify((() => {expression})()));"
        done = subprocess.run(
            [NODE, "-e", program], input=json.dumps(data), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="module")
def levels(compute):
    return compute("Learn.patients.levels")


def assess(compute, tables):
    """Assessment and attack of every table of (rows, people) at every setting."""
    return compute(
        """input.tables.map(([rows, people]) => input.settings.map((settings) => ({
            ...Learn.anonymity.assess(rows, settings),
            attack: Learn.anonymity.attack(rows, people, settings),
        })))""",
        {"tables": tables, "settings": SETTINGS},
    )


def random_table(seed):
    draw = random.Random(seed)
    return [
        {
            "age": draw.randrange(0, 100),
            "postcode": draw.choice(["43105", "43112", "43718", "62004", "62833"]),
            "sex": draw.choice("fm"),
            "diagnosis": draw.choice(["cataract", "glaucoma", "macula"]),
        }
        for _ in range(draw.choice((1, 5, 20)))
    ]


def test_classes_diversity_information_and_linkage(compute, levels):
    tables = [(level["patients"], level["people"]) for level in levels[-2:]]
    tables += [
        (rows, [{"name": "x", **row} for row in rows]) for rows in map(random_table, range(4))
    ]
    for (rows, people), results in zip(tables, assess(compute, tables), strict=True):
        for settings, got in zip(SETTINGS, results, strict=True):
            assert got["k"] == slow.k_of(rows, settings), settings
            assert got["l"] == slow.l_of(rows, settings), settings
            assert got["leftOut"] == len(rows) - len(slow.released(rows, settings))
            linked = [(each["rows"], each["diagnosis"]) for each in got["attack"]]
            assert linked == slow.linked(rows, people, settings), settings
            assert all(each["found"] == (each["rows"] == 1) for each in got["attack"])
            if len(rows) > 1:
                assert got["kept"] == pytest.approx(slow.bits_kept(rows, settings), abs=1e-9)


def test_the_untouched_table_keeps_everything_and_the_suppressed_one_only_the_diagnosis(levels):
    rows = levels[0]["patients"]
    assert slow.bits_kept(rows, SETTINGS[0]) == pytest.approx(1)
    nothing = {"age": 0, "postcode": 0, "sex": 0, "drop": 0}
    assert 0 < slow.bits_kept(rows, nothing) < 0.3
    assert slow.k_of(rows, nothing) == len(rows) == 24


def solutions(level, drops=DROPS):
    """Settings that pass a level, by the slow versions."""
    rows, goals = level["patients"], level["goals"]
    return [
        settings
        for settings in SETTINGS
        if settings["drop"] in (drops if level["drop"] else (0,))
        and slow.k_of(rows, settings) >= goals["k"]
        and slow.l_of(rows, settings) >= goals.get("l", 0)
        and slow.bits_kept(rows, settings) >= goals["kept"]
    ]


def test_each_level_can_be_passed_and_teaches_what_its_text_says(levels, compute):
    start = compute("Learn.patients.start")
    found = {level["id"]: solutions(level) for level in levels}
    by_id = {level["id"]: level for level in levels}
    for name, settings in found.items():
        assert settings, name
        assert start not in settings, f"{name}: passed before a move"
    # large classes that are all the same: nobody is found, and diagnoses are learnt
    for settings in found["three"]:
        outcome = slow.linked(by_id["three"]["patients"], by_id["three"]["people"], settings)
        assert min(rows for rows, _ in outcome) >= 3
        assert any(diagnosis for _, diagnosis in outcome)
    assert not [each for each in found["same"] if each in found["three"]]
    for settings in found["same"]:
        outcome = slow.linked(by_id["same"]["patients"], by_id["same"]["people"], settings)
        assert not any(diagnosis for _, diagnosis in outcome)
    # the late patient needs rows to be left out
    assert not solutions(by_id["late"], drops=(0,))


def test_everybody_on_the_list_is_a_patient_of_the_table(levels):
    for level in levels:
        for person in level["people"]:
            here = {key: person[key] for key in slow.COLUMNS}
            same = [row for row in level["patients"] if here.items() <= row.items()]
            assert len(same) == 1, person


def test_risk_on_the_map(compute):
    draw = random.Random(3)
    places = [{"x": draw.uniform(0, 120), "y": draw.uniform(0, 80)} for _ in range(60)]
    mine = compute("({...Learn.cone, found: input.map((at) => Learn.cone.judge(at))})", places)
    originals, settings = mine["ORIGINALS"], mine["SETTINGS"]
    for place, got in zip(places, mine["found"], strict=True):
        assert got["risk"] == pytest.approx(slow.cone_risk(place, originals, settings), abs=1e-9)
        assert got["accepted"] == (got["risk"] > 1)
        matched = originals[got["matched"]]
        assert got["angle"] == pytest.approx(slow.distance(place, matched))
    # the rule for originals inside each other's own radius, which the map leaves out, never applies
    pairs = itertools.combinations(originals, 2)
    assert min(slow.distance(a, b) - max(a["own"], b["own"]) for a, b in pairs) > 0


def test_defaults_of_the_cone_and_of_the_reads_are_those_of_the_workflow(compute, root):
    import yaml

    schemas = root / "workflow" / "schemas"
    cone = yaml.safe_load((schemas / "privacy.schema.yaml").read_text())
    cone = cone["$defs"]["cone"]["properties"]
    mine = compute("Learn.cone.SETTINGS")
    for key, name in (("beta", "beta"), ("narrowest", "narrowest_deg"), ("widest", "widest_deg")):
        assert mine[key] == cone[name]["default"]
    reads = yaml.safe_load((schemas / "read_release.schema.yaml").read_text())["properties"]
    model = compute("Learn.reads")
    assert model["DIVERSITY"] == reads["risk"]["properties"]["diversity"]["default"]
    assert model["GATE_BITS"] == reads["gates"]["properties"]["bits_left"]["default"]
    assert model["GATE_MISSED"] == reads["gates"]["properties"]["miss_rate"]["default"]


def test_the_lonely_cone_is_wider_and_the_task_can_be_done_in_the_crowd_only(compute):
    borders = compute("""(() => { const C = Learn.cone; return [C.CROWDED, C.ALONE].map((i) =>
        C.outline(i).map((at) => [C.angle(at, C.ORIGINALS[i]), C.judge(at).risk])) })()""")
    crowded, alone = ([angle for angle, _ in border] for border in borders)
    assert max(crowded) < min(alone)
    assert all(risk <= 1 + 1e-6 for border in borders for _, risk in border)
    near = compute("""(() => { const near = new Set(); for (let x = 0; x <= 120; x += 1)
        for (let y = 0; y <= 80; y += 1) { const got = Learn.cone.judge({ x, y });
        if (got.accepted && got.angle < 9) near.add(got.matched); } return [...near]; })()""")
    assert near
    assert not {9, 10, 11} & set(near)  # the originals outside the crowd


def test_fingerprint_and_keypoints_fail_on_different_copies(compute):
    got = compute("""(() => { const F = Learn.fundus; const eyes = Learn.cone.ORIGINALS.map(F.eye);
        return Object.fromEntries(Object.keys(F.ALTERATIONS).map((name) =>
            [name, F.evidence(eyes[0], eyes.slice(1), name)])); })()""")
    assert got["none"]["angle"] == pytest.approx(0, abs=1e-4)
    assert got["none"]["found"] == got["none"]["of"]
    for name in ("turned", "covered", "cut"):
        assert got[name]["angle"] > got[name]["other"]
        assert got[name]["recognised"], name
    assert got["noise"]["angle"] < got["noise"]["other"]
    assert not got["noise"]["recognised"]


@pytest.mark.parametrize("people", [2000, 1_000_000])
def test_bits_of_reads(compute, people):
    base = compute("Learn.reads.bitsPerBase(input)", people)
    assert base == pytest.approx(slow.bits_per_base(people, 0.001), rel=1e-5)
    layout = information.Layout(150, False, 350, 0, 0)
    drawn = information.from_spectrum(0.001, people, layout, np.random.default_rng(1), 200_000)
    spread = drawn.bits.std() / math.sqrt(drawn.bits.size)
    assert compute("Learn.reads.bits(1, 150, input)", people) == pytest.approx(
        drawn.mean, abs=4 * spread
    )


def test_what_bits_mean_is_what_the_workflow_says(compute):
    cases = [
        (bits, people) for bits in (0, 0.5, 8, 24.2, 900) for people in (1, 2, 2000, 80_000_000)
    ]
    got = compute(
        """input.map(([bits, people]) => [Learn.reads.candidates(bits, people),
            Learn.reads.posterior(bits, people), Learn.reads.bitsToSingleOut(people)])""",
        cases,
    )
    for (bits, people), (left, posterior, needed) in zip(cases, got, strict=True):
        nats = bits * math.log(2)
        assert left == pytest.approx(identity.anonymity_set(nats, people))
        assert posterior == pytest.approx(identity.posterior(nats, people))
        assert needed == pytest.approx(identity.bits_to_single_out(people))
    assert compute("Learn.reads.SINGLED_OUT") == identity.SINGLED_OUT


def test_informative_variants_and_numbers_of_reads(compute):
    expected = 100 * 150 * 0.001 * math.log(99)
    assert compute("Learn.reads.variants(100, 150)") == pytest.approx(expected)
    needed = compute("Learn.reads.readsToSingleOut(150, 1000000)")
    bits = compute(
        "[Learn.reads.bits(input, 150, 1000000), Learn.reads.bits(input - 1, 150, 1000000)]", needed
    )
    assert bits[0] >= identity.bits_to_single_out(1_000_000) > bits[1]
    most = compute("Learn.reads.readsWithin(8, 150, 1000000)")
    bits = compute(
        "[Learn.reads.bits(input, 150, 1000000), Learn.reads.bits(input + 1, 150, 1000000)]", most
    )
    assert bits[0] <= 8 < bits[1]

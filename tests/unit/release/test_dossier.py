"""The dossier: every number from a file, two languages that say the same, refusals, and what a layman is told first."""

import re
import shutil

import pytest
from dossier_files import (
    FIGURES,
    FOUND,
    NOT_RUN,
    OPEN,
    READ_SETTINGS,
    ROWS,
    THRESHOLDS,
    attack,
    pages_of,
    plain,
    read_pages_of,
)

from avatarflow.core.outcomes import FAIL, INCONCLUSIVE, PASS
from avatarflow.core.statistics import Estimate
from avatarflow.privacy.attacks.names import ON_MODEL
from avatarflow.privacy.attacks.on_pictures.registry import DATA_ATTACKS
from avatarflow.reads.release import gates as read_gates
from avatarflow.release.dossier.attacks import ON_GENERATOR, RISKS, answer
from avatarflow.release.dossier.common import FORMS, LAW, asks_nothing
from avatarflow.release.dossier.numbers import Sources, formatted
from avatarflow.release.dossier.texts import LANGUAGES, PIECE, placeholders, table
from avatarflow.release.gates import rules as picture_gates
from dossier_check import Page, problems

# --- numbers


@pytest.fixture(params=["pictures", "reads"])
def wing(request):
    return {"pictures": pages_of, "reads": read_pages_of}[request.param]


def test_every_number_goes_back_to_its_file(wing, tmp_path):
    for language, text in wing(tmp_path).items():
        assert problems(text, tmp_path) == [], language
        assert len(Page(text).numbers) > 20


def test_both_languages_show_the_same_numbers_in_the_same_order(wing, tmp_path):
    pages = [Page(text) for text in wing(tmp_path).values()]
    assert pages[0].numbers != pages[1].numbers  # decimal comma and point
    assert len({tuple(number[:2] for number in page.numbers) for page in pages}) == 1


def test_every_planted_wrong_number_is_seen(wing, tmp_path):
    text = wing(tmp_path)["de"]
    number = re.compile(r'(<data [^>]*data-source="[^"]*">)([^<]*\d[^<]*)(</data>)')

    def wrong(match):
        changed = re.sub(r"\d", lambda digit: str((int(digit[0]) + 1) % 10), match[2], count=1)
        return match[1] + changed + match[3]

    count = len(number.findall(text))
    assert count > 20
    assert len(problems(number.sub(wrong, text), tmp_path)) == count
    assert len(problems(number.sub(wrong, text, count=1), tmp_path)) == 1


def test_a_number_without_a_file_and_a_foreign_certificate_are_seen(wing, tmp_path):
    text = wing(tmp_path)["en"]
    assert problems(text.replace("</main>", "<p>99 of 100</p></main>"), tmp_path)
    assert problems(text.replace("</main>", "<cite>99 of 100</cite></main>"), tmp_path)
    assert problems(text.replace("</main>", "<code>99 of 100</code></main>"), tmp_path)
    digest = Page(text).digests[0][1]
    assert problems(text.replace(digest, digest[::-1]), tmp_path)


@pytest.mark.parametrize(
    ("value", "form", "german"),
    [
        (0.16667, "percent", "16,7\u00a0%"), (0.99997, "percent", "99,997\u00a0%"), (1.0, "percent", "100\u00a0%"),
        (0.00003, "percent", "0,003\u00a0%"), (1234567, "count", "1.234.567"), (0.000012345, "plain", "0,00001234"),
        (1234.5, "plain", "1.234"), (7.9, "plain", "7,9"), (0.0, "percent", "0\u00a0%"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_the_language_writes_them(value, form, german):
    assert formatted(value, form, "de") == german
    assert formatted(value, form, "en") == german.translate({ord(","): ".", ord("."): ","})


def test_a_text_where_a_number_should_be_is_refused():
    from avatarflow.core.errors import AvatarflowError

    with pytest.raises(
        AvatarflowError, match=r"dossier, a[.]json#/n: not a number; make the release"
    ):
        Sources({"a.json": {"n": "12"}}).number("a.json", "/n")


# --- texts


def test_both_tables_have_the_same_keys_and_placeholders():
    german, english = table("de"), table("en")
    assert list(german) == list(english)
    assert {key: placeholders(text) for key, text in german.items()} == {
        key: placeholders(text) for key, text in english.items()
    }
    assert all(
        german[key] != english[key] for key in german if key.startswith(("gate.", "danger."))
    )


def test_a_number_in_a_text_is_marked_as_fixed():
    for language in LANGUAGES:
        for key, text in table(language).items():
            assert not re.search(r"\d", PIECE.sub("", text)), key


def test_every_gate_attack_article_and_outcome_has_its_texts():
    keys = set(table("de"))
    rules = {**picture_gates.RULES, **read_gates.RULES}
    assert set(FORMS) == set(rules)
    assert {f"unit.{rule.unit.n}" for rule in rules.values()} <= keys
    off = {f"gates.switched_off.{name}" for name, rule in rules.items() if rule.off is not None}
    assert off == {key for key in keys if key.startswith("gates.switched_off.")}
    assert all(f"gate.{name}" in keys for name in set(rules) - {"missed_patients"})
    assert {f"attack.{name}" for name in [*DATA_ATTACKS, *ON_MODEL]} <= keys
    assert set(ON_GENERATOR) == set(ON_MODEL)
    assert {name for names in RISKS.values() for name in names} | {"extraction"} == set(
        DATA_ATTACKS
    )
    for wing, names in LAW.items():
        wanted = {f"law.{name}.{part}" for name in names for part in ("article", "about")}
        assert wanted | {f"law.{name}.here.{wing}" for name in names} <= keys
    for prefix in ("result", "conclusion", "model"):
        assert {f"{prefix}.{outcome}" for outcome in (PASS, FAIL, INCONCLUSIVE)} <= keys


def test_no_text_is_left_over(root):
    package = root / "workflow/scripts/avatarflow/release/dossier"
    files = [*package.glob("*.py"), root / "workflow/report/templates/dossier/page.html.j2"]
    code = "\n".join(path.read_text() for path in files)
    named = re.findall(r'"([a-z][^"\n]*)"', code)
    used = [re.sub(r"\\{[^}]*\\}", r"[\\w.]+", re.escape(name)) for name in named]
    for key in table("de"):
        assert any(re.fullmatch(pattern, key) for pattern in used), key


# --- what is said


def test_a_passing_release_says_yes_and_a_refused_one_no_and_why(tmp_path):
    assert "checks of the configuration: yes." in pages_of(tmp_path)["en"]
    for figure, thresholds, reason in (
        (Estimate(0.1, 0.05, 0.3, 60), THRESHOLDS, "does not keep the threshold"),
        (Estimate.missing(), THRESHOLDS, "could not be judged"),
    ):
        figures = {**FIGURES, "missed_patients.test": figure}
        text = pages_of(tmp_path, figures=figures, thresholds=thresholds)["en"]
        assert "published? No." in text
        assert "yes." not in text
        assert reason in text
        assert problems(text, tmp_path) == []
    assert "nicht gemessen" in pages_of(tmp_path, figures=figures)["de"]


@pytest.mark.parametrize(
    "figures",
    [
        {},
        {"agreement": Estimate.exact(1.0, 9), "released_count.all": Estimate.exact(9, 9)},
        {"missed_patients.test": Estimate(0.0, None, None, 3)},
    ],
    ids=["nothing measured", "no conditions", "no interval"],
)
def test_whatever_is_missing_there_is_a_dossier(tmp_path, figures):
    pages = pages_of(tmp_path, figures=figures, rows=[])
    for text in pages.values():
        assert problems(text, tmp_path) == []
    assert "published? No." in pages["en"]
    assert "{" not in Page(pages["en"]).rest


def test_a_refused_release_of_reads_has_a_dossier_even_without_an_estimate(tmp_path):
    nothing = {"value": None, "low": None, "high": None, "n": 0}
    found = {**FOUND, "bits": nothing, "undetected": nothing, "miss_rate": nothing}
    found.pop("anonymity_set")
    text = read_pages_of(tmp_path, found)["en"]
    assert "published? No." in text
    assert "could not be estimated" in text
    assert "not measured bits" not in text
    assert problems(text, tmp_path) == []


def test_thresholds_that_protect_nobody_are_no_yes(tmp_path):
    text = pages_of(tmp_path, thresholds={**THRESHOLDS, "missed_patients": 1.0})["en"]
    assert "Not on the ground of this run" in text
    assert "yes." not in text
    idle = pages_of(tmp_path, thresholds={**THRESHOLDS, "coverage_ratio": 0.0})["en"]
    assert "checks of the configuration: yes." in idle
    assert "checks of quality had a threshold that any figure meets" in idle
    off = pages_of(
        tmp_path,
        figures={name: each for name, each in FIGURES.items() if name != "attack_auc"},
        thresholds={**THRESHOLDS, "attack_auc": 1.0},
    )["en"]
    assert "Not on the ground of this run" in off
    assert "was switched off" in off
    assert "attack_auc was switched off" not in text
    reads = read_pages_of(tmp_path, thresholds={**READ_SETTINGS["gates"], "bits_left": 40})["en"]
    assert "Not on the ground of this run" in reads
    thresholds = {**READ_SETTINGS["gates"], "human_signs": 1}
    for found in (FOUND, nothing_shown()):
        off = read_pages_of(tmp_path, found, thresholds)["en"]
        assert "Not on the ground of this run" in off
        assert "human_signs was switched off" in off
        assert "(human_signs)" not in off


def nothing_shown():
    """A sample and spike-ins in which no fragment has a repeat of the human genome."""
    none = {"fragments": 0, "unseen": 0}
    return {**FOUND, "signs": {**FOUND["signs"], **none, "spike_ins": none}}


def test_a_check_of_nothing_is_refused_and_says_so(tmp_path):
    text = read_pages_of(tmp_path, nothing_shown())["en"]
    assert "published? No." in text
    assert "Nothing was there to measure it on" in text
    assert problems(text, tmp_path) == []


@pytest.mark.parametrize(
    ("name", "direction", "threshold", "n", "idle"),
    [
        ("specificity", "at least", 0.0, 9, True), ("specificity", "at least", 0.01, 9, False),
        ("missed_patients.test", "at most", 0.99, 9, False), ("shown_leaks", "at most", 4, 4, True),
        ("shown_leaks", "at most", 3, 4, False), ("kid_ratio", "at most", None, 9, False),
    ],
)  # fmt: skip
def test_which_thresholds_ask_nothing(name, direction, threshold, n, idle):
    gate = {"name": name, "direction": direction, "threshold": threshold, "n": n}
    assert asks_nothing(gate) is idle


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([attack("x"), attack("x", shown=True, conclusion=FAIL)], "leak"),
        ([attack("x"), attack("x", conclusion=FAIL)], "beyond"),
        ([attack("x"), attack("x")], "passed"),
        ([attack("x"), attack("x", **OPEN)], "partly"),
        ([attack("x", **OPEN)], "open"),
        ([attack("x", **NOT_RUN)], "not_run"),
        ([], "not_run"),
    ],
)
def test_what_attacks_say_together(rows, said):
    assert answer(list(enumerate(rows))) == said


def test_a_leak_is_told_under_its_risk(tmp_path):
    rows = [row for row in ROWS if row["attack"] != "attribute_inference"]
    rows += [attack("attribute_inference", shown=True, conclusion=FAIL)]
    text = pages_of(tmp_path, rows=rows)["en"]
    inference = text.partition("Inference: can")[2]
    assert "A leak was shown." in inference.partition("</table>")[0]
    assert "A leak was shown." not in text.partition("Inference: can")[0]


def test_the_worst_subgroup_is_the_lowest_and_the_vaguest_is_told_too(tmp_path):
    text = plain(pages_of(tmp_path)["en"])
    assert "Lowest measured protection: sex female." in text
    assert "Least certain protection: sex male." in text
    assert "987654" not in text  # a run's number of a person tells the officer nothing


def test_generated_originals_are_called_so(tmp_path):
    assert "belong to nobody" in pages_of(tmp_path, {"generated": True})["en"]
    assert "belong to nobody" not in pages_of(tmp_path, {"generated": False})["en"]


def test_epsilon_is_told_with_what_it_does_not_cover(tmp_path):
    private = {"epsilon": 7.96, "delta": 1e-4, "largest_advantage": 0.99, "accountant": "some"}
    pages = pages_of(tmp_path, differential_privacy=private)
    assert "(epsilon 7.96, delta 0.0001). The released pictures have no such" in plain(pages["en"])
    assert "(Epsilon 7,96, Delta 0,0001)" in plain(pages["de"])
    assert all(problems(page, tmp_path) == [] for page in pages.values())
    assert "no guarantee by differential privacy" in plain(pages_of(tmp_path)["en"])


def test_consent_is_declared_or_not_checked_and_cannot_break_the_page(tmp_path):
    assert "Not checked here." in pages_of(tmp_path)["en"]
    settings = {
        "consent": "<script>alert(1)</script> Broad consent",
        "limits": ["Only <b>one</b> camera"],
    }
    text = pages_of(tmp_path, settings)["en"]
    assert "Not checked here." not in text
    assert "copied and not checked" in text
    assert "&lt;script&gt;" in text
    assert "<script" not in text
    assert "Only &lt;b&gt;one" in text


def test_consent_that_was_checked_stands_with_its_counts(tmp_path):
    checked = {
        "checked": True, "text": "", "day": "2026-06-01", "until": "2026-07-01", "require": ["code 8"],
        "patients": {"expired": 3, "permit": 97},
    }  # fmt: skip
    text = pages_of(tmp_path, {"consent": "somebody says so"}, consent=checked)["en"]
    assert "somebody says so" not in text
    for part in ("2026-06-01", "2026-07-01", "code 8", "expired", "permit", "97"):
        assert part in text


def test_a_page_needs_nothing_else_and_is_the_same_again(wing, tmp_path):
    first, again = wing(tmp_path), wing(tmp_path)
    assert first == again
    for text in first.values():
        assert not re.search(r"\b(src|href|srcset)=|url\(|<script|<link|@import", text)
        assert str(tmp_path) not in text
        for part in ("summary", "gates", "risks", "model", "law", "limits", "sign"):
            assert text.count(f'<section id="{part}">') == 1


def test_nothing_is_left_half_written(tmp_path, monkeypatch):
    pages_of(tmp_path)
    shutil.rmtree(tmp_path / "dossier")
    monkeypatch.setitem(table("en"), "sign.tied", "no placeholder")
    with pytest.raises(KeyError, match=r"sign[.]tied"):
        pages_of(tmp_path)
    assert not (tmp_path / "dossier").exists()

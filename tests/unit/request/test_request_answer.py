"""The answer of a site: who is counted as what, what is hidden, and what is refused."""

import copy
import json
from pathlib import Path

import pytest
import yaml
from fhir_server import serving
from request_files import CANARY, DAY, UNTIL, asking, requester, site

from avatarflow.config.loading import load
from avatarflow.core.errors import AvatarflowError
from avatarflow.request.answer import PERMITTED, answer, count, read_request, site_entry
from avatarflow.request.command import main, write_answer, write_request
from avatarflow.request.content import digest_of

WOMAN, MAN = ("female", "lr"), ("male", "lr")
SIDES = {"l": "left", "r": "right"}


def people(n, who=WOMAN, age=60, given=None):
    sex, sides = who
    return [(sex, [SIDES[side] for side in sides], age, given)] * n


def asked(tmp_path, **changes):
    return write_request(asking(**changes), "eyes", tmp_path / "sent") / "request.json"


def counted(tmp_path, patients, **changes):
    request = read_request(asked(tmp_path, **changes))
    entry = site_entry(site(tmp_path, patients), request)
    return request, count(entry, None, DAY)


def test_patients_are_counted_once_by_what_they_permit(tmp_path):
    found = counted(
        tmp_path,
        [
            *people(7, given={}),
            *people(6, MAN, given={"kind": "deny"}),
            *people(5, given={"end": "2025-01-01"}),
            *people(3, given={"end": "2027-01-01"}),
            *people(2, given={"status": "inactive"}),
            *people(4),
            *people(9, age=49, given={}),
            *people(1, ("diverse", "l"), given={}),
        ],
    )[1]
    assert +found.by_outcome == {
        PERMITTED: 7,
        "deny": 6,
        "expired": 8,
        "inactive": 2,
        "no consent": 4,
        "no picture with usable labels": 1,
    }
    assert found.pictures[PERMITTED] == 14
    assert found.columns["side"] == {"left": 0, "right": 0, "several values": 7, "no value": 0}
    assert found.columns["sex"] == {"female": 7, "male": 0, "several values": 0, "no value": 0}


def test_columns_divide_the_permitted_patients(tmp_path):
    patients = [
        *people(3, ("female", "l"), given={}),
        *people(4, ("", "r"), given={}),
        *people(5, MAN, given={}),
        *people(9, MAN, given={"kind": "deny"}),
    ]
    found = counted(tmp_path, patients)[1]
    assert found.columns["sex"] == {"female": 3, "male": 5, "several values": 0, "no value": 4}
    assert found.columns["side"] == {"left": 3, "right": 4, "several values": 5, "no value": 0}


def test_the_answer_names_the_request_and_hides_small_counts(tmp_path):
    request, found = counted(
        tmp_path,
        [
            *people(26, given={}),
            *people(6, MAN, given={"kind": "deny"}),
            *people(4, given={"status": "inactive"}),
        ],
    )
    given = answer(request, found, DAY, 5)
    assert given["request"] == {"name": "eyes", "digest": request["digest"]}
    patients, pictures = given["patients"], given["pictures"]
    assert patients[PERMITTED] == 30
    shown = {name: one for name, one in patients["refused"].items() if one != "fewer than 5"}
    assert shown == {"deny": 10}
    # nothing is counted anew: 26 to 30 and 6 to 10, and nine times 0 to 4
    assert patients["matching"] == {"at_least": 32, "at_most": 76}
    assert pictures[PERMITTED] == 55
    assert pictures["refused"]["deny"] == 15
    # eight pictures of four patients
    assert pictures["refused"]["inactive"] == "fewer than 5"
    assert given["permitted_patients_by_condition"]["sex"]["female"] == 30


def test_reasons_are_listed_whether_anybody_has_them_or_not(tmp_path):
    request, found = counted(tmp_path, people(20, given={}))
    given = answer(request, found, DAY, 5)
    assert set(given["patients"]["refused"].values()) == {"fewer than 5"}
    assert len(given["patients"]["refused"]) == 10


def test_a_column_that_would_tell_a_small_count_is_withheld(tmp_path):
    patients = [*people(20, given={}), *people(4, MAN, given={})]
    request, found = counted(tmp_path, patients, conditions={"sex": ["female", "male"]})
    # 24 patients, 20 women, and three small counts, of which two are nought
    assert answer(request, found, DAY, 5)["permitted_patients_by_condition"]["sex"] != "withheld"
    few = [*people(4, given={})]
    (tmp_path / "few").mkdir()
    request, found = counted(tmp_path / "few", few)
    columns = answer(request, found, DAY, 5)["permitted_patients_by_condition"]
    assert set(columns.values()) == {"withheld"}


def test_a_larger_threshold_hides_more_and_a_small_one_is_refused(tmp_path):
    request, found = counted(tmp_path, people(8, given={}))
    assert answer(request, found, DAY, 10)["patients"][PERMITTED] == "fewer than 10"
    for threshold in (2, 0, -5):
        with pytest.raises(AvatarflowError, match=r"threshold: found .+; give 3 or more"):
            answer(request, found, DAY, threshold)


def test_the_day_of_the_picture_is_asked_for_where_the_request_does(tmp_path):
    request = read_request(asked(tmp_path, consent={"until": UNTIL, "acquired_column": "taken"}))
    config = site(tmp_path, people(6, given={}))
    with pytest.raises(AvatarflowError, match=r"consent\.acquired_column: the day of the picture"):
        site_entry(config, request)


def test_no_identifier_or_path_is_in_an_answer(tmp_path, caplog, capsys):
    caplog.set_level("DEBUG")
    file = asked(tmp_path)
    config = site(tmp_path, [*people(9, given={}), *people(2, MAN, given={"kind": "deny"})])
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(config))
    arguments = ["--config", str(tmp_path / "site.yaml"), "--request", str(file)]
    # the folder has the canary's name, too
    assert main(["answer", *arguments, "--out", str(tmp_path / "out")]) == 0
    target, line = write_answer(config, str(file), tmp_path / "answers", DAY, 5)
    written = target.read_text() + line + caplog.text + "".join(capsys.readouterr())
    assert CANARY not in written
    assert json.loads(target.read_text())["text"] == line
    assert str(tmp_path) not in target.read_text() + line


def test_consents_on_a_fhir_server_are_counted_as_those_in_files_and_not_kept(tmp_path):
    file = asked(tmp_path)
    config = site(tmp_path, [*people(9, given={}), *people(6, MAN, given={"kind": "deny"})])
    in_files, _ = write_answer(config, str(file), tmp_path / "files", DAY, 5)
    section = config["releases"]["eyes"]["consent"]
    lines = Path(section.pop("files")[0]).read_text().splitlines()
    consents = [json.loads(line) | {"id": f"c{n}"} for n, line in enumerate(lines)]
    with serving(*consents) as host:
        section |= {"server": "gics", "searches": ["Consent"]}
        config |= {"network_access": True, "fhir_servers": {"gics": {"url": host.url}}}
        target, _ = write_answer(config, str(file), tmp_path / "server", DAY, 5)
    assert target.read_text() == in_files.read_text()
    assert [path.name for path in target.parent.iterdir()] == ["answer.json"]


def test_no_picture_is_needed(tmp_path):
    # the site of these tests has none at all
    assert counted(tmp_path, people(6, given={}))[1].by_outcome[PERMITTED] == 6


# --- what is refused


def altered(file, change):
    content = json.loads(file.read_text())
    change(content)
    content["digest"] = digest_of(content)
    file.write_text(json.dumps(content))
    return file


@pytest.mark.parametrize(
    "change",
    [
        lambda asked: asked["source"].update(manifest="/etc/passwd"),
        lambda asked: asked.update(withdrawn=None),
        lambda asked: asked["consent"].update(files=["other.ndjson"]),
        lambda asked: asked["consent"].pop("require"),
        lambda asked: asked["consent"].update(until=None),
        lambda asked: asked.update(source={"fhir": {"diagnoses": {}, "files": ["x"]}}),
        lambda asked: asked.update(consent="none"),
    ],
)
def test_a_request_sets_nothing_else_at_a_site(tmp_path, change):
    file = altered(asked(tmp_path), lambda content: change(content["asked"]))
    with pytest.raises(AvatarflowError, match="asks for other keys than a request may set"):
        read_request(file)


def test_a_request_that_was_changed_is_refused(tmp_path):
    file = asked(tmp_path)
    file.write_text(file.read_text().replace("age >= 50", "age >= 5"))
    with pytest.raises(AvatarflowError, match="request: changed after it was written; ask"):
        read_request(file)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1, "a": 2}', "{}", '{"resourceType": "X"}'])
def test_what_is_no_request_is_refused(tmp_path, text):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(AvatarflowError, match=r"^request: .+; .+"):
        read_request(tmp_path / "r.json")


@pytest.mark.parametrize("name", ["../x", "", "a b", 7])
def test_a_name_that_is_a_path_is_refused(tmp_path, name):
    file = altered(asked(tmp_path), lambda content: content.update(name=name))
    with pytest.raises(AvatarflowError, match="a name that is none"):
        read_request(file)


def test_a_filter_that_names_a_patient_of_the_site_is_refused(tmp_path):
    def ask(content):
        content["asked"]["row_filter"] = f"patient = '{CANARY}-1'"

    request = read_request(altered(asked(tmp_path), ask))
    with pytest.raises(AvatarflowError, match="row_filter: it names 'patient'") as error:
        site_entry(site(tmp_path, people(6, given={})), request)
    assert CANARY not in str(error.value)


def test_a_site_without_consents_or_with_more_of_its_own_is_refused_at_once(tmp_path):
    request = read_request(asked(tmp_path))
    config = site(tmp_path, people(6, given={}))
    entry = config["releases"]["eyes"]
    entry["consent"].pop("files")
    entry["conditions"] = {"device": ["a", "b"]}
    with pytest.raises(AvatarflowError) as error:
        site_entry(config, request)
    lines = str(error.value).splitlines()
    assert [line.split(": ")[0] for line in lines] == [
        "config releases.eyes.conditions",
        "config releases.eyes.consent.files",
    ]


def test_a_site_without_an_entry_of_that_name_is_told(tmp_path):
    request = read_request(asked(tmp_path))
    for config in ({"releases": {"other": {}}}, {}, {"releases": None}):
        with pytest.raises(AvatarflowError, match="no entry 'eyes'; give your entry"):
            site_entry(config, request)


def test_a_request_for_diagnoses_needs_the_sites_fhir_files(tmp_path):
    file = write_request(requester(), "eyes", tmp_path / "sent") / "request.json"
    config = site(tmp_path, people(6, given={}))
    config["releases"]["eyes"]["consent"]["acquired_column"] = "taken"
    with pytest.raises(AvatarflowError, match=r"source\.fhir: found neither files nor a server"):
        site_entry(config, read_request(file))


def test_the_entry_of_the_answer_is_that_of_the_run(tmp_path):
    """`asked.yaml` behind the site's own file makes the same entry as the answer counts."""
    file = asked(tmp_path)
    config = site(tmp_path, people(6, given={}))
    over = yaml.safe_load((file.parent / "asked.yaml").read_text())
    from snakemake.utils import update_config

    merged = copy.deepcopy(config)
    update_config(merged, over)
    assert load(merged)["releases"]["eyes"] == site_entry(config, read_request(file))

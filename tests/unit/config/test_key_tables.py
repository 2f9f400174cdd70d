"""The key tables of config/README.md: what keys share stands once, and every link to it leads there."""

import re
from collections import Counter

from avatarflow.config import docs

TABLES = docs.tables()
SECTIONS = dict(re.findall(r"^#{2,3} (.*)\n((?:(?!#{2,3} ).*\n?)*)", TABLES, re.MULTILINE))


def keys(section):
    return re.findall(r"^\| `([^`]+)` \|", SECTIONS[section], re.MULTILINE)


def test_every_link_leads_to_a_block_and_every_block_is_linked_from_more_than_one_key():
    links = Counter(re.findall(r"\[block `(\w+)`\]\(#block-\1\)", TABLES))
    assert set(links) == {title.split("`")[1] for title in SECTIONS if title.startswith("Block ")}
    assert {"fingerprint", "cone", "limits", "split", "training"} <= set(links)
    assert min(links.values()) > 1


def test_the_keys_of_a_shared_block_stand_in_its_table_only():
    assert "fewest_persons" in keys("Block `cone`")
    for entry in ("One entry of `releases`", "One entry of `audits`"):
        assert "cone" in keys(entry)
        assert not [key for key in keys(entry) if key.startswith("cone.")]


def test_no_table_has_a_key_twice():
    for section in SECTIONS:
        assert len(keys(section)) == len(set(keys(section))), section


def test_a_default_of_the_key_itself_stands_in_its_row():
    row = next(
        line
        for line in SECTIONS["One entry of `audits`"].splitlines()
        if line.startswith("| `split` |")
    )
    assert '"heldout": 0.0' in row

"""The removal tools there are, and what is wrong with a user's own."""

import copy

import pytest

from avatarflow.config import loading
from avatarflow.core.errors import AvatarflowError
from avatarflow.reads.removal.catalogue import command_for, index_owner, shipped_tools

OWN = {
    "needs": ["x"],
    "index": "x {host} {index}",
    "remove": {"pairs": "x {reads1} {reads2} > {answer}"},
    "verdicts": {"format": "sam"},
}


def loaded(tool=None, choice=("own", "default")):
    own = {} if tool is None else {"own": tool}
    tools = [{"tool": choice[0], "setting": choice[1]}]
    return loading.load({"removal_tools": own, "read_benchmarks": {"b": {"tools": tools}}})


def changed(path, value):
    tool = copy.deepcopy(OWN)
    *parents, last = path.split(".")
    part = tool
    for key in parents:
        part = part[key]
    part[last] = value
    return tool


def test_a_tool_is_added_by_one_entry_and_beside_the_shipped_ones():
    tools = loaded(OWN)["removal_tools"]
    assert tools["own"]["settings"] == {"default": {"index": "", "remove": "", "pairs": None}}
    assert set(shipped_tools()) < set(tools)
    assert {
        "minimap2",
        "bowtie2",
        "bwa",
        "hisat2",
        "snap",
        "kraken2",
        "centrifuge",
        "bbduk",
        "hostile",
    } < set(tools)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("index", "x {hots}", r"removal_tools.own.index: unknown \{hots\}; use host"),
        ("index", "x {reads1}", r"unknown \{reads1\}"),
        (
            "remove.pairs",
            "x {reads1",
            "removal_tools.own.remove.pairs: .*; write a literal brace twice",
        ),
        ("remove.pairs", "x {reads1}", "it writes no {answer}"),
        ("remove.pairs", None, "removal_tools.own.remove: no command"),
        ("version", "x | awk '{print $1}'", "removal_tools.own.version: unknown"),
        (
            "verdicts.format",
            "bam",
            "removal_tools.own.verdicts.format: found 'bam'; use one of sam",
        ),
        ("verdict", "sam", "unknown key 'verdict'"),
    ],
)
def test_refuses_a_declaration_that_cannot_work(path, value, message):
    with pytest.raises(AvatarflowError, match=message):
        loaded(changed(path, value))


def test_refuses_a_tool_or_setting_that_nobody_declared():
    with pytest.raises(
        AvatarflowError,
        match=r"read_benchmarks.b.tools: unknown own default; take some of .*bwa mem",
    ):
        loaded()
    with pytest.raises(AvatarflowError, match="unknown bwa mme"):
        loaded(choice=("bwa", "mme"))


def test_settings_share_an_index_when_its_options_are_equal():
    kraken = loaded(OWN)["removal_tools"]["kraken2"]
    assert index_owner(kraken, "confidence-0.1") == "default"
    assert index_owner(kraken, "unmasked") == "unmasked"


def test_single_reads_and_pairs_have_their_own_commands():
    bowtie2 = loaded(OWN)["removal_tools"]["bowtie2"]
    assert "-1 {reads1}" in command_for(bowtie2, "end-to-end", 2)
    assert "{answer2}" in command_for(bowtie2, "very-sensitive-local-unpaired", 2)
    assert "-U {reads1} -S {answer}" in command_for(bowtie2, "very-sensitive-local-unpaired", 1)
    assert command_for(loaded(OWN)["removal_tools"]["own"], "default", 1) is None

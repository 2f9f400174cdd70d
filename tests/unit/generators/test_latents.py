"""Latents that are not all held: the same as all of them in memory, values and layout."""

import tracemalloc

import numpy as np
import pytest
import torch
from watched import Watched

from avatarflow.generators import codec as codecs
from avatarflow.generators.training.latents import Encoded, latents_of
from avatarflow.imaging.spool import Spool


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 256, (150, 16, 16, 3), np.uint8)


@pytest.mark.parametrize("name", ["pixel", "blocks"])
def test_a_batch_is_that_of_all_latents_and_no_more_is_read(pictures, name):
    codec = codecs.pixel() if name == "pixel" else codecs.blocks(pictures, 12)
    whole = torch.cat([codecs.encode(codec, batch) for batch in codecs.batches(pictures)])
    watched = Watched(pictures)
    latents = latents_of(codec, watched)
    rows = torch.tensor([149, 3, 3, 80])
    assert torch.equal(latents[rows], whole[rows])
    assert latents[rows].stride() == whole[rows].stride()  # a network rounds by the layout
    assert max(watched.asked) <= 64


def test_plain_latents_stay_plain():
    blocks = torch.arange(24.0).reshape(4, 2, 1, 3).split(3)
    latents = Encoded(blocks, None)
    assert latents[torch.tensor([3])].tolist() == [[[[18, 19, 20]], [[21, 22, 23]]]]
    with pytest.raises(IndexError):
        Encoded([], None)[torch.tensor([0])]


def test_patterns_are_taken_from_each_kth_block_of_all_pictures(monkeypatch, pictures):
    monkeypatch.setattr(codecs, "SAMPLE", 340)
    cut = pictures.reshape(150, 4, 2, 2, 4, 2, 2, 3)
    rows = cut.transpose(0, 1, 4, 7, 3, 6, 2, 5).reshape(-1, 48)
    watched = Watched(pictures)
    mean, patterns, _ = codecs.principal(watched, 6)
    assert set(watched.asked) == {1}
    values = rows[::7] / 127.5 - 1.0  # 2400 blocks over 340
    np.testing.assert_array_equal(mean, values.mean(0))
    np.testing.assert_array_equal(patterns, codecs.principal(pictures, 6)[1])
    power = np.linalg.eigvalsh(np.cov(values - mean, rowvar=False))[::-1][:6]
    np.testing.assert_allclose(np.var((values - mean) @ patterns.T, 0, ddof=1), power)


def test_of_pictures_on_disk_no_more_than_the_blocks_are_held(monkeypatch):
    monkeypatch.setattr(codecs, "SAMPLE", 340)
    spool = Spool(None, 64)
    spool.extend(np.random.default_rng(0).integers(0, 256, (200, 64, 64, 3), np.uint8))
    tracemalloc.start()
    codecs.principal(spool, 6)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < spool[:].nbytes / 2

"""Foreign pictures: right pixels from every format, nothing but pixels, and a plain reason for every refusal."""

import io
import os
import struct
import warnings
import zlib

import cv2
import numpy as np
import pydicom
import pytest
import tifffile
from foreign_pictures import (
    CANARY,
    chunk,
    dicom,
    jpeg_in_dicom,
    jpeg_of,
    jpeg_tiles,
    png,
    profile_of,
    reason,
    saved,
    subsampled_tiff,
)
from PIL import Image, TiffImagePlugin, TiffTags
from PIL.PngImagePlugin import PngInfo
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000Lossless,
)

from avatarflow.imaging.formats.png_checks import ADAM7
from avatarflow.imaging.io import FITS, read_picture, resize_square
from avatarflow.imaging.picture_checks import Limits, PictureError, shows_nothing


@pytest.mark.parametrize(
    ("kind", "near"), [("PNG", 0), ("BMP", 0), ("TIFF", 0), ("JPEG", 6), ("WEBP", 8)]
)
def test_formats_by_content_not_by_name(tmp_path, scene, kind, near):
    path = saved(tmp_path / "picture.xyz", Image.fromarray(scene), format=kind)
    pixels, info = read_picture(path)
    assert pixels.shape == scene.shape
    assert np.abs(pixels.astype(int) - scene).mean() <= near
    assert info == {"format": kind, "gray": False, "bits": 8, "width": 60, "height": 40}


def test_gray_palette_and_transparency_become_rgb(tmp_path, scene):
    gray = Image.fromarray(scene[..., 0])
    pixels, info = read_picture(saved(tmp_path / "gray.png", gray))
    assert np.array_equal(pixels, np.repeat(scene[..., :1], 3, axis=2))
    assert info["gray"]
    palette = Image.fromarray(scene).quantize(16)
    assert np.array_equal(
        read_picture(saved(tmp_path / "palette.png", palette))[0],
        np.asarray(palette.convert("RGB")),
    )
    clear = np.dstack([scene, np.full((40, 60), 255, np.uint8)])
    clear[:20, :, 3] = 0
    pixels, _ = read_picture(saved(tmp_path / "clear.png", Image.fromarray(clear)))
    assert not pixels[:20].any()
    assert np.array_equal(pixels[20:], scene[20:])


@pytest.mark.parametrize(
    ("top", "expected"), [(65535, 255), (32768, 128), (4095, 255), (2048, 128)]
)
def test_sixteen_bits_are_scaled_from_sixteen_or_twelve(tmp_path, top, expected):
    values = np.zeros((40, 40), np.uint16)
    values[20:] = top
    for name in ("a.png", "a.tif"):
        pixels, info = read_picture(saved(tmp_path / name, Image.fromarray(values)))
        assert (pixels[20:] == expected).all()
        assert not pixels[:20].any()
        assert info["bits"] == 16


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_and_exif_does_not_come_along(tmp_path, scene, orientation):
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = orientation, CANARY
    path = saved(tmp_path / "turned.png", Image.fromarray(scene), exif=exif)
    assert CANARY.encode() in path.read_bytes()
    with Image.open(path) as image:
        expected = np.asarray(
            {
                1: lambda: image,
                2: lambda: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
                3: lambda: image.rotate(180),
                4: lambda: image.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
                5: lambda: image.transpose(Image.Transpose.TRANSPOSE),
                6: lambda: image.rotate(-90, expand=True),
                7: lambda: image.transpose(Image.Transpose.TRANSVERSE),
                8: lambda: image.rotate(90, expand=True),
            }[orientation]()
        )
    pixels, info = read_picture(path)
    assert np.array_equal(pixels, expected)
    assert isinstance(pixels, np.ndarray)
    assert CANARY not in str(info)


def test_broken_exif_counts_as_none(tmp_path, scene):
    path = saved(
        tmp_path / "odd.jpg", Image.fromarray(scene), exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff"
    )
    assert read_picture(path)[0].shape == scene.shape


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "WEBP"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_truncated_files_are_refused(tmp_path, kind, share):
    noise = np.random.default_rng(1).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    path = saved(tmp_path / "cut.bin", Image.fromarray(noise), format=kind)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    assert reason(path) in ("truncated", "damaged", "not a picture")


def test_damaged_content_is_refused(tmp_path, scene):
    path = saved(tmp_path / "flipped.png", Image.fromarray(scene))
    data = bytearray(path.read_bytes())
    data[60:80] = b"\x00" * 20
    path.write_bytes(data)
    assert reason(path) in ("truncated", "damaged")


def bomb(path, width, height):
    """A small PNG file whose header promises a huge picture."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 999))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("side", [11_000, 60_000])
def test_decompression_bombs_are_refused_from_the_header(tmp_path, side):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert reason(bomb(tmp_path / "bomb.png", side, side)) == "too many pixels"


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((20, 60), "too small"),
        ((32, 32), ""),
        ((31, 31), "too small"),
        ((400, 99), "too elongated"),
        ((400, 100), ""),
        ((99, 400), "too elongated"),
        ((501, 200), "side too long"),
        ((420, 420), "too many pixels"),
    ],
)
def test_limits(tmp_path, size, expected):
    limits = Limits(min_side_px=32, max_side_px=500, max_pixels=420 * 420 - 1, max_aspect=4)
    path = saved(tmp_path / "size.png", Image.new("RGB", size))
    if expected:
        assert reason(path, limits) == expected
    else:
        read_picture(path, limits)


def test_what_is_no_single_picture_is_refused(tmp_path, scene):
    text = tmp_path / "text.png"
    text.write_text("not at all")
    assert reason(text) == "not a picture"
    empty = tmp_path / "empty.jpg"
    empty.write_bytes(b"")
    assert reason(empty) == "empty file"
    assert reason(tmp_path / "missing.png") == "no such file"
    assert reason(tmp_path) == "not a file"
    pages = [Image.fromarray(scene), Image.fromarray(scene)]
    path = tmp_path / "pages.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    assert reason(path) == "more than one picture"
    assert (
        reason(saved(tmp_path / "float.tif", Image.fromarray(scene[..., 0].astype(np.float32))))
        == "unsupported pixels"
    )
    assert reason(saved(tmp_path / "big.png", pages[0]), Limits(max_bytes=10)) == "too many bytes"


def test_a_pipe_does_not_hang(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    assert reason(path) == "not a file"


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_the_depth_of_gray_is_that_of_nearly_all_pixels(tmp_path, bits):
    top = 2**bits - 1
    gray = np.linspace(0, top, 6400).reshape(80, 80).astype(np.uint16)
    expected = np.rint(gray * (255 / top))
    hot = gray.copy()
    hot[0, 0] = min(65535, top + 100)  # one pixel must not darken the picture
    for name, values in (("plain", gray), ("hot", hot)):
        pixels, _ = read_picture(saved(tmp_path / f"{name}.png", Image.fromarray(values)))
        assert np.abs(pixels[1:, :, 0] - expected[1:]).max() <= 1


def deep(path, values, photometric="rgb", **tags):
    """Colour of 16 bits, which Pillow cannot write, as TIFF or PNG."""
    if path.suffix == ".tif":
        tifffile.imwrite(path, values, photometric=photometric, **tags)
    else:
        cv2.imwrite(str(path), values[..., [2, 1, 0, 3][: values.shape[2]]])
    return path


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_the_depth_of_colour_is_that_of_nearly_all_values(tmp_path, suffix, bits):
    top = 2**bits - 1
    ramp = np.linspace(0, top, 6400).reshape(80, 80)
    values = np.stack([ramp, ramp[::-1] / 2, ramp.T / 4], axis=2).astype(np.uint16)
    pixels, info = read_picture(deep(tmp_path / f"a{suffix}", values))
    assert np.abs(pixels - values * (255 / top)).max() <= 1  # one scale for all colours
    assert (info["bits"], info["gray"]) == (16, False)


def test_deep_colour_is_turned_and_laid_on_black(tmp_path):
    values = np.zeros((60, 80, 4), np.uint16)
    values[:20, :, 0], values[..., 3] = 4095, 65535
    values[:, :40, 3] = 0
    clear = {"extrasamples": ["unassalpha"]}
    for name, tags in (("a.png", {}), ("a.tif", clear)):
        pixels, _ = read_picture(deep(tmp_path / name, values, **tags))
        assert pixels[10, 60].tolist() == [255, 0, 0]
        assert pixels[10, 20].tolist() == [0, 0, 0]
    turned = [(274, "H", 1, 6, True)]  # EXIF orientation: the top is at the right
    pixels, _ = read_picture(deep(tmp_path / "b.tif", values[..., :3].copy(), extratags=turned))
    assert pixels.shape == (80, 60, 3)
    assert pixels[40, 50].tolist() == [255, 0, 0]


def test_deep_colour_that_opencv_cannot_decode_is_refused(tmp_path):
    values = np.random.default_rng(1).integers(0, 4096, (64, 64, 3)).astype(np.uint16)
    path = deep(tmp_path / "a.tif", values, compression="zlib")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :][:40] = bytes(40)
    for cut in (len(data) // 2, len(data) - 300):
        path.write_bytes(bytes(data[:cut]))
        assert reason(path) in ("truncated", "damaged", "not a picture")


@pytest.mark.parametrize("start", [0.4, 0.6, 0.8])
def test_a_jpeg_broken_in_the_middle_is_refused(tmp_path, start):
    noise = np.random.default_rng(1).integers(0, 255, (128, 128, 3), np.uint8)
    path = saved(tmp_path / "a.jpg", Image.fromarray(noise), quality=90)
    data = bytearray(path.read_bytes())
    assert (
        read_picture(jpeg_in_dicom(tmp_path / "whole.dcm", noise, bytes(data)))[0].shape
        == noise.shape
    )
    place = int(start * len(data))
    data[place : place + 300] = bytes(300)
    path.write_bytes(data)
    assert reason(path) == "damaged"
    assert reason(jpeg_in_dicom(tmp_path / "a.dcm", noise, bytes(data))) == "damaged"
    assert (
        reason(jpeg_in_dicom(tmp_path / "a.dcm", noise, bytes(data[: place // 2]) + b"\xff\xd9"))
        == "damaged"
    )


@pytest.mark.parametrize("name", ["test", "sRGB"])
@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        ("RGB", "png"),
        ("RGB", "webp"),
        ("RGBA", "png"),
        ("P", "png"),
        ("P", "tif"),
        ("YCbCr", "tif"),
    ],
)
def test_a_colour_profile_is_applied_whatever_its_name_and_the_mode(tmp_path, name, mode, suffix):
    red = Image.new("RGB", (40, 40), (250, 10, 60)).convert(mode)
    path = saved(
        tmp_path / f"a.{suffix}", red, icc_profile=profile_of(2, 1, 0, name=name),
        **({"lossless": True} if suffix == "webp" else {}),
    )  # fmt: skip
    expected = np.asarray(red.convert("RGB"))[0, 0, ::-1].astype(int)
    assert np.abs(read_picture(path)[0][0, 0] - expected).max() < 5


def test_a_profile_of_srgb_or_a_broken_one_leaves_the_picture_as_it_is(tmp_path, scene):
    for number, profile in enumerate((profile_of(0, 1, 2), profile_of(0, 1, 2)[:100], b"x")):
        path = saved(tmp_path / f"{number}.png", Image.fromarray(scene), icc_profile=profile)
        assert np.array_equal(read_picture(path)[0], scene)


def test_a_tiff_with_a_profile_is_turned_all_the_same(tmp_path, scene):
    options = {"icc_profile": profile_of(2, 1, 0), "tiffinfo": {274: 3}}
    pixels, _ = read_picture(saved(tmp_path / "a.tif", Image.fromarray(scene), **options))
    assert np.abs(pixels.astype(int) - scene[::-1, ::-1, ::-1]).mean() < 5


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda data: data[:-12], "truncated"),
        (lambda data: data[:-1], "truncated"),
        (lambda data: data[:70] + bytes([data[70] ^ 1]) + data[71:], "damaged"),
        (lambda data: data + b"appended", ""),
    ],
)
def test_a_png_is_whole_and_as_it_was_written(tmp_path, scene, change, expected):
    path = saved(tmp_path / "a.png", Image.fromarray(scene))
    path.write_bytes(change(path.read_bytes()))
    if expected:
        assert reason(path) == expected
    else:
        assert np.array_equal(read_picture(path)[0], scene)


@pytest.mark.parametrize("passes", [((0, 0, 1, 1),), ADAM7])
@pytest.mark.parametrize(("colour_type", "kind"), [(2, "u1"), (2, ">u2"), (0, "u1"), (0, ">u2")])
def test_a_png_has_as_many_rows_as_its_header_says(tmp_path, scene, passes, colour_type, kind):
    values = (scene if colour_type == 2 else scene[..., 0]).astype(kind)
    values = values * 257 if kind == ">u2" else values
    values = values.astype(kind)  # arithmetic changes the order of bytes
    shown, _ = read_picture(png(tmp_path / "a.png", values, colour_type, passes=passes))
    assert np.array_equal(shown[..., 0], scene[..., 0])
    path = png(tmp_path / "b.png", values, colour_type, passes=passes, rows=4)
    assert reason(path) == "truncated"


def test_rows_of_a_png_are_counted_across_its_chunks(tmp_path):
    noise = np.random.default_rng(1).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    for name, picture in (("noise", noise), ("flat", np.zeros((2000, 2000, 3), np.uint8))):
        path = saved(tmp_path / f"{name}.png", Image.fromarray(picture), compress_level=9)
        assert read_picture(path)[0].shape == picture.shape


def test_an_index_beyond_the_palette_of_a_png_is_refused(tmp_path, scene):
    indices = scene[..., 0] // 16
    colours = [chunk(b"PLTE", bytes(range(3 * length))) for length in (15, 14)]
    assert read_picture(png(tmp_path / "a.png", indices, 3, colours[0]))[0].max() == 3 * 15 - 1
    assert reason(png(tmp_path / "b.png", indices, 3, colours[1])) == "damaged"


@pytest.mark.parametrize("kind", ["u1", ">u2"])
def test_the_transparent_gray_of_a_png_is_black(tmp_path, kind):
    gray = np.tile(np.array([40, 80, 120, 255], np.uint8), (40, 10))
    deep = (gray * np.array(257 if kind == ">u2" else 1, kind)).astype(kind)
    clear = chunk(b"tRNS", struct.pack(">H", int(deep[0, 1])))
    shown, _ = read_picture(png(tmp_path / "a.png", deep, 0, clear))
    assert shown[0, :4, 0].tolist() == [40, 0, 120, 255]


def test_a_progressive_jpeg_without_its_last_scans_is_refused(tmp_path, scene):
    data = jpeg_of(scene, progressive=True)
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    assert read_picture(path)[0].shape == scene.shape
    scans = [place for place in range(len(data)) if data[place : place + 2] == b"\xff\xda"]
    for scan in scans[1:]:
        path.write_bytes(data[:scan] + b"\xff\xd9")
        assert reason(path) == "truncated"


def test_jpeg_strips_and_tiles_of_a_tiff_are_checked(tmp_path):
    y, x = np.mgrid[:100, :120]
    picture = np.stack([x, y, (x * y) % 256], -1).astype(np.uint8)
    strips = saved(
        tmp_path / "s.tif", Image.fromarray(picture), compression="jpeg", tiffinfo={278: 16}
    )
    tiles, parts = jpeg_tiles(tmp_path / "t.tif", picture, 64)
    for path in (strips, tiles):
        assert np.abs(read_picture(path)[0].astype(int) - picture).mean() < 4
        data = bytearray(path.read_bytes())
        middle = len(data) // 2
        data[middle : middle + 150] = bytes(150)
        path.write_bytes(data)
        assert reason(path) == "damaged"
    cut = [*parts[:-1], parts[-1][: len(parts[-1]) // 2]]
    assert reason(jpeg_tiles(tmp_path / "c.tif", picture, 64, cut)[0]) in ("truncated", "damaged")
    huge = [jpeg_of(np.zeros((2000, 2000, 3), np.uint8)), *parts[1:]]
    path, _ = jpeg_tiles(tmp_path / "h.tif", picture, 64, huge)
    assert reason(path, Limits(max_pixels=100_000)) == "too many pixels"


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.float16, np.float32])
def test_tiff_values_with_a_sign_or_a_fraction_are_refused(tmp_path, scene, dtype):
    for name, values in (("gray", scene[..., 0]), ("colour", scene)):
        tifffile.imwrite(tmp_path / f"{name}.tif", values.astype(dtype))
        assert reason(tmp_path / f"{name}.tif") == "unsupported pixels"


def test_a_tiff_that_cannot_be_shown_is_refused_for_the_true_reason(tmp_path, scene):
    for number, (values, options) in enumerate(
        (
            (np.dstack([scene, scene[..., :2]]), {"planarconfig": "contig"}),
            (
                np.dstack([scene, scene[..., 0]]).astype(np.uint16) * 16,
                {"photometric": "separated"},
            ),
            (scene[..., :2].astype(np.uint16), {"extrasamples": ["unassalpha"]}),
        )
    ):
        path = tmp_path / f"{number}.tif"
        tifffile.imwrite(path, values, **{"photometric": "minisblack"} | options)
        assert reason(path) == "unsupported pixels"
    for bigtiff in (False, True):
        tifffile.imwrite(path, scene, photometric="rgb", bigtiff=bigtiff)
        whole = path.read_bytes()
        assert read_picture(path)[0].shape == scene.shape
        for end in (10, 100):  # before the directory, and in it
            path.write_bytes(whole[:end])
            assert reason(path) == "truncated"


@pytest.mark.parametrize(("across", "down"), [(2, 1), (1, 2), (2, 2), (4, 1)])
def test_subsampled_ycbcr_of_a_tiff_is_read_where_it_is_compressed(tmp_path, across, down):
    blocks = np.random.default_rng(1).integers(0, 256, (8, 8, 3), np.uint8)
    picture = blocks.repeat(8, 0).repeat(8, 1)
    path = subsampled_tiff(tmp_path / "a.tif", picture, across, down, compress=True)
    assert np.abs(read_picture(path)[0].astype(int) - picture).max() <= 4
    for tail in (b"", bytes(picture.size)):  # which would be taken for colours
        path = subsampled_tiff(path, picture, across, down, tail=tail)
        assert reason(path) == "unsupported pixels"
    # a wrong word does no harm where nothing is missing
    path = subsampled_tiff(path, picture, 1, 1, said=(across, down))
    assert np.abs(read_picture(path)[0].astype(int) - picture).max() <= 4


def test_tiffs_that_would_come_out_otherwise_are_refused_for_the_true_reason(tmp_path, scene):
    path = tmp_path / "a.tif"
    for text, more in (("ImageJ=1.53t\nimages=3\n", {}), ("", {"volumetric": True})):
        values = np.stack([scene[..., 0]] * 16) if more else scene[..., 0]
        tile = {"tile": (16, 16, 16)} if more else {}
        tifffile.imwrite(path, values, description=text, metadata=None, **more, **tile)
        assert reason(path) == "more than one picture"
    tifffile.imwrite(path, scene[..., 0], description="ImageJ=1.53t\nimages=1\n", metadata=None)
    read_picture(path)
    Image.fromarray(scene).save(path, compression="tiff_adobe_deflate")
    data = path.read_bytes()
    path.write_bytes(
        data.replace(b"\x03\x01\x03\0\x01\0\0\0\x08\0", b"\x03\x01\x03\0\x01\0\0\0\x51\xc3", 1)
    )
    assert "WebP" in reason(path)
    place = data.index(b"\x78", 8)
    path.write_bytes(data[: place + 20] + bytes(20) + data[place + 40 :])
    assert reason(path) == "damaged"
    Image.fromarray(scene).convert("YCbCr").save(
        path, tiffinfo={532: (16, 235, 128, 240, 128, 240)}
    )
    assert reason(path).startswith("TIFF with ReferenceBlackWhite")


def test_a_palette_of_8_bits_in_a_tiff_is_taken_as_it_is(tmp_path, scene):
    indexed = Image.fromarray(scene).quantize(64)
    colours = np.array(indexed.getpalette("RGB"), np.uint16).reshape(-1, 3)
    colours = np.pad(colours, ((0, 256 - len(colours)), (0, 0)))
    for factor in (1, 257):
        tifffile.imwrite(
            tmp_path / "a.tif", np.asarray(indexed), photometric="palette",
            colormap=(colours * factor).T,
        )  # fmt: skip
        assert (read_picture(tmp_path / "a.tif")[0] == np.asarray(indexed.convert("RGB"))).all()


def test_a_subsampling_that_libtiff_does_not_read_is_no_truncated_file(tmp_path, scene):
    path = subsampled_tiff(tmp_path / "a.tif", scene, 1, 4, compress=True)
    assert reason(path) == "unsupported pixels"
    path = subsampled_tiff(path, scene, 2, 2, compress=True)
    path.write_bytes(path.read_bytes()[:-8])
    assert reason(path) != "unsupported pixels"


@pytest.mark.parametrize(
    ("said", "alpha"), [("unassalpha", True), ("assocalpha", False), (None, False)]
)
@pytest.mark.parametrize("factor", [1, 257])
def test_a_fourth_channel_is_transparency_where_it_is_said_to_be(tmp_path, said, alpha, factor):
    colours = np.full((40, 40, 4), 80, np.uint8)
    colours[..., 3] = 128
    values = colours * np.array(factor, np.uint8 if factor == 1 else np.uint16)
    options = {"extrasamples": [said or "unspecified"]}
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", **options)
    shown = read_picture(tmp_path / "a.tif")[0][0, 0].astype(int)
    assert np.abs(shown - (40 if alpha else 80)).max() <= 1


def pages(path, *described):
    """A TIFF of several pages: picture and kind (SubfileType) of each."""
    with tifffile.TiffWriter(path) as file:
        for picture, kind in described:
            photometric = "mask" if picture.ndim == 2 else "rgb"
            file.write(picture, photometric=photometric, subfiletype=kind, metadata=None)
    return path


def test_the_full_page_of_a_tiff_is_taken_wherever_it_is(tmp_path, scene):
    small, mask = scene[::2, ::2].copy(), np.zeros((40, 60), bool)
    for number, order in enumerate(
        (
            [(small, 1), (scene, 0)],
            [(scene, 0), (small, 1)],
            [(scene, 0), (mask, 4)],
            [(small, 1), (mask, 5), (scene, 2)],
        )
    ):
        path = pages(tmp_path / f"{number}.tif", *order)
        assert np.array_equal(read_picture(path)[0], scene)
    assert reason(pages(tmp_path / "two.tif", (scene, 0), (scene, 2))) == "more than one picture"
    deep = scene.astype(np.uint16) * 257
    path = pages(tmp_path / "deep.tif", (deep[::2, ::2].copy(), 1), (deep, 0))
    assert np.array_equal(read_picture(path)[0], scene)


def test_the_first_picture_of_an_mpo_is_taken_and_xmp_turns_where_exif_does_not(tmp_path, scene):
    image = Image.fromarray(scene)
    path = tmp_path / "a.mpo"
    image.save(path, "MPO", save_all=True, append_images=[image.rotate(180)], quality=95)
    assert np.abs(read_picture(path)[0].astype(int) - scene).mean() < 4
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF'
        b' xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description'
        b' xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="3"/></rdf:RDF></x:xmpmeta>'
    )
    pixels, _ = read_picture(saved(tmp_path / "x.jpg", image, xmp=xmp, quality=95))
    assert np.abs(pixels.astype(int) - scene[::-1, ::-1]).mean() < 4
    exif = Image.Exif()
    exif[0x0112] = 1
    pixels, _ = read_picture(saved(tmp_path / "y.jpg", image, xmp=xmp, exif=exif, quality=95))
    assert np.abs(pixels.astype(int) - scene).mean() < 4


XMP = b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" %b</rdf:Description>'


@pytest.mark.parametrize(
    "form",
    [
        b'tiff:Orientation="6">',
        b"tiff:Orientation='6'>",
        b'tiff:Orientation = "6">',
        b"><tiff:Orientation>6</tiff:Orientation>",
        b"><tiff:Orientation> 6 </tiff:Orientation>",
    ],
)
def test_every_form_of_the_orientation_of_xmp_turns_once(tmp_path, scene, form):
    image, xmp = Image.fromarray(scene), XMP % form
    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", xmp.decode())
    files = {"a.webp": {"lossless": True, "xmp": xmp}, "a.png": {"pnginfo": text}}
    for name, options in (files | {"a.tif": {"tiffinfo": {700: xmp}}}).items():
        pixels, _ = read_picture(saved(tmp_path / name, image, **options))
        assert np.array_equal(pixels, np.rot90(scene, -1))
    for orientation in (1, 6):
        options = {"tiffinfo": {700: xmp, 274: orientation}}
        pixels, _ = read_picture(saved(tmp_path / "b.tif", image, **options))
        assert np.array_equal(pixels, np.rot90(scene, -1) if orientation == 6 else scene)
    tags = {"photometric": "rgb", "extratags": [(700, "B", len(xmp), xmp, True)]}
    tifffile.imwrite(tmp_path / "c.tif", scene.astype(np.uint16) * 257, **tags)
    assert np.array_equal(read_picture(tmp_path / "c.tif")[0], np.rot90(scene, -1))


def test_what_shows_nothing_is_known_by_colour_and_but_for_a_few_pixels(scene):
    red = np.tile(np.array([200, 10, 10], np.uint8), (96, 96, 1))
    spot, noise = red.copy(), red + np.random.default_rng(1).integers(0, 3, red.shape, np.uint8)
    spot[5, 7] = 255
    assert all(shows_nothing(each) for each in (red, spot, noise, red[:40, :40]))
    eye = np.zeros((96, 96, 3), np.uint8)
    eye[40:44, 40:44] = 90  # small, and yet something
    assert not any(shows_nothing(each) for each in (scene, eye, noise * 2))


@pytest.mark.parametrize(
    ("bits", "expected"),
    [(8, ""), (16, "TIFF with colour planes of 16 bits apart; save it as PNG")],
)
def test_colour_planes_that_would_be_mixed_up_are_refused(tmp_path, scene, bits, expected):
    planes = np.moveaxis(
        scene.astype(f"<u{bits // 8}") * (257 if bits == 16 else 1), 2, 0
    ).tobytes()
    size = len(planes) // 3
    lists = struct.pack(
        "<3H6I", bits, bits, bits, *(200 + size * plane for plane in range(3)), *[size] * 3
    )
    tags = [
        (256, 3, 1, 60),
        (257, 3, 1, 40),
        (258, 3, 3, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 3, 14),
    ]
    tags += [(277, 3, 1, 3), (278, 4, 1, 40), (279, 4, 3, 26), (284, 3, 1, 2)]
    directory = (
        struct.pack("<H", len(tags))
        + b"".join(struct.pack("<HHII", *tag) for tag in tags)
        + bytes(4)
    )
    path = tmp_path / "planes.tif"
    path.write_bytes(
        (b"II*\0" + struct.pack("<I", 38) + lists + directory).ljust(200, b"\0") + planes
    )
    if expected:
        assert reason(path) == expected
    else:
        assert np.array_equal(read_picture(path)[0], scene)


def mutated(data, dice):
    """Cut off, or with some bytes changed anywhere, at the start, or set to zero in a row."""
    data, kind = bytearray(data), dice.integers(4)
    if kind == 0:
        return data[: dice.integers(1, len(data))]
    if kind == 3:
        start = dice.integers(len(data))
        length = min(200, len(data) - start)
        data[start : start + length] = bytes(length)
        return data
    for _ in range(dice.integers(1, 12)):
        data[dice.integers(len(data) if kind == 1 else min(600, len(data)))] = dice.integers(256)
    return data


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "DICOM", "JPEG2000"])
def test_mutated_files_are_read_or_refused(tmp_path, scene, kind):
    path = tmp_path / "whole"
    if kind in ("DICOM", "JPEG2000"):
        dicom(path, scene, "RGB")
    else:
        Image.fromarray(scene).save(path, kind)
    if kind == "JPEG2000":
        stream, data = io.BytesIO(), pydicom.dcmread(path)
        Image.fromarray(scene).save(stream, kind, no_jp2=True)
        data.PixelData, data.file_meta.TransferSyntaxUID = (
            encapsulate([stream.getvalue()]),
            JPEG2000Lossless,
        )
        data["PixelData"].VR = "OB"
        data.save_as(path, enforce_file_format=True)
    assert read_picture(path)[0].shape == scene.shape
    dice, refused = np.random.default_rng(1), 0
    for _ in range(300):
        (tmp_path / "x").write_bytes(mutated(path.read_bytes(), dice))
        try:
            read_picture(tmp_path / "x", Limits(max_pixels=1_000_000))
        except PictureError:
            refused += 1
    assert refused > 30


@pytest.mark.parametrize("kind", ["GIF", "PPM", "JPEG2000"])
def test_formats_that_are_not_read_are_named(tmp_path, scene, kind):
    assert reason(saved(tmp_path / "x.1", Image.fromarray(scene), format=kind)).endswith(
        "is not read; save it as PNG"
    )


@pytest.mark.parametrize(
    ("marker", "bits", "kind"),
    [
        (0xC1, 12, "JPEG of 12 bits"),
        (0xC3, 16, "lossless JPEG of 16 bits"),
        (0xC5, 8, "hierarchical JPEG"),
        (0xC9, 12, "arithmetic JPEG of 12 bits"),
        (0xCB, 8, "lossless arithmetic JPEG"),
        (0xF7, 8, "JPEG-LS"),
    ],
)
def test_kinds_of_jpeg_that_are_not_read_are_named(tmp_path, scene, marker, bits, kind):
    whole = jpeg_of(scene)
    place = whole.index(b"\xff\xc0") + 1
    other = whole[:place] + bytes([marker]) + whole[place + 1 : place + 3] + bytes([bits])
    (tmp_path / "a.jpg").write_bytes(other + whole[place + 4 :])
    assert reason(tmp_path / "a.jpg") == f"{kind} is not read; save it as PNG"
    (tmp_path / "b.jpg").write_bytes(whole[:place] + b"\xd9")
    assert reason(tmp_path / "b.jpg") in ("damaged", "truncated", "not a picture")


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("shape", [(40, 60, 3), (60, 40, 3), (50, 50, 3)])
def test_square_keeps_what_it_says(fit, shape):
    picture = np.full(shape, 200, np.uint8)
    square = resize_square(picture, 30, fit)
    assert square.shape == (30, 30, 3)
    share = (square > 100).mean()
    assert share == pytest.approx(min(shape[:2]) / max(shape[:2]) if fit == "pad" else 1, abs=0.02)


def test_fine_stripes_become_grey_and_not_a_pattern():
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255
    small = resize_square(stripes, 32, "stretch")
    assert np.abs(small.astype(int) - 127).max() <= 10


def test_an_unknown_fit_is_refused():
    with pytest.raises(ValueError, match="tile"):
        resize_square(np.zeros((40, 40, 3), np.uint8), 16, "tile")


def test_a_thumbnail_of_a_picture_elsewhere_is_not_taken(tmp_path, scene):
    small = Image.fromarray(scene).resize((40, 40))
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[0x00FE] = 1  # a smaller version
    path = saved(tmp_path / "a.tif", small, tiffinfo=tags)
    assert read_picture(path)[0].shape == (40, 40, 3)  # of what, nobody knows
    tags[0x014A] = 8  # the full one lies in a directory inside
    tags.tagtype[0x014A] = TiffTags.LONG
    assert reason(saved(path, small, tiffinfo=tags)).startswith("a raw file of a camera is not")


def test_a_png_with_a_long_text_is_read(tmp_path, scene):
    text = PngInfo()
    text.add_text("Raw profile type xmp", "0123456789abcdef" * 100_000, zip=True)
    path = saved(tmp_path / "a.png", Image.fromarray(scene), pnginfo=text)
    assert np.array_equal(read_picture(path)[0], scene)
    endless = PngInfo()
    endless.add_text("a", "0" * 2**25, zip=True)
    assert reason(saved(path, Image.fromarray(scene), pnginfo=endless)) == "damaged"


def test_inks_that_a_jpeg_does_not_name_are_refused(tmp_path, scene):
    path = saved(tmp_path / "a.jpg", Image.fromarray(scene).convert("CMYK"), quality=95)
    assert read_picture(path)[0].shape == scene.shape
    data = path.read_bytes()
    start = data.index(b"\xff\xee")
    path.write_bytes(data[:start] + data[start + 2 + int.from_bytes(data[start + 2 : start + 4]) :])
    assert reason(path) == "four colours without saying which; save it as RGB"


def test_deflated_tiff_are_held_to_their_checksum(tmp_path, scene):
    noise = np.random.default_rng(1).integers(0, 256, scene.shape, dtype=np.uint8)
    path = saved(tmp_path / "a.tif", Image.fromarray(noise), compression="tiff_adobe_deflate")
    assert np.array_equal(read_picture(path)[0], noise)
    data = bytearray(path.read_bytes())
    with Image.open(path) as image:
        start, length = image.tag_v2[0x0111][0], image.tag_v2[0x0117][0]
    for place in (start + length // 2, start + length - 1):  # in the middle, and the checksum
        damaged = bytearray(data)
        damaged[place] ^= 0x10
        path.write_bytes(damaged)
        assert reason(path) == "damaged"

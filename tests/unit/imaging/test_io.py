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
from PIL import Image, ImageCms, TiffImagePlugin
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    SecondaryCaptureImageStorage,
    generate_uid,
)

from avatarflow.imaging.io import FITS, read_picture, resize_square
from avatarflow.imaging.picture_checks import Limits, PictureError

CANARY = "CANARY-Jane-Doe"


@pytest.fixture
def scene():
    """A smooth colour picture, so that lossy formats stay close to it."""
    y, x = np.mgrid[:40, :60]
    return np.stack([4 * x, 6 * y, 100 + x + y], -1).astype(np.uint8)


def saved(path, image, **options):
    image.save(path, **options)
    return path


def reason(path, limits=None):
    with pytest.raises(PictureError) as error:
        read_picture(path, limits)
    assert str(error.value) == error.value.reason
    assert path.name not in str(error.value)
    return error.value.reason


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
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0" * 999)),
    ]
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in [*chunks, (b"IEND", b"")]
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
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
    assert reason(empty) == "not a picture"
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


def dicom(path, pixels, kind="MONOCHROME2", **fields):
    """A secondary capture with a telling patient name."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = (
        SecondaryCaptureImageStorage,
        generate_uid(),
    )
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = pydicom.Dataset()
    data.file_meta, data.PatientName, data.PhotometricInterpretation = meta, CANARY, kind
    data.SOPClassUID, data.SOPInstanceUID = (
        meta.MediaStorageSOPClassUID,
        meta.MediaStorageSOPInstanceUID,
    )
    data.Rows, data.Columns = pixels.shape[:2]
    data.SamplesPerPixel = 1 if pixels.ndim == 2 else 3
    if pixels.ndim == 3:
        data.PlanarConfiguration = 0
    data.BitsAllocated = data.BitsStored = 8 * pixels.dtype.itemsize
    data.HighBit, data.PixelRepresentation = data.BitsStored - 1, 0
    for name, value in fields.items():
        setattr(data, name, value)
    data.PixelData = pixels.tobytes()
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, data, enforce_file_format=True)
    path.write_bytes(buffer.getvalue())
    return path


def jpeg_in_dicom(path, pixels, jpeg):
    """The same as a JPEG of YCbCr."""
    data = pydicom.dcmread(dicom(path, pixels, "YBR_FULL_422"))
    data.PixelData, data.file_meta.TransferSyntaxUID = encapsulate([jpeg]), JPEGBaseline8Bit
    data["PixelData"].VR = "OB"
    data.save_as(path, enforce_file_format=True)
    return path


def test_dicom_is_windowed_and_inverted_as_its_header_says(tmp_path):
    values = np.repeat(np.array([0, 900, 1000, 1100, 4000], np.uint16), 40)[None].repeat(60, axis=0)
    window = {"WindowCenter": 1000.5, "WindowWidth": 201, "RescaleSlope": 1, "RescaleIntercept": 0}
    pixels, info = read_picture(dicom(tmp_path / "a.dcm", values, **window))
    assert pixels[0, ::40, 0].tolist() == [0, 0, 128, 255, 255]
    assert info == {"format": "DICOM", "gray": True, "bits": 16, "width": 200, "height": 60}
    inverted, _ = read_picture(dicom(tmp_path / "b.dcm", values, "MONOCHROME1", **window))
    assert np.abs(pixels.astype(int) + inverted - 255).max() <= 1
    shifted, _ = read_picture(
        dicom(tmp_path / "c.dcm", values, **window | {"RescaleIntercept": 100})
    )
    assert shifted[0, ::40, 0].tolist() == [0, 128, 255, 255, 255]


def test_dicom_colour_and_dicom_without_a_window(tmp_path, scene):
    assert np.array_equal(read_picture(dicom(tmp_path / "rgb.dcm", scene, "RGB"))[0], scene)
    ramp = np.linspace(0, 1000, 3600).reshape(60, 60).astype(np.uint16)
    pixels, _ = read_picture(dicom(tmp_path / "ramp.dcm", ramp))
    assert (pixels.min(), pixels.max()) == (0, 255)


def test_dicom_refusals(tmp_path, scene):
    assert (
        reason(dicom(tmp_path / "many.dcm", scene[..., 0], NumberOfFrames=3))
        == "more than one picture"
    )
    assert (
        reason(dicom(tmp_path / "odd.dcm", scene[..., 0], "PALETTE COLOR")) == "unsupported pixels"
    )
    assert (
        reason(dicom(tmp_path / "large.dcm", scene[..., 0], Rows=20_000, Columns=20_000))
        == "too many pixels"
    )
    path = dicom(tmp_path / "cut.dcm", scene[..., 0])
    path.write_bytes(path.read_bytes()[:-500])
    assert reason(path) in ("truncated", "damaged")
    path.write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 300)
    assert reason(path) in ("damaged", "not a picture")


def test_dicom_that_cannot_be_decoded_is_refused_for_the_true_reason(tmp_path, scene):
    data = pydicom.dcmread(
        dicom(tmp_path / "a.dcm", scene[..., 0].astype(np.uint16), BitsStored=12, HighBit=11)
    )
    data.PixelData, data.file_meta.TransferSyntaxUID = (
        encapsulate([b"\xff\xd8\xff\xc1"]),
        JPEGExtended12Bit,
    )
    data["PixelData"].VR = "OB"
    data.save_as(tmp_path / "b.dcm", enforce_file_format=True)
    assert reason(tmp_path / "b.dcm").endswith("JPEG Extended (Process 2 and 4) of 12 bits")
    whole = dicom(tmp_path / "c.dcm", scene[..., 0]).read_bytes()
    (tmp_path / "d.dcm").write_bytes(whole[132:])
    assert reason(tmp_path / "d.dcm").startswith("DICOM without its preamble")


def test_dicom_in_ycbcr_is_converted_once(tmp_path, scene):
    """What ophthalmic cameras write; converted twice, orange comes out green."""
    orange = np.tile(np.array([210, 110, 40], np.uint8), (64, 64, 1))
    stored = np.asarray(Image.fromarray(orange).convert("YCbCr"))
    pixels, _ = read_picture(dicom(tmp_path / "full.dcm", stored, "YBR_FULL"))
    assert np.abs(pixels.astype(int) - orange).max() <= 3


def test_gray_dicom_is_shown_as_its_header_says(tmp_path):
    values = np.repeat(np.array([0, 100, 200, 255, 0], np.uint8), 40)[None].repeat(60, axis=0)
    window = {"WindowCenter": 128, "WindowWidth": 256}
    plain = read_picture(dicom(tmp_path / "plain.dcm", values, **window))[0][0, ::40, 0]
    inverse = read_picture(
        dicom(tmp_path / "i.dcm", values, PresentationLUTShape="INVERSE", **window)
    )[0][0, ::40, 0]
    assert (plain.astype(int) + inverse == 255).all()

    padded = values.copy()
    padded[:, :40] = 250  # fills the frame; black, and no part of the quantiles
    shown = read_picture(dicom(tmp_path / "p.dcm", padded, PixelPaddingValue=250))[0][0, ::40, 0]
    assert shown.tolist() == [0, 100, 200, 255, 0]

    table = pydicom.Dataset()
    table.LUTDescriptor, table.LUTData = [256, 0, 8], list(range(255, -1, -1))
    table["LUTDescriptor"].VR = table["LUTData"].VR = "US"
    turned = read_picture(dicom(tmp_path / "t.dcm", values, VOILUTSequence=[table], **window))[0][
        0, ::40, 0
    ]
    assert turned.tolist() == [255, 155, 55, 0, 255]


def test_dicom_that_cannot_be_shown_as_it_is_meant_is_refused(tmp_path, scene):
    gray = scene[..., 0]
    assert (
        reason(dicom(tmp_path / "b.dcm", gray, BurnedInAnnotation="YES"))
        == "annotation burned into the picture"
    )
    for name in ("PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing"):
        assert reason(dicom(tmp_path / "a.dcm", gray, **{name: [2, 1]})) == "pixels are not square"
        assert read_picture(dicom(tmp_path / "a.dcm", gray, **{name: [1000, 1009]}))[0].shape == (
            40,
            60,
            3,
        )
    assert reason(dicom(tmp_path / "h.dcm", gray, HighBit=6)) == "HighBit is not BitsStored - 1"
    assert (
        reason(dicom(tmp_path / "s.dcm", gray, SamplesPerPixel=None))
        == "SamplesPerPixel is missing"
    )


@pytest.mark.parametrize(
    ("function", "centre", "width", "expected"),
    [
        (None, 128, 256, [0, 100, 128, 255]),
        ("LINEAR", 0.5, 1, [0, 255, 255, 255]),  # a threshold
        ("LINEAR_EXACT", 128, 256, [0, 100, 128, 254]),
        ("LINEAR_EXACT", 100.25, 0.5, [0, 0, 255, 255]),
        ("SIGMOID", 128, 256, [30, 100, 128, 224]),
        ("LINEAR", 128, 0, None),  # no window: quantiles
    ],
)
def test_each_window_function_is_that_of_the_standard(tmp_path, function, centre, width, expected):
    values = np.repeat(np.array([0, 100, 128, 255], np.uint8), 40)[None].repeat(60, axis=0)
    window = {"WindowCenter": centre, "WindowWidth": width, "VOILUTFunction": function}
    shown = read_picture(dicom(tmp_path / "w.dcm", values, **window))[0][0, ::40, 0].astype(int)
    if expected is None:
        assert shown.tolist() == [0, 100, 128, 255]
    else:
        assert np.abs(shown - expected).max() <= 1


def test_a_narrow_exact_window_is_laid_on_real_values(tmp_path):
    values = np.repeat(np.array([0, 100, 128, 255], np.uint8), 40)[None].repeat(60, axis=0)
    window = {"WindowCenter": 0.5, "WindowWidth": 1, "VOILUTFunction": "LINEAR_EXACT"}
    path = dicom(tmp_path / "w.dcm", values, RescaleSlope=1 / 255, RescaleIntercept=0, **window)
    assert np.abs(read_picture(path)[0][0, ::40, 0].astype(int) - [0, 100, 128, 255]).max() <= 1


@pytest.mark.parametrize(
    ("text", "expected"), [("128,", "x"), ("90,5", "x"), ("1e3 ", ""), ("9\\5 ", "")]
)
def test_a_window_that_is_no_number_is_refused(tmp_path, text, expected):
    values = np.repeat(np.array([0, 100, 128, 255], np.uint8), 40)[None].repeat(60, axis=0)
    path = dicom(tmp_path / "w.dcm", values, WindowCenter="1234", WindowWidth="256")
    path.write_bytes(path.read_bytes().replace(b"1234", text.encode()))
    if expected:
        assert reason(path) == "window that is no number"
    else:
        read_picture(path)
    assert (
        reason(dicom(path, values, WindowCenter=9, WindowWidth=9, VOILUTFunction="X"))
        == "unknown window function"
    )


def test_compressed_dicom_of_another_size_than_its_header_is_not_decoded(tmp_path):
    gray = np.zeros((60, 60), np.uint8)
    path = dicom(tmp_path / "j.dcm", gray)
    for side, expected in ((60, None), (900, "damaged")):
        stream = io.BytesIO()
        Image.fromarray(np.zeros((side, side), np.uint8)).save(stream, "JPEG2000", no_jp2=True)
        data = pydicom.dcmread(path)
        data.PixelData = encapsulate([stream.getvalue()])
        data["PixelData"].VR = "OB"
        data.file_meta.TransferSyntaxUID = JPEG2000Lossless
        data.save_as(tmp_path / f"{side}.dcm", enforce_file_format=True)
        if expected is None:
            assert read_picture(tmp_path / f"{side}.dcm")[0].shape == (60, 60, 3)
        else:
            assert reason(tmp_path / f"{side}.dcm") == expected


def test_a_deflated_dicom_is_measured_before_it_is_inflated(tmp_path):
    path = dicom(tmp_path / "z.dcm", np.zeros((60, 60), np.uint8))
    data = pydicom.dcmread(path)
    data.PixelData = bytes(40_000_000)
    data.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    data.save_as(path, enforce_file_format=True)
    assert path.stat().st_size < 100_000
    assert reason(path, Limits(max_pixels=4_000_000)) == "too many bytes"


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


def test_a_colour_profile_is_applied_and_a_broken_one_counts_as_none(tmp_path):
    red = Image.fromarray(np.tile(np.array([250, 10, 10], np.uint8), (40, 40, 1)))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = (
        profile.replace(b"rXYZ", b"\0tmp").replace(b"bXYZ", b"rXYZ").replace(b"\0tmp", b"bXYZ")
    )
    # else it counts as sRGB
    swapped = swapped.replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))
    pixels, _ = read_picture(saved(tmp_path / "a.png", red, icc_profile=swapped))
    assert np.abs(pixels[0, 0].astype(int) - [10, 10, 250]).max() < 40
    pixels, _ = read_picture(saved(tmp_path / "b.png", red, icc_profile=profile[:100]))
    assert np.array_equal(pixels, np.asarray(red))


def test_a_thumbnail_page_is_no_second_picture(tmp_path, scene):
    small = Image.fromarray(scene).resize((30, 20))
    path = tmp_path / "t.tif"
    with TiffImagePlugin.AppendingTiffWriter(path, new=True) as file:
        Image.fromarray(scene).save(file, "TIFF")
        file.newFrame()
        small.save(file, "TIFF", tiffinfo={254: 1})
    assert np.array_equal(read_picture(path)[0], scene)


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

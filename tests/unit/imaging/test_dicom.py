"""DICOM: the picture that its header means, or a reason that names the element."""

import io
import struct
import zlib

import numpy as np
import pydicom
import pytest
from foreign_pictures import dicom, jpeg_in_dicom, jpeg_of, parted, profile_of, reason
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    RLELossless,
)

from avatarflow.imaging.io import read_picture
from avatarflow.imaging.picture_checks import Limits


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
    assert reason(path) in ("damaged", "no pixel data")


def test_compressed_pixels_that_are_called_uncompressed_are_refused_by_that(tmp_path, scene):
    path = jpeg_in_dicom(tmp_path / "a.dcm", scene, jpeg_of(scene))
    start, pixels = path.read_bytes().split(b"\xe0\x7f\x10\x00OB", 1)
    start = start.replace(b"1.2.840.10008.1.2.4.50", b"1.2.840.10008.1.2.1".ljust(22, b"\0"))
    for length in (b"", struct.pack("<I", len(pixels) - 6)):  # as written, and with a length
        rest = pixels[:2] + length + pixels[6:] if length else pixels
        path.write_bytes(start + b"\xe0\x7f\x10\x00OB" + rest)
        assert reason(path).startswith(
            "TransferSyntaxUID says uncompressed, and the pixel data are"
        )
    by_chance = scene[..., 0].copy()
    by_chance.ravel()[:4] = (0xFE, 0xFF, 0, 0xE0)
    read_picture(dicom(tmp_path / "b.dcm", by_chance))


def test_dicom_without_pixels_but_an_icon_says_so(tmp_path, scene):
    data = pydicom.dcmread(dicom(tmp_path / "a.dcm", scene))
    icon = pydicom.dcmread(tmp_path / "a.dcm")
    del icon.file_meta
    data.IconImageSequence = [icon]
    del data.PixelData
    data.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert reason(tmp_path / "a.dcm") == "no pixel data"
    data.FloatPixelData = b"\0" * 4 * scene.size
    data.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert reason(tmp_path / "a.dcm") == "unsupported pixels"


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("OW", b"", "no pixel data"), ("OB", b"", "no pixel data"), ("SQ", [], "no pixel data"),
        ("US", [1, 2], "damaged"), ("LO", "text", "damaged"),
    ],
)  # fmt: skip
def test_pixel_data_that_are_empty_or_of_another_kind_are_refused(
    tmp_path, scene, kind, value, expected
):
    data = pydicom.dcmread(dicom(tmp_path / "a.dcm", scene))
    data["PixelData"] = pydicom.DataElement(0x7FE00010, kind, value)
    data.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert reason(tmp_path / "a.dcm") == expected


@pytest.mark.parametrize("lost", [8, 9, 200])
def test_compressed_pixel_data_without_their_end_are_truncated(tmp_path, scene, lost):
    dicom(tmp_path / "a.dcm", scene, "RGB")
    with_data(tmp_path / "a.dcm", encapsulate([jpeg_of(scene)]), JPEGBaseline8Bit)
    whole = (tmp_path / "a.dcm").read_bytes()
    (tmp_path / "a.dcm").write_bytes(whole[:-lost])
    assert reason(tmp_path / "a.dcm") == "truncated"


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


@pytest.mark.parametrize(
    ("dtype", "signed", "padding", "kind"),
    [
        (np.int16, 1, -2000, "US"),
        (np.int16, 1, -2000, "SS"),
        (np.uint16, 0, 65535, "SS"),
        (np.uint16, 0, 65535, "US"),
    ],
)
def test_padding_counts_whatever_the_sign_it_is_written_with(
    tmp_path, dtype, signed, padding, kind
):
    values = np.repeat(np.array([0, 100, 255, padding]), 40).astype(dtype)[None].repeat(60, axis=0)
    path = dicom(tmp_path / "a.dcm", values, PixelRepresentation=signed)
    data = pydicom.dcmread(path)
    written = padding % 2**16 if kind == "US" else int(np.int64(padding).astype(np.int16))
    data.add_new("PixelPaddingValue", kind, written)
    data.save_as(path, enforce_file_format=True)
    assert read_picture(path)[0][0, ::40, 0].tolist() == [0, 100, 255, 0]


@pytest.mark.parametrize("sequence", ["VOILUTSequence", "ModalityLUTSequence"])
@pytest.mark.parametrize("first", [-128, 2**16 - 128])
def test_the_first_value_of_a_lookup_table_may_lack_its_sign(tmp_path, sequence, first):
    table = pydicom.Dataset()
    kind = "SS" if first < 0 else "US"
    table.add_new("LUTDescriptor", kind, [256, first, 8])
    table.add_new("LUTData", "OW", np.arange(255, -1, -1, dtype="<u2").tobytes())
    table.ModalityLUTType = "US"
    values = np.repeat(np.array([-128, -28, 127], np.int16), 40)[None].repeat(60, axis=0)
    fields = {"PixelRepresentation": 1, sequence: [table]}
    shown = read_picture(dicom(tmp_path / "a.dcm", values, **fields))[0][0, ::40, 0]
    assert shown.tolist() == [255, 155, 0]


@pytest.mark.parametrize("none", [{}, {"RescaleSlope": "", "RescaleIntercept": ""}])
def test_a_slope_that_is_missing_or_empty_counts_as_1_and_an_intercept_as_0(tmp_path, none):
    values = np.repeat(np.array([0, 50, 100], np.uint8), 40)[None].repeat(60, axis=0)
    for said, expected in (
        ({}, [0, 50, 100]),
        ({"RescaleSlope": "2"}, [0, 100, 200]),
        ({"RescaleIntercept": "30"}, [30, 80, 130]),
    ):
        fields = {"WindowCenter": 128, "WindowWidth": 256} | none | said
        shown = read_picture(dicom(tmp_path / "a.dcm", values, **fields))[0]
        assert shown[0, ::40, 0].tolist() == expected


def test_dicom_that_cannot_be_shown_as_it_is_meant_is_refused(tmp_path, scene):
    gray = scene[..., 0]
    for word in ("NO", ""):
        read_picture(dicom(tmp_path / "b.dcm", gray, BurnedInAnnotation=word))
    path = dicom(tmp_path / "b.dcm", gray, BurnedInAnnotation="Y")
    assert reason(path) == "BurnedInAnnotation is neither YES nor NO"
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
    ("text", "expected"), [("128,", "x"), ("90,5", "x"), ("1e3 ", ""), ("9\\5 ", ""), ("1_00", "x")]
)
def test_a_window_that_is_no_number_is_refused(tmp_path, text, expected):
    values = np.repeat(np.array([0, 100, 128, 255], np.uint8), 40)[None].repeat(60, axis=0)
    path = dicom(tmp_path / "w.dcm", values, WindowCenter="1234", WindowWidth="256")
    path.write_bytes(path.read_bytes().replace(b"1234", text.encode()))
    if expected:
        assert reason(path) == "WindowCenter is not a number"
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


def with_data(path, data, syntax=None):
    """The same file with other pixel data."""
    read = pydicom.dcmread(path)
    read.PixelData = data
    if syntax:
        read["PixelData"].VR, read.file_meta.TransferSyntaxUID = "OB", syntax
    read.save_as(path, enforce_file_format=True)
    return path


def test_data_longer_than_the_header_says_are_not_sheared(tmp_path, scene):
    gray = scene[..., 0]
    for name, pixels, kind in (("rgb.dcm", scene, "RGB"), ("gray.dcm", gray, "MONOCHROME2")):
        path = dicom(tmp_path / name, pixels, kind, Columns=59)
        assert reason(path) == "pixel data longer than the header says"
        with_data(path, pixels.tobytes(), DeflatedExplicitVRLittleEndian)
        assert reason(path) == "pixel data longer than the header says"
        whole = pydicom.dcmread(dicom(tmp_path / name, pixels, kind))
        whole.compress(RLELossless)
        whole.save_as(path, enforce_file_format=True)
        assert read_picture(path)[0].shape == scene.shape
        whole.Columns = 55
        whole.save_as(path, enforce_file_format=True)
        assert reason(path) == "pixel data longer than the header says"
    odd = dicom(tmp_path / "odd.dcm", np.ascontiguousarray(gray[:39, :59]))
    assert read_picture(odd)[0].shape == (39, 59, 3)  # a byte makes it even


def items(**fields):
    item = pydicom.Dataset()
    for name, value in fields.items():
        setattr(item, name, value)
    return [item]


def test_what_functional_groups_say_of_the_frame_counts(tmp_path):
    values = np.repeat(np.array([0, 900, 1000, 1100, 4000], np.uint16), 40)[None].repeat(60, axis=0)
    window = items(WindowCenter=1000.5, WindowWidth=201)
    slope = items(RescaleSlope=-1, RescaleIntercept=2000)
    groups = items(FrameVOILUTSequence=window, PixelValueTransformationSequence=slope)
    path = tmp_path / "a.dcm"
    shown = read_picture(dicom(path, values, SharedFunctionalGroupsSequence=groups))[0][0, ::40, 0]
    assert shown.tolist() == [255, 255, 128, 0, 0]
    frame = items(PixelValueTransformationSequence=items(RescaleSlope=1, RescaleIntercept=0))
    both = {"SharedFunctionalGroupsSequence": groups, "PerFrameFunctionalGroupsSequence": frame}
    assert read_picture(dicom(path, values, **both))[0][0, ::40, 0].tolist() == [
        0,
        0,
        128,
        255,
        255,
    ]
    wide = items(PixelMeasuresSequence=items(PixelSpacing=[1, 2]))
    path = dicom(path, values, SharedFunctionalGroupsSequence=wide)
    assert reason(path) == "pixels are not square"


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        ("RGB", {"BitsStored": 7, "HighBit": 6}, "colour of 7 bits is not read"),
        ("RGB", {"SamplesPerPixel": 4}, "SamplesPerPixel of RGB is not 3"),
        ("RGB", {"PlanarConfiguration": None}, "PlanarConfiguration is missing"),
        ("RGB", {"BitsStored": 9, "HighBit": 8}, "BitsStored is more than BitsAllocated"),
        ("RGB", {"PhotometricInterpretation": None}, "PhotometricInterpretation is missing"),
        ("RGB", {"Rows": None}, "Rows is missing"),
        ("YBR_FULL_422", {}, "YBR_FULL_422 with data that are not subsampled"),
    ],
)  # fmt: skip
def test_the_element_at_fault_is_named(tmp_path, scene, kind, fields, expected):
    assert reason(dicom(tmp_path / "a.dcm", scene, kind, **fields)) == expected


@pytest.mark.parametrize("name", ["RescaleSlope", "RescaleIntercept", "WindowWidth"])
def test_a_value_that_is_no_number_is_named(tmp_path, scene, name):
    fields = {"RescaleSlope": "1", "RescaleIntercept": "0", "WindowCenter": "9", "WindowWidth": "8"}
    path = dicom(tmp_path / "a.dcm", scene[..., 0], **fields | {name: "1234"})
    path.write_bytes(path.read_bytes().replace(b"1234", b"12,4"))
    assert reason(path).startswith(name)


def test_a_gray_jpeg_that_is_labelled_as_colour_is_named(tmp_path, scene):
    stream = io.BytesIO()
    Image.fromarray(scene[..., 0]).save(stream, "JPEG")
    path = with_data(
        dicom(tmp_path / "a.dcm", scene, "RGB"), encapsulate([stream.getvalue()]), JPEGBaseline8Bit
    )
    assert reason(path) == "compressed data of 1 colours, and SamplesPerPixel is 3"


def test_two_streams_in_one_dicom_are_two_pictures(tmp_path, scene):
    path = dicom(tmp_path / "a.dcm", scene, "YBR_FULL")
    stream = io.BytesIO()
    Image.fromarray(scene).save(stream, "JPEG2000", no_jp2=True)
    for syntax, picture in (
        (JPEGBaseline8Bit, jpeg_of(scene)),
        (JPEG2000Lossless, stream.getvalue()),
    ):
        whole = encapsulate([picture])
        third = len(picture) // 3
        cut = [picture[:third], picture[third : 2 * third], picture[2 * third :]]
        fragments = encapsulate(cut, has_bot=False)
        for data in (whole, fragments):
            assert read_picture(with_data(path, data, syntax))[0].shape == scene.shape
        for data in (
            encapsulate([picture, picture]),
            encapsulate([picture, picture], has_bot=False),
            encapsulate([picture + picture]),
        ):
            assert reason(with_data(path, data, syntax)) == "more than one picture"


def test_compressed_colours_lie_side_by_side_whatever_is_said_of_planes(tmp_path, scene):
    stream = io.BytesIO()
    Image.fromarray(scene).save(stream, "JPEG2000", no_jp2=True)
    for syntax, picture, kind in (
        (JPEGBaseline8Bit, jpeg_of(scene), "YBR_FULL_422"),
        (JPEG2000Lossless, stream.getvalue(), "YBR_RCT"),
    ):
        path = dicom(tmp_path / "a.dcm", scene, kind, PlanarConfiguration=1)
        shown, _ = read_picture(with_data(path, encapsulate([picture]), syntax))
        assert np.abs(shown.astype(int) - scene).mean() < 2
    planes = np.ascontiguousarray(np.moveaxis(scene, 2, 0))
    path = dicom(tmp_path / "b.dcm", scene, "RGB", PlanarConfiguration=1)
    assert np.array_equal(read_picture(with_data(path, planes.tobytes()))[0], scene)
    whole = pydicom.dcmread(dicom(path, scene, "RGB"))
    whole.compress(RLELossless)
    whole.PlanarConfiguration = 1
    whole.save_as(path, enforce_file_format=True)
    assert np.array_equal(read_picture(path)[0], scene)


@pytest.mark.parametrize(
    ("bits", "kind", "factor"),
    [(8, np.uint8, 1), (8, "<u2", 1), (16, "<u2", 1), (16, "<u2", 257), (8, "<u2", 257)],
)
def test_palette_entries_of_8_bits_may_be_padded_to_16(tmp_path, scene, bits, kind, factor):
    colours = np.random.default_rng(0).integers(0, 256, (256, 3))
    path = palette(tmp_path / "a.dcm", scene[..., 0], (colours * factor).astype(kind), bits)
    assert np.array_equal(read_picture(path)[0], colours[scene[..., 0]])


def test_a_dark_picture_of_16_bits_stays_dark(tmp_path, scene):
    colours = np.arange(256)[:, None].repeat(3, 1) * 257
    colours[:250] = 200
    indices = np.minimum(scene[..., 0], 249)  # the brighter entries are not used
    path = palette(tmp_path / "a.dcm", indices, colours.astype("<u2"), 16)
    assert read_picture(path)[0].max() == 0


def palette(path, indices, colours, bits):
    """A DICOM of indices into a table of colours, which are said to have so many bits."""
    fields = {}
    for number, name in enumerate(("Red", "Green", "Blue")):
        fields[f"{name}PaletteColorLookupTableDescriptor"] = [len(colours), 0, bits]
        fields[f"{name}PaletteColorLookupTableData"] = colours[:, number].tobytes()
    return dicom(path, indices, "PALETTE COLOR", **fields)


def test_a_jpeg_that_names_its_colours_r_g_b_is_read(tmp_path, scene):
    tables, rest = parted(jpeg_of(scene, keep_rgb=True))  # without the Adobe marker
    path = dicom(tmp_path / "a.dcm", scene, "RGB")
    shown, _ = read_picture(
        with_data(path, encapsulate([tables[:-2] + rest[2:]]), JPEGBaseline8Bit)
    )
    assert np.abs(shown.astype(int) - scene).mean() < 2


@pytest.mark.parametrize("sequence", ["VOILUTSequence", "ModalityLUTSequence"])
def test_a_lookup_table_that_is_cut_off_is_named(tmp_path, scene, sequence):
    table = items(LUTDescriptor=[256, 0, 16], LUTData=list(range(200)))
    table[0]["LUTDescriptor"].VR = table[0]["LUTData"].VR = "US"
    path = dicom(tmp_path / "a.dcm", scene[..., 0], **{sequence: table})
    assert reason(path) == "lookup table shorter than its descriptor"


@pytest.mark.parametrize("sequence", ["VOILUTSequence", "ModalityLUTSequence"])
@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"LUTDescriptor": None, "LUTData": None, "LUTExplanation": None}, None),
        ({"LUTDescriptor": None, "LUTData": [0, 1]}, "damaged"),
        ({"LUTDescriptor": [2, 0, 8], "LUTData": None}, "damaged"),
    ],
)
def test_a_lookup_table_without_a_word_in_it_counts_as_none(
    tmp_path, scene, sequence, table, expected
):
    item = pydicom.Dataset()
    for name, value in table.items():
        item.add_new(name, "LO" if name == "LUTExplanation" else "US", value)
    window = {"WindowCenter": 128, "WindowWidth": 256}
    path = dicom(tmp_path / "a.dcm", scene[..., 0], **{sequence: [item]}, **window)
    if expected:
        assert reason(path) == expected
    else:
        assert (read_picture(path)[0] == scene[..., :1]).all()


def test_retired_compressions_are_refused_by_their_name(tmp_path, scene):
    path, data = dicom(tmp_path / "a.dcm", scene[..., 0]), encapsulate([b"\0" * 9])
    with_data(path, data, "1.2.840.10008.1.2.4.53")
    assert reason(path).startswith("no decoder for JPEG Spectral Selection")


def test_a_colour_profile_is_applied_to_dicom_as_to_files(tmp_path, scene):
    path = dicom(tmp_path / "a.dcm", scene, "RGB", ICCProfile=profile_of(0, 2, 1))
    assert np.abs(read_picture(path)[0].astype(int) - scene[..., [0, 2, 1]]).mean() < 3


@pytest.mark.parametrize("deflated", [True, False])
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (bytes(30_000_000), ("too many elements", "Rows is missing")),
        (b"\x08\0\x05\0CS\x02\0AB" * 2, "DICOM elements are not in ascending order"),
    ],
)
def test_hostile_elements_end_early(tmp_path, scene, body, expected, deflated):
    data = dicom(tmp_path / "a.dcm", scene, "RGB").read_bytes()
    meta = 144 + int.from_bytes(data[140:144], "little")
    start = data[:meta]
    if deflated:
        deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        body = deflater.compress(body) + deflater.flush()
        path = with_data(tmp_path / "a.dcm", scene.tobytes(), DeflatedExplicitVRLittleEndian)
        data = path.read_bytes()
        start = data[: 144 + int.from_bytes(data[140:144], "little")]
    (tmp_path / "b.dcm").write_bytes(start + body)
    assert reason(tmp_path / "b.dcm") in expected


def test_millions_of_elements_in_a_sequence_end_early(tmp_path, scene):
    data = dicom(tmp_path / "a.dcm", scene, "RGB").read_bytes()
    meta = 144 + int.from_bytes(data[140:144], "little")
    count = 1_000_000
    sequence = b"\x08\0\x40\x11SQ\0\0" + b"\xff" * 4  # of unknown length, with one item
    item = b"\xfe\xff\0\xe0" + (8 * count).to_bytes(4, "little") + b"\x08\0\x05\0CS\0\0" * count
    (tmp_path / "b.dcm").write_bytes(data[:meta] + sequence + item)
    assert reason(tmp_path / "b.dcm") == "too many elements"


def test_tables_in_big_endian_order_are_refused(tmp_path):
    values = np.linspace(0, 255, 3600).reshape(60, 60).astype(np.uint16)
    path = dicom(tmp_path / "a.dcm", values)
    plain, _ = read_picture(path)
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRBigEndian
    dataset.PixelData = values.astype(">u2").tobytes()
    big = {"implicit_vr": False, "little_endian": False}
    pydicom.dcmwrite(path, dataset, **big)
    assert np.array_equal(read_picture(path)[0], plain)
    table = pydicom.Dataset()
    table.LUTDescriptor = [256, 0, 16]
    table.add_new("LUTData", "OW", (np.arange(256) * 257).astype(">u2").tobytes())
    dataset.VOILUTSequence = [table]
    pydicom.dcmwrite(path, dataset, **big)
    assert reason(path) == "lookup table in big-endian order; save it as little endian"


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:2:2"])
def test_a_jpeg_with_halved_colours_is_no_rgb_whatever_the_header_says(
    tmp_path, scene, subsampling
):
    stream = io.BytesIO()
    Image.fromarray(scene).save(stream, "JPEG", quality=95, subsampling=subsampling)
    data = stream.getvalue()
    bare = data[:2] + data[4 + int.from_bytes(data[4:6], "big") :]  # without the JFIF marker
    path = jpeg_in_dicom(tmp_path / "a.dcm", scene, bare)
    dataset = pydicom.dcmread(path)
    dataset.PhotometricInterpretation = "RGB"
    dataset.save_as(path)
    decoded = np.asarray(Image.open(io.BytesIO(data))).astype(int)
    assert np.abs(read_picture(path)[0] - decoded).max() <= 2

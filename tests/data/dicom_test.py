"""DICOM files made by pydicom and by dcmtk's programs, against what Primal reads and writes: `primal denoise --lambda 0` gives the pixels back.
Each result is read by pydicom and compared with what was written: values, kind of pixels, attributes that are kept, UIDs that are new.
Usage: dicom_test.py PRIMAL. Exit code 77 (skipped) without pydicom and NumPy, or where Primal was built without dcmtk. JPEG and JPEG-LS are
packed by dcmcjpeg and dcmcjpls (Debian: dcmtk), and left out where those are missing."""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import pydicom
    import pydicom.filebase
    import pydicom.filewriter
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import (CTImageStorage, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless,
                             SecondaryCaptureImageStorage, generate_uid)
except ImportError:
    print("no pydicom here: skipped")
    sys.exit(77)

PRIMAL = sys.argv[1]
RNG = np.random.default_rng(3)
failures = []


def check(name, fact, what):
    if not fact:
        failures.append(f"{name}: {what}")


def pixels(shape, bits, signed=False, colour=False):
    """Smooth values with some noise over what so many bits hold."""
    shape = shape + (3,) if colour else shape
    ramp = sum(np.linspace(0, 1, n).reshape([-1 if a == axis else 1 for a in range(len(shape))]) for axis, n in enumerate(shape))
    values = np.floor((ramp / len(shape) * 0.9 + 0.1 * RNG.random(shape)) * (2.0**bits - 1))
    if signed:
        values -= 2.0 ** (bits - 1)
    kind = ("i" if signed else "u") + ("1" if bits <= 8 else "2" if bits <= 16 else "4")
    return values.astype(kind)


def dataset(values, bits, photometric="MONOCHROME2", colour=False, **attributes):
    ds = Dataset()
    ds.SOPClassUID = CTImageStorage
    ds.SOPInstanceUID, ds.SeriesInstanceUID, ds.StudyInstanceUID = generate_uid(), "1.2.3.4.5", "1.2.3.4"
    ds.FrameOfReferenceUID = "1.2.3.9"
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName, ds.PatientID = "Müller^Änne", "P-17"
    ds.Laterality = ""
    ds.PatientBirthDate, ds.PatientSex = "19700101", "F"
    ds.StudyDate, ds.StudyTime, ds.Modality = "20260102", "101112", "CT"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.PixelSpacing = [0.5, 0.25]
    ds.WindowCenter, ds.WindowWidth = 40, 400
    ds.ImageOrientationPatient, ds.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [-10, -20, 30]
    ds.SmallestImagePixelValue = 0
    ds.add_new(0x00091010, "LO", "a private one")
    frames = values.shape[0] if values.ndim == (4 if colour else 3) else 1
    if frames > 1:
        ds.NumberOfFrames = frames
    ds.Rows, ds.Columns = values.shape[1:3] if frames > 1 else values.shape[:2]
    ds.SamplesPerPixel = 3 if colour else 1
    if colour:
        ds.PlanarConfiguration = 0
    ds.PhotometricInterpretation = photometric
    ds.BitsAllocated = values.dtype.itemsize * 8
    ds.BitsStored, ds.HighBit = bits, bits - 1
    ds.PixelRepresentation = 1 if values.dtype.kind == "i" else 0
    for name, value in attributes.items():
        setattr(ds, name, value)
    ds.PixelData = values.tobytes() + b"\0" * (values.nbytes % 2)
    ds["PixelData"].VR = "OW" if values.dtype.itemsize > 1 else "OB"
    return ds


def save(ds, path, syntax=ExplicitVRLittleEndian, preamble=True):
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if syntax == RLELossless else syntax
    if syntax == RLELossless:
        ds.compress(RLELossless)  # which gives it another instance
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    if syntax == ExplicitVRBigEndian and ds.BitsAllocated == 16:
        ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
    if preamble:
        pydicom.dcmwrite(str(path), ds, enforce_file_format=True)
    else:
        file = pydicom.filebase.DicomBytesIO()
        file.is_implicit_VR, file.is_little_endian = syntax == ImplicitVRLittleEndian, True
        pydicom.filewriter.write_dataset(file, ds)
        path.write_bytes(file.getvalue())


def make(folder):
    """name -> (values expected in the file's units or samples, the data set that was written)."""
    cases = {}

    def add(name, ds, values, syntax=ExplicitVRLittleEndian, preamble=True):
        if isinstance(ds, pathlib.Path):
            ds = pydicom.dcmread(str(ds))
        else:
            save(ds, folder / name, syntax, preamble)
        cases[name] = (values, ds)

    for syntax, label in ((ExplicitVRLittleEndian, "explicit"), (ImplicitVRLittleEndian, "implicit"), (ExplicitVRBigEndian, "big"), (RLELossless, "rle")):
        for bits, signed in ((8, False), (12, False), (16, False), (12, True), (16, True)):
            for photometric in ("MONOCHROME1", "MONOCHROME2"):
                values = pixels((23, 37), bits, signed)
                add(f"{label}_{bits}_{'s' if signed else 'u'}_{photometric[-1]}.dcm", dataset(values, bits, photometric), values, syntax)
        for shape, colour in (((3, 20, 15), False), ((18, 25), True), ((2, 18, 25), True)):
            values = pixels(shape, 8, colour=colour)
            add(f"{label}_{len(shape)}_{'rgb' if colour else 'frames'}.dcm",
                dataset(values, 8, "RGB" if colour else "MONOCHROME2", colour), values, syntax)
    values = pixels((3, 20, 15), 12)
    add("frames_12.dcm", dataset(values, 12), values)
    values = pixels((2, 20, 16), 12, True)
    add("frames_hounsfield.dcm", dataset(values, 12, RescaleSlope="1", RescaleIntercept="-1024"), values)
    for slope, intercept in (("1", "-1024"), ("0.5", "100.25")):
        values = pixels((31, 20), 12)
        add(f"rescaled_{slope}.dcm", dataset(values, 12, RescaleSlope=slope, RescaleIntercept=intercept, RescaleType="HU"), values)
    values = pixels((17, 20), 12)
    add("no_preamble_explicit.dcm", dataset(values, 12), values, preamble=False)
    values = pixels((17, 20), 12)
    add("no_preamble_implicit.dcm", dataset(values, 12), values, ImplicitVRLittleEndian, preamble=False)
    planar = pixels((18, 24), 8, colour=True)
    ds = dataset(planar, 8, "RGB", True)
    ds.PlanarConfiguration, ds.PixelData = 1, np.moveaxis(planar, -1, 0).tobytes()
    add("planar.dcm", ds, planar)
    shifted = pixels((15, 18), 12)
    ds = dataset((shifted << 4) | 5, 12)
    ds.HighBit = 15
    add("high_bit_15.dcm", ds, shifted)
    for program, options, label in (("dcmcjpeg", ["+e1"], "lossless"), ("dcmcjpls", [], "jpegls")):
        if not shutil.which(program):
            print(f"no {program} here: {label} is left out")
            continue
        for bits, signed, colour in ((8, False, False), (12, False, False), (16, True, False), (8, False, True)):
            values = pixels((40, 33), bits, signed, colour)
            if program == "dcmcjpls" and signed:
                continue
            plain, packed = folder.parent / "plain.dcm", folder / f"{label}_{bits}_{int(colour)}.dcm"
            save(dataset(values, bits, "RGB" if colour else "MONOCHROME2", colour), plain)
            subprocess.run([program, *options, str(plain), str(packed)], check=True, capture_output=True)
            add(packed.name, packed, values)
    return cases


KEPT = ["PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate", "StudyTime", "Modality", "PixelSpacing",
        "WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept", "RescaleType", "PhotometricInterpretation", "BitsStored", "BitsAllocated",
        "PixelRepresentation", "Rows", "Columns", "SamplesPerPixel", "NumberOfFrames", "ImagePositionPatient", "FrameOfReferenceUID",
        "SpecificCharacterSet"]


def compare(name, values, before, path):
    after = pydicom.dcmread(str(path))
    check(name, np.array_equal(after.pixel_array, values), "the pixels differ")
    for keyword in KEPT:
        # The class of several frames of levels wants a scale of 1.
        if keyword.startswith("Rescale") and after.SOPClassUID.startswith("1.2.840.10008.5.1.4.1.1.7."):
            continue
        check(name, before.get(keyword) == after.get(keyword), f"{keyword} is {after.get(keyword)}, was {before.get(keyword)}")
    check(name, after[0x00091010].value in ("a private one", b"a private one "), "a private attribute is lost")
    check(name, "SmallestImagePixelValue" not in after, "SmallestImagePixelValue is kept")
    check(name, list(after.ImageType) == ["DERIVED", "SECONDARY", "AXIAL"], f"ImageType {after.ImageType}")
    check(name, after.SOPInstanceUID != before.SOPInstanceUID and after.SOPInstanceUID.is_valid, "no new instance")
    check(name, after.file_meta.MediaStorageSOPInstanceUID == after.SOPInstanceUID, "the meta information has another UID")
    check(name, after.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian, "not explicit VR, little endian")
    check(name, after.SeriesInstanceUID != before.SeriesInstanceUID and after.SeriesInstanceUID.is_valid, "no new series")
    source = after.SourceImageSequence[0]
    check(name, source.ReferencedSOPInstanceUID == before.SOPInstanceUID and source.ReferencedSOPClassUID == before.SOPClassUID, "another source")
    check(name, "lambda 0" in after.DerivationDescription and "primal" in after.DerivationDescription, after.DerivationDescription)
    if int(after.get("NumberOfFrames") or 1) == 1:
        check(name, after.SOPClassUID == SecondaryCaptureImageStorage and after.ConversionType == "WSD", "no Secondary Capture")
    return after


def validate(path):
    """What the standard asks of an object of its class."""
    if path.name == "frames_hounsfield.dcm":
        return  # CT Image Storage with frames, which no scanner writes
    done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, errors="replace")
    for line in (done.stdout + done.stderr).splitlines():
        check(path.name, not line.startswith("Error"), f"dciodvfy: {line}")


def denoise(*arguments):
    return subprocess.run([PRIMAL, "denoise", "--lambda", "0", *map(str, arguments)], capture_output=True, text=True)


def lossy(folder, results):
    """JPEG loses information: what dcmdjpeg unpacks is what counts, and the result says what happened before."""
    if not shutil.which("dcmcjpeg"):
        return
    for colour in (False, True):
        values = pixels((64, 48), 8, colour=colour)
        plain, packed, unpacked = folder / "a.dcm", folder / "lossy.dcm", folder / "unpacked.dcm"
        save(dataset(values, 8, "RGB" if colour else "MONOCHROME2", colour), plain)
        subprocess.run(["dcmcjpeg", "+eb", "+q", "90", str(plain), str(packed)], check=True, capture_output=True)
        subprocess.run(["dcmdjpeg", "+cp", str(packed), str(unpacked)], check=True, capture_output=True)
        done = denoise(packed, "-o", results / "lossy.dcm", "--overwrite")
        check("lossy", done.returncode == 0, done.stderr)
        after = pydicom.dcmread(str(results / "lossy.dcm"))
        check("lossy", np.array_equal(after.pixel_array, pydicom.dcmread(str(unpacked)).pixel_array), "the pixels differ from dcmdjpeg's")
        check("lossy", after.LossyImageCompression == "01" and float(after.LossyImageCompressionRatio) > 1 and
              after.LossyImageCompressionMethod == "ISO_10918_1", "nothing says that information was lost")


def units(folder, results):
    """--range is in the units of the file, and read says what was found."""
    values = pixels((40, 30), 12)
    save(dataset(values, 12, RescaleSlope="2", RescaleIntercept="-1024"), folder / "units.dcm")
    done = denoise("--range=-1000:3000", "--json", folder / "units.dcm", "-o", results / "units.npy")
    read = json.loads(done.stdout)["pictures"][0]["read"]
    check("units", (read["format"], read["samples"], read["slope"], read["offset"], read["zero"], read["one"]) ==
          ("dicom", "uint16", 2.0, -1024.0, -1000.0, 3000.0), str(read))
    check("units", read["dicom"] == {"bits_stored": 12, "photometric": "MONOCHROME2", "transfer_syntax": "1.2.840.10008.1.2.1"}, str(read))
    found = np.load(results / "units.npy")
    check("units", found.dtype == np.float32 and np.abs(found - (values * 2.0 - 1024)).max() < 0.01, "other values in NumPy")
    # Levels of 12 bits are white at 4095, and as PNG they fill 16 bits.
    save(dataset(values, 12, "MONOCHROME1"), folder / "levels.dcm")
    done = denoise("--json", folder / "levels.dcm", "-o", results / "levels.npy")
    check("levels", json.loads(done.stdout)["pictures"][0]["read"]["one"] == 4095.0, done.stdout)
    check("levels", np.array_equal(np.load(results / "levels.npy"), 4095 - values), "MONOCHROME1 is not turned around")


def others(folder, results):
    """Pictures of other formats become a Secondary Capture of nobody."""
    np.save(folder / "u2.npy", pixels((3, 20, 30), 16))
    np.save(folder / "f4.npy", pixels((20, 30), 16).astype("f4"))
    done = denoise(folder / "u2.npy", "--format", "dicom", "-o", results)
    check("others", done.returncode == 0, done.stderr)
    after = pydicom.dcmread(str(results / "u2.dcm"))
    check("others", np.array_equal(after.pixel_array, np.load(folder / "u2.npy")), "the pixels differ")
    check("others", after.PatientName == "" and after.PatientID == "" and after.SOPClassUID == "1.2.840.10008.5.1.4.1.1.7.3", "another class")
    refused = denoise(folder / "f4.npy", "--format", "dicom", "-o", results)
    check("others", refused.returncode == 3 and "DICOM holds integers" in refused.stderr, refused.stderr)


def repeats(folder, results):
    """The same call writes the same bytes, and slices of a series stay together."""
    names = []
    for i in range(2):
        save(dataset(pixels((20, 20), 12), 12), folder / f"slice{i}.dcm")
        names.append(folder / f"slice{i}.dcm")
    for out in ("one", "two"):
        denoise(*names, "-o", results / out)
    for i in range(2):
        check("repeats", (results / "one" / f"slice{i}.dcm").read_bytes() == (results / "two" / f"slice{i}.dcm").read_bytes(), "another file")
    a, b = (pydicom.dcmread(str(results / "one" / f"slice{i}.dcm")) for i in range(2))
    check("repeats", a.SeriesInstanceUID == b.SeriesInstanceUID and a.SOPInstanceUID != b.SOPInstanceUID, "the slices are torn apart")


def main():
    with tempfile.TemporaryDirectory() as root:
        folder, results, more = (pathlib.Path(root) / name for name in ("in", "out", "more"))
        folder.mkdir()
        more.mkdir()
        probe = more / "probe.dcm"
        save(dataset(pixels((4, 4), 8), 8), probe)
        if "libdcmtk-dev" in denoise(probe, "-o", more / "out").stderr:
            print("a build without dcmtk: skipped")
            return 77
        cases = make(folder)
        done = denoise("--quiet", folder, "-o", results)
        check("all", done.returncode == 0, done.stderr)
        for name, (values, before) in cases.items():
            try:
                compare(name, values, before, results / name)
            except Exception as error:
                failures.append(f"{name}: {error!r}")
        if shutil.which("dciodvfy"):
            for path in sorted(results.glob("*.dcm")):
                validate(path)
        else:
            print("no dciodvfy here (Debian: dicom3tools): the objects are not validated")
        for part in (lossy, units, others, repeats):
            part(more, results)
        for failure in failures:
            print(failure)
        print(f"{len(cases)} files, {len(failures)} failures")
    return 1 if failures else 0


sys.exit(main())

"""TIFF, NumPy, NIfTI, netpbm and WebP files made by the libraries of those formats, against what Primal reads and writes:
`primal denoise --lambda 0` gives a picture back. Each result is read by the same library and compared with what was written: pages, sample
type, values, geometry. Usage: formats_test.py PRIMAL. Exit code 77 (skipped) where none of the libraries is there (PyPI: numpy with any of
tifffile, nibabel and pillow; imagecodecs for packed TIFFs)."""

import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("no NumPy here: skipped")
    sys.exit(77)


def optional(name):
    try:
        return __import__(name)
    except ImportError:
        return None


tifffile, nibabel, imagecodecs = optional("tifffile"), optional("nibabel"), optional("imagecodecs")
try:
    from PIL import Image, ImageFilter
except ImportError:
    Image = None

RNG = np.random.default_rng(7)
TYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "f2", "f4", "f8"]


def array(shape, kind):
    """Smooth values with some noise over much of what the type holds."""
    ramp = sum(np.linspace(0, 1, n).reshape([-1 if a == axis else 1 for a in range(len(shape))]) for axis, n in enumerate(shape))
    values = ramp / len(shape) * 0.9 + 0.05 * RNG.random(shape)
    if kind[0] == "f":
        return (values * 3 - 1.25).astype(kind)
    info = np.iinfo(kind)
    return (info.min + values * (float(info.max) - info.min)).astype(kind)


class Cases:
    def __init__(self, folder):
        self.folder, self.cases = folder, []

    def add(self, name, expected, read, write, result_ending=None):
        """write(path) makes the file, read(path) gives the result's values in the shape of `expected`."""
        write(str(self.folder / name))
        stem = name[: -len(".nii.gz")] if name.endswith(".nii.gz") else pathlib.Path(name).stem
        ending = name[len(stem):]
        self.cases.append((name, stem + (result_ending or ending), expected, read))


def numpy_cases(cases):
    for kind in TYPES:
        for order in "<>":
            for layout in "CF":
                for shape in ((23, 37), (3, 19, 14), (18, 21, 3), (2, 17, 12, 3)):
                    values = np.array(array(shape, kind).astype(order + kind), order=layout)
                    name = f"npy_{kind}_{'le' if order == '<' else 'be'}_{layout}_{'x'.join(map(str, shape))}.npy"
                    cases.add(name, values, np.load, lambda path, v=values: np.save(path, v))
        packed = array((2, 11, 13) if kind[0] == "u" else (11, 13, 3), kind)
        load = lambda path: np.load(path)["arr_0"]
        cases.add(f"npz_{kind}_stored.npz", packed, load, lambda path, v=packed: np.savez(path, v))
        cases.add(f"npz_{kind}_deflated.npz", packed, load, lambda path, v=packed: np.savez_compressed(path, v))


def tiff_cases(cases):
    if tifffile is None:
        return
    packings = [(None, False)] + ([("lzw", False), ("lzw", True), ("zlib", False), ("zlib", True), ("packbits", False)] if imagecodecs else [])
    for kind in TYPES:
        for packing, predictor in packings:
            for tiled in (False, True):
                for order in "<>":
                    values = array((3, 45, 67), kind)
                    name = f"tiff_{kind}_{packing}_{int(predictor)}_{'tiles' if tiled else 'strips'}_{'le' if order == '<' else 'be'}.tif"
                    options = dict(compression=packing, byteorder=order, tile=(16, 32) if tiled else None,
                                   predictor=predictor or None, photometric="minisblack", bigtiff=tiled and order == "<",
                                   description="notes", resolution=(300, 150), metadata=None)
                    if not tiled:
                        options["rowsperstrip"] = 7
                    cases.add(name, values, tifffile.imread, lambda path, v=values, o=options: tifffile.imwrite(path, v, **o))
    for kind in ("u1", "u2", "u4"):
        values = array((20, 30), kind)
        cases.add(f"tiff_white_is_zero_{kind}.tif", values, tifffile.imread,
                  lambda path, v=values: tifffile.imwrite(path, v, photometric="miniswhite"))
    for planar in ("contig", "separate"):
        for kind in ("u1", "u2", "f4"):
            rgb = array((21, 17, 3), kind)
            stored = rgb if planar == "contig" else np.moveaxis(rgb, -1, 0)
            cases.add(f"tiff_rgb_{planar}_{kind}.tif", rgb, tifffile.imread,
                      lambda path, v=stored, p=planar: tifffile.imwrite(path, v, photometric="rgb", planarconfig=p))


def imagej_stacks(cases):
    """Stacks of ImageJ: their description says how many planes lie one behind the other, and readers believe it."""
    if tifffile is None:
        return
    stacks = [(axes, n, extent) for axes in ("ZYX", "TYX", "CYX") for n in (2, 10) for extent in ((20, 21), (64, 64), (90, 121))]
    for kind in ("u1", "u2", "f4"):
        for axes, n, extent in stacks + [("TZCYX", (3, 2, 2), (30, 31))]:
            for order in "<>":
                values = array((*np.atleast_1d(n), *extent), kind)
                name = f"tiff_imagej_{axes}_{np.prod(n)}_{extent[0]}_{kind}_{'le' if order == '<' else 'be'}.tif"
                options = dict(imagej=True, byteorder=order, resolution=(3, 3), metadata={"axes": axes, "unit": "um", "spacing": 2.5, "finterval": 0.5})
                cases.add(name, values, lambda path, written=str(cases.folder / name): read_imagej(path, written),
                          lambda path, v=values, o=options: tifffile.imwrite(path, v, **o))
    values = array((4, 20, 21, 3), "u1")
    name = "tiff_imagej_ZYXS_4.tif"
    cases.add(name, values, lambda path, written=str(cases.folder / name): read_imagej(path, written),
              lambda path, v=values: tifffile.imwrite(path, v, imagej=True, metadata={"axes": "ZYXS", "unit": "um"}))


def read_imagej(path, written):
    """The values by the description, where they are those by the directories too and the description has not changed."""
    with tifffile.TiffFile(path) as after, tifffile.TiffFile(written) as before:
        assert after.imagej_metadata == before.imagej_metadata, f"the description is {after.imagej_metadata}"
        assert after.series[0].axes == before.series[0].axes, f"the axes are {after.series[0].axes}"
        values = after.asarray()
        pages = np.stack([page.asarray() for page in after.pages])
        assert all(len(page.dataoffsets) != 2 for page in after.pages), "ImageJ cannot open pages of two strips"
        assert np.array_equal(pages.reshape(values.shape), values), "the directories and the description name other planes"
        return values


def nifti_cases(cases):
    if nibabel is None:
        return
    affine = np.array([[1.5, 0.1, 0, -20], [0, 2.5, 0.2, 30], [0.1, 0, 3.5, 4], [0, 0, 0, 1]])
    for kind in ("u1", "i2", "u2", "i4", "f4", "f8"):
        for order in "<>":
            for ending in (".nii", ".nii.gz"):
                for slope, inter in ((1, 0), (0.5, -1024)):
                    if kind[0] == "f" and slope != 1:
                        continue
                    values = array((17, 13, 4), kind)
                    header = nibabel.Nifti1Header(endianness=order)
                    header.set_data_dtype(kind)
                    image = nibabel.Nifti1Image(values, affine, header)
                    image.header.set_zooms((1.5, 2.5, 3.5))
                    image.header.set_xyzt_units("mm", "sec")
                    image.header["descrip"] = b"made by nibabel"

                    def write(path, image=image, slope=slope, inter=inter):
                        image.header.set_slope_inter(slope, inter)
                        # The samples as they are: to_filename would choose a scale of its own.
                        header = image.header.copy()
                        header["magic"], header["vox_offset"] = b"n+1", 352
                        text = header.binaryblock + bytes(4) + np.asarray(image.dataobj).astype(header.get_data_dtype()).tobytes("F")
                        if path.endswith(".gz"):
                            import gzip
                            text = gzip.compress(text)
                        pathlib.Path(path).write_bytes(text)

                    name = f"nifti_{kind}_{'le' if order == '<' else 'be'}_{slope}_{'packed' if ending == '.nii.gz' else 'plain'}{ending}"
                    cases.add(name, values.astype("f8") * slope + inter,
                              lambda path, written=str(cases.folder / name): read_nifti(path, written), write)


def read_nifti(path, written):
    """The values, where the bytes before them are those of the file that was read."""
    import gzip
    before, after = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
                     for data in (pathlib.Path(file).read_bytes() for file in (written, path)))
    assert before[:352] == after[:352], "the header has changed"
    return nibabel.load(path).get_fdata()


def pillow_cases(cases):
    if Image is None:
        return
    grey = Image.fromarray(array((31, 27), "u1"))
    colour = Image.fromarray(np.stack([array((31, 27), "u1") for _ in range(3)], -1))
    load = lambda path: np.asarray(Image.open(path))
    cases.add("pillow_grey.pgm", np.asarray(grey), load, grey.save, ".png")
    cases.add("pillow_colour.ppm", np.asarray(colour), load, colour.save, ".png")
    cases.add("pillow_lossless_grey.webp", np.asarray(grey), load, lambda path: grey.convert("RGB").save(path, lossless=True, exact=True), ".png")
    cases.add("pillow_lossless_colour.webp", np.asarray(colour), load, lambda path: colour.save(path, lossless=True, exact=True), ".png")
    smooth = colour.filter(ImageFilter.GaussianBlur(3))

    def save_lossy(path):
        smooth.save(path, quality=80)
        save_lossy.expected[...] = np.asarray(Image.open(path).convert("RGB"))

    save_lossy.expected = np.zeros(np.asarray(smooth).shape, "u1")
    cases.add("pillow_lossy.webp", save_lossy.expected, load, save_lossy, ".png")
    floats = Image.fromarray(array((31, 27), "f4"))
    cases.add("pillow_floats.pfm", np.asarray(floats), load, floats.save)
    cases.add("pillow_tiff_lzw.tif", np.asarray(grey), load, lambda path: grey.save(path, compression="tiff_lzw"))


def main():
    with tempfile.TemporaryDirectory() as root:
        folder, results = pathlib.Path(root) / "in", pathlib.Path(root) / "out"
        folder.mkdir()
        cases = Cases(folder)
        for make in (numpy_cases, tiff_cases, imagej_stacks, nifti_cases, pillow_cases):
            make(cases)
        done = subprocess.run([sys.argv[1], "denoise", "--lambda", "0", "--quiet", str(folder), "-o", str(results)],
                              capture_output=True, text=True)
        failures, worst = 0, {}
        if done.returncode != 0:
            print(done.stderr)
            failures += 1
        for name, result, expected, read in cases.cases:
            try:
                found = read(str(results / result))
            except Exception as error:
                failures += 1
                print(f"{name}: {error}")
                continue
            library = name.split("_")[0].split(".")[0]
            exact = np.asarray(expected).dtype.kind in "ui" and np.asarray(expected).dtype.itemsize <= 2
            shape = np.asarray(expected).shape
            if found.shape != shape or (library not in ("nifti", "pillow") and found.dtype.newbyteorder("=") != np.asarray(expected).dtype.newbyteorder("=")):
                failures += 1
                print(f"{name}: {found.shape} {found.dtype}, expected {shape} {np.asarray(expected).dtype}")
                continue
            e, f = np.asarray(expected, "f8"), np.asarray(found, "f8")
            share = np.abs(e - f).max() / (e.max() - e.min())  # of the file's range
            worst[library] = max(worst.get(library, 0.0), share)
            # Values are computed with in float32; float16 has fewer bits of its own.
            if share > (0 if exact else 1e-3 if np.asarray(expected).dtype.itemsize == 2 else 1e-6):
                failures += 1
                print(f"{name}: the largest difference is {share:.3g} of the range")
        counts = {}
        for name, *_ in cases.cases:
            library = name.split("_")[0].split(".")[0]
            counts[library] = counts.get(library, 0) + 1
        for library, n in counts.items():
            print(f"{library}: {n} files, the largest difference is {worst.get(library, float('nan')):.3g} of a file's range")
        print(f"{len(cases.cases)} files, {failures} failures")
    return 1 if failures else 0


sys.exit(main())

"""What a picture holds beside its colours, written by Pillow, tifffile and libwebp's and libpng's own rules, through `primal denoise --lambda 0`:
transparency, colour profiles, gamma, chromaticities, resolution and orientation come back, or a remark says what is left out.
Usage: extras_test.py PRIMAL. Exit code 77 (skipped) without NumPy and Pillow (PyPI: numpy, pillow; tifffile for TIFFs)."""

import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import zlib

try:
    import numpy as np
    from PIL import Image, ImageCms, features
except ImportError:
    print("no NumPy and Pillow here: skipped")
    sys.exit(77)
try:
    import tifffile
except ImportError:
    tifffile = None

PRIMAL = sys.argv[1]
RNG = np.random.default_rng(5)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
failures, n_checks = [], 0


def profile(space):
    """The header of a profile and nothing else, which is what tells one from another."""
    header = bytearray(128 + 4)
    header[0:4] = struct.pack(">I", len(header))
    header[8:12], header[12:16], header[16:20], header[20:24] = b"\2\x40\0\0", b"mntr", space, b"XYZ "
    header[36:40] = b"acsp"
    header[68:80] = struct.pack(">3I", 63190, 65536, 54061)  # the illuminant D50
    return bytes(header)


def check(name, fact, what):
    global n_checks
    n_checks += 1
    if not fact:
        failures.append(f"{name}: {what}")


def denoise(*arguments):
    done = subprocess.run([PRIMAL, "denoise", "--lambda", "0", "--json", "--overwrite", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        failures.append(done.stderr)
    read = json.loads(done.stdout)["pictures"][0]["read"] if done.returncode == 0 else {}
    return read, done.stderr


def noise(shape, kind="u1", most=256):
    return RNG.integers(0, most, shape).astype(kind)


def chunks(path):
    data, at, found = pathlib.Path(path).read_bytes(), 8, {}
    while at < len(data):
        n, name = struct.unpack(">I4s", data[at:at + 8])
        found.setdefault(name.decode(), data[at + 8:at + 8 + n])
        at += 12 + n
    return found


def with_chunk(path, *added):
    """The chunks right behind the header of a PNG."""
    data = path.read_bytes()
    between = b"".join(struct.pack(">I", len(c)) + name + c + struct.pack(">I", zlib.crc32(name + c)) for name, c in added)
    path.write_bytes(data[:33] + between + data[33:])


def png(folder, out):
    for mode, shape in (("RGBA", (13, 17, 4)), ("LA", (13, 17, 2))):
        values, path = noise(shape), folder / f"{mode}.png"
        Image.fromarray(values, mode).save(path, icc_profile=SRGB if mode == "RGBA" else profile(b"GRAY"), dpi=(300, 150))
        read, remarks = denoise(path, "-o", out / path.name)
        result = Image.open(out / path.name)
        check(mode, np.array_equal(np.asarray(result), values), "other pixels or another alpha")
        check(mode, result.info.get("icc_profile") == Image.open(path).info["icc_profile"], "another profile")
        check(mode, result.info["dpi"] == Image.open(path).info["dpi"], "another resolution")
        check(mode, read["alpha"] == "unassociated" and read["profile"]["space"] == ("RGB" if mode == "RGBA" else "GRAY"), str(read))
        check(mode, "left out" not in remarks, remarks)
    # A profile of RGB says nothing of grey levels.
    read, remarks = denoise(folder / "RGBA.png", "--colour", "grey", "-o", out / "grey.png")
    result = Image.open(out / "grey.png")
    check("grey", result.mode == "LA" and "icc_profile" not in result.info, "a profile of RGB beside grey")
    check("grey", np.array_equal(np.asarray(result)[..., 1], np.asarray(Image.open(folder / "RGBA.png"))[..., 3]), "another alpha")
    check("grey", "its colour profile is left out: it is for RGB, and the result is grey" in remarks, remarks)
    # Formats that hold neither.
    _, remarks = denoise(folder / "RGBA.png", "--format", "pnm", "-o", out / "RGBA.ppm")
    check("pnm", "its transparency is left out: pnm holds none" in remarks and "its colour profile is left out: pnm holds none" in remarks, remarks)
    # A resized picture has another number of pixels, and its profile still.
    read, remarks = denoise(folder / "RGBA.png", "--size", "8", "-o", out / "small.png")
    check("size", Image.open(out / "small.png").mode == "RGB" and Image.open(out / "small.png").info.get("icc_profile") == SRGB, "no profile")
    check("size", read["alpha"] == "unassociated" and "transparency" in remarks, remarks)


def png_transparent(folder, out):
    """A palette with transparency and a colour marked transparent become a channel; so do 16 bits and interlaced files."""
    palette = Image.fromarray(noise((12, 10), most=4), "P")
    palette.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    palette.save(folder / "palette.png", transparency=b"\0\x40\x80\xff")
    denoise(folder / "palette.png", "-o", out / "palette.png")
    check("palette", np.array_equal(np.asarray(Image.open(out / "palette.png")), np.asarray(Image.open(folder / "palette.png").convert("RGBA"))), "differs")
    grey = noise((12, 10))
    grey[3, 4] = 77
    Image.fromarray(grey).save(folder / "key.png", transparency=77)
    denoise(folder / "key.png", "-o", out / "key.png")
    result = np.asarray(Image.open(out / "key.png"))
    check("key", result.shape[-1] == 2 and np.array_equal(result[..., 1], np.where(grey == 77, 0, 255)) and np.array_equal(result[..., 0], grey), "differs")
    # RGBA of 16 bits, written by hand: Pillow has no such mode. Interlacing in the way of Adam7 needs all
    # passes.
    for interlaced in (False, True):
        values = noise((9, 11, 4), ">u2", 65536)
        passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)] if interlaced else [(0, 0, 1, 1)]
        raw = b"".join(b"\0" + row.tobytes() for y, x, dy, dx in passes for row in values[y::dy, x::dx] if values[y::dy, x::dx].size)
        path = folder / "deep.png"
        path.write_bytes(b"\x89PNG\r\n\x1a\n")
        body = [(b"IHDR", struct.pack(">IIBBBBB", 11, 9, 16, 6, 0, 0, int(interlaced))), (b"IDAT", zlib.compress(raw)), (b"IEND", b"")]
        path.write_bytes(path.read_bytes() + b"".join(struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in body))
        denoise(path, "-o", out / "deep.png")
        found = chunks(out / "deep.png")
        rows = zlib.decompress(b"".join(data for name, data in all_chunks(out / "deep.png") if name == b"IDAT"))
        check("deep", found["IHDR"][8:10] == b"\x10\6" and np.array_equal(unfiltered(rows, 9, 11 * 8), values.reshape(9, -1).view("u1").reshape(9, -1)),
              f"differs, interlaced {interlaced}")


def all_chunks(path):
    data, at = pathlib.Path(path).read_bytes(), 8
    while at < len(data):
        n, name = struct.unpack(">I4s", data[at:at + 8])
        yield name, data[at + 8:at + 8 + n]
        at += 12 + n


def unfiltered(raw, height, row_bytes, pixel=8):
    """PNG specification, 9.2."""
    rows = np.zeros((height + 1, row_bytes), int)
    for y in range(height):
        kind, line = raw[y * (row_bytes + 1)], raw[y * (row_bytes + 1) + 1:(y + 1) * (row_bytes + 1)]
        for i, value in enumerate(line):
            a, b = (rows[y + 1][i - pixel] if i >= pixel else 0), rows[y][i]
            c = rows[y][i - pixel] if i >= pixel else 0
            p = a + b - c
            paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            rows[y + 1][i] = (value + [0, a, b, (a + b) // 2, paeth][kind]) % 256
    return rows[1:].astype("u1")


def png_meaning(folder, out):
    path = folder / "meaning.png"
    gamma, primaries = struct.pack(">I", 45455), struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
    Image.fromarray(noise((9, 9, 3))).save(path)
    with_chunk(path, (b"gAMA", gamma), (b"cHRM", primaries), (b"sRGB", b"\1"))
    denoise(path, "-o", out / "meaning.png")
    found = chunks(out / "meaning.png")
    check("meaning", (found.get("gAMA"), found.get("cHRM"), found.get("sRGB")) == (gamma, primaries, b"\1"), f"{sorted(found)}")
    # Chromaticities that are not those of sRGB.
    Image.fromarray(noise((9, 9, 3))).save(path)
    wide = struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
    with_chunk(path, (b"gAMA", struct.pack(">I", 100000)), (b"cHRM", wide))
    denoise(path, "-o", out / "meaning.png")
    found = chunks(out / "meaning.png")
    check("meaning", found.get("gAMA") == struct.pack(">I", 100000) and found.get("cHRM") == wide, f"{sorted(found)}")
    _, remarks = denoise(path, "--format", "tiff", "-o", out / "meaning.tif")
    check("meaning", "its gamma and chromaticities are left out: tiff holds none" in remarks, remarks)
    # Damaged and far too long profiles.
    for content, words in ((b"no profile" * 30, "damaged"), (bytes(1 << 25), "more than 16777216 bytes"), (profile(b"CMYK"), "for CMYK")):
        Image.fromarray(noise((9, 9, 3))).save(path)
        with_chunk(path, (b"iCCP", b"name\0\0" + zlib.compress(content)))
        read, remarks = denoise(path, "-o", out / "meaning.png")
        check("profile", words in remarks and read["profile"] is None and "iCCP" not in chunks(out / "meaning.png"), remarks)


def jpeg(folder, out):
    long = bytearray(SRGB) + bytes(150000)
    long[0:4] = struct.pack(">I", len(long))
    path = folder / "a.jpg"
    for icc in (SRGB, bytes(long)):  # in one piece and in three
        Image.fromarray(noise((16, 24, 3))).save(path, icc_profile=icc, dpi=(200, 100))
        read, _ = denoise(path, "-o", out / "a.png")
        result = Image.open(out / "a.png")
        check("jpeg", result.info.get("icc_profile") == icc and read["profile"] == {"space": "RGB", "bytes": len(icc)}, "another profile")
        check("jpeg", tuple(round(d) for d in result.info["dpi"]) == (200, 100), f"{result.info.get('dpi')}")
    # Turned by EXIF: the sides and their resolutions change places.
    exif = Image.Exif()
    exif[0x0112], exif[0x011A], exif[0x011B], exif[0x0128] = 6, 200.0, 100.0, 2
    Image.fromarray(noise((16, 24, 3))).save(path, exif=exif, dpi=(200, 100))
    denoise(path, "-o", out / "a.png")
    result = Image.open(out / "a.png")
    check("turned", result.size == (16, 24) and tuple(round(d) for d in result.info["dpi"]) == (100, 200), f"{result.size} {result.info}")
    # Without JFIF it is EXIF that says the resolution.
    data = path.read_bytes()
    at = data.index(b"JFIF") - 4
    path.write_bytes(data[:at] + data[at + 2 + struct.unpack(">H", data[at + 2:at + 4])[0]:])
    denoise(path, "-o", out / "a.png")
    result = Image.open(out / "a.png")
    check("exif", tuple(round(d) for d in result.info.get("dpi", (0, 0))) == (100, 200), f"{result.info}")


def webp(folder, out):
    if not features.check("webp"):
        return
    values, path = noise((14, 15, 4)), folder / "a.webp"
    values[:4, :4, 3] = 0  # colours below full transparency are kept too
    Image.fromarray(values).save(path, lossless=True, exact=True, icc_profile=SRGB)
    for ending in ("webp", "png", "tif"):
        read, remarks = denoise(path, "-o", out / f"webp.{ending}")
        result = Image.open(out / f"webp.{ending}")
        check("webp", np.array_equal(np.asarray(result), values), f"other pixels or another alpha in {ending}")
        check("webp", result.info.get("icc_profile") == SRGB, f"another profile in {ending}")
        check("webp", read["alpha"] == "unassociated" and "left out" not in remarks, remarks)


def tiff(folder, out):
    if tifffile is None:
        return
    for kind, most in (("u1", 256), ("u2", 65536), ("f4", 2)):
        for channels in (1, 3):
            for extra in ("unassalpha", "assocalpha"):
                for planar in ("contig", "separate"):
                    for tile in (None, (16, 16)):
                        values = noise((2, 21, 18, channels + 1), "u4", most).astype(kind)
                        if kind == "f4":
                            values = RNG.random(values.shape).astype(kind)
                        stored = values if planar == "contig" else np.moveaxis(values, -1, 1)
                        path, name = folder / "a.tif", f"tiff {kind} {channels} {extra} {planar} {tile}"
                        with tifffile.TiffWriter(path) as writer:
                            for page in stored:
                                writer.write(page, photometric="rgb" if channels == 3 else "minisblack", planarconfig=planar, extrasamples=[extra],
                                             tile=tile, iccprofile=SRGB if channels == 3 else profile(b"GRAY"), metadata=None)
                        read, remarks = denoise(path, "-o", out / "a.tif")
                        with tifffile.TiffFile(out / "a.tif") as file:
                            found = np.stack([page.asarray() for page in file.pages])
                            kinds = [page.extrasamples for page in file.pages]
                            profiles = [page.tags["InterColorProfile"].value for page in file.pages]
                        check(name, found.shape == values.shape and np.array_equal(found[..., -1], values[..., -1]), "another alpha")
                        check(name, np.abs(found.astype("f8") - values).max() <= (0 if kind != "f4" else 1e-6), "other pixels")
                        check(name, all(k == (2 if extra == "unassalpha" else 1,) for k in kinds), f"{kinds}")
                        check(name, all(p == (SRGB if channels == 3 else profile(b"GRAY")) for p in profiles), "another profile")
                        check(name, read["alpha"] == ("unassociated" if extra == "unassalpha" else "associated"), str(read))
    # Descriptions that count the channels stay with them.
    for name, options in (("shaped", {}), ("imagej", {"imagej": True, "metadata": {"unit": "um"}}), ("ome", {"ome": True})):
        path = folder / f"{name}.tif"
        tifffile.imwrite(path, noise((16, 18, 3)), photometric="rgb", **options)
        written = tifffile.TiffFile(path).pages[0].description
        for colour in ("channels", "luminance"):
            _, remarks = denoise(path, "--colour", colour, "-o", out / path.name)
            check(name, tifffile.TiffFile(out / path.name).pages[0].description == written and "left out" not in remarks, f"{colour}: {remarks}")
        _, remarks = denoise(path, "--colour", "grey", "-o", out / path.name)
        check(name, tifffile.TiffFile(out / path.name).pages[0].description == "", "the description of colours beside grey")
        check(name, remarks.count("its description is left out: it is for RGB, and the result is grey") == 1, remarks)
    # Labels and overlays of ImageJ are left out, and one message says so.
    path = folder / "labels.tif"
    tifffile.imwrite(path, noise((3, 16, 18)), imagej=True, metadata={"axes": "ZYX", "Labels": ["a", "b", "c"], "Overlays": [b"Iout"]})
    _, remarks = denoise(path, "-o", out / path.name)
    check("labels", remarks.count("such as labels, overlays and look-up tables, is left out") == 1, remarks)
    check("labels", "Unknown field" not in remarks, remarks)
    with tifffile.TiffFile(out / path.name) as file:
        check("labels", "Labels" not in file.imagej_metadata and file.imagej_metadata["images"] == 3, str(file.imagej_metadata))
    path = folder / "frames.tif"
    tifffile.imwrite(path, noise((4, 16, 18, 3)), photometric="rgb")
    done = subprocess.run([PRIMAL, "denoise", "--lambda", "1e-9,1e-9", "--iterations", "9", "--sequence", path, "-o", out / path.name],
                          capture_output=True, text=True)
    check("sequence", done.returncode == 0 and done.stderr.count("its description is left out: it is for RGB") == 1, done.stderr)
    # PNG has no associated alpha: the colours are divided by it.
    alpha = noise((10, 10), "u2", 65536)
    straight = noise((10, 10, 3), "u2", 65536)
    values = np.concatenate([np.round(straight * (alpha[..., None] / 65535.0)), alpha[..., None]], -1).astype("u2")
    small = (values >> 8).astype("u1")
    tifffile.imwrite(folder / "b.tif", small, photometric="rgb", extrasamples=["assocalpha"])
    denoise(folder / "b.tif", "-o", out / "b.png")
    found, a = np.asarray(Image.open(out / "b.png")), small[..., 3:].astype("f8")
    expected = np.where(a > 0, np.minimum(np.floor(small[..., :3] * 255.0 / np.maximum(a, 1) + 0.5), 255), 0)
    check("associated", np.array_equal(found[..., 3], small[..., 3]) and np.abs(found[..., :3] - expected).max() <= 1, "other colours")


def main():
    with tempfile.TemporaryDirectory() as root:
        folder, out = pathlib.Path(root) / "in", pathlib.Path(root) / "out"
        folder.mkdir()
        out.mkdir()
        for part in (png, png_transparent, png_meaning, jpeg, webp, tiff):
            try:
                part(folder, out)
            except Exception as error:
                failures.append(f"{part.__name__}: {error!r}")
    for failure in failures:
        print(failure)
    print(f"{n_checks} checks, {len(failures)} failures")
    return 1 if failures else 0


sys.exit(main())

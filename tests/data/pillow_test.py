"""Pictures of every kind, made and read by Pillow, against what Primal reads: `primal denoise --lambda 0` gives a picture back
as grey levels. Usage: pillow_test.py PRIMAL. Exit code 77 (skipped) where there is no Pillow (Debian: python3-pil)."""

import array
import io
import itertools
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

try:
    import PIL
    from PIL import Image, ImageOps, PngImagePlugin, features
except ImportError:
    print("no Pillow here: skipped")
    sys.exit(77)

WIDTH, HEIGHT = 37, 23


def noise(mode, seed):
    """A smooth slope with some noise, in a mode of Pillow."""
    rng = random.Random(seed)
    bands = len(Image.new(mode, (1, 1)).getbands())
    data = bytearray()
    for y in range(HEIGHT):
        for x in range(WIDTH):
            for band in range(bands):
                data.append((5 * x + 3 * y + 40 * band + rng.randrange(9)) % 256)
    return Image.frombytes(mode, (WIDTH, HEIGHT), bytes(data))


def grey_of(path):
    """The levels Pillow sees: upright, grey, 8 or 16 bit."""
    image = ImageOps.exif_transpose(Image.open(path))
    if image.mode in ("I;16", "I;16B", "I"):
        return image.size, list(array.array("i", image.convert("I").tobytes()))
    return image.size, list((image if image.mode == "L" else image.convert("RGB").convert("L")).tobytes())


def write_pictures(folder):
    grey, colour = noise("L", 1), noise("RGB", 2)
    grey.convert("1").save(folder / "png_1bit.png")
    grey.save(folder / "png_8bit.png")
    Image.frombytes("I;16", (WIDTH, HEIGHT), noise("LA", 3).tobytes()).save(folder / "png_16bit.png")
    noise("LA", 4).save(folder / "png_grey_alpha.png")
    colour.save(folder / "png_rgb.png")
    noise("RGBA", 5).save(folder / "png_rgba.png")
    for bits in (1, 2, 4, 8):
        palette = colour.quantize(2**bits)
        palette.save(folder / f"png_palette_{bits}bit.png", bits=bits)
        palette.save(folder / f"png_palette_{bits}bit_transparent.png", bits=bits, transparency=0)
    colour.save(folder / "png_rgb_transparent.png", transparency=(5, 40, 80))
    for progressive in (False, True):
        name = "progressive" if progressive else "baseline"
        grey.save(folder / f"jpeg_grey_{name}.jpg", progressive=progressive)
        for sampling in (0, 1, 2):
            colour.save(folder / f"jpeg_rgb_{name}_{sampling}.jpg", progressive=progressive, subsampling=sampling)
        noise("CMYK", 6).save(folder / f"jpeg_cmyk_{name}.jpg", progressive=progressive)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        grey.save(folder / f"jpeg_orientation_{orientation}.jpg", exif=exif)
        grey.save(folder / f"png_orientation_{orientation}.png", exif=exif)


def exif_block(order, kind, count, orientation, tags_before):
    """A TIFF structure with the orientation in a type of TIFF (3: SHORT, 4: LONG, ...), after so many other entries."""
    pack = lambda codes, *values: struct.pack(("<" if order == b"II" else ">") + codes, *values)
    entries = [pack("HHLL", 0x0100 + i, 4, 1, 77) for i in range(tags_before)]
    code = {1: "B", 3: "H", 4: "L", 6: "b", 8: "h", 9: "l"}[kind]
    value = pack(code, orientation).ljust(4, b"\0")
    entries.append(pack("HHL", 0x0112, kind, count) + value)
    return order + pack("HL", 42, 8) + pack("H", len(entries)) + b"".join(entries) + pack("L", 0)


def raw_profile(block):
    text = block.hex()
    lines = [text[i : i + 72] for i in range(0, len(text), 72)]
    return "\nexif\n%8d\n" % len(block) + "\n".join(lines) + "\n"


def write_orientations(folder):
    """Every place and form of an orientation. Older releases of Pillow look in fewer places."""
    grey = noise("L", 7)
    prefix = b"Exif\0\0"
    numbers = itertools.count()

    def save_png(name, *chunks, exif=None):
        info = PngImagePlugin.PngInfo()
        for kind, *values in chunks:
            getattr(info, kind)(*values)
        grey.save(folder / f"orientation_{next(numbers):03}_{name}.png", pnginfo=info, **({"exif": exif} if exif else {}))

    for order, kind, count, orientation in itertools.product((b"II", b"MM"), (3, 4, 8, 9, 1), (0, 1), (0, 1, 3, 6, 8, 9)):
        block = exif_block(order, kind, count, orientation, orientation % 2)
        name = f"{order.decode()}_{kind}_{count}_{orientation}"
        save_png(name, exif=block)
        grey.save(folder / f"orientation_{name}.jpg", exif=prefix + block)
    six, one, none = (exif_block(b"II", 3, 1, v, 1) for v in (6, 1, 1))
    none = none.replace(b"\x12\x01", b"\x13\x01")
    attribute = '<rdf:Description tiff:Orientation="%d"/>'
    element = "<rdf:Description><tiff:Orientation>%d</tiff:Orientation></rdf:Description>"
    xmp = "XML:com.adobe.xmp"
    save_png("prefix", exif=prefix + prefix + six)  # the first is left out
    save_png("profile", ("add_text", "Raw profile type exif", raw_profile(prefix + six)))
    save_png("profile_packed", ("add_text", "Raw profile type exif", raw_profile(prefix + six), True))
    for form in (attribute, element):
        save_png("xmp", ("add_itxt", xmp, form % 6))
        save_png("xmp_packed", ("add_itxt", xmp, form % 8, "", "", True))
        grey.save(folder / f"orientation_{next(numbers)}_xmp.jpg", xmp=(form % 6).encode())
        grey.save(folder / f"orientation_{next(numbers)}_xmp_exif.jpg", xmp=(form % 6).encode(), exif=prefix + one)
        grey.save(folder / f"orientation_{next(numbers)}_xmp_none.jpg", xmp=(form % 6).encode(), exif=prefix + none)
    save_png("exif_xmp", ("add_itxt", xmp, attribute % 6), exif=one)
    save_png("none_xmp", ("add_itxt", xmp, attribute % 6), exif=none)
    save_png("none_profile", ("add_text", "Raw profile type exif", raw_profile(six)), exif=none)
    save_png("exif_profile", ("add_text", "Raw profile type exif", raw_profile(six)), exif=one)
    save_png("profile_xmp", ("add_text", "Raw profile type exif", raw_profile(six)), ("add_itxt", xmp, attribute % 3))


def riff(chunks):
    """A WebP file of these chunks."""
    body = b"WEBP" + b"".join(kind + struct.pack("<L", len(data)) + data + b"\0" * (len(data) % 2) for kind, data in chunks)
    return b"RIFF" + struct.pack("<L", len(body)) + body


def write_webps(folder):
    """Every orientation, and what a block of it may lack."""
    grey = noise("L", 8).convert("RGB")
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        grey.save(folder / f"webp_orientation_{orientation}.webp", lossless=True, exif=exif)
    plain = io.BytesIO()
    grey.save(plain, "WEBP", lossless=True)
    picture = (b"VP8L", plain.getvalue()[20:])
    exif = lambda orientation, prefix=b"": (b"EXIF", prefix + exif_block(b"II", 3, 1, orientation, 1))
    xmp = lambda orientation: (b"XMP ", b'<rdf:Description tiff:Orientation="%d"/>' % orientation)
    files = {
        "before": (8, [exif(6), picture]), "behind": (8, [picture, exif(6)]), "prefix": (8, [picture, exif(6, b"Exif\0\0")]),
        "six_one": (8, [picture, exif(6), exif(1)]), "one_six": (8, [picture, exif(1), exif(6)]),
        "not_announced": (0, [picture, exif(6)]), "other_chunk": (8, [picture, (b"abcd", b"123"), exif(5)]),
        "xmp": (4, [picture, xmp(8)]), "xmp_not_announced": (0, [picture, xmp(6)]),
        "xmp_six_one": (4, [picture, xmp(6), xmp(1)]), "xmp_one_six": (4, [picture, xmp(1), xmp(6)]),
        "exif_xmp": (12, [picture, exif(1), xmp(6)]), "none_xmp": (12, [picture, (b"EXIF", exif(6)[1].replace(b"\x12\x01", b"\x13\x01")), xmp(6)]),
    }
    for name, (flags, chunks) in files.items():
        header = struct.pack("<L", flags) + struct.pack("<L", WIDTH - 1)[:3] + struct.pack("<L", HEIGHT - 1)[:3]
        (folder / f"webp_{name}.webp").write_bytes(riff([(b"VP8X", header), *chunks]))
    (folder / "webp_not_extended.webp").write_bytes(riff([picture, exif(6)]))


def main():
    program = sys.argv[1]
    reads_webp = "libwebp" in subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    failures = 0
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(temporary)
        (root / "in").mkdir()
        write_pictures(root / "in")
        if int(PIL.__version__.split(".")[0]) >= 12:
            write_orientations(root / "in")
            if reads_webp and features.check("webp"):
                write_webps(root / "in")
        subprocess.run([program, "denoise", "--lambda", "0", "--quiet", root / "in", "-o", root / "out"], check=True)
        pictures = sorted((root / "in").iterdir())
        for path in pictures:
            expected, found = grey_of(path), grey_of(root / "out" / (path.stem + ".png"))
            worst = max(abs(a - b) for a, b in zip(expected[1], found[1])) if expected[0] == found[0] else None
            if worst != 0:
                failures += 1
                print(f"{path.name}: Pillow {expected[0]}, Primal {found[0]}, worst difference {worst}")
        print(f"{len(pictures)} pictures, {failures} differ")
    return 1 if failures else 0


sys.exit(main())

"""Pictures of every kind, made and read by Pillow, against what Primal reads: `primal denoise --lambda 0` gives a picture back
as grey levels. Usage: pillow_test.py PRIMAL. Exit code 77 (skipped) where there is no Pillow (Debian: python3-pil)."""

import array
import pathlib
import random
import subprocess
import sys
import tempfile

try:
    from PIL import Image, ImageOps
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


def main():
    program = sys.argv[1]
    failures = 0
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(temporary)
        (root / "in").mkdir()
        write_pictures(root / "in")
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

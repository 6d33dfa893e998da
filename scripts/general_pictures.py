#!/usr/bin/env python3
"""Makes the training pictures of models/general: tiles of photographs that may be passed on.

    pip download --no-deps --no-binary :all: scikit-image==0.19.3     # its source archive holds the pictures
    pip download --no-deps scikit-learn
    scripts/general_pictures.py scikit-image-0.19.3.tar.gz scikit_learn-*.whl -o general_pictures

Needs Pillow. The photographs and their licences, as the two packages state them:

    astronaut, hubble_deep_field   NASA, public domain
    brick, grass, gravel           CC0 Textures, CC0
    camera                         Lav Varshney, CC0
    chelsea, clock_motion          Stefan van der Walt, CC0 and public domain
    coffee                         Rachel Michetti, CC0
    coins, ihc                     no known copyright restrictions
    retina                         CC0
    rocket                         SpaceX, public domain
    china, flower                  danielbuechele and vultilion (Flickr), CC BY 2.0

Each photograph gives its three colour channels (one if it is grey) at two sizes, reduced to a half and to a quarter by averaging,
which also removes most of its own noise; small ones at their full size too. A photograph in colour also gives its mean of R, G and B and
its two chroma channels, as `primal denoise --colour opponent` shows them to a model. Tiles of 128 x 128 pixels whose luminance (for R, G, B
and grey pictures, the tile itself) hardly varies are left out.
The tiles of coffee and china are for validation, all others for training.
"""
import argparse
import io
import math
import pathlib
import sys
import tarfile
import zipfile

try:
    from PIL import Image, ImageStat
except ImportError:
    sys.exit("general_pictures: needs Pillow: pip install pillow")

FROM_SCIKIT_IMAGE = [
    "astronaut.png", "brick.png", "camera.png", "chelsea.png", "clock_motion.png", "coffee.png", "coins.png", "grass.png", "gravel.png",
    "hubble_deep_field.jpg", "ihc.png", "retina.jpg", "rocket.jpg",
]
FROM_SCIKIT_LEARN = ["china.jpg", "flower.jpg"]
VALIDATION = {"coffee", "china"}
SIDE = 128
LEAST_DEVIATION = 8.0  # of 255

# The orthogonal channels of --colour opponent (data/preprocess/opponent.h): rows of length 1 / sqrt(3);
# the chroma is 0 at 127.5.
OPPONENT = {
    "luminance": (1 / 3, 1 / 3, 1 / 3, 0.0),
    "chroma1": (1 / math.sqrt(6), 0.0, -1 / math.sqrt(6), 127.5),
    "chroma2": (1 / math.sqrt(18), -2 / math.sqrt(18), 1 / math.sqrt(18), 127.5),
}


def pictures(archive):
    """(name, picture) of every photograph in an archive of one of the two packages."""
    if archive.name.endswith(".tar.gz"):
        with tarfile.open(archive) as tar:
            for member in tar.getmembers():
                path = pathlib.PurePosixPath(member.name)
                if path.parent.as_posix().endswith("skimage/data") and path.name in FROM_SCIKIT_IMAGE:
                    yield path.stem, Image.open(io.BytesIO(tar.extractfile(member).read()))
    else:
        with zipfile.ZipFile(archive) as wheel:
            for name in wheel.namelist():
                path = pathlib.PurePosixPath(name)
                if path.parent.as_posix() == "sklearn/datasets/images" and path.name in FROM_SCIKIT_LEARN:
                    yield path.stem, Image.open(io.BytesIO(wheel.read(name)))


def channels(picture):
    """(name, channel, the picture that must vary) of every channel of a photograph."""
    for band, channel in zip(picture.getbands(), picture.split()):
        yield band, channel, channel
    if picture.mode == "RGB":
        luminance = picture.convert("L", OPPONENT["luminance"])
        for name, row in OPPONENT.items():
            yield name, picture.convert("L", row), luminance


def tiles(channel, varies):
    for y in range(0, channel.height - SIDE + 1, SIDE):
        for x in range(0, channel.width - SIDE + 1, SIDE):
            box = (x, y, x + SIDE, y + SIDE)
            if ImageStat.Stat(varies.crop(box)).stddev[0] >= LEAST_DEVIATION:
                yield f"{y:04}_{x:04}", channel.crop(box)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archives", nargs="+", type=pathlib.Path)
    parser.add_argument("-o", "--output", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    counts = {"train": 0, "val": 0}
    for archive in arguments.archives:
        for name, picture in pictures(archive):
            part = "val" if name in VALIDATION else "train"
            folder = arguments.output / part
            folder.mkdir(parents=True, exist_ok=True)
            picture = picture.convert("L" if picture.mode == "L" else "RGB")
            factors = [1, 2] if max(picture.size) <= 600 else [2, 4]
            for factor in factors:
                small = picture.reduce(factor) if factor > 1 else picture
                for band, channel, varies in channels(small):
                    for where, tile in tiles(channel, varies):
                        tile.save(folder / f"{name}_{factor}_{band}_{where}.png")
                        counts[part] += 1
    print(f"general_pictures: {counts['train']} tiles for training, {counts['val']} for validation in {arguments.output}")


if __name__ == "__main__":
    main()

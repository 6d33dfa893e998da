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
which also removes most of its own noise; small ones at their full size too. Tiles of 128 x 128 pixels that hardly vary are left out.
The tiles of coffee and china are for validation, all others for training.
"""
import argparse
import io
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


def tiles(picture):
    for y in range(0, picture.height - SIDE + 1, SIDE):
        for x in range(0, picture.width - SIDE + 1, SIDE):
            tile = picture.crop((x, y, x + SIDE, y + SIDE))
            if ImageStat.Stat(tile).stddev[0] >= LEAST_DEVIATION:
                yield f"{y:04}_{x:04}", tile


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
                for band, channel in zip(small.getbands(), small.split()):
                    for where, tile in tiles(channel):
                        tile.save(folder / f"{name}_{factor}_{band}_{where}.png")
                        counts[part] += 1
    print(f"general_pictures: {counts['train']} tiles for training, {counts['val']} for validation in {arguments.output}")


if __name__ == "__main__":
    main()

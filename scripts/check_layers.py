#!/usr/bin/env python3
"""Checks the include lines of the tree against the rules of docs/architecture.md and prints each line that breaks one.

    scripts/check_layers.py            exit code 0 when all hold, 1 otherwise

1. Arrows point down: tensor <- autograd <- solvers <- nn <- model <- apps <- python; data stands on tensor alone.
2. No circles between folders: if files in a include files in b, directly or through other folders, none in b includes
   files in a. A folder and the rooms inside it (conv3d and conv3d/cpu, tensor and tensor/simt) count as one, since the
   rooms implement what the folder declares.
3. Third-party headers stay where they belong. Headers pass on what they include, so some are for sources alone.
"""
import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# What the files of a top folder may include besides their own.
MAY_INCLUDE = {
    "tensor": set(),
    "autograd": {"tensor"},
    "solvers": {"tensor", "autograd"},
    "nn": {"tensor", "autograd", "solvers"},
    "data": {"tensor"},
    "model": {"tensor", "autograd", "solvers", "nn", "data"},
    "apps": {"tensor", "autograd", "solvers", "nn", "data", "model"},
    "python": {"tensor", "autograd", "solvers", "nn", "data", "model", "apps"},
}
# Third-party headers, and the path prefixes that may include them.
# build_info.cpp reports the version of each library, machine.cpp the instruction set that Highway chose.
HOMES = {
    r"CLI/": ["apps/commands/", "apps/shell/build_info.cpp"],
    r"toml\+\+/": ["apps/training/", "apps/shell/build_info.cpp"],
    r"png\.h": ["data/image/png.cpp", "data/image/png_guard.h", "data/image/png_write.cpp"],
    r"jpeglib\.h|jerror\.h": ["data/image/jpeg.cpp"],
    r"tiff.*\.h$": ["data/image/tiff/"],
    r"webp/": ["data/image/webp/"],
    r"dcmtk/": ["data/image/dicom/"],
    r"zip\.h": ["data/table/zip_archive.cpp"],
    r"pugixml\.hpp": ["data/table/xlsx_read.cpp"],
    r"Eigen/": ["data/embedding/", "apps/scaling/message_model.cpp"],
    r"cairo.*\.h": ["data/figure/drawing.cpp"],
    r"fontconfig/": ["data/figure/font.cpp"],
    r"google/protobuf/|.*\.pb\.h": ["apps/tensorboard/event_file.cpp", "apps/shell/build_info.cpp"],
    r"hwy/": ["tensor/", "solvers/", "nn/", "data/", "apps/profile/", "apps/shell/build_info.cpp", "apps/shell/machine.cpp"],
    r"oneapi/": ["tensor/vendor/", "nn/conv3d/libraries/"],
    r"cudnn.*\.h": ["tensor/vendor/", "nn/conv3d/libraries/"],
    r"cublas.*\.h": ["tensor/vendor/"],
    r"cuda_runtime.*\.h|cooperative_groups.*": ["tensor/cuda/", "tensor/simt/", "tensor/vendor/"],
    r"nvtx3/": ["tensor/range.cpp"],
    r"mpi\.h": ["apps/distributed/mpi_plugin.cpp"],
    r"nanobind/|Python\.h": ["python/"],
    r"gtest/|benchmark/": [],
}
# Third-party headers that no header of ours may include, and the exceptions. JSON takes more than a second to
# read: headers declare it by nlohmann/json_fwd.hpp.
SOURCES_ALONE = {
    r"nlohmann/json\.hpp": ["apps/evaluation/task_evaluation.h", "apps/report/evaluation_record.h", "apps/inspection/file_difference.h"],
}
INCLUDE = re.compile(r'\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)')


def sources():
    for top in MAY_INCLUDE:
        for path in sorted((ROOT / top).rglob("*")):
            if path.suffix in {".h", ".cpp", ".cu"}:
                yield path.relative_to(ROOT).as_posix()


def room(path):
    """The folder that a file belongs to; the rooms that implement it belong to the folder around them."""
    parts = path.split("/")[:-1]
    if len(parts) > 1 and parts[-1] in {"cpu", "cuda", "libraries", "simt", "threads"}:
        parts.pop()
    return "/".join(parts)


def circle(arrows):
    """Folders that include each other in a ring, as a list, or nothing."""
    done, path = set(), []

    def visit(folder):
        if folder in path:
            return path[path.index(folder):] + [folder]
        if folder in done:
            return None
        path.append(folder)
        for below in sorted(arrows[folder]):
            if found := visit(below):
                return found
        path.pop()
        done.add(folder)
        return None

    for folder in sorted(arrows):
        if found := visit(folder):
            return found
    return None


def main():
    faults = []
    arrows = collections.defaultdict(lambda: collections.defaultdict(list))
    for path in sources():
        for number, line in enumerate((ROOT / path).read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            ours, theirs = match.groups()
            where = f"{path}:{number}: {line.strip()}"
            if ours and (ROOT / ours).exists():
                top, other = path.split("/")[0], ours.split("/")[0]
                if other != top and other not in MAY_INCLUDE[top]:
                    faults.append(f"{where}\n    {top} may not include {other}")
                if room(path) != room(ours):
                    arrows[room(path)][room(ours)].append(where)
            for pattern, homes in HOMES.items():
                if re.match(pattern, theirs or ours) and not any(path.startswith(home) for home in homes):
                    faults.append(f"{where}\n    belongs to {', '.join(homes) or 'tests/ and bench/'} alone")
            for pattern, exceptions in SOURCES_ALONE.items():
                if path.endswith(".h") and re.match(pattern, theirs or ours) and path not in exceptions:
                    faults.append(f"{where}\n    is for sources, not for headers")
    while ring := circle(arrows):
        steps = [arrows[a][b][0] for a, b in zip(ring, ring[1:])]
        faults.append("a circle of includes between folders: " + " -> ".join(ring) + "\n    " + "\n    ".join(steps))
        del arrows[ring[0]][ring[1]]
    print("\n".join(faults) if faults else "every include points down")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

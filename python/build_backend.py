"""scikit-build-core, with one addition: an sdist gets the C++ sources that lie beside this folder, as cpp/."""

import contextlib
import pathlib
import shutil

from scikit_build_core.build import *  # noqa: F401,F403
from scikit_build_core.build import build_sdist as _build_sdist

HERE = pathlib.Path(__file__).resolve().parent
SOURCES = ("CMakeLists.txt", "LICENSE", "cmake", "tensor", "autograd", "solvers", "nn", "data", "model", "apps", "configs", "models",
           "README.md", "docs/library.md", "python/CMakeLists.txt", "python/src")


@contextlib.contextmanager
def sources_within():
    """Provides cpp/ during the build; in an unpacked sdist, which contains it already, nothing changes."""
    root, copy = HERE.parent, HERE / "cpp"
    if not (root / "tensor" / "tensor.h").exists():
        yield
        return
    shutil.rmtree(copy, ignore_errors=True)
    try:
        for name in SOURCES:
            source, target = root / name, copy / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
            else:
                shutil.copy2(source, target)
        yield
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def build_sdist(sdist_directory, config_settings=None):
    with sources_within():
        return _build_sdist(sdist_directory, config_settings)

"""The notebooks of docs/python run from beginning to end, and lie in the repository without outputs."""
import json
import os
import pathlib

import pytest
from conftest import ROOT

NOTEBOOKS = sorted((ROOT / "docs/python").glob("*.ipynb"))


def test_there_are_three_without_outputs():
    assert [p.stem for p in NOTEBOOKS] == ["denoise", "iterates", "layer"]
    for path in NOTEBOOKS:
        cells = json.loads(path.read_text())["cells"]
        assert path.stat().st_size < 300_000
        assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells if cell["cell_type"] == "code")


def run(path, folder):
    """The outputs of its code cells, run in a kernel where nbclient is there, else as one program."""
    matplotlib = pytest.importorskip("matplotlib")
    cells = json.loads(path.read_text())["cells"]
    try:
        import nbclient
        import nbformat
        import ipykernel  # noqa: F401
    except ImportError:
        matplotlib.use("agg")
        names = {}
        for cell in cells:
            if cell["cell_type"] == "code":
                exec("".join(cell["source"]), names)
        return names
    book = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(book, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    assert sum(len(json.dumps(cell)) for cell in book.cells) < 300_000
    return None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_it_runs(path, tmp_path):
    if path.stem == "layer":
        pytest.importorskip("torch")
    run(path, tmp_path)

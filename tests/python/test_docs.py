"""The code of docs/python.md runs as it stands there, with smaller pictures and models."""
import re

import numpy as np
import pytest
from conftest import ROOT, disc

import primal

BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs/python.md").read_text(), re.S)


def test_the_page_has_blocks_and_names_every_function():
    text = (ROOT / "docs/python.md").read_text()
    assert len(BLOCKS) == 4
    missing = [name for name in primal.__all__ if name not in text and name not in ("CheckFailed", "Error")]
    assert missing == []


def test_the_blocks_run_one_after_another(tmp_path, monkeypatch, rng):
    monkeypatch.chdir(tmp_path)
    primal.write("noisy.png", disc(64) + 0.1 * rng.standard_normal((64, 64)))
    names = {}
    exec(BLOCKS[0], names)
    assert primal.read("clean.png").shape == (64, 64)
    exec(BLOCKS[1].replace("runs/thesis", "general"), names)
    assert names["map"].shape == (64, 64) and names["gap"] < 1
    tiny = '{"model.filters": 2, "model.blocks": 1, "model.iterations": 4, "data.size": 32, "data.n_train": 2, ' \
           '"data.n_validation": 1, "training.baselines": False, "training.steps": 3}'
    changed = BLOCKS[2].replace('"configs/quick.toml"', tiny).replace('settings={"training.steps": 600}, ', "")
    assert tiny in changed and "600" not in changed
    exec(changed, names)
    assert names["trained"].step == 3 and names["clean"].shape == (64, 64)


def test_the_layer_of_the_page_learns():
    torch = pytest.importorskip("torch")
    pytest.importorskip("primal.torch")
    clean = torch.from_numpy(disc(24, np.float32))[None, None]
    names = {"network": torch.nn.Conv2d(1, 1, 3, padding=1), "z": clean + 0.1, "clean": clean}
    exec(BLOCKS[3], names)
    assert all(p.grad is not None for p in names["layer"].parameters())

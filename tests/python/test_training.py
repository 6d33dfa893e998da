"""Training from Python is the program's training."""
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import primal

TINY = {
    "model": {"filters": 2, "blocks": 1, "iterations": 8},
    "data": {"size": 32, "n_train": 4, "n_validation": 2},
    "training": {"steps": 6, "validate_every": 3, "baselines": False},
}


def test_training_calls_back_writes_its_folder_and_leaves_a_model(tmp_path):
    seen = []
    result = primal.train(TINY, output=tmp_path / "run", on_step=seen.append)
    assert [s["step"] for s in seen] == [1, 2, 3, 4, 5, 6] and seen[0]["n_steps"] == 6
    assert all(np.isfinite(s["loss"]) and s["step_ms"] > 0 for s in seen)
    assert [bool(s["validation"]) for s in seen] == [False, False, True, False, False, True]
    assert seen[2]["validation"]["validation_psnr_db"] > 5
    assert result.step == 6 and not result.stopped and result.best_step in (3, 6)
    assert {"last.safetensors", "best.safetensors", "metrics.csv", "config.toml"} <= set(os.listdir(result.folder))
    model = result.model()
    assert model.settings["model.filters"] == 2
    assert model(np.full((32, 32), 0.5)).picture.shape == (32, 32)


def test_a_file_keys_with_dots_and_sections_mean_the_same(tmp_path):
    file = tmp_path / "tiny.toml"
    file.write_text("[model]\nfilters = 2\nblocks = 1\niterations = 8\n[data]\nsize = 32\nn_train = 4\nn_validation = 2\n"
                    "[training]\nsteps = 3\nbaselines = false\n")
    losses = []
    for name, config, settings in (("a", file, None), ("b", TINY, {"training.steps": 3}), ("c", {}, {**TINY, "training": {
            "steps": 3, "baselines": False}})):
        seen = []
        primal.train(config, output=tmp_path / name, settings=settings, on_step=lambda s: seen.append(s["loss"]))
        losses.append(seen)
    assert losses[0] == losses[1] == losses[2]


def test_false_stops_and_resume_goes_on_to_the_same_losses(tmp_path):
    whole, parts = [], []
    primal.train(TINY, output=tmp_path / "whole", on_step=lambda s: whole.append(s["loss"]))

    def until_two(step):
        parts.append(step["loss"])
        return step["step"] < 2

    result = primal.train(TINY, output=tmp_path / "parts", on_step=until_two)
    assert result.stopped and result.step == 2
    result = primal.train(output=tmp_path / "parts", resume=True, on_step=lambda s: parts.append(s["loss"]))
    assert not result.stopped and result.step == 6
    assert parts == whole


def test_what_on_step_raises_goes_on_and_the_step_is_saved(tmp_path):
    def fail(step):
        if step["step"] == 2:
            raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        primal.train(TINY, output=tmp_path / "run", on_step=fail)
    assert primal.train(output=tmp_path / "run", resume=True).step == 6


def test_a_folder_with_a_training_is_not_overwritten_unasked(tmp_path):
    short = {"training.steps": 1}
    primal.train(TINY, output=tmp_path / "run", settings=short)
    with pytest.raises(primal.ConfigError, match="already contains a training"):
        primal.train(TINY, output=tmp_path / "run", settings=short)
    assert primal.train(TINY, output=tmp_path / "run", settings=short, overwrite=True).step == 1


@pytest.mark.parametrize("config, kind, text", [
    ({"training.stepz": 3}, primal.ConfigError, "steps"),
    ({"training": {"steps": "many"}}, primal.ConfigError, "training.steps"),
    ({"training": {"steps": [1]}}, primal.ConfigError, "training.steps"),
    ({1: 2}, primal.ConfigError, "keys"),
    ("no_such.toml", OSError, "no_such.toml"),
    ({"data.folder": "/nowhere/at/all"}, primal.Error, "nowhere"),
    ({"noise.low": 0.9, "noise.high": 0.1}, primal.ConfigError, "noise.low"),
    (5, TypeError, "path"),
])
def test_settings_that_cannot_be_are_refused(tmp_path, config, kind, text):
    with pytest.raises(kind, match=text):
        primal.train(config, output=tmp_path / "run")


def test_arguments_that_cannot_be_are_refused(tmp_path):
    with pytest.raises(primal.ConfigError, match="on_step"):
        primal.train(TINY, output=tmp_path / "run", on_step=5)
    with pytest.raises(OSError, match="nothing to resume"):
        primal.train(output=tmp_path / "empty", resume=True)


def test_ctrl_c_saves_the_step_and_raises(tmp_path):
    code = f"""if True:
        import primal
        config = {TINY!r}
        config["training"]["steps"] = 100000
        config["training"]["validate_every"] = 50000
        try:
            primal.train(config, output={str(tmp_path / "run")!r}, on_step=lambda s: print("step", flush=True))
        except KeyboardInterrupt:
            print("interrupted", flush=True)
    """
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        for _ in range(3):
            assert process.stdout.readline() == "step\n"
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        for line in process.stdout:
            if line == "interrupted\n":
                break
        else:
            raise AssertionError("it was not interrupted")
        assert time.monotonic() - sent < 5
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.stdout.close()
    assert (tmp_path / "run" / "last.safetensors").exists()

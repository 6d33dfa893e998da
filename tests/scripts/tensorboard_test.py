"""What TensorBoard's own reader finds in the log of a training that was killed, resumed and trained on.

    tensorboard_test.py PRIMAL

Skipped (77) where the package tensorboard is not installed.
"""

import csv
import pathlib
import subprocess
import sys
import tempfile
import time

try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

SETTINGS = {
    "data.size": 32,
    "data.n_train": 12,
    "data.n_validation": 2,
    "model.filters": 4,
    "model.blocks": 1,
    "model.iterations": 8,
    "training.checkpoint_seconds": 1,
    "training.log_every": 10,
}


def check_scalars(log, run):
    rows = list(csv.DictReader((run / "metrics.csv").open(newline="")))
    for column in rows[0]:
        if column in ("step", "epoch"):
            continue
        expected = [(int(row["step"]), float(row[column])) for row in rows if row[column]]
        found = [(event.step, event.value) for event in log.Scalars(column)]
        assert [step for step, _ in found] == [step for step, _ in expected], f"{column}: gap or overlap"
        for (step, value), (_, want) in zip(found, expected):
            assert abs(value - want) <= 1e-7 * abs(want), f"{column}, step {step}: {value} for {want}"
    return len(rows)


def main():
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        run = pathlib.Path(folder) / "run"
        train = [program, "train", "-q", "-o", str(run), "--threads", "1"]
        first = train + ["--data", "", "--log", "tensorboard", "--steps", "100000"]
        for key, value in SETTINGS.items():
            first += ["--set", f"{key}={value}"]
        training = subprocess.Popen(first, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        rows = 0
        while rows < 60 and time.monotonic() < deadline:
            time.sleep(0.05)
            rows = len((run / "metrics.csv").read_text().splitlines()) if (run / "metrics.csv").exists() else 0
        assert training.poll() is None, "the training ended by itself"
        training.kill()
        training.wait()
        state = subprocess.run(
            train + ["--resume", "--dry-run", "--json"], check=True, capture_output=True, text=True
        ).stdout
        done = int(state.split('"steps_done":')[1].split(",")[0].split("}")[0])
        subprocess.run(train + ["--resume", "--steps", str(done + 37)], check=True, capture_output=True)

        log = EventAccumulator(str(run / "tensorboard"), {"scalars": 0, "images": 0, "histograms": 0, "tensors": 0})
        log.Reload()
        n_steps = check_scalars(log, run)
        tags = log.Tags()
        for i in range(2):
            for name in ("clean", "noisy", "denoised", "lambda"):
                picture = log.Images(f"sample_{i}/{name}")[-1]
                assert (picture.step, picture.width, picture.height) == (n_steps, 32, 32), name
        weights = [tag for tag in tags["histograms"] if tag.startswith("weights/")]
        gradients = [tag for tag in tags["histograms"] if tag.startswith("gradients/")]
        assert weights and [t.split("/")[1] for t in weights] == [t.split("/")[1] for t in gradients]
        for tag in weights:
            events = log.Histograms(tag)
            assert [event.step for event in events] == list(range(10, n_steps + 1, 10)), tag
            assert sum(events[-1].histogram_value.bucket) == events[-1].histogram_value.num > 0, tag
        settings = log.Tensors("settings")[-1].tensor_proto.string_val[0].decode()
        assert "| training.log_every | `10` |" in settings, settings
        assert "validation_psnr_db of best scalar" in tags["scalars"]
        print(f"{n_steps} steps, killed after {done}: scalars equal metrics.csv, {len(weights)} weights, 8 pictures")


if __name__ == "__main__":
    main()

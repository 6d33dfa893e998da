"""scripts/pytorch/convert.py: weights from PyTorch's files to Primal and back."""
import importlib.util
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, disc

torch = pytest.importorskip("torch")

import primal  # noqa: E402
from primal.torch import UnrolledTV  # noqa: E402

SCRIPT = ROOT / "scripts/pytorch/convert.py"
GENERAL = ROOT / "models/general.safetensors"


def load_script():
    spec = importlib.util.spec_from_file_location("convert", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def convert(monkeypatch, capsys):
    """The script as it is called, in this process: PyTorch takes seconds to import."""
    script = load_script()

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["convert.py", *map(str, arguments)])
        try:
            script.main()
            code = 0
        except SystemExit as stop:
            code = stop.code
        return code, capsys.readouterr().out

    return run


def test_a_model_of_ours_goes_to_pytorch_and_back_with_the_same_weights(tmp_path, convert):
    assert convert(GENERAL, tmp_path / "w.pt")[0] == 0
    state = torch.load(tmp_path / "w.pt")
    assert state["cnn.c0x0.conv_block.0.weight"].shape[2:] == (3, 3, 1)  # (out, in, kh, kw, kd)
    code, printed = convert(tmp_path / "w.pt", tmp_path / "w.safetensors")
    assert code == 0 and "tensors" in printed
    ours, back = primal.Model.load(GENERAL), primal.Model.load(tmp_path / "w.safetensors")
    assert ours.state().keys() == back.state().keys()
    for name, a in ours.state().items():
        np.testing.assert_array_equal(back.state()[name], a)


def test_what_was_trained_in_pytorch_denoises_in_primal(tmp_path, convert):
    torch.manual_seed(0)
    module = UnrolledTV(4, 2, 256, boundary="periodic")  # bare weights are read with the reference's settings
    torch.save({"model_state_dict": {"module." + k: v for k, v in module.state_dict().items()}}, tmp_path / "w.pt")
    assert convert(tmp_path / "w.pt", tmp_path / "w.safetensors")[0] == 0
    z = disc(32, np.float32)
    with torch.no_grad():
        expected = module(torch.from_numpy(z)[None, None])[0, 0].numpy()
    np.testing.assert_allclose(primal.denoise(z, tmp_path / "w.safetensors"), expected, atol=1e-5)


def test_the_layout_of_our_module(tmp_path, convert):
    assert convert(GENERAL, tmp_path / "w.pt", "--layout", "primal.torch")[0] == 0
    module = UnrolledTV.load("general")
    before = {k: v.clone() for k, v in module.state_dict().items()}
    module.load_state_dict(torch.load(tmp_path / "w.pt"))
    assert all(torch.equal(before[k], v) for k, v in module.state_dict().items())


# The published network for sequences, with 2 filters and 2 levels, as a state_dict of PyTorch.
def sequence_state():
    torch.manual_seed(1)
    kernels = {"encoder.enc_blocks.0.conv_block.0": (2, 1), "encoder.enc_blocks.0.conv_block.2": (2, 2),
               "encoder.enc_blocks.1.conv_block.0": (4, 2), "encoder.enc_blocks.1.conv_block.2": (4, 4),
               "decoder.upconvs.0": (2, 4), "decoder.dec_blocks.0.conv_block.0": (2, 4), "decoder.dec_blocks.0.conv_block.2": (2, 2)}
    state = {name: torch.tensor(10.0) for name in ("tau", "sigma", "theta")}
    for name, (n_out, n_in) in kernels.items():
        state[f"cnn.{name}.weight"] = torch.randn(n_out, n_in, 3, 3, 3)
        state[f"cnn.{name}.bias"] = torch.randn(n_out)
    return state | {"cnn.c1x1.weight": torch.randn(2, 2, 1, 1, 1), "cnn.c1x1.bias": torch.randn(2)}


def test_the_network_for_sequences_goes_both_ways(tmp_path, convert):
    state = sequence_state()
    torch.save({"module." + name: value for name, value in state.items()}, tmp_path / "w.pt")
    assert convert(tmp_path / "w.pt", tmp_path / "w.safetensors")[0] == 0
    assert convert(tmp_path / "w.safetensors", tmp_path / "back.pt")[0] == 0
    back = torch.load(tmp_path / "back.pt")
    assert back.keys() == state.keys()
    assert all(torch.equal(back[name], value) for name, value in state.items())
    assert convert(tmp_path / "w.safetensors", tmp_path / "flat.pt", "--layout", "primal.torch")[0] != 0
    torch.save(state | {"pdhg.tau": torch.tensor(1.0)}, tmp_path / "mixed.pt")  # names of two models
    assert convert(tmp_path / "mixed.pt", tmp_path / "mixed.safetensors")[0] != 0
    assert not (tmp_path / "flat.pt").exists() and not (tmp_path / "mixed.safetensors").exists()


class Harm:
    def __reduce__(self):
        return os.system, ("touch harmed",)


def test_files_that_cannot_be_converted_are_refused_and_leave_nothing(tmp_path, convert, monkeypatch):
    state = UnrolledTV(2, 1, 4).state_dict()
    monkeypatch.chdir(tmp_path)
    cases = {
        "no.pt": b"rubbish",
        "pickle.pt": pickle.dumps(Harm()),
        "list.pt": [1, 2],
        "strange.pt": {**state, "head.weight": torch.zeros(3)},
        "nan.pt": {**state, "cnn.c1x1.bias": torch.full((2,), float("nan"))},
        "rank.pt": {**state, "cnn.c1x1.weight": torch.zeros(3)},
        "integers.pt": {**state, "cnn.c1x1.bias": torch.zeros(2, dtype=torch.int64)},
        "part.pt": {"cnn.c0x0.conv_block.0.bias": torch.zeros(2)},
        "empty.pt": {},
    }
    for name, content in cases.items():
        path = tmp_path / name
        path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
        message = convert(path, tmp_path / "out.safetensors")[0]
        assert isinstance(message, str) and name in message
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(cases)
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(GENERAL.read_bytes()[:50])
    for arguments in ((broken, tmp_path / "x.pt"), (tmp_path / "missing.pt", tmp_path / "x.safetensors"), (GENERAL, tmp_path / "x.safetensors")):
        assert isinstance(convert(*arguments)[0], str)


def test_files_are_replaced_only_where_asked_for(tmp_path, convert):
    target = tmp_path / "w.pt"
    target.write_text("mine")
    assert "--overwrite" in convert(GENERAL, target)[0] and target.read_text() == "mine"
    assert convert(GENERAL, target, "--overwrite")[0] == 0 and "cnn.c1x1.weight" in torch.load(target)


def test_as_a_program_it_says_what_is_wrong_and_nothing_more(tmp_path):
    result = subprocess.run([sys.executable, str(SCRIPT), str(tmp_path / "missing.pt"), str(tmp_path / "x.safetensors")],
                            capture_output=True, text=True)
    assert result.returncode == 1 and result.stdout == "" and result.stderr.startswith("convert.py: ") and "missing.pt" in result.stderr

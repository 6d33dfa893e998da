"""Bad input is an exception of Python, of the kind that Python code expects, with a message that says what is wrong."""
import math
import pathlib
import shutil

import numpy as np
import pytest

import primal
from conftest import ROOT

Z = np.full((20, 20), 0.5)


class Elsewhere:
    """An array on a CUDA device, as far as DLPack tells."""

    def __dlpack__(self, **_):
        raise AssertionError("nobody may ask for it")

    def __dlpack_device__(self):
        return (2, 0)


@pytest.mark.parametrize("x, kind, text", [
    (np.zeros(5), ValueError, r"\[tv\] x has the shape \[5\]"),
    (np.zeros((2, 3, 4, 5)), ValueError, "x has the shape"),
    (np.zeros((1, 2, 3, 4, 5)), ValueError, "x has the shape"),
    (np.zeros((0, 4)), ValueError, "no elements"),
    (np.float64(3), ValueError, "x has the shape"),
    (np.zeros((4, 4), np.int32), TypeError, "int32"),
    (np.zeros((4, 4), bool), TypeError, "bool"),
    (np.zeros((4, 4), np.float16), TypeError, "float16"),
    (np.zeros((4, 4), np.longdouble), TypeError, "float128"),
    (np.zeros((4, 4), complex), TypeError, "complex128"),
    (np.array([["a", "b"]]), TypeError, "<U1"),
    (np.array([[None, 1]]), TypeError, "object"),
    (np.zeros((4, 4), [("r", "f4")]), TypeError, "taken are"),
    (np.ma.masked_equal(Z, 0.5), TypeError, "masked"),
    ([[1.0, 2.0], [3.0]], TypeError, "no array"),
    ("noisy.png", TypeError, "found str"),
    (None, TypeError, "found NoneType"),
    ({1: 2}, TypeError, "found dict"),
    (object(), TypeError, "x "),
    (Elsewhere(), RuntimeError, "CUDA device"),
])
def test_what_is_no_picture_is_refused(x, kind, text):
    for call in (lambda: primal.tv(x, 0.1), lambda: primal.Iterates(x, 0.1)):
        with pytest.raises(kind) as raised:
            call()
        assert isinstance(raised.value, primal.Error)
    with pytest.raises(kind, match=text):
        primal.tv(x, 0.1)
    with pytest.raises(kind):
        primal.denoise(x)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_are_found(value):
    z = Z.copy()
    z[3, 4] = value
    with pytest.raises(primal.NumericError, match=r"\(3, 4\)") as raised:
        primal.tv(z, 0.1)
    assert isinstance(raised.value, ArithmeticError) and raised.value.exit_code == 5
    with pytest.raises(primal.NumericError, match=r"\(0, 0, 0, 3, 4\)|\(3, 4\)"):
        primal.denoise(z)
    with pytest.raises(primal.NumericError):
        primal.estimate_noise(z)


@pytest.mark.parametrize("lam, kind", [
    (-0.1, primal.NumericError), (math.nan, primal.NumericError), (math.inf, primal.NumericError),
    (np.full((20, 20), -1.0), primal.NumericError), (np.zeros((20, 21)), primal.ShapeError), (np.zeros(3), primal.ShapeError),
    (np.zeros((1, 3, 1, 20, 20)), primal.ShapeError), (np.zeros((1, 1, 1, 1, 1, 1)), primal.ShapeError),
    ("much", primal.DTypeError), (None, primal.DTypeError), (1j, primal.DTypeError),
])
def test_a_lambda_that_cannot_be_is_refused(lam, kind):
    with pytest.raises(kind, match="lam"):
        primal.tv(Z, lam)


@pytest.mark.parametrize("arguments, kind", [
    ({"iterations": -1}, ValueError), ({"iterations": 2.5}, TypeError), ({"iterations": "many"}, TypeError),
    ({"iterations": True}, TypeError), ({"iterations": 2**40}, ValueError), ({"gap": 0.0}, ValueError), ({"gap": -1}, ValueError),
    ({"gap": math.nan}, ValueError), ({"boundary": "open"}, ValueError), ({"axes": (0,)}, ValueError), ({"axes": ()}, ValueError),
    ({"axes": (3, 3)}, ValueError),
])
def test_options_that_cannot_be_are_refused(arguments, kind):
    with pytest.raises(kind, match=r"\[tv\]"):
        primal.tv(Z, 0.1, **arguments)


def test_messages_of_the_engine_arrive_with_their_kind():
    with pytest.raises(primal.ShapeError) as raised:
        primal._core.tv(np.zeros((3, 3)), np.zeros(()), 1, 0.0, "periodic", [3, 4])
    assert str(raised.value).startswith("[pdhg]") and isinstance(raised.value, ValueError)
    with pytest.raises(TypeError):
        primal._core.tv(np.zeros((1, 1, 1, 3, 3), np.int32), np.zeros(()), 1, 0.0, "periodic", [3, 4])
    with pytest.raises(primal.ConfigError):
        primal.set_num_threads(0)


def test_files_that_are_no_models(tmp_path):
    with pytest.raises(OSError, match="general"):
        primal.Model.load(tmp_path / "missing.safetensors")
    with pytest.raises(OSError, match="neither best"):
        primal.Model.load(tmp_path)
    rubbish = tmp_path / "rubbish.safetensors"
    rubbish.write_bytes(b"no model at all, whatever its name says")
    with pytest.raises(primal.DataError, match="rubbish"):
        primal.Model.load(rubbish)
    general = (ROOT / "models/general.safetensors").read_bytes()
    for name, damaged in (("cut", general[:-100]), ("flipped", general[:-1000] + bytes([general[-1000] ^ 4]) + general[-999:])):
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(damaged)
        with pytest.raises(primal.DataError, match=name):
            primal.denoise(Z, path)
    with pytest.raises(TypeError):
        primal.Model.load(5)
    with pytest.raises(TypeError):
        primal.denoise(Z, 5)


def test_a_model_of_another_kind_says_of_which(tmp_path):
    import json
    import struct
    metadata = {"format": "primal-checkpoint", "version": "1", "task": "casting_classifier", "config": "{}"}
    header = json.dumps({"__metadata__": metadata, "w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    path = tmp_path / "classifier.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + struct.pack("<f", 1.0))
    with pytest.raises(primal.DataError, match="classif"):
        primal.Model.load(path)


def test_names_of_files_are_shown_and_not_sent_to_the_terminal(tmp_path):
    path = tmp_path / "evil\x1b[2Jname.safetensors"
    path.write_bytes(b"rubbish")
    with pytest.raises(primal.DataError) as raised:
        primal.Model.load(path)
    assert "\x1b" not in str(raised.value)


def test_results_survive_the_model_they_are_from():
    model = primal.Model("general")
    result = model(Z)
    before = result.map.copy()
    del model
    np.testing.assert_array_equal(result.map, before)


def test_errors_are_of_two_families():
    for name, other in (("ShapeError", ValueError), ("DTypeError", TypeError), ("ConfigError", ValueError), ("DataError", ValueError),
                        ("IoError", OSError), ("DeviceError", RuntimeError), ("NumericError", ArithmeticError)):
        assert issubclass(getattr(primal, name), primal.Error) and issubclass(getattr(primal, name), other)

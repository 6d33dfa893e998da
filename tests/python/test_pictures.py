"""Files, scores and the estimate of noise."""
import numpy as np
import pytest
from conftest import disc

import primal


@pytest.mark.parametrize("ending", [".png", ".tif", ".npy", ".npz", ".nii", ".nii.gz", ".pgm"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_levels_come_back_as_they_were(tmp_path, rng, ending, dtype):
    a = rng.integers(0, np.iinfo(dtype).max, (9, 7), dtype, endpoint=True)
    primal.write(tmp_path / ("a" + ending), a)
    b = primal.read(tmp_path / ("a" + ending))
    assert b.dtype == dtype
    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("ending", [".tif", ".npy", ".nii", ".pfm"])
def test_floats_come_back_as_they_were(tmp_path, rng, ending):
    a = rng.standard_normal((9, 7)).astype(np.float32)
    primal.write(tmp_path / ("a" + ending), a)
    np.testing.assert_array_equal(primal.read(tmp_path / ("a" + ending)), a)


def test_colour_and_pages(tmp_path, rng):
    colour = rng.integers(0, 255, (5, 6, 3), np.uint8)
    primal.write(tmp_path / "c.png", colour)
    np.testing.assert_array_equal(primal.read(tmp_path / "c.png"), colour)
    for name in ("c.npy", "c.npz"):
        primal.write(tmp_path / name, colour)
        np.testing.assert_array_equal(primal.read(tmp_path / name), colour)
    np.testing.assert_array_equal(np.load(tmp_path / "c.npy"), colour)
    stack = rng.integers(0, 255, (4, 5, 6, 3), np.uint8)
    primal.write(tmp_path / "v.npy", stack)
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), stack)
    np.testing.assert_array_equal(primal.read(tmp_path / "v.npy"), stack)
    pages = rng.random((4, 5, 6), np.float32)
    primal.write(tmp_path / "p.tif", pages)
    np.testing.assert_array_equal(primal.read(tmp_path / "p.tif"), pages)


def test_floats_become_levels_in_png(tmp_path):
    a = np.array([[-0.5, 0.0, 0.5], [1.0, 1.5, 1 / 255]])
    primal.write(tmp_path / "a.png", a)
    np.testing.assert_array_equal(primal.read(tmp_path / "a.png"), np.array([[0, 0, 128], [255, 255, 1]], np.uint8))
    primal.write(tmp_path / "b.png", a, bit_depth=16)
    np.testing.assert_array_equal(primal.read(tmp_path / "b.png")[0], np.array([0, 0, 32768], np.uint16))
    unit = primal.read(tmp_path / "b.png", unit=True)
    assert unit.dtype == np.float32 and unit.max() == 1.0


def test_files_are_replaced_only_where_asked_for(tmp_path):
    path = tmp_path / "a.png"
    primal.write(path, disc(8))
    before = path.read_bytes()
    with pytest.raises(OSError, match="overwrite"):
        primal.write(path, 1 - disc(8))
    assert path.read_bytes() == before
    primal.write(path, 1 - disc(8), overwrite=True)
    assert path.read_bytes() != before


def test_what_cannot_be_written_or_read_is_said(tmp_path):
    with pytest.raises(primal.ConfigError, match="ending"):
        primal.write(tmp_path / "a.docx", disc(8))
    with pytest.raises(primal.ConfigError, match="not written"):
        primal.write(tmp_path / "a.jpg", disc(8))
    with pytest.raises(primal.ShapeError):
        primal.write(tmp_path / "a.png", np.zeros(4))
    with pytest.raises(primal.DTypeError):
        primal.write(tmp_path / "a.png", np.zeros((4, 4), complex))
    with pytest.raises(primal.DTypeError):
        primal.write(3, disc(8))
    with pytest.raises(primal.NumericError):
        primal.write(tmp_path / "a.png", np.full((4, 4), np.nan))
    with pytest.raises(primal.DataError, match="pages"):
        primal.write(tmp_path / "a.png", np.zeros((3, 4, 5), np.uint8))
    with pytest.raises(primal.DataError, match="4 channels"):
        primal.write(tmp_path / "a.npy", np.zeros((16, 16, 4), np.uint8))
    with pytest.raises(OSError):
        primal.write(tmp_path / "nowhere" / "a.png", disc(8))
    assert not list(tmp_path.iterdir())
    with pytest.raises(OSError):
        primal.read(tmp_path / "missing.png")
    (tmp_path / "no.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    with pytest.raises(primal.DataError, match="no.png"):
        primal.read(tmp_path / "no.png")


def test_scores_are_scikit_images(rng):
    metrics = pytest.importorskip("skimage.metrics")
    a = disc(40)
    b = a + 0.1 * rng.standard_normal(a.shape)
    assert primal.psnr(a, b) == pytest.approx(metrics.peak_signal_noise_ratio(a, b, data_range=1), abs=1e-9)
    assert primal.ssim(a, b) == pytest.approx(metrics.structural_similarity(a, b, data_range=1), abs=1e-9)
    assert primal.ssim(a, b, win_size=11) == pytest.approx(metrics.structural_similarity(a, b, data_range=1, win_size=11), abs=1e-9)
    gaussian = metrics.structural_similarity(a, b, data_range=1, gaussian_weights=True, use_sample_covariance=False)
    assert primal.ssim(a, b, gaussian_weights=True) == pytest.approx(gaussian, abs=1e-9)
    first, second = (np.clip(255 * np.stack([p, p.T, p[::-1]], -1), 0, 255).astype(np.uint8) for p in (a, b))
    assert primal.psnr(first, second) == pytest.approx(metrics.peak_signal_noise_ratio(first, second), abs=1e-9)
    assert primal.ssim(first, second, channel_axis=-1) == pytest.approx(
        metrics.structural_similarity(first, second, channel_axis=-1), abs=1e-9)


def test_scores_by_hand_and_their_errors():
    a, b = np.zeros((8, 8)), np.full((8, 8), 0.1)
    assert primal.psnr(a, b) == pytest.approx(20.0)
    assert primal.psnr(a, a) == np.inf and primal.ssim(b, b) == 1.0
    assert primal.psnr((a * 255).astype(np.uint8), np.full((8, 8), 255, np.uint8)) == 0.0
    with pytest.raises(primal.ShapeError):
        primal.psnr(a, b[:4])
    with pytest.raises(primal.ShapeError):
        primal.ssim(a[:4, :4], b[:4, :4])
    with pytest.raises(primal.DTypeError, match="data_range"):
        primal.psnr(a.astype(np.int32), b)
    with pytest.raises(primal.DTypeError, match="convert"):
        primal.psnr(a.astype(np.uint8), b)
    with pytest.raises(ValueError):
        primal.psnr(a, b, data_range=0)


def test_the_noise_of_a_picture_is_estimated(rng):
    clean = disc(128)
    noisy = clean + 0.05 * rng.standard_normal(clean.shape)
    estimate = primal.estimate_noise(noisy)
    assert estimate.sigma == pytest.approx(0.05, rel=0.1) and estimate.is_reliable and estimate.n_blocks > 10
    three = primal.estimate_noise(np.stack([noisy, clean + 0.1 * rng.standard_normal(clean.shape), noisy], -1))
    assert [e.sigma for e in three] == pytest.approx([0.05, 0.1, 0.05], rel=0.15)
    with pytest.raises(primal.ShapeError):
        primal.estimate_noise(noisy[:8, :8])

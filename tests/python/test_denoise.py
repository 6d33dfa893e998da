"""Total variation and models: results, shapes and types."""
import gc
import subprocess
import sys
import threading

import numpy as np
import pytest
from conftest import disc, reference_tv

import primal


@pytest.mark.parametrize("boundary", ["symmetric", "periodic"])
def test_tv_equals_pdhg_written_in_numpy(noisy, boundary):
    x = primal.tv(noisy, 0.07, iterations=60, boundary=boundary)
    assert x.dtype == np.float64 and x.shape == noisy.shape
    np.testing.assert_allclose(x, reference_tv(noisy, 0.07, 60, boundary)[-1], atol=1e-12)


def test_tv_takes_a_map_and_one_for_each_axis(noisy, rng):
    lam = 0.02 + 0.1 * rng.random(noisy.shape)
    np.testing.assert_allclose(primal.tv(noisy, lam, iterations=40), reference_tv(noisy, lam, 40, "symmetric")[-1], atol=1e-12)
    each = 0.02 + 0.1 * rng.random((1, 2, 1, *noisy.shape))
    np.testing.assert_allclose(primal.tv(noisy, each, iterations=40), reference_tv(noisy, each[0, :, 0], 40, "symmetric")[-1],
                               atol=1e-12)


def test_tv_makes_pictures_of_a_batch_each_by_itself(noisy, rng):
    batch = np.stack([noisy, noisy[::-1], noisy.T])
    lams = np.array([0.02, 0.05, 0.1])
    together = primal.tv(batch, lams, iterations=30)
    for one, lam, x in zip(batch, lams, together):
        np.testing.assert_array_equal(primal.tv(one, lam, iterations=30), x)
    np.testing.assert_array_equal(primal.tv(batch[:, None], lams, iterations=30)[:, 0], together)


def test_tv_of_a_volume_takes_differences_along_depth_too(rng):
    volume = np.repeat(disc(24)[None], 6, 0) + 0.1 * rng.standard_normal((6, 24, 24))
    x = primal.tv(volume[None, None], 0.1)
    slices = primal.tv(volume, 0.1)
    assert x.shape == (1, 1, 6, 24, 24)
    mean = np.repeat(disc(24)[None], 6, 0)
    assert primal.psnr(x[0, 0], mean) > primal.psnr(slices, mean) + 1
    np.testing.assert_allclose(primal.tv(volume[None, None], 0.1, axes=(3, 4))[0, 0], slices, atol=1e-12)


def test_tv_iterates_until_the_gap_is_reached(noisy):
    best = primal.tv(noisy, 0.07, iterations=10000)
    loose = primal.tv(noisy, 0.07, gap=1e-2)
    tight = primal.tv(noisy, 0.07, gap=1e-6)
    assert np.abs(tight - best).max() < 1e-3 < np.abs(loose - best).max()


def test_float32_and_levels_become_float32(noisy):
    x = primal.tv(noisy.astype(np.float32), 0.07)
    assert x.dtype == np.float32
    np.testing.assert_allclose(x, primal.tv(noisy, 0.07), atol=2e-6)
    levels = np.clip(noisy * 255, 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(primal.tv(levels, 0.07), primal.tv(levels * np.float32(1 / 255), 0.07))
    wide = levels.astype(np.uint16) * 257
    np.testing.assert_allclose(primal.tv(wide, 0.07), primal.tv(levels, 0.07), atol=1e-6)


def test_the_model_that_comes_along_denoises_better_than_the_best_scalar(rng):
    clean = disc(96)
    noisy = clean + 0.1 * rng.standard_normal(clean.shape)
    x = primal.denoise(noisy)
    assert x.shape == clean.shape and x.dtype == np.float32
    best = max(primal.psnr(primal.tv(noisy, lam), clean) for lam in (0.05, 0.08, 0.12, 0.18, 0.25))
    assert primal.psnr(x.astype(np.float64), clean) > best - 1.0 > primal.psnr(noisy, clean) + 6


def test_a_model_gives_picture_map_iterations_and_gap(noisy):
    model = primal.Model.load("general")
    result = model(noisy)
    assert result.picture.shape == result.map.shape == noisy.shape
    assert (result.map > 0).all() and result.iterations == model.settings["model.iterations"] and 0 <= result.gap < 1
    np.testing.assert_array_equal(result.picture, primal.denoise(noisy, model))
    np.testing.assert_array_equal(result.picture, primal.denoise(noisy, model.path))
    np.testing.assert_allclose(model.map(noisy)[0], model(noisy, refine=False).map, atol=1e-6)
    # The map and the picture are of the same iterations as anybody's.
    sigma, tau, theta = model.steps
    ours = primal.Iterates(noisy.astype(np.float32), result.map, boundary=model.settings["model.boundary"],
                           start=model.settings["model.start"], steps=model.steps).run(result.iterations)
    np.testing.assert_allclose(ours.x, result.picture, atol=1e-6)
    assert model(noisy, iterations=7).iterations == 7
    assert "general" in repr(model) and "general" in primal.models()
    assert model.state()["cnn.c0x0.conv_block.0.weight"].ndim == 5


def test_a_model_takes_batches_and_colour(noisy):
    model = primal.Model("general")
    batch = np.stack([noisy, 1 - noisy])
    both = model(batch)
    np.testing.assert_array_equal(both.picture[1], model(1 - noisy).picture)
    np.testing.assert_array_equal(both.map[0], model(noisy).map)
    colour = np.stack([noisy, 1 - noisy, noisy.T], -1)
    result = model(colour, colour="channels")
    assert result.picture.shape == result.map.shape == colour.shape
    np.testing.assert_array_equal(result.picture[..., 1], both.picture[1])


def test_opponent_channels_are_luminance_and_chroma(noisy):
    model = primal.Model("general")
    colour = np.stack([noisy, 1 - noisy, noisy.T], -1)
    r, g, b = (colour[..., c].astype(np.float64) for c in range(3))
    parts = [(r + g + b) / 3, 0.5 + (r - b) / np.sqrt(6), 0.5 + (r - 2 * g + b) / np.sqrt(18)]
    l, c1, c2 = (model(p.astype(np.float32), refine=False).picture.astype(np.float64) for p in parts)
    c1, c2 = c1 - 0.5, c2 - 0.5
    expected = np.stack([l + np.sqrt(1.5) * c1 + np.sqrt(0.5) * c2, l - np.sqrt(2) * c2, l - np.sqrt(1.5) * c1 + np.sqrt(0.5) * c2], -1)
    result = model(colour, colour="opponent", refine=False)
    np.testing.assert_allclose(result.picture, expected, atol=2e-5)
    np.testing.assert_allclose(result.map[..., 0], model(parts[0].astype(np.float32), refine=False).map, atol=2e-5)
    # general has learnt them, so they are its default.
    np.testing.assert_array_equal(primal.denoise(colour, refine=False), result.picture)
    with pytest.raises(primal.ConfigError, match="colour must be one of channels, opponent"):
        model(colour, colour="grey")


def test_a_map_is_refined_for_the_noise(rng):
    model = primal.Model("general")
    assert model.settings["model.refine"] is True
    texture = np.sign(rng.standard_normal((96, 96)))  # as fine as a pixel, on the right half
    clean = 0.5 + 0.08 * texture * (np.arange(96) >= 48)
    noisy = (clean + 0.03 * rng.standard_normal(clean.shape)).astype(np.float32)
    refined, proposed = model(noisy), model(noisy, refine=False)
    ratio = refined.map / proposed.map
    assert 0.34 < ratio.min() < 0.8 and 0.9 < ratio.max() < 1.41
    assert primal.psnr(refined.picture, clean.astype(np.float32)) > primal.psnr(proposed.picture, clean.astype(np.float32)) + 0.3
    known = model(noisy, sigma=0.03)
    assert not np.array_equal(known.map, refined.map)
    assert np.abs(known.picture - refined.picture).max() < 0.05
    np.testing.assert_array_equal(primal.denoise(noisy, sigma=0.03), known.picture)
    for bad in (0.0, -1.0, float("nan")):
        with pytest.raises(primal.ConfigError, match="sigma must be above 0"):
            model(noisy, sigma=bad)
    with pytest.raises(primal.ConfigError, match="refine=True"):
        model(noisy, refine=False, sigma=0.03)
    with pytest.raises(primal.DTypeError, match="refine must be"):
        model(noisy, refine="on")
    with pytest.raises(primal.DTypeError, match="sigma must be a number"):
        model(noisy, sigma="0.05")


def test_inputs_are_not_changed_and_results_are_the_callers(noisy):
    before = noisy.copy()
    x = primal.tv(noisy, 0.07)
    kept = x.copy()
    x2 = primal.tv(noisy, 0.07)
    x2 += 1  # writable, and nobody else's
    gc.collect()
    np.testing.assert_array_equal(noisy, before)
    np.testing.assert_array_equal(x, kept)


@pytest.mark.parametrize("form", ["transposed", "reversed", "strided", "fortran", "read_only", "big_endian", "unaligned", "list",
                                  "dlpack", "memoryview", "matrix"])
def test_any_memory_layout_gives_the_same(noisy, form):
    n = noisy.shape[0]
    if form == "transposed":
        x = np.ascontiguousarray(noisy.T).T
    elif form == "reversed":
        x = np.ascontiguousarray(noisy[::-1, ::-1])[::-1, ::-1]
    elif form == "strided":
        wide = np.zeros((n, 2 * n))
        wide[:, ::2] = noisy
        x = wide[:, ::2]
    elif form == "fortran":
        x = np.asfortranarray(noisy)
    elif form == "read_only":
        x = noisy.copy()
        x.flags.writeable = False
    elif form == "big_endian":
        x = noisy.astype(">f8")
    elif form == "unaligned":
        raw = np.zeros(noisy.nbytes + 1, np.uint8)
        x = raw[1:].view(np.float64).reshape(noisy.shape)
        x[...] = noisy
    elif form == "list":
        x = noisy.tolist()
    elif form == "dlpack":
        class Exporter:  # an array of another library
            def __dlpack__(self, *args, **kwargs):
                return noisy.__dlpack__(*args, **kwargs)

            def __dlpack_device__(self):
                return noisy.__dlpack_device__()
        x = Exporter()
    elif form == "memoryview":
        x = memoryview(noisy)
    else:
        x = np.asmatrix(noisy)
    result = primal.tv(x, 0.07, iterations=20)
    np.testing.assert_array_equal(result, primal.tv(noisy, 0.07, iterations=20))


def test_contiguous_arrays_are_not_copied():
    """The engine reads where the array lies: the pool of the engine takes no memory for it."""
    code = """if True:
        import numpy as np, primal
        z = np.random.default_rng(0).random((2048, 2048), np.float32)
        primal.set_num_threads(1)
        primal._core.reset_peak()
        before = primal._core.live_bytes()
        x = primal.tv(z, 0.05, iterations=1)
        fields = (primal._core.peak_bytes() - before) / z.nbytes
        print(fields)
        # x, x_bar, p and the two channels of q, lambda for both axes, and what the solver keeps aside: no
        # copy of z.
        assert x.__array_interface__["data"][0] != z.__array_interface__["data"][0]
        assert primal._core.live_bytes() - before <= 1.2 * z.nbytes, primal._core.live_bytes() - before
    """
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_array_freed_or_resized_while_a_call_reads_it_is_kept_alive(noisy):
    expected = primal.tv(np.tile(noisy, (8, 8)), 0.07, iterations=40)
    results = []
    arrays = [np.tile(noisy, (8, 8))]

    def work():
        results.append(primal.tv(arrays.pop(), 0.07, iterations=40))

    thread = threading.Thread(target=work)
    thread.start()
    while arrays:
        pass
    rubbish = [np.full(expected.shape, np.nan) for _ in range(8)]  # would take the memory, were it free
    gc.collect()
    thread.join()
    del rubbish
    np.testing.assert_array_equal(results[0], expected)


def test_two_threads_at_once_give_what_one_gives(noisy):
    model = primal.Model("general")
    expected = model(noisy).picture
    results = []
    threads = [threading.Thread(target=lambda: results.append(model(noisy).picture)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for x in results:
        np.testing.assert_array_equal(x, expected)


def test_the_lock_of_python_is_free_while_a_call_works():
    z = np.random.default_rng(0).random((1024, 1024), np.float32)
    ticks = 0
    thread = threading.Thread(target=lambda: primal.tv(z, 0.05, iterations=100))
    thread.start()
    while thread.is_alive():
        ticks += 1
    assert ticks > 1000


def test_the_number_of_threads_changes_times_and_no_results(noisy):
    before = primal.num_threads()
    try:
        primal.set_num_threads(1)
        one = primal.denoise(noisy)
        primal.set_num_threads(2)
        np.testing.assert_array_equal(primal.denoise(noisy), one)
        assert primal.num_threads() == 2
    finally:
        primal.set_num_threads(before)


def test_iterates_are_those_of_the_solver(noisy):
    states = reference_tv(noisy, 0.07, 5, "symmetric")
    state = primal.Iterates(noisy, 0.07)
    np.testing.assert_array_equal(state.x, noisy)
    for k, x in enumerate(states, 1):
        np.testing.assert_allclose(state.run().x, x, atol=1e-13)
        assert state.done == k
    assert state.q.shape == (1, 2, 1, *noisy.shape) and np.abs(state.q).max() <= 0.07
    assert set(np.unique(state.active)) <= {-1, 0, 1} and state.active.any()
    gap = state.gap()[0]
    assert 0 < gap < state.objective()[0] and state.run(200).gap()[0] < 0.1 * gap
    assert primal.tape_bytes((256, 256), 256) == 256 * 256 * 256 * 2 * 2 // 8 + 8

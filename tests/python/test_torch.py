"""PDHG as a layer of PyTorch, and Primal's model with a U-Net of PyTorch."""
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from conftest import disc, reference_tv  # noqa: E402

import primal  # noqa: E402
import primal.torch  # noqa: E402
from primal.torch import PDHG, UnrolledTV, pdhg  # noqa: E402


def plain(z, lam, n_iter, sigma, tau, theta, axes, start, boundary):
    """The same iterations by autograd: z [N,1,D,H,W], lam broadcasts to [N,A,D,H,W]."""
    lam = lam.expand(z.shape[0], len(axes), *z.shape[2:])
    if boundary == "symmetric":
        keep = torch.ones_like(lam)
        for a, axis in enumerate(axes):
            keep[:, a].select(axis - 1, -1).zero_()
        lam = lam * keep
    x = x_bar = z
    p = z if start == "noisy" else torch.zeros_like(z)
    q = [torch.zeros_like(z) for _ in axes]
    for _ in range(n_iter):
        p = (p + sigma * (x_bar - z)) / (1 + sigma)
        q = [torch.maximum(torch.minimum(q_a + sigma * (torch.roll(x_bar, -1, axis) - x_bar), lam[:, a:a + 1]), -lam[:, a:a + 1])
             for a, (q_a, axis) in enumerate(zip(q, axes))]
        new = x - tau * p - tau * sum(torch.roll(q_a, 1, axis) - q_a for q_a, axis in zip(q, axes))
        x_bar = new + theta * (new - x)
        x = new
    return x


def inputs(shape, lam_shape, seed=0, dtype=torch.float64):
    g = torch.Generator().manual_seed(seed)
    z = torch.rand(shape, generator=g, dtype=torch.float64).to(dtype).requires_grad_()
    lam = (0.02 + 0.2 * torch.rand(lam_shape, generator=g, dtype=torch.float64)).to(dtype).requires_grad_()
    steps = [torch.tensor(v, dtype=dtype, requires_grad=True) for v in (0.31, 0.29, 0.9)]
    return z, lam, steps


@pytest.mark.parametrize("axes, lam_shape", [((3, 4), (2, 2, 1, 5, 6)), ((3, 4), (1, 1, 1, 1, 1)), ((2, 3, 4), (2, 3, 3, 5, 6)),
                                             ((4,), (2, 1, 3, 5, 6)), ((4, 3), (2, 2, 1, 5, 6))])
@pytest.mark.parametrize("boundary", ["symmetric", "periodic"])
@pytest.mark.parametrize("start", ["noisy", "zero"])
def test_forward_and_gradients_are_those_of_autograd(axes, lam_shape, boundary, start):
    depth = lam_shape[2] if lam_shape[2] > 1 else 1
    z, lam, steps = inputs((2, 1, depth, 5, 6), lam_shape)
    upstream = torch.rand((2, 1, depth, 5, 6), dtype=torch.float64)
    x = pdhg(z, lam, 12, sigma=steps[0], tau=steps[1], theta=steps[2], axes=axes, start=start, boundary=boundary)
    ours = torch.autograd.grad((x * upstream).sum(), [z, lam, *steps])
    y = plain(z, lam, 12, *steps, axes, start, boundary)
    theirs = torch.autograd.grad((y * upstream).sum(), [z, lam, *steps])
    torch.testing.assert_close(x, y, atol=1e-12, rtol=0)
    for a, b in zip(ours, theirs):
        assert a.shape == b.shape
        torch.testing.assert_close(a, b, atol=1e-11, rtol=1e-10)


@pytest.mark.parametrize("learn", [(True, True, True), (True, False, False), (False, True, False), (False, False, True)])
def test_gradcheck_in_double(learn):
    z, lam, steps = inputs((2, 1, 1, 4, 5), (2, 2, 1, 4, 5), seed=3)
    z.requires_grad_(learn[0])
    lam.requires_grad_(learn[1])
    for s in steps:
        s.requires_grad_(learn[2])
    assert torch.autograd.gradcheck(
        lambda z, lam, s, t, h: pdhg(z, lam, 9, sigma=s, tau=t, theta=h, boundary="periodic"), (z, lam, *steps), atol=1e-6)


def test_float32_is_near_double():
    z, lam, _ = inputs((1, 1, 33, 40), (1, 1, 33, 40))
    x = pdhg(z, lam, 64)
    single = pdhg(z.float(), lam.float(), 64)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), x, atol=2e-6, rtol=0)


def test_shapes_of_pictures_and_lambdas():
    z, _, _ = inputs((3, 1, 8, 9), ())
    for lam_shape in [(), (3,), (3, 1, 8, 9), (3, 2, 8, 9), (1, 1, 8, 9), (8, 9), (3, 8, 9), (3, 1, 1, 1, 1)]:
        lam = torch.full(lam_shape, 0.1, dtype=torch.float64, requires_grad=True)
        x = pdhg(z, lam, 5)
        assert x.shape == z.shape
        x.sum().backward()
        assert lam.grad.shape == lam_shape
    assert pdhg(z[0, 0], 0.1, 5).shape == (8, 9)
    torch.testing.assert_close(pdhg(z[:, 0], 0.1, 5), pdhg(z, 0.1, 5)[:, 0])
    np.testing.assert_allclose(pdhg(z, 0.1, 20, start="zero").detach().numpy()[1, 0],
                               reference_tv(z.detach().numpy()[1, 0], 0.1, 20, "symmetric")[-1], atol=1e-12)


def test_without_a_gradient_nothing_is_kept():
    z, lam, _ = inputs((1, 1, 64, 64), (1, 1, 64, 64))
    before = primal._core.live_bytes()
    with torch.no_grad():
        x = pdhg(z, lam, 64)
    assert not x.requires_grad and primal._core.live_bytes() - before <= 2 * x.numel() * 8
    kept = pdhg(z, lam, 64)
    tape = primal._core.live_bytes() - before
    del kept
    assert tape > primal.tape_bytes((64, 64), 64, dtype=np.float64)
    assert primal._core.live_bytes() - before <= 2 * x.numel() * 8


def test_memory_that_is_not_contiguous_and_gradients_that_are_expanded():
    z, lam, _ = inputs((1, 1, 8, 6), (1, 1, 8, 6))
    turned = z.detach().transpose(2, 3).contiguous().transpose(2, 3).requires_grad_()
    assert not turned.is_contiguous()
    a, b = pdhg(turned, lam, 7), pdhg(z, lam, 7)
    torch.testing.assert_close(a, b)
    a.sum().backward()  # its gradient has stride 0
    b.sum().backward()
    torch.testing.assert_close(turned.grad, z.grad)


def test_a_graph_that_is_kept_can_be_walked_twice_and_one_that_is_not_cannot():
    z, lam, _ = inputs((1, 1, 8, 6), (1, 1, 8, 6))
    x = pdhg(z, lam, 7)
    first = torch.autograd.grad(x.sum(), lam, retain_graph=True)[0]
    second = torch.autograd.grad(x.sum(), lam, retain_graph=True)[0]
    torch.testing.assert_close(first, second)
    x = pdhg(z, lam, 7)
    x.sum().backward()
    with pytest.raises(RuntimeError):
        x.sum().backward()
    x = pdhg(z, lam, 7)
    (g,) = torch.autograd.grad(x.sum(), lam, create_graph=True)
    with pytest.raises(RuntimeError):
        g.sum().backward()


def test_an_input_that_was_written_to_since_is_noticed():
    z, lam, _ = inputs((1, 1, 8, 6), (1, 1, 8, 6))
    changed = z * 1
    x = pdhg(changed, lam, 7)
    changed.mul_(2)
    with pytest.raises(RuntimeError, match="modified"):
        x.sum().backward()


def test_a_small_network_learns_through_the_layer():
    torch.manual_seed(0)
    clean = torch.from_numpy(disc(32, np.float32))[None, None]
    noisy = clean + 0.1 * torch.randn(4, 1, 32, 32)
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(4, 1, 3, padding=1),
                              torch.nn.Softplus())
    layer = PDHG(32, learn_steps=True)
    optimizer = torch.optim.Adam([*net.parameters(), *layer.parameters()], lr=2e-2)
    losses = []
    for _ in range(25):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(layer(noisy, 0.1 * net(noisy)), clean.expand_as(noisy))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in [*net.parameters(), *layer.parameters()])
    assert "32" in repr(layer)


@pytest.mark.parametrize("z, lam, kind", [
    (torch.zeros(3), torch.tensor(0.1), ValueError),
    (torch.zeros(1, 2, 4, 4), torch.tensor(0.1), ValueError),
    (torch.zeros(1, 1, 0, 4), torch.tensor(0.1), ValueError),
    (torch.zeros(4, 4, dtype=torch.float16), torch.tensor(0.1), TypeError),
    (torch.zeros(4, 4, dtype=torch.int64), torch.tensor(0.1), TypeError),
    (torch.zeros(4, 4), torch.tensor(0.1, dtype=torch.float64), TypeError),
    (torch.zeros(4, 4), torch.full((5, 5), 0.1), ValueError),
    (torch.zeros(4, 4), torch.tensor(-0.1), ArithmeticError),
    (torch.zeros(4, 4), torch.tensor(float("nan")), ArithmeticError),
    (torch.zeros(4, 4).to_sparse(), torch.tensor(0.1), TypeError),
    (torch.zeros(4, 4, device="meta"), torch.tensor(0.1), RuntimeError),
    (np.zeros((4, 4)), torch.tensor(0.1), TypeError),
    (torch.zeros(4, 4), "much", TypeError),
])
def test_tensors_that_do_not_fit_are_refused(z, lam, kind):
    with pytest.raises(kind) as raised:
        pdhg(z, lam, 3)
    assert isinstance(raised.value, primal.Error)


@pytest.mark.parametrize("options", [{"iterations": -1}, {"iterations": 1.5}, {"axes": (1,)}, {"start": "one"}, {"boundary": "open"},
                                     {"sigma": 0.0}, {"sigma": -1.0}, {"tau": float("nan")}, {"sigma": torch.zeros(2)}])
def test_options_that_do_not_fit_are_refused(options):
    with pytest.raises(primal.Error):
        pdhg(torch.zeros(4, 4), 0.1, **options)


def test_nan_in_z_gives_nan_and_no_crash():
    z = torch.rand(1, 1, 8, 8)
    z[0, 0, 2, 3] = float("nan")
    z.requires_grad_()
    x = pdhg(z, torch.full((1, 1, 8, 8), 0.1, requires_grad=True), 6)
    assert torch.isnan(x).any()
    x.sum().backward()


def test_tensors_of_torch_go_in_and_come_out_of_the_other_functions():
    z = torch.from_numpy(disc(24, np.float32))
    x = primal.tv(z, 0.05)
    assert isinstance(x, torch.Tensor) and x.dtype == torch.float32
    np.testing.assert_array_equal(x.numpy(), primal.tv(z.numpy(), 0.05))
    assert isinstance(primal.denoise(z), torch.Tensor)
    assert isinstance(primal.psnr(z, x), float)
    with pytest.raises(RuntimeError, match="meta"):
        primal.tv(torch.zeros(4, 4, device="meta"), 0.1)
    with pytest.raises(TypeError):
        primal.tv(torch.zeros(4, 4, dtype=torch.bfloat16), 0.1)


@pytest.mark.parametrize("name", ["general", "chest_xray"])
def test_the_model_in_torch_gives_our_output(name, rng):
    ours, theirs = primal.Model.load(name), UnrolledTV.load(name)
    for shape in ((40, 48), (37, 51)):  # multiples of 2^blocks, and padded
        z = np.clip(disc(64)[:shape[0], :shape[1]] + 0.1 * rng.standard_normal(shape), 0, 1).astype(np.float32)
        result = ours(z, refine=False)
        with torch.no_grad():
            t = torch.from_numpy(z)[None, None]
            lam, x = theirs.map(t), theirs(t)
        np.testing.assert_allclose(lam[0, 0].numpy(), result.map, atol=1e-5)
        np.testing.assert_allclose(x[0, 0].numpy(), result.picture, atol=1e-5)


def test_the_model_in_torch_can_be_trained_on():
    model = UnrolledTV(2, 1, 8)
    z = torch.rand(2, 1, 16, 16)
    torch.nn.functional.mse_loss(model(z), torch.zeros_like(z)).backward()
    missing = [n for n, p in model.named_parameters() if p.grad is None]
    assert missing == [] and "pdhg.sigma" in dict(model.named_parameters())
    with pytest.raises(primal.ShapeError):
        model(torch.rand(16, 16))


@pytest.mark.skipif(not hasattr(torch, "compile"), reason="this PyTorch has no torch.compile")
def test_compiling_around_the_layer_does_not_break_it():
    layer = PDHG(16)

    def f(z, h):
        return layer(z, 0.1 * torch.sigmoid(h)).square().sum()

    z, h, _ = inputs((1, 1, 12, 12), (1, 1, 12, 12), dtype=torch.float32)
    expected = torch.autograd.grad(f(z, h), [z, h])
    compiled = torch.compile(f, backend="eager")  # no C++ compiler is asked for: whether the graph can be captured is the question
    for a, b in zip(torch.autograd.grad(compiled(z, h), [z, h]), expected):
        torch.testing.assert_close(a, b)

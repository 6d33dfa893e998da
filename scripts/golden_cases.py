"""The list of golden cases: op, attributes and inputs of each. What an op computes is in golden_ops.py.

An input is described by a function from the case's random generator to a float32 (or int64) tensor. The shapes are
small and awkward on purpose: odd extents, extent 1, D != H != W, batches of 3, channels that fill no vector, padding
on one axis, strides beyond the kernel.
"""

import torch

import torch_model
import torch_systems

CASES = []


def case(name, op, attrs, inputs, upstream=True, note=""):
    """`inputs`: {name: generator -> tensor}, or one function generator -> {name: tensor}."""
    draw = inputs if callable(inputs) else lambda g: {key: make(g) for key, make in inputs.items()}
    CASES.append({"name": name, "op": op, "attrs": attrs, "inputs": draw, "upstream": upstream, "note": note})


def normal(*shape, scale=1.0, mean=0.0):
    return lambda g: mean + scale * torch.randn(shape, generator=g)


def uniform(low, high, *shape):
    return lambda g: low + (high - low) * torch.rand(shape, generator=g)


def signs(*shape):
    return lambda g: 2.0 * torch.randint(0, 2, shape, generator=g).float() - 1.0


def integers(low, high, *shape, scale=1.0):
    """Few different values, so that maxima tie and clips are hit exactly."""
    return lambda g: scale * torch.randint(low, high, shape, generator=g).float()


def labels(n_classes, n):
    return lambda g: torch.randint(0, n_classes, (n,), generator=g)


def constant(value):
    return lambda g: torch.tensor(value)


def picture(g, *shape):
    """Clean phantom [N,1,D,H,W] in [0, 1]: smooth background, a bright box in each frame."""
    n, _, d, h, w = shape
    coarse = torch.rand(n, 1, 2, 3, 3, generator=g)
    x = 0.6 * torch.nn.functional.interpolate(coarse, size=(d, h, w), mode="trilinear", align_corners=True)
    x[..., h // 4 : h - h // 3, w // 3 : w - w // 4] += 0.4
    return x


def noisy_picture(*shape, noise=0.1):
    return lambda g: picture(g, *shape) + noise * torch.randn(shape, generator=g)


# ---- convolutions ------------------------------------------------------------------------------------------


def conv3d(name, x, n_out, kernel, stride=(1, 1, 1), padding=(0, 0, 0), note=""):
    scale = (x[1] * kernel[0] * kernel[1] * kernel[2]) ** -0.5
    case(
        f"conv3d_{name}",
        "conv3d",
        {"stride": list(stride), "padding": list(padding)},
        {"x": normal(*x), "weight": normal(n_out, x[1], *kernel, scale=scale), "bias": normal(n_out)},
        note=note,
    )


UNET = {"kernel": (1, 3, 3), "padding": (0, 1, 1)}
conv3d("unet_batch", (3, 3, 1, 7, 5), 4, **UNET)
conv3d("unet_frames", (2, 3, 3, 6, 5), 3, **UNET)
conv3d("unet_16_channels", (1, 16, 1, 5, 9), 8, **UNET)
conv3d("unet_17_to_5_channels", (1, 17, 1, 3, 18), 5, **UNET, note="channels that fill no vector")
conv3d("unet_3_to_19_channels", (1, 3, 1, 4, 7), 19, **UNET, note="channels that fill no vector")
conv3d("unet_one_row", (1, 2, 1, 1, 9), 3, **UNET)
conv3d("unet_one_column", (2, 3, 1, 8, 1), 5, **UNET)
conv3d("3x3_no_padding", (2, 3, 1, 6, 9), 4, kernel=(1, 3, 3))
conv3d("3x3_padding_on_one_axis", (1, 3, 1, 6, 8), 4, kernel=(1, 3, 3), padding=(0, 0, 1))
conv3d("3x3_padding_2", (1, 2, 1, 4, 5), 3, kernel=(1, 3, 3), padding=(0, 2, 2))
conv3d("3x3_two_strides", (1, 3, 1, 11, 8), 4, kernel=(1, 3, 3), stride=(1, 2, 3), padding=(0, 1, 1))
conv3d("pointwise_batch", (3, 5, 1, 7, 3), 2, kernel=(1, 1, 1))
conv3d("pointwise_strided", (1, 4, 3, 5, 7), 5, kernel=(1, 1, 1), stride=(2, 2, 3))
conv3d("pointwise_padded", (2, 3, 1, 4, 5), 2, kernel=(1, 1, 1), padding=(0, 1, 0), note="the border is the bias")
conv3d("one_column_kernel", (2, 3, 1, 9, 4), 2, kernel=(1, 5, 1), padding=(0, 2, 0))
conv3d("stride_beyond_kernel", (1, 3, 1, 11, 10), 2, kernel=(1, 2, 2), stride=(1, 3, 3), note="pixels no one reads")
conv3d("7x7_strided", (1, 2, 1, 13, 12), 3, kernel=(1, 7, 7), stride=(1, 2, 2), padding=(0, 3, 3))
conv3d("dynamic_strided", (1, 2, 5, 7, 6), 3, kernel=(3, 3, 3), stride=(2, 1, 2), padding=(1, 0, 1))
conv3d("along_frames", (1, 3, 4, 3, 5), 4, kernel=(3, 1, 1), padding=(1, 0, 0))


def conv_transpose3d(name, x, n_out, kernel, stride, padding=(0, 0, 0), output_padding=(0, 0, 0)):
    case(
        f"conv_transpose3d_{name}",
        "conv_transpose3d",
        {"stride": list(stride), "padding": list(padding), "output_padding": list(output_padding)},
        {"x": normal(*x), "weight": normal(x[1], n_out, *kernel, scale=0.3), "bias": normal(n_out)},
    )


conv_transpose3d("k2s2", (3, 4, 1, 3, 5), 2, (1, 2, 2), (1, 2, 2))
conv_transpose3d("k3s1p1", (1, 3, 1, 6, 4), 5, (1, 3, 3), (1, 1, 1), (0, 1, 1))
conv_transpose3d("k3s2p1", (1, 2, 1, 4, 3), 3, (1, 3, 3), (1, 2, 2), (0, 1, 1))
conv_transpose3d("one_pixel", (2, 3, 1, 1, 1), 2, (1, 3, 3), (1, 2, 2))
conv_transpose3d("dynamic", (1, 2, 3, 3, 2), 3, (3, 2, 3), (2, 2, 3), (1, 0, 1), (1, 0, 2))

# ---- other layers ------------------------------------------------------------------------------------------

for name, n, n_in, n_out in (("one_output", 1, 9, 1), ("batch", 3, 17, 10)):
    inputs = {"x": normal(n, n_in), "weight": normal(n_out, n_in, scale=0.3), "bias": normal(n_out)}
    case(f"linear_{name}", "linear", {}, inputs)


def batch_norm(name, shape, training, momentum, eps):
    channels = shape[1]
    running = {"running_mean": [0.25 * i - 0.5 for i in range(channels)]}
    running["running_var"] = [0.75 + 0.5 * i for i in range(channels)]
    case(
        f"batch_norm_{name}",
        "batch_norm",
        {"training": training, "momentum": momentum, "eps": eps, **running},
        {"x": normal(*shape, scale=2.0, mean=1.5), "weight": normal(channels), "bias": normal(channels)},
    )


batch_norm("train_frames", (3, 2, 2, 5, 1), True, 0.3, 1e-3)
batch_norm("train_one_channel", (2, 1, 1, 3, 3), True, 0.05, 1e-5)
batch_norm("eval_one_picture", (1, 4, 1, 3, 7), False, 0.1, 1e-3)


def max_pool3d(name, x, kernel, stride, padding=None):
    attrs = {"kernel": list(kernel), "stride": list(stride)}
    case(f"max_pool3d_{name}", "max_pool3d", attrs | ({"padding": list(padding)} if padding else {}), {"x": x})


max_pool3d("1x2x2_odd", normal(3, 2, 1, 7, 5), (1, 2, 2), (1, 2, 2))
max_pool3d("1x2x2_one_window", normal(2, 3, 1, 2, 2), (1, 2, 2), (1, 2, 2))
max_pool3d("3x3x3_s1_p1", normal(1, 2, 4, 5, 3), (3, 3, 3), (1, 1, 1), (1, 1, 1))
max_pool3d("1x3x2_padding_on_one_axis", normal(2, 2, 1, 6, 7), (1, 3, 2), (1, 1, 3), (0, 1, 0))
max_pool3d("2x1x1", normal(1, 3, 5, 3, 2), (2, 1, 1), (2, 1, 1))
max_pool3d("1x2x2_gaps", normal(1, 2, 1, 9, 8), (1, 2, 2), (1, 3, 3))
max_pool3d("negative_p1", normal(1, 2, 1, 5, 6, mean=-9.0), (1, 3, 3), (1, 2, 2), (0, 1, 1))
max_pool3d("ties", integers(-1, 2, 2, 2, 1, 8, 7), (1, 3, 3), (1, 2, 2), (0, 1, 1))
max_pool3d("ties_1x2x2", integers(0, 2, 2, 2, 2, 6, 8), (1, 2, 2), (1, 2, 2))


def upsample3d(name, shape, scale, mode, align_corners=None):
    attrs = {"scale": list(scale), "mode": mode}
    if align_corners is not None:
        attrs["align_corners"] = align_corners
    case(f"upsample3d_{name}", "upsample3d", attrs, {"x": normal(*shape)})


for suffix, aligned in (("aligned", True), ("half_pixel", False)):
    upsample3d(f"one_pixel_{suffix}", (2, 3, 1, 1, 1), (1, 2, 2), "trilinear", aligned)
    upsample3d(f"batch_{suffix}", (3, 1, 1, 3, 7), (1, 2, 2), "trilinear", aligned)
    upsample3d(f"1x3x2_{suffix}", (2, 2, 1, 5, 4), (1, 3, 2), "trilinear", aligned)
    upsample3d(f"along_frames_{suffix}", (1, 2, 3, 2, 3), (2, 1, 1), "trilinear", aligned)
upsample3d("nearest_2x3x1", (1, 2, 2, 3, 4), (2, 3, 1), "nearest")

for name, axis, a, b in (
    ("one_channel", 1, (3, 1, 1, 3, 5), (3, 2, 1, 3, 5)),
    ("frames", 1, (1, 4, 3, 1, 2), (1, 4, 3, 1, 2)),
    ("along_frames", 2, (2, 3, 1, 2, 3), (2, 3, 4, 2, 3)),
):
    case(f"concat_{name}", "concat", {"axis": axis}, {"a": normal(*a), "b": normal(*b)})

case("reshape_to_pictures", "reshape", {"shape": [3, 4, 1, 5, -1]}, {"x": normal(3, 60)})
case("flatten_batch", "flatten", {}, {"x": normal(3, 4, 1, 5, 3)})
case("flatten_inner_axes", "flatten", {"first_axis": 1, "last_axis": 2}, {"x": normal(2, 3, 1, 5)})


def dropout(name, shape, p, training=True, seed=42, epoch=0, sample=0, layer=0):
    attrs = {"p": p, "training": training, "seed": seed, "epoch": epoch, "sample": sample, "layer": layer}
    case(f"dropout_{name}", "dropout", attrs, {"x": normal(*shape)}, note="the mask is that of tensor/random.h")


dropout("pictures", (3, 2, 1, 5, 7), 0.3)
dropout("rows_of_another_epoch", (4, 129), 0.5, seed=2**40 + 3, epoch=17, sample=2**32 - 2, layer=1)
dropout("no_training", (2, 9), 0.5, training=False)

ODD = (3, 1, 2, 5, 1)
case("relu_odd", "relu", {}, {"x": normal(*ODD)})
for name, slope in (("slope", 0.2), ("slope_zero", 0.0), ("slope_above_one", 1.7)):
    case(f"leaky_relu_{name}", "leaky_relu", {"slope": slope}, {"x": normal(*ODD)})
case("sigmoid_wide", "sigmoid", {}, {"x": normal(*ODD, scale=30.0)})
case("softplus_steep", "softplus", {"beta": 2.0, "threshold": 10.0}, {"x": normal(*ODD, scale=5.0)})
case("softplus_flat", "softplus", {"beta": 0.5, "threshold": 20.0}, {"x": normal(1, 2, 1, 3, 7, scale=20.0)})
for name, beta, threshold in (
    ("low_threshold", 5.0, 2.0),
    ("flat_low_threshold", 0.25, 1.0),
    ("threshold_zero", 2.0, 0.0),
    ("threshold_below_zero", 1.0, -1.5),
    ("high_threshold", 3.0, 60.0),
):
    x = normal(2, 3, 1, 5, 7, scale=2 / beta, mean=threshold / beta)  # half on either side, where the branches meet
    case(f"softplus_{name}", "softplus", {"beta": beta, "threshold": threshold}, {"x": x})
case("softmax_one_row", "softmax", {"axis": 1}, {"x": normal(1, 11, scale=2.0)})
case("softmax_pixels", "softmax", {"axis": 1}, {"x": normal(3, 4, 1, 2, 5)})
case("cross_entropy_one", "cross_entropy", {}, {"x": normal(1, 3), "labels": labels(3, 1)})
case("cross_entropy_large_logits", "cross_entropy", {}, {"x": normal(5, 10, scale=60.0), "labels": labels(10, 5)})
case("mse_loss_batch", "mse_loss", {}, {"x": normal(3, 1, 1, 5, 7), "target": normal(3, 1, 1, 5, 7)})
case("mse_loss_one", "mse_loss", {}, {"x": normal(1), "target": normal(1)})
for name, shape, n_sigma, n_eps in (
    ("one", (1,), 1, 1),
    ("batch", (3, 1, 1, 5, 7), 3, 1),
    ("eps_each", (2, 2, 1, 3, 5), 1, 2),
):
    pictures = {key: normal(*shape) for key in ("f", "h", "z")}
    noise = {"b": signs(*shape), "sigma": uniform(0.2, 0.8, n_sigma), "eps": uniform(0.5, 1.5, n_eps)}
    case(f"sure_loss_{name}", "sure_loss", {}, pictures | noise)

# ---- total variation ---------------------------------------------------------------------------------------

for name, axes, n, extents in (
    ("rows", [3], 2, (1, 5, 4)),
    ("columns", [4], 1, (1, 3, 7)),
    ("swapped_axes", [4, 3], 1, (1, 4, 5)),
    ("batch", [3, 4], 3, (1, 7, 5)),
    ("frames_apart", [3, 4], 2, (3, 4, 5)),
    ("extent_two", [2, 3, 4], 1, (2, 2, 2)),
    ("one_frame", [2, 3, 4], 3, (1, 5, 4)),
):
    case(f"gradient_{name}", "gradient", {"axes": axes}, {"x": normal(n, 1, *extents)})
    case(f"gradient_adjoint_{name}", "gradient_adjoint", {"axes": axes}, {"q": normal(n, len(axes), *extents)})


def pdhg(name, shape, n_iter, p0, axes=(3, 4), steps=(0.97 / 3, 0.99 / 3, 0.995), z=None, lam=None, note=""):
    map_shape = (shape[0], len(axes), *shape[2:])
    inputs = {
        "z": z or noisy_picture(*shape),
        "lambda": lam or (lambda g: 0.001 + 0.05 * torch.randn(map_shape, generator=g).abs()),
        **{key: constant(step) for key, step in zip(("sigma", "tau", "theta"), steps)},
    }
    case(f"pdhg_{name}", "pdhg", {"T": n_iter, "axes": list(axes), "p0": p0}, inputs, note=note)


DYNAMIC = (2, 3, 4)
pdhg("short_one_iteration", (1, 1, 1, 5, 7), 1, "noisy")
pdhg("short_batch", (3, 1, 1, 6, 5), 5, "zero", steps=(0.2, 0.4, 0.5))
pdhg("short_theta_zero", (1, 1, 1, 7, 4), 4, "noisy", steps=(0.3, 0.25, 0.0))
pdhg("short_swapped_axes", (1, 1, 1, 4, 6), 3, "noisy", axes=(4, 3))
pdhg("short_extent_two", (1, 1, 2, 2, 2), 9, "zero", axes=DYNAMIC)
pdhg("short_frames_apart", (2, 1, 3, 4, 5), 6, "noisy", note="the frames do not know of each other")
pdhg(
    "short_lambda_zero",
    (2, 1, 1, 6, 7),
    6,
    "noisy",
    lam=integers(0, 3, 2, 2, 1, 6, 7, scale=0.05),
    note="about a third of lambda is zero: there q stays zero",
)
pdhg(
    "short_ties",
    (2, 1, 1, 6, 5),
    1,
    "zero",
    steps=(0.5, 0.25, 1.0),
    z=integers(0, 5, 2, 1, 1, 6, 5, scale=0.125),
    lam=integers(0, 4, 2, 2, 1, 6, 5, scale=0.0625),
    note="many values lie exactly on the clip: they count as inside",
)
pdhg("seventeen_one_axis", (2, 1, 1, 4, 9), 17, "zero", axes=(4,))
pdhg("seventeen_one_row", (1, 1, 1, 1, 13), 17, "noisy")
pdhg("seventeen_one_frame", (1, 1, 1, 6, 5), 17, "noisy", axes=DYNAMIC)
pdhg("seventeen_wide", (1, 1, 1, 2, 67), 17, "zero")
pdhg("tall", (1, 1, 1, 37, 3), 40, "noisy")
pdhg("batch", (3, 1, 1, 9, 7), 200, "zero")
pdhg("dynamic_batch", (2, 1, 3, 5, 7), 50, "noisy", axes=DYNAMIC, steps=(0.27, 0.26, 1.0))


def scalar_pdhg(name, shape, lam, n_iter, p0, axes, step):
    attrs = {"T": n_iter, "axes": axes, "p0": p0, "scalar_lambda": lam, "sigma": step, "tau": step, "theta": 1.0}
    case(f"pdhg_scalar_{name}", "pdhg", attrs, {"z": noisy_picture(*shape)}, upstream=False)


scalar_pdhg("zero", (1, 1, 1, 6, 5), 0.0, 30, "zero", [3, 4], 0.25)
scalar_pdhg("strong", (3, 1, 1, 9, 8), 0.5, 100, "noisy", [3, 4], 1 / 3)
scalar_pdhg("dynamic", (1, 1, 4, 5, 6), 0.05, 60, "zero", [2, 3, 4], 13**-0.5)


def grid_search(name, shape, lambdas, attrs):
    def inputs(g):
        clean = picture(g, *shape)
        noisy = clean + 0.1 * torch.randn(shape, generator=g)
        return {"clean": clean, "noisy": noisy, "lambdas": torch.tensor(lambdas)}

    case(f"grid_search_{name}", "grid_search", attrs, inputs, upstream=False)


USUAL = {"T": 64, "p0": "zero", "sigma": 1 / 3, "tau": 1 / 3, "theta": 1.0}
OTHER = {"T": 30, "p0": "noisy", "sigma": 0.25, "tau": 0.4, "theta": 0.9}
grid_search("nine", (1, 1, 1, 26, 33), [0.05 * i for i in range(9)], USUAL)
grid_search("noisy_start", (1, 1, 1, 16, 20), [0.02, 0.05, 0.3], OTHER)

# ---- optimiser and metrics ---------------------------------------------------------------------------------

for name, extra in (
    ("betas", {"lr": 0.003, "betas": [0.8, 0.95], "eps": 1e-4}),
    ("decay_amsgrad", {"lr": 0.02, "betas": [0.5, 0.9], "eps": 1e-8, "weight_decay": 0.1, "amsgrad": True}),
    ("tiny_gradients", {"lr": 0.01, "betas": [0.9, 0.999], "eps": 1e-8}),
):
    scale = 1e-8 if name == "tiny_gradients" else 0.5  # of the size of eps
    inputs = {"parameter": normal(5), "gradients": normal(12, 5, scale=scale)}
    case(f"adam_{name}", "adam", extra, inputs, upstream=False)

SSIM = {"ssim_window": 7, "ssim_gaussian_sigma": 1.5, "ssim_gaussian_truncate": 3.5}
for name, data_range, h, w in (("odd", 2.0, 25, 18), ("smallest", 1.0, 11, 11)):

    def pair(g, data_range=data_range, h=h, w=w):
        a = data_range * picture(g, 1, 1, 1, h, w)[0, 0, 0]
        return {"a": a, "b": a + 0.1 * data_range * torch.randn(h, w, generator=g)}

    case(f"metrics_{name}", "metrics", {"data_range": data_range, **SSIM}, pair, upstream=False)



def lpips(name, shape, filters):
    def inputs(g):
        x = torch.rand(shape, generator=g)
        tensors = {"x": x, "target": x + 0.1 * torch.randn(shape, generator=g)}
        n_in = 3
        for layer, (number, side, n_out) in enumerate(zip((0, 3, 6, 8, 10), (11, 5, 3, 3, 3), filters)):
            kernel = torch.randn(n_out, n_in, 1, side, side, generator=g)
            tensors[f"features.{number}.weight"] = (n_in * side**2 / 2) ** -0.5 * kernel
            tensors[f"features.{number}.bias"] = 0.1 * torch.randn(n_out, generator=g)
            tensors[f"lin{layer}.weight"] = torch.rand(n_out, generator=g)
            n_in = n_out
        return tensors

    case(f"lpips_{name}", "lpips", {"filters": filters}, inputs, upstream=False)


lpips("grey", (2, 1, 1, 39, 50), [4, 5, 6, 3, 7])
lpips("smallest_in_colour", (1, 3, 1, 31, 31), [3, 4, 5, 4, 3])

# ---- the whole model ---------------------------------------------------------------------------------------


def model_inputs(shape, filters, blocks, learn_steps):
    def inputs(g):
        clean = picture(g, *shape)
        noisy = clean + 0.1 * torch.randn(shape, generator=g)
        with torch.random.fork_rng():
            torch.manual_seed(int(torch.randint(2**31, (), generator=g)))
            model = torch_model.UnrolledTv(filters, blocks, learn_steps=learn_steps)
        model.cnn.c1x1.weight.data *= 8  # a map that varies, as a trained one does
        parameters = {f"parameter.{name}": value for name, value in model.state_dict().items()}
        return {"noisy": noisy, "clean": clean, **parameters}

    return inputs


def thesis(name, shape, filters, blocks, n_iter, p0, learn_steps, up_bound=0.0, scale=0.1, norm=3.0, training=None):
    attrs = {"filters": filters, "blocks": blocks, "T": n_iter, "p0": p0, "L": norm, "up_bound": up_bound}
    attrs |= {"scale": scale, "learn_steps": learn_steps} | (training or {})
    op = "thesis_training" if training else "thesis_model"
    case(f"{op}_{name}", op, attrs, model_inputs(shape, filters, blocks, learn_steps), upstream=False)


thesis("one_block", (1, 1, 1, 14, 10), 3, 1, 20, "noisy", False)
thesis("batch", (3, 1, 1, 12, 8), 2, 2, 12, "zero", True, scale=0.2)
thesis("bounded_wide", (1, 1, 1, 8, 20), 4, 1, 30, "noisy", False, up_bound=0.3)
thesis("deep", (1, 1, 1, 16, 8), 3, 3, 17, "noisy", True, norm=3.5)
thesis("learnt", (1, 1, 1, 10, 12), 2, 1, 10, "noisy", True, training={"lr": 2e-3, "steps": 20})
thesis("bounded_batch", (3, 1, 1, 8, 12), 2, 1, 16, "zero", False, 0.5, training={"lr": 1e-3, "steps": 12})

# ---- the two other systems ---------------------------------------------------------------------------------


def system_inputs(model, batch):
    """A batch, and the model's own fresh state: kernels of depth 1, running statistics that are not 0 and 1."""

    def inputs(g):
        with torch.random.fork_rng():
            torch.manual_seed(int(torch.randint(2**31, (), generator=g)))
            state = model().state_dict()
        tensors = {name: make(g) for name, make in batch.items()}
        for name, value in state.items():
            if "num_batches" in name:
                continue
            if "norm" in name:
                value = value + 0.3 * torch.rand(value.shape, generator=g)
            tensors[name] = value.unsqueeze(2) if value.dim() == 4 else value
        return tensors

    return inputs


def system(op, name, model, batch, attrs, training=None):
    inputs = system_inputs(model, batch)
    case(f"{op}_{name}", op, attrs, inputs, upstream=False)
    if training:
        attrs = attrs | {"eps": 1e-8, "amsgrad": False} | training
        case(f"{op}_{name}_training", f"{op}_training", attrs, inputs, upstream=False)


def pictures(*shape):
    return {"x": noisy_picture(*shape), "target": lambda g: picture(g, *shape)}


def mnist(name, n, filters, latent, size, in_training=True, training=None):
    sizes = {"filters": filters, "latent": latent, "size": size}
    system(
        "mnist_autoencoder",
        name,
        lambda: torch_systems.MnistAutoencoder(**sizes),
        pictures(n, 1, 1, size, size),
        sizes | {"training": in_training},
        training,
    )


def classifier(name, shape, classes, relu, training=None, filters=(3, 5), hidden=7):
    sizes = {"filters": list(filters), "hidden": hidden, "classes": classes, "relu": relu, "dropout": [0.0, 0.0]}
    system(
        "casting_classifier",
        name,
        lambda: torch_systems.CastingClassifier(shape[1], *shape[3:], **sizes),
        {"x": normal(*shape, scale=0.3, mean=0.5), "labels": labels(classes, shape[0])},
        sizes,
        training,
    )


def autoencoder(name, shape, filters, training=None):
    system(
        "casting_autoencoder",
        name,
        lambda: torch_systems.CastingAutoencoder(shape[1], filters),
        pictures(*shape),
        {"filters": filters},
        training,
    )


mnist("eight", 4, [3, 4], 2, 8)
mnist("twelve", 2, [4, 3], 6, 12, training={"lr": 2e-3, "eps": 1e-7, "amsgrad": True, "steps": 6})
mnist("inference", 3, [3, 2], 5, 16, in_training=False)
classifier("four_classes", (3, 2, 1, 26, 35), 4, True, training={"lr": 2e-3, "steps": 8})
classifier("no_relu", (6, 1, 1, 19, 13), 2, False)
autoencoder("divided", (2, 1, 1, 8, 24), [3, 4, 6], training={"lr": 2e-3, "steps": 6})
autoencoder("reflected", (1, 1, 1, 19, 29), [4, 3, 5])

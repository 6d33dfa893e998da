"""What each op of a golden case computes, in PyTorch: OPS[op](inputs, attrs) -> {output name: tensor}.

`inputs` maps names to tensors of one precision; `attrs` is the case's JSON. Ops use NCDHW.
"""

import torch
from torch.nn import functional

import philox
import torch_model
import torch_systems


def one_output(function):
    return lambda inputs, attrs: {"y": function(inputs, attrs)}


def batch_norm(inputs, attrs):
    x = inputs["x"]
    mean, var = (x.new_tensor(attrs[key]) for key in ("running_mean", "running_var"))
    y = functional.batch_norm(
        x, mean, var, inputs["weight"], inputs["bias"], attrs["training"], attrs["momentum"], attrs["eps"]
    )
    return {"y": y, "running_mean": mean, "running_var": var}  # the call updated them in training


def upsample3d(inputs, attrs):
    align = attrs.get("align_corners") if attrs["mode"] == "trilinear" else None
    return functional.interpolate(
        inputs["x"], scale_factor=[float(s) for s in attrs["scale"]], mode=attrs["mode"], align_corners=align
    )


def dropout(inputs, attrs):
    """The mask comes from Primal's random numbers, read from their description: PyTorch has others."""
    x, key = inputs["x"], {name: attrs[name] for name in ("seed", "epoch", "sample", "layer")}
    rows = x.reshape(x.shape[0], -1)
    kept = torch.from_numpy(philox.dropout_mask(*rows.shape, attrs["p"], **key)).to(x.dtype)
    return (rows * kept / (1 - attrs["p"])).reshape(x.shape) if attrs["training"] else x * 1


def gradient(inputs, attrs):
    return torch.cat([torch_model.difference(inputs["x"], axis) for axis in attrs["axes"]], dim=1)


def gradient_adjoint(inputs, attrs):
    components = inputs["q"].split(1, dim=1)
    return sum(torch_model.difference_adjoint(q, axis) for q, axis in zip(components, attrs["axes"]))


def clip(v, low, high):
    """torch.clamp, but for its gradient where both bounds are one number: there it forgets the lower bound."""
    return torch.where(v > high, high, torch.where(v < low, low, v))


def pdhg(inputs, attrs):
    axes = attrs["axes"]
    if "scalar_lambda" in attrs:
        lambdas = [torch.full_like(inputs["z"], attrs["scalar_lambda"])] * len(axes)
    else:
        lambdas = inputs["lambda"].split(1, dim=1)
    steps = [inputs[key] if key in inputs else attrs[key] for key in ("sigma", "tau", "theta")]
    return torch_model.pdhg(inputs["z"], lambdas, attrs["T"], *steps, attrs["p0"], axes, clip)


def adam(inputs, attrs):
    parameter = inputs["parameter"].detach().clone().requires_grad_()
    options = {key: attrs[key] for key in ("lr", "betas", "eps", "weight_decay", "amsgrad") if key in attrs}
    optimizer = torch.optim.Adam([parameter], **options)
    trajectory = []
    for parameter.grad in inputs["gradients"].detach().unbind():
        optimizer.step()
        trajectory.append(parameter.detach().clone())
    return {"parameters": torch.stack(trajectory)}


def sure_loss(inputs, attrs):
    """Stein's estimate; only f and h have gradients."""
    f, h = inputs["f"], inputs["h"]
    z, b, sigma, eps = (inputs[key].detach() for key in ("z", "b", "sigma", "eps"))
    sigma, eps = (value.view(-1, *[1] * (f.dim() - 1)) for value in (sigma, eps))  # one for each picture, or for all
    return ((f - z) ** 2 - sigma**2 + 2 * sigma**2 / eps * b * (h - f)).mean()


def psnr(a, b, data_range):
    return 10 * torch.log10(data_range**2 / ((a - b) ** 2).mean())


def ssim(a, b, data_range, window, sample_covariance):
    """Mean structural similarity as scikit-image defines it; a and b [H,W], `window` holds the weights of one axis.

    scikit-image reflects at the border, then averages over what lies at least half a window inside: only whole windows.
    """
    size = len(window)
    weights = torch.outer(window, window).view(1, 1, size, size)

    def mean(image):
        return functional.conv2d(image.view(1, 1, *image.shape), weights)

    mean_a, mean_b = mean(a), mean(b)
    unbiased = size**2 / (size**2 - 1) if sample_covariance else 1.0
    var_a = unbiased * (mean(a * a) - mean_a**2)
    var_b = unbiased * (mean(b * b) - mean_b**2)
    covariance = unbiased * (mean(a * b) - mean_a * mean_b)
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return (luminance * (2 * covariance + c2) / (var_a + var_b + c2)).mean()


def uniform_window(size, like):
    return like.new_full((size,), 1 / size)


def gaussian_window(sigma, truncate, like):
    radius = int(truncate * sigma + 0.5)
    offsets = torch.arange(-radius, radius + 1, dtype=like.dtype)
    weights = torch.exp(-0.5 * (offsets / sigma) ** 2)
    return weights / weights.sum()


def metrics(inputs, attrs):
    a, b, data_range = inputs["a"].detach(), inputs["b"].detach(), attrs["data_range"]
    gaussian = gaussian_window(attrs["ssim_gaussian_sigma"], attrs["ssim_gaussian_truncate"], a)
    return {
        "psnr": psnr(a, b, data_range),
        "ssim": ssim(a, b, data_range, uniform_window(attrs["ssim_window"], a), sample_covariance=True),
        "ssim_gaussian": ssim(a, b, data_range, gaussian, sample_covariance=False),
        "mse": ((a - b) ** 2).mean(),
    }


def lpips(inputs, attrs):
    """LPIPS with AlexNet's layers of any widths: the weights of `inputs` in its names, pictures [N,C,1,H,W]."""
    weights = {name: value.detach() for name, value in inputs.items()}
    channels = ([-0.030, -0.088, -0.188], [0.458, 0.448, 0.450])
    shift, scale = (weights["x"].new_tensor(values).view(1, 3, 1, 1) for values in channels)

    def unit_features(picture):
        x = (2 * picture[:, :, 0].expand(-1, 3, -1, -1) - 1 - shift) / scale
        for number, stride, padding in ((0, 4, 2), (3, 1, 2), (6, 1, 1), (8, 1, 1), (10, 1, 1)):
            if number in (3, 6):
                x = functional.max_pool2d(x, 3, 2)
            kernel, bias = (weights[f"features.{number}.{part}"] for part in ("weight", "bias"))
            x = functional.conv2d(x, kernel[:, :, 0], bias, stride, padding).relu()
            yield x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10)

    distance = 0
    for layer, (a, b) in enumerate(zip(unit_features(weights["x"]), unit_features(weights["target"]))):
        head = weights[f"lin{layer}.weight"].view(1, -1, 1, 1)
        distance = distance + (head * (a - b).square()).sum(1).mean((1, 2))
    return {"distance": distance}


def grid_search(inputs, attrs):
    clean, noisy = inputs["clean"].detach(), inputs["noisy"].detach()
    scores = {"psnr": [], "ssim": []}
    for lam in inputs["lambdas"].detach():
        maps = [lam.expand_as(noisy)] * 2
        x = torch_model.pdhg(
            noisy, maps, attrs["T"], attrs["sigma"], attrs["tau"], attrs["theta"], attrs["p0"], axes=(3, 4)
        )
        scores["psnr"].append(psnr(x, clean, 1.0))
        scores["ssim"].append(ssim(x[0, 0, 0], clean[0, 0, 0], 1.0, uniform_window(7, x), sample_covariance=True))
    return {name: torch.stack(values) for name, values in scores.items()}


def unrolled_tv(inputs, attrs):
    """The model with the parameters of `inputs`, and the pictures in its layout [N,C,H,W,D]."""
    parameters = {k.removeprefix("parameter."): v for k, v in inputs.items() if k.startswith("parameter.")}
    sizes = {"filters": attrs["filters"], "blocks": attrs["blocks"], "n_iter": attrs["T"], "norm": attrs["L"]}
    options = {key: attrs[key] for key in ("p0", "learn_steps", "up_bound", "scale")}
    model = torch_model.UnrolledTv(**sizes, **options)
    noisy, clean = (inputs[key].detach().permute(0, 1, 3, 4, 2) for key in ("noisy", "clean"))
    return model, parameters, noisy, clean


def use_parameters(model, parameters):
    """Put these very tensors in place of the model's parameters, so that gradients reach them."""
    for name, value in parameters.items():
        *path, leaf = name.split(".")
        module = model.get_submodule(".".join(path))
        delattr(module, leaf)
        setattr(module, leaf, value)


def thesis_model(inputs, attrs):
    model, parameters, noisy, clean = unrolled_tv(inputs, attrs)
    use_parameters(model, parameters)
    lam = model.lambda_map(noisy)
    denoised = model.pdhg(noisy, lam)
    ncdhw = (0, 1, 4, 2, 3)
    return {
        "lambda": lam.permute(ncdhw),
        "denoised": denoised.permute(ncdhw),
        "loss": functional.mse_loss(denoised, clean),
    }


def thesis_training(inputs, attrs):
    model, parameters, noisy, clean = unrolled_tv(inputs, attrs)
    model.to(noisy.dtype).load_state_dict(parameters)
    optimizer = torch.optim.Adam(model.parameters(), lr=attrs["lr"])
    losses = []
    for _ in range(attrs["steps"]):
        optimizer.zero_grad()
        loss = functional.mse_loss(model(noisy), clean)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return {"losses": torch.stack(losses)}


def flat(value):
    """Pictures and kernels of depth 1 without that axis: [N,C,1,H,W] -> [N,C,H,W]."""
    return value.squeeze(2) if value.dim() == 5 else value


def system(model, inputs, attrs):
    """The model with the tensors of `inputs` that bear its names: parameters as they are, running statistics by value."""
    dtype = inputs["x"].dtype
    model.to(dtype).train(attrs.get("training", True))
    parameters = {name for name, _ in model.named_parameters()}
    state = {name: flat(value) for name, value in inputs.items() if name not in ("x", "target", "labels")}
    model.load_state_dict({n: v.detach() for n, v in state.items() if n not in parameters}, strict=False)
    use_parameters(model, {name: value for name, value in state.items() if name in parameters})
    return model


def trained(loss, inputs, attrs):
    """Losses of `steps` steps of Adam on one batch, which move the parameters among `inputs`."""
    leaves = [value for name, value in inputs.items() if name not in ("x", "target") and value.requires_grad]
    leaves = [value for value in leaves if not any(value is inputs[n] for n in inputs if "running" in n)]
    optimizer = torch.optim.Adam(leaves, lr=attrs["lr"], eps=attrs["eps"], amsgrad=attrs["amsgrad"])
    losses = []
    for _ in range(attrs["steps"]):
        optimizer.zero_grad()
        now = loss()
        now.backward()
        optimizer.step()
        losses.append(now.detach())
    return {"losses": torch.stack(losses)}


def mnist_model(inputs, attrs):
    sizes = {name: attrs[name] for name in ("filters", "latent", "size")}
    return system(torch_systems.MnistAutoencoder(**sizes), inputs, attrs)


def mnist_autoencoder(inputs, attrs):
    model = mnist_model(inputs, attrs)
    latent, y = model(flat(inputs["x"].detach()))
    if not attrs["training"]:
        return {"latent": latent.detach(), "y": y.detach().unsqueeze(2)}
    statistics = {name: value for name, value in model.named_buffers() if "running" in name}
    loss = functional.mse_loss(y, flat(inputs["target"].detach()))
    return {"latent": latent, "y": y.unsqueeze(2), "loss": loss, **statistics}


def classifier_model(inputs, attrs):
    _, channels, _, height, width = inputs["x"].shape
    sizes = {name: attrs[name] for name in ("filters", "hidden", "classes", "relu", "dropout")}
    return system(torch_systems.CastingClassifier(channels, height, width, **sizes), inputs, attrs)


def casting_classifier(inputs, attrs):
    logits = classifier_model(inputs, attrs)(flat(inputs["x"].detach()))
    return {"logits": logits, "loss": functional.cross_entropy(logits, inputs["labels"])}


def casting_autoencoder(inputs, attrs):
    model = system(torch_systems.CastingAutoencoder(inputs["x"].shape[1], attrs["filters"]), inputs, attrs)
    y = model(flat(inputs["x"].detach()))
    return {"y": y.unsqueeze(2), "loss": functional.mse_loss(y, flat(inputs["target"].detach()))}


def training_of(op):
    """Adam on the loss of this op. Its parameters are made anew from `inputs` at each step, as Adam moves those."""
    return lambda inputs, attrs: trained(lambda: op(inputs, attrs)["loss"], inputs, attrs)


OPS = {
    "conv3d": one_output(
        lambda t, a: functional.conv3d(t["x"], t["weight"], t["bias"], a["stride"], a["padding"])
    ),
    "conv_transpose3d": one_output(
        lambda t, a: functional.conv_transpose3d(
            t["x"], t["weight"], t["bias"], a["stride"], a["padding"], a["output_padding"]
        )
    ),
    "linear": one_output(lambda t, a: functional.linear(t["x"], t["weight"], t["bias"])),
    "batch_norm": batch_norm,
    "max_pool3d": one_output(
        lambda t, a: functional.max_pool3d(t["x"], a["kernel"], a["stride"], a.get("padding", [0, 0, 0]))
    ),
    "upsample3d": one_output(upsample3d),
    "concat": one_output(lambda t, a: torch.cat([t["a"], t["b"]], dim=a["axis"])),
    "reshape": one_output(lambda t, a: t["x"].reshape(a["shape"])),
    "flatten": one_output(lambda t, a: torch.flatten(t["x"], a.get("first_axis", 1), a.get("last_axis", -1))),
    "dropout": one_output(dropout),
    "relu": one_output(lambda t, a: functional.relu(t["x"])),
    "leaky_relu": one_output(lambda t, a: functional.leaky_relu(t["x"], a["slope"])),
    "sigmoid": one_output(lambda t, a: torch.sigmoid(t["x"])),
    "softplus": one_output(lambda t, a: functional.softplus(t["x"], a["beta"], a["threshold"])),
    "softmax": one_output(lambda t, a: torch.softmax(t["x"], a["axis"])),
    "cross_entropy": one_output(lambda t, a: functional.cross_entropy(t["x"], t["labels"])),
    "sure_loss": one_output(sure_loss),
    "mse_loss": one_output(lambda t, a: functional.mse_loss(t["x"], t["target"].detach())),
    "gradient": one_output(gradient),
    "gradient_adjoint": one_output(gradient_adjoint),
    "pdhg": one_output(pdhg),
    "adam": adam,
    "metrics": metrics,
    "lpips": lpips,
    "grid_search": grid_search,
    "thesis_model": thesis_model,
    "thesis_training": thesis_training,
    "mnist_autoencoder": mnist_autoencoder,
    "casting_classifier": casting_classifier,
    "casting_autoencoder": casting_autoencoder,
    "mnist_autoencoder_training": training_of(mnist_autoencoder),
    "casting_classifier_training": training_of(casting_classifier),
    "casting_autoencoder_training": training_of(casting_autoencoder),
}

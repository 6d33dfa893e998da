"""What each op of a golden case computes, in PyTorch: OPS[op](inputs, attrs) -> {output name: tensor}.

`inputs` maps names to tensors of one precision; `attrs` is the case's JSON. Ops use NCDHW.
"""

import torch
from torch.nn import functional

import torch_model


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
    "relu": one_output(lambda t, a: functional.relu(t["x"])),
    "leaky_relu": one_output(lambda t, a: functional.leaky_relu(t["x"], a["slope"])),
    "sigmoid": one_output(lambda t, a: torch.sigmoid(t["x"])),
    "softplus": one_output(lambda t, a: functional.softplus(t["x"], a["beta"], a["threshold"])),
    "softmax": one_output(lambda t, a: torch.softmax(t["x"], a["axis"])),
    "cross_entropy": one_output(lambda t, a: functional.cross_entropy(t["x"], t["labels"])),
    "mse_loss": one_output(lambda t, a: functional.mse_loss(t["x"], t["target"].detach())),
    "gradient": one_output(gradient),
    "gradient_adjoint": one_output(gradient_adjoint),
    "pdhg": one_output(pdhg),
    "adam": adam,
    "metrics": metrics,
    "grid_search": grid_search,
    "thesis_model": thesis_model,
    "thesis_training": thesis_training,
}

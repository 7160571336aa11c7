"""Whether a training step's gradients agree with double precision as well as PyTorch's do, for bench/gpu/run.sh.

    agreement.py FOLDER PRECISION...

FOLDER/PRECISION.safetensors: what `gpu_bench LIBRARY gradients PRECISION BATCH FILE` wrote: weights, images, labels, dropout masks, and the logits
and gradients that came of them. The same step runs here in double and in PyTorch in the same precision (channels last).
The error of a tensor is the square root of the sum of squared differences from double over that of the squares of double.

A unit next to zero, or two next to each other under a pool, may fall on the other side by rounding, which changes the
gradients below it far more than the rounding does; which units those are is chance. So PyTorch runs the step several times,
each with the batch in another order, which changes nothing but the rounding, and ours is held against the largest error of
a tensor among them. How many units PyTorch's ReLUs switched against double is told.
Prints a line for each precision: agreement-PRECISION, a tab and JSON with the errors by tensor and the worst ratio of ours to
PyTorch's; exits with 1 where one is above 1.5.
"""

import json
import sys

import torch
import torch.nn.functional as F
from tensor_file import read

ALLOWED = 1.5
ORDERS = 9  # of the batch


def step(tensors, device, dtype, cast, order):
    """Logits and gradients by name, in the product's layout and in double; and which units are above zero, by layer."""
    names = [name for name in tensors if "." in name and "/" not in name]
    parameters = {}
    for name in names:
        value = tensors[name].to(device, dtype)
        if value.dim() == 4:
            value = value.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
        parameters[name] = value.requires_grad_()
    order = order.to(device)
    back = torch.argsort(order)
    above = {}
    x = (tensors["images"].to(device)[order].to(dtype) - tensors["mean"].to(device, dtype)).permute(0, 3, 1, 2)
    layers = list(dict.fromkeys(name.split(".")[0] for name in names))
    with torch.autocast(device, dtype=torch.bfloat16, enabled=cast):
        for layer, following in zip(layers, layers[1:] + [""]):
            weight = parameters[layer + ".weight"]
            if weight.dim() == 4:
                x = F.conv2d(x, weight, padding=1)
            else:
                x = x.permute(0, 2, 3, 1).flatten(1) if x.dim() == 4 else x
                x = F.linear(x, weight, parameters.get(layer + ".bias"))
            if layer + ".gamma" not in parameters:
                break
            x = F.batch_norm(x, None, None, parameters[layer + ".gamma"], parameters[layer + ".beta"], True, 0.1, 1e-5)
            above[layer] = (x.detach() > 0)[back]
            x = F.relu(x)
            # The last convolution of a block: conv2_2 before conv3_1.
            if weight.dim() == 4 and layer.split("_")[0] != following.split("_")[0]:
                x = F.max_pool2d(x, 2)
            if "mask/" + layer in tensors:
                x = x * tensors["mask/" + layer].to(device, x.dtype)[order]
    logits = x if dtype == torch.float64 else x.float()
    loss = F.cross_entropy(logits, tensors["labels"].to(device).long()[order])
    gradients = torch.autograd.grad(loss, [parameters[name] for name in names])
    results = {"logits": logits.detach()[back]}
    for name, gradient in zip(names, gradients):
        results["gradient/" + name] = gradient.permute(0, 2, 3, 1) if gradient.dim() == 4 else gradient
    return {name: value.double().flatten().cpu() for name, value in results.items()}, above


def error_of(values, reference):
    return ((values - reference).norm() / reference.norm()).item()


def compare(tensors, exact, exact_above, precision, device):
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    count = len(tensors["labels"])
    generator = torch.Generator().manual_seed(1)
    theirs, switched = [], []
    for i in range(ORDERS):
        order = torch.arange(count) if i == 0 else torch.randperm(count, generator=generator)
        results, above = step(tensors, device, torch.float32, precision == "bfloat16", order)
        theirs.append({name: error_of(value, exact[name]) for name, value in results.items()})
        switched.append(sum((above[layer] != exact_above[layer]).sum().item() for layer in above))
    errors, worst = {}, 0.0
    for name, reference in exact.items():
        ours = error_of(tensors[name].double().flatten(), reference)
        pytorch = max(errors_of_one[name] for errors_of_one in theirs)
        # One that is not a number is the worst.
        ratio = ours / pytorch if pytorch > 0 else float(ours > 0) * 1e9
        worst = ratio if not ratio <= worst else worst
        errors[name] = [float(f"{value:.3g}") for value in (ours, pytorch)]
    return {
        "precision": precision,
        "device": device,
        "worstRatio": round(worst, 3),
        "allowed": ALLOWED,
        "holds": worst <= ALLOWED,
        "unitsSwitchedByPytorch": sorted(switched),
        "errorsOursPytorch": errors,
        "torch": torch.__version__,
    }


def main():
    folder, *precisions = sys.argv[1:]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    exact = exact_above = inputs = None
    status = 0
    for precision in precisions:
        tensors = read(f"{folder}/{precision}.safetensors")
        given = {name: value for name, value in tensors.items() if name != "logits" and not name.startswith("gradient/")}
        # Double precision is slow, and the same for all where weights, images and masks are.
        if inputs is None or any(not torch.equal(value, inputs[name]) for name, value in given.items()):
            inputs = given
            torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
            exact, exact_above = step(tensors, device, torch.float64, False, torch.arange(len(tensors["labels"])))
        result = compare(tensors, exact, exact_above, precision, device)
        print(f"agreement-{precision}\t{json.dumps(result)}", flush=True)
        status = status if result["holds"] else 1
    return status


sys.exit(main())

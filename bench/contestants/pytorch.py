"""PyTorch on the CPU: the shared model, channels last; inference with batch normalization folded.

Speaks the lines of protocol.js. BENCH_PYTORCH: float32 or bfloat16, with -compiled through torch.compile. bfloat16 is a
network of bfloat16 weights in inference, autocast with float32 master weights in training."""

import json
import os
import struct
import sys
import time
from contextlib import nullcontext
from functools import cache

import torch
from torch import nn

VARIANT = os.environ.get("BENCH_PYTORCH", "float32")
THREADS = int(os.environ["BENCH_THREADS"])
torch.set_num_threads(THREADS)
precision = torch.autocast("cpu", dtype=torch.bfloat16) if VARIANT.startswith("bfloat16") else nullcontext()


def read_model(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = bytearray(file.read())
    metadata = header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = torch.frombuffer(data[begin:end], dtype=torch.float32).reshape(entry["shape"]).clone()
    return json.loads(metadata["topology"]), json.loads(metadata["input"])["scale"], tensors


TOPOLOGY, SCALE, TENSORS = read_model(os.environ["BENCH_MODEL"])
MEAN = TENSORS["mean_image"]
EPSILON = TOPOLOGY["normalizationEpsilon"]


class FlattenChannelsLast(nn.Module):
    """Inputs of the first dense layer in (height, width, channel) order."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


def network():
    """The network and, for each of the model file's parameters in its order, (tensor, to its layout)."""
    layers, parameters = [], []
    channels = TOPOLOGY["channels"]

    def normalized(name, norm):
        norm.eps = EPSILON
        for attribute, part in [("weight", "gamma"), ("bias", "beta"), ("running_mean",) * 2, ("running_var", "running_variance")]:
            getattr(norm, attribute).data.copy_(TENSORS[f"{name}.{part}"])
        parameters.extend([(norm.weight, lambda t: t), (norm.bias, lambda t: t)])
        layers.extend([norm, nn.ReLU()])

    for block, widths in enumerate(TOPOLOGY["blocks"], 1):
        for index, width in enumerate(widths, 1):
            name = f"conv{block}_{index}"
            convolution = nn.Conv2d(channels, width, 3, padding=1, bias=False)
            convolution.weight.data.copy_(TENSORS[f"{name}.weight"].permute(0, 3, 1, 2))
            parameters.append((convolution.weight, lambda t: t.permute(0, 2, 3, 1)))
            layers.append(convolution)
            normalized(name, nn.BatchNorm2d(width))
            channels = width
        layers.append(nn.MaxPool2d(2))
    layers.append(FlattenChannelsLast())
    for index, units in enumerate([*TOPOLOGY["dense"], TOPOLOGY["classes"]], 1):
        name = f"fc{index}"
        last = index > len(TOPOLOGY["dense"])
        weight = TENSORS[f"{name}.weight"]
        dense = nn.Linear(weight.shape[1], units, bias=last)
        dense.weight.data.copy_(weight)
        parameters.append((dense.weight, lambda t: t))
        layers.append(dense)
        if last:
            dense.bias.data.copy_(TENSORS[f"{name}.bias"])
            parameters.append((dense.bias, lambda t: t))
        else:
            normalized(name, nn.BatchNorm1d(units))
    return nn.Sequential(*layers).to(memory_format=torch.channels_last), parameters


def folded():
    layers = []
    for layer in network()[0].eval():
        if isinstance(layer, nn.BatchNorm2d):
            layers[-1] = nn.utils.fuse_conv_bn_eval(layers[-1], layer)
        elif isinstance(layer, nn.BatchNorm1d):
            layers[-1] = nn.utils.fuse_linear_bn_eval(layers[-1], layer)
        else:
            layers.append(layer)
    return nn.Sequential(*layers).eval().to(memory_format=torch.channels_last)


def cells(path):
    with open(path, "rb") as file:
        return torch.frombuffer(bytearray(file.read()), dtype=torch.uint8).reshape(-1, *MEAN.shape)


def to_input(images):
    return ((images.float() - MEAN) * SCALE).permute(0, 3, 1, 2)


def compiled(model):
    # One compilation a batch size: the code for any size is slower.
    return torch.compile(model, dynamic=False) if VARIANT.endswith("-compiled") else model


DTYPE = torch.bfloat16 if VARIANT.startswith("bfloat16") else torch.float32


@cache
def inferring():
    return compiled(folded().to(DTYPE))


@cache
def learner():
    """The network, its parameters, the module to call, and a function that puts back the shared model."""
    trained, parameters = network()
    trained.train()

    def restore():
        tensors = zip(parameters, network()[1])
        with torch.no_grad():
            for (tensor, _), (value, _) in tensors:
                tensor.copy_(value)

    return trained, parameters, compiled(trained), restore


def inference(request):
    batch = request["batch"]
    images = cells(request["images"])[:batch]
    seconds = []
    with torch.inference_mode():
        for _ in range(request["repeats"]):
            start = time.perf_counter()
            posteriors = inferring()(to_input(images).to(DTYPE)).float().softmax(1)
            seconds.append(time.perf_counter() - start)
    posteriors.numpy().tofile(request["result"])
    return {"seconds": seconds}


def training(request):
    batch, repeats = request["batch"], request["repeats"]
    _, parameters, training_model, restore = learner()
    if not request.get("fresh"):
        restore()
    decayed = [tensor for tensor, _ in parameters if tensor.dim() > 1]
    others = [tensor for tensor, _ in parameters if tensor.dim() == 1]
    groups = [{"params": decayed, "weight_decay": 0.0005}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=request["rate"], momentum=0.9)
    images = cells(request["images"])
    labels = torch.tensor(request["labels"])
    losses, seconds = [], []
    for step in range(repeats):
        start = time.perf_counter()
        chosen = slice(step * batch, (step + 1) * batch)
        optimizer.zero_grad(set_to_none=True)
        with precision:
            logits = training_model(to_input(images[chosen]))
        loss = nn.functional.cross_entropy(logits.float(), labels[chosen])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        seconds.append(time.perf_counter() - start)
    with open(request["result"], "wb") as file:
        for tensor, to_layout in parameters:
            file.write(to_layout(tensor.detach()).contiguous().numpy().tobytes())
    return {"seconds": seconds, "losses": losses}


print(json.dumps({"name": f"pytorch-{VARIANT}", "version": torch.__version__, "device": f"cpu, {THREADS} threads"}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    try:
        print(json.dumps({"inference": inference, "training": training}[request["mode"]](request)), flush=True)
    except Exception as error:  # one failing contestant must not stop the others
        print(json.dumps({"error": repr(error)}), flush=True)

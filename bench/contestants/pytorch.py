"""PyTorch on the CPU as a contestant: the same network, channels last; inference with batch normalization folded.

Speaks bench/contestants/protocol.js's lines. PYTORCH_MODE=compile wraps both modes in torch.compile."""

import json
import os
import sys
import time

import torch
from torch import nn

THREADS = int(os.environ.get("DEEPYEAST_THREADS", "2"))
COMPILE = os.environ.get("PYTORCH_MODE") == "compile"
torch.set_num_threads(THREADS)


def network() -> nn.Sequential:
    layers: list[nn.Module] = []
    channels = 2
    for block in [[64, 64], [128, 128], [256, 256, 256, 256]]:
        for width in block:
            layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    layers.append(nn.Flatten())
    inputs = 8 * 8 * channels
    for units in [512, 512]:
        layers += [nn.Linear(inputs, units, bias=False), nn.BatchNorm1d(units), nn.ReLU(), nn.Dropout(0.5)]
        inputs = units
    layers.append(nn.Linear(inputs, 12))
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)


def folded(model: nn.Sequential) -> nn.Sequential:
    layers: list[nn.Module] = []
    for layer in model:
        if isinstance(layer, nn.BatchNorm2d):
            layers[-1] = nn.utils.fuse_conv_bn_eval(layers[-1].eval(), layer.eval())
        elif isinstance(layer, nn.BatchNorm1d):
            layers[-1] = nn.utils.fuse_linear_bn_eval(layers[-1].eval(), layer.eval())
        elif not isinstance(layer, nn.Dropout):
            layers.append(layer)
    return nn.Sequential(*layers).eval().to(memory_format=torch.channels_last)


def cells(count: int) -> torch.Tensor:
    return torch.randint(0, 256, (count, 64, 64, 2), dtype=torch.uint8)


def to_input(images: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
    return (images.float() - mean).permute(0, 3, 1, 2)


trained = network()
inferring = folded(network())
mean = torch.full((64, 64, 2), 127.5)
optimizer = torch.optim.SGD(trained.parameters(), lr=0.01, momentum=0.9, weight_decay=0.0005)
if COMPILE:
    trained = torch.compile(trained)
    inferring = torch.compile(inferring)


def inference(batch: int, repeats: int) -> float:
    images = cells(batch)
    start = time.perf_counter()
    with torch.inference_mode():
        for _ in range(repeats):
            inferring(to_input(images, mean)).softmax(1)
    return time.perf_counter() - start


def training(batch: int, repeats: int) -> float:
    images = cells(batch * repeats)
    labels = torch.arange(batch * repeats) % 12
    trained.train()
    start = time.perf_counter()
    for i in range(repeats):
        chosen = slice(i * batch, (i + 1) * batch)
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(trained(to_input(images[chosen], mean)), labels[chosen]).backward()
        optimizer.step()
    return time.perf_counter() - start


name = "pytorch-compiled-float32" if COMPILE else "pytorch-float32"
print(json.dumps({"name": name, "version": torch.__version__, "device": f"cpu, {THREADS} threads"}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    run = {"inference": inference, "training": training}[request["mode"]]
    try:
        print(json.dumps({"seconds": run(request["batch"], request["repeats"])}), flush=True)
    except Exception as error:  # one failing contestant must not stop the others
        print(json.dumps({"error": repr(error)}), flush=True)

"""The paper's network in PyTorch on one GPU, for bench/gpu/run.sh: prints lines of JSON.

    pytorch.py training  PRECISION MODES BATCH ITERATIONS
    pytorch.py inference PRECISION MODE BATCH...
    pytorch.py ceilings
    pytorch.py prepare

PRECISION: bfloat16 (autocast), tf32 or float32. MODES, with commas between: eager, compiled (torch.compile with CUDA graphs,
the convolutions by cuDNN's benchmark), or tuned (the same with max-autotune, which takes minutes). Channels last. Each
measurement is a line of its name, a tab and its JSON. prepare compiles what "compiled" needs into the cache of
torch.compile, so that it can be done beside something else.
The images are those of gpu_bench, from the file that DEEPYEAST_BENCH_IMAGES names ("gpu_bench cpu images"); without it they
are random, and the result says so.
A training iteration takes uint8 images that lie on the device by index, subtracts the mean, turns and mirrors them, and
runs forward, backward and the update; inference goes from uint8 images in host memory to posteriors there."""

import json
import os
import sys
import time
from contextlib import nullcontext

import torch
from tensor_file import read
from torch import nn

BLOCKS = [[64, 64], [128, 128], [256, 256, 256, 256]]
HELD = 20000
REPEATS = 5
MODES = {"compiled": "reduce-overhead", "tuned": "max-autotune"}  # both with CUDA graphs


class ChannelsLastFlatten(nn.Module):
    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


def network():
    layers, channels = [], 2
    for block in BLOCKS:
        for width in block:
            layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    layers.append(ChannelsLastFlatten())
    inputs = 8 * 8 * 256
    for units in (512, 512):
        layers += [nn.Linear(inputs, units, bias=False), nn.BatchNorm1d(units), nn.ReLU(), nn.Dropout(0.5)]
        inputs = units
    layers.append(nn.Linear(inputs, 12))
    return nn.Sequential(*layers).cuda().to(memory_format=torch.channels_last)


def folded(model):
    layers = []
    for layer in model.eval():
        if isinstance(layer, nn.BatchNorm2d):
            layers[-1] = nn.utils.fuse_conv_bn_eval(layers[-1], layer)
        elif isinstance(layer, nn.BatchNorm1d):
            layers[-1] = nn.utils.fuse_linear_bn_eval(layers[-1], layer)
        elif not isinstance(layer, nn.Dropout):
            layers.append(layer)
    return nn.Sequential(*layers).eval().to(memory_format=torch.channels_last)


def set_up(precision):
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    if precision == "bfloat16":
        return lambda: torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext


def data(count):
    """Images [count, 64, 64, 2] and labels, on the host: the same ones again where the file has fewer."""
    path = os.environ.get("DEEPYEAST_BENCH_IMAGES")
    if path is None:
        generator = torch.Generator().manual_seed(1)
        images = torch.randint(0, 256, (min(count, 1000), 64, 64, 2), dtype=torch.uint8, generator=generator)
        labels = torch.randint(0, 12, (len(images),), generator=generator)
    else:
        tensors = read(path)
        images, labels = tensors["images"], tensors["labels"].long()
    rows = torch.arange(count) % len(images)
    return images[rows], labels[rows]


def stays(tensor):
    """A tensor that the compiled function closes over and that never moves: CUDA graphs need not copy it at each call."""
    torch._dynamo.mark_static_address(tensor)
    return tensor


def median(values):
    return sorted(values)[len(values) // 2]


def training(precision, mode, batch, iterations, repeats=REPEATS):
    cast = set_up(precision)
    torch.manual_seed(1)
    host_images, host_labels = data(HELD)
    images, labels = stays(host_images.cuda()), stays(host_labels.cuda())
    mean = stays(images[:1000].float().mean(0))
    model = network().train()
    decayed = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() == 1]
    groups = [{"params": decayed, "weight_decay": 0.0005}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=0.01, momentum=0.9, fused=True)

    def loss_of(rows):
        x = images[rows].float()
        flip = torch.rand(2, batch, 1, 1, 1, device="cuda") < 0.5
        x = torch.where(flip[0], x.flip(2), x)
        x = torch.where(flip[1], x.flip(1), x)
        x = torch.where(torch.rand(batch, 1, 1, 1, device="cuda") < 0.5, x.transpose(1, 2), x)
        x = (x - mean).permute(0, 3, 1, 2)
        with cast():
            logits = model(x)
        return nn.functional.cross_entropy(logits.float(), labels[rows])

    if mode != "eager":
        loss_of = torch.compile(loss_of, mode=MODES[mode], dynamic=False)

    def steps(count):
        total = torch.zeros((), device="cuda")
        for _ in range(count):
            rows = torch.randint(0, HELD, (batch,), device="cuda")
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(rows)
            loss.backward()
            optimizer.step()
            total += loss.detach()
        return total.item()

    steps(20)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        steps(iterations)
        times.append((time.perf_counter() - start) * 1e3 / iterations)
    return {"msPerIteration": median(times), "imagesPerSecond": batch / median(times) * 1e3, "worstMs": max(times),
            "deviceBytes": torch.cuda.max_memory_reserved()}


def inference(precision, mode, batch, repeats=REPEATS):
    cast = set_up(precision)
    torch.manual_seed(1)
    host = data(batch)[0].pin_memory()
    model, mean = folded(network()), stays(torch.full((64, 64, 2), 30.0, device="cuda"))
    if precision == "bfloat16":
        model = model.to(torch.bfloat16)
        cast = nullcontext

    def forward(x):
        x = ((x.float() - mean)).permute(0, 3, 1, 2)
        if precision == "bfloat16":
            x = x.to(torch.bfloat16)
        with cast():
            return model(x).float().softmax(1)

    if mode != "eager":
        forward = torch.compile(forward, mode=MODES[mode], dynamic=False)

    def call():
        results = [forward(chunk.cuda(non_blocking=True)).clone() for chunk in host.split(1000)]
        return torch.cat(results).cpu()

    calls = max(1, min(200, 20000 // batch))
    times = []
    with torch.inference_mode():
        for _ in range(5):
            call()
        for _ in range(repeats):
            start = time.perf_counter()
            for _ in range(calls):
                call()
            times.append((time.perf_counter() - start) * 1e3 / calls)
    return {"msPerCall": median(times), "imagesPerSecond": batch / median(times) * 1e3}


def ceilings():
    """What the card reaches on large matrices and long copies: TFLOP/s and GB/s."""

    def best(run, repeats=10):
        times = []
        for _ in range(repeats + 3):
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            run()
            end.record()
            torch.cuda.synchronize()
            times.append(begin.elapsed_time(end) * 1e-3)
        return min(times[3:])

    result, n = {}, 8192
    for name, dtype, tf32 in (("bfloat16", torch.bfloat16, False), ("tf32", torch.float32, True), ("float32", torch.float32, False)):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        a, b = (torch.randn(n, n, device="cuda", dtype=dtype) for _ in range(2))
        result[f"{name}TeraflopsPerSecond"] = 2 * n**3 / best(lambda: torch.mm(a, b)) * 1e-12
    source = torch.empty(1 << 30, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    result["copyGigabytesPerSecond"] = 2 * source.numel() / best(lambda: target.copy_(source)) * 1e-9
    return result


def measurements(section, rest):
    """Names, what the result says of itself, and what measures it."""
    if section == "ceilings":
        return [(None, {}, ceilings)]
    if section == "prepare":
        return [
            ("training", {}, lambda: training("bfloat16", "compiled", 100, 1, 1)),
            ("inference", {}, lambda: inference("bfloat16", "compiled", 1000, 1)),
        ]
    precision, modes, *numbers = rest
    numbers = [int(number) for number in numbers]
    if section == "training":
        batch, iterations = numbers
        pairs = [(mode, batch, lambda mode=mode: training(precision, mode, batch, iterations)) for mode in modes.split(",")]
    else:
        pairs = [(modes, batch, lambda batch=batch: inference(precision, modes, batch)) for batch in numbers]
    return [
        (f"pytorch-{section}-{precision}-{mode}-{batch}", {"precision": precision, "mode": mode, "batch": batch}, measure)
        for mode, batch, measure in pairs
    ]


def main():
    section, *rest = sys.argv[1:]
    if not torch.cuda.is_available():
        print(json.dumps({"error": "PyTorch finds no CUDA device"}))
        return 4
    status = 0
    for name, about, measure in measurements(section, rest):
        try:
            result = {**measure(), **about, "torch": torch.__version__, "cudnn": torch.backends.cudnn.version(),
                      "images": "random" if os.environ.get("DEEPYEAST_BENCH_IMAGES") is None else "gpu_bench"}
        except Exception as error:  # one failing measurement must not end the others
            result, status = {"error": repr(error)[:500]}, 1
        # Written at once: the next one may not end in time.
        print(("" if name is None else f"{name}\t") + json.dumps(result), flush=True)
    return status


sys.exit(main())

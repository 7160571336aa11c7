"""Reads the safetensors files that gpu_bench writes, without a package for it."""

import json
import struct

import torch

DTYPES = {"F32": torch.float32, "U8": torch.uint8, "I32": torch.int32}


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    (size,) = struct.unpack("<Q", data[:8])
    tensors, start = {}, 8 + size
    for name, entry in json.loads(data[8:start]).items():
        first, last = entry["data_offsets"]
        values = torch.frombuffer(bytearray(data[start + first : start + last]), dtype=DTYPES[entry["dtype"]])
        tensors[name] = values.reshape(entry["shape"])
    return tensors

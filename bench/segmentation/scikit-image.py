"""The same steps with scikit-image, on the lines of contestants/protocol.js: one plate a request.

Background by a grey opening of block means, Gaussian, dark holes closed by area, a threshold at half of the local maximum,
watershed on the distance map, each region cut again at 45% of its level, convex hulls, a second pass for dim bodies, the
table of region properties in both channels, crops of 64 x 64 pixels stretched by percentiles. One process a thread.
"""

import csv
import json
import os
import re
import shutil
import sys
import time
from multiprocessing import get_context

import numpy as np
import skimage
import tifffile
from scipy import ndimage as ndi
from skimage import feature, measure, morphology, segmentation, transform

SIZE = 64


def background(image, diameter):
    block = max(1, round(diameter / 4))
    means = measure.block_reduce(image, (block, block), np.mean)
    window = 2 * max(1, round(3 * diameter / block)) + 1
    coarse = ndi.uniform_filter(ndi.grey_opening(means, (window, window)), window)
    return transform.resize(coarse, image.shape, order=1)


def bodies(signal, allowed, diameter, noise):
    """Labels of one pass: local threshold, watershed, each region cut again."""
    circle = np.pi / 4 * diameter**2
    local = ndi.gaussian_filter(ndi.maximum_filter(signal, int(diameter)), diameter / 2)
    mask = (signal > np.maximum(0.5 * local, 12 * noise)) & allowed
    mask = morphology.remove_small_holes(mask, int(circle / 2))
    distance = ndi.gaussian_filter(ndi.distance_transform_edt(mask), 1)
    peaks = feature.peak_local_max(distance, min_distance=max(1, int(diameter / 5)), labels=measure.label(mask))
    markers = np.zeros(mask.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    labels = segmentation.watershed(-distance, markers, mask=mask)
    result = np.zeros_like(labels)
    number = 0
    for region in measure.regionprops(labels, intensity_image=signal):
        part = region.image & (region.image_intensity >= 0.45 * np.median(region.image_intensity[region.image]))
        part = ndi.binary_fill_holes(part)
        if part.sum() < 0.08 * circle:
            continue
        hull = morphology.convex_hull_image(part)
        number += 1
        target = result[region.slice]
        target[hull & (target == 0)] = number
    return result, number


def segment(marker, diameter):
    smooth = ndi.gaussian_filter(marker.astype(np.float32), 0.045 * diameter)
    signal = smooth - background(smooth, diameter)
    differences = np.abs(signal[:, 4:] - signal[:, :-4])
    noise = np.percentile(differences, 25) / 0.45
    quantised = np.round(16 * np.sqrt(np.maximum(signal, 0) / noise)).astype(np.uint16)
    quantised[quantised < 55] = 0
    closed = morphology.area_closing(quantised, int(0.4 * np.pi / 4 * diameter**2), connectivity=1)
    signal = (closed.astype(np.float32) / 16) ** 2 * noise
    labels, number = bodies(signal, np.ones(signal.shape, bool), diameter, noise)
    free = ~ndi.binary_dilation(labels > 0, iterations=2)
    dim, _ = bodies(np.where(free, signal, 0), free, diameter, noise)
    return np.where((dim > 0) & (labels == 0), dim + number, labels)


def stretched(crop):
    low, high = np.percentile(crop, (0.1, 99.9))
    return np.clip((crop - low) / max(high - low, 1) * 255, 0, 255).astype(np.uint8)


def field(task):
    marker_path, protein_path, diameter = task
    marker, protein = tifffile.imread(marker_path), tifffile.imread(protein_path)
    labels = segment(marker, diameter)
    rows, crops = [], []
    for region in measure.regionprops(labels, intensity_image=np.stack([marker, protein], -1)):
        y, x = region.centroid
        top, left = round(y) - SIZE // 2, round(x) - SIZE // 2
        if top < 0 or left < 0 or top + SIZE > marker.shape[0] or left + SIZE > marker.shape[1]:
            continue
        rows.append([marker_path, region.label, x, y, region.area, region.major_axis_length, region.minor_axis_length,
                     region.solidity, *region.mean_intensity])
        window = np.s_[top : top + SIZE, left : left + SIZE]
        crops.append(np.stack([stretched(marker[window]), stretched(protein[window])], -1))
    return rows, np.array(crops, np.uint8).reshape(-1, SIZE, SIZE, 2)


def main():
    print(json.dumps({"name": "scikit-image", "version": skimage.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            os.makedirs(request["out"])
            start = time.perf_counter()
            (marker, protein) = request["channels"].values()
            names = []
            for folder, _, files in os.walk(request["plate"]):
                names += [os.path.join(folder, n) for n in sorted(files) if re.search(rf"-{marker}sk\d+fk\d+fl\d+\.tiff$", n)]
            tasks = [(n, n.replace(f"-{marker}", f"-{protein}"), request["diameter"]) for n in names]
            with get_context("fork").Pool(request["threads"]) as pool:
                parts = list(pool.imap(field, tasks))
            np.save(os.path.join(request["out"], "images.npy"), np.concatenate([crops for _, crops in parts]))
            with open(os.path.join(request["out"], "cells.csv"), "w", newline="") as file:
                csv.writer(file).writerows(row for rows, _ in parts for row in rows)
            answer = {"seconds": time.perf_counter() - start, "fields": len(tasks), "cells": sum(len(r) for r, _ in parts)}
        except Exception as error:  # noqa: BLE001 (the protocol answers with any failure)
            answer = {"error": repr(error)}
        shutil.rmtree(request["out"], ignore_errors=True)
        print(json.dumps(answer), flush=True)


main()

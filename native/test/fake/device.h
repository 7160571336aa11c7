// A device that computes nothing but which image a result belongs to, as late as it may: what is enqueued runs when the host
// waits for it. What it was asked for, in order, is its context's notes.
//
// The "first value" of a row of activations stands for its image: gather() writes there the number in the image's first
// three bytes, layers hand it on, and softmax() makes it the row's first posterior.
#pragma once

#include "../../cuda/abi.h"

namespace deepyeast {

// Fills the functions of inference in.
void add_fake_device(CudaTable* table);

// Whether the last call that failed did so for want of memory: what DEEPYEAST_FAKE_CUDA says, "memory=FLOATS", when the
// device is made.
bool fake_memory_was_exhausted();

}  // namespace deepyeast

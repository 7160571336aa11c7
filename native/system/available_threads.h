// How many threads this process should compute on.
#pragma once

namespace deepyeast {

// The smaller of two numbers: the physical cores that the affinity mask allows, and the CPU quota of the cgroup (versions
// 1 and 2) or the cap of the job on Windows, rounded down. At least 1. Measured once, at the first call.
int available_threads();

}  // namespace deepyeast

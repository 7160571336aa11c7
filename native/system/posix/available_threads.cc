#include "../available_threads.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>
#include <string>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace deepyeast {

namespace {

#if defined(__linux__)

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// Processors of the affinity mask, those that share a core counted once.
int cores_of_affinity_mask() {
  const int logical = static_cast<int>(std::thread::hardware_concurrency());
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return logical;
  std::set<std::string> cores;
  for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (!CPU_ISSET(processor, &mask)) continue;
    const std::string siblings = first_line("/sys/devices/system/cpu/cpu" + std::to_string(processor) +
                                            "/topology/thread_siblings_list");
    cores.insert(siblings.empty() ? std::to_string(processor) : siblings);
  }
  return cores.empty() ? logical : static_cast<int>(cores.size());
}

constexpr double kUnlimited = std::numeric_limits<double>::infinity();

// "quota period" of one cgroup folder; version 2 has both in cpu.max ("max" for none), version 1 a file each (-1).
double quota_of(const std::string& folder) {
  double quota = 0, period = 0;
  if (std::istringstream(first_line(folder + "/cpu.max")) >> quota >> period && period > 0) return quota / period;
  if (std::istringstream(first_line(folder + "/cpu.cfs_quota_us")) >> quota &&
      std::istringstream(first_line(folder + "/cpu.cfs_period_us")) >> period && quota > 0 && period > 0)
    return quota / period;
  return kUnlimited;
}

// The least quota of the process's cgroup and its ancestors. In a container the cgroup's path is often not visible
// under /sys/fs/cgroup; the root that is visible there is then the container's own.
double cgroup_quota() {
  double least = kUnlimited;
  std::ifstream file("/proc/self/cgroup");  // lines "id:controllers:path"; version 2: "0::path"
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    std::string root;
    if (controllers == ",,") root = "/sys/fs/cgroup";
    else if (controllers.find(",cpu,") != std::string::npos) root = "/sys/fs/cgroup/cpu";
    else continue;
    for (std::string path = line.substr(second + 1);; path.erase(path.rfind('/'))) {
      if (path == "/") path.clear();
      least = std::min(least, quota_of(root + path));
      if (path.empty() || path.rfind('/') == std::string::npos) break;
    }
  }
  return least;
}

int measure() {
  const double quota = std::max(1.0, cgroup_quota());
  return std::max(1, static_cast<int>(std::min<double>(cores_of_affinity_mask(), quota)));
}

#else

int measure() {
#if defined(__APPLE__)
  int cores = 0;
  std::size_t size = sizeof cores;
  if (sysctlbyname("hw.physicalcpu", &cores, &size, nullptr, 0) == 0 && cores > 0) return cores;
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

#endif

}  // namespace

int available_threads() {
  static const int threads = measure();
  return threads;
}

}  // namespace deepyeast

#include "../available_threads.h"

#include <windows.h>

#include <algorithm>
#include <thread>
#include <vector>

namespace deepyeast {
namespace {

// Cores that a processor of the affinity mask belongs to. Where the process spans several groups of processors it has no
// mask, and all cores count.
int cores_of_affinity_mask() {
  const int logical = static_cast<int>(std::thread::hardware_concurrency());
  DWORD_PTR allowed = 0, all = 0;
  GROUP_AFFINITY group{};
  if (!GetProcessAffinityMask(GetCurrentProcess(), &allowed, &all) || !GetThreadGroupAffinity(GetCurrentThread(), &group))
    return logical;
  DWORD bytes = 0;
  GetLogicalProcessorInformationEx(RelationProcessorCore, nullptr, &bytes);
  std::vector<char> table(bytes);
  const auto first = reinterpret_cast<PSYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX>(table.data());
  if (bytes == 0 || !GetLogicalProcessorInformationEx(RelationProcessorCore, first, &bytes)) return logical;
  int cores = 0;
  for (DWORD at = 0; at < bytes;) {
    const auto entry = reinterpret_cast<PSYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX>(table.data() + at);
    const GROUP_AFFINITY& core = entry->Processor.GroupMask[0];
    if (allowed == 0 || (core.Group == group.Group && (core.Mask & allowed) != 0)) ++cores;
    at += entry->Size;
  }
  return cores > 0 ? cores : logical;
}

// Of the job that the process belongs to, as in a container: its hard cap, a share of all processors.
double job_quota() {
  constexpr double kUnlimited = 1e9, kWhole = 10000;
  JOBOBJECT_CPU_RATE_CONTROL_INFORMATION rate{};
  if (!QueryInformationJobObject(nullptr, JobObjectCpuRateControlInformation, &rate, sizeof rate, nullptr))
    return kUnlimited;
  constexpr DWORD kCapped = JOB_OBJECT_CPU_RATE_CONTROL_ENABLE | JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP;
  if ((rate.ControlFlags & kCapped) != kCapped) return kUnlimited;
  return rate.CpuRate / kWhole * std::thread::hardware_concurrency();
}

}  // namespace

int available_threads() {
  static const int threads =
      std::max(1, static_cast<int>(std::min<double>(cores_of_affinity_mask(), std::max(1.0, job_quota()))));
  return threads;
}

}  // namespace deepyeast

#include "instruction_set.h"

#include <cstdlib>

#include "../system/error.h"

namespace deepyeast {

const char* name_of(InstructionSet instruction_set) { return kernel_table(instruction_set).name; }

std::vector<InstructionSet> available_instruction_sets() {
  std::vector<InstructionSet> sets;
#if defined(__x86_64__)
  // These also ask whether the operating system saves the wide registers.
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    sets.push_back(InstructionSet::avx512);
  if (avx2) sets.push_back(InstructionSet::avx2);
#elif defined(__aarch64__)
  sets.push_back(InstructionSet::neon);  // every arm64 processor has it
#endif
  sets.push_back(InstructionSet::portable);
  return sets;
}

InstructionSet choose_instruction_set() {
  const std::vector<InstructionSet> sets = available_instruction_sets();
  const char* forced = std::getenv("DEEPYEAST_ISA");
  if (forced == nullptr || *forced == '\0') return sets.front();
  std::string names;
  for (const InstructionSet set : sets) {
    if (std::string(forced) == name_of(set)) return set;
    names += (names.empty() ? "" : ", ") + std::string(name_of(set));
  }
  throw Error("isa-unavailable", "DEEPYEAST_ISA is \"" + std::string(forced) + "\", but this machine runs only " + names +
                                     "; set it to one of these, or unset it for the widest");
}

const KernelTable& kernel_table(InstructionSet instruction_set) {
  switch (instruction_set) {
#if defined(__x86_64__)
    case InstructionSet::avx512: return avx512::kernel_table;
    case InstructionSet::avx2: return avx2::kernel_table;
#elif defined(__aarch64__)
    case InstructionSet::neon: return neon::kernel_table;
#endif
    default: return portable::kernel_table;
  }
}

}  // namespace deepyeast

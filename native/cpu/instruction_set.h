// Which instruction sets the kernels were compiled for, which the machine can run, and the choice between them.
#pragma once

#include <string>
#include <vector>

#include "kernels/table.h"

namespace deepyeast {

enum class InstructionSet { avx512, avx2, neon, portable };

const char* name_of(InstructionSet instruction_set);

// Those that this machine can run, widest first. portable is always among them.
std::vector<InstructionSet> available_instruction_sets();

// The widest, or the one that DEEPYEAST_ISA names. Throws Error("isa-unavailable") listing what there is.
InstructionSet choose_instruction_set();

const KernelTable& kernel_table(InstructionSet instruction_set);

}  // namespace deepyeast

// The choice of an instruction set.
#include "../cpu/cpu_backend.h"
#include "../cpu/instruction_set.h"

#include <cstdlib>

#include "../system/error.h"
#include "backends.h"
#include "environment_variable.h"
#include "test.h"

namespace {

using namespace deepyeast;
using namespace deepyeast::test;

TEST(portable_kernels_are_always_there) {
  const std::vector<InstructionSet> sets = available_instruction_sets();
  expect(sets.back() == InstructionSet::portable, "portable is not the last one");
  for (std::size_t i = 1; i < sets.size(); ++i)
    expect(kernel_table(sets[i - 1]).width >= kernel_table(sets[i]).width, "not in the order of their widths");
}

TEST(environment_forces_the_instruction_set) {
  for (const InstructionSet set : available_instruction_sets()) {
    const std::unique_ptr<Backend> backend = make_backend(set, 3);
    expect(backend->description() == std::string("cpu (") + name_of(set) + ", 3 threads)", backend->description());
  }
  expect(make_backend(InstructionSet::portable, 1)->description() == "cpu (portable, 1 thread)", "one thread");
}

TEST(unknown_instruction_set_is_an_error_that_lists_the_others) {
  const EnvironmentVariable isa("DEEPYEAST_ISA", "sse9");
  std::string code, message;
  try {
    make_cpu_backend(1);
  } catch (const Error& error) {
    code = error.code();
    message = error.what();
  }
  expect(code == "isa-unavailable", "code " + code);
  expect(message.find("sse9") != std::string::npos && message.find("portable") != std::string::npos, message);
}

}  // namespace

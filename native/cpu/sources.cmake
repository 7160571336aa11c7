# The CPU backend as a static library, deepyeast_cpu. Its kernels are compiled once per instruction set of the target's
# architecture and chosen at run time.
include(CheckCXXSourceCompiles)
check_cxx_source_compiles("
#if !defined(__x86_64__)
#error
#endif
int main() {}" DEEPYEAST_X86_64)
check_cxx_source_compiles("
#if !defined(__aarch64__)
#error
#endif
int main() {}" DEEPYEAST_ARM64)

file(GLOB DEEPYEAST_CPU_SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.cc)
file(GLOB DEEPYEAST_CPU_KERNELS CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/kernels/*.cc)

set(DEEPYEAST_PORTABLE_FLAGS -DDEEPYEAST_PORTABLE)
set(DEEPYEAST_NEON_FLAGS "")
set(DEEPYEAST_AVX2_FLAGS -mavx2 -mfma)
set(DEEPYEAST_AVX512_FLAGS -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma)
if(MINGW)
  # GCC does not align the stack to 32 or 64 bytes for Windows (its bug 54412), and moves wide vectors to and from it by
  # instructions that want it aligned: the assembler takes those that do not, which are as fast.
  list(APPEND DEEPYEAST_AVX2_FLAGS -Wa,-muse-unaligned-vector-move)
  list(APPEND DEEPYEAST_AVX512_FLAGS -Wa,-muse-unaligned-vector-move)
endif()
set(DEEPYEAST_INSTRUCTION_SETS PORTABLE)
if(DEEPYEAST_X86_64)
  list(APPEND DEEPYEAST_INSTRUCTION_SETS AVX2 AVX512)
elseif(DEEPYEAST_ARM64)
  list(APPEND DEEPYEAST_INSTRUCTION_SETS NEON)
endif()

add_library(deepyeast_cpu STATIC ${DEEPYEAST_CPU_SOURCES})
target_link_libraries(deepyeast_cpu PUBLIC deepyeast_engine)
set(DEEPYEAST_CPU_TARGETS deepyeast_cpu)
foreach(set ${DEEPYEAST_INSTRUCTION_SETS})
  string(TOLOWER deepyeast_kernels_${set} target)
  add_library(${target} OBJECT ${DEEPYEAST_CPU_KERNELS})
  # Sums and products are fused where the kernels say so and nowhere else: see kernels/vector.h. -O3 also in debug
  # builds, which would otherwise be hundreds of times slower.
  target_compile_options(${target} PRIVATE ${DEEPYEAST_${set}_FLAGS} -ffp-contract=off -O3)
  target_sources(deepyeast_cpu PRIVATE $<TARGET_OBJECTS:${target}>)
  list(APPEND DEEPYEAST_CPU_TARGETS ${target})
endforeach()
foreach(target ${DEEPYEAST_CPU_TARGETS})
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON
                        CXX_EXTENSIONS OFF CXX_VISIBILITY_PRESET hidden)
  target_compile_options(${target} PRIVATE -Wall -Wextra)
endforeach()

# The CUDA library, libdeepyeast_cuda, and the client side that opens it at run time.
#
# DEEPYEAST_CUDA=auto builds the library where nvcc and cuDNN 9 are found and says why where not; on fails instead; off
# leaves it out. DEEPYEAST_CUDA_WHEELS: a folder nvidia/ as pip fills it (nvidia-cudnn-cu13, nvidia-cublas, ...); without
# it the active Python is asked. DEEPYEAST_CUDA_ARCHITECTURES: 80;90 and intermediate code for later cards, or one number.
set(DEEPYEAST_CUDA "auto" CACHE STRING "Build the CUDA library: auto, on or off")
set_property(CACHE DEEPYEAST_CUDA PROPERTY STRINGS auto on off)
set(DEEPYEAST_CUDA_WHEELS "$ENV{DEEPYEAST_CUDA_WHEELS}" CACHE PATH "The nvidia folder of pip's packages")
set(DEEPYEAST_CUDA_ARCHITECTURES "80;90" CACHE STRING "Compute capabilities to build machine code for")

if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  set(DEEPYEAST_CUDA_LOADER ${CMAKE_CURRENT_LIST_DIR}/client/loader.cc ${CMAKE_CURRENT_LIST_DIR}/plan_cache.cc)
else()
  set(DEEPYEAST_CUDA_LOADER ${CMAKE_CURRENT_LIST_DIR}/client/no_loader.cc)
endif()
add_library(deepyeast_cuda_client STATIC
  ${CMAKE_CURRENT_LIST_DIR}/client/cuda_backend.cc ${CMAKE_CURRENT_LIST_DIR}/client/inference_executor.cc
  ${DEEPYEAST_CUDA_LOADER} ${CMAKE_CURRENT_LIST_DIR}/client/search.cc
  ${CMAKE_CURRENT_LIST_DIR}/product_algorithm.cc ${CMAKE_CURRENT_LIST_DIR}/autotune.cc)
target_compile_definitions(deepyeast_cuda_client PRIVATE DEEPYEAST_VERSION="${DEEPYEAST_VERSION}")
target_link_libraries(deepyeast_cuda_client PUBLIC deepyeast_engine ${CMAKE_DL_LIBS})

set(DEEPYEAST_CUDA_CODE "")
list(LENGTH DEEPYEAST_CUDA_ARCHITECTURES count)
foreach(architecture ${DEEPYEAST_CUDA_ARCHITECTURES})
  list(APPEND DEEPYEAST_CUDA_CODE -gencode arch=compute_${architecture},code=sm_${architecture})
endforeach()
if(count GREATER 1)
  # Intermediate code of the last, for the driver to compile on later cards.
  list(GET DEEPYEAST_CUDA_ARCHITECTURES -1 architecture)
  list(APPEND DEEPYEAST_CUDA_CODE -gencode arch=compute_${architecture},code=compute_${architecture})
endif()

set(DEEPYEAST_CUDA_REASON "")
function(deepyeast_find_cuda)
  if(NOT CMAKE_SYSTEM_NAME STREQUAL "Linux")
    set(DEEPYEAST_CUDA_REASON "CUDA is for Linux only" PARENT_SCOPE)
    return()
  endif()
  find_program(DEEPYEAST_NVCC nvcc HINTS $ENV{CUDACXX} $ENV{CUDA_HOME}/bin $ENV{CUDA_PATH}/bin /usr/local/cuda/bin)
  if(NOT DEEPYEAST_NVCC)
    set(DEEPYEAST_CUDA_REASON "nvcc was not found" PARENT_SCOPE)
    return()
  endif()
  set(wheels "${DEEPYEAST_CUDA_WHEELS}")
  if(NOT wheels)
    execute_process(COMMAND python3 -c "import nvidia.cudnn, os; print(os.path.dirname(list(nvidia.cudnn.__path__)[0]))"
      OUTPUT_VARIABLE wheels OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE status)
    if(NOT status EQUAL 0)
      set(wheels "")
    endif()
  endif()
  # cuBLAS must be of nvcc's own version of CUDA. pip has it in nvidia/cu13 or, before that version, in nvidia/cublas.
  execute_process(COMMAND ${DEEPYEAST_NVCC} --version OUTPUT_VARIABLE version ERROR_QUIET)
  if(NOT version MATCHES "release ([0-9]+)\\.")
    set(DEEPYEAST_CUDA_REASON "${DEEPYEAST_NVCC} --version names no release" PARENT_SCOPE)
    return()
  endif()
  set(major ${CMAKE_MATCH_1})
  set(hints ${wheels}/cudnn ${wheels}/cu${major} $ENV{CUDA_HOME} $ENV{CUDA_PATH} /usr/local/cuda)
  if(major LESS 13)
    list(INSERT hints 2 ${wheels}/cublas)
  endif()
  find_path(DEEPYEAST_CUDNN_INCLUDE cudnn_graph.h HINTS ${hints} PATH_SUFFIXES include)
  find_path(DEEPYEAST_CUBLAS_INCLUDE cublasLt.h HINTS ${hints} PATH_SUFFIXES include targets/x86_64-linux/include)
  # pip's packages hold only the names with versions.
  find_file(DEEPYEAST_CUDNN_LIBRARY NAMES libcudnn.so.9 HINTS ${hints} PATH_SUFFIXES lib lib64
    PATHS /usr/lib /usr/lib64 /usr/lib/x86_64-linux-gnu /usr/lib/aarch64-linux-gnu)
  find_file(DEEPYEAST_CUBLAS_LIBRARY NAMES libcublasLt.so.${major} HINTS ${hints}
    PATH_SUFFIXES lib lib64 targets/x86_64-linux/lib PATHS /usr/lib /usr/lib64 /usr/lib/x86_64-linux-gnu)
  foreach(part CUDNN_INCLUDE CUDNN_LIBRARY CUBLAS_INCLUDE CUBLAS_LIBRARY)
    if(NOT DEEPYEAST_${part})
      string(TOLOWER ${part} what)
      string(REPLACE "_" "'s " what ${what})
      set(DEEPYEAST_CUDA_REASON "${what} was not found (DEEPYEAST_CUDA_WHEELS is \"${wheels}\")" PARENT_SCOPE)
      return()
    endif()
  endforeach()

  get_filename_component(nvcc_real ${DEEPYEAST_NVCC} REALPATH)
  get_filename_component(toolkit ${nvcc_real}/../.. ABSOLUTE)
  # nvcc may be a script elsewhere: it says itself where its toolkit is.
  execute_process(COMMAND ${DEEPYEAST_NVCC} -dryrun -c -x cu /dev/null -o /dev/null ERROR_VARIABLE dryrun OUTPUT_QUIET)
  if(dryrun MATCHES "#\\$ TOP=([^\n]*)")
    get_filename_component(toolkit "${CMAKE_MATCH_1}" ABSOLUTE)
  endif()
  find_file(DEEPYEAST_CUDART NAMES libcudart_static.a
    HINTS ${toolkit}/lib64 ${toolkit}/lib ${toolkit}/targets/x86_64-linux/lib
    PATHS /usr/local/cuda/lib64 /usr/lib/x86_64-linux-gnu)
  find_path(DEEPYEAST_CUDART_INCLUDE cuda_runtime_api.h
    HINTS ${toolkit}/include ${toolkit}/targets/x86_64-linux/include ${DEEPYEAST_CUBLAS_INCLUDE})
  foreach(part CUDART CUDART_INCLUDE)
    if(NOT DEEPYEAST_${part})
      set(DEEPYEAST_CUDA_REASON "libcudart_static.a or cuda_runtime_api.h was not found in ${toolkit}" PARENT_SCOPE)
      return()
    endif()
  endforeach()

  # A nvcc may be there that refuses this compiler or these architectures.
  if(NOT DEEPYEAST_NVCC_WORKS STREQUAL "${DEEPYEAST_NVCC} ${DEEPYEAST_CUDA_ARCHITECTURES}")
    set(probe ${CMAKE_CURRENT_BINARY_DIR}/cuda_probe.cu)
    file(WRITE ${probe} "#include <cuda_runtime.h>\n__global__ void probe() {}\n")
    execute_process(COMMAND ${DEEPYEAST_NVCC} -std=c++17 ${DEEPYEAST_CUDA_CODE} -c ${probe} -o ${probe}.o
      RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
    if(NOT status EQUAL 0)
      string(REGEX MATCH "[^\n]*(rror|nvcc)[^\n]*" reason "${output}")
      set(DEEPYEAST_CUDA_REASON "${DEEPYEAST_NVCC} cannot compile here: ${reason}" PARENT_SCOPE)
      return()
    endif()
    set(DEEPYEAST_NVCC_WORKS "${DEEPYEAST_NVCC} ${DEEPYEAST_CUDA_ARCHITECTURES}" CACHE INTERNAL "")
  endif()
endfunction()

if(DEEPYEAST_CUDA STREQUAL "off")
  set(DEEPYEAST_CUDA_REASON "DEEPYEAST_CUDA is off")
elseif(DEEPYEAST_CUDA MATCHES "^(auto|on)$")
  deepyeast_find_cuda()
else()
  message(FATAL_ERROR "DEEPYEAST_CUDA is ${DEEPYEAST_CUDA}; expected auto, on or off")
endif()
if(DEEPYEAST_CUDA_REASON)
  if(DEEPYEAST_CUDA STREQUAL "on")
    message(FATAL_ERROR "CUDA library: ${DEEPYEAST_CUDA_REASON}")
  endif()
  message(STATUS "CUDA library: not built, ${DEEPYEAST_CUDA_REASON}")
  return()
endif()
message(STATUS "CUDA library: ${DEEPYEAST_NVCC}, ${DEEPYEAST_CUDNN_LIBRARY}, ${DEEPYEAST_CUBLAS_LIBRARY}")

# The kernels, by nvcc itself: CMake's own CUDA language would want a compiler test on every machine.
set(DEEPYEAST_CUDA_OBJECT ${CMAKE_CURRENT_BINARY_DIR}/cuda_operations.o)
file(GLOB DEEPYEAST_CUDA_HEADERS CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.h ${CMAKE_CURRENT_LIST_DIR}/kernels/*
  ${CMAKE_CURRENT_SOURCE_DIR}/native/engine/*.h ${CMAKE_CURRENT_SOURCE_DIR}/native/system/*.h)
add_custom_command(OUTPUT ${DEEPYEAST_CUDA_OBJECT}
  COMMAND ${DEEPYEAST_NVCC} -std=c++17 -O3 ${DEEPYEAST_CUDA_CODE} -Xcompiler=-fPIC,-Wall,-Wextra,-fvisibility=hidden
    -isystem ${DEEPYEAST_CUDNN_INCLUDE} -isystem ${DEEPYEAST_CUBLAS_INCLUDE}
    -c ${CMAKE_CURRENT_LIST_DIR}/operations.cu -o ${DEEPYEAST_CUDA_OBJECT}
  DEPENDS ${CMAKE_CURRENT_LIST_DIR}/operations.cu ${DEEPYEAST_CUDA_HEADERS} VERBATIM
  COMMENT "Compiling CUDA kernels for ${DEEPYEAST_CUDA_ARCHITECTURES}")

file(GLOB cuda_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.cc)
add_library(deepyeast_cuda SHARED ${cuda_sources} ${DEEPYEAST_CUDA_OBJECT}
  ${CMAKE_CURRENT_SOURCE_DIR}/native/system/random.cc ${CMAKE_CURRENT_SOURCE_DIR}/native/system/posix/atomic_file.cc)
set_source_files_properties(${DEEPYEAST_CUDA_OBJECT} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
target_include_directories(deepyeast_cuda SYSTEM PRIVATE ${DEEPYEAST_CUDART_INCLUDE} ${DEEPYEAST_CUDNN_INCLUDE}
  ${DEEPYEAST_CUBLAS_INCLUDE})
target_compile_definitions(deepyeast_cuda PRIVATE DEEPYEAST_CUDA_LIBRARY DEEPYEAST_VERSION="${DEEPYEAST_VERSION}")
if(count EQUAL 1)
  # 90a is 9.0 with instructions that no later card has.
  string(REGEX REPLACE "[a-z]+$" "" only "${DEEPYEAST_CUDA_ARCHITECTURES}")
  target_compile_definitions(deepyeast_cuda PRIVATE DEEPYEAST_CUDA_ONLY=${only})
endif()
# No path of this machine goes into the library: what it needs is loaded by its client before.
target_link_libraries(deepyeast_cuda PRIVATE ${DEEPYEAST_CUDNN_LIBRARY} ${DEEPYEAST_CUBLAS_LIBRARY} ${DEEPYEAST_CUDART}
  Threads::Threads ${CMAKE_DL_LIBS} rt)
set_target_properties(deepyeast_cuda PROPERTIES SKIP_BUILD_RPATH ON NO_SONAME OFF)
if(NODE_API_INCLUDE)  # beside the addon
  set_target_properties(deepyeast_cuda PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/Release)
endif()
target_link_options(deepyeast_cuda PRIVATE -static-libstdc++ -static-libgcc -Wl,--gc-sections -Wl,--exclude-libs,ALL
  -Wl,--no-undefined -Wl,--allow-shlib-undefined -Wl,--version-script=${CMAKE_CURRENT_LIST_DIR}/exports.map -s)

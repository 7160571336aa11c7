// In place of loader.cc on systems for which there is no CUDA library.
#include "../../system/error.h"
#include "loader.h"

namespace deepyeast {

CudaReport inspect_cuda(const std::string& library, const SearchEnvironment&, bool) {
  CudaReport report;
  report.library = library;
  report.problems.push_back({"cuda-library-missing", "CUDA is for Linux only"});
  return report;
}

const CudaTable* open_cuda(const std::string& library, const SearchEnvironment& environment) {
  const CudaReport report = inspect_cuda(library, environment);
  throw Error(report.problems[0].code, report.problems[0].message);
}

}  // namespace deepyeast

// The addon's side of CUDA, without a device: the search for libraries, loading and its failures, the plan cache and the
// algorithms in it, how the images of a prediction are cut into chunks, and how much memory a batch takes.
#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "../cuda/client/cuda_backend.h"
#include "../cuda/client/loader.h"
#include "../cuda/client/search.h"
#include "../cuda/plan_cache.h"
#include "../cuda/product_algorithm.h"
#include "../engine/memory_plan.h"
#include "../engine/network.h"
#include "../system/error.h"
#include "test.h"

namespace {

using namespace deepyeast;
using namespace deepyeast::test;
namespace fs = std::filesystem;

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "deepyeast-cuda-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw Failure("no temporary folder");
    path_ = fs::canonical(name);
  }
  ~TemporaryFolder() { fs::remove_all(path_); }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  // An empty file, with the folders above it.
  std::string file(const std::string& name, const std::string& content = "") const {
    fs::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name) << content;
    return *this / name;
  }

 private:
  fs::path path_;
};

SearchEnvironment machine(const TemporaryFolder& root, std::map<std::string, std::string> variables) {
  return {[variables](const std::string& name) {
            const auto found = variables.find(name);
            return found == variables.end() ? std::string() : found->second;
          },
          root / "root"};
}

TEST(cuda_libraries_are_found_where_they_usually_lie) {
  const std::string name = "libcudnn.so.9";
  const struct {
    const char* folder;
    const char* variable;
    const char* value;
  } places[] = {
      {"explicit", "DEEPYEAST_CUDA_LIBRARIES", "explicit"},
      {"beside", "", ""},
      {"ld", "LD_LIBRARY_PATH", "ld"},
      {"toolkit/lib64", "CUDA_HOME", "toolkit"},
      {"other/targets/x86_64-linux/lib", "CUDA_PATH", "other"},
      {"root/usr/local/cuda/lib64", "", ""},
      {"root/usr/lib/x86_64-linux-gnu", "", ""},
      {"wheels/nvidia/cudnn/lib", "DEEPYEAST_CUDA_WHEELS", "wheels/nvidia"},
      {"venv/lib/python3.12/site-packages/nvidia/cudnn/lib", "VIRTUAL_ENV", "venv"},
      {"conda/lib", "CONDA_PREFIX", "conda"},
      {"home/.local/lib/python3.11/site-packages/nvidia/cu13/lib", "HOME", "home"},
      {"root/usr/lib/python3/dist-packages/nvidia/cudnn/lib", "", ""},
  };
  for (const auto& place : places) {
    const TemporaryFolder folder;
    const std::string file = folder.file(std::string(place.folder) + "/" + name);
    std::map<std::string, std::string> variables;
    if (*place.variable) variables[place.variable] = folder / place.value;
    const auto folders = library_folders(machine(folder, variables), folder / "beside");
    expect(find_library(name, folders) == file, std::string(place.folder) + " was not searched");
    expect(find_library("libcudnn.so.8", folders).empty(), "another version was taken");
  }
}

TEST(cuda_libraries_of_the_python_on_the_path_are_found) {
  const TemporaryFolder folder;
  const std::string python = folder.file("python/bin/python3");
  const std::string file = folder.file("python/lib/python3.11/site-packages/nvidia/cudnn/lib/libcudnn.so.9");
  fs::create_directories(folder / "bin");
  fs::create_symlink(python, folder / "bin/python3");
  const auto folders = library_folders(machine(folder, {{"PATH", folder / "none" + ":" + (folder / "bin")}}), "");
  expect(find_library("libcudnn.so.9", folders) == file, "not found by way of the link");
}

TEST(cuda_libraries_are_searched_in_order_and_once) {
  const TemporaryFolder folder;
  folder.file("second/libcudnn.so.9");
  const std::string first = folder.file("first/libcudnn.so.9");
  const auto folders = library_folders(
      machine(folder, {{"DEEPYEAST_CUDA_LIBRARIES", (folder / "first") + ":" + (folder / "missing") + ":" + (folder / "first")},
                       {"LD_LIBRARY_PATH", (folder / "second") + "::" + (folder / "first")}}),
      "");
  expect(folders.size() == 2, std::to_string(folders.size()) + " folders, expected 2");
  expect(find_library("libcudnn.so.9", folders) == first, "not the first");
}

std::vector<std::string> codes(const CudaReport& report) {
  std::vector<std::string> codes;
  for (const CudaReport::Problem& problem : report.problems) codes.push_back(problem.code);
  return codes;
}

bool has(const std::vector<std::string>& codes, const std::string& code) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

TEST(cuda_library_that_is_missing_is_reported_by_name) {
  const TemporaryFolder folder;
  const std::string library = folder / "libdeepyeast_cuda.so";
  const CudaReport report = inspect_cuda(library, machine(folder, {}));
  expect(!report.loaded && report.table == nullptr, "something was loaded");
  expect(has(codes(report), "cuda-library-missing"), "the library's absence was not reported");
  expect(report.problems[0].message.find(library) != std::string::npos, "its path is not named");
  try {
    open_cuda(library, machine(folder, {}));
    expect(false, "no error");
  } catch (const Error& error) {
    expect(error.code() == "cuda-library-missing", "code " + error.code());
  }
}

TEST(cuda_dependencies_that_are_no_libraries_are_reported_one_by_one) {
  const TemporaryFolder folder;
  const std::string library = folder.file("libdeepyeast_cuda.so", "needs libcublasLt.so.99 and others");
  for (const char* name : {"libnvrtc.so.99", "libcublasLt.so.99", "libcublas.so.99"}) folder.file(name, "no library");
  const CudaReport report = inspect_cuda(library, machine(folder, {}));
  expect(needed_cuda_version(library) == 99, "the version it was linked against");
  const auto found = codes(report);
  for (const char* code : {"nvrtc-missing", "cublas-missing"}) expect(has(found, code), std::string(code) + " is missing");
  for (const CudaReport::Problem& problem : report.problems) {
    if (problem.code == "nvrtc-missing")
      expect(problem.message.find("libnvrtc.so.99") != std::string::npos, "message: " + problem.message);
  }
  expect(!report.loaded && report.dependencies.size() == 5, "dependencies");
}

// The report on a fake library that behaves as `settings` tell it to. All its dependencies are there, except `without`.
CudaReport fake_report(const std::string& settings, const std::string& without = "") {
  if (std::getenv("DEEPYEAST_TEST_CUDA") != nullptr)
    throw Skipped("false libraries must not stand in the way of true ones");
#if !defined(__linux__)
  throw Skipped("CUDA is for Linux only");
#endif
  const TemporaryFolder folder;
  for (const char* name : {"libdeepyeast_cuda.so", "libnvrtc.so.99", "libcublasLt.so.99", "libcublas.so.99", "libcudnn.so.9"})
    if (name != without) fs::copy_file(FAKE_CUDA_LIBRARY, folder / name);
  setenv("DEEPYEAST_FAKE_CUDA", settings.c_str(), 1);
  const CudaReport report = inspect_cuda(folder / "libdeepyeast_cuda.so", machine(folder, {}), true);
  unsetenv("DEEPYEAST_FAKE_CUDA");
  return report;
}

// Its problems, except a missing driver: the machine of the tests may or may not have one.
std::vector<std::string> fake_problems(const std::string& settings, const std::string& without = "") {
  std::vector<std::string> found = codes(fake_report(settings, without));
  found.erase(std::remove(found.begin(), found.end(), "cuda-driver-missing"), found.end());
  return found;
}

TEST(cuda_problems_are_told_apart) {
  using Codes = std::vector<std::string>;
  const CudaReport report = fake_report("");
  expect(report.loaded && report.table != nullptr && fake_problems("").empty(), "a library that has everything");
  expect(report.devices.size() == 1 && report.devices[0].free_memory == 500, "devices and their memory");
  expect(report.dependencies.size() == 5 && report.dependencies[4].path.find("libcudnn.so.9") != std::string::npos,
         "where dependencies were found");
  expect(fake_problems("", "libnvrtc.so.99") == Codes{"nvrtc-missing"}, "NVRTC");
  expect(fake_problems("", "libcublasLt.so.99") == Codes{"cublas-missing"}, "cuBLASLt");
  expect(fake_problems("", "libcublas.so.99") == Codes{"cublas-missing"}, "cuBLAS");
  // Unless the system has cuDNN installed.
  if (dlopen("libcudnn.so.9", RTLD_NOW) == nullptr)
    expect(fake_problems("", "libcudnn.so.9") == Codes{"cudnn-missing"}, "cuDNN");
  expect(fake_problems("abi=1") == Codes{"version-mismatch"}, "another version");
  expect(fake_problems("cudnn=90001") == Codes{"cudnn-old"}, "an old cuDNN");
  expect(fake_problems("driver=12080") == Codes{"cuda-driver-old"}, "an old driver");
  expect(fake_problems("devices=0") == Codes{"cuda-device-missing"}, "no device");
  expect(fake_problems("supported=-1") == Codes{"cuda-architecture"}, "an architecture that was not built");
  expect(fake_problems("devices=2 supported=1").empty(), "one of two devices can be used");
  const CudaReport old = fake_report("cudnn=90001");
  expect(old.problems.back().message.find("9.0.1") != std::string::npos, "message: " + old.problems.back().message);
}

TEST(cuda_library_version_needed_is_read_across_chunks) {
  const TemporaryFolder folder;
  const std::string padding((std::size_t{1} << 20) - 8, 'x');
  expect(needed_cuda_version(folder.file("a", padding + "libcublasLt.so.13")) == 13, "across two chunks");
  expect(needed_cuda_version(folder.file("b", padding)) == 0, "none");
  expect(needed_cuda_version(folder / "missing") == 0, "no file");
}

TEST(cuda_plan_cache_keeps_choices_by_platform) {
  const TemporaryFolder folder;
  {
    cuda::PlanCache cache(folder / "new/cache", "card\tA sm_90 | cuDNN 92400");
    expect(cache.find("forward 1").empty(), "a choice out of nothing");
    cache.add("forward 1", "engine1,2=3");
    cuda::PlanCache other(folder / "new/cache", "card B sm_80 | cuDNN 92400");
    expect(other.find("forward 1").empty(), "another device's choice was taken");
    other.add("forward 1", "engine7");
    cache.add("forward 2", "direct");
  }
  cuda::PlanCache again(folder / "new/cache", "card A sm_90 | cuDNN 92400");
  expect(again.find("forward 1") == "engine1,2=3" && again.find("forward 2") == "direct", "choices were lost");
  expect(again.used().find("card A sm_90 | cuDNN 92400 | forward 2\tdirect\n") != std::string::npos, "what was used");
  expect(again.used().find("engine7") == std::string::npos, "what was not used");
  expect(cuda::PlanCache(folder / "new/cache", "card B sm_80 | cuDNN 92400").find("forward 1") == "engine7", "merged");
}

TEST(cuda_plan_cache_sees_what_others_measured_and_saves_no_makeshift) {
  const TemporaryFolder folder;
  cuda::PlanCache first(folder / "cache", "A"), second(folder / "cache", "A");
  expect(second.find("forward 1").empty(), "nothing is there yet");
  first.add("forward 1", "engine5,2=1");
  expect(second.find("forward 1") == "engine5,2=1", "measured by another network since");
  first.add_unsaved("forward 2", "direct");
  expect(second.find("forward 2").empty(), "what was taken for want of memory was saved");
  expect(first.used().find("forward 2\tdirect") != std::string::npos, "a checkpoint keeps it");
}

TEST(cuda_plan_cache_prefers_a_checkpoint_and_says_when_it_cannot) {
  const TemporaryFolder folder;
  cuda::PlanCache before("", "card A | cuDNN 1");
  before.add("forward", "engine5");
  cuda::PlanCache after(folder / "cache", "card A | cuDNN 1");
  after.add("forward", "engine6");
  expect(after.use(before.used()).empty(), "a warning for the same platform");
  expect(after.find("forward") == "engine5", "the checkpoint's choice comes first");
  cuda::PlanCache other("", "card B | cuDNN 2");
  const std::string warning = other.use(before.used());
  expect(warning.find("card A | cuDNN 1") != std::string::npos && warning.find("card B | cuDNN 2") != std::string::npos,
         "warning: " + warning);
  expect(other.find("forward").empty(), "another platform's choice was taken");
}

TEST(cuda_plan_cache_survives_bad_files) {
  const TemporaryFolder folder;
  folder.file("cache/cuda-plans.txt", "deepyeast-cuda-plans 1\nno tab\n\tno key\nno choice\t\nA | B | a\tengine1\ntwo\ttabs\there\n" +
                                          std::string(5000, 'x') + "\ty\nA | B | b\tengine2");
  cuda::PlanCache cache(folder / "cache", "A | B");
  expect(cache.find("a") == "engine1" && cache.find("b") == "engine2", "good lines were lost");
  folder.file("cache/cuda-plans.txt", std::string("\0\1\2 another format", 18));
  expect(cuda::PlanCache(folder / "cache", "A | B").find("a").empty(), "another format was read");
  // Where no folder can be made, choices are kept in memory.
  cuda::PlanCache unwritable(folder.file("file") + "/cache", "A | B");
  unwritable.add("a", "engine3");
  expect(unwritable.find("a") == "engine3", "the choice of this process");
}

cuda::AlgorithmWords some_algorithm(std::uint64_t seed) {
  cuda::AlgorithmWords words;
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = (seed + i) * 0x9E3779B97F4A7C15u;
  return words;
}

TEST(cuda_algorithm_is_text_and_back) {
  for (const cuda::AlgorithmWords& words : {some_algorithm(1), cuda::AlgorithmWords{}}) {
    const std::string text = cuda::algorithm_text(words);
    cuda::AlgorithmWords read;
    expect(cuda::parse_algorithm(text, &read) && read == words, "text: " + text);
    // The text must also survive as a line of the plans.
    cuda::PlanCache plans("", "A"), other("", "A");
    plans.add("dense", text);
    other.use(plans.used());
    expect(other.find("dense") == text, "the plans changed it");
    std::string wrong = text;
    wrong[20] = wrong[20] == '0' ? '1' : '0';
    for (const std::string& damaged :
         {wrong, text + "0", text.substr(0, text.size() - 1), text.substr(1), std::string("engine5,2=3"), std::string()})
      expect(!cuda::parse_algorithm(damaged, &read), "taken: " + damaged);
  }
}

TEST(cuda_algorithm_of_the_plans_is_used_where_it_can_be) {
  const TemporaryFolder folder;
  const cuda::AlgorithmWords first = some_algorithm(1), second = some_algorithm(2);
  int chosen = 0, refused = 0;
  const auto planned = [&](cuda::PlanCache& plans, const cuda::AlgorithmWords& choice, bool usable) {
    return cuda::planned_algorithm(
        plans, "bfloat16 dense forward", [&](const cuda::AlgorithmWords&) { return usable; },
        [&] {
          ++chosen;
          return choice;
        },
        [&] { ++refused; });
  };
  cuda::PlanCache plans(folder / "cache", "card | cuBLASLt 1");
  expect(planned(plans, first, true) == first && chosen == 1 && refused == 0, "nothing was kept: it is chosen");
  // Another process finds the choice in the file. A resumed run finds it in its checkpoint, which takes precedence.
  cuda::PlanCache later(folder / "cache", "card | cuBLASLt 1");
  expect(planned(later, second, true) == first && chosen == 1, "the file's");
  cuda::PlanCache other("", "card | cuBLASLt 1");
  planned(other, second, true);
  later.use(other.used());
  expect(planned(later, first, true) == second && chosen == 2, "the checkpoint's");
  // Where the device refuses the choice or its text is damaged, a new one is chosen, reported and kept.
  expect(planned(later, first, false) == first && chosen == 3 && refused == 1, "one that cannot be used");
  cuda::PlanCache damaged("", "card | cuBLASLt 1");
  damaged.add("bfloat16 dense forward", cuda::algorithm_text(first) + "x");
  expect(planned(damaged, second, true) == second && chosen == 4 && refused == 2, "a damaged one");
  expect(damaged.used().find(cuda::algorithm_text(second)) != std::string::npos, "what a checkpoint keeps");
  cuda::PlanCache newer(folder / "cache", "card | cuBLASLt 2");
  expect(planned(newer, second, true) == second && chosen == 5 && refused == 2, "another version's is not asked for");
}

// Images of 4x4 whose first bytes are their number, through a network on the fake device.
struct FakePrediction {
  // memory: floats that the device has; 0: any number.
  explicit FakePrediction(std::size_t count, std::size_t memory = 0) : posterior(count * 2) {
    const CudaReport report = fake_report("");
    expect(report.table != nullptr, "the fake library was not loaded");
    Topology topology;
    topology.image_size = 4;
    topology.channels = 1;
    topology.blocks = {{4}};
    topology.dense = {3};
    topology.classes = 2;
    if (memory > 0) setenv("DEEPYEAST_FAKE_CUDA", ("memory=" + std::to_string(memory)).c_str(), 1);
    std::unique_ptr<CudaBackend> made = make_cuda_backend(*report.table, {});
    unsetenv("DEEPYEAST_FAKE_CUDA");
    backend = made.get();
    network = std::make_unique<Network>(topology, 1, std::move(made));
  }

  static void fill(std::size_t first, std::size_t count, std::uint8_t* target) {
    std::fill_n(target, count * 16, std::uint8_t{0});
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t byte = 0; byte < 3; ++byte)
        target[i * 16 + byte] = static_cast<std::uint8_t>((first + i) >> (8 * byte));
  }
  void by_reader() {
    network->forward(
        [&](std::size_t first, int count, std::uint8_t* target) {
          reads.push_back({first, count, target});
          fill(first, static_cast<std::size_t>(count), target);
        },
        posterior.size() / 2, nullptr, posterior.data());
  }
  // What the device was asked to do since the last call.
  std::vector<std::string> steps() {
    std::vector<std::string> lines;
    const std::string log = backend->notes();
    for (std::size_t end; (end = log.find('\n', seen)) != std::string::npos; seen = end + 1)
      lines.push_back(log.substr(seen, end - seen));
    return lines;
  }
  void expect_in_order() const {
    for (std::size_t i = 0; i < posterior.size() / 2; ++i)
      expect(posterior[2 * i] == static_cast<float>(i),
             "image " + std::to_string(i) + " has the result of " + std::to_string(posterior[2 * i]));
  }

  struct Read {
    std::size_t first;
    int count;
    std::uint8_t* target;
  };
  CudaBackend* backend;  // the network's
  std::unique_ptr<Network> network;
  std::vector<Read> reads;
  std::vector<float> posterior;
  std::size_t seen = 0;
};

TEST(cuda_prediction_of_a_thousand_images_is_four_chunks_that_overlap) {
  FakePrediction prediction(1000);
  const std::string copy = "copy " + std::to_string(250 * 16);
  const std::vector<std::string> chunk = {copy, "gather 250", "compute 250"};
  for (int call = 0; call < 2; ++call) {
    prediction.reads.clear();
    prediction.by_reader();
    prediction.expect_in_order();
    // The chunks are equal, and each is read into other memory than the chunk before. The host does not wait until it comes
    // to memory that it has filled before, and then it waits for the copy out of that memory, not for the computation.
    std::vector<std::string> expected;
    for (int i = 0; i < 4; ++i) {
      if (i == 3) expected.push_back("wait for a copy");
      expected.insert(expected.end(), chunk.begin(), chunk.end());
    }
    expected.push_back("finish");
    expect(prediction.steps() == expected, "steps of call " + std::to_string(call));
    expect(prediction.reads.size() == 4, std::to_string(prediction.reads.size()) + " chunks");
    for (std::size_t i = 0; i < 4; ++i) {
      expect(prediction.reads[i].first == 250 * i && prediction.reads[i].count == 250, "chunk " + std::to_string(i));
      if (i > 0) expect(prediction.reads[i].target != prediction.reads[i - 1].target, "one buffer for two chunks");
    }
  }
}

TEST(cuda_prediction_comes_in_order_for_any_count) {
  for (const std::size_t count : {1, 3, 256, 257, 1023, 10000}) {
    FakePrediction prediction(count);
    prediction.by_reader();
    prediction.expect_in_order();
    expect(prediction.reads.size() == (count + 255) / 256,
           std::to_string(count) + " images in " + std::to_string(prediction.reads.size()) + " chunks");
    for (const FakePrediction::Read& read : prediction.reads) {
      const int difference = prediction.reads.front().count - read.count;
      expect(difference == 0 || difference == 1, "chunks are not equal");
    }
    const std::vector<std::string> steps = prediction.steps();
    expect(std::count(steps.begin(), steps.end(), "finish") == 1 && steps.back() == "finish",
           "the host waits once, at the end");
    expect(std::count(steps.begin(), steps.end(), "wait for computing") == 0, "the host waits for computing");
    // The same for images in the caller's memory.
    std::vector<std::uint8_t> images(count * 16);
    FakePrediction::fill(0, count, images.data());
    std::fill(prediction.posterior.begin(), prediction.posterior.end(), -1.0f);
    prediction.network->forward(images.data(), static_cast<int>(count), nullptr, prediction.posterior.data());
    prediction.expect_in_order();
  }
}

// Parameters and folded normalizations take some 200 floats; an image 16, twice 64 for the outputs of layers, twice 2.
TEST(cuda_prediction_without_memory_takes_fewer_images_at_once) {
  FakePrediction prediction(1000, 5000 + 70 * 148);
  prediction.by_reader();
  prediction.expect_in_order();
  const std::vector<std::string> steps = prediction.steps();
  const auto times = [&](const std::string& step) { return std::count(steps.begin(), steps.end(), step); };
  expect(times("out of memory") == 2, std::to_string(times("out of memory")) + " halvings; expected 256, 128, 64");
  expect(times("compute 64") == 16, std::to_string(times("compute 64")) + " chunks of 64; expected 16");
  expect(prediction.network->inference_batch() == 64, "what did not fit is tried no more");
  prediction.by_reader();
  prediction.expect_in_order();
  const std::vector<std::string> again = prediction.steps();
  expect(std::count(again.begin(), again.end(), "out of memory") == 0, "the next call starts with what fits");
  // Where not even one image fits, the caller gets the error.
  FakePrediction hopeless(1000, 300);
  std::string code;
  try {
    hopeless.by_reader();
  } catch (const Error& error) {
    code = error.code();
  }
  expect(code == "out-of-memory", "found " + code);
}

TEST(training_memory_says_which_batch_fits) {
  const Topology topology;
  const std::vector<Layer> layers = layers_of(topology);
  const ParameterLayout layout = parameters_of(layers);
  const TrainingMemory floats = training_memory(layers, topology, layout, 4);
  const TrainingMemory halves = training_memory(layers, topology, layout, 2);
  expect(floats.per_image == 2 * halves.per_image && floats.fixed == halves.fixed, "activations count, gradients do not");
  // Counted by hand: the input, the linear outputs of eight convolutions, what each hands to the next layer, three dense
  // layers, two gradients.
  const std::size_t linear = 2 * 64 * 64 * 64 + 2 * 32 * 32 * 128 + 4 * 16 * 16 * 256, dense = 512 + 512;
  const std::size_t passed = 64 * 64 * 64 + 32 * 32 * 64 + 32 * 32 * 128 + 16 * 16 * 128 + 3 * 16 * 16 * 256 + 8 * 8 * 256;
  expect(floats.per_image == 4 * (64 * 64 * 2 + linear + passed + 2 * dense + 12 + 2 * 64 * 64 * 64), "per image");
  expect(largest_batch(floats, floats.fixed) == 0, "nothing fits beside the parameters");
  const std::size_t room = (floats.fixed + 100 * floats.per_image) / 9 * 10 + 1000;
  expect(largest_batch(floats, room) == 100, "batch " + std::to_string(largest_batch(floats, room)));
}

}  // namespace

// The engine without JavaScript, for bench/: the addon is measured against it.
//
//   engine_contestant MODEL THREADS
//
// MODEL is the paper's network as lines "NAME COUNT", each followed by COUNT float32; mean_image and scale among them.
// For each line "BATCH REPEATS CELLS RESULT" of standard input it computes the posteriors of the BATCH cells in the file
// CELLS, REPEATS times, writes the last ones to RESULT and prints the seconds of each.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "../../cpu/cpu_backend.h"
#include "../../engine/network.h"

namespace {

using namespace deepyeast;

void read_model(const std::string& path, Network& network) {
  std::ifstream file(path, std::ios::binary);
  std::vector<float> mean, values;
  float scale = 1;
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string name;
    std::size_t count = 0;
    words >> name >> count;
    values.resize(count);
    file.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(count * sizeof(float)));
    if (name == "mean_image") mean = values;
    else if (name == "scale") scale = values[0];
    else network.set_tensor(name, values.data(), count);
  }
  network.set_input_transform(mean.data(), scale);
}

std::vector<std::uint8_t> read_cells(const std::string& path, std::size_t count) {
  std::vector<std::uint8_t> cells(count);
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(cells.data()), static_cast<std::streamsize>(count));
  return cells;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::fprintf(stderr, "usage: engine_contestant MODEL THREADS\n");
    return 2;
  }
  const Topology topology;
  Network network(topology, 0, make_cpu_backend(std::stoi(arguments[2])), false);
  read_model(arguments[1], network);
  std::printf("%s\n", network.backend().description().c_str());
  std::fflush(stdout);
  int batch, repeats;
  std::string cells_path, result_path;
  while (std::cin >> batch >> repeats >> cells_path >> result_path) {
    const std::size_t number = static_cast<std::size_t>(batch);
    const std::vector<std::uint8_t> cells =
        read_cells(cells_path, number * topology.image_size * topology.image_size * topology.channels);
    std::vector<float> logits(number * topology.classes), posteriors(logits.size());
    for (int i = 0; i < repeats; ++i) {
      const auto start = std::chrono::steady_clock::now();
      network.forward(cells.data(), batch, logits.data(), posteriors.data());
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
      std::printf("%s%.9f", i == 0 ? "" : " ", seconds.count());
    }
    std::printf("\n");
    std::fflush(stdout);
    std::ofstream(result_path, std::ios::binary)
        .write(reinterpret_cast<const char*>(posteriors.data()),
               static_cast<std::streamsize>(posteriors.size() * sizeof(float)));
  }
  return 0;
}

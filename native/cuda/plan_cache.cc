#include "plan_cache.h"

#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "../system/atomic_file.h"
#include "../system/error.h"

namespace deepyeast::cuda {
namespace {

const std::string kHeader = "deepyeast-cuda-plans 1";
constexpr std::size_t kLongestLine = 1000;

Plans read_plans(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return parse_plans(text.str());
}

// The folder and those above it.
bool make_folders(const std::string& folder) {
  for (std::size_t end = folder.find('/', 1);; end = folder.find('/', end + 1)) {
    const std::string part = folder.substr(0, end);
    if (mkdir(part.c_str(), 0777) != 0 && errno != EEXIST) return false;
    if (end == std::string::npos) return true;
  }
}

}  // namespace

std::string plans_text(const Plans& plans) {
  std::string text = kHeader + "\n";
  for (const auto& [key, choice] : plans) text += key + "\t" + choice + "\n";
  return text;
}

Plans parse_plans(const std::string& text) {
  Plans plans;
  std::istringstream lines(text);
  std::string line;
  if (!std::getline(lines, line) || line != kHeader) return plans;
  while (std::getline(lines, line)) {
    const std::size_t tab = line.find('\t');
    if (line.size() > kLongestLine || tab == 0 || tab == std::string::npos || tab + 1 == line.size()) continue;
    if (line.find('\t', tab + 1) != std::string::npos) continue;
    plans[line.substr(0, tab)] = line.substr(tab + 1);
  }
  return plans;
}

PlanCache::PlanCache(std::string folder, std::string platform)
    : folder_(std::move(folder)), platform_(std::move(platform)) {
  for (char& letter : platform_)
    if (letter == '\t' || letter == '\n') letter = ' ';
  if (!folder_.empty()) stored_ = read_plans(path());
}

std::string PlanCache::path() const { return folder_ + "/cuda-plans.txt"; }

std::string PlanCache::find(const std::string& operation) {
  const std::string name = key(operation);
  if (!folder_.empty() && preferred_.count(name) == 0 && stored_.count(name) == 0) stored_ = read_plans(path());
  for (const Plans* plans : {&preferred_, &stored_}) {
    const auto found = plans->find(name);
    if (found == plans->end()) continue;
    used_[name] = found->second;
    return found->second;
  }
  return {};
}

void PlanCache::add(const std::string& operation, const std::string& choice) {
  used_[key(operation)] = choice;
  stored_[key(operation)] = choice;
  if (folder_.empty() || !make_folders(folder_)) return;
  Plans all = read_plans(path());
  all[key(operation)] = choice;
  const std::string text = plans_text(all);
  try {
    AtomicFile file(path());
    file.write(text.data(), text.size());
    file.commit();
  } catch (const Error&) {
    // Measured again next time.
  }
}

std::string PlanCache::use(const std::string& text) {
  std::string other;
  for (const auto& [key, choice] : parse_plans(text)) {
    if (key.compare(0, platform_.size() + 3, platform_ + " | ") == 0) {
      preferred_[key] = choice;
    } else {
      const std::size_t first = key.find(" | ");
      other = key.substr(0, first == std::string::npos ? first : key.find(" | ", first + 3));
    }
  }
  if (other.empty()) return {};
  return "the checkpoint was computed on " + other + ", this is " + platform_ +
         ": results will differ by rounding from those of an uninterrupted run";
}

}  // namespace deepyeast::cuda

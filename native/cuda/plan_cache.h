// Which engine or algorithm computes which operation, kept in a text file in the user's cache folder so that the choice is
// made once per shape, device and version of cuDNN and cuBLASLt, and in checkpoints so that a resumed training computes as
// before. Knows nothing of CUDA.
//
// The text: a line "deepyeast-cuda-plans 1", then "key<TAB>choice" lines, sorted. A key is "device | libraries | operation";
// lines that make no sense are skipped.
#pragma once

#include <map>
#include <string>

namespace deepyeast::cuda {

using Plans = std::map<std::string, std::string>;

std::string plans_text(const Plans& plans);
Plans parse_plans(const std::string& text);

class PlanCache {
 public:
  // folder empty: nothing is read or written. platform: what every key begins with, such as "NVIDIA H100 sm_90 |
  // cuDNN 92400, cuBLASLt 130101".
  PlanCache(std::string folder, std::string platform);

  // The choice for an operation; empty: none. Choices of use() come first, then those of the file, which is read again where
  // they do not have it: another network may have measured meanwhile.
  std::string find(const std::string& operation);
  // A measured choice; saved at once, together with what other processes have added. A file that cannot be written is no
  // error: the choice is measured again next time.
  void add(const std::string& operation, const std::string& choice);
  // A choice that stands for want of a better one, as when memory or the device failed: not saved.
  void add_unsaved(const std::string& operation, const std::string& choice) { used_[key(operation)] = choice; }
  // Takes the choices of a checkpoint. Returns a sentence where they were made on another platform, else "".
  std::string use(const std::string& text);
  // The choices that find() returned or add() was given: what a checkpoint keeps.
  std::string used() const { return plans_text(used_); }

 private:
  std::string key(const std::string& operation) const { return platform_ + " | " + operation; }
  std::string path() const;

  std::string folder_, platform_;
  Plans stored_, preferred_;
  Plans used_;
};

}  // namespace deepyeast::cuda

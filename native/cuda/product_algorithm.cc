#include "product_algorithm.h"

#include <cinttypes>
#include <cstdio>

namespace deepyeast::cuda {
namespace {

const std::string kPrefix = "algorithm ";
constexpr std::size_t kDigits = 16;  // of a word

std::string hexadecimal(std::uint64_t word) {
  char text[kDigits + 1];
  std::snprintf(text, sizeof text, "%016" PRIx64, word);
  return text;
}

// FNV-1a over the words.
std::uint64_t checksum(const AlgorithmWords& algorithm) {
  std::uint64_t sum = 14695981039346656037u;
  for (const std::uint64_t word : algorithm)
    for (int shift = 0; shift < 64; shift += 8) sum = (sum ^ ((word >> shift) & 0xff)) * 1099511628211u;
  return sum;
}

bool parse_word(const std::string& text, std::size_t first, std::uint64_t* word) {
  *word = 0;
  for (std::size_t i = first; i < first + kDigits; ++i) {
    const char digit = text[i];
    const bool letter = digit >= 'a' && digit <= 'f';
    if (!letter && (digit < '0' || digit > '9')) return false;
    *word = *word << 4 | static_cast<std::uint64_t>(letter ? digit - 'a' + 10 : digit - '0');
  }
  return true;
}

}  // namespace

std::string algorithm_text(const AlgorithmWords& algorithm) {
  std::string text = kPrefix;
  for (const std::uint64_t word : algorithm) text += hexadecimal(word);
  return text + " " + hexadecimal(checksum(algorithm));
}

bool parse_algorithm(const std::string& text, AlgorithmWords* algorithm) {
  const std::size_t end = kPrefix.size() + algorithm->size() * kDigits;
  if (text.size() != end + 1 + kDigits || text.compare(0, kPrefix.size(), kPrefix) != 0 || text[end] != ' ') return false;
  AlgorithmWords words;
  for (std::size_t i = 0; i < words.size(); ++i)
    if (!parse_word(text, kPrefix.size() + i * kDigits, &words[i])) return false;
  std::uint64_t sum = 0;
  if (!parse_word(text, end + 1, &sum) || sum != checksum(words)) return false;
  *algorithm = words;
  return true;
}

AlgorithmWords planned_algorithm(PlanCache& plans, const std::string& operation,
                                 const std::function<bool(const AlgorithmWords&)>& usable,
                                 const std::function<AlgorithmWords()>& choose, const std::function<void()>& refused) {
  AlgorithmWords algorithm;
  const std::string kept = plans.find(operation);
  if (!kept.empty()) {
    if (parse_algorithm(kept, &algorithm) && usable(algorithm)) return algorithm;
    refused();
  }
  algorithm = choose();
  plans.add(operation, algorithm_text(algorithm));
  return algorithm;
}

}  // namespace deepyeast::cuda

#include "image_store.h"

#include <algorithm>
#include <atomic>

#include "../system/error.h"
#include "../system/read_at.h"

namespace deepyeast {
namespace {

std::uint64_t next_id() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace

ImageStore::ImageStore(std::string path, std::uint64_t offset, std::uint64_t count, int size, int channels)
    : path_(std::move(path)),
      id_(next_id()),
      offset_(offset),
      count_(count),
      size_(size),
      channels_(channels),
      image_bytes_(static_cast<std::size_t>(size) * size * channels),
      file_(path_) {
  const std::uint64_t found = file_.size(), expected = offset_ + count_ * image_bytes_;
  if (found >= expected) return;
  throw Error("images-truncated", path_ + " has " + std::to_string(found) + " bytes; expected " +
                                      std::to_string(expected) + " for " + std::to_string(count_) + " images");
}

void ImageStore::read_run(std::uint64_t first, std::size_t number, std::uint8_t* output) const {
  const std::size_t bytes = number * image_bytes_;
  const std::uint64_t position = offset_ + first * image_bytes_;
  const std::size_t done = read_at(file_.handle(), path_, position, output, bytes);
  if (done < bytes) {
    throw Error("images-truncated", path_ + " ended at byte " + std::to_string(position + done) + " while image " +
                                        std::to_string(first + number - 1) +
                                        " was read: the file was truncated while in use");
  }
}

void ImageStore::read(const std::uint32_t* indices, std::size_t number, std::uint8_t* output) const {
  for (std::size_t i = 0; i < number; ++i) {
    if (indices[i] >= count_) {
      throw Error("invalid-argument", "image " + std::to_string(indices[i]) + " of " + path_ +
                                          " was asked for; expected less than " + std::to_string(count_));
    }
  }
  for (std::size_t i = 0; i < number;) {
    std::size_t run = 1;  // images that follow each other in the file are read in one call
    while (i + run < number && indices[i + run] == indices[i] + run) ++run;
    read_run(indices[i], run, output + i * image_bytes_);
    i += run;
  }
}

std::vector<double> ImageStore::mean(const std::uint32_t* indices, std::size_t number) const {
  constexpr std::size_t kChunk = 64;
  const std::size_t total = indices ? number : static_cast<std::size_t>(count_);
  if (total == 0) throw Error("invalid-argument", "the mean of no images of " + path_ + " is not defined");
  std::vector<std::uint64_t> sums(image_bytes_);
  std::vector<std::uint8_t> images(kChunk * image_bytes_);
  for (std::size_t start = 0; start < total; start += kChunk) {
    const std::size_t here = std::min(kChunk, total - start);
    if (indices) {
      read(indices + start, here, images.data());
    } else {
      read_run(start, here, images.data());
    }
    for (std::size_t image = 0; image < here; ++image) {
      const std::uint8_t* pixels = images.data() + image * image_bytes_;
      for (std::size_t i = 0; i < image_bytes_; ++i) sums[i] += pixels[i];
    }
  }
  std::vector<double> mean(image_bytes_);
  for (std::size_t i = 0; i < image_bytes_; ++i) mean[i] = static_cast<double>(sums[i]) / static_cast<double>(total);
  return mean;
}

}  // namespace deepyeast

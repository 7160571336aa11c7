// Images of an images.npy file. They are read by position and never mapped: a file that is truncated while in use gives an
// error instead of killing the process, and its pages do not count as memory of this process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "../system/file_handle.h"

namespace deepyeast {

class ImageStore {
 public:
  // `offset`: bytes before the first image; images are [size, size, channels] bytes, one after the other.
  // Throws Error("io-error") and, when the file is too short, Error("images-truncated").
  ImageStore(std::string path, std::uint64_t offset, std::uint64_t count, int size, int channels);
  ImageStore(const ImageStore&) = delete;
  ImageStore& operator=(const ImageStore&) = delete;

  // Unique among all stores that this process ever had.
  std::uint64_t id() const { return id_; }
  std::uint64_t count() const { return count_; }
  int size() const { return size_; }
  int channels() const { return channels_; }
  std::size_t image_bytes() const { return image_bytes_; }

  // Copies the images of `indices` (each below count()) into `output`, in that order.
  void read(const std::uint32_t* indices, std::size_t number, std::uint8_t* output) const;
  // Copies the images [first, first + number), all below count().
  void read_run(std::uint64_t first, std::size_t number, std::uint8_t* output) const;
  // The per-pixel mean, [size, size, channels]; `indices` null: of all images. Exact: sums are integers.
  std::vector<double> mean(const std::uint32_t* indices, std::size_t number) const;

 private:
  std::string path_;
  std::uint64_t id_, offset_, count_;
  int size_, channels_;
  std::size_t image_bytes_;
  InputFile file_;
};

}  // namespace deepyeast

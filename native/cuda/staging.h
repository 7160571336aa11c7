// Images on their way to the device: page-locked memory in slots that take turns, so that the host fills the next one while
// the device copies and computes from those before. Knows nothing of CUDA: a Slot says how its memory is made, copied and
// waited for, which a test can watch.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace deepyeast::cuda {

// Slot: size(), host(), device(); resize(bytes); copy(bytes) enqueues the copy of host() to device() and makes what is
// enqueued afterwards wait for it; mark_used() after what reads device() was enqueued; on_host_wait_for_copy() and
// on_host_wait_for_use() until the last of either is over.
template <typename Slot>
class Staging {
 public:
  // One being filled, one being copied, one being computed from.
  static constexpr std::size_t slot_count = 3;

  template <typename... Arguments>
  explicit Staging(const Arguments&... arguments)
      : slots_{{Slot(arguments...), Slot(arguments...), Slot(arguments...)}} {}

  // Memory for the next images: to be filled, then given to stage().
  std::uint8_t* next(std::size_t bytes) {
    current_ = (current_ + 1) % slot_count;
    Slot& slot = slots_[current_];
    slot.on_host_wait_for_copy();
    if (slot.size() < bytes) {
      slot.on_host_wait_for_use();
      slot.resize(bytes);
    }
    given_ = true;
    return slot.host();
  }

  // Starts the copy of images, from next()'s memory or from anywhere on the host; returns where they will be for what is
  // enqueued next. used() is called after that was enqueued.
  const std::uint8_t* stage(const std::uint8_t* images, std::size_t bytes) {
    if (!given_ || images != slots_[current_].host()) std::memcpy(next(bytes), images, bytes);
    given_ = false;
    slots_[current_].copy(bytes);
    return slots_[current_].device();
  }

  void used() { slots_[current_].mark_used(); }

 private:
  std::array<Slot, slot_count> slots_;
  std::size_t current_ = 0;
  bool given_ = false;  // by next(), not yet staged
};

}  // namespace deepyeast::cuda

// Waiting without sleep for what comes within microseconds.
#pragma once

#include <chrono>
#include <thread>

namespace deepyeast {

// Longer than a thread that ends an operation of one image early waits for the other, and for the next operation or call:
// waking it up again takes up to 100 microseconds, as long as many an operation. Too short to be noticed by others.
constexpr std::chrono::microseconds spin_time(300);

inline void spin_pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Whether `done` came true before the time to spin was over. Lets others on this core go first.
template <typename Done>
bool spin_until(const Done& done) {
  const auto end = std::chrono::steady_clock::now() + spin_time;
  do {
    for (int i = 0; i < 32; ++i) {
      if (done()) return true;
      spin_pause();
    }
    std::this_thread::yield();
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

// Until `done` comes true, for what may take longer: after the time to spin, with a look now and then.
template <typename Done>
void wait_until(const Done& done) {
  if (spin_until(done)) return;
  while (!done()) std::this_thread::sleep_for(std::chrono::microseconds(50));
}

}  // namespace deepyeast

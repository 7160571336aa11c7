// Waiting without sleep for what comes within microseconds.
#pragma once

#include <chrono>
#include <thread>

namespace deepyeast {

// How long a thread spins for the end of an operation or for the next one before it sleeps. To wake a thread takes up to
// 100 microseconds, as long as many an operation on one image; within 300 the next operation or call has usually come.
// Short enough that other programs do not notice.
constexpr std::chrono::microseconds kSpinTime(300);

inline void spin_pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Whether `done` came true before the spin time was over. Yields the core to other threads in between.
template <typename Done>
bool spin_until(const Done& done) {
  const auto end = std::chrono::steady_clock::now() + kSpinTime;
  do {
    for (int i = 0; i < 32; ++i) {
      if (done()) return true;
      spin_pause();
    }
    std::this_thread::yield();
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

// Returns when `done` comes true, for what may take longer: after the spin time it sleeps between looks.
template <typename Done>
void wait_until(const Done& done) {
  if (spin_until(done)) return;
  while (!done()) std::this_thread::sleep_for(std::chrono::microseconds(50));
}

}  // namespace deepyeast

// The thread pool: every task runs once, concurrent tasks have different slots, exceptions arrive, several callers and more
// threads than cores work.
#include <algorithm>
#include <chrono>
#include <memory>

#include "../system/available_threads.h"
#include "../system/thread_pool.h"
#include "test.h"

namespace {

using namespace deepyeast;
using namespace deepyeast::test;

void check_every_task_runs_once(ThreadPool& pool, std::size_t tasks, int threads) {
  std::unique_ptr<std::atomic<int>[]> runs(new std::atomic<int>[tasks + 1]());
  std::unique_ptr<std::atomic<bool>[]> busy(new std::atomic<bool>[static_cast<std::size_t>(threads)]());
  std::atomic<bool> wrong_slot{false};
  pool.parallel_for(tasks, threads, [&](std::size_t task, int slot) {
    if (slot < 0 || slot >= threads || busy[slot].exchange(true)) {
      wrong_slot = true;
      return;
    }
    ++runs[task];
    busy[slot] = false;
  });
  expect(!wrong_slot, "two tasks shared a slot");
  for (std::size_t task = 0; task < tasks; ++task)
    expect(runs[task] == 1, "task " + std::to_string(task) + " ran " + std::to_string(runs[task]) + " times");
}

TEST(thread_pool_runs_every_task_once) {
  const std::shared_ptr<ThreadPool> pool = ThreadPool::shared();
  for (const int threads : {1, 2, 5, 16})
    for (const std::size_t tasks : {0, 1, 2, 3, 100, 10000}) check_every_task_runs_once(*pool, tasks, threads);
  for (int repeat = 0; repeat < 5000; ++repeat) check_every_task_runs_once(*pool, 7, 5);
}

TEST(thread_pool_serves_callers_at_the_same_time) {
  const std::shared_ptr<ThreadPool> pool = ThreadPool::shared();
  std::atomic<int> failures{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 6; ++caller)
    callers.emplace_back([&, caller] {
      try {
        for (int repeat = 0; repeat < 300; ++repeat) check_every_task_runs_once(*pool, 50, 1 + caller);
      } catch (const std::exception&) {
        ++failures;
      }
    });
  for (std::thread& caller : callers) caller.join();
  expect(failures == 0, std::to_string(failures) + " callers failed");
}

TEST(thread_pool_lets_tasks_call_it) {
  const std::shared_ptr<ThreadPool> pool = ThreadPool::shared();
  std::atomic<int> inner{0};
  pool->parallel_for(20, 5, [&](std::size_t, int) {
    pool->parallel_for(20, 5, [&](std::size_t, int) { ++inner; });
  });
  expect(inner == 400, std::to_string(inner) + " inner tasks, expected 400");
}

TEST(thread_pool_throws_the_exception_of_a_task) {
  const std::shared_ptr<ThreadPool> pool = ThreadPool::shared();
  for (const int threads : {1, 2, 5}) {
    std::string message;
    try {
      pool->parallel_for(100, threads, [](std::size_t task, int) {
        if (task == 37) throw std::runtime_error("task 37");
      });
    } catch (const std::runtime_error& error) {
      message = error.what();
    }
    expect(message == "task 37", "the exception was lost on " + std::to_string(threads) + " threads");
    check_every_task_runs_once(*pool, 100, threads);
  }
}

TEST(thread_pool_ends_with_its_last_holder) {
  std::weak_ptr<ThreadPool> seen;
  for (int repeat = 0; repeat < 20; ++repeat) {
    const std::shared_ptr<ThreadPool> first = ThreadPool::shared(), second = ThreadPool::shared();
    expect(first == second, "two holders have two pools");
    check_every_task_runs_once(*first, 10, 4);
    seen = first;
  }
  expect(seen.expired(), "the pool outlives its holders");
}

// One of two tasks, the caller's or the worker's, takes longer than a thread spins.
TEST(thread_pool_wakes_a_caller_who_sleeps) {
  const std::shared_ptr<ThreadPool> pool = ThreadPool::shared();
  for (std::size_t slow = 0; slow < 2; ++slow) {
    for (int repeat = 0; repeat < 100; ++repeat) {
      std::atomic<int> done{0};
      pool->parallel_for(2, 2, [&](std::size_t task, int) {
        if (task == slow) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        done.fetch_add(1);
      });
      expect(done == 2, "both tasks are done when the call returns");
    }
  }
}

TEST(thread_pool_wakes_after_a_pause) {
  const std::shared_ptr<ThreadPool> pool = ThreadPool::shared();
  for (int repeat = 0; repeat < 5; ++repeat) {
    check_every_task_runs_once(*pool, 20, 3);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // the workers have gone to sleep
  }
}

TEST(available_threads_is_positive) {
  const int threads = available_threads();
  expect(threads >= 1 && threads <= static_cast<int>(std::max(1u, std::thread::hardware_concurrency())),
         std::to_string(threads) + " threads");
}

}  // namespace

// The tasks of one operation: every task is executed once, whichever threads work, and an exception skips the rest.
#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "../system/tasks.h"
#include "test.h"

namespace {

using namespace deepyeast;
using namespace deepyeast::test;

struct Counts {
  explicit Counts(std::size_t tasks) : of_task(tasks) {}
  static void count(const void* counts, std::size_t task, int) {
    ++const_cast<Counts*>(static_cast<const Counts*>(counts))->of_task[task];
  }
  std::vector<std::atomic<int>> of_task;
};

TEST(tasks_are_executed_once) {
  for (const int ranges : {1, 3, 8})
    for (const std::size_t count : {0, 1, 5, 1000}) {
      Counts counts(count);
      Tasks tasks(count, ranges, Counts::count, &counts);
      expect(tasks.all_claimed() == (count == 0), "tasks are there to claim exactly while none was claimed");
      std::vector<std::thread> threads;
      for (int slot = 0; slot < 4; ++slot) threads.emplace_back([&tasks, slot] { tasks.work(slot); });
      for (std::thread& thread : threads) thread.join();
      expect(tasks.all_claimed(), "tasks are left");
      tasks.rethrow();  // nothing
      for (std::size_t task = 0; task < count; ++task)
        expect(counts.of_task[task] == 1, "task " + std::to_string(task) + " of " + std::to_string(count));
    }
}

TEST(a_task_that_throws_skips_the_rest) {
  Counts counts(30);
  Tasks tasks(
      30, 3,
      [](const void* counts, std::size_t task, int slot) {
        Counts::count(counts, task, slot);
        if (task == 12) throw std::runtime_error("task 12");
      },
      &counts);
  tasks.work(1);  // begins with tasks 10 to 19
  tasks.work(0);
  int executed = 0;
  for (const auto& count : counts.of_task) executed += count;
  expect(executed == 3, std::to_string(executed) + " tasks were executed; expected 10, 11 and 12");
  std::string message;
  try {
    tasks.rethrow();
  } catch (const std::runtime_error& error) {
    message = error.what();
  }
  expect(message == "task 12", "the exception was lost");
}

}  // namespace

// Reading a file by position, and files that appear whole.
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "../system/atomic_file.h"
#include "../system/error.h"
#include "../system/file_lock.h"
#include "../system/read_at.h"
#include "temporary_file.h"
#include "test.h"

namespace {

using namespace deepyeast;
using namespace deepyeast::test;

std::string content_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(std::filesystem::u8path(path), std::ios::binary).rdbuf();
  return text.str();
}

TEST(read_at_reads_what_the_file_has) {
  const TemporaryFile temporary("0123456789");
  const InputFile file(temporary.path());
  const auto read = [&](std::uint64_t position, std::size_t bytes) {
    std::string text(bytes, '.');
    text.resize(read_at(file.handle(), "the file", position, text.data(), bytes));
    return text;
  };
  expect(file.size() == 10, "its size");
  expect(read(0, 10) == "0123456789" && read(3, 4) == "3456" && read(3, 0).empty(), "inside the file");
  expect(read(8, 5) == "89", "across its end only what is there is read");
  expect(read(10, 1).empty() && read(1 << 20, 7).empty(), "nothing is behind its end");
}

// A folder: POSIX opens it and does not read it, Windows does not open it.
TEST(a_file_that_cannot_be_read_is_named) {
  const std::string folder = std::filesystem::temp_directory_path().u8string();
  std::string code, message;
  try {
    const InputFile file(folder);
    char byte;
    read_at(file.handle(), folder, 0, &byte, 1);
  } catch (const Error& error) {
    code = error.code();
    message = error.what();
  }
  expect(code == "io-error" && message.find(folder) != std::string::npos, "found " + code + ": " + message);
}

TEST(an_atomic_file_replaces_what_is_there_when_it_is_whole) {
  const TemporaryFile temporary("older");
  {
    AtomicFile abandoned(temporary.path());
    abandoned.write("half", 4);
  }
  expect(content_of(temporary.path()) == "older", "one that is abandoned leaves the file as it was");
  AtomicFile file(temporary.path());
  file.write("new", 3);
  expect(content_of(temporary.path()) == "older", "it is not yet there");
  file.commit();
  expect(content_of(temporary.path()) == "new", "it is there");
  int beside = 0;
  const std::filesystem::path path = std::filesystem::u8path(temporary.path());
  for (const auto& entry : std::filesystem::directory_iterator(path.parent_path()))
    if (entry.path().u8string().find(path.filename().u8string()) != std::string::npos) ++beside;
  expect(beside == 1, "nothing is left beside it");
}

TEST(an_atomic_file_needs_its_folder) {
  std::string code, message;
  const std::string path = (std::filesystem::temp_directory_path() / "no-such-folder" / "file").u8string();
  try {
    AtomicFile file(path);
  } catch (const Error& error) {
    code = error.code();
    message = error.what();
  }
  expect(code == "io-error" && message.find(path) != std::string::npos, "found " + code + ": " + message);
}

TEST(a_file_lock_is_held_once) {
  const TemporaryFile temporary("readable");
  std::unique_ptr<FileLock> first = FileLock::acquire(temporary.path());
  expect(first != nullptr, "nobody holds it");
  expect(FileLock::acquire(temporary.path()) == nullptr, "it is held");
  expect(content_of(temporary.path()) == "readable", "the file can be read meanwhile");
  first.reset();
  expect(FileLock::acquire(temporary.path()) != nullptr, "it was released");
}

}  // namespace

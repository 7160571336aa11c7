// Reading a file by position.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "../system/error.h"
#include "../system/read_at.h"
#include "test.h"

namespace {

using namespace deepyeast;
using namespace deepyeast::test;

TEST(read_at_reads_what_the_file_has) {
  std::FILE* const file = std::tmpfile();
  expect(file != nullptr, "there is no temporary file");
  std::fputs("0123456789", file);
  std::fflush(file);
  const auto read = [&](std::uint64_t position, std::size_t bytes) {
    std::string text(bytes, '.');
    text.resize(read_at(fileno(file), "the file", position, text.data(), bytes));
    return text;
  };
  expect(read(0, 10) == "0123456789" && read(3, 4) == "3456" && read(3, 0).empty(), "inside the file");
  expect(read(8, 5) == "89", "across its end only what is there is read");
  expect(read(10, 1).empty() && read(1 << 20, 7).empty(), "nothing is behind its end");
  std::fclose(file);
}

TEST(read_at_names_the_file_that_cannot_be_read) {
  const int folder = ::open("/", O_RDONLY | O_CLOEXEC);
  std::string code, message;
  try {
    char byte;
    read_at(folder, "some/path", 0, &byte, 1);
  } catch (const Error& error) {
    code = error.code();
    message = error.what();
  }
  ::close(folder);
  expect(code == "io-error" && message.find("some/path") != std::string::npos, "found " + code + ": " + message);
}

}  // namespace

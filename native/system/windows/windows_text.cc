#include "windows_text.h"

#include <windows.h>

#include "../error.h"

namespace deepyeast {
namespace {

// Longer paths need a prefix, after which nothing is relative and slashes lean backwards.
constexpr std::size_t kLongestPlainPath = 240;

std::wstring absolute(const std::wstring& path) {
  std::wstring full(GetFullPathNameW(path.c_str(), 0, nullptr, nullptr), L'\0');
  full.resize(GetFullPathNameW(path.c_str(), static_cast<DWORD>(full.size()), full.data(), nullptr));
  return full;
}

}  // namespace

std::wstring wide_path(const std::string& path) {
  const int bytes = static_cast<int>(path.size());
  const int length = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path.data(), bytes, nullptr, 0);
  if (length == 0 && bytes > 0) throw Error("io-error", "the path " + path + " is not UTF-8");
  std::wstring wide(static_cast<std::size_t>(length), L'\0');
  MultiByteToWideChar(CP_UTF8, 0, path.data(), bytes, wide.data(), length);
  if (wide.rfind(L"\\\\?\\", 0) == 0 || wide.size() < kLongestPlainPath) return wide;
  const std::wstring full = absolute(wide);
  // \\server\share becomes \\?\UNC\server\share
  return full.rfind(L"\\\\", 0) == 0 ? L"\\\\?\\UNC" + full.substr(1) : L"\\\\?\\" + full;
}

std::string error_text(unsigned long number) {
  wchar_t wide[512];
  DWORD length = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, nullptr, number,
                                MAKELANGID(LANG_ENGLISH, SUBLANG_ENGLISH_US), wide, 512, nullptr);
  if (length == 0)  // the system speaks another language
    length = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, nullptr, number, 0, wide, 512, nullptr);
  while (length > 0 && (wide[length - 1] <= L' ' || wide[length - 1] == L'.')) --length;
  std::string text(static_cast<std::size_t>(length) * 3, '\0');
  text.resize(static_cast<std::size_t>(WideCharToMultiByte(CP_UTF8, 0, wide, static_cast<int>(length), text.data(),
                                                           static_cast<int>(text.size()), nullptr, nullptr)));
  return text.empty() ? "error " + std::to_string(number) : text;
}

}  // namespace deepyeast

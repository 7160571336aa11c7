#include "arguments.h"

#include <cmath>
#include <cstring>

#include "../system/error.h"

namespace deepyeast {
namespace {

[[noreturn]] void refuse(const Napi::Value& value, const std::string& name, const std::string& expected) {
  throw Error("invalid-argument", name + " is " + described(value) + "; expected " + expected);
}

const char* array_type_name(napi_typedarray_type type) {
  switch (type) {
    case napi_int8_array: return "Int8Array";
    case napi_uint8_array: return "Uint8Array";
    case napi_uint8_clamped_array: return "Uint8ClampedArray";
    case napi_int16_array: return "Int16Array";
    case napi_uint16_array: return "Uint16Array";
    case napi_int32_array: return "Int32Array";
    case napi_uint32_array: return "Uint32Array";
    case napi_float32_array: return "Float32Array";
    case napi_float64_array: return "Float64Array";
    default: return "typed array";
  }
}

template <typename T>
std::vector<T> typed_array(const Napi::Value& value, const std::string& name, napi_typedarray_type type) {
  if (!value.IsTypedArray()) refuse(value, name, std::string("a ") + array_type_name(type));
  napi_typedarray_type found{};
  std::size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(value.Env(), value, &found, &length, &data, nullptr, nullptr) != napi_ok ||
      found != type) {
    refuse(value, name, std::string("a ") + array_type_name(type));
  }
  if (data == nullptr) length = 0;  // detached
  std::vector<T> copy(length);
  if (length > 0) std::memcpy(copy.data(), data, length * sizeof(T));
  return copy;
}

// The length of a JavaScript array, bounded so that a huge sparse array cannot block the event loop.
std::uint32_t array_length(const Napi::Value& value, const std::string& name, std::size_t limit) {
  if (!value.IsArray()) refuse(value, name, "an array");
  const std::uint32_t length = value.As<Napi::Array>().Length();
  if (length > limit) {
    throw Error("invalid-argument", name + " has " + std::to_string(length) + " elements; expected at most " +
                                        std::to_string(limit));
  }
  return length;
}

}  // namespace

std::string described(const Napi::Value& value) {
  if (value.IsEmpty() || value.IsUndefined()) return "undefined";
  if (value.IsNull()) return "null";
  if (value.IsNumber()) {
    const double number = value.As<Napi::Number>().DoubleValue();
    char text[32];
    std::snprintf(text, sizeof text, "%.15g", number);
    return text;
  }
  if (value.IsString()) return "a string";
  if (value.IsBoolean()) return value.As<Napi::Boolean>().Value() ? "true" : "false";
  if (value.IsFunction()) return "a function";
  if (value.IsArray()) return "an array";
  if (value.IsTypedArray()) {
    napi_typedarray_type type{};
    std::size_t length = 0;
    if (napi_get_typedarray_info(value.Env(), value, &type, &length, nullptr, nullptr, nullptr) != napi_ok) {
      return "a typed array";
    }
    return std::string(array_type_name(type)) + "(" + std::to_string(length) + ")";
  }
  if (value.IsObject()) return "an object";
  return "neither number nor object";
}

Napi::Value argument(const Napi::CallbackInfo& info, std::size_t index) {
  return index < info.Length() ? info[index] : info.Env().Undefined();
}

Napi::Object object_argument(const Napi::Value& value, const std::string& name) {
  if (!value.IsObject() || value.IsFunction()) refuse(value, name, "an object");
  return value.As<Napi::Object>();
}

double number_argument(const Napi::Value& value, const std::string& name, double low, double high) {
  if (!value.IsNumber()) refuse(value, name, "a number");
  const double number = value.As<Napi::Number>().DoubleValue();
  if (!(number >= low && number <= high)) {
    char expected[96];
    std::snprintf(expected, sizeof expected, "a number from %g to %g", low, high);
    refuse(value, name, expected);
  }
  return number;
}

std::uint64_t integer_argument(const Napi::Value& value, const std::string& name, std::uint64_t low,
                               std::uint64_t high) {
  if (!value.IsNumber()) refuse(value, name, "an integer");
  const double number = value.As<Napi::Number>().DoubleValue();
  if (!(number >= static_cast<double>(low) && number <= static_cast<double>(high)) || number != std::floor(number)) {
    refuse(value, name, "an integer from " + std::to_string(low) + " to " + std::to_string(high));
  }
  return static_cast<std::uint64_t>(number);
}

bool boolean_argument(const Napi::Value& value, const std::string& name) {
  if (!value.IsBoolean()) refuse(value, name, "true or false");
  return value.As<Napi::Boolean>().Value();
}

std::string string_argument(const Napi::Value& value, const std::string& name) {
  if (!value.IsString()) refuse(value, name, "a string");
  std::string text = value.As<Napi::String>().Utf8Value();
  if (text.find('\0') != std::string::npos) {
    throw Error("invalid-argument", name + " holds a null character; expected a string without");
  }
  return text;
}

std::vector<std::uint8_t> uint8_array(const Napi::Value& value, const std::string& name) {
  return typed_array<std::uint8_t>(value, name, napi_uint8_array);
}
std::vector<std::uint32_t> uint32_array(const Napi::Value& value, const std::string& name) {
  return typed_array<std::uint32_t>(value, name, napi_uint32_array);
}
std::vector<std::int32_t> int32_array(const Napi::Value& value, const std::string& name) {
  return typed_array<std::int32_t>(value, name, napi_int32_array);
}
std::vector<float> float32_array(const Napi::Value& value, const std::string& name) {
  return typed_array<float>(value, name, napi_float32_array);
}
std::vector<double> float64_array(const Napi::Value& value, const std::string& name) {
  return typed_array<double>(value, name, napi_float64_array);
}

std::vector<std::string> string_array(const Napi::Value& value, const std::string& name, std::size_t limit) {
  const std::uint32_t length = array_length(value, name, limit);
  const Napi::Array array = value.As<Napi::Array>();
  std::vector<std::string> strings;
  for (std::uint32_t i = 0; i < length; ++i) {
    strings.push_back(string_argument(array.Get(i), name + "[" + std::to_string(i) + "]"));
  }
  return strings;
}

std::vector<int> integer_array(const Napi::Value& value, const std::string& name, std::size_t limit) {
  const std::uint32_t length = array_length(value, name, limit);
  const Napi::Array array = value.As<Napi::Array>();
  std::vector<int> integers;
  for (std::uint32_t i = 0; i < length; ++i) {
    integers.push_back(
        static_cast<int>(integer_argument(array.Get(i), name + "[" + std::to_string(i) + "]", 1, 1 << 20)));
  }
  return integers;
}

void require_labels(const std::vector<std::int32_t>& labels, std::size_t classes) {
  for (const std::int32_t label : labels) {
    if (label < 0 || static_cast<std::size_t>(label) >= classes) {
      throw Error("labels-invalid", "labels hold " + std::to_string(label) + "; expected 0 to " +
                                        std::to_string(classes - 1));
    }
  }
}

}  // namespace deepyeast

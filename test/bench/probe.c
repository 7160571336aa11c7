// A module that asks CPUID, has the bytes of that instruction (0F A2) in a constant, and can meet an illegal instruction.
#include <cpuid.h>
#include <node_api.h>
#include <stdint.h>

// cpuid(leaf, subleaf): EAX, EBX, ECX and EDX, in the bytes of an ArrayBuffer.
static napi_value cpuid(napi_env env, napi_callback_info information) {
  size_t count = 2;
  napi_value arguments[2], result;
  uint32_t leaf = 0, subleaf = 0, *registers;
  napi_get_cb_info(env, information, &count, arguments, NULL, NULL);
  napi_get_value_uint32(env, arguments[0], &leaf);
  napi_get_value_uint32(env, arguments[1], &subleaf);
  napi_create_arraybuffer(env, 16, (void**)&registers, &result);
  __cpuid_count(leaf, subleaf, registers[0], registers[1], registers[2], registers[3]);
  return result;
}

static napi_value constant(napi_env env, napi_callback_info information) {
  (void)information;
  uint32_t value;
  napi_value result;
  __asm__ volatile("movl $0xa20f, %0" : "=r"(value));
  napi_create_uint32(env, value, &result);
  return result;
}

static napi_value trap(napi_env env, napi_callback_info information) {
  (void)env, (void)information;
  __asm__ volatile("ud2");
  return NULL;
}

static void add(napi_env env, napi_value exports, const char* name, napi_callback callback) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, NULL, &function);
  napi_set_named_property(env, exports, name, function);
}

NAPI_MODULE_INIT() {
  add(env, exports, "cpuid", cpuid);
  add(env, exports, "constant", constant);
  add(env, exports, "trap", trap);
  return exports;
}

// Answers the CPUID instructions that cpuid-instructions.js has made illegal, as a processor with AVX2 and nothing later
// would: a module for Node, loaded before the library whose instructions those are. (Not by LD_PRELOAD: node sets every
// signal back to its default when it starts.)
#define _GNU_SOURCE
#include <cpuid.h>
#include <node_api.h>
#include <signal.h>
#include <stdatomic.h>
#include <ucontext.h>

static struct sigaction previous;
static atomic_uint feature_answers;

// Leaf 7 lists the instruction sets since AVX2, leaf 0x24 the versions of AVX10. Of leaf 7 remain the low half of EBX,
// which is older than AVX-512 (AVX2 is its bit 5), and in EDX whether cores differ, by which threads are shared out.
static void restrict_to_avx2(unsigned leaf, unsigned subleaf, unsigned* eax, unsigned* ebx, unsigned* ecx, unsigned* edx) {
  if (leaf != 7 && leaf != 0x24) return;
  const int features = leaf == 7 && subleaf == 0;
  if (features) atomic_fetch_add(&feature_answers, 1);
  *ebx &= features ? 0xffff : 0;
  *edx &= features ? 1u << 15 : 0;
  *eax = *ecx = 0;
}

static void answer(int signal, siginfo_t* information, void* context) {
  (void)information;
  greg_t* registers = ((ucontext_t*)context)->uc_mcontext.gregs;
  const unsigned char* instruction = (const unsigned char*)registers[REG_RIP];
  if (instruction[0] != 0xce || instruction[1] != 0xa2) {
    sigaction(signal, &previous, NULL);  // not ours: it runs again and meets what was there before
    return;
  }
  const unsigned leaf = (unsigned)registers[REG_RAX], subleaf = (unsigned)registers[REG_RCX];
  unsigned eax, ebx, ecx, edx;
  __cpuid_count(leaf, subleaf, eax, ebx, ecx, edx);
  restrict_to_avx2(leaf, subleaf, &eax, &ebx, &ecx, &edx);
  registers[REG_RAX] = eax, registers[REG_RBX] = ebx, registers[REG_RCX] = ecx, registers[REG_RDX] = edx;
  registers[REG_RIP] += 2;
}

// answers(): how often the processor's features were asked for and answered. 0: nothing is restricted.
static napi_value answers(napi_env environment, napi_callback_info information) {
  (void)information;
  napi_value count = NULL;
  napi_create_uint32(environment, atomic_load(&feature_answers), &count);
  return count;
}

NAPI_MODULE_INIT() {
  struct sigaction action = {.sa_sigaction = answer, .sa_flags = SA_SIGINFO};
  sigemptyset(&action.sa_mask);
  napi_value function;
  if (sigaction(SIGILL, &action, &previous) != 0 ||
      napi_create_function(env, "answers", NAPI_AUTO_LENGTH, answers, NULL, &function) != napi_ok ||
      napi_set_named_property(env, exports, "answers", function) != napi_ok) {
    napi_throw_error(env, NULL, "the handler of illegal instructions could not be installed");
  }
  return exports;
}

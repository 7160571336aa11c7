// Keeps the addon loadable on glibc 2.28 (2018) whatever glibc it is linked against. The linker binds a call to the
// newest version of a symbol that the build machine has; for the symbols below that is newer than 2.28, though an old
// version does the same. CMakeLists.txt passes --wrap=NAME for each of them (also for calls from the static libstdc++),
// and the wrappers here ask for the old version by name. test/package/packed.test.ts reads the result off the binary.
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

#if defined(__x86_64__)
#define OLDEST "GLIBC_2.2.5"
constexpr int stat_version = 1;
#elif defined(__aarch64__)
#define OLDEST "GLIBC_2.17"
constexpr int stat_version = 0;
#else
#error "no oldest version of glibc's symbols is known for this processor: build with -DDEEPYEAST_OLD_GLIBC=OFF"
#endif

// wrapped(RESULT, NAME, (PARAMETERS), (ARGUMENTS)): NAME as of the oldest version.
#define wrapped(result, name, parameters, arguments)        \
  extern "C" result oldest_##name parameters;               \
  __asm__(".symver oldest_" #name "," #name "@" OLDEST);    \
  extern "C" result __wrap_##name parameters { return oldest_##name arguments; }

// 2.29 only dropped the error handling of the System V standard.
wrapped(double, exp, (double x), (x))
wrapped(double, exp2, (double x), (x))
wrapped(double, log, (double x), (x))
wrapped(double, log2, (double x), (x))
wrapped(double, pow, (double x, double y), (x, y))

// 2.35 dropped the same of hypot.
wrapped(double, hypot, (double x, double y), (x, y))

// 2.32 and 2.34 moved libpthread and libdl into libc. On older systems both are there because Node.js needs them.
wrapped(int, pthread_create, (pthread_t * thread, const pthread_attr_t* attributes, void* (*start)(void*), void* argument),
        (thread, attributes, start, argument))
wrapped(int, pthread_join, (pthread_t thread, void** result), (thread, result))
wrapped(int, pthread_detach, (pthread_t thread), (thread))
wrapped(int, pthread_once, (pthread_once_t * control, void (*routine)()), (control, routine))
wrapped(int, pthread_key_create, (pthread_key_t * key, void (*destroy)(void*)), (key, destroy))
wrapped(int, pthread_sigmask, (int how, const sigset_t* set, sigset_t* old), (how, set, old))
wrapped(void*, dlopen, (const char* path, int flags), (path, flags))
wrapped(void*, dlsym, (void* library, const char* name), (library, name))
wrapped(int, dlclose, (void* library), (library))
wrapped(char*, dlerror, (), ())

// Up to 2.32 these were inline functions around the versioned __xstat family.
wrapped(int, __fxstat, (int version, int file, struct stat* status), (version, file, status))
wrapped(int, __xstat, (int version, const char* path, struct stat* status), (version, path, status))
wrapped(int, __lxstat, (int version, const char* path, struct stat* status), (version, path, status))
extern "C" {
int __wrap_fstat(int file, struct stat* status) { return oldest___fxstat(stat_version, file, status); }
int __wrap_stat(const char* path, struct stat* status) { return oldest___xstat(stat_version, path, status); }
int __wrap_lstat(const char* path, struct stat* status) { return oldest___lxstat(stat_version, path, status); }
// The same structure: off_t has 64 bits on both processors.
int __wrap_fstat64(int file, struct stat* status) { return oldest___fxstat(stat_version, file, status); }
int __wrap_stat64(const char* path, struct stat* status) { return oldest___xstat(stat_version, path, status); }
int __wrap_lstat64(const char* path, struct stat* status) { return oldest___lxstat(stat_version, path, status); }

// Of 2.32; libstdc++ asks it whether reference counts need atomic instructions. A copy of our own that says yes.
__attribute__((visibility("hidden"))) char __libc_single_threaded = 0;
}

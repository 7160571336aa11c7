// Preloaded into a process (LD_PRELOAD) to kill it at one moment of its writing: counts the calls of write, pwrite,
// writev, pwritev, fsync, fdatasync and rename whose file lies below the folder KILL_FOLDER, and at call number KILL_AT
// sends SIGKILL, after half of the bytes of a write and before anything else. At a normal exit the count goes to the
// file KILL_COUNT.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;

static int below(const char* path) {
  const char* folder = getenv("KILL_FOLDER");
  return folder != NULL && strncmp(path, folder, strlen(folder)) == 0;
}

static int watched(int file) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = '\0';
  return below(path);
}

// Whether this call is the one.
static int due(void) {
  const char* at = getenv("KILL_AT");
  return atomic_fetch_add(&calls, 1) + 1 == (at == NULL ? 0 : atol(at));
}

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int file, const void* data, size_t bytes) {
  if (watched(file) && due()) {
    REAL(write)(file, data, bytes / 2);
    die();
  }
  return REAL(write)(file, data, bytes);
}

ssize_t pwrite64(int file, const void* data, size_t bytes, off64_t position) {
  if (watched(file) && due()) {
    REAL(pwrite64)(file, data, bytes / 2, position);
    die();
  }
  return REAL(pwrite64)(file, data, bytes, position);
}

ssize_t pwrite(int file, const void* data, size_t bytes, off_t position) {
  return pwrite64(file, data, bytes, position);
}

ssize_t writev(int file, const struct iovec* parts, int count) {
  if (watched(file) && due()) die();
  return REAL(writev)(file, parts, count);
}

ssize_t pwritev64(int file, const struct iovec* parts, int count, off64_t position) {
  if (watched(file) && due()) die();
  return REAL(pwritev64)(file, parts, count, position);
}

ssize_t pwritev(int file, const struct iovec* parts, int count, off_t position) {
  return pwritev64(file, parts, count, position);
}

int fsync(int file) {
  if (watched(file) && due()) die();
  return REAL(fsync)(file);
}

int fdatasync(int file) {
  if (watched(file) && due()) die();
  return REAL(fdatasync)(file);
}

int rename(const char* from, const char* to) {
  if (below(to) && due()) die();
  return REAL(rename)(from, to);
}

__attribute__((destructor)) static void report(void) {
  const char* path = getenv("KILL_COUNT");
  if (path == NULL) return;
  FILE* file = fopen(path, "w");
  if (file == NULL) return;
  fprintf(file, "%ld\n", (long)calls);
  fclose(file);
}

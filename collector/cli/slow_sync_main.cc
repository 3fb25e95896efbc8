// Loaded before everything else, for a test: a disk that takes its time.
#include <dlfcn.h>
#include <unistd.h>

namespace {

constexpr useconds_t kDelayUs = 30'000;

using Sync = int (*)(int);

int Slowly(const char* name, int file) {
  usleep(kDelayUs);
  return reinterpret_cast<Sync>(dlsym(RTLD_NEXT, name))(file);
}

}  // namespace

extern "C" int fsync(int file) { return Slowly("fsync", file); }
extern "C" int fdatasync(int file) { return Slowly("fdatasync", file); }

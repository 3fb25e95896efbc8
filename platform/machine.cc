#include "platform/machine.h"

#include <limits.h>
#include <unistd.h>

#include <fstream>

namespace schoolgate::platform {

std::string BootId() {
  std::ifstream in("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(in, id);
  return id;
}

std::string HostName() {
  char name[HOST_NAME_MAX + 1] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "";
}

std::string HardwareNumber() {
  for (const char* path :
       {"/sys/class/dmi/id/product_uuid", "/etc/machine-id"}) {
    std::ifstream in(path);
    std::string number;
    if (std::getline(in, number) && !number.empty()) return number;
  }
  return "";
}

}  // namespace schoolgate::platform

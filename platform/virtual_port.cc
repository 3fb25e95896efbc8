#include "platform/virtual_port.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <string_view>

namespace schoolgate::platform {

bool IsVirtualPort(uint32_t interface_index) {
  ifreq request{};
  if (if_indextoname(interface_index, request.ifr_name) == nullptr) {
    return false;
  }
  const int asking = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (asking < 0) return false;
  ethtool_drvinfo driver{};
  driver.cmd = ETHTOOL_GDRVINFO;
  request.ifr_data = reinterpret_cast<char*>(&driver);
  const bool known = ioctl(asking, SIOCETHTOOL, &request) == 0;
  close(asking);
  if (!known) return false;
  driver.driver[sizeof(driver.driver) - 1] = '\0';
  const std::string_view name = driver.driver;
  return name == "veth" || name == "tun";
}

}  // namespace schoolgate::platform

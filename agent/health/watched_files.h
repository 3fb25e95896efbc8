// Files that can lead a device around its gate: remembered by hash, also over
// a restart, and told when they change. What stands in them is never told.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "agent/health/touched.h"

namespace schoolgate::agent {

struct WatchedFile {
  enum class Part {
    kWhole,
    kNameServers,  // only lines that name a server
    kProxies,      // only lines that set a proxy
    kFolder,       // every file in it, by name and content
    // Browsers' policies (browser_policies.h): what is ours, and the rest.
    kOurs,
    kOursInFirefox,
    kOthersFolder,
    kOthersInFirefox,
  };
  std::string kind;
  std::string path;
  Part part = Part::kWhole;
  // Ours: changes rightly while the package manager works, and with a version.
  bool is_program = false;
};

// What is watched on this machine; paths are under `root` ("" in service).
std::vector<WatchedFile> FilesToWatch(const std::string& root);

// Not thread-safe.
class WatchedFiles {
 public:
  // What was remembered, as Remembered() gave it; empty or damaged: the first
  // look is the baseline. Programs and units are taken anew when `version` is
  // another than remembered. Borrows `stop`: once it is set, files are no
  // longer read to their end, and what is found is worth nothing.
  WatchedFiles(std::vector<WatchedFile> files, const std::string& remembered,
               std::string version, const std::atomic<bool>& stop);

  // What changed since the last look, told once. `installing` says whether the
  // package manager has our package in its hands: programs are then left for
  // later. Only asked when one has changed. `harden_browsers`: whether our
  // policies for browsers are to be there; that they come and go by that is
  // not told.
  std::vector<Touched> Look(const std::function<bool()>& installing,
                            bool harden_browsers);

  // To be kept for the next start.
  std::string Remembered() const;

  // Of the program at `path` as it was last seen; empty when not watched.
  std::string HashOf(const std::string& path) const;

 private:
  // Reads the file only when its inode says that it was written.
  std::string PrintOf(const WatchedFile& file);

  const std::vector<WatchedFile> files_;
  const std::string version_;
  const std::atomic<bool>& stop_;
  std::map<std::string, std::string> known_;  // key -> print
  struct Read {
    std::string inode, print;
  };
  std::map<std::string, Read> read_;  // by key
};

// Whether dpkg says that the package is being unpacked or is half installed.
bool IsInstalling(const std::string& dpkg_status_file,
                  const std::string& package);

}  // namespace schoolgate::agent

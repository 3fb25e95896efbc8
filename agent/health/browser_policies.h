// Managed policies that keep browsers from hiding the names they ask for: no
// guessing ahead, no DNS of their own, no encrypted hello. Laid down by root in
// the places where browsers look for them, looked at by the agent.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "proto/event.pb.h"

namespace schoolgate::agent {

// Where things are; "" in service, a folder in tests.
struct BrowserPlaces {
  std::string root;

  // The folders of browsers that read every file in them.
  std::vector<std::pair<std::string, std::string>> ManagedFolders() const;
  // Ours in such a folder. It sorts last, so that it counts where others
  // disagree.
  static std::string OwnFile(const std::string& folder);
  // Firefox has one file for everybody: we change three lines of it.
  std::string FirefoxFile() const;
  // What stood there before, to be put back. Root's alone: nobody else may say
  // what root writes.
  std::string BeforeFile() const;
};

// Lays the policies down; what others have put there stays. Does nothing where
// all is as it should be. As root. Goes on with the next browser where one
// fails, and returns the first failure, which names the file.
absl::Status HardenBrowsers(const BrowserPlaces& places);

// Takes away what HardenBrowsers did, and puts back what stood there before;
// what was changed since stays. As root.
absl::Status ReleaseBrowsers(const BrowserPlaces& places);

// How it stands. `asked`: whether the policy asks for it.
std::vector<v1::BrowserState> LookAtBrowsers(const BrowserPlaces& places,
                                             bool asked);

// What tells one content of our own part from another: of OwnFile(), or of our
// three lines in FirefoxFile(). Empty where there is none.
std::string OwnPartOf(const std::string& path, bool is_firefox);
// The rest of FirefoxFile(). Empty where there is none.
std::string OthersPartOfFirefox(const std::string& path);
// What OwnPartOf gives when it is as we lay it down.
std::string RightfulPart(bool is_firefox);

}  // namespace schoolgate::agent

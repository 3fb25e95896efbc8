#include "collector/cases/device_speech.h"

#include "absl/strings/str_cat.h"
#include "collector/cases/words.h"
#include "collector/detect/incident.h"

namespace schoolgate::collector {

DeviceSpeech SpeakOfDevice(const Finding& finding, const std::string& device,
                           uint32_t count, const std::string& when) {
  std::string often = count > 1 ? absl::StrCat(", ", Times(count), ",") : "";
  if (finding.rule == "silent_device") {
    return {"Device not heard from",
            absl::StrCat("Device ", device, " was last heard from ", when, "; ",
                         finding.detail, " of school time have passed since."),
            "A device that stays silent on school days is not monitored.",
            "It may be switched off, in repair or at home without network.",
            "Ask whether the device is in use; the IT provider can check it."};
  }
  if (finding.rule == "blind_device") {
    return {"Device cannot see",
            absl::StrCat("Device ", device, " reported ", when, " that ",
                         finding.detail, "."),
            "While this lasts, nothing that happens on it is seen.",
            "A fault or an update can cause this; nobody need have done it.",
            "Ask the IT provider to check the device."};
  }
  if (finding.rule == "agent_stopped") {
    return {"Monitoring was stopped",
            absl::StrCat("Monitoring on device ", device, " was stopped", often,
                         " ", when, " while the computer stayed on."),
            "The computer was not restarted, only the monitoring was.",
            "Maintenance by the IT provider looks the same.",
            "Ask the IT provider whether this was their work."};
  }
  if (finding.rule == "check_failed") {
    return {"The filter's own check failed",
            absl::StrCat("Device ", device, " tested its filter ", when,
                         " and failed: ", finding.detail, "."),
            "What the policy blocks may be open on it.",
            "A fault or a network in between can cause this.",
            "Ask the IT provider to check the device."};
  }
  if (finding.rule == "tunnel") {
    return {"Connections that hide names",
            absl::StrCat("Device ", device,
                         " made connections that hide host "
                         "names (",
                         finding.detail, ") ", when, "."),
            "Tunnels such as a VPN go around the filter.",
            "The school's own VPN or a program's setting can look the same.",
            "Ask the IT provider which program it is before asking anybody."};
  }
  if (finding.rule == "odd_names") {
    const bool tunnel = finding.detail == "name_tunnel";
    return {
        tunnel ? "Data inside name questions" : "Names that a program made up",
        absl::StrCat("Device ", device,
                     tunnel ? " asked for many long names below one site "
                            : " asked for many made-up names ",
                     when, "."),
        tunnel ? "Programs carry data in such questions past every filter."
               : "Malware looks for its makers under such names.",
        "A security program or a faulty one can look the same. Nobody need "
        "have done anything, and no name left the device.",
        "Check the device for malware; the name server's own log tells which "
        "names they were."};
  }
  if (finding.rule == "stale_rules") {
    return {"Rules are not being confirmed",
            absl::StrCat("Device ", device,
                         " has had no signed word from the rules' publisher "
                         "for ",
                         finding.detail, "."),
            "It enforces the rules that it has; newer ones may be kept from "
            "it.",
            "The publisher may simply have signed no timestamp.",
            "Ask the IT provider whether the daily timestamp was published."};
  }
  if (finding.rule == "rules_refused") {
    return {"Rules were refused",
            absl::StrCat("Device ", device, " goes on with the rules it had: ",
                         finding.detail, "."),
            "Until this is mended the newest rules do not hold there.",
            "A mistake in the release is more likely than anything else.",
            "Tell the IT provider, who can release corrected rules."};
  }
  if (finding.rule == "events_lost") {
    return {"Records were lost",
            absl::StrCat("Device ", device, " lost ", count, " records ", when,
                         "."),
            "Something may be missing from what you see here.",
            "A full or failing disk can cause this.",
            "Ask the IT provider to check the device."};
  }
  const std::string times = count > 1 ? absl::StrCat(", ", Times(count)) : "";
  return {"Protection was changed",
          absl::StrCat("Device ", device, " reported ", when, ": ",
                       TamperWords(finding.detail), times, "."),
          "This can be a way around the filter.",
          "Maintenance or a new network can look the same.",
          "Ask the IT provider whether this was their work."};
}

DeviceSpeech SpeakOfDevices(const Finding& finding, size_t devices,
                            const std::string& names, uint32_t count,
                            const std::string& when) {
  // An alert keeps so many lines, and with a line goes its device.
  const char* at_least =
      devices >= kMostActsInIncident ? " devices or more (" : " devices (";
  const std::string those = absl::StrCat(devices, at_least, names, ")");
  const std::string often =
      count > devices ? absl::StrCat(", ", Times(count), " in all,") : "";
  if (finding.rule == "silent_device") {
    return {"Devices not heard from",
            absl::StrCat(those, " were last heard from ", when, "; ",
                         finding.detail, " of school time have passed since."),
            "Devices that stay silent on school days are not monitored. "
            "Several since the same day point to one cause.",
            "The school may have been closed, or they may be switched off, in "
            "repair or without network.",
            "Ask whether the devices are in use; the IT provider can check "
            "them."};
  }
  if (finding.rule == "agent_stopped") {
    return {"Monitoring was stopped on several devices",
            absl::StrCat("Monitoring on ", those, " was stopped", often, " ",
                         when, " while the computers stayed on."),
            "The computers were not restarted, only the monitoring was. "
            "Several within minutes point to one cause, so this is one alert.",
            "Maintenance by the IT provider looks the same.",
            "Ask the IT provider whether this was their work on each of them."};
  }
  if (finding.rule == "stale_rules") {
    return {"Rules are not being confirmed",
            absl::StrCat(those,
                         " have had no signed word from the rules' publisher "
                         "for ",
                         finding.detail, "."),
            "They enforce the rules that they have; newer ones may be kept "
            "from them.",
            "The publisher may simply have signed no timestamp.",
            "Ask the IT provider whether the daily timestamp was published."};
  }
  if (finding.rule == "rules_refused") {
    return {"Rules were refused",
            absl::StrCat(
                those, " go on with the rules they had: ", finding.detail, "."),
            "Until this is mended the newest rules do not hold there.",
            "A mistake in the release is more likely than anything else.",
            "Tell the IT provider, who can release corrected rules."};
  }
  return {"Protection was changed on several devices",
          absl::StrCat(those, " reported", often, " ", when, ": ",
                       TamperWords(finding.detail), "."),
          "This can be a way around the filter. The same on several devices "
          "within minutes points to one cause, so this is one alert.",
          "Maintenance or a new network can look the same.",
          "Ask the IT provider whether this was their work on each of them."};
}

}  // namespace schoolgate::collector

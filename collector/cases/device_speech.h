// What is said of a finding about a device: nobody is accused by it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "collector/detect/finding.h"

namespace schoolgate::collector {

struct DeviceSpeech {
  std::string title, sentence, why, in_favour, next_step;
};

// `when` in words, such as "at 10:00 on Tuesday"; `count`: how often.
DeviceSpeech SpeakOfDevice(const Finding& finding, const std::string& device,
                           uint32_t count, const std::string& when);

// The same for several devices that share an alert; `names` in words. Other
// kinds of findings are never of several.
DeviceSpeech SpeakOfDevices(const Finding& finding, size_t devices,
                            const std::string& names, uint32_t count,
                            const std::string& when);

}  // namespace schoolgate::collector

// What is said of a finding about a device: nobody is accused by it.
#pragma once

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

}  // namespace schoolgate::collector

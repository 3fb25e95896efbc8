// Whether it was the owner of an account who used it.
#pragma once

#include <span>
#include <string>

#include "proto/alert.pb.h"

namespace schoolgate::collector {

// A sentence for what speaks for the person, where the account that the alert
// is about was used at that time on one of its devices that is not for it (an
// alert of the rule staff_account or not_assigned); empty where not.
// `of_devices`: the alerts about the devices of the alert's evidence.
std::string DoubtAbout(const v1::Alert& alert,
                       std::span<const v1::Alert> of_devices);

}  // namespace schoolgate::collector

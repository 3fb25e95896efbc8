// Who may know of an alert. The person it is about never does, and cannot
// find that it exists.
#pragma once

#include <span>

#include "collector/store/account_store.h"
#include "proto/alert.pb.h"

namespace schoolgate::collector {

// `everybody`: the accounts of the collector, to know who stands in when the
// alert is about one of them.
//
// Pupils and devices: safety lead, deputies, head, second senior. Staff: the
// head only, with the second senior in their place when it is about the head.
// Device trouble also reaches the IT provider; governors and the data
// protection officer see no single alert.
bool MaySee(const v1::Alert& alert, const Account& viewer,
            std::span<const Account> everybody);

}  // namespace schoolgate::collector

// Fits a name model to the names it will write.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "rules/bundle/category_index.h"
#include "rules/bundle/name_model.h"

namespace schoolgate::rules {

// How often each category set occurs decides its code; `set_uses` is by set
// number, most used first. The same entries in any order give the same parts
// on every machine: integers only.
ModelParts TrainModel(std::span<const IndexEntry> entries,
                      std::span<const uint64_t> set_uses);

}  // namespace schoolgate::rules

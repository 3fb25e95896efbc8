// Whether the school's policy works: what the filter did, how often alerts were
// right, how soon somebody acted, what people asked for and what lessons
// missed. For the school's yearly audit of its policy.
#pragma once

#include <span>

#include "collector/cases/report.h"

namespace schoolgate::collector {

// `alerts`: those of the period that the reader may see, whole or brief.
// `policy` may be null: then nothing is known of lessons.
Report EffectReport(const Period& period, std::span<const v1::Alert> alerts,
                    std::span<const HourCount> counts,
                    const v1::CompiledPolicy* policy);

// How soon alerts were closed, by severity.
ReportTable HowSoon(std::span<const v1::Alert> alerts);

// What people asked for, how it ended, and in lessons of it.
ReportTable WhatPeopleAsked(std::span<const v1::Alert> alerts,
                            const v1::CompiledPolicy* policy);

// Of each kind of alert: raised, right, wrong, not judged yet.
ReportTable HowOftenRight(std::span<const v1::Alert> alerts);

}  // namespace schoolgate::collector

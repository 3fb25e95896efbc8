// Prometheus' text format, version 0.0.4.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "collector/metrics/histogram.h"

namespace schoolgate::collector {

// Labels come from fixed sets of words: never a person, a host, an address,
// or anything else whose values nobody has listed.
using Label = std::pair<std::string_view, std::string_view>;

// Each family once, with all its samples. Not thread-safe.
class Exposition {
 public:
  static constexpr char kType[] = "text/plain; version=0.0.4; charset=utf-8";

  // Begins a family; what is sampled next belongs to it. A counter's name
  // ends in _total.
  Exposition& Counter(std::string_view name, std::string_view help);
  Exposition& Gauge(std::string_view name, std::string_view help);
  Exposition& Sample(double value, std::initializer_list<Label> labels = {});

  void Distribution(std::string_view name, std::string_view help,
                    const Histogram& histogram);

  const std::string& text() const { return text_; }

 private:
  void Family(std::string_view name, std::string_view help,
              std::string_view type);
  void Line(std::string_view suffix, std::initializer_list<Label> labels,
            double value);

  std::string text_;
  std::string name_;
};

}  // namespace schoolgate::collector

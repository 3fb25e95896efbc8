#include "collector/metrics/exposition.h"

#include <cstdio>

namespace schoolgate::collector {
namespace {

// Whole numbers stay whole, others keep what a double holds.
std::string Number(double value) {
  char text[32];
  const bool whole = value == static_cast<double>(static_cast<int64_t>(value));
  std::snprintf(text, sizeof text, whole ? "%.0f" : "%.9g", value);
  return text;
}

void AppendEscaped(std::string_view from, std::string* to) {
  for (const char c : from) {
    if (c == '\n') {
      *to += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') *to += '\\';
    *to += c;
  }
}

}  // namespace

Exposition& Exposition::Counter(std::string_view name, std::string_view help) {
  Family(name, help, "counter");
  return *this;
}

Exposition& Exposition::Gauge(std::string_view name, std::string_view help) {
  Family(name, help, "gauge");
  return *this;
}

Exposition& Exposition::Sample(double value,
                               std::initializer_list<Label> labels) {
  Line("", labels, value);
  return *this;
}

void Exposition::Distribution(std::string_view name, std::string_view help,
                              const Histogram& histogram) {
  Family(name, help, "histogram");
  uint64_t below = 0;
  for (size_t i = 0; i < Histogram::kBoundSeconds.size(); ++i) {
    below += histogram.count(i);
    Line("_bucket", {{"le", Number(Histogram::kBoundSeconds[i])}},
         static_cast<double>(below));
  }
  below += histogram.count(Histogram::kBoundSeconds.size());
  Line("_bucket", {{"le", "+Inf"}}, static_cast<double>(below));
  Line("_sum", {}, histogram.sum_seconds());
  Line("_count", {}, static_cast<double>(below));
}

void Exposition::Family(std::string_view name, std::string_view help,
                        std::string_view type) {
  name_ = name;
  text_.append("# HELP ").append(name).append(" ");
  AppendEscaped(help, &text_);
  text_.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
}

void Exposition::Line(std::string_view suffix,
                      std::initializer_list<Label> labels, double value) {
  text_.append(name_).append(suffix);
  char before = '{';
  for (const auto& [key, word] : labels) {
    text_ += before;
    text_.append(key).append("=\"");
    AppendEscaped(word, &text_);
    text_ += '"';
    before = ',';
  }
  if (labels.size() > 0) text_ += '}';
  text_.append(" ").append(Number(value)).append("\n");
}

}  // namespace schoolgate::collector

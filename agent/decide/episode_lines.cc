#include "agent/decide/episode_lines.h"

#include <google/protobuf/util/json_util.h>

#include "platform/check.h"

namespace schoolgate::agent {

void EpisodeLines::Emit(v1::Event event) {
  event.set_sequence(++sequence_);
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string line;
  SG_CHECK(
      google::protobuf::util::MessageToJsonString(event, &line, options).ok());
  lines_.append(line).append(1, '\n');
}

}  // namespace schoolgate::agent

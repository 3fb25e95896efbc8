// The gate's judgement of TCP: connections are named by their first bytes, and
// refused so that both ends know at once.
#include <algorithm>
#include <string_view>

#include "agent/enforce/block_page.h"
#include "agent/enforce/gate.h"
#include "agent/enforce/kernel_table.h"

namespace schoolgate::agent {
namespace {

constexpr uint16_t kDnsPort = 53;
constexpr std::string_view kButtonPath = "/.schoolgate/";

// "POST /.schoolgate/TOKEN/KIND HTTP/1.1": a button of our own page.
struct Button {
  std::string_view token;
  std::string_view kind;
};
Button ButtonOf(std::string_view request) {
  constexpr std::string_view kPost = "POST ";
  if (!request.starts_with(kPost)) return {};
  request.remove_prefix(kPost.size());
  const std::string_view path = request.substr(0, request.find(' '));
  if (!path.starts_with(kButtonPath)) return {};
  const std::string_view rest = path.substr(kButtonPath.size());
  const size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return {};
  return {rest.substr(0, slash), rest.substr(slash + 1)};
}

}  // namespace

// TCP Fast Open: the server must not see a name before we do. Without its data
// the opening is a plain one, and the data comes again.
void Gate::JudgeOpening(const platform::HeldByKernel& held,
                        const HeldPacket& packet, int64_t now_us) {
  FlowOf(packet, now_us) = Flow{};
  if (packet.payload.empty()) return Pass(held, 0);
  const std::vector<uint8_t> bare = WithoutPayload(held.bytes, packet);
  if (bare.empty()) return packets_.Drop(held.id);
  ++counters_.passed;
  packets_.Replace(held.id, held.mark, bare);
}

void Gate::JudgeTcp(const platform::HeldByKernel& held,
                    const HeldPacket& packet, int64_t now_us) {
  Flow& flow = FlowOf(packet, now_us);
  if (!found_.answered.empty() && AnswerDnsStream(held, packet)) return;
  if (found_.block || flow.blocked) {
    flow.blocked = true;
    return RefuseTcp(held, packet);
  }
  flow.talkative |= found_.http || found_.dns;
  ++flow.packets;
  // DNS on its own port is looked at for ever.
  if (packet.destination_port == kDnsPort) return Pass(held, 0);
  bool done = found_.named || flow.packets >= kMaxPacketsToName;
  if (observer_.unfinished()) done = flow.packets >= kMaxPacketsUnfinished;
  if (flow.talkative) done = flow.packets >= kMaxPacketsTalkative;
  Pass(held, done ? kMarkPass : 0);
}

// Answers what the segment asks, and ends the connection: whatever else was
// asked on it is asked again on another. False when the answer cannot be
// given so.
bool Gate::AnswerDnsStream(const platform::HeldByKernel& held,
                           const HeldPacket& packet) {
  const std::vector<uint8_t> answers = AnswerBlockedStream(
      packet.payload,
      [&](std::span<const uint8_t> query) -> std::optional<BlockAnswer> {
        const Answered* answered = AnswerOf(query);
        if (answered == nullptr) return std::nullopt;
        return answered->kind;
      });
  if (answers.empty()) {
    // A question in pieces: cut, so that it goes nowhere.
    found_.block = true;
    return false;
  }
  ++counters_.blocked;
  if (!refusal_.Send(packet, answers)) ++counters_.unanswered;
  packets_.Accept(held.id, held.mark | kMarkBlock | kMarkPass);
  return true;
}

// The segment goes on as far as the packet filter, which drops it and all that
// follows on the connection (both marks: it has been answered), or resets it.
void Gate::RefuseTcp(const platform::HeldByKernel& held,
                     const HeldPacket& packet) {
  ++counters_.blocked;
  std::vector<uint8_t> answer;
  // What was refused before, and a question in pieces, get a bare reset.
  if (found_.block && !found_.dns) {
    answer = found_.refused.source == NameSource::kHttp ? PageFor(packet)
                                                        : AccessDeniedAlert();
  }
  uint32_t bits = kMarkBlock;
  if (refusal_.Send(packet, answer)) {
    bits |= kMarkPass;
  } else {
    ++counters_.unanswered;
  }
  packets_.Accept(held.id, held.mark | bits);
}

std::vector<uint8_t> Gate::PageFor(const HeldPacket& packet) {
  Observation from = found_.refused;
  from.name = found_.refused_name;
  const Button button = ButtonOf(AsText(packet.payload));
  if (!button.token.empty()) {
    return ThanksPage(watch_.TakeAnswer(from, button.token, button.kind));
  }
  BlockedPlace place{.reason = found_.decision.reason,
                     .clause = found_.decision.clause};
  if (!found_.decision.locked) {
    const Notice& notice = watch_.NoticeOf(from, found_.decision);
    place.host = found_.refused_name;
    place.help = notice.help;
    place.token = notice.token;
  }
  return BlockPage(place);
}

}  // namespace schoolgate::agent

// The gate's judgement of TCP: connections are named by their first bytes, and
// refused so that both ends know at once.
#include <algorithm>
#include <string_view>

#include "agent/enforce/block_page.h"
#include "agent/enforce/gate.h"
#include "agent/enforce/kernel_table.h"
#include "agent/observe/http_request.h"
#include "agent/observe/name_text.h"

namespace schoolgate::agent {
namespace {

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
  Flow& flow = Begin(EndsOf(packet), now_us);
  if (packet.payload.empty()) {
    flow.opened = true;
    ObserveBytes(held.bytes, held.uid, now_us);
    return Pass(held, 0);
  }
  const std::vector<uint8_t> bare = WithoutPayload(held.bytes, packet);
  if (bare.empty()) return packets_.Drop(held.id);
  ++counters_.passed;
  packets_.Replace(held.id, held.mark, bare);
}

void Gate::JudgeTcp(const platform::HeldByKernel& held,
                    const HeldPacket& packet, int64_t now_us) {
  const FlowEnds ends = EndsOf(packet);
  Flow& flow = FlowOf(ends, now_us);
  if (!flow.begun) {
    flow.begun = true;
    flow.sequence = packet.sequence;
    flow.acknowledgement = packet.acknowledgement;
    flow.end = packet.sequence;
  }
  if (!found_.answered.empty() && AnswerDnsStream(held, packet)) {
    return DropHeldBack(ends);
  }
  if (found_.block || flow.blocked || observer_.doubtful() ||
      !SentAsBefore(ends, flow, packet, now_us)) {
    flow.blocked = true;
    DropHeldBack(ends);
    return RefuseTcp(held, packet);
  }
  flow.talkative |= found_.http || found_.dns;
  flow.hello |= found_.named && !flow.talkative;
  if (!found_.followed.empty()) {
    followed_.Put(ends, found_.followed, now_us);
  }
  ++flow.packets;
  const auto end =
      packet.sequence + static_cast<uint32_t>(packet.payload.size());
  if (static_cast<int32_t>(end - flow.end) > 0) flow.end = end;
  if (HoldBack(held, ends, flow, now_us)) return;
  GoOn(ends);
  // DNS on its own ports is looked at for ever.
  if (IsToNameServer(packet)) return Pass(held, 0);
  bool done = found_.named || flow.packets >= kMaxPacketsToName;
  if (observer_.unfinished()) done = flow.packets >= kMaxPacketsUnfinished;
  if (flow.talkative) done = flow.packets >= kMaxPacketsTalkative;
  flow.done = done || (flow.done && !flow.talkative && !observer_.unfinished());
  flow.runs = flow.done && HasBeenTaken(flow, packet);
  if (flow.runs) sent_.Remove(ends);
  // The packet filter sees a server's hello by itself.
  const bool awaited = flow.done && flow.hello && !flow.talkative;
  Pass(held, flow.runs ? kMarkPass : awaited ? kMarkAwaited : 0);
}

// What was judged may be sent again, and not be the same any more, until the
// server has it. So is what can no more be compared, since a crowd of other
// connections has pushed out what was sent.
bool Gate::SentAsBefore(const FlowEnds& ends, const Flow& flow,
                        const HeldPacket& packet, int64_t now_us) {
  SentBytes* sent = sent_.Find(ends, now_us);
  const bool again = static_cast<int32_t>(packet.sequence - flow.end) < 0;
  if (sent == nullptr && again && !flow.runs) return false;
  if (sent == nullptr) sent = sent_.Put(ends, SentBytes(), now_us);
  return sent->Add(packet.sequence, packet.payload);
}

// The server has answered, or so much has followed that it must have the
// beginning.
bool Gate::HasBeenTaken(const Flow& flow, const HeldPacket& packet) {
  return packet.acknowledgement != flow.acknowledgement ||
         static_cast<int32_t>(packet.sequence - flow.sequence) >=
             kCertainlyTaken;
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

// A hotspot answers in the name of others, and sends their askers to its
// log-in page.
void Gate::JudgeHttpReply(const HeldPacket& packet, int64_t now_us) {
  HeldPacket question = packet;
  std::swap(question.source, question.destination);
  std::swap(question.source_port, question.destination_port);
  const std::string* asked = followed_.Find(EndsOf(question), now_us);
  PortalAllowance* portal = watch_.verdicts().portal();
  if (asked == nullptr || portal == nullptr) return;
  NameText to;
  to.SetHost(RedirectHost(packet.payload));
  portal->OnRedirect(*asked, to.view(), watch_.verdicts().boot_us());
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

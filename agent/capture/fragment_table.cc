#include "agent/capture/fragment_table.h"

namespace schoolgate::agent {

bool FragmentTable::IsOf(const Datagram& datagram, const Fragment& fragment) {
  return datagram.id == fragment.id &&
         datagram.first_says == fragment.first_says &&
         (fragment.first_says || datagram.protocol == fragment.protocol) &&
         datagram.src == fragment.src && datagram.dst == fragment.dst;
}

void FragmentTable::GiveUp(const Fragment& fragment) {
  lost_ += waiting_.remove_if(
      [&](const Datagram& datagram) { return IsOf(datagram, fragment); });
}

FragmentTable::Waiting::iterator FragmentTable::Find(const Fragment& fragment,
                                                     int64_t time_us) {
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    const int64_t age_us = time_us - it->first_us;
    if (age_us > kPatienceUs || age_us < -kPatienceUs) {
      it = waiting_.erase(it);
      ++lost_;
      continue;
    }
    if (IsOf(*it, fragment)) return it;
    ++it;
  }
  if (waiting_.size() >= kMaxDatagrams) {
    waiting_.pop_front();
    ++lost_;
  }
  Datagram& fresh = waiting_.emplace_back();
  fresh.src = fragment.src;
  fresh.dst = fragment.dst;
  fresh.id = fragment.id;
  fresh.protocol = fragment.protocol;
  fresh.first_says = fragment.first_says;
  fresh.first_us = time_us;
  return std::prev(waiting_.end());
}

Bytes FragmentTable::Add(const Fragment& fragment, int64_t time_us) {
  auto it = Find(fragment, time_us);
  if (!it->bytes.Insert(fragment.offset, fragment.bytes)) {
    waiting_.erase(it);
    ++lost_;
    return {};
  }
  if (fragment.offset == 0) it->protocol = fragment.protocol;
  if (!fragment.more) it->total = fragment.offset + fragment.bytes.size();
  const Bytes run = it->bytes.From(0);
  if (it->total == 0 || run.size() < it->total) return {};
  turn_ ^= 1;
  done_protocol_ = it->protocol;
  done_[turn_].assign(run.begin(), run.begin() + static_cast<long>(it->total));
  waiting_.erase(it);
  return done_[turn_];
}

}  // namespace schoolgate::agent

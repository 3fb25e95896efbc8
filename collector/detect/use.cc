#include "collector/detect/use.h"

namespace schoolgate::collector {

bool IsUse(const v1::Event& event) {
  switch (event.kind_case()) {
    case v1::Event::kContact: {
      const v1::Contact& contact = event.contact();
      return !contact.session_locked() &&
             contact.process() == v1::PROCESS_KIND_BROWSER &&
             contact.action() == v1::ACTION_BLOCK;
    }
    case v1::Event::kEpisode: {
      const v1::Episode& episode = event.episode();
      return episode.process() != v1::PROCESS_KIND_OTHER &&
             (episode.grade() == v1::GRADE_OPENED ||
              episode.grade() == v1::GRADE_ATTEMPT ||
              episode.grade() == v1::GRADE_LANDED);
    }
    case v1::Event::kSelfReport:
    case v1::Event::kNoticeAccepted:
      return true;
    default:
      return false;
  }
}

}  // namespace schoolgate::collector

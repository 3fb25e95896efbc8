// How the system is set up, as it is now and not as somebody once wrote down:
// for the page of that name and the data protection sheet.
#pragma once

#include "collector/web/http.h"
#include "collector/web/stores.h"

namespace schoolgate::collector {

// Adds to the notice's facts those about the reader's school: accounts by
// role, authenticators, devices, feeds, what the published policy
// means for people's data, the program's version, the time.
Response WithSetUp(const Response& notice, Stores& stores,
                   const Account& reader, absl::Time now);

}  // namespace schoolgate::collector

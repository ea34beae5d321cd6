// Asking the memory about itself: how requests were found, and what would be found. Handlers run on HTTP
// threads; what they ask of memory runs on the engine thread.
#pragma once

#include "server/routes.h"

namespace kvasir {

void get_agent_why(const RouteCall& call);   // the last requests
void post_agent_why(const RouteCall& call);  // a request of any protocol, that is not answered
void get_why(const RouteCall& call);         // one request, by its id

}  // namespace kvasir

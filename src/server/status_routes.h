// How the server is: health, readiness, metrics, events, its own description. Handlers run on HTTP threads.
#pragma once

#include "server/routes.h"

namespace kvasir {

void get_health(const RouteCall& call);
void get_ready(const RouteCall& call);
void get_metrics(const RouteCall& call);
void get_events(const RouteCall& call);
void get_memory(const RouteCall& call);
void get_openapi(const RouteCall& call);
void get_docs(const RouteCall& call);

}  // namespace kvasir

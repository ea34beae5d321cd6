// KV that comes and goes. Agents as files: one that is handed out is streamed as fast as its client reads,
// one that comes is a body or, for the user who runs the server, a file of his. Handlers run on HTTP threads;
// memory is asked on the engine thread, a piece between two steps of the model. And KV that is made again, in
// the background.
#pragma once

#include "server/routes.h"

namespace kvasir {

void get_agent_export(const RouteCall& call);
void post_agent_import(const RouteCall& call);
void post_rewarm(const RouteCall& call);
void get_rewarm(const RouteCall& call);

}  // namespace kvasir

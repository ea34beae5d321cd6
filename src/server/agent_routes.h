// Our own routes: agents by name. Handlers run on HTTP threads; what they ask of memory runs on the engine
// thread.
#pragma once

#include "server/routes.h"

namespace kvasir {

void get_agents(const RouteCall& call);
void post_agents(const RouteCall& call);
void get_agent(const RouteCall& call);
void delete_agent(const RouteCall& call);
void patch_agent(const RouteCall& call);
void post_agent_pin(const RouteCall& call);
void post_agent_message(const RouteCall& call);
void post_agent_save(const RouteCall& call);
void post_agent_load(const RouteCall& call);
void post_agent_when_full(const RouteCall& call);
void post_agent_verify(const RouteCall& call);
void post_agent_evict(const RouteCall& call);
void post_agent_fork(const RouteCall& call);
void post_agent_rollback(const RouteCall& call);
void get_agent_turns(const RouteCall& call);
void get_agent_cache(const RouteCall& call);

}  // namespace kvasir

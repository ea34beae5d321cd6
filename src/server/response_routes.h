// /v1/responses, as OpenAI has it. Handlers run on HTTP threads; what they look up, they look up on the
// engine thread.
#pragma once

#include "server/routes.h"

namespace kvasir {

void post_responses(const RouteCall& call);
void post_response_input_tokens(const RouteCall& call);
void get_response(const RouteCall& call);
void delete_response(const RouteCall& call);
void post_response_cancel(const RouteCall& call);
void get_response_input_items(const RouteCall& call);

}  // namespace kvasir

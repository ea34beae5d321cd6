// The routes that clients of others know: OpenAI's and Anthropic's. Handlers run on HTTP threads.
#pragma once

#include "server/routes.h"

namespace kvasir {

void post_chat_completions(const RouteCall& call);
void post_completions(const RouteCall& call);
void post_messages(const RouteCall& call);
void post_count_tokens(const RouteCall& call);
void get_models(const RouteCall& call);
void get_model(const RouteCall& call);

}  // namespace kvasir

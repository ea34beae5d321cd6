// /v1/conversations, as OpenAI has it: lists of items that are kept here.
#pragma once

#include "server/routes.h"

namespace kvasir {

void post_conversations(const RouteCall& call);
void get_conversation(const RouteCall& call);
void post_conversation(const RouteCall& call);
void delete_conversation(const RouteCall& call);
void get_conversation_items(const RouteCall& call);
void post_conversation_items(const RouteCall& call);
void get_conversation_item(const RouteCall& call);
void delete_conversation_item(const RouteCall& call);

}  // namespace kvasir

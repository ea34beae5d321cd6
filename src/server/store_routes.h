// The store as a whole: how it is, checking it, making room, backing it up. What changes it or writes files
// is for the owner's socket only (HttpOptions::owner_path): a client with a key is not the one who runs the
// server. Handlers run on HTTP threads.
#pragma once

#include "server/routes.h"

namespace kvasir {

void get_store(const RouteCall& call);
void post_store_fsck(const RouteCall& call);
void post_store_gc(const RouteCall& call);
void post_store_backup(const RouteCall& call);

}  // namespace kvasir

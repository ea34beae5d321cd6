// What the parts that move KV between engine and store share. References; the engine thread's.
#pragma once

#include "engine/engine.h"
#include "store/store.h"

namespace kvasir {

struct KvContext {
    Engine& engine;
    Store& store;
    ChainRoot root;

    const KvLayout& layout() const { return engine.kv_layout(); }
    bool windowed() const { return layout().window_tokens > 0; }
};

}  // namespace kvasir

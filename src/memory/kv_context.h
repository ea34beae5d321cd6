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
    // Whether a restore may end at chosen points only.
    bool keeps_points() const { return layout().has_window() || layout().has_snapshot(); }
};

}  // namespace kvasir

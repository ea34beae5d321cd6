// Measures now, with made-up words, how fast this machine reads tokens and how fast it brings them back from
// the store's disk: for whoever asks before anything was said. Takes a second or so; needs a sequence of the
// engine, and leaves nothing in the store. Engine thread.
#pragma once

#include "base/clock.h"
#include "memory/kv_context.h"
#include "memory/kv_rates.h"

namespace kvasir {

// kUnavailable: no sequence is free.
Result<KvRates> measure_kv_rates(const KvContext& context, const Clock& clock);

}  // namespace kvasir

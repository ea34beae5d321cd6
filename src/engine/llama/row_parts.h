// Brings the rows of one block into the cells that llama.cpp gave them, part by part: read and verified by
// their source, looked at for numbers that are not finite, written. Each part is good before a byte of it is
// written; after an error the parts before it stay in cells that belong to nobody.
//
// The engine's thread, joined by helping threads while it waits (base/workers.h).
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"
#include "engine/llama/state_feed.h"
#include "engine/llama/state_image.h"
#include "engine/llama/transfer_memory.h"
#include "engine/row_source.h"

namespace kvasir {

// `feed` was fed an image composed around the first bytes of `places`, which are those of the source.
Status bring_rows(RowSource& source, const StateFeed& feed, std::span<std::byte> places,
                  TransferMemory& transfer, const StateGeometry& geometry, Position rows);

}  // namespace kvasir

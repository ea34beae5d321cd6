// Copies the rows of one block out of the tensors that a StateTap was shown, by several threads. Rows on a
// device are fetched a batch at a time, by one thread, while others empty the batch before. The engine's
// thread, joined by helping threads while it waits (base/workers.h).
#pragma once

#include <cstddef>
#include <vector>

#include "base/result.h"
#include "engine/llama/state_image.h"
#include "engine/llama/state_tap.h"
#include "engine/llama/transfer_memory.h"

namespace kvasir {

// `rows` becomes what rows_of_part() makes of it. `part`: parsed from the pieces of the tap.
Status copy_rows(const StatePart& part, const StateTap& tap, const StateGeometry& geometry, TokenRange range,
                 TransferMemory& transfer, std::vector<std::byte>& rows);

}  // namespace kvasir

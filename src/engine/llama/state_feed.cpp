#include "engine/llama/state_feed.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include <ggml-backend.h>
#include <ggml.h>

#include "engine/llama/tensor_memory.h"

namespace kvasir {

void write_tensor(const TensorWrite& write, std::size_t begin, std::span<const std::byte> bytes) {
    ggml_backend_tensor_set(write.tensor, bytes.data(), write.offset + begin, bytes.size());
}

std::span<const std::byte> StateFeed::take(std::size_t size) {
    const auto bytes = reader_.bytes(size);
    if (!bytes) throw std::runtime_error(bytes.error().message);
    read_bytes_ += size;
    return *bytes;
}

void StateFeed::read(void* to, std::size_t size) {
    const auto bytes = take(size);
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
}

void StateFeed::read_tensor(ggml_tensor* tensor, std::size_t offset, std::size_t size) {
    writes_.push_back({tensor, offset, take(size)});
}

bool StateFeed::all_in_memory() const {
    return std::all_of(writes_.begin(), writes_.end(),
                       [](const TensorWrite& write) { return in_memory(*write.tensor); });
}

void StateFeed::apply() const {
    for (const TensorWrite& write : writes_) write_tensor(write, 0, write.from);
}

}  // namespace kvasir

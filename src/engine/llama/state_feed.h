// Hands a state image to llama.cpp in the pieces it is composed of, through llama.cpp's own reader interface:
// its public function wants the image copied together, and copies alone.
//
// Bytes for tensors are only noted while llama.cpp reads, and written once it has taken the image to its end,
// so that a refusal in the middle writes no row. One image; the engine's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <llama-io.h>  // internal header of the pinned engine

#include "engine/llama/state_reader.h"

namespace kvasir {

// Bytes that llama.cpp wants in a tensor.
struct TensorWrite {
    ggml_tensor* tensor = nullptr;
    std::size_t offset = 0;
    std::span<const std::byte> from;  // of the image
};

// Writes `bytes` to where those from `begin` on of `write` belong.
void write_tensor(const TensorWrite& write, std::size_t begin, std::span<const std::byte> bytes);

class StateFeed : public llama_io_read_i {
  public:
    // The pieces outlive it.
    explicit StateFeed(std::span<const std::span<const std::byte>> pieces) : reader_(pieces) {}

    // For llama.cpp; they throw what it expects of a reader when the image has no such piece.
    void read(void* to, std::size_t size) override;
    void read_tensor(ggml_tensor* tensor, std::size_t offset, std::size_t size) override;
    std::size_t n_bytes() override { return read_bytes_; }

    bool at_end() const { return reader_.at_end(); }

    // Writes them.
    void apply() const;
    // For whoever writes them in another way.
    const std::vector<TensorWrite>& writes() const { return writes_; }
    // Of a device nothing is known about several threads that write to it.
    bool all_in_memory() const;

  private:
    std::span<const std::byte> take(std::size_t size);

    StateReader reader_;
    std::size_t read_bytes_ = 0;
    std::vector<TensorWrite> writes_;
};

}  // namespace kvasir

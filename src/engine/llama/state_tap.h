// Takes a state from llama.cpp through llama.cpp's own writer interface: numbers are copied, rows stay in
// their tensors and are only noted, for whoever copies them from there. Its public function copies everything
// into one image first, alone. One state; the engine's thread.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <llama-io.h>  // internal header of the pinned engine

#include "engine/llama/state_pieces.h"

namespace kvasir {

// Bytes of a tensor, and the place that stands for them in the pieces of the state.
struct TensorRead {
    const ggml_tensor* tensor = nullptr;
    std::size_t offset = 0;
    std::span<std::byte> place;
};

class StateTap : public llama_io_write_i {
  public:
    // `places` stands for all rows, in the order in which llama.cpp shows them; it outlives the tap.
    explicit StateTap(std::span<std::byte> places) : left_(places) {}

    // For llama.cpp. They throw what it expects of a writer when there are more rows than places.
    void write(const void* from, std::size_t size) override;
    void write_tensor(ggml_tensor* tensor, std::size_t offset, std::size_t size) override;
    std::size_t n_bytes() override { return written_bytes_; }

    // Once, when llama.cpp has written all. What stands for rows has no content yet.
    const StatePieces& finish();

    const std::vector<TensorRead>& reads() const { return reads_; }  // by ascending places
    bool all_in_memory() const;

  private:
    void refer_rows();

    StatePieces pieces_;
    std::span<std::byte> left_;
    std::span<std::byte> rows_;  // shown since the last number
    std::vector<TensorRead> reads_;
    std::size_t written_bytes_ = 0;
};

}  // namespace kvasir

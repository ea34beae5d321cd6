#include "engine/llama/state_tap.h"

#include <algorithm>
#include <stdexcept>

#include "engine/llama/tensor_memory.h"

namespace kvasir {

void StateTap::write(const void* from, std::size_t size) {
    refer_rows();
    pieces_.copy({static_cast<const std::byte*>(from), size});
    written_bytes_ += size;
}

void StateTap::write_tensor(ggml_tensor* tensor, std::size_t offset, std::size_t size) {
    if (size > left_.size()) throw std::runtime_error("it has more rows than it should");
    const auto place = left_.first(size);
    reads_.push_back({tensor, offset, place});
    // Places that follow each other are one piece: a layer's rows may stand in several runs of cells.
    rows_ = rows_.empty() ? place : std::span(rows_.data(), rows_.size() + size);
    left_ = left_.subspan(size);
    written_bytes_ += size;
}

void StateTap::refer_rows() {
    pieces_.refer(rows_);
    rows_ = {};
}

const StatePieces& StateTap::finish() {
    refer_rows();
    pieces_.finish();
    return pieces_;
}

bool StateTap::all_in_memory() const {
    return std::all_of(reads_.begin(), reads_.end(),
                       [](const TensorRead& read) { return in_memory(*read.tensor); });
}

}  // namespace kvasir

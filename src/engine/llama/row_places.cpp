#include "engine/llama/row_places.h"

#include "engine/llama/tensor_memory.h"

namespace kvasir {

std::span<std::byte> RowPlaces::of_bytes(std::uint64_t bytes) {
    if (size_ < bytes) make(bytes);
    return {begin_, bytes};
}

void RowPlaces::make(std::uint64_t bytes) {
    plain_.reset();
    pinned_.reset();
    if (type_ != nullptr) pinned_.reset(ggml_backend_buft_alloc_buffer(type_, bytes));
    if (pinned_) {
        begin_ = static_cast<std::byte*>(ggml_backend_buffer_get_base(pinned_.get()));
    } else {
        plain_ = std::make_unique_for_overwrite<std::byte[]>(bytes);
        begin_ = plain_.get();
    }
    size_ = bytes;
}

void RowPlaces::suit(const ggml_tensor& tensor) {
    ggml_backend_buffer_type_t wanted = transfer_memory_of(tensor);
    if (wanted == type_) return;
    type_ = wanted;
    size_ = 0;  // made anew when it is wanted next; until then what was handed out stays
}

}  // namespace kvasir

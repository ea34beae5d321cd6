#include "engine/llama/transfer_memory.h"

#include "engine/llama/tensor_memory.h"

namespace kvasir {

TransferMemory::Batches TransferMemory::suiting(const ggml_tensor& tensor) {
    ggml_backend_buffer_type_t type = transfer_type_of(tensor);
    if (begin_ == nullptr || type != type_) make(type);
    return {{begin_, kTransferBatchBytes}, {begin_ + kTransferBatchBytes, kTransferBatchBytes}};
}

void TransferMemory::make(ggml_backend_buffer_type_t type) {
    plain_.reset();
    pinned_.reset();
    type_ = type;
    if (type != nullptr) pinned_.reset(ggml_backend_buft_alloc_buffer(type, 2 * kTransferBatchBytes));
    if (pinned_) {
        begin_ = static_cast<std::byte*>(ggml_backend_buffer_get_base(pinned_.get()));
        return;
    }
    plain_ = std::make_unique_for_overwrite<std::byte[]>(2 * kTransferBatchBytes);
    begin_ = plain_.get();
}

}  // namespace kvasir

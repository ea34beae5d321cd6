#include "engine/llama/memory_parts.h"

#include <typeinfo>

// Internal headers of the pinned engine.
#include <llama-kv-cache-iswa.h>
#include <llama-kv-cache.h>
#include <llama-memory-hybrid-iswa.h>
#include <llama-memory-hybrid.h>
#include <llama-memory-recurrent.h>

namespace kvasir {

// By exact class: what derives from one of these keeps more than it does.
MemoryParts memory_parts(llama_memory_t memory) {
    if (memory == nullptr) return {};
    const std::type_info& kind = typeid(*memory);
    if (kind == typeid(llama_kv_cache) || kind == typeid(llama_kv_cache_iswa))
        return {MemoryFamily::kRows, memory, nullptr};
    if (kind == typeid(llama_memory_recurrent))
        return {MemoryFamily::kState, nullptr, static_cast<llama_memory_recurrent*>(memory)};
    if (kind == typeid(llama_memory_hybrid)) {
        const auto* hybrid = static_cast<llama_memory_hybrid*>(memory);
        return {MemoryFamily::kRowsAndState, hybrid->get_mem_attn(), hybrid->get_mem_recr()};
    }
    if (kind == typeid(llama_memory_hybrid_iswa)) {
        const auto* hybrid = static_cast<llama_memory_hybrid_iswa*>(memory);
        return {MemoryFamily::kRowsAndState, hybrid->get_mem_attn(), hybrid->get_mem_recr()};
    }
    return {MemoryFamily::kOpaque, nullptr, nullptr};
}

}  // namespace kvasir

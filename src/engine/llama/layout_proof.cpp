#include "engine/llama/layout_proof.h"

#include <exception>

#include "engine/llama/batch.h"
#include "engine/llama/handles.h"
#include "engine/llama/kv_transfer.h"

namespace kvasir {

namespace {

constexpr Position kProofTokens = 2;
constexpr SequenceId kProofSequence{0};

Status evaluate_proof(llama_context& context) {
    LlamaBatch batch(kProofTokens);
    for (Position i = 0; i < kProofTokens; ++i)
        batch.add({kProofSequence, static_cast<Token>(i), i, i + 1 == kProofTokens});
    int code = -1;
    try {
        code = llama_decode(&context, batch.get());
    } catch (const std::exception&) {
        code = -1;
    }
    if (code == 0) return {};
    const std::string lines = take_llama_errors();
    return fail(ErrorCode::kModelUnusable,
                "the engine cannot evaluate this model" + (lines.empty() ? std::string() : ": " + lines));
}

}  // namespace

Status prove_layout(llama_context& context, const ModelGeometry& geometry, llama_seq_id scratch) {
    KVASIR_TRY(evaluate_proof(context));
    KvTransfer transfer(context, geometry, scratch, llama_n_ctx(&context));
    Status proved = transfer.check_layout(static_cast<llama_seq_id>(kProofSequence), kProofTokens);
    llama_memory_clear(llama_get_memory(&context), true);
    return proved;
}

}  // namespace kvasir

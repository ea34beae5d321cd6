// The model behind FakeEngine: what a KV row holds and which token follows, as checkable functions of
// fingerprint and tokens. exact_answer() computes an answer from tokens alone, without any KV; every answer
// that memory gives must equal it. Values only, thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/tokens.h"
#include "engine/engine.h"

namespace kvasir::test {

inline constexpr Token kFakeImStart = 256;
inline constexpr Token kFakeImEnd = 257;
inline constexpr Token kFakeBos = 258;
inline constexpr std::uint32_t kFakeVocabulary = 259;

enum class FakeTemplate {
    kChatMl,
    kDropsAnswers,  // like templates that strip reasoning: an earlier answer does not come back
    kDated,         // shows the time it is given
};

struct FakeEngineOptions {
    Position window_tokens = 0;  // 0: no window plane
    WindowShape window_shape = WindowShape::kSliding;
    SnapshotForm snapshot = SnapshotForm::kNone;
    std::uint64_t snapshot_bytes = 64;  // kParts
    std::uint32_t append_layers = 2;    // 0: a snapshot plane alone
    std::uint32_t window_layers = 2;
    std::uint64_t key_row_bytes = 16;
    std::uint64_t value_row_bytes = 8;
    Position context_tokens = 2048;
    std::uint32_t batch_tokens = 64;
    std::uint32_t sequences = 4;
    std::uint32_t append_cells = 0;  // 0: context_tokens for each sequence
    SequenceStart start = SequenceStart::kNo;
    FakeTemplate chat_template = FakeTemplate::kChatMl;
    std::string weights = "fake-weights-1";  // of the fingerprint: another value is another model
    std::string kv_type = "f16";  // of the fingerprint: another value is other KV of the same model
    std::string name = "fake";
};

class FakeModel {
  public:
    explicit FakeModel(const FakeEngineOptions& options);

    const KvLayout& layout() const { return layout_; }
    const Fingerprint& fingerprint() const { return fingerprint_; }

    // The running hash over tokens: everything that a row means.
    std::uint64_t first_state() const { return first_state_; }
    static std::uint64_t next_state(std::uint64_t state, Token token);
    // One position of a plane: for each layer its key row, then its value row. An append row begins with its
    // state.
    std::vector<std::byte> row(Plane plane, std::uint64_t state) const;
    static std::uint64_t state_of(std::span<const std::byte> append_row);

    // The snapshot after `end` tokens in the running state `state`. The state of the next token comes from
    // its snapshot_hash(): every byte counts.
    std::vector<std::byte> snapshot(std::uint64_t state, Position end) const;
    std::uint64_t snapshot_bytes(Position end) const;
    std::uint64_t snapshot_hash(std::span<const std::byte> snapshot) const;  // of nothing: the first state

    // What is known of rows held: order and every byte count.
    static std::uint64_t row_hash(std::span<const std::byte> row);
    static std::uint64_t chain_hash(std::uint64_t before, std::uint64_t row_hash);
    static void fill_logits(std::uint64_t append_hash, std::uint64_t window_hash, std::span<float> logits);

  private:
    FakeEngineOptions options_;
    KvLayout layout_;
    Fingerprint fingerprint_;
    std::uint64_t first_state_ = 0;
};

Token greedy(std::span<const float> logits);

// The tokens that follow `prompt`, by the model's definition: at most answer_tokens_max, ending with
// kFakeImEnd if it stops.
std::vector<Token> exact_answer(const FakeModel& model, std::span<const Token> prompt,
                                std::uint32_t answer_tokens_max);

}  // namespace kvasir::test

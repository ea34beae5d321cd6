// The one narrow waist to the model. Above it nobody knows llama.cpp; below it nobody knows agents, disks or
// HTTP.
//
// An Engine owns one loaded model and one pool of KV cells shared by all its sequences. A sequence is one
// agent's live KV. KV state is seen as planes:
//   append    rows per token, all needed                          (full-attention layers)
//   window    rows per token, only the last window_tokens needed  (sliding-window layers)
//   snapshot  one state at an exact position                      (recurrent layers)
// A family of which nothing but "this is its state" is known has a snapshot plane alone.
// Rows travel as a RowImage: for each layer of the plane, in order, all key rows, then all value rows. That
// is also the data section of a block file, so that a restore imports what it reads, as it stands.
//
// One thread owns an Engine: every call comes from it, except the const text functions (tokenize, piece,
// render, plan_answer, is_end_of_turn, model, kv_layout, fingerprint), which any thread may call.
// Implementations: LlamaEngine (production), FakeEngine (tests: its KV is a checkable function of fingerprint
// and tokens).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/tokens.h"
#include "engine/chat.h"
#include "engine/fingerprint.h"
#include "engine/kv_layout.h"
#include "engine/row_source.h"

namespace kvasir {

enum class SequenceId : std::int32_t {};

struct ModelInfo {
    std::string path;
    std::string name;          // general.name of the file, or the file's name
    std::string architecture;  // "gemma3", "llama", ...
    std::string description;   // "gemma3 12B Q4_0"
    std::uint64_t weights_bytes = 0;
    std::uint64_t parameter_count = 0;
    std::uint32_t vocabulary_size = 0;
    Position context_tokens_trained = 0;
    Position context_tokens = 0;     // largest context of one sequence, as opened
    std::uint32_t batch_tokens = 0;  // most rows of one decode()
    bool template_missing = false;   // ChatML stands in
};

struct BatchRow {
    SequenceId sequence{};
    Token token = 0;
    Position position = 0;  // must be the sequence's length at that row
    bool wants_logits = false;
};

// Cells of the pools. A row of the append plane takes one append cell, shared by all sequences that share the
// row.
struct CellUsage {
    std::uint32_t append_total = 0;
    std::uint32_t append_used = 0;
    std::uint32_t window_total = 0;  // 0: the model has no window plane
    std::uint32_t window_used = 0;
};

struct EngineMemory {
    std::uint64_t weights_bytes = 0;
    std::uint64_t kv_pool_bytes = 0;  // all cells, used or not
    std::uint64_t compute_bytes = 0;
};

// Counted by the engine library itself (llama_perf), not by our code: the witness that restored tokens were
// not evaluated.
struct EvaluationCounters {
    std::uint64_t prompt_tokens = 0;  // rows evaluated in batches
    std::uint64_t decode_tokens = 0;  // rows evaluated one by one
    std::uint64_t total() const { return prompt_tokens + decode_tokens; }
};

struct SamplingOptions {
    float temperature = 0.0F;  // 0: greedy, deterministic
    std::int32_t top_k = 40;
    float top_p = 0.95F;
    float min_p = 0.05F;
    std::uint32_t seed = 0;
    float repeat_penalty = 1.0F;     // 1: none
    float presence_penalty = 0.0F;   // 0: none
    float frequency_penalty = 0.0F;  // 0: none
    std::vector<std::pair<Token, float>> logit_bias;
    // Enforces the constraint that plan_answer() was given; null: none.
    std::shared_ptr<const AnswerFormat> format;
};

// Samples from the logits of the last decode(). Belongs to its engine, which must outlive it, and to its
// thread.
class Sampler {
  public:
    virtual ~Sampler() = default;
    // row: index into the rows of the last decode(), one that wanted logits. The token is accepted into the
    // sampler's state.
    virtual Token sample(std::size_t row) = 0;
};

enum class SpecialTokens { kAsText, kParse };
enum class SequenceStart { kNo, kYes };  // kYes: add what the model wants at the very start (BOS)

class Engine {
  public:
    virtual ~Engine() = default;

    virtual const ModelInfo& model() const = 0;
    virtual const KvLayout& kv_layout() const = 0;
    virtual const Fingerprint& fingerprint() const = 0;

    // Text.
    virtual Result<std::vector<Token>> tokenize(std::string_view text, SpecialTokens special,
                                                SequenceStart start) const = 0;
    // The bytes of a token; may be part of a UTF-8 character. Control tokens give "" unless kParse.
    virtual std::string piece(Token token, SpecialTokens special) const = 0;
    virtual bool is_end_of_turn(Token token) const = 0;
    virtual Result<RenderedChat> render(const ChatPrompt& prompt) const = 0;
    Result<std::string> render_chat(const ChatPrompt& prompt) const {
        return render(prompt).map([](RenderedChat&& rendered) { return std::move(rendered.text); });
    }
    // How the answer to `prompt` is to be constrained and read. kInvalidArgument: a schema that no grammar
    // can be made of, a tool that does not exist.
    virtual Result<std::shared_ptr<const AnswerFormat>> plan_answer(
        const ChatPrompt& prompt, const AnswerConstraint& constraint) const = 0;

    // Sequences.
    virtual Result<SequenceId> open_sequence() = 0;        // kUnavailable when all are taken
    virtual void close_sequence(SequenceId sequence) = 0;  // frees its cells
    virtual Position length(
        SequenceId sequence) const = 0;  // tokens whose rows it holds, counted from position 0
    // Lowest position to which rewind() goes: where the window plane is still complete for the next token (0
    // when there is no window plane); length() where there is a snapshot plane.
    virtual Position rewind_floor(SequenceId sequence) const = 0;
    // Drops the rows at and after `position`. kInvalidArgument below rewind_floor() or above length().
    virtual Status rewind(SequenceId sequence, Position position) = 0;
    // `to` must be empty: it becomes a copy of the first `position` tokens of `from`. Append cells are
    // shared, window rows and snapshots copied. kInvalidArgument where rewind would refuse.
    virtual Status fork(SequenceId from, SequenceId to, Position position) = 0;

    // Evaluates rows; at most model().batch_tokens. On an error no row of this call stays. kOutOfMemory: no
    // free cells.
    virtual Status decode(std::span<const BatchRow> rows) = 0;
    virtual std::span<const float> logits(
        std::size_t row) const = 0;  // vocabulary_size floats, of the last decode()
    virtual Result<std::unique_ptr<Sampler>> make_sampler(const SamplingOptions& options) = 0;

    // KV state. `image` has kv_layout().row_bytes(plane) * range.size() bytes.
    // export: rows must be held (window rows: no older than length() - window_tokens). `image` is resized,
    // its memory reused.
    virtual Status export_rows(SequenceId sequence, Plane plane, TokenRange range,
                               std::vector<std::byte>& image) = 0;
    // import, append plane: range.begin must be the number of append rows imported or held so far, in order.
    // import, window plane: ranges in order, together [position - min(position, window_tokens), position),
    // after all append rows; the sequence is usable when its window plane ends where its append plane does
    // (check with length()). Structure is verified completely before the model sees a byte. On any error the
    // sequence is empty and clean.
    virtual Status import_rows(SequenceId sequence, Plane plane, TokenRange range,
                               std::span<const std::byte> image) = 0;
    // The same, of rows that are brought part by part; errors of the source are handed on. Here: all are
    // brought first.
    virtual Status import_rows_in_parts(SequenceId sequence, Plane plane, TokenRange range,
                                        RowSource& source) {
        KVASIR_TRY_ASSIGN(const auto image, all_rows(source));
        return import_rows(sequence, plane, range, image);
    }
    // kInvalidArgument unless kv_layout().has_snapshot(). export: the state at length(). import: last, after
    // all rows; `position` may be lower than the rows go, which drops those after it: that is how a sequence
    // with a snapshot plane is rewound. Its window must be complete there. On any error the sequence is empty
    // and clean.
    virtual Status export_snapshot(SequenceId sequence, std::vector<std::byte>& state) = 0;
    virtual Status import_snapshot(SequenceId sequence, Position position,
                                   std::span<const std::byte> state) = 0;

    // Gives the memory of all cells and of the steps back, and tells how many bytes that was; 0: it rests
    // already. open_sequence() and make_sampler() take it again, or are kOutOfMemory. kConflict while a
    // sequence is open.
    virtual Result<std::uint64_t> rest() = 0;

    // Accounting.
    virtual CellUsage cells() const = 0;
    virtual std::uint32_t append_cells(SequenceId sequence) const = 0;  // held, shared ones included
    virtual EngineMemory memory() const = 0;
    virtual EvaluationCounters counters() const = 0;
};

}  // namespace kvasir

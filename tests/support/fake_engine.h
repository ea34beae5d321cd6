// An Engine without a model: deterministic, and strict about the contract of engine.h. Its KV rows are a
// checkable function of fingerprint and tokens, and its logits depend on every byte of every row that a
// sequence really holds: a row that is wrong, missing, shifted or another agent's changes the answer.
//
// Owned by a test; one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "support/fake_model.h"

namespace kvasir::test {

class FakeEngine : public Engine {
  public:
    explicit FakeEngine(const FakeEngineOptions& options = {});

    const FakeModel& fake() const { return fake_; }
    // The decode after `decodes_before` more good ones fails with `error`; `times` of them.
    void fail_decode(std::uint32_t decodes_before, std::uint32_t times, Error error);
    std::uint32_t open_sequences() const { return static_cast<std::uint32_t>(sequences_.size()); }

    const ModelInfo& model() const override { return info_; }
    const KvLayout& kv_layout() const override { return fake_.layout(); }
    const Fingerprint& fingerprint() const override { return fake_.fingerprint(); }
    Result<std::vector<Token>> tokenize(std::string_view text, SpecialTokens special,
                                        SequenceStart start) const override;
    std::string piece(Token token, SpecialTokens special) const override;
    bool is_end_of_turn(Token token) const override { return token == kFakeImEnd; }
    Result<RenderedChat> render(const ChatPrompt& prompt) const override;
    Result<std::shared_ptr<const AnswerFormat>> plan_answer(
        const ChatPrompt& prompt, const AnswerConstraint& constraint) const override;

    Result<SequenceId> open_sequence() override;
    void close_sequence(SequenceId sequence) override;
    Position length(SequenceId sequence) const override;
    Position rewind_floor(SequenceId sequence) const override;
    Status rewind(SequenceId sequence, Position position) override;
    Status fork(SequenceId from, SequenceId to, Position position) override;

    Status decode(std::span<const BatchRow> rows) override;
    std::span<const float> logits(std::size_t row) const override;
    Result<std::unique_ptr<Sampler>> make_sampler(const SamplingOptions& options) override;

    Status export_rows(SequenceId sequence, Plane plane, TokenRange range,
                       std::vector<std::byte>& image) override;
    Status import_rows(SequenceId sequence, Plane plane, TokenRange range,
                       std::span<const std::byte> image) override;
    Status export_snapshot(SequenceId sequence, std::vector<std::byte>& state) override;
    Status import_snapshot(SequenceId sequence, Position position, std::span<const std::byte> state) override;

    Result<std::uint64_t> rest() override;
    bool rests() const { return rests_; }
    CellUsage cells() const override;
    std::uint32_t append_cells(SequenceId sequence) const override;
    EngineMemory memory() const override;
    EvaluationCounters counters() const override { return counters_; }

  private:
    // One append cell; sequences that share a row share the cell. It counts itself in the pool.
    struct Cell {
        Cell(std::vector<std::byte> row, std::uint64_t hash_before, std::shared_ptr<std::uint32_t> pool_used)
            : bytes(std::move(row)),
              hash(FakeModel::chain_hash(hash_before, FakeModel::row_hash(bytes))),
              used(std::move(pool_used)) {
            ++*used;
        }
        ~Cell() { --*used; }
        Cell(const Cell&) = delete;
        Cell& operator=(const Cell&) = delete;

        std::vector<std::byte> bytes;
        std::uint64_t hash;  // over all rows up to this one
        std::shared_ptr<std::uint32_t> used;
    };
    struct WindowRow {
        std::vector<std::byte> bytes;
        std::uint64_t hash = 0;
    };
    struct Sequence {
        std::vector<std::shared_ptr<const Cell>> append;
        std::deque<WindowRow> window;
        Position window_begin = 0;
        std::vector<std::byte> snapshot;
        Position snapshot_end = 0;

        Position append_end() const { return static_cast<Position>(append.size()); }
        Position window_end() const { return window_begin + static_cast<Position>(window.size()); }
        std::uint64_t append_hash() const { return append.empty() ? 0 : append.back()->hash; }
    };

    const KvLayout& layout() const { return fake_.layout(); }
    bool windowed() const { return layout().has_window(); }
    // Every plane goes to the same end.
    bool is_complete(const Sequence& sequence) const;
    bool is_window_complete(const Sequence& sequence, Position position) const;
    void cut(Sequence& sequence, Position position);
    Status check_snapshot(const Sequence& sequence, Position position,
                          std::span<const std::byte> state) const;
    Sequence& at(SequenceId id) { return sequences_.at(id); }
    const Sequence& at(SequenceId id) const { return sequences_.at(id); }
    Position length_of(const Sequence& sequence) const;
    Position floor_of(const Sequence& sequence) const;
    Status check_batch(std::span<const BatchRow> rows) const;
    void evaluate(const BatchRow& row);
    Status check_import(const Sequence& sequence, Plane plane, TokenRange range,
                        std::span<const std::byte> image) const;
    void append_rows(Sequence& sequence, Plane plane, std::vector<std::byte> row);

    FakeEngineOptions options_;
    FakeModel fake_;
    ModelInfo info_;
    std::map<SequenceId, Sequence> sequences_;
    std::shared_ptr<std::uint32_t> append_used_ = std::make_shared<std::uint32_t>(0);
    std::uint32_t append_total_ = 0;
    std::vector<std::vector<float>> logits_;
    EvaluationCounters counters_;
    bool rests_ = false;
    std::optional<Error> decode_error_;
    std::uint32_t decodes_before_error_ = 0;
    std::uint32_t decode_errors_left_ = 0;
};

}  // namespace kvasir::test

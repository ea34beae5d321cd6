// An Engine that forwards every call to another one. Tests derive from it to watch or to sabotage single
// calls.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.h"

namespace kvasir::test {

class ForwardingEngine : public Engine {
  public:
    explicit ForwardingEngine(std::unique_ptr<Engine> inner) : inner_(std::move(inner)) {}

    const ModelInfo& model() const override { return inner_->model(); }
    const KvLayout& kv_layout() const override { return inner_->kv_layout(); }
    const Fingerprint& fingerprint() const override { return inner_->fingerprint(); }
    Result<std::vector<Token>> tokenize(std::string_view text, SpecialTokens special,
                                        SequenceStart start) const override {
        return inner_->tokenize(text, special, start);
    }
    std::string piece(Token token, SpecialTokens special) const override {
        return inner_->piece(token, special);
    }
    bool is_end_of_turn(Token token) const override { return inner_->is_end_of_turn(token); }
    Result<std::shared_ptr<const AnswerFormat>> plan_answer(
        const ChatPrompt& prompt, const AnswerConstraint& constraint) const override {
        return inner_->plan_answer(prompt, constraint);
    }
    Result<RenderedChat> render(const ChatPrompt& prompt) const override { return inner_->render(prompt); }
    Result<SequenceId> open_sequence() override { return inner_->open_sequence(); }
    void close_sequence(SequenceId sequence) override { inner_->close_sequence(sequence); }
    Position length(SequenceId sequence) const override { return inner_->length(sequence); }
    Position rewind_floor(SequenceId sequence) const override { return inner_->rewind_floor(sequence); }
    Status rewind(SequenceId sequence, Position position) override {
        return inner_->rewind(sequence, position);
    }
    Status fork(SequenceId from, SequenceId to, Position position) override {
        return inner_->fork(from, to, position);
    }
    Status decode(std::span<const BatchRow> rows) override { return inner_->decode(rows); }
    std::span<const float> logits(std::size_t row) const override { return inner_->logits(row); }
    Result<std::unique_ptr<Sampler>> make_sampler(const SamplingOptions& options) override {
        return inner_->make_sampler(options);
    }
    Status export_rows(SequenceId sequence, Plane plane, TokenRange range,
                       std::vector<std::byte>& image) override {
        return inner_->export_rows(sequence, plane, range, image);
    }
    Status import_rows(SequenceId sequence, Plane plane, TokenRange range,
                       std::span<const std::byte> image) override {
        return inner_->import_rows(sequence, plane, range, image);
    }
    Status export_snapshot(SequenceId sequence, std::vector<std::byte>& state) override {
        return inner_->export_snapshot(sequence, state);
    }
    Status import_snapshot(SequenceId sequence, Position position,
                           std::span<const std::byte> state) override {
        return inner_->import_snapshot(sequence, position, state);
    }
    Result<std::uint64_t> rest() override { return inner_->rest(); }
    CellUsage cells() const override { return inner_->cells(); }
    std::uint32_t append_cells(SequenceId sequence) const override { return inner_->append_cells(sequence); }
    EngineMemory memory() const override { return inner_->memory(); }
    EvaluationCounters counters() const override { return inner_->counters(); }

  protected:
    Engine& inner() { return *inner_; }

  private:
    std::unique_ptr<Engine> inner_;
};

}  // namespace kvasir::test

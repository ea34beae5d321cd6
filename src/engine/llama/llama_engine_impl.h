// The engine on llama.cpp: one model, one context, one unified pool of KV cells. Contract: engine/engine.h.
// Internal to src/engine/llama; opened through engine/llama_engine.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/llama/batch.h"
#include "engine/llama/cell_ledger.h"
#include "engine/llama/evaluation_meter.h"
#include "engine/llama/geometry.h"
#include "engine/llama/handles.h"
#include "engine/llama/kv_transfer.h"
#include "engine/llama/text.h"

namespace kvasir {

struct LlamaParts {
    LlamaModelPtr model;
    LlamaContextPtr context;  // after the model: freed before it
    std::unique_ptr<LlamaText> text;
    ModelGeometry geometry;
    Fingerprint fingerprint;
    ModelInfo info;
    std::uint32_t sequences = 0;
    std::uint32_t window_cells = 0;
    llama_context_params context_params{};     // the context can be made again
    std::uint64_t memory_available_bytes = 0;  // 0: what the system says
};

class LlamaEngine : public Engine {
  public:
    explicit LlamaEngine(LlamaParts parts);

    const ModelInfo& model() const override { return parts_.info; }
    const KvLayout& kv_layout() const override { return parts_.geometry.layout; }
    const Fingerprint& fingerprint() const override { return parts_.fingerprint; }

    Result<std::vector<Token>> tokenize(std::string_view text, SpecialTokens special,
                                        SequenceStart start) const override;
    std::string piece(Token token, SpecialTokens special) const override;
    bool is_end_of_turn(Token token) const override;
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
    Status import_rows_in_parts(SequenceId sequence, Plane plane, TokenRange range,
                                RowSource& source) override;
    Status export_snapshot(SequenceId sequence, std::vector<std::byte>& state) override;
    Status import_snapshot(SequenceId sequence, Position position, std::span<const std::byte> state) override;

    Result<std::uint64_t> rest() override;
    CellUsage cells() const override;
    std::uint32_t append_cells(SequenceId sequence) const override { return ledger_.length(sequence); }
    EngineMemory memory() const override;
    EvaluationCounters counters() const override;

  private:
    struct Sequence {
        bool open = false;
        Position window_end = 0;    // window rows are complete up to here
        Position snapshot_end = 0;  // where the state stands
    };

    const KvLayout& layout() const { return parts_.geometry.layout; }
    bool slides() const { return layout().has_window(); }
    bool is_open(SequenceId sequence) const;
    llama_memory_t kv() const { return llama_get_memory(parts_.context.get()); }
    Sequence& at(SequenceId sequence) { return sequences_[static_cast<std::size_t>(sequence)]; }
    const Sequence& at(SequenceId sequence) const { return sequences_[static_cast<std::size_t>(sequence)]; }
    Status wake();
    Position window_begin(SequenceId sequence) const;
    void empty(SequenceId sequence);
    Status check_standing(SequenceId sequence) const;
    Status check_rows(std::span<const BatchRow> rows) const;
    Status check_free_cells(std::size_t needed) const;
    Status take_back(std::span<const BatchRow> rows, int code);
    Status import_window(SequenceId sequence, TokenRange range, RowSource& source);
    Status check_snapshot_place(SequenceId sequence, Position position) const;
    // The sequence ends there now, in every plane.
    void set_end(SequenceId sequence, Position position);

    LlamaParts parts_;
    CellLedger ledger_;
    std::vector<Sequence> sequences_;
    std::unique_ptr<KvTransfer> transfer_;
    LlamaBatch batch_;
    std::vector<bool> has_logits_;  // rows of the last decode
    EvaluationMeter meter_;
    EngineMemory given_back_;  // while it rests
};

Result<LlamaContextPtr> make_llama_context(llama_model& model, const llama_context_params& params);

Result<std::unique_ptr<Sampler>> make_llama_sampler(llama_model& model, llama_context& context,
                                                    const SamplingOptions& options);

}  // namespace kvasir

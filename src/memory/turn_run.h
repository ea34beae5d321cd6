// One turn while it runs: a place with KV, rows to evaluate, an answer that grows, a commit. It evaluates
// nothing itself: whoever drives it puts its rows into a batch, alone or beside other turns', and tells it
// when they are evaluated.
//
//   kRestore -> kPrefill -> kDecode -> kAnswered (durable: the answer can be told) -> kDone (KV is saved)
//   any failure or cancellation before the first token -> kDone, and the agent is as it was
//
// Engine thread. Made by AgentMemory::begin_turn(), which outlives it.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "memory/agent_memory.h"
#include "memory/answer_stream.h"
#include "memory/match_report.h"
#include "memory/places.h"
#include "memory/prompt.h"

namespace kvasir {

// What a turn works with; AgentMemory's.
struct TurnContext {
    KvContext kv;
    const Clock& clock;
    Places& places;
    MatchLog* match_log = nullptr;  // where turns that answer are noted
};

// A turn that is admitted: what it is about, settled before it gets a place.
struct PreparedTurn {
    TurnRequest request;
    Conversation conversation;
    std::vector<ChatMessage> added;  // messages that are not part of the conversation yet
    Prompt prompt;
    std::uint32_t answer_tokens_max = 0;
    std::shared_ptr<const AnswerFormat> format;  // null: raw text
    std::uint32_t turns_dropped = 0;
    MatchReport report;  // of how its conversation was found
    std::string fingerprint_changes;
    std::int64_t begin_us = 0;
    std::vector<Position> boundaries;    // not kAnswer: where window rows are worth keeping
    std::function<void()> on_abandoned;  // undoes what preparing it made
};

enum class TurnStage { kRestore, kPrefill, kDecode, kAnswered, kDone };

class TurnRun {
  public:
    // Takes a place for it.
    static Result<std::unique_ptr<TurnRun>> start(TurnContext context, PreparedTurn prepared,
                                                  TurnSinks sinks);
    // A turn that was committed before under the same Idempotency-Key: its answer, nothing evaluated.
    static std::unique_ptr<TurnRun> replay(TurnContext context, PreparedTurn prepared, TurnSinks sinks);
    ~TurnRun();
    TurnRun(const TurnRun&) = delete;
    TurnRun& operator=(const TurnRun&) = delete;

    TurnStage stage() const { return stage_; }
    const std::string& agent() const { return turn_.request.agent; }
    // kRestore: imports one stored block at most.
    void restore_some();
    // kRestore: another turn reads just now what this one begins with; until it has, restore_some() does
    // nothing. kAnswered: files are being written; until one is, save_some() does nothing.
    bool waits() const { return (restore_ && restore_->waits()) || (save_ && save_->waits()); }
    void wait_for_file() const {  // but not long
        if (save_) save_->wait_some();
    }
    // Whether it has a place, or its save has: no other turn may go on from its rows meanwhile.
    bool has_place() const { return agent_ != nullptr || (save_ && !save_->may_let_go()); }
    void restore() {
        while (stage_ == TurnStage::kRestore) {
            restore_some();
            if (waits()) restore_->go_alone();  // nobody else is driven meanwhile
        }
    }
    // Rows that it wants evaluated next, at most rows_max; how many were added. 0 when it has become kDone
    // (cancelled).
    std::size_t add_rows(std::vector<BatchRow>& rows, std::size_t rows_max);
    // kPrefill: of the prompt, still to be evaluated.
    std::uint32_t rows_left() const {
        return static_cast<std::uint32_t>(turn_.prompt.tokens.size() - agent_->length());
    }
    // They are: `first` is the index of the first in the batch.
    void evaluated(std::size_t first);
    // They could not be, or the turn may not go on. What was said so far is lost, the agent is as it was.
    void abandon(Error error);
    // kAnswered: what of its KV is to be saved, if that can be told by now.
    void plan_save() {
        if (save_ && save_->may_plan()) save_some();
    }
    // kAnswered: copies one block of KV at most, for another thread to write. The result has what came of it
    // when it is kDone.
    void save_some();
    void save() {
        while (stage_ == TurnStage::kAnswered) {
            save_some();
            if (waits()) wait_for_file();
        }
    }
    // An answer is told before its KV is saved, other results after it.
    bool can_be_told() const {
        return stage_ == TurnStage::kDone || (stage_ == TurnStage::kAnswered && answers());
    }
    bool answers() const { return turn_.request.purpose == TurnPurpose::kAnswer; }
    // kAnswered or kDone.
    const Result<TurnResult>& result() const { return result_; }
    // Whether that request goes on from this turn, or asks it again: its rows are worth waiting for.
    bool is_continued_by(const TurnRequest& request) const;
    // Cells that it may come to hold.
    Position cells_max() const {
        return static_cast<Position>(turn_.prompt.tokens.size()) + turn_.answer_tokens_max;
    }

  private:
    TurnRun(TurnContext context, PreparedTurn prepared, TurnSinks sinks);
    Wanted wanted_rows() const;
    void restored(const Reuse& reuse);
    void note_match(TurnMetrics& metrics);
    void end_without_answer();
    void end_reading_ahead();
    void look_ahead(std::size_t answer_tokens, TurnId committed);
    void begin_save();
    void saved(const SaveResult& saved);
    void sample(std::size_t row);
    void end_answer(std::string finish_reason);
    Status commit();
    void end_undurable(Error error);
    std::vector<Token> committed_answer() const;
    NewTurn new_turn(const std::vector<Token>& answer) const;
    void show(const AnswerPiece& piece);
    bool is_boundary(Position position) const;
    void note_result();
    double ms_since(std::int64_t begin_us) const {
        return static_cast<double>(context_.clock.monotonic_us() - begin_us) / 1000.0;
    }

    TurnContext context_;
    PreparedTurn turn_;
    TurnSinks sinks_;
    TurnStage stage_ = TurnStage::kRestore;
    Wanted wanted_;
    ResidentAgent* agent_ = nullptr;  // its place, busy while the turn runs
    std::unique_ptr<RestoreRun> restore_;
    std::unique_ptr<SaveRun> save_;
    std::unique_ptr<Sampler> sampler_;
    AnswerStream answer_;
    std::vector<Token> answer_tokens_;
    std::size_t rows_asked_ = 0;
    std::int64_t phase_begin_us_ = 0;
    TurnResult turn_result_;
    Result<TurnResult> result_;
};

// Why not all of what was expected was reused; "" when it was.
std::string not_reused_reason(const PreparedTurn& turn, const KvContext& kv, const Reuse& reuse);
std::string dropped_warning(std::uint32_t turns);
std::string restore_warning(const std::string& reason, const Reuse& reuse,
                            const std::string& fingerprint_changes, Position evaluated);

}  // namespace kvasir

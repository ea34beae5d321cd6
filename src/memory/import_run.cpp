#include "memory/import_run.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/names.h"
#include "memory/agent_info.h"
#include "memory/restore_plan.h"
#include "memory/row_image.h"
#include "memory/save_run.h"

namespace kvasir {

namespace {

constexpr std::uint64_t kHeaderBytesExpected = 4096;  // of one block file, for admission

}  // namespace

ImportRun::ImportRun(ImportServices services, ImportRequest request)
    : services_(std::move(services)), request_(std::move(request)), room_(services_.kv.store) {}

Status ImportRun::open() {
    KVASIR_TRY_ASSIGN(file_, read_import_file(*request_.file, services_.kv.engine));
    name_ = request_.name.empty() ? file_.header.agent_id : request_.name;
    KVASIR_TRY(check_agent_name(name_));
    const auto taken = services_.kv.store.catalog().agent(name_);
    if (taken)
        return fail(ErrorCode::kConflict, "an agent " + printable(name_) +
                                              " exists already: import it under another name (--name), or "
                                              "remove it first");
    if (taken.error().code != ErrorCode::kNotFound) return fail(taken.error());
    if (request_.dry_run == DryRun::kNo) KVASIR_TRY(services_.kv.store.admit_turn());
    report_.agent = name_;
    report_.tokens = static_cast<Position>(file_.tokens.size());
    report_.turns = static_cast<std::uint32_t>(file_.turns.size() - 1);
    report_.dry_run = request_.dry_run == DryRun::kYes;
    chain_.emplace(services_.kv.root, file_.tokens);
    judge_kv();
    return {};
}

void ImportRun::judge_kv() {
    stage_ = Stage::kMake;
    if (!file_.kv_differs.empty()) {
        report_.kv_refused = "it belongs to other settings (" + file_.kv_differs + ")";
        return;
    }
    if (file_.header.cache_tokens == 0) return;
    // Nobody can look into a state of one piece: it is used when this store wrote it, whoever is trusted.
    const bool opaque = services_.kv.layout().snapshot_form == SnapshotForm::kOpaque;
    if (request_.trust == TrustKv::kNo || opaque) {
        mac_.emplace(export_key(services_.kv.store.catalog().tenant_salt()));
    }
    list_units();
    if (units_.empty()) return;
    stage_ = report_.dry_run ? Stage::kUnits : Stage::kRoom;
}

void ImportRun::list_units() {
    const auto end_name = [&](Position end) { return chain_->name_at(end); };
    for (std::size_t i = 0; i < file_.layout.blocks.size(); ++i) {
        const TokenRange range = file_.layout.blocks[i];
        units_.push_back(
            {{BlockKind::kAppend, end_name(range.end), chain_->parent_of(range.begin), range}, i});
    }
    for (std::size_t i = 0; i < file_.contents.windows.size(); ++i) {
        const TokenRange range = file_.contents.windows[i];
        const BlockName end = end_name(range.end);
        units_.push_back({{BlockKind::kWindow, window_name(end, range.begin), end, range}, i});
    }
    for (std::size_t i = 0; i < file_.contents.snapshots.size(); ++i) {
        const StateInFile& state = file_.contents.snapshots[i];
        units_.push_back({snapshot_identity(end_name(state.end), state.end, state.bytes), i});
    }
    std::vector<BlockName> names;
    for (const Unit& unit : units_) names.push_back(unit.identity.name);
    hold_ = services_.kv.store.hold(std::move(names));
    const std::uint64_t bytes = file_.layout.macs_offset + units_.size() * kHeaderBytesExpected;
    room_.want(bytes, name_);
}

Status ImportRun::make_room() {
    const auto ready = room_.step();
    if (!ready) {
        give_up_kv(ready.error().message);
    } else if (*ready) {
        stage_ = Stage::kUnits;
    }
    return {};
}

// Tokens are good whoever wrote them; but of a file of ours all is as it was written.
Status ImportRun::check_tokens() {
    if (!mac_) return {};
    for (const TransferSlice& slice : file_.layout.slices) {
        if (slice.source == TransferSlice::Source::kKv) break;
        image_.clear();
        KVASIR_TRY(read_slice(*request_.file, file_, slice, &*mac_, image_));
    }
    return {};
}

Status ImportRun::read_unit(const Unit& unit) {
    image_.clear();
    const auto& slices = file_.layout.units[static_cast<std::size_t>(unit.identity.kind)][unit.number];
    for (const std::size_t slice : slices)
        KVASIR_TRY(
            read_slice(*request_.file, file_, file_.layout.slices[slice], mac_ ? &*mac_ : nullptr, image_));
    return {};
}

// What the store has already is not taken from the file, but all of the file must be good.
Status ImportRun::next_unit() {
    const Unit& unit = units_[next_];
    Status read = next_ == 0 ? check_tokens() : Status();
    if (read) read = read_unit(unit);
    if (!read) {
        if (read.error().code != ErrorCode::kDamaged) return read;
        const bool opaque = request_.trust == TrustKv::kYes;
        give_up_kv(read.error().message + (opaque ? "; a state of one piece is taken from nobody else" : ""));
        return {};
    }
    if (!report_.dry_run) {
        Store& store = services_.kv.store;
        KVASIR_TRY_ASSIGN(const auto stored, store.catalog().block(unit.identity.kind, unit.identity.name));
        if (!stored) {
            const BlockSpec spec =
                make_block_spec(services_.kv, unit.identity, chain_->tokens(unit.identity.range));
            auto written = store.blocks().write(spec, image_);
            if (!written) {
                give_up_kv(written.error().message);
                return {};
            }
            report_.kv_bytes_written += image_.size();
            written_.push_back(std::move(*written));
        }
    }
    if (++next_ == units_.size()) stage_ = Stage::kMake;
    return {};
}

void ImportRun::give_up_kv(const std::string& reason) {
    report_.kv_refused = reason;
    remove_written();
    units_.clear();
    stage_ = Stage::kMake;
}

void ImportRun::remove_written() {
    hold_.release();
    report_.kv_bytes_written = 0;
    for (const StoredBlock& block : std::exchange(written_, {})) {
        const auto known = services_.kv.store.catalog().block(block.kind, block.name);
        if (!known || *known) continue;  // somebody else's now
        const Status removed = services_.kv.store.remove_file(block.kind, block.name);
        if (!removed) log(LogLevel::kWarning, "block_not_removed", removed.error().message);
    }
}

Status ImportRun::make_agent() {
    const Engine& engine = services_.kv.engine;
    NewImport import;
    import.agent.name = name_;
    import.agent.type = file_.header.agent_type;
    import.agent.system_prompt = file_.header.system_prompt;
    import.agent.title = file_.header.title;
    import.agent.model_id = engine.fingerprint().model_id();
    import.agent.model_name = engine.model().name;
    import.agent.model_path = engine.model().path;
    import.created_unix_ms = file_.header.created_unix_ms;
    import.turns = file_.turns;
    Catalog& catalog = services_.kv.store.catalog();
    KVASIR_TRY_ASSIGN(const AgentRecord agent, catalog.import_agent(import, services_.clock.unix_ms()));
    made_ = agent.id;
    const WhenFull when_full = when_full_of(file_.header.when_full);
    if (when_full != WhenFull::kRefuse) {
        const Status set = catalog.set_agent_option(agent.id, kWhenFullOption, to_string(when_full));
        if (!set) log(LogLevel::kWarning, "option_not_imported", set.error().message);
    }
    if (units_.empty()) return {};
    if (const Status referred = refer(agent); !referred) give_up_kv(referred.error().message);
    return {};
}

Status ImportRun::refer(const AgentRecord& agent) {
    Catalog& catalog = services_.kv.store.catalog();
    KVASIR_TRY_ASSIGN(const auto turns, catalog.turns(agent.id));
    std::vector<BlockName> names;
    for (const Unit& unit : units_) names.push_back(unit.identity.name);
    KVASIR_TRY_ASSIGN(const auto superseded, catalog.set_references(agent.id, turns.back().branch, written_,
                                                                    services_.kv.root.fingerprint, names,
                                                                    services_.clock.unix_ms()));
    written_.clear();
    remove_superseded(services_.kv.store, superseded);
    return {};
}

// How far a restore would go now; in a dry run also with what the file has.
Result<Position> ImportRun::restorable() const {
    RestoreRequest request;
    request.tokens = file_.tokens;
    request.position_max = static_cast<Position>(file_.tokens.size());
    request.agent = made_;
    KVASIR_TRY_ASSIGN(const RestorePlan plan, plan_restore(services_.kv, request));
    const bool would_be_there = report_.dry_run && !units_.empty();
    return std::max(plan.position, would_be_there ? file_.header.cache_tokens : 0);
}

Status ImportRun::finish() {
    if (!report_.dry_run) KVASIR_TRY(make_agent());
    const auto position = restorable();
    report_.kv_tokens = position ? *position : 0;
    // The last token of an answer is read with what follows it.
    const Position wanted = report_.tokens > 0 && report_.turns > 0 ? report_.tokens - 1 : report_.tokens;
    report_.tokens_to_read = wanted - std::min(wanted, report_.kv_tokens);
    report_.read_ms = report_.tokens_to_read == 0 ? std::optional<double>(0)
                                                  : services_.rates.prefill_ms(report_.tokens_to_read);
    stage_ = Stage::kDone;
    hold_.release();
    if (!report_.dry_run && services_.on_made) services_.on_made(report_);
    return {};
}

Status ImportRun::advance() {
    switch (stage_) {
        case Stage::kOpen:
            return open();
        case Stage::kRoom:
            return make_room();
        case Stage::kUnits:
            return next_unit();
        case Stage::kMake:
            return finish();
        case Stage::kDone:
            break;
    }
    return {};
}

Status ImportRun::step() {
    Status status = advance();
    if (status) return status;
    stage_ = Stage::kDone;
    remove_written();
    return status;
}

}  // namespace kvasir

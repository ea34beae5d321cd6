#include "store/check_run.h"

#include <utility>

#include <fmt/format.h>

#include "store/quarantine.h"

namespace kvasir {

namespace {

constexpr std::size_t kFindingsMax = 200;

}  // namespace

void CheckRun::add_finding(const std::string& file, const std::string& what) {
    if (report_.findings.size() < kFindingsMax) report_.findings.push_back({file, what});
}

std::string CheckRun::relative(BlockKind kind, const BlockName& name) const {
    return context_.files.path_of(kind, name).substr(context_.root.size() + 1);
}

Status CheckRun::check_catalog() {
    stage_ = Stage::kShards;
    if (request_.depth == CheckDepth::kNames) return {};
    const Status whole = context_.catalog.check();
    if (whole) return {};
    if (whole.error().code != ErrorCode::kStoreUnusable) return whole;
    report_.catalog = whole.error().message;
    return {};
}

Status CheckRun::note_missing(const StoredBlock& block) {
    ++report_.missing;
    ++context_.health.counters.rows_without_file;
    add_finding(relative(block.kind, block.name), "the file is gone; its tokens are read again when needed");
    if (request_.repair == Repair::kNo) return {};
    KVASIR_TRY(context_.catalog.drop_block(block.kind, block.name));
    ++report_.repaired;
    return {};
}

Status CheckRun::note_damaged(const StoredBlock& block, const std::string& reason) {
    ++report_.damaged;
    ++context_.health.counters.blocks_damaged;
    add_finding(relative(block.kind, block.name), reason);
    if (request_.repair == Repair::kNo) return {};
    KVASIR_TRY(context_.files.quarantine(block.kind, block.name, reason));
    KVASIR_TRY(context_.catalog.drop_block(block.kind, block.name));
    ++report_.repaired;
    return {};
}

// Of a save that died between writing it and telling the catalog, or of a removal that did not reach the
// disk.
Status CheckRun::note_unknown(const BlockFileFound& file) {
    ++report_.unknown;
    report_.unknown_bytes += file.size_bytes;
    add_finding(file.path.substr(context_.root.size() + 1), "no row of the catalog knows this file");
    if (request_.repair == Repair::kNo) return {};
    const Status removed = context_.file_system.remove(file.path);
    if (!removed && removed.error().code != ErrorCode::kNotFound) return removed;
    ++context_.health.counters.files_unknown;
    ++report_.repaired;
    return {};
}

Status CheckRun::list_shard() {
    if (shard_ == kBlockShards) {
        if (request_.repair == Repair::kYes && context_.on_all_files_known) context_.on_all_files_known();
        stage_ = Stage::kQuarantine;
        return {};
    }
    KVASIR_TRY_ASSIGN(auto rows, context_.catalog.blocks_of_shard(shard_));
    KVASIR_TRY_ASSIGN(const auto files, context_.files.list_shard(shard_));
    ++shard_;
    std::map<std::string, const CatalogBlock*> known;
    for (const CatalogBlock& row : rows) known[context_.files.path_of(row.block.kind, row.block.name)] = &row;
    sizes_.clear();
    std::uint64_t removed_before = report_.repaired;
    for (const BlockFileFound& file : files) {
        if (known.contains(file.path)) {
            sizes_[file.path] = file.size_bytes;
        } else if (!file.name || !context_.holds.contains(*file.name)) {
            KVASIR_TRY(note_unknown(file));
        }
    }
    if (report_.repaired != removed_before) KVASIR_TRY(context_.files.sync_shard(shard_ - 1));
    blocks_.assign(std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
    if (!blocks_.empty()) stage_ = Stage::kBlocks;
    return {};
}

Status CheckRun::check_next_block() {
    const CatalogBlock block = std::move(blocks_.front());
    blocks_.pop_front();
    if (blocks_.empty()) stage_ = Stage::kShards;
    return check_block(block);
}

Status CheckRun::check_block(const CatalogBlock& row) {
    const StoredBlock& block = row.block;
    const auto size = sizes_.find(context_.files.path_of(block.kind, block.name));
    Status found;
    if (size == sizes_.end())
        found = fail(ErrorCode::kNotFound, "it is not there");
    else if (size->second != block.file_bytes)
        found = fail(ErrorCode::kDamaged,
                     fmt::format("it has {} bytes instead of {}", size->second, block.file_bytes));
    else if (request_.depth == CheckDepth::kContents)
        found = context_.files.verify(block, {context_.catalog.tenant_salt(), row.fingerprint});
    ++report_.files_checked;
    report_.bytes_checked += request_.depth == CheckDepth::kContents ? block.file_bytes : 0;
    if (found) return {};
    // It may have gone, with its row, since the shard was listed.
    KVASIR_TRY_ASSIGN(const auto still, context_.catalog.block(block.kind, block.name));
    if (!still) return {};
    if (found.error().code == ErrorCode::kNotFound) return note_missing(block);
    if (found.error().code == ErrorCode::kDamaged) return note_damaged(block, found.error().message);
    return found;
}

Status CheckRun::count_quarantine() {
    stage_ = Stage::kDone;
    KVASIR_TRY_ASSIGN(const auto files, list_quarantine(context_.file_system, context_.root));
    report_.quarantined = count_quarantined(files);
    return {};
}

Status CheckRun::advance() {
    switch (stage_) {
        case Stage::kCatalog:
            return check_catalog();
        case Stage::kShards:
            return list_shard();
        case Stage::kBlocks:
            return check_next_block();
        case Stage::kQuarantine:
            return count_quarantine();
        case Stage::kDone:
            break;
    }
    return {};
}

Status CheckRun::step() {
    Status status = advance();
    if (!status) stage_ = Stage::kDone;
    return status;
}

}  // namespace kvasir

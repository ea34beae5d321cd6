#include "store/backup_run.h"

#include <array>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "store/paths.h"

namespace kvasir {

namespace {

constexpr int kPagesOfOneStep = 512;  // of 4 KiB

std::string without_slash(std::string path) {
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    return path;
}

std::string parent_of(const std::string& path) {
    const std::size_t slash = path.find_last_of('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

BackupRun::BackupRun(BackupContext context, std::string directory)
    : context_(context),
      partial_(without_slash(directory) + ".partial"),
      copies_(context.file_system, partial_) {
    report_.directory = without_slash(std::move(directory));
}

Status BackupRun::begin() {
    for (const std::string& directory : {report_.directory, partial_}) {
        const auto there = context_.file_system.list(directory);
        if (!there && there.error().code == ErrorCode::kNotFound) continue;
        if (!there) return fail(there.error());
        return fail(ErrorCode::kConflict,
                    fmt::format("{} is there already: give a directory that does not exist, or remove it",
                                directory));
    }
    if (Status made = context_.file_system.make_directories(partial_); !made)
        return fail(made.error().code == ErrorCode::kNoSpace ? ErrorCode::kNoSpace : ErrorCode::kIo,
                    made.error().message);
    stage_ = Stage::kShards;
    return {};
}

Status BackupRun::next_shard() {
    if (shard_ == kBlockShards) {
        stage_ = Stage::kCatalogBegin;
        return {};
    }
    KVASIR_TRY_ASSIGN(auto rows, context_.catalog.blocks_of_shard(shard_++));
    blocks_.assign(std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
    if (!blocks_.empty()) stage_ = Stage::kBlocks;
    return {};
}

// What is not whole is not copied: a backup has nothing that must be quarantined.
Status BackupRun::copy_next_block() {
    const CatalogBlock row = std::move(blocks_.front());
    blocks_.pop_front();
    if (blocks_.empty()) stage_ = Stage::kShards;
    const StoredBlock& block = row.block;
    const ChainRoot root{context_.catalog.tenant_salt(), row.fingerprint};
    if (!context_.files.verify(block, root) || !context_.files.read_whole(block, bytes_)) return {};
    const std::string path = copies_.path_of(block.kind, block.name);
    const std::string directory = parent_of(path);
    if (directories_.insert(directory).second) KVASIR_TRY(context_.file_system.make_directories(directory));
    const std::array<std::span<const std::byte>, 1> parts = {bytes_};
    KVASIR_TRY(context_.file_system.write_new_synced(path, parts));
    copied_.emplace(block.name, block.kind);
    return {};
}

Status BackupRun::begin_catalog() {
    for (const std::string& directory : directories_)
        KVASIR_TRY(context_.file_system.sync_directory(directory));
    // SQLite would make it readable for others.
    KVASIR_TRY(context_.file_system.write_new_synced(catalog_path(partial_), {}));
    KVASIR_TRY(context_.catalog.begin_copy(catalog_path(partial_)));
    stage_ = Stage::kCatalog;
    return {};
}

Status BackupRun::copy_catalog() {
    KVASIR_TRY_ASSIGN(const bool complete, context_.catalog.copy_some(kPagesOfOneStep));
    if (complete) stage_ = Stage::kTrim;
    return {};
}

Status BackupRun::trim() {
    KVASIR_TRY_ASSIGN(const auto copy, SqliteCatalog::open_file(catalog_path(partial_), {}));
    KVASIR_TRY_ASSIGN(const std::uint64_t left_out, copy->forget_blocks_but([this](const BlockName& name) {
        return copied_.contains(name);
    }));
    report_.files_left_out = left_out;
    KVASIR_TRY(copy->check());
    KVASIR_TRY_ASSIGN(const auto entries, copy->collection_entries());
    for (const CollectionEntry& entry : entries) {
        copied_.erase(entry.name);
        ++report_.files;
        report_.bytes += entry.bytes;
    }
    // What went since it was copied: it may hold words of somebody who was erased.
    for (const auto& [name, kind] : copied_) KVASIR_TRY(copies_.remove(kind, name));
    KVASIR_TRY_ASSIGN(const CatalogTotals totals, copy->totals());
    report_.agents = totals.agents;
    stage_ = Stage::kFinish;
    return {};
}

Status BackupRun::finish() {
    KVASIR_TRY(context_.file_system.sync_directory(partial_));
    KVASIR_TRY(context_.file_system.rename(partial_, report_.directory));
    KVASIR_TRY(context_.file_system.sync_directory(parent_of(report_.directory)));
    report_.bytes += context_.file_system.file_size(catalog_path(report_.directory)).value_or(0);
    ++report_.files;
    stage_ = Stage::kDone;
    return {};
}

Status BackupRun::advance() {
    switch (stage_) {
        case Stage::kBegin:
            return begin();
        case Stage::kShards:
            return next_shard();
        case Stage::kBlocks:
            return copy_next_block();
        case Stage::kCatalogBegin:
            return begin_catalog();
        case Stage::kCatalog:
            return copy_catalog();
        case Stage::kTrim:
            return trim();
        case Stage::kFinish:
            return finish();
        case Stage::kDone:
            break;
    }
    return {};
}

Status BackupRun::step() {
    Status status = advance();
    if (status) return status;
    const bool begun = stage_ != Stage::kBegin;
    stage_ = Stage::kDone;
    if (!begun) return status;
    return fail(status.error().code, fmt::format("the backup is not complete ({}): remove {} and try again",
                                                 status.error().message, partial_));
}

}  // namespace kvasir

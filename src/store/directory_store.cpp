#include "store/directory_store.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "base/limits.h"
#include "store/backup_run.h"
#include "store/check_run.h"
#include "store/paths.h"
#include "store/quarantine.h"

namespace kvasir {

namespace {

// The WAL grows and shrinks between two saves: it counts as what it may come to take, of a small budget only
// so much of it.
constexpr std::uint64_t kLogBytesExpected = 8ULL * 1024 * 1024;
constexpr std::uint64_t kLogShareOfBudget = 8;
// Victims of a part of the budget are chosen at once.
constexpr std::uint64_t kChosenShareOfBudget = 50;
constexpr std::int64_t kBlocksRetryMs = 1'000;
constexpr std::uint64_t kProbeKvBytes = 1'000'000;  // room for KV means room for a block
constexpr const char* kProbeSetting = "write_probe";

}  // namespace

DirectoryStore::DirectoryStore(StoreParts parts)
    : root_(std::move(parts.root)),
      file_system_(parts.file_system),
      clock_(parts.clock),
      lock_(std::move(parts.lock)),
      catalog_(std::move(parts.catalog)),
      blocks_(file_system_, root_),
      budget_(std::move(parts.budget)) {
    catalog_->on_write([this](const Status& outcome) {
        if (health_.note(StorePart::kCatalog, outcome, clock_.unix_ms())) ++health_.counters.commits_failed;
    });
    blocks_.on_write([this](const Status& outcome) {
        health_.counters.kv_writes_failed += outcome ? 0U : 1U;
        const bool full = !outcome && outcome.error().code == ErrorCode::kNoSpace;
        health_.note(full ? StorePart::kKvSpace : StorePart::kBlocks, outcome, clock_.unix_ms());
    });
}

Status DirectoryStore::prepare() {
    KVASIR_TRY(catalog_->limit_log(log_bytes_expected()));
    KVASIR_TRY(blocks_.create_layout());
    KVASIR_TRY_ASSIGN(const std::vector<BlockFileName> pending, catalog_->pending_removals());
    for (const BlockFileName& file : pending) {
        KVASIR_TRY(blocks_.remove(file.kind, file.name));
        KVASIR_TRY(
            blocks_.remove_quarantined(file.kind, file.name));  // an erasure may have been cut off before it
    }
    KVASIR_TRY_ASSIGN(const CatalogTotals totals, catalog_->totals());
    if (blocks_.bytes_found() > totals.block_bytes)
        unknown_bytes_ = blocks_.bytes_found() - totals.block_bytes;
    if (pending.empty()) return {};
    const Status cleared = catalog_->clear_pending_removals();
    // On a full disk they are looked for again next time.
    if (!cleared && cleared.error().code != ErrorCode::kNoSpace) return cleared;
    return {};
}

Result<std::uint64_t> DirectoryStore::size_or_zero(const std::string& path) {
    Result<std::uint64_t> size = file_system_.file_size(path);
    if (!size && size.error().code == ErrorCode::kNotFound) return std::uint64_t{0};
    return size;
}

std::uint64_t DirectoryStore::log_bytes_expected() const {
    return std::min(kLogBytesExpected, budget_.budget_bytes() / kLogShareOfBudget);
}

Result<DirectoryStore::Counted> DirectoryStore::count() {
    Counted counted;
    KVASIR_TRY_ASSIGN(counted.totals, catalog_->totals());
    KVASIR_TRY_ASSIGN(counted.log_bytes, size_or_zero(catalog_log_path(root_)));
    KVASIR_TRY_ASSIGN(counted.quarantined, list_quarantine(file_system_, root_));
    counted.bytes = counted.totals.block_bytes + unknown_bytes_;
    for (const FileInfo& file : counted.quarantined) counted.bytes += file.size_bytes;
    counted.bytes += std::max(counted.log_bytes, log_bytes_expected());
    return counted;
}

Result<std::uint64_t> DirectoryStore::counted_bytes() {
    KVASIR_TRY_ASSIGN(const Counted counted, count());
    return counted.bytes;
}

// Before any KV goes for it.
Status DirectoryStore::shrink_log() {
    KVASIR_TRY_ASSIGN(const std::uint64_t log_bytes, size_or_zero(catalog_log_path(root_)));
    return log_bytes > log_bytes_expected() ? catalog_->shrink_log() : Status();
}

Status DirectoryStore::admit_kv(std::uint64_t bytes) {
    KVASIR_TRY_ASSIGN(const std::uint64_t used, counted_bytes());
    return budget_.admit_kv(bytes, used);
}

// After a failed write the next one is tried when some time has passed: until then a save costs nothing.
Status DirectoryStore::check_blocks_may_be_written() const {
    const auto& problem = health_.problem(StorePart::kBlocks);
    if (!problem || clock_.unix_ms() - problem->seen_unix_ms >= kBlocksRetryMs) return {};
    return fail(ErrorCode::kIo,
                fmt::format("KV files could not be written a moment ago ({})", problem->reason));
}

Result<DiskReservation> DirectoryStore::reserve_kv(std::uint64_t bytes) {
    KVASIR_TRY(check_blocks_may_be_written());
    KVASIR_TRY_ASSIGN(const std::uint64_t used, counted_bytes());
    Result<DiskReservation> reserved = budget_.reserve_kv(bytes, used);
    if (!reserved) {
        KVASIR_TRY(shrink_log());
        KVASIR_TRY_ASSIGN(const std::uint64_t used_now, counted_bytes());
        reserved = budget_.reserve_kv(bytes, used_now);
    }
    if (reserved) health_.note(StorePart::kKvSpace, {}, clock_.unix_ms());
    return reserved;
}

void DirectoryStore::note_kv_refused(const Error& error) {
    if (health_.note(StorePart::kKvSpace, fail(error), clock_.unix_ms())) ++health_.counters.kv_refused;
}

Status DirectoryStore::admit_turn() {
    Status admitted = budget_.admit_turn();
    health_.counters.turns_refused += admitted ? 0U : 1U;
    health_.note(StorePart::kTurns, admitted, clock_.unix_ms());
    return admitted;
}

Result<std::uint64_t> DirectoryStore::missing_kv_bytes(std::uint64_t bytes) {
    KVASIR_TRY_ASSIGN(const std::uint64_t used, counted_bytes());
    return budget_.missing_bytes(bytes, used);
}

std::unique_ptr<Collection> DirectoryStore::begin_collection(const CollectionRequest& request) {
    return std::make_unique<CollectRun>(
        CollectContext{file_system_, *catalog_, blocks_, holds_, clock_, victims_, health_, root_,
                       budget_.budget_bytes() / kChosenShareOfBudget, on_agent_collected_},
        request);
}

std::unique_ptr<StoreCheck> DirectoryStore::begin_check(const CheckRequest& request) {
    return std::make_unique<CheckRun>(CheckContext{file_system_, *catalog_, blocks_, holds_, health_, root_,
                                                   [this] {
                                                       unknown_bytes_ = 0;
                                                       all_files_known_ = true;
                                                   }},
                                      request);
}

std::unique_ptr<StoreBackup> DirectoryStore::begin_backup(const std::string& directory) {
    return std::make_unique<BackupRun>(BackupContext{file_system_, *catalog_, blocks_}, directory);
}

Status DirectoryStore::remove_unknown_files() {
    remove_retired(Held::kGo);
    if (all_files_known_) return {};
    const auto check = begin_check({CheckDepth::kNames, Repair::kYes});
    while (!check->done()) KVASIR_TRY(check->step());
    return {};
}

void DirectoryStore::look_after() {
    remove_retired();
    if (health_.problem(StorePart::kCatalog)) probe_catalog();
    if (health_.problem(StorePart::kBlocks)) probe_blocks();
    if (health_.problem(StorePart::kTurns)) {
        const Status admitted = budget_.admit_turn();
        if (admitted) health_.note(StorePart::kTurns, admitted, clock_.unix_ms());
    }
    if (health_.problem(StorePart::kKvSpace) && admit_kv(kProbeKvBytes))
        health_.note(StorePart::kKvSpace, {}, clock_.unix_ms());
}

// on_write() takes note of what comes of it.
void DirectoryStore::probe_catalog() {
    static_cast<void>(catalog_->set_setting(kProbeSetting, std::to_string(clock_.unix_ms())));
}

void DirectoryStore::probe_blocks() {
    const std::string path = write_probe_path(root_);
    static_cast<void>(file_system_.remove(path));
    const std::byte byte{1};
    const std::array<std::span<const std::byte>, 1> parts = {std::span(&byte, 1)};
    Status written = file_system_.write_new_synced(path, parts);
    if (written) written = file_system_.remove(path);
    if (written) written = file_system_.sync_directory(root_);
    health_.note(StorePart::kBlocks, written, clock_.unix_ms());
}

Status DirectoryStore::remove_file(BlockKind kind, const BlockName& name) {
    KVASIR_TRY(blocks_.remove(kind, name));
    catalog_->note_removed(kind, name);
    return {};
}

Status DirectoryStore::retire_file(BlockKind kind, const BlockName& name) {
    remove_retired();
    if (!holds_.contains(name)) return remove_file(kind, name);
    retired_.push_back({kind, name});  // and a pending removal, should the process end before
    return {};
}

void DirectoryStore::remove_retired(Held held) {
    std::erase_if(retired_, [&](const BlockFileName& file) {
        if (held == Held::kStay && holds_.contains(file.name)) return false;
        const auto row = catalog_->block(file.kind, file.name);
        if (!row) return false;
        if (*row) return true;  // written anew meanwhile
        return remove_file(file.kind, file.name).has_value();
    });
}

Result<DiskUsage> DirectoryStore::usage() {
    DiskUsage usage;
    KVASIR_TRY_ASSIGN(const Counted counted, count());
    usage.kv_bytes = counted.totals.block_bytes;
    usage.counted_bytes = counted.bytes;
    usage.reserved_bytes = budget_.reserved_bytes();
    KVASIR_TRY_ASSIGN(usage.catalog_bytes, size_or_zero(catalog_path(root_)));
    usage.catalog_bytes += counted.log_bytes;
    usage.budget_bytes = budget_.budget_bytes();
    KVASIR_TRY_ASSIGN(usage.free_bytes, file_system_.free_bytes(root_));
    usage.reserve_bytes = budget_.reserve_bytes();
    usage.blocks = counted.totals.blocks + counted.totals.windows + counted.totals.snapshots;
    usage.agents = counted.totals.agents;
    usage.quarantined_files = count_quarantined(counted.quarantined);
    return usage;
}

}  // namespace kvasir

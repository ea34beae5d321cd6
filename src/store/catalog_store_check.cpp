// What a check and a backup of the whole store read and write: SqliteCatalog's part.
#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "store/catalog_rows.h"
#include "store/catalog_sqlite.h"

namespace kvasir {

Result<std::vector<CatalogBlock>> SqliteCatalog::blocks_of_shard(unsigned shard) {
    return read([&](SqliteConnection& db) -> Result<std::vector<CatalogBlock>> {
        KVASIR_TRY_ASSIGN(auto statement,
                          db.prepare(fmt::format("SELECT {}, b.fingerprint FROM blocks AS b "
                                                 "WHERE b.name >= ? AND b.name < ? ORDER BY b.name",
                                                 kBlockColumns)));
        std::array<std::byte, sizeof(BlockName) + 1> end{};  // longer than any name that begins so
        end.fill(std::byte{0xff});
        end[0] = static_cast<std::byte>(shard);
        const std::array<std::byte, 1> begin = {static_cast<std::byte>(shard)};
        statement.bind_blob(begin).bind_blob(end);
        std::vector<CatalogBlock> blocks;
        while (true) {
            KVASIR_TRY_ASSIGN(const bool row, statement.step());
            if (!row) return blocks;
            KVASIR_TRY_ASSIGN(StoredBlock block, read_block(statement));
            const Digest256 fingerprint = statement.digest_at(kBlockColumnCount);
            KVASIR_TRY(statement.column_error());
            blocks.push_back({std::move(block), fingerprint});
        }
    });
}

Status SqliteCatalog::shrink_log() {
    KVASIR_TRY(ensure_connected());
    Status truncated = truncate_log();
    if (!truncated) recover();
    return truncated;
}

Status SqliteCatalog::limit_log(std::uint64_t bytes) {
    constexpr std::uint64_t kPageBytes = 4096;
    constexpr std::uint64_t kPagesMin = 16;
    // Half of it, so that a transaction fits on top.
    log_pages_max_ = std::clamp(bytes / 2 / kPageBytes, kPagesMin, kLogPagesMax);
    KVASIR_TRY(ensure_connected());
    return connection_->execute(fmt::format("PRAGMA wal_autocheckpoint = {}", log_pages_max_));
}

Status SqliteCatalog::begin_copy(const std::string& path) {
    KVASIR_TRY(ensure_connected());
    KVASIR_TRY_ASSIGN(copy_, SqliteCopy::begin(*connection_, path));
    return {};
}

Result<bool> SqliteCatalog::copy_some(int pages) {
    if (!copy_)
        return fail(ErrorCode::kUnavailable,
                    "the catalog was opened anew meanwhile, after the disk had failed");
    Result<bool> complete = copy_->step(pages);
    if (!complete || *complete) copy_.reset();
    return complete;
}

Result<std::uint64_t> SqliteCatalog::forget_blocks_but(const std::function<bool(const BlockName&)>& stays) {
    KVASIR_TRY_ASSIGN(const auto entries, collection_entries());
    return transact([&](SqliteConnection& db) -> Result<std::uint64_t> {
        std::uint64_t forgotten = 0;
        std::vector<StoredBlock> gone;
        for (const CollectionEntry& entry : entries) {
            if (stays(entry.name)) continue;
            StoredBlock block;
            block.kind = entry.kind;
            block.name = entry.name;
            gone.push_back(std::move(block));
            ++forgotten;
        }
        KVASIR_TRY(delete_blocks(db, gone));
        KVASIR_TRY(db.execute("DELETE FROM pending_removals; DELETE FROM quarantined_references"));
        return forgotten;
    });
}

}  // namespace kvasir

#include "store/store.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>

#include <fmt/core.h>

#include "base/limits.h"
#include "base/log.h"
#include "store/directory_store.h"
#include "store/paths.h"

namespace kvasir {

namespace {

constexpr const char* kBudgetSetting = "disk_budget_bytes";
constexpr std::uint64_t kDiskFreeShareMin = 50;  // one part in 50: 2 %

Error not_writable(const std::string& root, const Error& cause) {
    if (cause.code != ErrorCode::kIo && cause.code != ErrorCode::kNotFound) return cause;
    return {ErrorCode::kIo, fmt::format("the store in {} cannot be written ({}): make the directory "
                                        "writable, or choose another store with "
                                        "--home",
                                        root, cause.message)};
}

// A full disk is no reason to refuse: what is there can still be read and removed.
Status probe_writable(FileSystem& file_system, const std::string& root) {
    const std::string path = write_probe_path(root);
    static_cast<void>(file_system.remove(path));  // of a process that died right here
    Status written = file_system.write_new_synced(path, {});
    if (!written && written.error().code != ErrorCode::kNoSpace)
        return fail(not_writable(root, written.error()));
    static_cast<void>(file_system.remove(path));
    return {};
}

std::optional<std::uint64_t> parse_bytes(const std::string& text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

struct Budget {
    std::uint64_t bytes = 0;
    bool first_start = false;
};

Result<Budget> budget_of(const StoreOptions& options, FileSystem& file_system, Catalog& catalog) {
    KVASIR_TRY_ASSIGN(const std::optional<std::string> remembered, catalog.setting(kBudgetSetting));
    const std::optional<std::uint64_t> known = remembered ? parse_bytes(*remembered) : std::nullopt;
    Budget budget;
    budget.first_start = !known;
    if (known) {
        budget.bytes = *known;
    } else {
        KVASIR_TRY_ASSIGN(const std::uint64_t free, file_system.free_bytes(options.root));
        const auto share = static_cast<std::uint64_t>(static_cast<double>(free) * kDiskBudgetShareOfFree);
        budget.bytes = std::min(share, kDiskBudgetBytesMax);
    }
    return budget;
}

std::uint64_t free_bytes_min_of(const StoreOptions& options) {
    if (options.disk_free_bytes_min != 0) return options.disk_free_bytes_min;
    std::error_code error;
    const std::filesystem::space_info disk = std::filesystem::space(options.root, error);
    return error ? kDiskFreeBytesMin
                 : std::max<std::uint64_t>(kDiskFreeBytesMin, disk.capacity / kDiskFreeShareMin);
}

Result<DiskBudget> open_budget(const StoreOptions& options, FileSystem& file_system, Catalog& catalog) {
    KVASIR_TRY_ASSIGN(const Budget found, budget_of(options, file_system, catalog));
    DiskBudgetOptions limits;
    limits.root = options.root;
    limits.budget_bytes = options.disk_budget_bytes != 0 ? options.disk_budget_bytes : found.bytes;
    limits.free_bytes_min = free_bytes_min_of(options);
    limits.reserve_bytes = options.disk_reserve_bytes != 0 ? options.disk_reserve_bytes : kDiskReserveBytes;
    DiskBudget budget(limits, file_system);
    const Status reserved = budget.make_reserve();
    // A store with a past opens without its reserve, so that its owner can read it and make room.
    const bool excused = !reserved && reserved.error().code == ErrorCode::kNoSpace && !found.first_start;
    if (!reserved && !excused) return fail(reserved.error());
    if (excused)
        log(LogLevel::kWarning, "store opened without its disk reserve",
            "reason=" + reserved.error().message);
    if (found.first_start) KVASIR_TRY(catalog.set_setting(kBudgetSetting, std::to_string(found.bytes)));
    return budget;
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const StoreOptions& options, FileSystem& file_system,
                                           const Clock& clock) {
    Status made = file_system.make_directories(options.root);
    if (!made) return fail(not_writable(options.root, made.error()));
    // The lock comes first: whoever does not hold it must not even look into the catalog.
    Result<std::unique_ptr<FileLock>> lock = file_system.lock(lock_path(options.root));
    if (!lock) return fail(not_writable(options.root, lock.error()));
    KVASIR_TRY(probe_writable(file_system, options.root));
    KVASIR_TRY_ASSIGN(std::unique_ptr<SqliteCatalog> catalog,
                      SqliteCatalog::open_file(catalog_path(options.root), options.sqlite_vfs));
    KVASIR_TRY_ASSIGN(DiskBudget budget, open_budget(options, file_system, *catalog));
    auto store = std::make_unique<DirectoryStore>(StoreParts{
        options.root, file_system, clock, std::move(*lock), std::move(catalog), std::move(budget)});
    KVASIR_TRY(store->prepare());
    return std::unique_ptr<Store>(std::move(store));
}

}  // namespace kvasir

// `kvasir pull`: a model file into the models folder. It takes its place when it is whole, has the checksum
// that it should have, and is a model; until then it is a part, and the same command goes on with it.
#include <algorithm>
#include <chrono>
#include <thread>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/commands.h"
#include "app/interrupt.h"
#include "app/print_json.h"
#include "app/pull_source.h"
#include "app/session.h"
#include "app/terminal.h"
#include "base/available_memory.h"
#include "base/file_system.h"
#include "base/foreign_file.h"
#include "base/hash.h"
#include "base/names.h"

namespace kvasir {

namespace {

constexpr std::uint64_t kBytesMax = 4'000'000'000'000;
constexpr std::uint64_t kDiskLeftBytes = 256'000'000;  // beside the file
constexpr std::size_t kReadBytes = std::size_t{4} * 1024 * 1024;
constexpr std::size_t kNotesBytesMax = 64 * 1024;
constexpr std::int64_t kPauseMsMax = 30'000;

// Beside the part: one line for each note.
std::string text_of(const FileNotes& notes) {
    return fmt::format("{}\n{}\n{}\n{}\n", notes.url, notes.validator, notes.sha256, notes.total_bytes);
}

FileNotes notes_of(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        lines.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    FileNotes notes;
    if (lines.size() < 3) return notes;
    notes.url = lines[0];
    notes.validator = lines[1];
    notes.sha256 = lines[2];
    return notes;
}

Status write_notes(FileSystem& files, const std::string& path, const FileNotes& notes) {
    const std::string text = text_of(notes);
    const std::span<const std::byte> bytes = std::as_bytes(std::span(text));
    static_cast<void>(files.remove(path));
    return files.write_new_synced(path, std::span(&bytes, 1));
}

FileNotes read_notes(const std::string& path) {
    std::string text;
    const Status read = read_foreign_file(path, kNotesBytesMax, [&](std::span<const std::byte> part) {
        text.assign(reinterpret_cast<const char*>(part.data()), part.size());
        return ReadOn::kNo;
    });
    return read ? notes_of(text) : FileNotes();
}

class Pull {
  public:
    Pull(const Config& config, const PullArguments& arguments, PullSource source, FetchOptions options)
        : config_(config),
          arguments_(arguments),
          source_(std::move(source)),
          options_(std::move(options)),
          target_(models_folder(config) + "/" + source_.name + ".gguf"),
          progress_(config.quiet || config.json) {
        options_.url = source_.url;
        options_.cancelled = &InterruptGuard::flag();
    }

    Result<ExitCode> run();

  private:
    Status fetch();
    Status may_come(const FileNotes& notes, std::uint64_t bytes_there);
    Status pause(std::uint32_t attempt) const;
    Status find_checksum();
    Status check();
    Result<std::string> checksum_of(const std::string& path);
    Result<ExitCode> found_there();
    ExitCode tell(std::string_view what);
    std::string part() const { return target_ + ".part"; }
    std::string notes_path() const { return target_ + ".part.notes"; }

    const Config& config_;
    const PullArguments& arguments_;
    PullSource source_;
    FetchOptions options_;
    std::string target_;
    ProgressLine progress_;
    std::unique_ptr<FileSystem> files_ = make_posix_file_system();
    std::unique_ptr<PartFile> file_;
    FileNotes notes_;
    std::string sha256_;  // that the file has
    std::uint64_t bytes_ = 0;
    std::uint64_t bytes_before_ = 0;  // of a part that was there
};

// Asked before a byte comes, so that nobody waits an hour to be told.
Status Pull::may_come(const FileNotes& notes, std::uint64_t bytes_there) {
    bytes_before_ = std::min(bytes_before_, bytes_there);
    if (notes.total_bytes > kBytesMax)
        return fail(ErrorCode::kInvalidArgument, "the file is larger than any model that could be used");
    const std::uint64_t memory = available_memory_bytes();
    if (memory > 0 && notes.total_bytes > memory && !arguments_.force)
        return fail(
            ErrorCode::kOutOfMemory,
            fmt::format("the model has {} and {} of memory are free: it could not be used here; --force "
                        "fetches it all the same",
                        human_bytes(notes.total_bytes), human_bytes(memory)));
    KVASIR_TRY_ASSIGN(const std::uint64_t free, files_->free_bytes(models_folder(config_)));
    const std::uint64_t missing = notes.total_bytes > bytes_there ? notes.total_bytes - bytes_there : 0;
    if (free < missing + kDiskLeftBytes)
        return fail(
            ErrorCode::kNoSpace,
            fmt::format("{} are to come and {} of disk are free: free some, then it goes on where it was",
                        human_bytes(missing), human_bytes(free)));
    return write_notes(*files_, notes_path(), notes);
}

Status Pull::pause(std::uint32_t attempt) const {
    const std::int64_t ms = std::min<std::int64_t>(kPauseMsMax, std::int64_t{500} << std::min(attempt, 10U));
    for (std::int64_t waited = 0; waited < ms; waited += 50) {
        if (options_.cancelled->load())
            return fail(ErrorCode::kCancelled,
                        "cancelled; what came is kept, the same command goes on with it");
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return {};
}

Status Pull::fetch() {
    notes_ = read_notes(notes_path());
    // An end is only put to a beginning that is known to be of the same file.
    const bool known = notes_.url == source_.url && (!notes_.validator.empty() || !source_.sha256.empty());
    if (!known && file_->size() > 0) KVASIR_TRY(file_->start_over());
    if (!known) notes_ = {};
    notes_.url = source_.url;
    bytes_before_ = file_->size();
    FetchSinks sinks;
    sinks.on_size = [this](const FileNotes& notes, std::uint64_t there) { return may_come(notes, there); };
    sinks.on_progress = [this](std::uint64_t bytes, std::uint64_t total) {
        if (total > 0)
            progress_.show(fmt::format("{} of {}", human_bytes(bytes), human_bytes(total)),
                           static_cast<double>(bytes) / static_cast<double>(total));
    };
    std::uint64_t furthest = file_->size();
    for (std::uint32_t attempt = 0;; ++attempt) {
        KVASIR_TRY_ASSIGN(const Fetched fetched, fetch_file(options_, *file_, notes_, sinks));
        if (fetched.end == FetchEnd::kWhole) return {};
        if (file_->size() > furthest) attempt = 0;  // it gets on
        furthest = std::max(furthest, file_->size());
        if (attempt >= arguments_.retries)
            return fail(ErrorCode::kUnavailable,
                        fmt::format("{}: {}; {} came and are kept, the same command goes on with them",
                                    source_.url, fetched.why, human_bytes(file_->size())));
        progress_.clear();
        if (!config_.quiet)
            fmt::print(stderr, "kvasir: {}, going on at {}\n", for_terminal(fetched.why),
                       human_bytes(file_->size()));
        // Without a mark of this very file the rest might be another's.
        if (notes_.validator.empty() && source_.sha256.empty() && notes_.sha256.empty())
            KVASIR_TRY(file_->start_over());
        KVASIR_TRY(pause(attempt));
    }
}

// Given, told by the server with the file, or beside the file.
Status Pull::find_checksum() {
    if (source_.sha256.empty()) source_.sha256 = notes_.sha256;
    if (!source_.sha256.empty()) return {};
    FetchOptions beside = options_;
    beside.url = source_.url.substr(0, source_.url.find_first_of("?#")) + ".sha256";
    const auto text = fetch_text(beside);
    if (text) {
        const std::string first = text->substr(0, text->find_first_of(" \t\r\n"));
        if (const auto digest = Digest256::from_hex(first)) source_.sha256 = digest->hex();
    }
    if (source_.sha256.empty() && !config_.quiet)
        fmt::print(stderr, "kvasir: nobody tells the file's checksum (--sha256): it is not compared\n");
    return {};
}

Result<std::string> Pull::checksum_of(const std::string& path) {
    Sha256 hash("");
    std::uint64_t done = 0;
    const Status read = read_foreign_file(path, kReadBytes, [&](std::span<const std::byte> bytes) {
        hash.raw(bytes);
        done += bytes.size();
        if (bytes_ > 0) progress_.show("checking", static_cast<double>(done) / static_cast<double>(bytes_));
        return ReadOn::kYes;
    });
    progress_.clear();
    KVASIR_TRY(read);
    return hash.finish().hex();
}

Status Pull::check() {
    bytes_ = file_->size();
    KVASIR_TRY_ASSIGN(sha256_, checksum_of(part()));
    Status checked;
    if (!source_.sha256.empty() && sha256_ != source_.sha256) {
        checked =
            fail(ErrorCode::kDamaged, fmt::format("what came has the checksum {} and not {}: it was removed. "
                                                  "Try again",
                                                  sha256_, source_.sha256));
    } else {
        LlamaOptions model = llama_options(config_);
        model.model_path = part();
        checked = check_llama_engine(model);
        // Whether it fits beside what runs now is not the question.
        if (!checked && checked.error().code == ErrorCode::kOutOfMemory) checked = {};
    }
    if (checked) return {};
    static_cast<void>(file_->remove());
    static_cast<void>(files_->remove(notes_path()));
    return checked;
}

ExitCode Pull::tell(std::string_view what) {
    if (config_.json)
        print_json({{"name", source_.name},
                    {"path", target_},
                    {"bytes", bytes_},
                    {"bytes_before", bytes_before_},
                    {"sha256", sha256_},
                    {"compared", !source_.sha256.empty()}});
    else
        fmt::print("{} {}: {}, {}\n  kvasir serve --model {}\n", source_.name, what, human_bytes(bytes_),
                   target_, source_.name);
    return ExitCode::kOk;
}

Result<ExitCode> Pull::found_there() {
    KVASIR_TRY_ASSIGN(sha256_, checksum_of(target_));
    if (sha256_ == source_.sha256) return tell("is there already");
    return fail(ErrorCode::kConflict,
                fmt::format("{} exists{}: give another --name, or remove it first", target_,
                            source_.sha256.empty() ? "" : " and has another checksum"));
}

Result<ExitCode> Pull::run() {
    KVASIR_TRY(files_->make_directories(models_folder(config_)));
    KVASIR_TRY_ASSIGN(const auto lock, files_->lock(target_ + ".lock"));
    if (const auto size = files_->file_size(target_)) {
        bytes_ = *size;
        return found_there();
    }
    KVASIR_TRY_ASSIGN(file_, PartFile::open(part()));
    KVASIR_TRY(fetch());
    progress_.clear();
    KVASIR_TRY(find_checksum());
    KVASIR_TRY(check());
    KVASIR_TRY(file_->put_in_place(target_));
    static_cast<void>(files_->remove(notes_path()));
    static_cast<void>(files_->remove(target_ + ".lock"));
    return tell("is there");
}

}  // namespace

Result<ExitCode> run_pull(const Config& config, const PullArguments& arguments) {
    const InterruptGuard guard;
    FetchOptions options;
    options.ca_file = arguments.ca_file;
    options.stall_timeout_s = arguments.stall_timeout_s;
    options.cancelled = &InterruptGuard::flag();
    KVASIR_TRY_ASSIGN(PullSource source, find_pull_source(arguments, options));
    return Pull(config, arguments, std::move(source), options).run();
}

}  // namespace kvasir

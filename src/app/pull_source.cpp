#include "app/pull_source.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <vector>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/config.h"
#include "base/hash.h"
#include "base/names.h"

namespace kvasir {

namespace {

namespace json = boost::json;

constexpr std::string_view kEnding = ".gguf";
constexpr std::size_t kFilesListedMax = 20;

bool is_plain(const std::string& text) {
    return !text.empty() && text.front() != '.' && std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
    });
}

bool contains_ignoring_case(const std::string& text, const std::string& part) {
    const auto same = [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); };
    return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end();
}

// What stands behind the last slash, without the ending.
std::string name_of_url(const std::string& url) {
    std::string path = url.substr(0, url.find_first_of("?#"));
    path = path.substr(path.rfind('/') + 1);
    if (path.ends_with(kEnding)) path.resize(path.size() - kEnding.size());
    return path;
}

struct HubFile {
    std::string repository;  // OWNER/NAME
    std::string wanted;      // a file, a part of its name, or ""
};

std::optional<HubFile> hub_file(const std::string& source) {
    const std::size_t colon = source.find(':');
    const std::string repository = source.substr(0, colon);
    const std::size_t slash = repository.find('/');
    if (slash == std::string::npos) return std::nullopt;
    if (!is_plain(repository.substr(0, slash)) || !is_plain(repository.substr(slash + 1)))
        return std::nullopt;
    return HubFile{repository, colon == std::string::npos ? "" : source.substr(colon + 1)};
}

Result<std::vector<std::string>> files_of(const std::string& repository, FetchOptions options,
                                          const std::string& hub) {
    options.url = fmt::format("{}/api/models/{}", hub, repository);
    KVASIR_TRY_ASSIGN(const std::string text, fetch_text(options));
    boost::system::error_code error;
    const json::value told = json::parse(text, error);
    const json::value* const siblings = error ? nullptr : told.find_pointer("/siblings", error);
    if (siblings == nullptr || !siblings->is_array())
        return fail(ErrorCode::kUnavailable, fmt::format("{} does not tell what is in it", options.url));
    std::vector<std::string> files;
    for (const json::value& sibling : siblings->get_array()) {
        const json::value* const name =
            sibling.is_object() ? sibling.get_object().if_contains("rfilename") : nullptr;
        if (name == nullptr || !name->is_string()) continue;
        const std::string file(name->get_string());
        if (file.ends_with(kEnding) && is_plain(file)) files.push_back(file);
    }
    return files;
}

Result<std::string> choose_file(const HubFile& asked, const std::vector<std::string>& files) {
    std::vector<std::string> fitting;
    for (const std::string& file : files) {
        if (file == asked.wanted) return file;
        if (contains_ignoring_case(file, asked.wanted)) fitting.push_back(file);
    }
    if (fitting.size() == 1) return fitting.front();
    std::string list;
    const std::vector<std::string>& told = fitting.empty() ? files : fitting;
    for (std::size_t i = 0; i < std::min(told.size(), kFilesListedMax); ++i)
        list += (list.empty() ? "" : ", ") + printable(told[i]);
    if (files.empty())
        return fail(ErrorCode::kNotFound, fmt::format("{} has no GGUF file", asked.repository));
    return fail(ErrorCode::kNotFound,
                fmt::format("{} of {} is meant by '{}': name one, {}:FILE, of {}",
                            fitting.empty() ? "no file" : "more than one file", asked.repository,
                            printable(asked.wanted), asked.repository, list));
}

Status check(const PullSource& source) {
    if (name_of_url(source.url).find("-of-0") != std::string::npos)
        return fail(
            ErrorCode::kInvalidArgument,
            "models in several files are not pulled: fetch all parts by hand and give the first one's path");
    if (!is_model_name(source.name))
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format("'{}' cannot be a model's name: give another with --name", printable(source.name)));
    if (!source.sha256.empty() && !Digest256::from_hex(source.sha256))
        return fail(ErrorCode::kInvalidArgument, "--sha256 takes 64 hexadecimal digits");
    return {};
}

}  // namespace

Result<PullSource> find_pull_source(const PullArguments& arguments, FetchOptions options) {
    PullSource source;
    source.sha256 = arguments.sha256;
    std::transform(source.sha256.begin(), source.sha256.end(), source.sha256.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    if (arguments.source.find("://") != std::string::npos) {
        KVASIR_TRY(check_fetch_url(arguments.source));
        source.url = arguments.source;
    } else {
        const auto asked = hub_file(arguments.source);
        if (!asked)
            return fail(ErrorCode::kInvalidArgument,
                        fmt::format("'{}' is neither an https URL nor OWNER/NAME of a hub",
                                    printable(arguments.source)));
        KVASIR_TRY(check_fetch_url(arguments.hub));
        KVASIR_TRY_ASSIGN(const auto files, files_of(asked->repository, options, arguments.hub));
        KVASIR_TRY_ASSIGN(const std::string file, choose_file(*asked, files));
        source.url = fmt::format("{}/{}/resolve/main/{}", arguments.hub, asked->repository, file);
    }
    source.name = arguments.name.empty() ? name_of_url(source.url) : arguments.name;
    KVASIR_TRY(check(source));
    return source;
}

}  // namespace kvasir
